// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"fmt"
	"maps"

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

// begin makes all ready, and only then notes the direction: the step in question is known no more after that.
func (j *journal) begin(back bool) error {
	if err := j.stage(back); err != nil {
		return err
	}
	return j.note(j.done, back)
}

// forward does what is not done yet.
func (j *journal) forward() error {
	if err := j.begin(false); err != nil {
		return err
	}
	for j.done < len(j.Ops) {
		o := j.Ops[j.done]
		if err := j.do(o); err != nil {
			return fmt.Errorf("keep %s: %w", o.named(), err)
		}
		j.between()
		if err := j.note(j.done+1, false); err != nil {
			return err
		}
	}
	return j.unstage(j.putAside, j.isPutAside)
}

// backward takes back what is done, the last first.
func (j *journal) backward() error {
	if err := j.begin(true); err != nil {
		return err
	}
	for j.done > 0 {
		o := j.Ops[j.done-1]
		if err := j.takeBack(o); err != nil {
			return fmt.Errorf("take back %s: %w", o.named(), err)
		}
		j.between()
		if err := j.note(j.done-1, true); err != nil {
			return err
		}
	}
	return j.unstage(j.takeIn, j.isTakenIn)
}

func (j *journal) do(o op) error {
	from, fromName := j.at(o.From)
	to, toName := j.at(o.To)
	switch o.Act {
	case before, after:
		err := o.give(to, toName)
		if o.To.In == theFolder && (isObject(toName) || within([]string{gitsRefs}, toName)) && wentMeanwhile(err) {
			return nil // git removes a folder when it has packed all that is in it
		}
		return err
	case mkdir:
		return to.within(toName, func(dir int, base string) error { return unix.Mkdirat(dir, base, 0o700) })
	case fill:
		return fillIn(from, fromName, to, toName)
	case exchange:
		return j.exchange(o, from, fromName, to, toName)
	}
	if o.To.In == theFolder && isObject(toName) {
		if err := to.makeAbove(toName); err != nil {
			return err
		}
	}
	if o.From.In == theUpper && o.To.In == theFolder {
		if err := from.disarm(fromName); err != nil {
			return err
		}
	}
	if err := moveTo(from, fromName, to, toName); err != nil {
		return err
	}
	j.between()
	return j.check(o, to, toName, func() error { return moveTo(to, toName, from, fromName) })
}

// give gives a folder what it is to have, or lets its owner write in it.
func (o op) give(in place, name string) error {
	if o.Act == after {
		return in.setMeta(name, o.Meta)
	}
	return in.openUp(name)
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
	if vintageOf(st) == o.Was || j.Staging != "" && o.Was.isOf(st) {
		if o.In == 0 { // no folder, or an earlier au has noted none
			return nil
		}
		in, unread := at.sumOf(name, st, func(string) bool { return false })
		if unread == nil && in == o.In {
			return nil
		}
	}
	failed := back()
	if failed != nil { // what was put aside is not forgotten
		failed = errors.Join(failed, j.note(j.done+1, false))
	}
	return errors.Join(errMoved, failed)
}

// errEdited is where the human changed something that no other place has, after it was kept.
var errEdited = errors.New("you have changed it since it was kept: want it elsewhere")

func (j *journal) takeBack(o op) error {
	from, fromName := j.at(o.From)
	to, toName := j.at(o.To)
	if o.To.In == theFolder && o.Act != exchange {
		st, there, err := j.found(toName)
		isDir := st.Mode&unix.S_IFMT == unix.S_IFDIR
		if err != nil || !there || !isDir && (o.Act == before || o.Act == after) {
			return err // the human has removed, or replaced, what the keep had put there
		}
	}
	switch o.Act {
	case before:
		return to.setMeta(toName, o.Meta)
	case after:
		return to.openUp(toName)
	case mkdir:
		err := to.within(toName, func(dir int, base string) error { return unix.Unlinkat(dir, base, unix.AT_REMOVEDIR) })
		if err == unix.ENOTEMPTY || err == unix.ENOENT || err == unix.ENOTDIR {
			return nil // the human's own files are in it
		}
		return err
	case fill:
		return fillBack(from, fromName, to, toName)
	case exchange:
		if err := to.makeAbove(toName); err != nil {
			return err
		}
		return exchangeBack(from, fromName, to, toName)
	}
	return j.moveBack(o, from, fromName, to, toName)
}

// moveBack moves something to where it was. The human may have removed the folder that it was in, or itself.
func (j *journal) moveBack(o op, from place, name string, to place, toName string) error {
	if _, there, err := to.exists(toName); err != nil || !there && o.From.In == theFolder && (o.Low == "" || o.To.In == theStaging) {
		return err // the human has removed it since, or renamed a folder
	}
	if err := from.makeAbove(name); err != nil {
		return err
	}
	if err := moveTo(to, toName, from, name); err != nil || !o.Copy {
		return err
	}
	alike, err := o.isStill(from, name)
	if err != nil || !alike {
		if err == nil {
			err = errEdited
		}
		err = errors.Join(err, moveTo(from, name, to, toName))
	}
	return err
}

// isStill reports whether a copy is as it was put into the folder.
func (o op) isStill(in place, name string) (bool, error) {
	st, err := in.stat(name)
	if isSealed(o.To.Path) {
		o.Is.Mtime = st.Mtim.Nano()
	}
	was := unix.Stat_t{Mode: o.Meta.Mode, Gid: o.Meta.Gid}
	isMode := was.Mode == 0 || (rights(st, was)^rights(was, st))&^unix.S_ISGID == 0 // an earlier au has noted none
	if err != nil || !isMode || !o.Is.isOf(st) {
		return false, err
	}
	var now map[string]string
	err = in.withFile(name, func() (err error) { now, err = in.attributes(name); return err })
	return err == nil && maps.Equal(ofTheUser(now), ofTheUser(o.Meta.Attrs)), err
}

// fillBack removes a copy; where the draft does not have it any more, that has it again.
func fillBack(from place, name string, to place, toName string) error {
	if _, there, err := from.exists(name); err != nil || there {
		return errors.Join(err, to.removeTree(toName))
	}
	if _, there, err := to.exists(toName); err != nil || !there {
		return err
	}
	if err := from.makeAbove(name); err != nil {
		return err
	}
	return rename(to, toName, from, name, unix.RENAME_NOREPLACE)
}
