// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/a4u2/au/provision/step"
)

// change is a command's change: how it is found out, and the messages about it. Each command that changes something ends in finish.
type change struct {
	ctx     context.Context // nil: nothing ends it
	runner  *step.Runner    // nil: one is made once there is something to do
	dryRun  bool
	plan    func() ([]step.Step, step.Seen, error) // made anew where the machine has changed since, and, with stages, until it is empty
	stages  bool                                   // what is to be done depends on what has been
	useless func([]step.Step) error                // says why stages that were carried out have had no effect
	record  func() (bool, error)                   // changes the human's config afterwards, and reports whether it had to; in a dry run it only says so
	held    func(changed bool) error               // whether it holds now; not in a dry run
	about   func(error) error                      // says what was being done; nil: the error says so itself
	rest    string                                 // the command that does the rest, where what was done cannot all be taken back
	onward  bool                                   // what was done stays where something fails: rest does what is left
	failed  func(error) error                      // says how it failed, in place of about and rest; what was done stays
	nothing func()                                 // says that there was nothing to do
	done    func()                                 // says what holds now; not in a dry run
	applied int                                    // how many plans have been carried out
}

// attempts is how often a plan is made: the machine changes while others make agents.
const attempts = 25

// finish plans, carries out, takes back where something fails, and says what came of it. It reports whether there was anything to
// do.
func (a *app) finish(c *change) (changed bool, err error) {
	err = a.carryOut(c)
	recorded := false
	if err == nil && c.record != nil {
		recorded, err = c.record()
	}
	changed = c.applied > 0 || recorded
	a.changed = a.changed || changed
	if err != nil {
		return changed, a.unfinished(c, err)
	}
	if c.held != nil && !c.dryRun {
		if err := c.held(changed); err != nil {
			return changed, err
		}
	}
	switch {
	case !changed && c.nothing != nil:
		c.nothing()
	case changed && !c.dryRun && c.done != nil:
		c.done()
	}
	return changed, nil
}

// carryOut applies the plan, or one stage after the other.
func (a *app) carryOut(c *change) error {
	ctx := c.ctx
	if ctx == nil {
		ctx = context.Background()
	}
	if c.plan == nil {
		return nil
	}
	var before []step.Step
	for range attempts {
		steps, seen, err := c.plan()
		switch {
		case err != nil || len(steps) == 0:
			return err
		case c.stages && reflect.DeepEqual(steps, before):
			return c.useless(steps)
		}
		if err := a.needRunner(c); err != nil {
			return err
		}
		c.runner.Seen = seen
		err = c.runner.Apply(ctx, steps)
		if errors.Is(err, step.ErrStale) {
			before = nil
			continue
		}
		if err != nil {
			return err
		}
		c.applied, before = c.applied+1, steps
		if !c.stages || c.dryRun {
			return nil
		}
	}
	return step.ErrStale
}

func (a *app) needRunner(c *change) (err error) {
	if c.runner == nil {
		c.runner, err = a.runner(a.out, c.dryRun)
	}
	return err
}

// unfinished takes back what was done before err, and returns what there is to say in the end.
func (a *app) unfinished(c *change, err error) error {
	about := c.about
	if about == nil {
		about = func(err error) error { return err }
	}
	switch {
	case c.failed != nil:
		return c.failed(err)
	case c.runner == nil: // nothing was done yet
		return err
	case c.onward:
		return hintError{about(err), c.rest}
	}
	return a.undo(c.runner, about, c.rest, err)
}

// undo takes back the steps that r ran before err, and returns the error for the end. about names the act, and hint is the command
// that does the rest if not all could be taken back.
func (a *app) undo(r *step.Runner, about func(error) error, hint string, err error) error {
	var failed step.Failure
	var lost step.Lost
	errors.As(err, &failed)
	switch {
	case errors.As(err, &lost):
		return hintError{about(err), hint}
	case !failed.Said && !r.Changed():
		return about(err)
	case !failed.Said:
		a.say(err)
		fmt.Fprintln(a.err, "au: taking back what was done")
	}
	left := r.Rollback()
	if failed.Left {
		left = errors.Join(failed, left)
	}
	if left != nil {
		return hintError{about(fmt.Errorf("not all of it could be taken back: %w", left)), hint}
	}
	return about(errors.New("nothing was changed in the end, for the reason above"))
}

// saying returns what prints a line on standard output.
func (a *app) saying(line string) func() {
	return func() { fmt.Fprintln(a.out, line) }
}

// planned is a plan that has been made, and depends on nothing that may change.
func planned(steps []step.Step) func() ([]step.Step, step.Seen, error) {
	return func() ([]step.Step, step.Seen, error) { return steps, nil, nil }
}
