// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/setup"
)

// author returns the variables that are missing for git to name an author in the agent's runs; none where it names one, or is not
// there.
func (w *setupWork) author(as provision.Author) []string {
	own := slices.ContainsFunc(w.setEnv(), func(pair string) bool { return strings.HasPrefix(pair, "GIT_AUTHOR_NAME=") })
	if !w.facts.Git || own || w.facts.Author != "" {
		return nil
	}
	return append(provision.Missing(as.Variables(as), w.setEnv(), false), provision.Unsigned(w.setEnv())...)
}

// announceAuthor says under whose name the agent is going to commit.
func (w *setupWork) announceAuthor(set []string) {
	name, committer := valueOf(set, "GIT_AUTHOR_NAME"), valueOf(set, "GIT_COMMITTER_NAME")
	if name == "" {
		return
	}
	who := fmt.Sprintf("%s <%s>", show(name), show(valueOf(set, "GIT_AUTHOR_EMAIL")))
	if committer != "" && committer != name {
		who += fmt.Sprintf(" with %s <%s> as committer", show(committer), show(valueOf(set, "GIT_COMMITTER_EMAIL")))
	}
	fmt.Fprintf(w.a.err, "au: in your runs the agent commits as %s, and signs nothing: a signature would say that it was you\n", who)
	if !w.cmd.forGit() {
		fmt.Fprintf(w.a.err, "au: %s chooses another name: yours (--as-me), or --name and --email. Each human of the agent chooses for their own runs\n", w.again(setup.Git))
	}
}

// valueOf returns the value of a variable; "" where it is not set.
func valueOf(pairs []string, key string) string {
	for _, pair := range pairs {
		if name, value, _ := strings.Cut(pair, "="); name == key {
			return value
		}
	}
	return ""
}

// git sets the author of the agent's commits in the human's runs: several humans may use an agent, so nothing of it is in its home.
// The agent's ssh gets to know the forges to which it may push.
func (w *setupWork) git() error {
	as, by, chosen, err := w.wantedAuthor()
	if err != nil {
		return err
	}
	who := fmt.Sprintf("%s <%s>", as.Name, as.Mail)
	set := append(provision.Missing(as.Variables(by), w.setEnv(), chosen), provision.Unsigned(w.setEnv())...)
	if !chosen && len(w.author(as)) == 0 && w.facts.Git { // there is one already
		who, set = cmp.Or(valueOf(w.setEnv(), "GIT_AUTHOR_NAME"), w.facts.Author), nil
	}
	forges := provision.UnknownForges(w.facts)
	w.announceForges(forges)
	question := fmt.Sprintf("Let agent %s know the keys of %s?", w.policy.Name, theirHosts(forges))
	if len(set) > 0 {
		w.announceAuthor(as.Variables(by))
		question = fmt.Sprintf("Let agent %s commit as %s?", w.policy.Name, show(as.Name))
	}
	if err := w.a.confirm(question, w.cmd.Yes || w.cmd.DryRun || len(set)+len(forges) == 0); err != nil {
		return err
	}
	says := fmt.Sprintf("Agent %s commits as %s in your runs", w.policy.Name, show(who))
	ctx, stop := untilSignal()
	defer stop()
	c := w.change(ctx, setup.Git, provision.KnowForges(forges, w.inHome()), set)
	c.nothing = func() { fmt.Fprintf(w.out, "%s; nothing to do\n", says) }
	c.done = func() { fmt.Fprintln(w.out, says) }
	_, err = w.a.finish(c)
	return err
}

// wantedAuthor returns who the agent is to commit as, who is the committer, and whether the human has chosen that.
func (w *setupWork) wantedAuthor() (as, by provision.Author, chosen bool, err error) {
	as = provision.AgentAuthor(w.policy.Name, w.human.Name)
	c := w.cmd
	if c.AsMe || c.CommitterMe {
		by = provision.Author{Name: w.ownGit("user.name"), Mail: w.ownGit("user.email")}
		if by.Name == "" || by.Mail == "" {
			return as, by, false, hintError{fmt.Errorf("--%s: your own git has no user.name and user.email", map[bool]string{true: "as-me", false: "committer-me"}[c.AsMe]), "git config --global user.name 'YOUR NAME'"}
		}
	}
	if c.AsMe {
		as = by
	}
	as = provision.Author{Name: cmp.Or(c.Name, as.Name), Mail: cmp.Or(c.Email, as.Mail)}
	by = provision.Author{Name: cmp.Or(by.Name, as.Name), Mail: cmp.Or(by.Mail, as.Mail)}
	return as, by, c.forGit(), errors.Join(provision.CheckAuthor(as), provision.CheckAuthor(by))
}

// ownGit returns a setting of the human's own git.
func (w *setupWork) ownGit(key string) string {
	for _, file := range []string{"/.gitconfig", "/.config/git/config"} {
		if out, err := w.a.host.Output("git", "config", "--includes", "--file", w.human.Home+file, "--get", key); err == nil {
			return strings.TrimSpace(string(out))
		}
	}
	return ""
}
