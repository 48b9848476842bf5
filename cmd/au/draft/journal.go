// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/a4u2/au/internal/quote"
	"golang.org/x/sys/unix"
)

// journal is a keep that was begun: all its steps, how many of them are done, and the folders in which they work. It lies in the
// draft's state as undo/, and goes forward and backward from wherever a kill left it.
type journal struct {
	Whole bool // nothing of the draft is left after it
	Ops   []op

	state                  place
	folder, upper, stashed place
	done                   int
	back                   bool
	now                    int               // which step is being done, or taken back
	apart                  bool              // the draft is on another file system than the folder: what is moved gets other numbers
	links                  map[uint64]string // files that were copied to another file system, by their number
	between                func()            // the draft's
}

// files of undo/: the steps, and how many are done.
const (
	stepsFile    = "undo/steps"
	progressFile = "undo/progress"
	keptFile     = "undo/kept" // there once a keep is finished: what it has put into the folder
)

// begin writes a new journal, instead of what an earlier keep has left for undo.
func (d *Draft) begin(p *planner) (*journal, error) {
	if err := errors.Join(d.state.removeTree("undo.new"), d.ForgetUndo()); err != nil {
		return nil, err
	}
	if err := unix.Mkdirat(d.state.fd, "undo.new", 0o700); err != nil {
		return nil, d.state.failed("make", "undo.new", err)
	}
	fresh, err := d.state.sub("undo.new")
	if err != nil {
		return nil, err
	}
	defer fresh.close()
	if err := unix.Mkdirat(fresh.fd, "stash", 0o700); err != nil {
		return nil, fresh.failed("make", "stash", err)
	}
	var text bytes.Buffer
	if err := gob.NewEncoder(&text).Encode(journal{Whole: p.whole, Ops: p.ops()}); err != nil {
		return nil, err
	}
	if err := errors.Join(fresh.write("steps", text.Bytes()), fresh.write("progress", make([]byte, 8)), fresh.writeJSON("draft.json", d.Info)); err != nil {
		return nil, err
	}
	if p.whole {
		if err := fresh.write("whole", nil); err != nil {
			return nil, err
		}
	}
	if err := unix.Renameat2(d.state.fd, "undo.new", d.state.fd, "undo", unix.RENAME_NOREPLACE); err != nil {
		return nil, d.state.failed("begin", "undo", err)
	}
	d.pause()
	return d.journal()
}

// journal opens the one that there is; fs.ErrNotExist without one.
func (d *Draft) journal() (*journal, error) {
	j := &journal{state: d.state, folder: place{fd: -1}, upper: place{fd: -1}, stashed: place{fd: -1}, links: map[uint64]string{}, between: d.pause}
	text, err := d.state.readAll(stepsFile)
	if err != nil {
		return nil, err
	}
	if err := gob.NewDecoder(bytes.NewReader(text)).Decode(j); err != nil {
		return nil, d.state.failed("read", stepsFile, err)
	}
	progress, err := d.state.readAll(progressFile)
	if err != nil {
		return nil, err
	}
	if len(progress) >= 8 {
		record := binary.LittleEndian.Uint64(progress)
		j.done, j.back = int(record>>1), record&1 == 1
	}
	if j.done < 0 || j.done > len(j.Ops) {
		return nil, fmt.Errorf("%s is damaged", quote.Name(path.Join(d.state.named, progressFile)))
	}
	if j.folder, err = openPlace(string(d.Folder)); err == nil {
		if j.upper, err = d.state.sub("undo/upper"); errors.Is(err, fs.ErrNotExist) {
			j.upper, err = d.state.sub("upper")
		}
	}
	if err == nil {
		j.stashed, err = d.state.sub("undo/stash")
	}
	if err == nil {
		j.apart, err = j.isApart()
	}
	if err != nil {
		j.close()
		return nil, err
	}
	return j, nil
}

func (j *journal) isApart() (bool, error) {
	one, err := j.folder.stat("")
	if err != nil {
		return false, err
	}
	other, err := j.stashed.stat("")
	return one.Dev != other.Dev, err
}

func (j *journal) close() {
	j.folder.close()
	j.upper.close()
	j.stashed.close()
}

func (j *journal) at(s spot) (place, string) {
	switch s.In {
	case theFolder:
		return j.folder, s.Path
	case theUpper:
		return j.upper, s.Path
	}
	return j.stashed, s.Path
}

// note keeps how many steps are done, and whether the next thing is to do one more or to take the last one back: after a kill, only
// of that one is it not known whether it was done.
func (j *journal) note(done int, back bool) error {
	j.done, j.back = done, back
	fd, err := j.state.open(progressFile, unix.O_WRONLY)
	if err != nil {
		return j.state.failed("write", progressFile, err)
	}
	defer unix.Close(fd)
	record := binary.LittleEndian.AppendUint64(nil, uint64(done)<<1|map[bool]uint64{true: 1}[back])
	_, err = unix.Pwrite(fd, record, 0)
	j.between()
	return j.state.failed("write", progressFile, err)
}

// settle finds out after a kill whether the step in question is done. A step that can be done again is taken for what makes that
// happen.
func (j *journal) settle(forward bool) error {
	at := j.done
	if j.back {
		at--
	}
	if at < 0 || at >= len(j.Ops) {
		return nil
	}
	j.now = at
	for _, s := range []spot{j.Ops[at].From, j.Ops[at].To} {
		// A copy that was not finished has no name of its own yet.
		if in, name := j.at(s); j.apart && name != "" {
			if err := in.removeTree(j.aside(name)); err != nil {
				return err
			}
		}
	}
	done, err := j.isDone(j.Ops[at], !forward)
	if err != nil {
		return err
	}
	j.done = at
	if done {
		j.done++
	}
	return nil
}

// isDone reports whether a step has been carried out; again is the answer for one that can be done twice.
func (j *journal) isDone(o op, again bool) (bool, error) {
	from, fromName := j.at(o.From)
	to, toName := j.at(o.To)
	switch o.Act {
	case before, after:
		return again, nil
	case mkdir, fill:
		_, ok, err := to.exists(toName)
		return ok, err
	case exchange:
		if st, ok, err := to.exists(toName); err != nil || ok && st.Ino == o.Ino && !j.apart {
			return true, err
		}
		_, ok, err := from.exists(fromName)
		return !ok || j.apart && again, err // across file systems it can be taken back from wherever it is
	}
	_, there, err := to.exists(toName)
	if err != nil || !there {
		return false, err
	}
	st, left, err := from.exists(fromName)
	return !left || o.Ino != 0 && st.Ino != o.Ino && !j.apart, err
}

// errMoved is where the human changed something while a keep ran.
var errMoved = errors.New("it has changed while the draft was kept")

// forward does what is not done yet.
func (j *journal) forward() error {
	if err := j.note(j.done, false); err != nil {
		return err
	}
	for j.done < len(j.Ops) {
		o := j.Ops[j.done]
		j.now = j.done
		if err := j.do(o); err != nil {
			return fmt.Errorf("keep %s: %w", quote.Name(o.To.Path), err)
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
			return fmt.Errorf("take back %s: %w", quote.Name(o.To.Path), err)
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
	now := vintageOf(st)
	if j.apart {
		now.Ino = o.Was.Ino
	}
	if now == o.Was {
		return nil
	}
	return errors.Join(errMoved, back())
}

func (j *journal) takeBack(o op) error {
	from, fromName := j.at(o.From)
	to, toName := j.at(o.To)
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

// aside names what a step across file systems makes before it has its name.
func (j *journal) aside(name string) string {
	dir, _ := split(name)
	return join(dir, ".au-"+strconv.Itoa(j.now)+".new")
}

// move moves what is at a name to another, where nothing is.
func (j *journal) move(from place, name string, to place, toName string) error {
	err := rename(from, name, to, toName, unix.RENAME_NOREPLACE)
	if err != unix.EXDEV {
		return err
	}
	if _, there, err := to.exists(toName); err != nil {
		return err
	} else if !there {
		aside := j.aside(toName)
		if err := to.removeTree(aside); err != nil {
			return err
		}
		if err := j.copyOver(from, name, to, aside, toName); err != nil {
			return err
		}
		if err := rename(to, aside, to, toName, unix.RENAME_NOREPLACE); err != nil {
			return err
		}
	}
	return j.discard(from, name)
}

// discard removes what was copied to another file system. It goes by one rename: after a kill half of it is never taken for the
// whole.
func (j *journal) discard(from place, name string) error {
	aside := j.aside(name)
	if err := from.removeTree(aside); err != nil {
		return err
	}
	if err := rename(from, name, from, aside, unix.RENAME_NOREPLACE); err != nil {
		return err
	}
	j.between()
	return from.removeTree(aside)
}

// copyOver copies a tree; a file that was copied before under another name is that one's.
func (j *journal) copyOver(from place, name string, to place, aside, toName string) error {
	st, err := from.stat(name)
	if err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return copyTree(from, name, to, aside, map[uint64]string{})
	}
	if first := j.links[st.Ino]; first != "" && st.Nlink > 0 && strings.HasPrefix(first, to.named+"\x00") {
		if to.link(strings.TrimPrefix(first, to.named+"\x00"), aside) == nil {
			return nil
		}
	}
	if st.Nlink > 1 {
		j.links[st.Ino] = to.named + "\x00" + toName
	}
	return copyTree(from, name, to, aside, map[uint64]string{})
}

// rename is renameat2(2), also of a folder that its owner may not write.
func rename(from place, name string, to place, toName string, flags uint) error {
	return from.within(name, func(dir int, base string) error {
		return to.within(toName, func(dir2 int, base2 string) error {
			err := unix.Renameat2(dir, base, dir2, base2, flags)
			if err != unix.EACCES {
				return err
			}
			var st unix.Stat_t
			if unix.Fstatat(dir, base, &st, unix.AT_SYMLINK_NOFOLLOW) != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR || st.Mode&0o200 != 0 {
				return err
			}
			if err := from.openUp(name); err != nil {
				return err
			}
			err = unix.Renameat2(dir, base, dir2, base2, flags)
			at, there := to, toName
			if err != nil {
				at, there = from, name
			}
			if fd, open := at.open(there, unix.O_PATH|unix.O_DIRECTORY); open == nil {
				err = errors.Join(err, unix.Chmod(procPath(fd), st.Mode&0o7777))
				unix.Close(fd)
			}
			return err
		})
	})
}

// fillIn copies a file of the draft, which stays there.
func fillIn(from place, name string, to place, toName string) error {
	if err := to.removeTree(toName + ".new"); err != nil {
		return err
	}
	if err := copyTree(from, name, to, toName+".new", map[uint64]string{}); err != nil {
		return err
	}
	return rename(to, toName+".new", to, toName, unix.RENAME_NOREPLACE)
}

// exchange gives the draft's file the human's name, and keeps the human's where the draft's was.
func (j *journal) exchange(o op, from place, name string, to place, toName string) error {
	if err := from.disarm(name); err != nil {
		return err
	}
	err := rename(from, name, to, toName, unix.RENAME_EXCHANGE)
	if err == nil {
		return j.check(o, from, name, func() error { return rename(from, name, to, toName, unix.RENAME_EXCHANGE) })
	}
	if err != unix.EXDEV {
		return err
	}
	old := "x" + strconv.Itoa(j.now)
	if _, there, err := j.stashed.exists(old); err != nil {
		return err
	} else if !there {
		st, err := to.stat(toName)
		if err != nil {
			return err
		}
		now := vintageOf(st)
		if now.Ino = o.Was.Ino; now != o.Was {
			return errMoved
		}
		if err := fillIn(to, toName, j.stashed, old); err != nil {
			return err
		}
	}
	return j.replace(from, name, to, toName)
}

// replace moves a file over another, on another file system.
func (j *journal) replace(from place, name string, to place, toName string) error {
	aside := j.aside(toName)
	if err := to.removeTree(aside); err != nil {
		return err
	}
	if err := j.copyOver(from, name, to, aside, toName); err != nil {
		return err
	}
	if err := rename(to, aside, to, toName, 0); err != nil {
		return err
	}
	return from.removeTree(name)
}

func (j *journal) exchangeBack(from place, name string, to place, toName string) error {
	if !j.apart {
		return rename(from, name, to, toName, unix.RENAME_EXCHANGE)
	}
	old := "x" + strconv.Itoa(j.now)
	if _, there, err := j.stashed.exists(old); err != nil || !there {
		return err // without it the human's file has not been replaced
	}
	if _, there, err := from.exists(name); err != nil {
		return err
	} else if !there {
		aside := j.aside(name)
		if err := errors.Join(from.removeTree(aside), j.copyOver(to, toName, from, aside, name)); err != nil {
			return err
		}
		if err := rename(from, aside, from, name, unix.RENAME_NOREPLACE); err != nil {
			return err
		}
	}
	return j.replace(j.stashed, old, to, toName)
}

// disarm takes off what would steer a rootless overlay.
func (p place) disarm(name string) error {
	return p.eachAttribute(name, func(at, key string) error {
		if !strings.HasPrefix(key, "user.overlay.") {
			return nil
		}
		return unix.Removexattr(at, key)
	})
}
