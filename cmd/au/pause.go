// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/step"
	auslices "github.com/a4u2/au/slices"
)

type pauseCmd struct {
	agentFlag
	planFlags
}

func (c *pauseCmd) Run(a *app) error { return a.pause(c.Agent, true, c.DryRun) }

type resumeCmd struct {
	agentFlag
	planFlags
}

func (c *resumeCmd) Run(a *app) error { return a.pause(c.Agent, false, c.DryRun) }

// pause freezes all that runs of the agent, or lets it go on.
func (a *app) pause(agent string, freeze, dryRun bool) error {
	policy, usage, err := activeAgent(a.host, agent)
	if err != nil {
		return err
	}
	var plan []step.Step
	if usage.Frozen != freeze {
		if plan, err = planPause(a.host, policy, freeze); err != nil {
			return err
		}
	}
	state := map[bool]string{true: "paused", false: "running"}[freeze]
	_, err = a.finish(&change{
		dryRun: dryRun, plan: planned(plan),
		nothing: a.saying(fmt.Sprintf("Agent %s is %s already; nothing to do", agent, state)), done: a.saying(fmt.Sprintf("Agent %s is %s", agent, state)),
	})
	return err
}

type stopCmd struct {
	agentFlag
	Only string `arg:"" optional:"" name:"run" help:"End this run alone, of any agent of yours: its id, as au list shows it."`
	planFlags
}

func (c *stopCmd) Run(a *app) error {
	if c.Only != "" {
		return a.stopRun(c.Only, c.DryRun)
	}
	policy, _, err := activeAgent(a.host, c.Agent)
	if err != nil {
		return err
	}
	thaw, err := planThaw(a.host, policy)
	if err != nil {
		return err
	}
	runner, err := a.runner(a.out, c.DryRun)
	if err != nil {
		return err
	}
	_, err = a.finish(&change{
		runner: runner, dryRun: c.DryRun, plan: planned(provision.PlanEnd(c.Agent, policy.UID, thaw)),
		// The guard of a run is outside the unit, and ends when it has seen the end of the run.
		held: func(bool) error {
			left, err := survivors(a.host, runner, policy.UID, a.host.Patience/4)
			if err != nil {
				return err
			}
			return notEnded(c.Agent, left)
		},
		done: a.saying(fmt.Sprintf("Everything of agent %s has ended", c.Agent)),
	})
	return err
}

// notEnded says what is left of an agent's processes when its unit has been stopped; nil where nothing is.
func notEnded(agent string, left []host.Survivor) error {
	if len(left) == 0 {
		return nil
	}
	in := slices.DeleteFunc(slices.Clone(left), func(s host.Survivor) bool { return !s.Own })
	if len(in) > 0 {
		return undying(agent, in, "au stop --agent "+agent)
	}
	var names []string
	for _, s := range left {
		names = append(names, quote.Name(s.Process))
	}
	return hintError{fmt.Errorf("everything in the unit of agent %q has ended; root started these elsewhere, and they still run: %s", agent, strings.Join(names, ", ")),
		"sudo pkill -KILL -u " + agent}
}

// activeAgent returns an agent whose keeper runs, and what it uses.
func activeAgent(h *host.Host, agent string) (csrc.Policy, auslices.Usage, error) {
	policy, err := h.AgentPolicy(agent)
	if err != nil {
		return policy, auslices.Usage{}, err
	}
	usage, err := h.CgroupTree().Usage(policy.UID)
	if err == nil && !usage.Active {
		err = hintError{fmt.Errorf("agent %q has no cgroup: its unit %s does not run", agent, auslices.KeeperName(agent)), "au new --agent " + agent}
	}
	return policy, usage, err
}
