// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/a4u2/au/internal/quote"
	"golang.org/x/sys/unix"
)

// Undo takes back the last keep, or one that was begun and killed, and returns how many things that changed. A file that the human
// has changed since is a conflict, until they have moved it elsewhere. The caller holds the lock.
func (d *Draft) Undo() (int, error) {
	if err := errors.Join(d.sweep(), d.openUp()); err != nil {
		return 0, err
	}
	j, err := d.journal()
	if errors.Is(err, fs.ErrNotExist) {
		return 0, &NothingToUndo{d.Name, string(d.Folder)}
	}
	if err != nil {
		return 0, err
	}
	defer j.close()
	text, err := d.state.readAll(keptFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := j.settle(false); err != nil { // a keep or an undo that was killed
			return 0, err
		}
	case err != nil:
		return 0, err
	default:
		anew, err := d.hasBegunAnew()
		if err == nil && anew && !d.IsEmpty() {
			err = &Anew{d.Name, string(d.Folder)}
		}
		if err == nil {
			err = d.undoable(j, text)
		}
		if err == nil {
			err = d.stageUndo(j)
		}
		if err != nil {
			return 0, err
		}
		if err := unix.Unlinkat(d.state.fd, keptFile, 0); err != nil {
			return 0, d.state.failed("begin to undo", keptFile, err)
		}
		d.pause()
	}
	if err := j.backward(); err != nil {
		return 0, err
	}
	return j.changed(), d.finishUndo(j)
}

// NothingToUndo is where nothing was kept.
type NothingToUndo struct{ Name, Folder string }

func (n *NothingToUndo) Error() string {
	return fmt.Sprintf("nothing of draft %q of %s was kept", n.Name, quote.Name(n.Folder))
}

// Anew is where a run has begun another draft since the keep that undo would take back.
type Anew struct{ Name, Folder string }

func (a *Anew) Error() string {
	return fmt.Sprintf("draft %q of %s has begun anew since it was kept: want au draft drop, and then au draft undo", a.Name, quote.Name(a.Folder))
}

// isAside reports whether all of a draft that was kept whole lies in undo/.
func (d *Draft) isAside() (bool, error) {
	for _, name := range []string{"undo/ended", "undo/upper"} {
		if _, ok, err := d.state.exists(name); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// hasBegunAnew reports whether a run has begun another draft in the place of one that was kept whole, and of which that keep can be
// taken back.
func (d *Draft) hasBegunAnew() (bool, error) {
	aside, err := d.isAside()
	if err != nil || !aside {
		return false, err
	}
	_, begun, err := d.state.exists("draft.json")
	return begun, err
}

// clear removes what is in the place of a draft that was kept whole. Without draft.json, which goes first, there is no draft.
func (d *Draft) clear() error {
	for _, name := range slices.Backward(append([]string{"work"}, ofDraft...)) {
		if err := d.state.removeTree(name); err != nil {
			return err
		}
	}
	return nil
}

// undoable refuses an undo that would meet what the human has changed since the keep.
func (d *Draft) undoable(j *journal, text []byte) error {
	kept := map[string]identity{}
	if err := gob.NewDecoder(bytes.NewReader(text)).Decode(&kept); err != nil {
		return d.state.failed("read", keptFile, err)
	}
	var against []Conflict
	now := &gitBase{folder: string(d.Folder), head: gitHead(j.folder)} // an index that holds what HEAD does was only looked at anew
	seen, has, put := map[string]bool{}, map[string]bool{}, j.put()
	for _, o := range j.fromDraft() {
		for _, s := range []spot{o.From, o.To} {
			if s.In != theFolder || seen[s.Path] {
				continue
			}
			seen[s.Path] = true
			if c, bad, err := j.changedSinceKeep(s.Path, kept, put[s.Path]); err != nil {
				return err
			} else if bad && !(s.Path == ".git/index" && now.sameIndex()) {
				against = append(against, c)
			}
		}
		if o.From.In == theUpper && !j.Whole && !has[o.From.Path] {
			has[o.From.Path] = true
			if st, there, err := j.upper.exists(o.From.Path); err != nil {
				return err
			} else if there && !(o.Act == fill && o.Is == vintageOf(st)) {
				against = append(against, Conflict{o.From.Path, Changed, "the draft has it again"})
			}
		}
	}
	folders, err := j.foldersChangedSince()
	if err != nil {
		return err
	}
	against = append(append(against, folders...), d.needs(j, seen)...)
	added, err := j.addedSince(seen)
	if err != nil {
		return err
	}
	against = append(against, added...)
	missing, gone, err := j.foldersOfTheDraft()
	if against = append(against, gone...); err == nil && len(against) > 0 {
		err = &Conflicted{against}
	}
	for i := 0; err == nil && i < len(missing); i++ {
		err = j.folderAgain(missing[i])
	}
	return err
}

// fromDraft returns the steps, and as such the copies across file systems of what the draft goes on with.
func (j *journal) fromDraft() []op {
	all := slices.Clone(j.Ops)
	for _, c := range j.Copies {
		if c.Alone {
			all = append(all, op{Act: fill, From: c.From, To: spot{theStaging, c.To}, Is: c.Was})
		}
	}
	return all
}

// addedSince returns what the human has put into folders that undo removes, as something else comes back in their place.
func (j *journal) addedSince(kept map[string]bool) (against []Conflict, err error) {
	taken := map[string]bool{}
	for _, o := range j.Ops {
		if o.Act == move && o.From.In == theFolder {
			taken[o.From.Path] = true
		}
		if at := o.To.Path; o.Act == mkdir && hasAbove(taken, at) {
			var all []found
			err := j.folder.reached(join(at, "."), func() (err error) { all, err = j.folder.list(at); return err })
			if err != nil && !wentMeanwhile(err) {
				return nil, err
			}
			for _, f := range all {
				if name := join(at, f.name); !kept[name] {
					against = append(against, Conflict{name, Changed, "you have put it there since"})
				}
			}
		}
	}
	return against, nil
}

// foldersOfTheDraft returns the folders to which undo brings something back in a draft that goes on, and that are not there any
// more, the tops first; and those of them in whose place the draft has something else.
func (j *journal) foldersOfTheDraft() (missing []string, against []Conflict, err error) {
	back, seen := j.comeBack(), map[string]bool{"": true}
	for _, o := range j.fromDraft() {
		if dir, _ := split(o.From.Path); o.From.In == theUpper && !j.Whole && !hasAbove(back, dir) {
			for ; !seen[dir]; dir, _ = split(dir) {
				seen[dir] = true
				st, ok, err := j.upper.exists(dir)
				switch {
				case err != nil:
					return nil, nil, err
				case !ok:
					missing = append(missing, dir)
				case st.Mode&unix.S_IFMT != unix.S_IFDIR:
					against = append(against, Conflict{dir, Changed, "the draft has something else there now"})
				}
			}
		}
	}
	slices.Sort(missing)
	return missing, against, nil
}

// folderAgain makes a folder of the draft that was thrown away. It is no change: it has the mode of that in the human's folder.
func (j *journal) folderAgain(dir string) error {
	m, err := j.folder.meta(dir)
	if err != nil {
		m = meta{Mode: 0o755}
	}
	err = j.upper.within(dir, func(at int, base string) error { return unix.Mkdirat(at, base, 0o700) })
	if err != nil {
		return j.upper.failed("make", dir, err)
	}
	return j.upper.setMeta(dir, m)
}

// comeBack returns what undo brings back to a draft that goes on, from the stash.
func (j *journal) comeBack() map[string]bool {
	back := map[string]bool{}
	for _, o := range j.Ops {
		if o.From.In == theUpper && o.To.In == theStash {
			back[o.From.Path] = true
		}
	}
	return back
}

// foldersChangedSince returns the folders to which undo would give back what they had before the keep, though the human has given
// them something else since.
func (j *journal) foldersChangedSince() (against []Conflict, err error) {
	want, made := map[string]meta{}, map[string]bool{}
	for _, o := range j.Ops {
		for _, s := range []spot{o.From, o.To} {
			if s.In == theFolder && (o.Act == move || o.Act == exchange) {
				delete(want, s.Path)
			}
		}
		if o.Was.Dir {
			maps.DeleteFunc(want, func(name string, _ meta) bool {
				return o.From.In == theFolder && strings.HasPrefix(name, o.From.Path+"/")
			})
		}
		switch at := o.To.Path; {
		case o.To.In != theFolder:
		case o.Act == mkdir:
			made[at] = true
		case o.Act == before || o.Act == after && !made[at]:
			want[at] = o.Meta
		}
	}
	const bits = 0o7777 &^ unix.S_ISGID // that one is the group's to give
	for _, name := range sortedKeys(want) {
		var now meta
		err := j.folder.reached(name, func() (err error) { now, err = j.folder.meta(name); return err })
		if err != nil && (wentMeanwhile(err) || errors.Is(err, fs.ErrPermission)) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if m := want[name]; now.Mode&bits != m.Mode&bits || !maps.Equal(now.Attrs, m.Attrs) {
			against = append(against, Conflict{name, Changed, "you have changed its mode or its attributes since"})
		}
	}
	return against, nil
}

// put returns what the keep has put where.
func (j *journal) put() map[string]vintage {
	all := map[string]vintage{}
	for _, o := range j.Ops {
		if o.To.In == theFolder && o.Is != (vintage{}) {
			all[o.To.Path] = o.Is
		}
	}
	return all
}

// changedSinceKeep reports whether the human has changed what is at a name since. A folder may have the number of the file that was
// there.
func (j *journal) changedSinceKeep(name string, kept map[string]identity, put vintage) (Conflict, bool, error) {
	st, ok, err := j.found(name)
	was, had := kept[name]
	file, kind := put != (vintage{}) && !put.Dir, st.Mode&unix.S_IFMT
	switch {
	case err != nil:
		return Conflict{}, false, err
	case ok && !had:
		return Conflict{name, Changed, "you have made it since"}, true, nil
	case file && isSealed(name) && kind == unix.S_IFREG && st.Size == put.Size:
	case ok && was != identityOf(st) && (file || kind != unix.S_IFDIR || was.Ino != st.Ino):
		return Conflict{name, Changed, whyChanged(name)}, true, nil
	}
	return Conflict{}, false, nil
}

// whyChanged says what to do where git may have changed something by itself. Without a file that names commits, git is none there.
func whyChanged(name string) string {
	switch {
	case within([]string{".git/logs"}, name):
		return "your git has added to it since: want it elsewhere, and undo goes on"
	case slices.Contains([]string{gitsHead, gitsIndex, packedRefs}, name) || within([]string{gitsRefs}, name):
		return "your git has changed it since: leave what was kept, and go back with git"
	}
	return changedByYou
}

// finishUndo brings the draft back that the keep had ended, in the place of one that has begun since and holds nothing, and forgets
// the keep.
func (d *Draft) finishUndo(j *journal) error {
	aside, err := d.isAside()
	if err == nil && aside {
		err = d.clear()
	}
	if err == nil {
		err = errors.Join(d.modesAgain(j), d.remember(j))
	}
	if err == nil && j.Whole {
		err = d.bringBack()
	}
	if err != nil {
		return err
	}
	return d.ForgetUndo()
}

// bringBack makes what the keep has left of the draft a draft again.
func (d *Draft) bringBack() error {
	for _, name := range ofDraft {
		err := unix.Renameat2(d.state.fd, "undo/"+name, d.state.fd, name, unix.RENAME_NOREPLACE)
		if err != nil && err != unix.ENOENT && err != unix.EEXIST {
			return d.state.failed("bring back", name, err)
		}
		d.pause()
	}
	if err := unix.Mkdirat(d.state.fd, "work", 0o700); err != nil && err != unix.EEXIST {
		return d.state.failed("make", "work", err)
	}
	d.Ended = false
	return nil
}

// ForgetUndo gives up what the last keep has replaced. It goes by one rename: half of it is never taken for a keep.
func (d *Draft) ForgetUndo() error {
	if err := d.state.removeTree("gone"); err != nil {
		return err
	}
	if err := unix.Renameat(d.state.fd, "undo", d.state.fd, "gone"); err == unix.ENOENT {
		return nil
	} else if err != nil {
		return d.state.failed("forget", "undo", err)
	}
	d.pause()
	return d.state.removeTree("gone")
}
