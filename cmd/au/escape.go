// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/a4u2/au/internal/bounded"
	"github.com/a4u2/au/netfilter"
	netkernel "github.com/a4u2/au/netfilter/kernel"
	"github.com/a4u2/au/provision/step"
)

// escape tries to get out of a restricted network as the agent, past all layers, and in the agent's slice as another user, past the
// slice's filter alone where that is up.
func (a *app) escape(p netfilter.Policy, layers []layerView, show io.Writer) (asAgent, past []netkernel.Attempt, err error) {
	if asAgent, err = a.escapeAsAgent(p, show); err == nil {
		past, err = a.escapeInSlice(p, layers, show)
	}
	return asAgent, past, err
}

// escapeAsAgent tries it past all layers.
func (a *app) escapeAsAgent(p netfilter.Policy, show io.Writer) ([]netkernel.Attempt, error) {
	runner, err := a.runner(show, false)
	if err != nil {
		return nil, err
	}
	attempts, err := probe(runner, probeTime, step.Human("/proc/self/exe", "run", "--agent", p.Agent, "--directory", "/", "--no-shares", "--", a.host.NetProgram(p.Agent), "net", "probe"), "au")
	if err != nil {
		return nil, fmt.Errorf("try to get out as the agent: %w", err)
	}
	return attempts, nil
}

// escapeInSlice tries it past the slice's filter, where that is up.
func (a *app) escapeInSlice(p netfilter.Policy, layers []layerView, show io.Writer) (past []netkernel.Attempt, err error) {
	runner, err := a.runner(show, false)
	if err != nil {
		return nil, err
	}
	for _, layer := range layers {
		if layer.Name != "slice" || !layer.Up {
			continue
		}
		past, err = probe(runner, probeTime, step.Root("systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--slice="+p.SliceName(), "--uid=nobody",
			fmt.Sprintf("--property=RuntimeMaxSec=%d", int(probeTime.Seconds())), // a human cannot end it behind sudo
			a.host.NetProgram(p.Agent), "net", "probe", "--slice"), "")
		if err != nil {
			return nil, fmt.Errorf("try to get out in the agent's slice as another user: %w", err)
		}
		for i := range past {
			past[i].What += " as another user in the agent's slice"
		}
	}
	return past, nil
}

// The agent may hold a probe up for so long, and have it print so much.
const (
	probeTime = time.Minute
	probeMost = 1 << 20
)

// probe runs the command, printed with name as its first word where one is given, and reads what it tried. It ends in that time,
// whatever the agent does to it meanwhile.
func probe(runner *step.Runner, most time.Duration, c step.Command, name string) ([]netkernel.Attempt, error) {
	shown := c
	if name != "" {
		shown.Argv = append([]string{name}, c.Argv[1:]...)
	}
	runner.Print(shown)
	out := bounded.Buffer{Limit: probeMost}
	quiet := *runner
	quiet.Out = &out
	quiet.Execute = func(cmd *exec.Cmd) error {
		late := time.AfterFunc(most, func() {
			if cmd.Process != nil {
				_ = cmd.Process.Kill()
			}
		})
		defer late.Stop()
		cmd.WaitDelay = time.Second // for what it leaves behind
		return runner.Execute(cmd)
	}
	if err := quiet.Run(c); err != nil {
		return nil, err
	}
	var attempts []netkernel.Attempt
	_, text, _ := strings.Cut(out.String(), "\n") // behind the line that the runner prints
	if err := json.Unmarshal([]byte(text), &attempts); err != nil {
		return nil, fmt.Errorf("what was tried: %w", err)
	}
	return attempts, nil
}
