// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/step"
)

// aclGivesLess says how a share through ACLs falls short of the other kind.
const aclGivesLess = `A share through ACLs gives less. The agent owns the files that it makes there. A file that one side makes closed (0600, 0700), renames into place
or moves in from elsewhere stays closed to the other side. Files of mode 0600 now show as 0660, and ssh and the like refuse those.
git says "dubious ownership" about files that the other side owns.
`

// aclRecord returns the file, beside the human's config, with the earlier ACLs of a share's files.
func aclRecord(config, agent, source string) string {
	sum := sha256.Sum256([]byte(source))
	return filepath.Join(provision.ACLRecords(config), agent+"-"+hex.EncodeToString(sum[:8]))
}

// aclWords are the arguments of the `au files` command for a share.
func (a *app) aclWords(verb string, human provision.User, policy csrc.Policy, m config.Mount) ([]string, error) {
	self, err := a.host.OwnPath()
	words := []string{self, "files", verb, "--agent-uid", num(policy.UID), "--record", aclRecord(a.configPath(human), policy.Name, m.Source)}
	if !m.ReadOnly {
		words = append(words, "--rw")
	}
	return append(words, m.Source), err
}

// grantACL lets the agent into every file of the folder, as the human and with their authority alone.
func (a *app) grantACL(ctx context.Context, r *step.Runner, s sharing, m config.Mount) error {
	do, err := a.aclWords("grant", s.human, s.policy, m)
	if err != nil {
		return err
	}
	undo, err := a.aclWords("restore", s.human, s.policy, m)
	if err != nil {
		return err
	}
	perm := "rwX"
	if m.ReadOnly {
		perm = "rX"
	}
	grant := step.Step{Do: step.Human(do...), Undo: step.Undo(step.Human(undo...))}
	grant.Do.Note = fmt.Sprintf("much as: setfacl --recursive --physical --modify u:%d:%s,d:u:%d:%s,d:u:%d:rwX %s", s.policy.UID, perm, s.policy.UID, perm, s.human.UID, quote.Word(m.Source))
	if err := r.Apply(ctx, []step.Step{grant}); err != nil {
		r.Run(grant.Undo[0])
		return fmt.Errorf("share %q: %w", m.Source, err)
	}
	return nil
}

// revokeACL undoes grantACL, also where the agent owns files by now: those become the human's first, by root's word.
func (a *app) revokeACL(ctx context.Context, r *step.Runner, human provision.User, policy csrc.Policy, m config.Mount) error {
	if start.Vanished(m.Source) {
		if !r.DryRun {
			_ = a.host.RemoveOwn(aclRecord(a.configPath(human), policy.Name, m.Source)) // it only takes room
		}
		return nil
	}
	owners, err := a.host.Owners(m.Source, human.UID)
	if err != nil {
		return err
	}
	if owners[policy.UID] > 0 || owners[host.Nobody] > 0 && !m.ReadOnly {
		if err := a.giveBack(ctx, r, m.Source, policy.UID, human); err != nil {
			return err
		}
	}
	words, err := a.aclWords("restore", human, policy, m)
	if err != nil {
		return err
	}
	return r.Apply(ctx, []step.Step{{Do: asHuman(a.host, human, words...)}})
}

// asHuman is a command that the human runs, also where au is root.
func asHuman(h *host.Host, human provision.User, argv ...string) step.Command {
	if h.UID() == 0 {
		return step.Root(append([]string{"runuser", "-u", human.Name, "--"}, argv...)...)
	}
	return step.Human(argv...)
}

// endShares undoes what shares have left in the human's folders, before their agent and with it its uid is gone. It goes on past
// what cannot be undone.
func (a *app) endShares(ctx context.Context, r *step.Runner, human provision.User, policy csrc.Policy, entry *config.Agent) {
	if entry == nil {
		return
	}
	for _, m := range entry.Mounts {
		if !m.ACL {
			continue
		}
		if err := a.revokeACL(ctx, r, human, policy, m); err != nil {
			fmt.Fprintf(a.err, "au: share %s: its ACLs still name uid %d: %v\n", show(m.Source), policy.UID, err)
		}
	}
}
