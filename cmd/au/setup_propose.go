// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/a4u2/au/internal/programs"
	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/setup"
	"golang.org/x/term"
)

// proposal is a command that would be of use to the agent, and the question about it.
type proposal struct {
	words    []string
	question string
	besides  string // what else there is to say
}

// propose offers what holds the agent in its bounds, a question each: the hosts that the program needs, and limits. The hosts come
// first, since a program may have given up a sandbox without a network. Without a terminal, and with --yes, it only names the
// commands.
func (w *setupWork) propose(p setup.Program) error {
	if w.cmd.DryRun || w.a.host.IsDeclared(w.policy.Name) { // the NixOS configuration says what bounds it
		return nil
	}
	for _, proposed := range []*proposal{w.hosts(p), w.limits()} {
		if proposed == nil {
			continue
		}
		line, besides := pasted(proposed.words...), ""
		if proposed.besides != "" {
			besides = " # " + proposed.besides
		}
		if w.cmd.Yes || w.a.lent || !term.IsTerminal(0) {
			fmt.Fprintf(w.out, "Proposed: %s%s\n", line, besides)
			continue
		}
		if besides != "" {
			fmt.Fprintf(w.out, "Note: %s\n", proposed.besides)
		}
		if !w.a.ask(w.out, proposed.question) {
			continue
		}
		fmt.Fprintf(w.out, "$ %s\n", line)
		cmd := programs.Command(w.ours(proposed.words...)...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		if err := w.a.itself(cmd); err != nil {
			return fmt.Errorf("run %q: %w", line, err)
		}
	}
	return nil
}

// limits proposes three quarters of the cores and half of the memory, for an agent without limits.
func (w *setupWork) limits() *proposal {
	if _, err := w.a.host.SliceProperties(w.policy.UID); err != nil || len(provision.StanzaLimits(currentLimits(w.a.host, w.policy))) > 0 {
		return nil
	}
	share := fmt.Sprintf("%d%%", max(75, 75*w.a.host.Capacity().CPUs))
	return &proposal{
		words:    slices.Concat([]string{"limits", "set"}, w.named(), []string{"--cpu", share, "--mem", "50%"}),
		question: fmt.Sprintf("Limit agent %s to %s of a core and half of the memory?", w.policy.Name, share),
	}
}

// hosts proposes the presets of a program, or for one without any that the human chooses: for an agent that reaches everything. To
// one that is restricted already it proposes what it does not reach.
func (w *setupWork) hosts(p setup.Program) *proposal {
	policy, err := w.a.host.NetPolicy(w.policy.Name)
	free := errors.Is(err, fs.ErrNotExist)
	act, presets, question := "restrict", p.Presets, "Let agent %s reach the hosts of %s and nothing else?"
	switch {
	case !free && err != nil:
		return nil
	case !free:
		act, question = "allow", "Agent %s is restricted. Let it reach the hosts of %s, too?"
		if presets = w.unreached(policy, p.Presets...); len(presets) == 0 {
			return nil
		}
	case len(presets) == 0:
		question = "Let agent %s reach hosts that you choose now for %s, and nothing else?"
	}
	words, besides := slices.Concat([]string{"net", act}, w.named()), ""
	for _, preset := range presets {
		words = append(words, "--preset", preset)
	}
	if p.Hosts != "" {
		besides = fmt.Sprintf("%s needs %s", p.Name, p.Hosts)
	}
	return &proposal{words, fmt.Sprintf(question, w.policy.Name, p.Name), besides}
}

// announceRegistry says that a restricted agent does not reach the registry from which a program is installed.
func (w *setupWork) announceRegistry(p setup.Program) {
	registry := map[bool]string{true: "npm", false: "pypi"}[p.NPM != ""]
	policy, err := w.a.host.NetPolicy(w.policy.Name)
	if err == nil && len(w.unreached(policy, registry)) > 0 {
		fmt.Fprintf(w.a.err, "au: agent %s is restricted, and does not reach %s, from which %s is installed unless this machine has a mirror\n", w.policy.Name, registry, p.Name)
		w.a.hint(pasted(slices.Concat([]string{"net", "allow"}, w.named(), []string{"--preset", registry, "--for", "1h"})...))
	}
}

// unreached returns those presets of which a policy lets the agent reach a part at most. A policy that leaves names to a proxy of
// the human's knows nothing of them.
func (w *setupWork) unreached(policy netfilter.Policy, presets ...string) (missing []string) {
	if !policy.HasDaemon() {
		return nil
	}
	now := w.a.host.Now()
	for _, name := range presets {
		preset, err := netfilter.FindPreset(name)
		if err != nil || slices.ContainsFunc(preset.Allow, func(rule netfilter.Rule) bool {
			there, ok := entryOf(policy.Allow, rule)
			return !(ok && there.Live(now)) && !policy.Decides(rule, 443, now).OK
		}) {
			missing = append(missing, name)
		}
	}
	return missing
}
