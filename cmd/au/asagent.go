// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/bounded"
	"github.com/a4u2/au/internal/programs"
	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/setup"
	"github.com/a4u2/au/provision/step"
)

// asAgent is what au does as an agent, in the agent's home, for a human who may run it.
type asAgent struct {
	sharing
	a *app
}

// ours returns the words of au's own that begin a command for this agent.
func (w asAgent) ours(words ...string) []string {
	own := []string{"au"}
	if w.a.Config != "" {
		own = append(own, "--config", w.a.configPath(w.human))
	}
	return append(own, words...)
}

// inHome returns the words that begin a run of the agent in its home: never in a project, where npm would write its settings. It
// writes in no share, and begins no draft.
func (w asAgent) inHome() []string {
	return append(w.ours("run"), "--agent", w.policy.Name, "--directory", w.policy.Home, "--no-shares", "--")
}

// A run that only looks may take so long, and print so many bytes.
const (
	askedTime = 3 * time.Minute
	saidMost  = 64 << 10
)

// says returns what a command prints as the agent, in its home. An error ends in what the command has complained of.
func (w asAgent) says(command ...string) ([]byte, error) {
	return w.hear(nil, slices.Concat(w.inHome(), command)...)
}

// hear carries out a run of the agent, and returns what it prints. Nothing of that is shown: among au's lines it would look like
// one of them.
func (w asAgent) hear(input io.Reader, run ...string) ([]byte, error) {
	ctx, stop := context.WithTimeout(context.Background(), askedTime)
	defer stop()
	out, complaint := bounded.Buffer{Limit: saidMost}, bounded.Buffer{Limit: saidMost}
	cmd := programs.CommandContext(ctx, run...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = input, &out, &complaint, time.Second
	err := w.a.itself(cmd)
	if ctx.Err() != nil {
		err = fmt.Errorf("no answer within %s", askedTime)
	}
	if text := lastLine(complaint.String()); err != nil && text != "" {
		err = errors.New(strings.TrimPrefix(text, "au: "))
	}
	return out.Bytes(), err
}

// lastLine is the last one that is no hint: one of the agent's would look like au's own.
func lastLine(text string) string {
	lines := slices.DeleteFunc(strings.Split(strings.TrimSpace(text), "\n"), isHint)
	if len(lines) == 0 {
		return ""
	}
	return lines[len(lines)-1]
}

// runner returns what carries out a plan of runs: nothing in it needs root.
func (w asAgent) runner(out io.Writer, dryRun bool) *step.Runner {
	r, _ := w.a.runner(out, dryRun)
	r.Execute = w.a.itself
	return r
}

// look asks the agent what it finds, by a command of the package setup.
func (w asAgent) look(command []string) (setup.Facts, error) {
	text, err := w.says(command...)
	if err != nil {
		return setup.Facts{}, fmt.Errorf("look as agent %q: %w", w.policy.Name, err)
	}
	return setup.Read(text), nil
}

// announceForges says whose keys the agent's ssh is going to know.
func (w asAgent) announceForges(forges []setup.Forge) {
	if len(forges) > 0 {
		fmt.Fprintf(w.a.err, "au: the agent's .ssh/known_hosts gets the keys that %s publish\n", theirHosts(forges))
	}
}

func theirHosts(forges []setup.Forge) string {
	var names []string
	for _, forge := range forges {
		names = append(names, forge.Host)
	}
	return together(names)
}

// knowForges lets an agent's ssh know the forges that rules allow at the port of SSH. The rules hold already, whatever goes wrong
// here. Root is nobody who may run the agent.
func (a *app) knowForges(agent string, rules []netfilter.Entry, dryRun bool) {
	allowed := func(forge setup.Forge) bool {
		return slices.ContainsFunc(rules, func(e netfilter.Entry) bool {
			return e.Rule == netfilter.Rule{Kind: netfilter.Name, Host: forge.Host, Port: 22}
		})
	}
	if a.host.UID() == 0 || !slices.ContainsFunc(setup.Forges(), allowed) {
		return
	}
	err := func() error {
		s, err := a.sharing(agent)
		if err != nil || !slices.ContainsFunc(s.policy.Humans, func(h csrc.Human) bool { return h.UID == s.human.UID }) {
			return err // who may not run the agent restricts it all the same
		}
		w := asAgent{s, a}
		facts, err := w.look(setup.LookForForges())
		if err != nil {
			return err
		}
		forges := slices.DeleteFunc(provision.UnknownForges(facts), func(f setup.Forge) bool { return !allowed(f) })
		w.announceForges(forges)
		r := w.runner(a.out, dryRun)
		r.Execute = func(cmd *exec.Cmd) error {
			_, err := w.hear(cmd.Stdin, cmd.Args...)
			return err
		}
		err = r.Apply(context.Background(), provision.KnowForges(forges, w.inHome()))
		a.changed = a.changed || err == nil && len(forges) > 0
		return err
	}()
	if err != nil {
		a.say(fmt.Errorf("tell the ssh of agent %q the keys of its forges: %w", agent, err))
		a.hint(pasted("setup", "--agent", agent, setup.Git))
	}
}
