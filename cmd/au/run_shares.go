// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
)

// shares returns the folders that the config and the options hand over, in the order in which they can be mounted. One that vanished is named and left out.
func (c *runCmd) shares(a *app, me provision.User, p csrc.Policy, known *config.Config) ([]config.Mount, error) {
	var all []config.Mount
	if entry := known.Agent(p.Name); entry != nil {
		for _, m := range entry.Mounts {
			if vanished(m.Source) {
				fmt.Fprintf(a.err, "au: share %s is not there any more, so this run goes without it\nau: hint: %s\n", show(m.Source), mountLine("remove", p.Name, m.Source))
				continue
			}
			all = append(all, m)
		}
	}
	if err := c.checkHome(me, all, known); err != nil {
		return nil, err
	}
	for _, once := range []struct {
		folders  []string
		readOnly bool
	}{{c.RO, true}, {c.RW, false}} {
		for _, folder := range once.folders {
			var err error
			if all, err = a.shareOnce(folder, once.readOnly, all, p, known); err != nil {
				return nil, err
			}
		}
	}
	provision.SortShares(all, func(m config.Mount) string { return m.Target })
	return all, nil
}

// checkHome refuses a run with a writable share once the human's home has been opened to everybody; `au mount add` has looked closer.
func (c *runCmd) checkHome(me provision.User, all []config.Mount, known *config.Config) error {
	writable := func(m config.Mount) bool { return !m.ReadOnly && !m.ACL }
	if known.DisableHomeAccessCheck || !slices.ContainsFunc(all, writable) {
		return nil
	}
	info, err := os.Stat(me.Home)
	if err != nil {
		return fmt.Errorf("your home: %w", err)
	}
	if openings := provision.HomeOpenings(me.Home, provision.Path{Mode: info.Mode()}, true); len(openings) > 0 {
		return &provision.Refusal{
			Why: fmt.Sprintf("others can enter your home %s (%s) by now, and could run there what the agent leaves as yours; writable shares want it closed",
				me.Home, openings[0].Who),
			Hint: openings[0].Shut,
		}
	}
	return nil
}

// shareOnce adds the folder of --ro or --rw to the shares of a run; one that the agent sees already is kept, or shown with the other access.
func (a *app) shareOnce(folder string, readOnly bool, all []config.Mount, p csrc.Policy, known *config.Config) ([]config.Mount, error) {
	want := config.Mount{ReadOnly: readOnly}
	var err error
	if want.Source, err = resolveSource(folder); err != nil {
		return nil, err
	}
	human, err := a.human()
	if err != nil {
		return nil, err
	}
	facts, err := a.shareFacts(want.Source, human, p, known)
	if err != nil {
		return nil, err
	}
	if want.Target, err = provision.ShareTarget(want.Source, "", facts); err != nil {
		return nil, err
	}
	var others []config.Mount
	for _, m := range all {
		_, part := provision.Within(m.Source, want.Source)
		switch {
		case part && m.ReadOnly == readOnly:
			return all, nil // seen already, all of it
		case m.Source == want.Source && m.ACL && m.ReadOnly:
			return nil, fmt.Errorf("share %q: its ACLs let the agent read it, not write it; remove the share first", folder)
		case m.Source == want.Source:
			want.Target, want.ACL = m.Target, m.ACL
		case !provision.PartOf(m, want):
			others = append(others, m)
		}
	}
	if err := provision.CheckShare(want, others, facts); err != nil {
		return nil, err
	}
	return append(others, want), nil
}

// mounted returns shares as the entrypoint takes them.
func mounted(shares []config.Mount, home string) ([]csrc.Share, error) {
	var all []csrc.Share
	for _, m := range shares {
		target, ok := provision.Within(home, m.Target)
		if !ok || target == "." {
			return nil, fmt.Errorf("share %s: target %s is not inside %s", m.Source, m.Target, home)
		}
		all = append(all, csrc.Share{Source: m.Source, Target: target, ReadOnly: m.ReadOnly, ACL: m.ACL})
	}
	return all, nil
}

// directory returns where the run starts: -d, the counterpart of the current folder, or the agent's home.
func (c *runCmd) directory(a *app, me provision.User, p csrc.Policy, shares []config.Mount) string {
	where, err := os.Getwd()
	if c.Directory != "" {
		where, err = filepath.Abs(c.Directory)
	}
	if err != nil {
		return p.Home
	}
	if _, ok := provision.Within(p.Home, where); ok {
		return where
	}
	// $PWD, which Getwd believes, may lead through a link to what a share holds.
	if real, err := filepath.EvalSymlinks(where); err == nil {
		where = real
	}
	if there, ok := provision.Counterpart(where, shares); ok {
		return there
	}
	if c.Directory != "" {
		return where
	}
	home := me.Home
	if real, err := filepath.EvalSymlinks(home); err == nil {
		home = real
	}
	if rel, ok := provision.Within(home, where); ok && rel != "." {
		fmt.Fprintf(a.err, "au: %s is not shared with agent %q, so the command starts in %s\nau: hint: %s\n", show(where), p.Name, p.Home, mountLine("add", p.Name, "--rw", where))
	}
	return p.Home
}
