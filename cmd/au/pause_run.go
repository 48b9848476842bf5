// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision"
)

// stopRun ends one run of an agent that is the caller's: of their own without root's help, of another human as root.
func (a *app) stopRun(id string, dryRun bool) error {
	run, err := a.findRun(id)
	if err != nil {
		return err
	}
	done := fmt.Sprintf("Run %s has ended: %s of %s, in agent %s", run.ID, quote.Name(run.Command), quote.Name(run.Human), run.Agent)
	if int(run.HumanUID) != a.host.UID() && a.host.UID() != 0 {
		return a.stopOthersRun(run, dryRun, done)
	}
	fmt.Fprintf(a.out, "# same as: kill %d; sleep 5; kill -KILL %d\n", run.PID, run.PID)
	if dryRun {
		return nil
	}
	ended, err := a.host.ForRun().End(run, a.host.Patience/2, a.host.Patience)
	switch {
	case err != nil:
		return hintError{err, "au stop --agent " + run.Agent}
	case !ended:
		return errNoRun(id)
	}
	a.saying(done)()
	return nil
}

// stopOthersRun ends the run of another human of the same agent.
func (a *app) stopOthersRun(run start.Run, dryRun bool, done string) error {
	self, err := a.host.OwnPath()
	if err != nil {
		return err
	}
	policy, err := a.host.AgentPolicy(run.Agent)
	if err != nil {
		return err
	}
	_, err = a.finish(&change{
		dryRun: dryRun, plan: planned(provision.PlanEndRun(policy.UID, run.HumanUID, run.ID, run.PID, self)),
		held: func(bool) error {
			if a.host.ForRun().GoesOn(run) {
				return hintError{fmt.Errorf("run %s is still running", run.ID), "au stop --agent " + run.Agent}
			}
			return nil
		},
		done: a.saying(done),
	})
	return err
}

// findRun returns the run of that id, of an agent that is the caller's.
func (a *app) findRun(id string) (found start.Run, err error) {
	runs, err := a.runs()
	if errors.Is(err, start.ErrHidden) {
		return found, hintError{start.ErrHidden, "sudo au stop " + quote.Word(id)}
	}
	if err != nil {
		return found, err
	}
	mine := slices.DeleteFunc(runs, func(r start.Run) bool { return r.ID != id })
	if len(mine) == 0 && a.host.ForRun().IsAgent(id) {
		return found, hintError{fmt.Errorf("run %q: that is the name of an agent, not the id of a run", id), "au stop --agent " + id}
	}
	return theRun(mine, id)
}

// theRun returns the one of the runs with that id. Where there are several it chooses none.
func theRun(runs []start.Run, id string) (start.Run, error) {
	switch len(runs) {
	case 0:
		return start.Run{}, errNoRun(id)
	case 1:
		return runs[0], nil
	}
	var names []string
	for _, r := range runs {
		names = append(names, fmt.Sprintf("process %d is %s of %s, in agent %s", r.PID, quote.Name(r.Command), quote.Name(r.Human), r.Agent))
	}
	return start.Run{}, hintError{fmt.Errorf("run %q: %d runs have this id, so none is ended: %s", id, len(runs), strings.Join(names, "; ")), "kill PROCESS"}
}

func errNoRun(id string) error {
	return hintError{fmt.Errorf("run %q: none of your agents has a run with this id", id), "au list"}
}
