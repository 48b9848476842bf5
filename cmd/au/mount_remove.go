// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
)

type mountRemoveCmd struct {
	agentFlag
	Yes bool `short:"y" help:"Do not ask: drafts of the folder are left."`
	planFlags
	Share string `arg:"" name:"source|target" help:"Your folder, or where the agent sees it."`
}

func (c *mountRemoveCmd) Run(a *app) error {
	s, err := a.sharing(c.Agent)
	if err != nil {
		return err
	}
	m, found, err := c.find(a, s)
	if err != nil {
		return err
	}
	if !found {
		if err := c.refuseDeclared(a, s); err != nil {
			return err
		}
		fmt.Fprintf(a.out, "No share of agent %s has the source or target %s; nothing to do\n", c.Agent, show(c.Share))
		return nil
	}
	drafts, err := a.draftsLeft(s.human, c.Agent, m.Source, c.Yes, c.DryRun)
	if err != nil {
		return err
	}
	runner, _ := a.runner(a.out, c.DryRun) // without sudo there is still all that needs none
	if m.ACL {
		if err := a.revokeACL(context.Background(), runner, s.human, s.policy, m); err != nil {
			return err
		}
	}
	_, err = a.finish(&change{
		dryRun: c.DryRun, record: func() (bool, error) { return true, c.record(a, s, m) },
		done: func() {
			fmt.Fprintf(a.out, "Not shared any more: %s\n", show(m.Source))
			if len(a.host.Processes(s.policy.UID)) > 0 {
				fmt.Fprintln(a.out, "Processes that agent "+c.Agent+" runs now keep it until they end.")
			}
		},
	})
	if err != nil {
		return err
	}
	return drafts()
}

// record takes the share out of the config.
func (c *mountRemoveCmd) record(a *app, s sharing, m config.Mount) error {
	if c.DryRun {
		fmt.Fprintf(a.out, "# and %s loses the share %s\n", a.configPath(s.human), show(m.Source))
		return nil
	}
	return a.save(s.human, a.out, s.change(a.host, &m, nil))
}

// refuseDeclared refuses to take back what the NixOS configuration shares.
func (c *mountRemoveCmd) refuseDeclared(a *app, s sharing) error {
	mounts, err := a.host.DeclaredMounts(c.Agent, s.human)
	if err != nil {
		return err
	}
	s.entry = &config.Agent{Mounts: mounts}
	if _, found, err := c.find(a, s); err != nil || !found {
		return err
	}
	return fmt.Errorf("share %q is declared in the NixOS configuration of this machine: change security.au.agents.%s.shares there", c.Share, c.Agent)
}

// find returns the one share that the word means, also when its folder is gone.
func (c *mountRemoveCmd) find(a *app, s sharing) (m config.Mount, ok bool, err error) {
	if c.Share == "" {
		return m, false, fmt.Errorf("share %q: %w", c.Share, start.ErrNoPath)
	}
	folder := a.host.Folder()
	found := provision.FindShares(c.Share, folder, s.policy.Home, s.mounts())
	if len(found) == 0 {
		real, err := resolveSource(c.Share, a.follower(s.human, s.known, c.Agent))
		var planted *start.Planted
		switch {
		case errors.As(err, &planted):
			return m, false, err
		case err == nil:
			found = provision.FindShares(real, folder, s.policy.Home, s.mounts())
		}
	}
	switch len(found) {
	case 1:
		return found[0], true, nil
	case 0:
		return m, false, nil
	}
	var sources []string
	for _, m := range found {
		sources = append(sources, show(m.Source)+" -> "+show(m.Target))
	}
	return m, false, fmt.Errorf("share %q: it could be any of %s: want the whole path", c.Share, strings.Join(sources, ", "))
}
