// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"

	"github.com/a4u2/au/cmd/au/terminal"
	auslices "github.com/a4u2/au/slices"
)

// afterCmd says what is to be said after a run. The entrypoint's waiter becomes it, as the caller, only when something is: no Go process
// waits for a run to end.
type afterCmd struct {
	agentFlag
	Status   int    `env:"AU_STATUS" help:"Exit status of the run, which becomes that of this."`
	OOMKills uint64 `name:"oom-kills" env:"AU_KILLS" help:"How many of the agent's processes the kernel ended for want of memory meanwhile."`
	Since    int64  `help:"When the run began, in nanoseconds since 1970."`
	Shares   string `help:"Folders that the agent could write, as a JSON list."`
}

func (c *afterCmd) Run(a *app) error {
	if terminal.Killed(c.Status) || c.OOMKills > 0 {
		terminal.SayEnded()
	}
	if c.OOMKills > 0 {
		c.sayOOM(a)
	}
	if c.Shares != "" {
		c.sayChanged(a)
	}
	if c.Status != 0 {
		return exitError(c.Status)
	}
	return nil
}

// sayOOM says whose limit it was. The count is of all the agent's runs at once: they share the limit, and so its end.
func (c *afterCmd) sayOOM(a *app) {
	policy, err := made(c.Agent)
	if err != nil {
		return
	}
	ended := "ended a process of it"
	if c.OOMKills > 1 {
		ended = fmt.Sprintf("ended %d processes of it", c.OOMKills)
	}
	usage, err := tree().Usage(policy.UID)
	if err != nil || usage.MemMax == auslices.Infinity {
		fmt.Fprintf(a.err, "au: this machine ran out of memory, and agent %q has no limit of its own: the kernel %s\n", c.Agent, ended)
		return
	}
	fmt.Fprintf(a.err, "au: agent %q used up its memory limit of %s: the kernel %s\n", c.Agent, auslices.FormatBytes(usage.MemMax), ended)
	if isDeclared(c.Agent) {
		fmt.Fprintf(a.err, "au: security.au.agents.%s.memory in the NixOS configuration is what to raise\n", c.Agent)
		return
	}
	fmt.Fprintf(a.err, "au: hint: au limits set --agent %s --mem %s\n", c.Agent, auslices.FormatBytes(2*usage.MemMax))
}
