// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"

	"github.com/a4u2/au/provision"
	auslices "github.com/a4u2/au/slices"
)

type limitsSetCmd struct {
	agentFlag
	limitFlags
	planFlags
}

// Validate refuses a command that sets nothing.
func (c *limitsSetCmd) Validate() error {
	if c.limits().Empty() {
		return errors.New("no limit to set: want one such as --cpu 150% or --mem 16G")
	}
	return nil
}

func (c *limitsSetCmd) Run(a *app) error {
	if err := c.settle(a); err != nil {
		return err
	}
	want := c.limits()
	policy, err := a.host.AgentPolicy(c.Agent)
	if err != nil {
		return err
	}
	now, err := a.host.SliceProperties(policy.UID)
	if err != nil {
		return limitsError(c.Agent, err)
	}
	plan, err := a.planLimits(policy, want, now)
	if err != nil {
		return err
	}
	_, err = a.finish(&change{
		dryRun: c.DryRun, plan: planned(plan), about: func(err error) error { return limitsError(c.Agent, err) },
		held: func(changed bool) error {
			if !changed {
				return nil
			}
			return limitsError(c.Agent, a.host.NotHeld(c.Agent, policy.UID, want.Properties(a.host.Capacity())))
		},
		nothing: a.saying(fmt.Sprintf("Agent %s already has these limits; nothing to do", c.Agent)),
		done:    a.saying(fmt.Sprintf("Limits of agent %s hold from now on", c.Agent)),
	})
	return err
}

type limitsResetCmd struct {
	agentFlag
	CPU       bool `help:"Reset the CPU limit only."`
	Mem       bool `help:"Reset the memory limit, and the swap limit with it."`
	Swap      bool `help:"Reset the swap limit only."`
	Tasks     bool `help:"Reset the limit on processes and threads only."`
	CPUWeight bool `name:"cpu-weight" help:"Reset the share of a busy CPU only."`
	IOWeight  bool `name:"io-weight" help:"Reset the share of a busy disk only."`
	planFlags
}

// properties returns those that are asked for: all, where none is named. The swap limit goes with the memory limit it came with.
func (c *limitsResetCmd) properties() []string {
	var asked []string
	for i, on := range []bool{c.CPU, c.Mem, c.Swap || c.Mem, c.Tasks, c.CPUWeight, c.IOWeight} {
		if on {
			asked = append(asked, auslices.Names()[i])
		}
	}
	if asked == nil {
		return auslices.Names()
	}
	return asked
}

func (c *limitsResetCmd) Run(a *app) error {
	policy, err := a.host.AgentPolicy(c.Agent)
	if err != nil {
		return err
	}
	record, err := a.host.LimitsRecord(c.Agent)
	if err != nil {
		return limitsError(c.Agent, err)
	}
	self, err := a.host.OwnPath()
	if err != nil {
		return err
	}
	plan := provision.PlanReset(self, c.Agent, record, c.properties(), a.host.DropIns(auslices.Name(policy.UID), false))
	if len(plan) > 0 {
		// One question first: where systemd does not answer, that is known before anything has changed, and each step would wait by
		// itself.
		if _, err := a.host.SliceProperties(policy.UID); err != nil {
			return limitsError(c.Agent, err)
		}
	}
	_, err = a.finish(&change{
		dryRun: c.DryRun, plan: planned(plan), about: func(err error) error { return limitsError(c.Agent, err) },
		nothing: a.saying(fmt.Sprintf("au has set no such limit on agent %s; nothing to do", c.Agent)),
		done:    a.saying(fmt.Sprintf("Limits of agent %s are as before au set them", c.Agent)),
	})
	return err
}

type limitsShowCmd struct {
	agentFlag
	JSON bool `name:"json" help:"Print JSON."`
}

func (c *limitsShowCmd) Run(a *app) error {
	policy, err := a.host.AgentPolicy(c.Agent)
	if err != nil {
		return err
	}
	view, err := observeLimits(a.host, policy)
	if err != nil {
		return limitsError(c.Agent, err)
	}
	if c.JSON {
		return a.printJSON(view)
	}
	view.print(a)
	return nil
}
