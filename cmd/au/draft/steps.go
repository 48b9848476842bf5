// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"fmt"

	"github.com/a4u2/au/internal/quote"
	"golang.org/x/sys/unix"
)

// errMoved is where the human changed something while a keep ran.
var errMoved = errors.New("it has changed while the draft was kept")

// named is what a message calls a step: a place in the folder, where it has one.
func (o op) named() string {
	if o.From.In == theFolder && o.To.In != theFolder {
		return quote.Name(o.From.Path)
	}
	return quote.Name(o.To.Path)
}

// forward does what is not done yet.
func (j *journal) forward() error {
	if err := j.note(j.done, false); err != nil {
		return err
	}
	for j.done < len(j.Ops) {
		o := j.Ops[j.done]
		j.now = j.done
		if err := j.do(o); err != nil {
			return fmt.Errorf("keep %s: %w", o.named(), err)
		}
		j.between()
		if err := j.note(j.done+1, false); err != nil {
			return err
		}
	}
	return nil
}

// backward takes back what is done, the last first.
func (j *journal) backward() error {
	if err := j.note(j.done, true); err != nil {
		return err
	}
	for j.done > 0 {
		o := j.Ops[j.done-1]
		j.now = j.done - 1
		if err := j.takeBack(o); err != nil {
			return fmt.Errorf("take back %s: %w", o.named(), err)
		}
		j.between()
		if err := j.note(j.done-1, true); err != nil {
			return err
		}
	}
	return nil
}

func (j *journal) do(o op) error {
	from, fromName := j.at(o.From)
	to, toName := j.at(o.To)
	switch o.Act {
	case before:
		return to.openUp(toName)
	case after:
		return to.setMeta(toName, o.Meta)
	case mkdir:
		return to.within(toName, func(dir int, base string) error { return unix.Mkdirat(dir, base, 0o700) })
	case fill:
		return fillIn(from, fromName, to, toName)
	case exchange:
		return j.exchange(o, from, fromName, to, toName)
	}
	if o.From.In == theUpper && o.To.In == theFolder {
		if err := from.disarm(fromName); err != nil {
			return err
		}
	}
	if err := j.move(from, fromName, to, toName); err != nil {
		return err
	}
	return j.check(o, to, toName, func() error { return j.move(to, toName, from, fromName) })
}

// check holds what a step put aside against what the plan found; where the human was faster, back puts it back.
func (j *journal) check(o op, at place, name string, back func() error) error {
	if o.Was == (vintage{}) {
		return nil
	}
	st, err := at.stat(name)
	if err != nil {
		return err
	}
	if vintageOf(st) == o.Was || j.apart && o.Was.isOf(st) {
		return nil
	}
	failed := back()
	if failed != nil { // what was put aside is not forgotten
		failed = errors.Join(failed, j.note(j.done+1, false))
	}
	return errors.Join(errMoved, failed)
}

func (j *journal) takeBack(o op) error {
	from, fromName := j.at(o.From)
	to, toName := j.at(o.To)
	if o.Act == after || o.Act == move && o.From.In == theUpper && o.To.In == theFolder {
		if _, there, err := j.found(toName); err != nil || !there {
			return err // the human has removed what the draft had put there
		}
	}
	switch o.Act {
	case before:
		return to.setMeta(toName, o.Meta)
	case after:
		return to.openUp(toName)
	case mkdir:
		err := to.within(toName, func(dir int, base string) error { return unix.Unlinkat(dir, base, unix.AT_REMOVEDIR) })
		if err == unix.ENOTEMPTY || err == unix.ENOENT {
			return nil // the human's own files are in it
		}
		return err
	case fill:
		return to.removeTree(toName)
	case exchange:
		return j.exchangeBack(from, fromName, to, toName)
	}
	return j.move(to, toName, from, fromName)
}
