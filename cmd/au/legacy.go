// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
	"github.com/a4u2/au/provision/step"
)

// takeover is an original's agent that `au new` makes anew; nil: there is none.
type takeover struct {
	entry config.Agent
	facts provision.Facts // with it
}

func (a *app) takeover(human provision.User, name string) (*takeover, error) {
	entry, err := a.legacyEntry(human, name)
	if err != nil || entry == nil {
		return nil, err
	}
	return &takeover{entry: *entry}, nil
}

// check returns the facts as they are once the original's agent has been taken apart; want gets its uid, to whom the files in its
// home belong.
func (t *takeover) check(want *provision.Want, f provision.Facts) (provision.Facts, error) {
	if t == nil {
		return f, nil
	}
	t.facts = f
	if err := provision.CheckDeleteLegacy(t.entry, f); err != nil {
		return f, err
	}
	if uid := provision.LegacyUID(t.entry, f); uid != 0 {
		want.UID = uid
	}
	return provision.AfterLegacy(t.entry, f), nil
}

// due reports whether anything has to be taken apart: not after an `au new` that got no further than that.
func (t *takeover) due() bool { return t != nil && provision.LegacyRemains(t.entry, t.facts) }

func (t *takeover) announce(a *app) {
	if t.due() {
		fmt.Fprintf(a.err, "au: agent %s was made by agent-as-unix-user 2.x. It is taken apart first, and its processes end; the new agent keeps its home and its shares (%d).\n",
			t.entry.UserName, len(t.entry.Mounts))
	}
}

// takeApart does what is due, and returns the facts from which the new agent is made.
func (t *takeover) takeApart(a *app, r *step.Runner, f provision.Facts) (provision.Facts, error) {
	if !t.due() {
		return f, nil
	}
	if err := a.takeApart(r, t.facts, t.entry, false); err != nil || r.DryRun {
		return f, err
	}
	next, err := a.host.Observe(f.Name, f.Human)
	next.Source = f.Source
	return next, err
}

// carryOver looks at the shares that the new agent has from the old one.
func (t *takeover) carryOver(a *app) error {
	if t == nil {
		return nil
	}
	return a.carryOver(t.entry.UserName, t.entry.Mounts)
}

// takeApart takes apart what the original made of an agent; what is in the config stays.
func (a *app) takeApart(r *step.Runner, f provision.Facts, entry config.Agent, deleteHome bool) error {
	if provision.LegacyStranger(entry, f) {
		f.Agent = nil
	} else if f.Agent != nil {
		var err error
		if f, err = stopAll(a.host, r, f, nil, provision.PlanStopLegacy, "au delete --agent "+f.Name); err != nil {
			return err
		}
	}
	files, err := a.legacyFiles(f.Human, entry)
	if err == nil {
		err = r.Apply(context.Background(), provision.PlanDeleteLegacy(f, files, deleteHome))
	}
	if err != nil {
		err = hintError{fmt.Errorf("take agent %q apart: %w", f.Name, err), "au delete --agent " + f.Name}
	}
	return err
}

// legacyFiles finds out where an original's agent may have left something.
func (a *app) legacyFiles(human provision.User, entry config.Agent) (provision.LegacyFiles, error) {
	home := csrc.HomePath(entry.UserName)
	l := provision.LegacyFiles{Arms: []string{"/tmp", "/var/tmp"}}
	var err error
	if l.Self, err = a.host.OwnPath(); err != nil {
		return l, err
	}
	mounts, err := a.host.Mounts()
	if err != nil {
		return l, err
	}
	// A rename, which keeps the set-uid bit, does not leave the mount.
	l.Arms = append([]string{homeMount(home, mounts)}, l.Arms...)
	known, err := a.load(human)
	if err != nil {
		return l, err
	}
	for _, m := range entry.Mounts {
		if !m.ReadOnly && filepath.IsAbs(m.Source) && a.host.Exists(m.Source) && !sharedByAnother(known, entry.UserName, m.Source) {
			l.Shares = append(l.Shares, m.Source)
		}
	}
	l.Born = a.host.Born(home)
	return l, nil
}

// homeMount returns where the file system is mounted that holds the home.
func homeMount(home string, mounts []share.MountPoint) string {
	if on := share.MountsOf(home, mounts); len(on) > 0 {
		if _, ok := share.Within(on[0].Point, home); ok {
			return on[0].Point
		}
	}
	return filepath.Dir(home)
}

// sharedByAnother reports whether another agent of the original can write in the folder, too: then its set-gid bit is still wanted.
func sharedByAnother(known *config.Config, agent, source string) bool {
	return slices.ContainsFunc(known.Agents, func(g config.Agent) bool {
		return g.UserName != agent && g.Entrypoint != csrc.EntrypointPath(g.UserName) &&
			slices.ContainsFunc(g.Mounts, func(m config.Mount) bool { return m.Source == source && !m.ReadOnly })
	})
}

// sayShares prints the commands that share the same folders with the next agent of that name.
func (a *app) sayShares(entry config.Agent) {
	if len(entry.Mounts) == 0 {
		return
	}
	next, again := "The next agent of that name", provision.CheckName(entry.UserName) == nil
	if !again {
		next = "An agent of another name (NAME)"
	}
	fmt.Fprintf(a.out, "Its shares have ended. %s sees the same folders after:\n", next)
	for _, m := range entry.Mounts {
		if again {
			fmt.Fprintln(a.out, shareLine(entry.UserName, m))
		} else { // the old place may be in a home that is gone
			fmt.Fprintln(a.out, shareLine("NAME", config.Mount{Source: m.Source, ReadOnly: m.ReadOnly}))
		}
	}
}

// shareLine is the command that makes a share.
func shareLine(agent string, m config.Mount) string {
	words := []string{m.Source}
	if m.Target != "" {
		words = append(words, m.Target)
	}
	if !m.ReadOnly {
		words = append([]string{"--rw"}, words...)
	}
	return mountLine("add", agent, words...)
}

// carryOver looks at the shares that an agent of ours has from the original. Of one that cannot be, it says why, and takes it out
// of the config.
func (a *app) carryOver(agent string, shares []config.Mount) error {
	if len(shares) == 0 {
		return nil
	}
	s, err := a.sharing(agent)
	if err != nil {
		return err
	}
	var carried []config.Mount
	for _, m := range shares {
		err := a.checkCarried(s, m, carried)
		if err == nil {
			fmt.Fprintf(a.out, "Shared: agent %s sees %s %s at %s\n", agent, show(m.Source), access(m), places(m, s.policy))
			carried = append(carried, m)
			continue
		}
		a.say(fmt.Errorf("not shared any more: %w", err))
		a.hint(mended(err, shareLine(agent, m)))
		if err := a.save(s.human, a.out, s.change(a.host, &m, nil)); err != nil {
			return err
		}
	}
	return nil
}

// mended returns the line that does what was refused, behind the one that removes the reason.
func mended(err error, line string) string {
	var r *provision.Refusal
	switch {
	case !errors.As(err, &r) || r.Hint == "":
		return line
	case strings.HasPrefix(r.Hint, "au "):
		return r.Hint
	}
	return r.Hint + " && " + line
}

// checkCarried refuses what `au mount add` would refuse.
func (a *app) checkCarried(s sharing, m config.Mount, others []config.Mount) error {
	source, err := resolveSource(m.Source, a.follower(s.human, s.known, s.policy.Name))
	if err != nil {
		return err
	}
	if source != m.Source {
		return fmt.Errorf("share %q: it now leads to %q", m.Source, source)
	}
	facts, err := a.shareFacts(source, s.human, s.policy, s.known)
	if err != nil {
		return err
	}
	target, err := provision.ShareTarget(source, m.Target, facts)
	if err == nil && target != m.Target {
		err = fmt.Errorf("share %q: its target %q is not written as it is meant", m.Source, m.Target)
	}
	if err != nil {
		return err
	}
	return provision.CheckShare(m, others, facts)
}
