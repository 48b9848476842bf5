// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Report is what a draft has changed, and what of that the human has changed, too.
type Report struct {
	Changes   []Change
	Conflicts []Conflict
	Doubts    []Conflict // what may be, or have in it, what the human has removed: keep goes on, and undo brings theirs back
	Refs      []string   // the refs that the agent's commits get, where both sides made some
	Stripped  []string   // what bears attributes of the agent that steer an overlay; keep takes them off

	Along        []Along         // what came along with folders that were renamed
	AlongIsWhole bool            // whether that is all
	Repositories map[string]bool // folders that are a git repository's own, and in which git would obey a change

	GitConfigs      map[string][]byte // git's configs of the repositories in which something changed, by their folder
	ConfigsAreWhole bool              // whether those are all
}

// Files is how many things have changed, and Bytes how many bytes those are that the draft holds.
func (r *Report) Files() int { return len(r.Changes) }

// Bytes is how many bytes what changed has; an agent can make holes of which two are more than there are numbers for.
func (r *Report) Bytes() (n int64) {
	for _, c := range r.Changes {
		if c.Mode&unix.S_IFMT == unix.S_IFREG {
			n += min(c.Size, math.MaxInt64-n)
		}
	}
	return n
}

// Report says what has changed. It refuses a half-kept draft, in which the human's files may lie where the agent's were.
func (d *Draft) Report() (*Report, error) {
	if d.Unfinished() {
		return nil, &HalfKept{d.Name, string(d.Folder)}
	}
	if d.Ended {
		return &Report{}, nil
	}
	t, err := d.told()
	if err != nil {
		return nil, err
	}
	defer t.close()
	r := &Report{Changes: t.changes}
	for _, c := range t.conflicts {
		if c.Kind == Perhaps {
			r.Doubts = append(r.Doubts, c)
		} else {
			r.Conflicts = append(r.Conflicts, c)
		}
	}
	for _, name := range sortedKeys(t.named) {
		ref, err := t.refFor(d.Name, name)
		if err != nil {
			return nil, err
		}
		r.Refs = append(r.Refs, strings.TrimPrefix(ref, ".git/"))
	}
	r.Repositories = t.repositories()
	r.GitConfigs, r.ConfigsAreWhole = t.gitConfigs(mostOfConfigs)
	if r.Along, r.AlongIsWhole, err = t.along(mostAlong); err != nil {
		return nil, err
	}
	r.Stripped, err = t.stripped()
	return r, err
}

// stripped names what bears attributes of the agent that steer an overlay.
func (v *view) stripped() (all []string, err error) {
	of := func(name string) error {
		return v.upper.eachAttribute(name, func(_, key string) error {
			if last := len(all) - 1; strings.HasPrefix(key, "user.overlay.") && (last < 0 || all[last] != name) {
				all = append(all, name)
			}
			return nil
		})
	}
	err = v.nodes(func(n *node) error {
		err := of(n.path)
		for _, it := range n.items {
			if err == nil && !it.whiteout && it.dir == nil {
				err = of(join(n.path, it.name))
			}
		}
		return err
	})
	return all, err
}

// Answer is what becomes of conflicts.
type Answer byte

// The answers.
const (
	Refuse Answer = iota // nothing is kept
	Ours                 // the human's stay, and the agent's stay in the draft
	Theirs               // the agent's replace the human's, which undo brings back
	Merge                // the lines of both are put together, where git can; else nothing is kept
)

// Conflicted is a keep that was refused: nothing has changed.
type Conflicted struct{ Conflicts []Conflict }

func (c *Conflicted) Error() string {
	if len(c.Conflicts) == 1 {
		return "1 conflict; nothing was changed"
	}
	return fmt.Sprintf("%d conflicts; nothing was changed", len(c.Conflicts))
}

// Keep takes the draft over into the folder, whole or the paths of it that are wanted, and returns how many things it changed. One
// that was begun and killed is finished, whatever is wanted now. The caller holds the lock.
func (d *Draft) Keep(wanted []string, answer Answer) (int, error) {
	j, err := d.unfinished()
	if err != nil {
		return 0, err
	}
	if j == nil {
		if j, err = d.startKeep(wanted, answer); err != nil || j == nil {
			return 0, err
		}
	}
	defer j.close()
	return j.changed(), d.carryOn(j)
}

// startKeep makes the plan and its journal; nil where there is nothing to do.
func (d *Draft) startKeep(wanted []string, answer Answer) (*journal, error) {
	if d.Ended {
		return nil, &None{string(d.Folder)}
	}
	if err := d.openUp(); err != nil {
		return nil, err
	}
	t, err := d.told()
	if err != nil {
		return nil, err
	}
	defer t.close()
	skip, against := map[string]bool{}, t.against(wanted)
	changed := t.lowsOf(against)
	made, err := d.startMade()
	if err != nil {
		return nil, err
	}
	defer d.state.removeTree(madeDir)
	defer made.close()
	if err := t.unpack(made); err != nil {
		return nil, err
	}
	if answer == Merge {
		if against, err = t.merge(made, against); err != nil {
			return nil, err
		}
	}
	if len(against) > 0 {
		if answer == Refuse || answer == Merge {
			return nil, &Conflicted{against}
		}
		for _, c := range against {
			if answer == Ours {
				if c.Path == "" && c.Kind == Folder { // nothing of the draft is of it
					return nil, &Conflicted{[]Conflict{c}}
				}
				skip[t.standsFor(c.Path)] = true
			}
		}
	}
	p, err := t.plan(d.Name, wanted, skip)
	if err != nil {
		return nil, err
	}
	p.changed = changed
	if len(p.ops()) == 0 && !p.whole {
		return nil, nil
	}
	return d.begin(p, made)
}

// against returns the conflicts of the wanted paths.
func (t *teller) against(wanted []string) []Conflict {
	p := &planner{teller: t, wanted: wanted}
	return slices.DeleteFunc(slices.Clone(t.conflicts), func(c Conflict) bool { return c.Kind == Perhaps || !p.reaches(c.Path) })
}

// standsFor returns what of the draft is not to be kept so that something of the human's stays: that itself, or what the agent has
// put in the place of a folder above it.
func (t *teller) standsFor(name string) string {
	n, at := t.top, ""
	for part := range strings.SplitSeq(name, "/") {
		it, ok := n.item(part)
		if at = join(at, part); !ok || it.whiteout {
			break
		}
		_, _, there, err := t.base(n, part)
		if it.dir == nil || it.dir.moved || !it.dir.merged && (there || err != nil) {
			return at
		}
		n = it.dir
	}
	return name
}

// changed is how many names in the folder a keep changes.
func (j *journal) changed() int {
	names := map[string]bool{}
	for _, o := range j.Ops {
		if o.Act == after || o.Act == before {
			continue
		}
		for _, s := range []spot{o.From, o.To} {
			if s.In == theFolder {
				names[s.Path] = true
			}
		}
	}
	return len(names)
}

// carryOn finishes a keep. Where the human was faster, it takes back what is done.
func (d *Draft) carryOn(j *journal) error {
	if err := j.forward(); errors.Is(err, errStaging) {
		return err // nor can it be taken back
	} else if err != nil {
		if back := j.backward(); back != nil {
			return errors.Join(err, back)
		}
		return errors.Join(err, d.finishUndo(j)) // an undo may have been killed before, and all of the draft lie in undo/
	}
	if err := unix.Syncfs(j.folder.fd); err != nil {
		return j.folder.failed("sync", "", err)
	}
	return d.finishKeep(j)
}

// Unfinished reports whether a keep or an undo of it was begun and killed.
func (d *Draft) Unfinished() bool {
	if _, begun, err := d.state.exists(stepsFile); err != nil || !begun {
		return false
	}
	_, done, err := d.state.exists(keptFile)
	return err == nil && (!done || d.halfEnded())
}

// KeptAt is when the last keep was made that undo can take back, in nanoseconds; 0 where there is none.
func (d *Draft) KeptAt() int64 {
	for _, name := range []string{keptFile, stepsFile} {
		if st, ok, err := d.state.exists(name); err == nil && ok {
			return st.Ctim.Nano()
		}
	}
	return 0
}

// unfinished returns a keep that was begun and killed; nil where there is none.
func (d *Draft) unfinished() (*journal, error) {
	if err := d.sweep(); err != nil {
		return nil, err
	}
	if !d.Unfinished() {
		return nil, nil
	}
	j, err := d.journal()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := j.settle(true); err != nil {
		j.close()
		return nil, err
	}
	return j, nil
}

// halfEnded reports whether a whole keep was killed while it ended the draft.
func (d *Draft) halfEnded() bool {
	_, whole, err := d.state.exists("undo/whole")
	_, ended, err2 := d.state.exists("undo/ended")
	return err == nil && err2 == nil && whole && !ended
}

// finishKeep notes what was put into the folder, and ends a draft that was kept whole.
func (d *Draft) finishKeep(j *journal) error {
	kept, err := j.present()
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := gob.NewEncoder(&text).Encode(kept); err != nil {
		return err
	}
	if !j.Whole {
		if err := d.remember(j); err != nil {
			return err
		}
	}
	if err := d.state.write(keptFile, text.Bytes()); err != nil || !j.Whole {
		return err
	}
	return d.end()
}

// ofDraft is what a draft is made of; without the last of them it is none.
var ofDraft = []string{"upper", "modes", "hide", "hidden", "stamp", "known", "draft.json"}

// end moves what is left of a draft to undo/. After a killed undo all of it is there, and a later draft may be in its place.
func (d *Draft) end() error {
	if aside, err := d.isAside(); err != nil || aside {
		return err
	}
	if err := d.stampAside(); err != nil {
		return err
	}
	for _, name := range ofDraft {
		err := unix.Renameat(d.state.fd, name, d.state.fd, "undo/"+name)
		if err != nil && err != unix.ENOENT {
			return d.state.failed("end", name, err)
		}
		d.pause()
	}
	d.Ended = true
	return errors.Join(d.state.removeTree("work"), d.state.write("undo/ended", nil))
}
