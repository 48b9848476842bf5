// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/a4u2/au/netfilter"
	netkernel "github.com/a4u2/au/netfilter/kernel"
	"github.com/a4u2/au/provision/step"
)

// escape tries to get out of a restricted network as the agent, past all layers, and in the agent's slice as another user, past the
// slice's filter alone where that is up.
func (a *app) escape(p netfilter.Policy, layers []layerView, show io.Writer) (asAgent, past []netkernel.Attempt, err error) {
	runner, err := a.runner(show, false)
	if err != nil {
		return nil, nil, err
	}
	program := a.host.NetProgram(p.Agent)
	asAgent, err = probe(runner, step.Human("/proc/self/exe", "run", "--agent", p.Agent, "--directory", "/", "--", program, "net", "probe"), "au")
	if err != nil {
		return nil, nil, fmt.Errorf("try to get out as the agent: %w", err)
	}
	for _, layer := range layers {
		if layer.Name != "slice" || !layer.Up {
			continue
		}
		past, err = probe(runner, step.Root("systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--slice="+p.SliceName(), "--uid=nobody",
			program, "net", "probe", "--slice"), "")
		if err != nil {
			return asAgent, nil, fmt.Errorf("try to get out in the agent's slice as another user: %w", err)
		}
		for i := range past {
			past[i].What += " as another user in the agent's slice"
		}
	}
	return asAgent, past, nil
}

// probe runs the command, printed with name as its first word where one is given, and reads what it tried.
func probe(runner *step.Runner, c step.Command, name string) ([]netkernel.Attempt, error) {
	shown := c
	if name != "" {
		shown.Argv = append([]string{name}, c.Argv[1:]...)
	}
	fmt.Fprintf(runner.Out, "$ %s\n", shown.Shell(runner.Elevate))
	var out bytes.Buffer
	quiet := *runner
	quiet.Out = &out
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
