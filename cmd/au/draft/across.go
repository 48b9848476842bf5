// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"
)

// Between two file systems, files change places by copies. A copy of the human's file goes to the stash first. A mark in the stash
// says that the human's is nowhere else: it is made before another has its name, and goes before it has that again. While something
// in the folder has no name of its own yet, the mark says what will be true once it has.

func (j *journal) old() string  { return "x" + strconv.Itoa(j.now) }
func (j *journal) mark() string { return "r" + strconv.Itoa(j.now) }

func (j *journal) setMark() error {
	if err := unix.Mkdirat(j.stashed.fd, j.mark(), 0o700); err != unix.EEXIST {
		return j.stashed.failed("make", j.mark(), err)
	}
	return nil
}

// removeMark does that where something of the human is about to be in the folder again.
func (j *journal) removeMark(to place) error {
	if to.fd != j.folder.fd {
		return nil
	}
	return j.stashed.removeTree(j.mark())
}

// exchangeByCopy gives the draft's file the human's name. Then nothing is left where the draft's was.
func (j *journal) exchangeByCopy(o op, from place, name string, to place, toName string) error {
	_, there, err := j.stashed.exists(j.old())
	if err == nil && !there {
		err = fillIn(to, toName, j.stashed, j.old())
	}
	if err != nil {
		return err
	}
	j.between()
	aside, err := j.copyAside(from, name, to, toName)
	if err != nil {
		return err
	}
	j.between()
	if err = j.setMark(); err == nil { // it counts once that copy is gone
		j.between()
		err = o.isAsItWas(to, toName)
	}
	if err == nil {
		err = rename(to, aside, to, toName, 0)
	}
	if err != nil {
		return errors.Join(err, j.stashed.removeTree(j.mark()), to.removeTree(aside))
	}
	j.between()
	return from.removeTree(name)
}

// isAsItWas refuses to replace what the human has changed since the plan: the copies can have taken long.
func (o op) isAsItWas(to place, name string) error {
	st, err := to.stat(name)
	if err != nil {
		return err
	}
	now := vintageOf(st)
	if now.Ino = o.Was.Ino; now != o.Was { // what came back across file systems has another number
		return errMoved
	}
	return nil
}

// exchangeBack gives the human's file its name again, and the draft the file that is there now.
func (j *journal) exchangeBack(from place, name string, to place, toName string) error {
	if _, copied, err := j.stashed.exists(j.old()); err != nil {
		return err
	} else if !copied {
		return renameBack(from, name, to, toName)
	}
	if err := j.setMark(); err != nil { // an earlier au made none
		return err
	}
	was, there, err := to.exists(toName)
	if err == nil && there {
		err = j.copyBack(from, name, to, toName)
	}
	if err != nil {
		return err
	}
	j.between()
	return j.bringBack(to, toName, was, there)
}

// renameBack is exchangeBack where nothing was copied.
func renameBack(from place, name string, to place, toName string) error {
	if _, there, err := from.exists(name); err != nil || !there {
		return err // it has its name again
	}
	err := rename(from, name, to, toName, unix.RENAME_EXCHANGE)
	if err == unix.ENOENT { // the human has removed the draft's
		err = rename(from, name, to, toName, unix.RENAME_NOREPLACE)
	}
	return to.failed("bring back", toName, err)
}

// bringBack gives the human's file its name again, where something else has it, or nothing.
func (j *journal) bringBack(to place, toName string, was unix.Stat_t, there bool) error {
	aside, err := j.copyAside(j.stashed, j.old(), to, toName)
	if err != nil {
		return err
	}
	j.between()
	if err := j.stashed.removeTree(j.mark()); err != nil { // that copy says the same for as long as it is there
		return err
	}
	j.between()
	flags := uint(unix.RENAME_NOREPLACE)
	if there {
		flags = 0
		if now, err := to.stat(toName); err != nil || vintageOf(now) != vintageOf(was) {
			return errors.Join(errMoved, err)
		}
	}
	if err := rename(to, aside, to, toName, flags); err != nil {
		return err
	}
	j.between()
	return j.stashed.removeTree(j.old())
}

// copyBack gives the draft a copy of what is in the folder.
func (j *journal) copyBack(from place, name string, to place, toName string) error {
	aside, err := j.copyAside(to, toName, from, name)
	if err != nil {
		return err
	}
	return rename(from, aside, from, name, unix.RENAME_NOREPLACE)
}

// settleExchange finds out after a kill whose file is in the folder. The human may have changed the draft's file there since, and a
// copy that the draft still has is older.
func (j *journal) settleExchange(o op) error {
	from, name := j.at(o.From)
	to, toName := j.at(o.To)
	_, marked, err := j.stashed.exists(j.mark())
	_, copied, err2 := to.exists(j.aside(toName))
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	drafts := marked && !copied
	if j.back {
		drafts = marked || copied
	}
	if !drafts {
		drafts, err = j.replacedByEarlier(from, name, to, toName)
	}
	switch {
	case err != nil:
		return err
	case !drafts:
		return j.stashed.removeTree(j.mark())
	}
	if err := j.setMark(); err != nil {
		return err
	}
	return from.removeTree(name)
}

// replacedByEarlier reports whether the draft's file is in the folder, of a keep that an earlier au has begun: that made no mark.
func (j *journal) replacedByEarlier(from place, name string, to place, toName string) (bool, error) {
	_, old, err := j.stashed.exists(j.old())
	_, left, err2 := from.exists(name)
	_, there, err3 := to.exists(toName)
	if err := errors.Join(err, err2, err3); err != nil || !old || !left || !there {
		return false, err
	}
	return sameTree(from, name, to, toName)
}
