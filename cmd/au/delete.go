// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/step"
)

type deleteCmd struct {
	agentFlag
	DeleteHome bool `short:"H" help:"Delete the agent's home too."`
	Yes        bool `short:"y" help:"Do not ask."`
	planFlags
}

func (c *deleteCmd) Run(a *app) error {
	human, known, err := a.humanAndConfig()
	if err != nil {
		return err
	}
	entry := known.Agent(c.Agent)
	facts, err := c.observe(a, human, entry)
	if err != nil {
		return err
	}
	runner, err := a.runner(a.out, c.DryRun)
	if err != nil {
		return err
	}
	if facts.Policy == nil && facts.PolicyErr == nil && entry != nil {
		return c.unmarked(a, runner, facts, *entry)
	}
	if plan := provision.PlanDeleteUnmarked(facts); facts.Policy == nil && facts.PolicyErr == nil && len(plan) > 0 {
		_, err := a.finish(&change{runner: runner, plan: planned(plan)})
		return err
	}
	if provision.Gone(facts) {
		fmt.Fprintf(a.out, "There is no agent %s on this machine; nothing to do\n", c.Agent)
		return nil
	}
	if err := c.ask(a, facts); err != nil {
		return err
	}
	drafts, err := a.draftsLeft(human, c.Agent, "", c.Yes, c.DryRun)
	if err != nil {
		return err
	}
	if err := c.takeAway(a, runner, facts, entry); err != nil {
		return err
	}
	if err := c.forget(a, human, entry != nil); err != nil {
		return err
	}
	return drafts()
}

// observe looks at the agent, which may be one that the original made: its entry in the config says so.
func (c *deleteCmd) observe(a *app, human provision.User, entry *config.Agent) (provision.Facts, error) {
	check := provision.CheckName
	if entry != nil && entry.Entrypoint != csrc.EntrypointPath(c.Agent) {
		check = provision.CheckLegacyName
	}
	if err := check(c.Agent); err != nil {
		return provision.Facts{}, err
	}
	facts, err := a.host.Observe(c.Agent, human)
	if !csrc.IsName(c.Agent) {
		facts.PolicyErr = nil // no policy has such a name
	}
	return facts, err
}

// ask refuses what can be refused before anything is ended, and asks.
func (c *deleteCmd) ask(a *app, facts provision.Facts) error {
	if err := provision.CheckDelete(c.Agent, facts); err != nil {
		return refusal(err)
	}
	if _, err := a.host.ObserveNet(c.Agent); err != nil {
		return err
	}
	question := fmt.Sprintf("Delete agent %s%s?", c.Agent, map[bool]string{true: " and " + facts.Policy.Home}[c.DeleteHome])
	return a.confirm(question, c.Yes || c.DryRun)
}

// takeAway takes the agent off the machine.
func (c *deleteCmd) takeAway(a *app, runner *step.Runner, facts provision.Facts, entry *config.Agent) error {
	human, first := facts.Human, true
	_, err := a.finish(&change{
		runner: runner, dryRun: c.DryRun,
		plan: func() (plan []step.Step, seen step.Seen, err error) {
			if !first {
				facts, err = a.host.Observe(c.Agent, human)
			}
			if first = false; err != nil || facts.Policy == nil {
				return nil, nil, err
			}
			return c.plan(a, runner, facts, entry)
		},
		failed: func(err error) error { return c.halfDone(a, human, err) },
	})
	return err
}

// plan ends the agent's processes, which would do more while the rest goes, and its shares, and returns what takes away all else.
func (c *deleteCmd) plan(a *app, runner *step.Runner, facts provision.Facts, entry *config.Agent) ([]step.Step, step.Seen, error) {
	thaw, err := planThaw(a.host, *facts.Policy)
	if err == nil {
		facts, err = stopAll(a.host, runner, facts, thaw, provision.PlanStop, c.again())
	}
	if err == nil {
		err = refusal(provision.CheckDelete(c.Agent, facts))
	}
	if err != nil {
		return nil, nil, err
	}
	a.endShares(context.Background(), runner, facts.Human, *facts.Policy, entry)
	var plan []step.Step
	// Before its uid can be another's: rules that outlive an agent would restrict whoever comes next.
	network, err := a.host.ObserveNet(c.Agent)
	if err != nil {
		return nil, nil, err
	}
	seen := facts.Seen.Only(csrc.PolicyPath(c.Agent))
	if network.Any() {
		plan = planNetOff(network)
		maps.Copy(seen, network.Seen)
	}
	return append(plan, provision.PlanDelete(facts, c.DeleteHome)...), seen, nil
}

// forget takes the agent out of the human's config.
func (c *deleteCmd) forget(a *app, human provision.User, recorded bool) error {
	_, err := a.finish(&change{
		dryRun: c.DryRun,
		record: func() (bool, error) {
			if !recorded || c.DryRun {
				return true, nil
			}
			return true, a.save(human, a.out, record{Remove: c.Agent})
		},
		done: a.saying(fmt.Sprintf("Deleted agent %s", c.Agent)),
	})
	return err
}

// again is the command that does the rest.
func (c *deleteCmd) again() string {
	return "au delete --agent " + c.Agent + map[bool]string{true: " --delete-home"}[c.DeleteHome]
}

// halfDone says err, and what is left of the agent.
func (c *deleteCmd) halfDone(a *app, human provision.User, err error) error {
	h := hintError{err, c.again()}
	known := errors.As(err, &h)
	if !known {
		err = fmt.Errorf("delete agent %q: %w", c.Agent, err)
	}
	a.say(err)
	if facts, err := a.host.Observe(c.Agent, human); err == nil {
		if all := a.host.Survivors(host.AgentUID(facts)); !known && facts.Ours() && len(all) > 0 {
			errors.As(undying(c.Agent, all, c.again()), &h)
			a.say(h.error)
		}
		left := provision.Remaining(facts, c.DeleteHome)
		if network, err := a.host.ObserveNet(c.Agent); err == nil && network.Any() {
			left = append(left, "the rules of its network")
		}
		fmt.Fprintf(a.err, "au: left over from agent %s: %s\n", c.Agent, strings.Join(left, ", "))
	}
	a.hint(h.hint)
	return exitError(statusFailed)
}

// unmarked deletes an agent that is in the config and has no policy: one that the original made, or the rest of one that is gone.
func (c *deleteCmd) unmarked(a *app, runner *step.Runner, facts provision.Facts, entry config.Agent) error {
	if !provision.LegacyRemains(entry, facts) {
		if err := a.confirm(fmt.Sprintf("Agent %s is gone from this machine. Forget it?", c.Agent), c.Yes || c.DryRun); err != nil {
			return err
		}
		if err := runner.Apply(context.Background(), provision.PlanDeleteUnmarked(facts)); err != nil {
			return err
		}
		return c.forget(a, facts.Human, true)
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
	if err := c.forget(a, facts.Human, true); err != nil || c.DryRun {
		return err
	}
	a.sayShares(entry)
	return nil
}
