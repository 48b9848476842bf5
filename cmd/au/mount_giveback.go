// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/step"
)

// giveBackCommand is root's step that gives an agent's files in a folder to the human.
func giveBackCommand(h *host.Host, source string, from uint32, human provision.User) step.Command {
	self, err := h.OwnPath()
	if err != nil {
		self = "au"
	}
	c := step.Root(self, "files", "give-back", "--from", num(from), "--to", num(human.UID), "--group", num(human.GID), source)
	c.Note = fmt.Sprintf("much as: find %s -xdev -uid %d -exec chown -h %d:%d {} +", quote.Word(source), from, human.UID, human.GID)
	return c
}

// giveBack runs that step, where there is a way to be root.
func (a *app) giveBack(ctx context.Context, r *step.Runner, source string, from uint32, human provision.User) error {
	if _, err := a.runner(io.Discard, r.DryRun); err != nil {
		return err
	}
	return r.Apply(ctx, []step.Step{{Do: giveBackCommand(a.host, source, from, human)}})
}

// offerGiveBack gives files that an agent of the original's left behind back to the human, after asking: an id-mapped share shows
// them as nobody's.
func (a *app) offerGiveBack(r *step.Runner, s sharing, m config.Mount, yes bool) error {
	strangers := a.host.StrangersAt(m.Source, s.human.UID)
	if m.ACL || len(strangers) == 0 || !a.leftByAgent(s, strangers) {
		return nil
	}
	found, err := a.host.Owners(m.Source, s.human.UID)
	if err != nil {
		return err
	}
	delete(found, host.Nobody)
	var from []uint32
	files := 0
	for _, uid := range slices.Sorted(maps.Keys(found)) {
		if a.leftByAgent(s, []uint32{uid}) {
			from, files = append(from, uid), files+found[uid]
		}
	}
	question := fmt.Sprintf("%d files in %s belong to an agent (uid %v), from a share of another kind, and would be nobody's in this one. Give them back to you?", files, show(m.Source), from)
	if err := a.confirm(question, yes); err != nil {
		return err
	}
	for _, uid := range from {
		if err := a.giveBack(context.Background(), r, m.Source, uid, s.human); err != nil {
			return fmt.Errorf("share %q: %w", m.Source, err)
		}
	}
	return nil
}

// leftByAgent reports whether one of the uids is this agent's, or that of a user who is gone.
func (a *app) leftByAgent(s sharing, uids []uint32) bool {
	return slices.ContainsFunc(uids, func(uid uint32) bool {
		if uid == s.policy.UID {
			return true
		}
		_, known, err := a.host.LookupUser(num(uid))
		return err == nil && !known && uid >= 1000 && uid < 60000
	})
}
