// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
	"golang.org/x/term"
)

type mountAddCmd struct {
	agentFlag
	RW          bool     `name:"rw" xor:"writes" help:"Let the agent write in the folder. Anything that it writes there runs as you when you run it."`
	Draft       bool     `xor:"writes,draft" help:"Let the agent write in a draft of the folder. Nothing of it reaches the folder until au draft keep."`
	ACL         bool     `name:"acl" xor:"draft" help:"Share through ACLs: for file systems that cannot be shown under another owner. It changes the ACL of every file, and gives less."`
	Hide        []string `sep:"none" placeholder:"NAME" help:"Hide a name, or a pattern such as *.key, from the agent: in a draft, or in a share that it can only read."`
	ShowSecrets bool     `help:"Let a draft show what drafts hide: .env files, *.pem and id_* that git does not track."`
	TargetOnly  bool     `help:"Show it at its target alone, and not at your own path as well: the agent then sees nothing of the names above it."`
	Replace     bool     `help:"Replace a share of the same folder, whatever it allows and hides."`
	Planned     bool     `hidden:"" help:"With --dry-run: the agent is not made yet."`
	Yes         bool     `short:"y" help:"Do not ask."`
	planFlags
	Source string `arg:"" help:"A folder or a file of yours, in your home or where only root or you can write above it."`
	Target string `arg:"" optional:"" help:"Where the agent sees it, in its home (default: the same path as in yours). The agent sees it at your own path, too."`
}

func (c *mountAddCmd) Run(a *app) error {
	s, err := a.sharingPlanned(c.Agent, c.Planned && c.DryRun)
	if err != nil {
		return err
	}
	want, before, err := c.check(a, s)
	if err != nil {
		return err
	}
	if want.Equal(before) && start.Vanished(want.Source) {
		fmt.Fprintf(a.out, "Agent %s has the share %s already, which is not there now; nothing to do\n", c.Agent, show(want.Source))
		return nil
	}
	if want.Equal(before) {
		fmt.Fprintf(a.out, "Agent %s sees %s %s at %s already; nothing to do\n", c.Agent, show(want.Source), access(want), places(want, s.policy))
		return c.offerGit(a, s, want)
	}
	if why := provision.StartUp(want.Source, s.human.Home); why != "" && c.RW {
		fmt.Fprintf(a.err, "au: warning: %s. An agent that writes there acts as you\n", show(why))
	}
	runner, _ := a.runner(a.out, c.DryRun) // without sudo there is still all that needs none
	if err := a.offerGiveBack(runner, s, want, c.Yes || c.DryRun); err != nil {
		return err
	}
	share := change{dryRun: c.DryRun, record: func() (bool, error) { return true, c.record(a, s, before, want) }, done: func() { c.say(a, s, before, want) }}
	if c.ACL {
		if err := a.grantACL(context.Background(), runner, s, want); err != nil {
			return err
		}
		share.runner, share.rest = runner, mountLine("remove", c.Agent, want.Source)
	}
	if _, err = a.finish(&share); err != nil {
		return err
	}
	return c.offerGit(a, s, want)
}

// record puts the share into the config, in the place of the one before.
func (c *mountAddCmd) record(a *app, s sharing, before, want config.Mount) error {
	var replaced *config.Mount
	if before.Source != "" {
		replaced = &before
	}
	if c.DryRun {
		fmt.Fprintf(a.out, "# and %s gets the share %s -> %s [%s]\n", a.configPath(s.human), show(want.Source), show(want.Target), mark(want))
		return nil
	}
	return refusal(a.save(s.human, a.out, s.change(a.host, replaced, &want)))
}

// isAs reports whether a share is one of that kind.
func (c *mountAddCmd) isAs(m, want config.Mount) bool {
	return m.ACL == want.ACL && m.ReadOnly == want.ReadOnly && m.Draft == want.Draft && m.TargetOnly == want.TargetOnly && m.HidesAs(want)
}

// there returns the share that --replace leaves as it is, because it is as it is wanted: its folder may be gone by now, covered by
// another that could not be shared, or a link.
func (c *mountAddCmd) there(s sharing, source string) (config.Mount, bool) {
	want := config.Mount{ReadOnly: !c.RW, ACL: c.ACL, Draft: c.Draft, TargetOnly: c.TargetOnly, Hide: c.Hide, ShowSecrets: c.ShowSecrets}
	i := slices.IndexFunc(s.mounts(), func(m config.Mount) bool {
		return m.Source == source && m.Unknown == nil && (c.Target == "" || c.Target == m.Target) && c.isAs(m, want)
	})
	if i < 0 || !c.Replace {
		return config.Mount{}, false
	}
	return s.mounts()[i], true
}

// check returns the wanted share and the one that it replaces. That is a read-only one of the same folder at the same place, when
// --rw is given, or one that is seen at its own path, or is not. Both are the same where it is there as it is wanted. Nothing has
// changed when it refuses.
func (c *mountAddCmd) check(a *app, s sharing) (want, before config.Mount, err error) {
	if m, stays := c.there(s, c.Source); stays {
		return m, m, nil
	}
	want.Source, err = resolveSource(c.Source, a.follower(s.human, s.known, c.Agent))
	if m, stays := c.there(s, want.Source); stays && err == nil {
		return m, m, nil
	}
	if err != nil {
		return want, before, err
	}
	facts, err := a.shareFacts(want.Source, s.human, s.policy, s.known)
	if err != nil {
		return want, before, err
	}
	if want.Target, err = provision.ShareTarget(want.Source, c.Target, facts); err != nil {
		return want, before, refusal(err)
	}
	want.ReadOnly, want.ACL, want.Draft, want.TargetOnly, want.Hide, want.ShowSecrets = !c.RW, c.ACL, c.Draft, c.TargetOnly, c.Hide, c.ShowSecrets
	var others []config.Mount
	for _, m := range s.mounts() {
		if m.Source == want.Source && len(c.Hide) == 0 && !c.Replace {
			want.Hide = m.Hide // which goes with the share alone
		}
		switch {
		case m.Source != want.Source:
			others = append(others, m)
		case m.Unknown != nil: // it would be written anew without that key
			return want, before, &start.UnknownKeyError{Source: m.Source, Key: m.Unknown}
		case (c.Target == "" || m.Target == want.Target) && c.isAs(m, want):
			return m, m, nil
		case c.Replace && !m.ACL && !want.ACL:
			if before = m; c.Target == "" {
				want.Target = m.Target
			}
		case c.Target != "" && m.Target != want.Target || m.ACL != want.ACL || m.ReadOnly != want.ReadOnly && (!m.ReadOnly || m.ACL) && !want.Draft || m.Draft && want.ReadOnly && !want.Draft:
			return want, before, hintError{
				fmt.Errorf("share %q: it is shared already, %s, at %s", want.Source, access(m), m.Target),
				mountLine("remove", c.Agent, want.Source),
			}
		default:
			before, want.Target = m, m.Target
		}
	}
	if err := provision.CheckShare(want, others, facts); err != nil || !want.ACL {
		return want, before, refusal(err)
	}
	if on := share.MountsOf(want.Source, facts.Mounts)[0].Type; strings.HasPrefix(on, "fuse") {
		fmt.Fprintf(a.err, "au: warning: a program serves its file system, %s, and decides whether ACLs let anybody in: try what the agent can read\n", on)
	}
	return want, before, checkACLs(a.host, want.Source, facts.Mounts)
}

// offerGit offers to share the git directory of a folder that keeps it elsewhere, without which git does not work there. It asks
// for another folder than the command names, so that -y is no answer.
func (c *mountAddCmd) offerGit(a *app, s sharing, shared config.Mount) error {
	git, ok, err := start.MissingGit(shared.Source, append([]config.Mount{shared}, s.mounts()...), s.human.UID)
	if err != nil || !ok {
		return err
	}
	if !c.DryRun && term.IsTerminal(0) && term.IsTerminal(2) {
		sayGit(a, git)
		if a.ask(a.err, "Share that "+access(shared)+", too?") {
			also := mountAddCmd{agentFlag: c.agentFlag, RW: c.RW, Draft: c.Draft, Source: git.Dir}
			return also.Run(a)
		}
		return nil
	}
	hintAtGit(a, c.Agent, git)
	return nil
}

// sayHides says what of the share the agent does not see.
func sayHides(w io.Writer, m config.Mount) {
	var hidden []string
	for _, word := range m.Hide {
		hidden = append(hidden, show(word))
	}
	if m.Draft && !m.ShowSecrets {
		hidden = append(hidden, ".env files, *.pem and id_* that git does not track")
	}
	if len(hidden) > 0 {
		fmt.Fprintf(w, "Hidden from the agent: %s\n", strings.Join(hidden, ", "))
	}
}

// checkACLs refuses a folder on a file system that keeps no ACLs.
func checkACLs(h *host.Host, source string, mounts []share.MountPoint) error {
	has, err := h.HasACLs(source)
	if err == nil && !has {
		return fmt.Errorf("share %q: its file system, %s, has no ACLs", source, share.MountsOf(source, mounts)[0].Type)
	}
	return err
}

// say says what is so now.
func (c *mountAddCmd) say(a *app, s sharing, before, m config.Mount) {
	verb := "Shared"
	if before.Source != "" {
		verb = "Shared anew"
	}
	w := a.out
	fmt.Fprintf(w, "%s: agent %s sees %s %s at %s\n", verb, c.Agent, show(m.Source), access(m), places(m, s.policy))
	if m.ACL {
		fmt.Fprint(w, aclGivesLess)
	}
	if !m.ReadOnly {
		remember(a.host, a.configPath(s.human), m.Source)
		fmt.Fprintln(w, "Anything that the agent writes there runs as you when you run it.")
	}
	sayHides(w, m)
	if m.Draft {
		fmt.Fprintln(w, "Its changes are in the draft alone: au draft diff shows them, and au draft keep takes them over.")
		return
	}
	fmt.Fprintf(w, "To look for what runs by itself in it, and for set-id files and hard links: %s\n", mountLine("check", c.Agent, m.Source))
}
