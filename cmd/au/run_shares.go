// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
	"golang.org/x/term"
)

// shares returns the folders that the config and the options hand over, in the order in which they can be mounted, and the sources of those that the options ask for.
func (c *runCmd) shares(a *app, me provision.User, p csrc.Policy, known *config.Config, follow start.Follower) (all []config.Mount, asked []string, err error) {
	if entry := known.Agent(p.Name); entry != nil {
		all = slices.Clone(entry.Mounts)
	}
	if err := c.checkHome(me, all, known); err != nil {
		return nil, nil, err
	}
	if err := a.readOnlyWhereReached(me, known, all); err != nil {
		return nil, nil, err
	}
	for _, once := range []struct {
		folders  []string
		readOnly bool
	}{{c.RO, true}, {c.RW, false}} {
		for _, folder := range once.folders {
			var in string
			if all, in, err = a.shareOnce(folder, once.readOnly, all, p, known, follow); err != nil {
				return nil, nil, err
			}
			asked = append(asked, in)
		}
	}
	share.Sort(all, func(m config.Mount) string { return m.Target })
	return all, asked, nil
}

// checkHome refuses a run with a writable share once the human's home has been opened to everybody; `au mount add` has looked closer.
func (c *runCmd) checkHome(me provision.User, all []config.Mount, known *config.Config) error {
	open, err := start.HomeOpen(me.Home, known, all)
	if err != nil {
		return err
	}
	if openings := provision.HomeOpenings(me.Home, provision.Path{Mode: open}, true); len(openings) > 0 {
		return &provision.Refusal{
			Why: fmt.Sprintf("others can enter your home %s (%s) by now, and could run there what the agent leaves as yours; writable shares want it closed",
				me.Home, openings[0].Who),
			Hint: openings[0].Shut,
		}
	}
	return nil
}

// readOnlyWhereReached takes the right to write from the shares that others reach by a mount that has come since `au mount add` looked.
func (a *app) readOnlyWhereReached(me provision.User, known *config.Config, all []config.Mount) error {
	places, err := reached(a.host, me, known, all)
	if err != nil {
		return err
	}
	for i, m := range all {
		if place, ok := places[m.Source]; ok && start.Guarded(m) {
			all[i].ReadOnly = true
			fmt.Fprintf(a.err, "au: warning: share %q is read-only in this run: %s\n", m.Source, provision.ReachedAt(place))
			a.hint(provision.Inert(place))
		}
	}
	return nil
}

// shareOnce adds the folder of --ro or --rw to the shares of a run; one that the agent sees already is kept, or shown with the other access. in is the source
// of the share that shows the folder.
func (a *app) shareOnce(folder string, readOnly bool, all []config.Mount, p csrc.Policy, known *config.Config, follow start.Follower) (with []config.Mount, in string, err error) {
	want := config.Mount{ReadOnly: readOnly}
	if want.Source, err = resolveSource(folder, follow); err != nil {
		return nil, "", err
	}
	human, err := a.human()
	if err != nil {
		return nil, "", err
	}
	facts, err := a.shareFacts(want.Source, human, p, known)
	if err != nil {
		return nil, "", err
	}
	if want.Target, err = provision.ShareTarget(want.Source, "", facts); err != nil {
		return nil, "", err
	}
	var others []config.Mount
	for _, m := range all {
		_, part := share.Within(m.Source, want.Source)
		switch {
		case part && m.ReadOnly == readOnly:
			return all, m.Source, nil // seen already, all of it
		case m.Source == want.Source && m.ACL && m.ReadOnly:
			return nil, "", fmt.Errorf("share %q: its ACLs let the agent read it, not write it; remove the share first", folder)
		case m.Source == want.Source:
			want.Target, want.ACL = m.Target, m.ACL
		case !provision.PartOf(m, want):
			others = append(others, m)
		}
	}
	if err := provision.CheckShare(want, others, facts); err != nil {
		return nil, "", err
	}
	if !readOnly {
		if err := a.host.ForRun().RememberOnce(a.configPath(human), human, share.Writable{Source: want.Source, Agent: p.Name}); err != nil {
			return nil, "", err
		}
	}
	return append(others, want), want.Source, nil
}

// directory returns where the run starts. Where the agent does not see the current folder, it asks whether its home will do.
func (c *runCmd) directory(a *app, me provision.User, p csrc.Policy, shares []config.Mount, follow start.Follower) (string, error) {
	dir, err := start.Directory(c.Directory, me.Home, p.Home, shares, follow)
	var elsewhere *start.Elsewhere
	if !errors.As(err, &elsewhere) {
		return dir, err
	}
	if c.Directory == "" && term.IsTerminal(0) && term.IsTerminal(2) {
		fmt.Fprintf(a.err, "au: %v\n", elsewhere)
		if a.ask(a.err, "Start in "+p.Home+" instead?") {
			return p.Home, nil
		}
	}
	refused := fmt.Errorf("%w; nothing was started (-d ~%s starts in the agent's home)", elsewhere, p.Name)
	switch {
	case elsewhere.InHome:
		return "", hintError{refused, mountLine("add", p.Name, "--rw", elsewhere.Folder)}
	case elsewhere.Folder != "":
		return "", hintError{refused, pasted("run", "--agent", p.Name, "-d", elsewhere.Folder) + " …"}
	}
	return "", refused
}
