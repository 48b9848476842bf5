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

	"github.com/a4u2/au/internal/quote"
	"golang.org/x/sys/unix"
)

// journal is a keep that was begun: all its steps, how many of them are done, and the folders in which they work. It lies in the
// draft's state as undo/, and goes forward and backward from wherever a kill left it.
type journal struct {
	Whole   bool // nothing of the draft is left after it
	Ops     []op
	Took    [][]byte // what names the human's files that it takes from their places, where others came from them
	Changed []string // what of the folder the human had changed since the draft began: that it comes back is no change of au
	Handle  []byte   // of the folder
	Staging string   // the staging folder, across file systems
	Copies  []copied // what is in it before the steps

	state                  place
	folder, upper, stashed place
	staging                place // not open where there is none
	done                   int
	back                   bool
	between                func() // the draft's
}

// files of undo/: the steps, and how many are done.
const (
	stepsFile    = "undo/steps"
	progressFile = "undo/progress"
	keptFile     = "undo/kept" // there once a keep is finished: what it has put into the folder
)

// mostSteps is how many bytes the steps of one keep may have: what cannot be read again could neither be finished nor taken back.
var mostSteps = mostState

// begin writes a new journal, instead of what an earlier keep has left for undo: that goes when the new one is whole.
func (d *Draft) begin(p *planner, made place) (*journal, error) {
	if err := errors.Join(d.state.removeTree("undo.new"), d.stage(p, made)); err != nil {
		return nil, err
	}
	if err := d.writeJournal(p); err != nil {
		return nil, errors.Join(err, d.state.removeTree("undo.new"), d.sweep())
	}
	if err := d.ForgetUndo(); err != nil {
		return nil, err
	}
	if err := unix.Renameat2(d.state.fd, "undo.new", d.state.fd, "undo", unix.RENAME_NOREPLACE); err != nil {
		return nil, d.state.failed("begin", "undo", err)
	}
	d.pause()
	return d.journal()
}

func (d *Draft) writeJournal(p *planner) error {
	handle, err := p.lower.handle("")
	if err != nil {
		return p.lower.failed("name", "", err)
	}
	j := &journal{Whole: p.whole, Ops: p.ops(), Changed: p.changed, Took: p.took(), Handle: handle, Staging: p.staging, Copies: p.copies}
	if err := unix.Mkdirat(d.state.fd, "undo.new", 0o700); err != nil {
		return d.state.failed("make", "undo.new", err)
	}
	fresh, err := d.state.sub("undo.new")
	if err != nil {
		return err
	}
	defer fresh.close()
	if err := unix.Renameat2(d.state.fd, madeDir, fresh.fd, "stash", unix.RENAME_NOREPLACE); err != nil {
		return d.state.failed("make", "undo.new/stash", err)
	}
	if err := errors.Join(j.write(fresh, "steps"), fresh.write("progress", make([]byte, 8)), fresh.writeJSON("draft.json", d.Info)); err != nil {
		return err
	}
	if p.whole {
		return fresh.write("whole", nil)
	}
	return d.copyModes(fresh)
}

// write writes the steps.
func (j *journal) write(to place, name string) error {
	var text bytes.Buffer
	if err := gob.NewEncoder(&text).Encode(j); err != nil {
		return err
	}
	if text.Len() > mostSteps {
		return fmt.Errorf("the steps of this keep have more than %d MiB: keep some paths at a time", mostSteps>>20)
	}
	return to.write(name, text.Bytes())
}

// journal opens the one that there is; fs.ErrNotExist without one.
func (d *Draft) journal() (*journal, error) {
	j := &journal{state: d.state, folder: place{fd: -1}, upper: place{fd: -1}, stashed: place{fd: -1}, staging: place{fd: -1}, between: d.pause}
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
	if j.folder, err = d.openFolder(); err == nil {
		if j.upper, err = d.state.sub("undo/upper"); errors.Is(err, fs.ErrNotExist) {
			j.upper, err = d.state.sub("upper")
		}
	}
	if err == nil {
		j.stashed, err = d.state.sub("undo/stash")
	}
	if err == nil {
		err = j.isSameFolder()
	}
	if err == nil {
		err = errors.Join(j.canRename(), j.openStaging())
	}
	if err != nil {
		j.close()
		return nil, err
	}
	return j, nil
}

// isSameFolder refuses to go on with a keep in another folder than the one in which it was begun.
func (j *journal) isSameFolder() error {
	if len(j.Handle) == 0 {
		return nil // an earlier au has begun it
	}
	if now, err := j.folder.handle(""); err != nil || !bytes.Equal(now, j.Handle) {
		return fmt.Errorf("%s is not the folder into which was kept: want that one in its place again", quote.Name(j.folder.named))
	}
	return nil
}

// canRename refuses steps of one file system where they would cross two.
func (j *journal) canRename() error {
	apart, err := j.folder.isApart(j.stashed)
	if err == nil && apart && j.Staging == "" {
		err = fmt.Errorf("%s was kept on the file system and the mount that your home is on, or by an earlier au: want it there, or that au (%w)", quote.Name(j.folder.named), unix.EXDEV)
	}
	return err
}

func (j *journal) close() {
	j.folder.close()
	j.upper.close()
	j.stashed.close()
	j.staging.close()
}

func (j *journal) at(s spot) (place, string) {
	switch s.In {
	case theFolder:
		return j.folder, s.Path
	case theUpper:
		return j.upper, s.Path
	case theStaging:
		return j.staging, s.Path
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
	if at < 0 || at >= len(j.Ops) || !j.isStaged() { // without a staging folder, none is
		return nil
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
		st, ok, err := from.exists(fromName)
		return ok && st.Ino != o.Ino, err
	}
	_, there, err := to.exists(toName)
	if err != nil || !there {
		return false, err
	}
	st, left, err := from.exists(fromName)
	return !left || o.Ino != 0 && st.Ino != o.Ino, err
}
