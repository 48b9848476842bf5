// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/step"
	auslices "github.com/a4u2/au/slices"
)

// stopAll does what comes first and ends the agent's processes, again and again where they are started anew. It returns the facts
// with none left. then is the command that does the rest once what holds one of them has been ended.
func stopAll(h *host.Host, runner *step.Runner, facts provision.Facts, first []step.Step, plan func(provision.Facts) []step.Step, then string) (provision.Facts, error) {
	if facts.Agent == nil || runner.DryRun {
		return facts, runner.Apply(context.Background(), append(first, plan(facts)...))
	}
	uid := facts.Agent.UID
	before, err := survivors(h, runner, uid, 0)
	elsewhere := slices.ContainsFunc(before, func(s host.Survivor) bool { return !s.Own })
	for deadline := time.Now().Add(h.Patience); err == nil; {
		if err = runner.Apply(context.Background(), append(first, plan(facts)...)); err != nil {
			return facts, fmt.Errorf("end the processes of agent %q: %w", facts.Name, err)
		}
		first = nil
		var left []host.Survivor
		if left, err = survivors(h, runner, uid, min(h.Patience/4, time.Second)); err == nil && len(left) == 0 && elsewhere {
			left, err = returning(h, runner, uid)
		}
		if err == nil {
			facts, err = h.Observe(facts.Name, facts.Human)
		}
		switch {
		case err == nil && len(left) == 0:
			return facts, nil
		case err == nil && time.Now().After(deadline):
			return facts, undying(facts.Name, left, then)
		}
	}
	return facts, err
}

// settle is how long nothing of an agent may have been seen, where something that is not au's may start it again.
const settle = time.Second

// returning returns the processes of the uid as soon as there are some again, or none.
func returning(h *host.Host, r *step.Runner, uid uint32) (left []host.Survivor, err error) {
	for deadline := time.Now().Add(settle); err == nil && len(left) == 0 && time.Now().Before(deadline); {
		time.Sleep(settle / 5)
		left, err = survivors(h, r, uid, 0)
	}
	return left, err
}

// planThaw lets an agent go on if it is paused: systemd does nothing else with a unit that is frozen.
func planThaw(h *host.Host, p csrc.Policy) ([]step.Step, error) {
	if !h.CgroupTree().Frozen(p.Cgroups) {
		return nil, nil
	}
	return planPause(h, p, false)
}

func planPause(h *host.Host, p csrc.Policy, freeze bool) ([]step.Step, error) {
	t := h.CgroupTree()
	freezer := t.Freezer(p.UID, p.Name)
	if freezer == "" {
		return nil, errors.New("a pause needs cgroup v2, which this machine lacks; `au stop` ends the agent's processes")
	}
	return provision.PlanPause(p.Name, "/sys/fs/cgroup/"+freezer, t.Version() == auslices.Unified, freeze), nil
}
