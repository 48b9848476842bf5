// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"

	"github.com/a4u2/au/internal/gitdir"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
	"golang.org/x/term"
)

// offerGit offers to share the git directory of a folder that keeps it elsewhere, without which git does not work there. It asks for another folder than the
// command names, so that -y is no answer.
func (c *mountAddCmd) offerGit(a *app, s sharing, shared config.Mount) error {
	link, ok := gitdir.Of(shared.Source, s.human.UID)
	if !ok || shared.TargetOnly {
		return nil
	}
	for _, m := range s.mounts() {
		if _, within := share.Within(m.Source, link.Dir); within && !m.TargetOnly && (shared.ReadOnly || !m.ReadOnly) {
			return nil
		}
	}
	fmt.Fprintf(a.err, "au: %s is %s, and its git directory %s is not shared %s: git does not work there without it\n", show(shared.Source), link.Kind, show(link.Dir), access(shared))
	if !c.DryRun && term.IsTerminal(0) && term.IsTerminal(2) {
		if a.ask(a.err, "Share that "+access(shared)+", too?") {
			also := mountAddCmd{agentFlag: c.agentFlag, RW: c.RW, Source: link.Dir}
			return also.Run(a)
		}
		return nil
	}
	words := []string{link.Dir}
	if c.RW {
		words = []string{"--rw", link.Dir}
	}
	a.hint(mountLine("add", c.Agent, words...))
	return nil
}
