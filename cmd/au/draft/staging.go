// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"strings"
	"time"

	"github.com/a4u2/au/internal/quote"
	"golang.org/x/sys/unix"
)

// Nothing can be renamed between two file systems. There, a keep and an undo have a staging folder at the top of the folder.
// First they copy to it all that they will put into the folder. Then each step is a rename, as elsewhere. At the end they copy to
// the state what came out of the folder. The staging folder has its name only while it is whole. Before that it ends in .new. At
// the end it ends in .out until nobody can have changed what was saved, and then in .gone.

// staging is what the state knows of a staging folder.
type staging struct {
	Name   string `json:"name"`   // at the top of the folder; none that was there before has it
	Folder []byte `json:"folder"` // the folder's handle
}

const (
	stagingFile = "staging"
	asideFolder = "undo/aside" // what the staging folder held of the human's after a keep
)

// copied is something of the state of which there is a copy in the staging folder.
type copied struct {
	From  spot
	To    string
	Alone bool    // the draft goes on with it, and no other name of that file is one of the copy
	Was   vintage // of what is at From
}

// newStaging notes the name of a staging folder before there is one.
func (d *Draft) newStaging(folder place) (string, error) {
	handle, err := folder.handle("")
	if err != nil {
		return "", folder.failed("name", "", err)
	}
	name := ".au-" + d.Key + "-" + strings.ToLower(rand.Text())
	return name, d.noteStaging(name, handle)
}

func (d *Draft) noteStaging(name string, handle []byte) error {
	return d.state.writeJSON(stagingFile, staging{name, handle})
}

// sweep removes what a kill has left of a staging folder. It leaves that of a keep or an undo which goes on.
func (d *Draft) sweep() error {
	var s staging
	text, err := d.state.readAll(stagingFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return d.state.failed("read", stagingFile, err)
	}
	folder, err := d.openFolder()
	if err != nil {
		return nil // it is elsewhere, and with it what was left
	}
	defer folder.close()
	if now, err := folder.handle(""); err != nil || !bytes.Equal(now, s.Folder) {
		return nil
	}
	for _, name := range []string{stepsFile, keptFile, "undo/whole", "undo/ended"} { // what Unfinished asks
		if _, _, err := d.state.exists(name); err != nil {
			return err
		}
	}
	ends := []string{".new", ".gone"}
	if !d.Unfinished() {
		ends = append(ends, ".out", "")
	} else if _, out, err := folder.exists(s.Name + ".out"); err != nil || out {
		err = errors.Join(err, folder.renameAtTop(s.Name+".out", s.Name)) // what it holds may have changed since it was saved
		if err != nil {
			return err
		}
	}
	for _, end := range ends {
		if err := folder.removeAtTop(s.Name + end); err != nil {
			return err
		}
	}
	return nil
}

// atTop does f, which makes or removes something at the top of the folder. The top has its mode and its time still.
func (p place) atTop(f func() error) error {
	st, err := p.stat("")
	if err != nil {
		return p.failed("open up", "", err)
	}
	return p.whileOpen(p.fd, opening{Was: st.Mode & 0o7777, Is: st.Mode&0o7777 | theirs, Mtime: st.Mtim.Nano()}, f)
}

func (p place) renameAtTop(name, other string) error {
	return p.failed("rename", name, p.atTop(func() error { return rename(p, name, p, other, unix.RENAME_NOREPLACE) }))
}

// removeAtTop removes a folder at the top of the place.
func (p place) removeAtTop(name string) error {
	dir, err := p.sub(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.close()
	all, err := dir.list("")
	for i := 0; err == nil && i < len(all); i++ {
		err = dir.removeTree(all[i].name)
	}
	if err != nil {
		return err
	}
	return p.failed("remove", name, p.atTop(func() error { return unix.Unlinkat(p.fd, name, unix.AT_REMOVEDIR) }))
}

// layOut makes a staging folder, with what fill puts into it. Where that fails, nothing is left of it.
func (p place) layOut(name string, fill func(to place) error) error {
	fresh := name + ".new"
	if err := p.removeAtTop(fresh); err != nil {
		return err
	}
	if err := p.atTop(func() error { return unix.Mkdirat(p.fd, fresh, 0o700) }); err != nil {
		return p.failed("make", fresh, err)
	}
	to, err := p.sub(fresh)
	if err == nil {
		err = fill(to)
		to.close()
	}
	if err == nil {
		err = p.failed("sync", fresh, unix.Syncfs(p.fd))
	}
	if err == nil {
		err = p.renameAtTop(fresh, name)
	}
	if err != nil {
		return errors.Join(err, p.removeAtTop(fresh))
	}
	return nil
}

// copyAll makes the copies that a keep brings into the folder, and tells the steps what they are.
func copyAll(all []copied, ops []op, at func(spot) (place, string), to place, between func()) error {
	numbers, together := map[string]uint64{}, copier{copied: map[uint64]string{}, forNow: true}
	for _, c := range all {
		with := together
		if c.Alone {
			with.copied = map[uint64]string{}
		}
		from, name := at(c.From)
		if err := with.tree(from, name, to, c.To); err != nil {
			return fmt.Errorf("copy %s to the folder's file system first: %w", quote.Name(c.From.Path), err)
		}
		st, err := to.stat(c.To)
		if err != nil {
			return to.failed("stat", c.To, err)
		}
		numbers[c.To] = st.Ino
		between()
	}
	for i := range ops {
		if o := &ops[i]; o.From.In == theStaging && numbers[o.From.Path] != 0 {
			o.Ino = numbers[o.From.Path]
		}
	}
	return nil
}

// stage lays out what the plan brings into the folder. Nothing else has changed then.
func (d *Draft) stage(p *planner, made place) (err error) {
	if !p.apart {
		return nil
	}
	if p.staging, err = d.newStaging(p.lower); err != nil {
		return err
	}
	d.pause()
	at := func(s spot) (place, string) {
		if s.In == theUpper {
			return p.upper, s.Path
		}
		return made, s.Path
	}
	top, err := p.lower.stat("")
	if err != nil {
		return p.lower.failed("stat", "", err)
	}
	err = p.lower.layOut(p.staging, func(to place) error {
		return copyAll(p.copies, p.middle, at, to, d.pause)
	})
	if err != nil && !p.changedSince(top) { // nor is it changed by a folder that came and went
		err = errors.Join(err, d.know(p.lower, ""))
	}
	return err
}

// openStaging opens the staging folder, if there is one now.
func (j *journal) openStaging() (err error) {
	j.staging.close()
	j.staging = place{fd: -1}
	if j.Staging == "" {
		return nil
	}
	if j.staging, err = j.folder.sub(j.Staging); errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return err
}

// isStaged reports whether all is ready for the steps.
func (j *journal) isStaged() bool { return j.Staging == "" || j.staging.fd >= 0 }

// errStaging is where neither the steps nor the state have what the human had.
var errStaging = errors.New("it is gone, and in it was what au had put aside: want it in its place again, or an empty folder where it is lost")

// stage makes all ready for the steps that go forward, or back, where the staging folder is not there any more.
func (j *journal) stage(back bool) error {
	_, aside, err := j.state.exists(asideFolder)
	switch {
	case err != nil:
	case j.isStaged() || back && j.done == 0 || !back && j.done == len(j.Ops) && aside:
		return nil
	case j.done == 0:
		err = j.folder.layOut(j.Staging, func(to place) error {
			if err := copyAll(j.Copies, j.Ops, j.at, to, j.between); err != nil {
				return err
			}
			return j.write(j.state, stepsFile)
		})
	case j.done == len(j.Ops) && aside:
		err = j.folder.layOut(j.Staging, func(to place) error { return j.copyIn(j.state, asideFolder, to, "") })
	default:
		err = fmt.Errorf("%s: %w", quote.Name(path.Join(j.folder.named, j.Staging)), errStaging)
	}
	j.between()
	return errors.Join(err, j.openStaging())
}

// stageUndo makes all ready for an undo. Where that fails, nothing has changed.
func (d *Draft) stageUndo(j *journal) error {
	known := map[string]identity{}
	top, err := j.folder.stat("")
	if j.Staging != "" && err == nil {
		err = d.noteStaging(j.Staging, j.Handle) // a keep that could not begin has noted another
	}
	if err = errors.Join(err, d.readKnown("known", known)); err != nil {
		return err
	}
	if err = j.stage(true); err != nil && known[""] == identityOf(top) {
		err = errors.Join(err, d.know(j.folder, ""))
	}
	return err
}

// copyIn copies all that is in a folder into another.
func (j *journal) copyIn(from place, dir string, to place, toDir string) error {
	c := copier{copied: map[uint64]string{}, forNow: true}
	all, err := from.list(dir)
	for i := 0; err == nil && i < len(all); i++ {
		err = c.tree(from, join(dir, all[i].name), to, join(toDir, all[i].name))
		j.between()
	}
	return err
}

// tick is how far apart the times of two changes may be that a file system tells apart.
const tick = 10 * time.Millisecond

// unstage ends the work in the staging folder: save brings elsewhere what it holds, and alike says whether that is whole. A program
// can have something of it open still: unstage saves as well what that writes meanwhile.
func (j *journal) unstage(save func() error, alike func(in place) (bool, error)) error {
	if j.Staging == "" || j.staging.fd < 0 {
		return nil
	}
	out, gone := j.Staging+".out", j.Staging+".gone"
	err := errors.Join(j.folder.removeAtTop(gone), j.folder.failed("sync", "", unix.Syncfs(j.folder.fd)))
	for tries, done := 0, false; err == nil && !done; tries++ {
		if tries == 3 {
			return errMoved
		}
		before := map[string]identity{}
		j.staging.identities("", before)
		waitFor(before)
		if err = save(); err == nil {
			err = j.state.failed("sync", "", unix.Syncfs(j.state.fd))
		}
		j.between()
		if err == nil {
			err = j.folder.renameAtTop(j.Staging, out)
		}
		j.between()
		if err == nil {
			done, err = j.isUnchanged(before, alike)
		}
		if err == nil && !done {
			err = j.folder.renameAtTop(out, j.Staging)
		}
	}
	if err == nil {
		err = j.folder.renameAtTop(out, gone)
	}
	j.between()
	if err != nil {
		return err
	}
	return errors.Join(j.openStaging(), j.folder.removeAtTop(gone))
}

// waitFor waits until each further change has another time.
func waitFor(all map[string]identity) {
	newest := int64(0)
	for _, id := range all {
		newest = max(newest, id.Ctime)
	}
	if wait := time.Until(time.Unix(0, newest).Add(tick)); wait <= tick {
		time.Sleep(wait)
	}
}

// isUnchanged reports whether the staging folder is as it was; what au itself opened up to read it has changed, too.
func (j *journal) isUnchanged(before map[string]identity, alike func(in place) (bool, error)) (bool, error) {
	now := map[string]identity{}
	j.staging.identities("", now)
	if maps.Equal(now, before) {
		return true, nil
	}
	return alike(j.staging)
}

// putAside copies what a keep took out of the folder to the state.
func (j *journal) putAside() error {
	const fresh = asideFolder + ".new"
	if err := j.state.removeTree(fresh); err != nil {
		return err
	}
	if err := unix.Mkdirat(j.state.fd, fresh, 0o700); err != nil {
		return j.state.failed("make", fresh, err)
	}
	err := j.copyIn(j.staging, "", j.state, fresh)
	if err == nil {
		err = j.state.removeTree(asideFolder)
	}
	if err != nil {
		return errors.Join(err, j.state.removeTree(fresh))
	}
	return j.state.failed("put aside", fresh, rename(j.state, fresh, j.state, asideFolder, unix.RENAME_NOREPLACE))
}

func (j *journal) isPutAside(in place) (bool, error) { return sameIn(in, "", j.state, asideFolder) }
