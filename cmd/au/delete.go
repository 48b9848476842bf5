// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/step"
)

type deleteCmd struct {
	agentFlag
	DeleteHome bool `short:"H" help:"Delete the agent's home too."`
	Yes        bool `short:"y" help:"Do not ask."`
	DryRun     bool `help:"Print what would be done, and do nothing."`
}

func (c *deleteCmd) Run(a *app) error {
	human, err := a.human()
	if err != nil {
		return err
	}
	if err := provision.CheckName(c.Agent); err != nil {
		return err
	}
	known, err := a.load(human)
	if err != nil {
		return err
	}
	facts, err := observe(c.Agent, human)
	if err != nil {
		return err
	}
	runner, err := a.runner(a.out, c.DryRun)
	if err != nil {
		return err
	}
	entry := known.Agent(c.Agent)
	if facts.Policy == nil && facts.PolicyErr == nil && entry != nil {
		return c.unmarked(a, runner, facts, *entry)
	}
	if plan := provision.PlanDeleteUnmarked(facts); facts.Policy == nil && facts.PolicyErr == nil && len(plan) > 0 {
		return runner.Apply(context.Background(), plan)
	}
	if err := provision.CheckDelete(c.Agent, facts); err != nil {
		return err
	}
	question := fmt.Sprintf("Delete agent %s%s?", c.Agent, map[bool]string{true: " and " + facts.Policy.Home}[c.DeleteHome])
	if err := a.confirm(question, c.Yes || c.DryRun); err != nil {
		return err
	}
	failed := func(err error) error {
		return hintError{fmt.Errorf("delete agent %q: %w", c.Agent, err), "au delete --agent " + c.Agent}
	}
	first, err := planDisarm(facts)
	if err != nil {
		return failed(err)
	}
	if facts, err = a.stopAll(runner, facts, first, provision.PlanStop); err != nil {
		return hintError{err, "au delete --agent " + c.Agent}
	}
	a.endShares(context.Background(), runner, human, *facts.Policy, entry)
	runner.Seen = facts.Seen.Only(csrc.PolicyPath(c.Agent))
	if err := runner.Apply(context.Background(), provision.PlanDelete(facts, c.DeleteHome)); err != nil {
		return failed(err)
	}
	return c.forget(a, runner, human, entry != nil)
}

// planDisarm returns what comes before an agent's processes end and its uid can be another's: rules that outlive an agent would restrict whoever comes next, and
// what is paused does not end.
func planDisarm(f provision.Facts) (plan []step.Step, err error) {
	if network, err := observeNet(f.Name); err == nil && network.Any() {
		plan = planNetOff(network)
	}
	thaw, err := planThaw(*f.Policy)
	return append(plan, thaw...), err
}

// forget takes the agent out of the human's config.
func (c *deleteCmd) forget(a *app, runner *step.Runner, human provision.User, recorded bool) error {
	if recorded && !runner.DryRun {
		if err := a.save(human, a.out, record{Remove: c.Agent}); err != nil {
			return err
		}
	}
	if !runner.DryRun {
		fmt.Fprintf(a.out, "Deleted agent %s\n", c.Agent)
	}
	return nil
}

// patience is how long processes that were killed have to go: one in an uninterruptible read may take a while.
var patience = 10 * time.Second

// stopAll does what comes first and ends the agent's processes, again and again where they start new ones. It returns the facts with none left.
func (a *app) stopAll(runner *step.Runner, facts provision.Facts, first []step.Step, plan func(provision.Facts) []step.Step) (provision.Facts, error) {
	pause := 50 * time.Millisecond
	for deadline := time.Now().Add(patience); ; time.Sleep(pause) {
		if err := runner.Apply(context.Background(), append(first, plan(facts)...)); err != nil {
			return facts, fmt.Errorf("end the processes of agent %q: %w", facts.Name, err)
		}
		first = nil
		if runner.DryRun {
			return facts, nil
		}
		next, err := observe(facts.Name, facts.Human)
		if err != nil {
			return facts, err
		}
		facts = next
		if len(facts.Leftovers.Running) == 0 {
			return facts, nil
		}
		pause = min(2*pause, time.Second)
		if time.Now().After(deadline) {
			return facts, fmt.Errorf("processes of agent %q will not die: %s", facts.Name, strings.Join(facts.Leftovers.Running, ", "))
		}
	}
}

// unmarked deletes an agent that stands in the config and has no policy: one that the original made, or the rest of one that is gone.
func (c *deleteCmd) unmarked(a *app, runner *step.Runner, facts provision.Facts, entry config.Agent) error {
	if facts.Agent == nil && facts.Group == nil {
		if err := a.confirm(fmt.Sprintf("Agent %s is gone from this machine. Forget it?", c.Agent), c.Yes || c.DryRun); err != nil {
			return err
		}
		if err := runner.Apply(context.Background(), provision.PlanDeleteUnmarked(facts)); err != nil {
			return err
		}
		return c.forget(a, runner, facts.Human, true)
	}
	if err := provision.CheckDeleteLegacy(entry, facts); err != nil {
		return err
	}
	question := fmt.Sprintf("Delete agent %s%s, made by agent-as-unix-user 2.x?", c.Agent, map[bool]string{true: " and " + csrc.HomePath(c.Agent)}[c.DeleteHome])
	if provision.LegacyStranger(entry, facts) {
		question = fmt.Sprintf("agent-as-unix-user 2.x began to make agent %s, and there was a user of that name. The user stays. Forget the agent?", c.Agent)
	}
	if err := a.confirm(question, c.Yes || c.DryRun); err != nil {
		return err
	}
	if err := a.takeApart(runner, facts, entry, c.DeleteHome); err != nil {
		return err
	}
	if err := c.forget(a, runner, facts.Human, true); err != nil || c.DryRun {
		return err
	}
	a.sayShares(entry)
	return nil
}
