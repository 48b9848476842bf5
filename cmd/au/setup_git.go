// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/a4u2/au/provision"
)

// author returns the variables that are missing for git to name an author in the agent's runs; none where it names one, or is not
// there.
func (w *setupWork) author(as provision.Author) []string {
	own := slices.ContainsFunc(w.setEnv(), func(pair string) bool { return strings.HasPrefix(pair, "GIT_AUTHOR_NAME=") })
	if !w.facts.Git || own || w.facts.Author != "" {
		return nil
	}
	return provision.Missing(as.Variables(), w.setEnv(), false)
}

// announceAuthor says under whose name the agent is going to commit.
func (w *setupWork) announceAuthor(set []string) {
	name := valueOf(set, "GIT_AUTHOR_NAME")
	if name == "" {
		return
	}
	fmt.Fprintf(w.a.err, "au: in your runs the agent commits as %s <%s>, and signs nothing: a signature would say that it was you\n", show(name), show(valueOf(set, "GIT_AUTHOR_EMAIL")))
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
func (w *setupWork) git() error {
	as, chosen, err := w.wantedAuthor()
	if err != nil {
		return err
	}
	if !chosen && len(w.author(as)) == 0 && w.facts.Git {
		name := cmp.Or(valueOf(w.setEnv(), "GIT_AUTHOR_NAME"), w.facts.Author)
		fmt.Fprintf(w.out, "Agent %s commits as %s; nothing to do\n", w.policy.Name, show(name))
		return nil
	}
	set := provision.Missing(as.Variables(), w.setEnv(), chosen)
	if len(set) > 0 {
		w.announceAuthor(as.Variables())
		if err := w.a.confirm(fmt.Sprintf("Let agent %s commit as %s?", w.policy.Name, show(as.Name)), w.cmd.Yes || w.cmd.DryRun); err != nil {
			return err
		}
	}
	says := fmt.Sprintf("Agent %s commits as %s <%s> in your runs", w.policy.Name, show(as.Name), show(as.Mail))
	_, err = w.a.finish(&change{
		dryRun:  w.cmd.DryRun,
		record:  func() (bool, error) { return w.set(set) },
		nothing: func() { fmt.Fprintf(w.out, "%s; nothing to do\n", says) },
		done:    func() { fmt.Fprintln(w.out, says) },
	})
	return err
}

// wantedAuthor returns who the agent is to commit as, and whether the human has chosen that.
func (w *setupWork) wantedAuthor() (as provision.Author, chosen bool, err error) {
	as = provision.AgentAuthor(w.policy.Name, w.human.Name)
	switch {
	case w.cmd.AsMe:
		as = provision.Author{Name: w.ownGit("user.name"), Mail: w.ownGit("user.email")}
		if as.Name == "" || as.Mail == "" {
			return as, false, hintError{errors.New("--as-me: your own git has no user.name and user.email"), "git config --global user.name 'YOUR NAME'"}
		}
	case w.cmd.Name != "" || w.cmd.Email != "":
		as = provision.Author{Name: cmp.Or(w.cmd.Name, as.Name), Mail: cmp.Or(w.cmd.Email, as.Mail)}
	default:
		return as, false, nil
	}
	return as, true, provision.CheckAuthor(as)
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
