// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/step"
	"golang.org/x/term"
)

type grantCmd struct {
	agentFlag
	Who string `arg:"" name:"human" help:"A user of this machine."`
	Yes bool   `short:"y" help:"Do not ask."`
	planFlags
}

type revokeCmd struct {
	agentFlag
	Who  string `arg:"" name:"human" help:"A user of this machine."`
	Stop bool   `help:"Also end their runs in the agent; without it au asks, on a terminal."`
	planFlags
}

func (c *grantCmd) Run(a *app) error {
	if err := c.ask(a); err != nil {
		return err
	}
	_, err := a.finish(&change{
		dryRun: c.DryRun, plan: func() ([]step.Step, step.Seen, error) {
			return a.planAdmission(c.Agent, c.Who, false, provision.PlanGrant)
		},
		about: func(err error) error { return fmt.Errorf("let %q into agent %q: %w", c.Who, c.Agent, err) }, rest: pasted("revoke", "--agent", c.Agent, c.Who),
		nothing: a.saying(fmt.Sprintf("%s may enter agent %s already; nothing to do", c.Who, c.Agent)),
		done:    a.saying(fmt.Sprintf("%s may enter agent %s now, with: au run --agent %s COMMAND", c.Who, c.Agent, c.Agent)),
	})
	return err
}

func (c *revokeCmd) Run(a *app) error {
	facts, who, err := a.granted(c.Agent, c.Who, true)
	if err != nil {
		return err
	}
	changed, err := a.finish(&change{
		dryRun: c.DryRun, plan: func() ([]step.Step, step.Seen, error) {
			return a.planAdmission(c.Agent, c.Who, true, provision.PlanRevoke)
		},
		rest: pasted("revoke", "--agent", c.Agent, c.Who), onward: true,
		nothing: a.saying(fmt.Sprintf("%s cannot enter agent %s; nothing to do", c.Who, c.Agent)),
		done: a.saying(fmt.Sprintf("%s may not enter agent %s any more. An open session of theirs keeps the group %s, and so the home's files, until it ends",
			c.Who, c.Agent, provision.GroupName(c.Agent))),
	})
	if err != nil || !changed && !c.Stop {
		return err
	}
	return c.endRuns(a, *facts.Policy, who)
}

// granted returns the facts about an agent, and the user who is to be let in, or out.
func (a *app) granted(agent, name string, revoke bool) (provision.Facts, provision.User, error) {
	human, err := a.human()
	if err != nil {
		return provision.Facts{}, human, err
	}
	if err := provision.CheckName(agent); err != nil {
		return provision.Facts{}, human, err
	}
	facts, err := a.host.Observe(agent, human)
	if err != nil {
		return facts, human, err
	}
	who, err := findHuman(a.host, name, facts, revoke)
	facts.Homes = append(facts.Homes, a.host.HomesOf([]provision.User{who}, 0)...)
	return facts, who, err
}

// ask says what it means that an agent has one more human, before it asks.
func (c *grantCmd) ask(a *app) error {
	facts, who, err := a.checkGrant(c.Agent, c.Who, false)
	if err != nil || facts.Policy.Admits(who.UID) {
		return err
	}
	fmt.Fprintf(a.err, "au: the humans of an agent have to trust each other. A program that one of them leaves in its home (~/.local/bin, .bashrc) runs in the runs of the others, "+
		"with the folders that they share and the secrets that they pass with -e. This would be so between %s and %s.\n", provision.HumanNames(*facts.Policy), c.Who)
	return a.confirm(fmt.Sprintf("Let %s enter agent %s?", c.Who, c.Agent), c.Yes || c.DryRun)
}

// planAdmission returns what lets that user in, or out, by fresh facts.
func (a *app) planAdmission(agent, name string, revoke bool, plan func(provision.Facts, provision.User) []step.Step) ([]step.Step, step.Seen, error) {
	facts, who, err := a.checkGrant(agent, name, revoke)
	if err != nil {
		return nil, nil, err
	}
	return plan(facts, who), facts.Seen.Only(csrc.PolicyPath(agent)), nil
}

// checkGrant returns what granted does, or why that user cannot be let in, or out.
func (a *app) checkGrant(agent, name string, revoke bool) (provision.Facts, provision.User, error) {
	facts, who, err := a.granted(agent, name, revoke)
	if err == nil {
		err = provision.CheckGrant(agent, who, facts, revoke)
	}
	return facts, who, err
}

// findHuman returns the user of that name; to shut one out, who may be gone from this machine, the one whom the policy calls so.
func findHuman(h *host.Host, name string, f provision.Facts, revoke bool) (provision.User, error) {
	if revoke && f.Policy != nil {
		for _, h := range f.Policy.Humans {
			if h.Name == name {
				return provision.User{UID: h.UID, Name: h.Name}, nil
			}
		}
	}
	who, ok, err := h.UserNamed(name)
	if err != nil || ok {
		return who, err
	}
	return who, fmt.Errorf("user %q: no such user on this machine", name)
}

// endRuns ends what somebody who was shut out runs in the agent, when that is asked for, and says so when it is not.
func (c *revokeCmd) endRuns(a *app, p csrc.Policy, who provision.User) error {
	runs := a.host.RunsOf(p.UID, who.UID)
	if len(runs) == 0 && !c.Stop || c.DryRun && !c.Stop {
		return nil
	}
	stop := c.Stop
	if !stop && term.IsTerminal(0) {
		stop = a.confirm(fmt.Sprintf("What %s runs in agent %s goes on. End it? (%d)", c.Who, c.Agent, len(runs)), false) == nil
	}
	if !stop {
		fmt.Fprintf(a.out, "The runs of %s in agent %s go on until they end. To end them: au revoke --agent %s --stop %s\n", c.Who, c.Agent, c.Agent, c.Who)
		return nil
	}
	self, err := a.host.OwnPath()
	if err != nil {
		return err
	}
	_, err = a.finish(&change{dryRun: c.DryRun, plan: planned(provision.PlanEndRuns(p, who, self))})
	return err
}
