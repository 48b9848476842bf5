// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"

	"github.com/a4u2/au/provision/setup"
	"golang.org/x/term"
)

// login is a login of the human, as it was in a file.
type login struct {
	path string
	text []byte
}

// loginMost is more than any program keeps of a login.
const loginMost = 1 << 20

// readLogin reads the file of --login-from as the human.
func (w *setupWork) readLogin(p setup.Program) error {
	if w.facts.There[p.Credentials] {
		return hintError{
			fmt.Errorf("--login-from: agent %q has a login of %s already, in %s, which stays as it is", w.policy.Name, p.Name, p.Credentials),
			pasted(append(w.ours("run")[1:], "--agent", w.policy.Name, "--directory", w.policy.Home, "--", w.a.host.OfMachine("rm"), p.Credentials)...),
		}
	}
	path, text, err := w.a.host.OwnFile(w.a.follower(w.human, w.known, w.policy.Name), w.cmd.LoginFrom, w.human.UID, loginMost)
	if err != nil {
		return fmt.Errorf("--login-from: %w", err)
	}
	w.login = &login{path, text}
	return nil
}

// agreeToLogin asks whether the agent is to have the login. --yes is no answer to that.
func (w *setupWork) agreeToLogin(p setup.Program) error {
	if !term.IsTerminal(0) {
		return errors.New("--login-from asks a question that --yes does not answer, and standard input is not a terminal")
	}
	fmt.Fprintf(w.a.err, "au: agent %s gets what is in %s: it can act as you at %s, and send the login elsewhere\n", w.policy.Name, show(w.login.path), p.Name)
	fmt.Fprintf(w.a.err, "au: every human of the agent can use it. Such logins are renewed as they are used: then the other side, yours or the agent's, may be logged out\n")
	if w.a.ask(w.a.err, fmt.Sprintf("Copy %s for agent %s, and set up %s?", show(w.login.path), w.policy.Name, p.Name)) {
		return nil
	}
	return errNotConfirmed
}
