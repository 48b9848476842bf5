// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"slices"

	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
	"golang.org/x/term"
)

// runSpeaker speaks where a run is not as plain as its command.
type runSpeaker struct {
	*app
	order  start.Order
	ro, rw []string // the folders of --ro and --rw
	draft  []string // and of --draft
	as     string   // how its drafts are called
	hide   []string // what is hidden in those that the agent does not write itself

	showSecrets bool // its drafts hide nothing else
}

// Reached says why a share is read-only in this run.
func (r *runSpeaker) Reached(m config.Mount, at share.OtherPlace) {
	fmt.Fprintf(r.err, "au: warning: share %q is read-only in this run: %s\n", m.Source, provision.ReachedAt(at))
	r.hint(provision.Inert(at))
}

// GitElsewhere says that git will not work where the run starts, and what to do.
func (r *runSpeaker) GitElsewhere(git start.GitElsewhere) { hintAtGit(r.app, r.order.Agent, git) }

// NotOnPath says why a folder of the config is not on the PATH of this run.
func (r *runSpeaker) NotOnPath(folder string, why error) {
	fmt.Fprintf(r.err, "au: warning: %s is left out of the PATH of this run: %v\n", show(folder), why)
}

// Once adds the folders of --ro, --rw and --draft.
func (r *runSpeaker) Once(all []config.Mount, p csrc.Policy) (with []config.Mount, asked []string, err error) {
	for _, once := range []struct {
		folders []string
		as      config.Mount
	}{
		{r.ro, config.Mount{ReadOnly: true, Hide: r.hide}}, {r.rw, config.Mount{}},
		{r.draft, config.Mount{ReadOnly: true, Draft: true, Hide: r.hide, ShowSecrets: r.showSecrets}},
	} {
		for _, folder := range once.folders {
			var in string
			if all, in, err = r.shareOnce(folder, once.as, all, p); err != nil {
				return nil, nil, refusal(err)
			}
			asked = append(asked, in)
		}
	}
	return all, asked, nil
}

// shareOnce adds the folder of --ro, --rw or --draft to the shares of a run; one that the agent sees already is kept, or shown with
// the other access. in is the source of the share that shows the folder.
func (r *runSpeaker) shareOnce(folder string, want config.Mount, all []config.Mount, p csrc.Policy) (with []config.Mount, in string, err error) {
	if want.Source, err = resolveSource(folder, r.order.Follow); err != nil {
		return nil, "", err
	}
	facts, err := r.shareFacts(want.Source, r.order.Human, p, r.order.Known)
	if err != nil {
		return nil, "", err
	}
	if want.Target, err = provision.ShareTarget(want.Source, "", facts); err != nil {
		return nil, "", err
	}
	if entry := r.order.Known.Agent(p.Name); r.order.NoShares && entry != nil {
		if m, ok := start.NarrowedBy(want, entry.Mounts); ok {
			return nil, "", fmt.Errorf("share %q: the agent has less of it by %s, which the config shares: want it without --no-shares", folder, m.Source)
		}
	}
	var others []config.Mount
	itself := slices.ContainsFunc(all, func(m config.Mount) bool { return m.Source == want.Source })
	for _, m := range all {
		_, part := share.Within(m.Source, want.Source)
		if m.Source == want.Source && want.ReadOnly { // what the config hides stays hidden
			want.Hide, want.ShowSecrets = slices.Concat(m.Hide, want.Hide), m.Draft && m.ShowSecrets || want.ShowSecrets
		}
		switch {
		case part && m.Source != want.Source && m.Draft && want.Draft && !itself && len(want.Hide) > 0:
			return nil, "", fmt.Errorf("share %q: it is a part of %s, which is a draft already: want --hide for that", folder, m.Source)
		case part && (m.Source == want.Source || !itself) && m.ReadOnly == want.ReadOnly && m.Draft == want.Draft && (m.HidesAs(want) || m.Source != want.Source && len(want.Hide) == 0):
			return all, m.Source, nil // seen already, all of it
		case m.Source == want.Source && want.ReadOnly && (want.Draft || !m.ACL):
			want.Target, want.TargetOnly = m.Target, m.TargetOnly
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
	if !want.ReadOnly {
		if err := r.host.ForRun().RememberOnce(r.order.Config, r.order.Human, share.Writable{Source: want.Source, Agent: p.Name}); err != nil {
			return nil, "", err
		}
	}
	return append(others, want), want.Source, nil
}

// Elsewhere asks whether the agent's home will do where the agent does not see the current folder.
func (r *runSpeaker) Elsewhere(elsewhere *start.Elsewhere, p csrc.Policy) (string, error) {
	if r.order.Dir == "" && term.IsTerminal(0) && term.IsTerminal(2) {
		fmt.Fprintf(r.err, "au: %v\n", elsewhere)
		if r.ask(r.err, "Start in "+p.Home+" instead?") {
			return p.Home, nil
		}
	}
	refused := fmt.Errorf("%w; nothing was started (-d ~%s starts in the agent's home)", elsewhere, p.Name)
	switch {
	case r.order.NoShares: // to share it would not help
	case elsewhere.InHome:
		return "", hintError{refused, mountLine("add", p.Name, "--rw", elsewhere.Folder)}
	case elsewhere.Folder != "":
		return "", hintError{refused, pasted("run", "--agent", p.Name, "-d", elsewhere.Folder) + " …"}
	}
	return "", refused
}
