// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"io"
	"os/signal"
	"slices"
	"strings"

	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/setup"
	"github.com/a4u2/au/provision/step"
	"golang.org/x/sys/unix"
)

// setupWork is an agent for which something is set up.
type setupWork struct {
	asAgent
	cmd   *setupCmd
	out   io.Writer // what is not JSON
	facts setup.Facts
	login *login // those of the human that the agent is to have
}

// named returns the option that names the agent; none for the usual one.
func (w *setupWork) named() []string {
	if w.policy.Name == start.DefaultAgent {
		return nil
	}
	return []string{"-a", w.policy.Name}
}

// agent returns the agent as what plans knows it.
func (w *setupWork) agent() provision.SetupAgent {
	return provision.SetupAgent{Name: w.policy.Name, Home: w.policy.Home, Switches: w.policy.Allow, Run: w.inHome(), Node: provision.NodeFrom(w.cmd.Node)}
}

// program sets a program up: all that is missing of it.
func (w *setupWork) program(p setup.Program) error {
	if _, there := w.facts.Installed[p.Name]; !there && p.Nixpkgs != "" && w.a.host.IsDeclared(w.policy.Name) {
		return hintError{
			fmt.Errorf("%s is not installed for agent %q, and a NixOS configuration that declares an agent installs its programs", p.Name, w.policy.Name),
			programHint(w.a.host, w.policy.Name, p),
		}
	}
	if err := refusal(provision.CheckSetup(p, w.facts, w.agent())); err != nil {
		return err
	}
	steps := provision.PlanSetup(p, w.facts, w.agent())
	if w.cmd.LoginFrom != "" {
		if err := w.readLogin(p); err != nil {
			return err
		}
		steps = append(steps, provision.PutLogin(p, w.login.path, w.login.text, w.inHome()))
	}
	forges := provision.UnknownForges(w.facts)
	steps = append(steps, provision.KnowForges(forges, w.inHome())...)
	set := slices.Concat(provision.Missing(p.Env, w.setEnv(), false), w.author(provision.AgentAuthor(w.policy.Name, w.human.Name)))
	w.announce(p, set)
	w.announceForges(forges)
	if err := w.agree(p, len(steps)+len(set) > 0); err != nil {
		return err
	}
	ctx, stop := untilSignal()
	defer stop()
	c := w.change(ctx, p.Name, steps, set)
	c.held = func(bool) error { return w.starts(p) }
	c.nothing = func() {
		fmt.Fprintf(w.out, "%s %s is set up for agent %s; nothing to do\n", p.Name, w.state(p), w.policy.Name)
	}
	c.done = func() { w.sayDone(p) }
	_, err := w.a.finish(c)
	switch {
	case err != nil:
		return err
	case w.cmd.JSON:
		return w.a.printJSON(w.view(p))
	}
	return w.propose(p)
}

// untilSignal returns what ends with a signal that ends au.
func untilSignal() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
}

// change is what sets something up: steps as the agent, and variables for its runs.
func (w *setupWork) change(ctx context.Context, what string, steps []step.Step, set []string) *change {
	return &change{
		ctx: ctx, runner: w.runner(w.out, w.cmd.DryRun), dryRun: w.cmd.DryRun, plan: planned(steps), onward: true, rest: w.again(append([]string{what}, w.cmd.options()...)...),
		record: func() (bool, error) { return w.set(set) },
		about:  func(err error) error { return fmt.Errorf("set up %s for agent %q: %w", what, w.policy.Name, err) },
	}
}

// announce says what the human should know of before saying yes.
func (w *setupWork) announce(p setup.Program, set []string) {
	if _, there := w.facts.Installed[p.Name]; !there {
		w.announceRegistry(p)
		for _, note := range []string{provision.NodeNote(p, w.facts, w.agent()), provision.PythonNote(p, w.facts)} {
			if note != "" {
				fmt.Fprintf(w.a.err, "au: %s\n", show(note))
			}
		}
		if w.facts.There[".npmrc"] && !w.facts.OwnPrefix && p.NPM != "" {
			fmt.Fprintf(w.a.err, "au: the agent has a .npmrc of its own, which stays as it is: with prefix=%s/.local in it, %s can update itself\n", w.policy.Home, p.Name)
		}
	}
	for _, s := range p.Settings {
		w.announceSetting(s)
	}
	w.announceAuthor(set)
}

// announceSetting says which file is written for a program, what that gives up, and why one is not.
func (w *setupWork) announceSetting(s setup.Setting) {
	holds, wanted := w.facts.Holds[s.File], s.Wanted(w.policy.Allow)
	switch {
	case holds && !wanted:
		fmt.Fprintf(w.a.err, "au: %s, since the agent has --unlock %s. But %s says otherwise, and stays as it is: %s\n", s.Instead, s.Unless, s.File, show(s.LastLine()))
	case holds:
	case !wanted:
		fmt.Fprintf(w.a.err, "au: %s, since the agent has --unlock %s: %s is not written\n", s.Instead, s.Unless, s.File)
	case w.facts.There[s.File]:
		fmt.Fprintf(w.a.err, "au: %s is there, and stays as it is; au would have written: %s\n", s.File, show(strings.TrimSpace(s.Text)))
	default:
		fmt.Fprintf(w.a.err, "au: %s is written, since %s. It gives something up: %s\n", s.File, s.Why, s.Lost)
	}
}

// agree asks the questions: of a login first, which --yes does not answer.
func (w *setupWork) agree(p setup.Program, any bool) error {
	if w.cmd.DryRun {
		return nil
	}
	if w.login != nil {
		return w.agreeToLogin(p)
	}
	return w.a.confirm(fmt.Sprintf("Set up %s for agent %s?", p.Name, w.policy.Name), w.cmd.Yes || !any)
}

// setEnv returns what the config sets for the agent's runs.
func (w *setupWork) setEnv() []string {
	if w.entry == nil {
		return nil
	}
	return w.entry.SetEnv
}

// set puts variables into the config, and reports whether there were any.
func (w *setupWork) set(pairs []string) (bool, error) {
	if len(pairs) == 0 {
		return false, nil
	}
	if w.cmd.DryRun {
		fmt.Fprintf(w.out, "# and %s sets for the runs of %s: %s\n", w.a.configPath(w.human), w.policy.Name, show(strings.Join(pairs, ", ")))
		return true, nil
	}
	return true, w.a.save(w.human, w.out, record{Env: &envChange{Entry: w.newEntry(w.a.host), Set: pairs}})
}

// starts sees whether the agent finds the program now, and whether that starts.
func (w *setupWork) starts(p setup.Program) (err error) {
	if w.facts, err = w.look(setup.Look(true, p)); err != nil {
		return err
	}
	if _, found := w.facts.Installed[p.Name]; !found {
		return fmt.Errorf("%s was installed, and agent %q does not find %s on its PATH", p.Name, w.policy.Name, p.Command)
	}
	if _, err := w.says(p.Command, "--version"); err != nil {
		return fmt.Errorf("%s is installed, and does not start: %w", p.Name, err)
	}
	return nil
}

// sayDone says what is there now, how to log in, and what else would be of use.
func (w *setupWork) sayDone(p setup.Program) {
	fmt.Fprintf(w.out, "%s %s is set up for agent %s\n", p.Name, w.state(p), w.policy.Name)
	if w.login == nil {
		for _, line := range p.LoginLines(strings.Join(append([]string{"au", "run"}, w.named()...), " ")) {
			fmt.Fprintf(w.out, "Login: %s\n", line)
		}
	}
}
