// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/a4u2/au/internal/programs"
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
		line := pasted(proposed.words...)
		if w.cmd.Yes || !term.IsTerminal(0) {
			fmt.Fprintf(w.out, "Proposed: %s%s\n", line, proposed.besides)
			continue
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

// hosts proposes the presets of a program, for an agent that reaches everything.
func (w *setupWork) hosts(p setup.Program) *proposal {
	if _, err := w.a.host.NetPolicy(w.policy.Name); !errors.Is(err, fs.ErrNotExist) || len(p.Presets) == 0 {
		return nil
	}
	words, besides := slices.Concat([]string{"net", "restrict"}, w.named()), ""
	for _, preset := range p.Presets {
		words = append(words, "--preset", preset)
	}
	if p.Hosts != "" {
		besides = " # " + p.Hosts
	}
	return &proposal{words, fmt.Sprintf("Let agent %s reach the hosts of %s and nothing else?", w.policy.Name, p.Name), besides}
}
