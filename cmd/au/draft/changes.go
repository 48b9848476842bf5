// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Change is one thing that keep would do to the folder, as git names them: A added, M modified or with another mode, D deleted, R
// renamed, T of another kind.
type Change struct {
	Path, Old string // below the folder; Old is where it was, of what was renamed
	Kind      byte
	Dir       bool   // a folder by itself: made or removed empty, renamed, or with another mode
	Mode, Was uint32 // 0 where there is none
	Size      int64  // of what the draft holds
	Shown     Shown  // what git's diff shows of it, of one that Lay returns
	Attrs     bool   // whether its attributes differ, of the same
	low       string // what of the human's it replaces
}

// Shown is how much a diff of git's shows of a change that is left for others to show.
type Shown byte

// The ways in which git leaves something out.
const (
	Nothing Shown = iota // it does not show the file
	Alike                // the file holds what it did, in a mode that is the same to git
	NoRight              // it shows the text, but not all of the mode, or no attributes
)

// A Conflict is a change of the human's own, since the draft began, to what the draft changes, too.
type Conflict struct {
	Path string
	Kind ConflictKind
	Why  string
}

// ConflictKind is why keep does not go on by itself.
type ConflictKind string

// The kinds of what can be in the way of a keep.
const (
	Changed ConflictKind = "changed" // the human has changed it, too
	Gone    ConflictKind = "gone"    // the human has removed it
	Folder  ConflictKind = "folder"  // its folder is not the one that the draft saw
	Hidden  ConflictKind = "hidden"  // the agent made what it could not see
	Perhaps ConflictKind = "perhaps" // it may be what the human has removed, or have what they have taken out of it
)

// teller finds out what has changed, and what of that the human has changed, too.
type teller struct {
	*view
	git       *gitBase
	changes   []Change
	conflicts []Conflict
	origins   map[string]string // files of the human that the draft removes or replaces, by handle
	arrived   []arrival
	leave     map[string]bool     // what of git's stays as the human has it, though the draft has it otherwise
	named     map[string]string   // the agent's branches among it; with the commit where only packed-refs have it
	unpacked  map[string]string   // those in packed-refs alone, and the files with their commits
	forked    bool                // both sides have made commits
	equal     map[string]bool     // what was copied up, and is as it was
	both      map[string]string   // files that both sides may have changed, and where they are in the folder
	lows      map[string][]string // of conflicts, where in the folder that is which the human has changed
	merged    map[string]merged   // those of them that were put together
}

// arrival is a file that was copied from one of the human, where the human has nothing of that name.
type arrival struct {
	change int
	origin []byte
	merged bool
}

// told reads the draft, and what has changed in it; the caller closes it.
func (d *Draft) told() (*teller, error) {
	v, err := d.view()
	if err != nil {
		return nil, err
	}
	t, err := v.tell(d.gitBase())
	if err != nil {
		v.close()
	}
	return t, err
}

// tell reads all of the draft.
func (v *view) tell(git *gitBase) (*teller, error) {
	t := &teller{view: v, git: git, conflicts: slices.Clone(v.problems), origins: map[string]string{}, equal: map[string]bool{}, both: map[string]string{}, lows: map[string][]string{}, leave: map[string]bool{}, named: map[string]string{}}
	if err := v.nodes(t.node); err != nil {
		return nil, err
	}
	t.came()
	t.commits()
	t.renames()
	slices.SortStableFunc(t.changes, func(x, y Change) int { return strings.Compare(x.Path, y.Path) })
	slices.SortStableFunc(t.conflicts, func(x, y Conflict) int {
		return cmp.Or(strings.Compare(x.Path, y.Path), cmp.Compare(x.Kind, y.Kind))
	})
	t.conflicts = slices.Compact(t.conflicts)
	return t, nil
}

// changedBy notes a conflict where the human has changed what is at low in the folder.
func (t *teller) changedBy(path, low, why string) {
	if t.turned {
		why = "you may have changed it: the clock was set back since the draft began"
	}
	t.conflict(path, Changed, why)
	t.lows[path] = append(t.lows[path], low) // what is gone from a name, and the folder that has it now
}

func (t *teller) conflict(path string, kind ConflictKind, why string) {
	t.conflicts = append(t.conflicts, Conflict{path, kind, why})
}

// lowsOf returns where in the folder that is which the human has changed.
func (t *teller) lowsOf(all []Conflict) (lows []string) {
	for _, c := range all {
		if c.Kind == Changed {
			lows = append(lows, t.lows[c.Path]...)
		}
	}
	return lows
}

// goes notes a file of the human that goes from its name, where others may have come from it.
func (t *teller) goes(low string) {
	if handle, err := t.lower.handle(low); err == nil {
		t.origins[string(handle)] = low
	}
}

// came says where the files came from that the human has nothing in the place of. The human has removed a file that
// was copied and is nowhere.
func (t *teller) came() {
	for _, a := range t.arrived {
		c := &t.changes[a.change]
		if c.Old = t.cameFrom(a.origin); c.Old == "" && a.merged && !t.taken[handleIn(a.origin)] {
			t.conflict(c.Path, Gone, "you have removed or renamed it")
		}
	}
}

// node tells of one folder.
func (t *teller) node(n *node) error {
	if err := t.folder(n); err != nil {
		return err
	}
	if len(n.items) > 0 {
		if err := t.sameFolder(n); err != nil {
			return err
		}
	}
	for _, it := range n.items {
		if err := t.item(n, it); err != nil {
			return err
		}
	}
	return nil
}

// folder tells of what became of the folder itself.
func (t *teller) folder(n *node) error {
	switch {
	case n.lost:
		t.conflict(n.path, Gone, "the folder that it was is gone from there")
	case n.moved:
		t.changes = append(t.changes, Change{Path: n.path, Old: n.low, Kind: 'R', Dir: true, Mode: n.st.Mode, Was: n.st.Mode, low: n.low})
	case !n.merged && n != t.top:
		if len(n.items) == 0 {
			t.changes = append(t.changes, Change{Path: n.path, Kind: 'A', Dir: true, Mode: n.st.Mode})
		}
	}
	if !n.merged {
		return nil
	}
	st, err := t.lower.stat(n.low)
	if err != nil {
		return t.lower.failed("stat", n.low, err)
	}
	other, err := t.otherAttributes(n)
	if err != nil {
		return err
	}
	if other || st.Mode&0o7777 != n.st.Mode&0o7777 {
		t.changes = append(t.changes, Change{Path: n.path, Kind: 'M', Dir: true, Mode: n.st.Mode, Was: st.Mode, low: n.low})
		if t.changedSince(st) && !n.cleared {
			t.changedBy(n.path, n.low, "its mode or its attributes differ, and the folder has changed since")
		}
	}
	return nil
}

// otherAttributes reports whether a folder has other attributes in the draft. One that the human cannot read counts as one that has
// the same.
func (t *teller) otherAttributes(n *node) (bool, error) {
	was, err := t.lower.attributes(n.low)
	if errors.Is(err, fs.ErrPermission) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	is, err := t.attributesOf(n)
	return err == nil && !maps.Equal(is, was), err
}

// sameFolder notes a conflict where a folder is not the one that the draft saw.
func (t *teller) sameFolder(n *node) error {
	if !n.merged || len(n.mark.Origin) == 0 || t.covered[n.low] || n.cleared {
		return nil
	}
	handle, err := t.lower.handle(n.low)
	if err != nil {
		return t.lower.failed("name", n.low, err)
	}
	if !n.mark.cameFrom(handle) {
		t.conflict(n.path, Folder, "another folder is in its place than the draft saw")
	}
	return nil
}

func (t *teller) item(n *node, it item) error {
	st, low, ok, err := t.base(n, it.name)
	if err != nil {
		return err
	}
	path := join(n.path, it.name)
	if ok && !it.whiteout && t.hidden[low] {
		t.conflict(path, Hidden, "the agent could not see yours, and made one")
	}
	if ok && !it.whiteout && st.Mode&unix.S_IFMT == unix.S_IFDIR && (it.dir == nil || it.dir.moved) && t.hiddenBelow(low) {
		t.conflict(path, Hidden, "the agent put something else in place of your folder, which holds what it could not see")
	}
	switch {
	case it.whiteout:
		if !ok || t.hidden[low] {
			return nil
		}
		return t.deleted(path, low, st)
	case it.dir != nil:
		if ok && (st.Mode&unix.S_IFMT != unix.S_IFDIR || it.dir.moved) {
			return t.deleted(path, low, st)
		}
		return nil
	case !ok:
		return t.added(n, it, path)
	}
	return t.replaced(it, path, low, st)
}

// added tells of a file where the human has none.
func (t *teller) added(n *node, it item, path string) error {
	c := Change{Path: path, Kind: 'A', Mode: it.st.Mode, Size: it.st.Size}
	if origin := t.marks[path].Origin; len(origin) > 0 {
		t.arrived = append(t.arrived, arrival{len(t.changes), origin, n.merged})
	} else if n.merged && !n.cleared {
		st, err := t.lower.stat(n.low)
		if err != nil {
			return t.lower.failed("stat", n.low, err)
		}
		if t.changedSince(st) && t.git.mayHaveHad(join(n.low, it.name)) {
			t.conflict(path, Perhaps, "it looks new, but its folder has changed since: you may have removed it")
		}
	}
	t.changes = append(t.changes, c)
	return nil
}

// cameFrom returns which of the files that the draft removes or replaces another was copied from.
func (t *teller) cameFrom(origin []byte) string {
	return t.origins[handleIn(origin)]
}

// handleIn returns the handle in an origin; "" where there is none.
func handleIn(origin []byte) string {
	const fid = 21 // behind it is the handle, Mark.cameFrom
	if len(origin) <= fid {
		return ""
	}
	return string(origin[4]) + string(origin[fid:])
}

// replaced tells of a file where the human has something, too.
func (t *teller) replaced(it item, path, low string, st unix.Stat_t) error {
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		t.changes = append(t.changes, Change{Path: path, Kind: 'A', Mode: it.st.Mode, Size: it.st.Size})
		return t.deleted(path, low, st)
	}
	t.goes(low)
	alike, err := same(t.upper, path, it.st, t.lower, low, st)
	if err != nil && !errors.Is(err, fs.ErrPermission) { // what cannot be read counts as changed
		return err
	}
	if alike {
		if t.equal[path] = it.st.Nlink == 1; !t.equal[path] && !t.hidden[low] { // it is replaced all the same: another name is to be one of that file
			t.touched(path, low, "you have changed it since, and the agent has given it another name", st)
		}
		return nil
	}
	c := Change{Path: path, Kind: 'M', Mode: it.st.Mode, Was: st.Mode, Size: it.st.Size, low: low}
	if st.Mode&unix.S_IFMT != it.st.Mode&unix.S_IFMT {
		c.Kind = 'T'
	}
	t.changes = append(t.changes, c)
	if !t.hidden[low] {
		t.touched(path, low, changedByYou, st)
	}
	if c.Kind == 'M' && st.Mode&unix.S_IFMT == unix.S_IFREG && it.st.Nlink == 1 && !t.hidden[low] {
		t.both[path] = low
	}
	return nil
}

const changedByYou = "you have changed it since"

// touched notes a conflict where the human has changed a file since.
func (t *teller) touched(path, low, why string, st unix.Stat_t) {
	switch {
	case !t.changedSince(st) || low == ".git/index" && t.git.sameIndex():
	case !t.git.unchanged(t.lower, low, st):
		t.changedBy(path, low, why)
	case st.Mtim.Nano() >= t.stamp: // the draft may go on from what the human had in it before
		t.conflict(path, Perhaps, "git has it as it is, and you have written it since: you may have put it back")
	}
}

// deleted tells of all that is gone with a name of the human.
func (t *teller) deleted(path, low string, st unix.Stat_t) error {
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		t.goes(low)
		t.touched(path, low, changedByYou, st)
		t.changes = append(t.changes, Change{Path: path, Kind: 'D', Was: st.Mode, low: low})
		return nil
	}
	all, err := t.lower.list(low)
	if err != nil {
		return err
	}
	if t.changedSince(st) && !t.covered[low] {
		t.changedBy(path, low, "something in this folder has changed since")
	}
	if len(all) == 0 {
		t.changes = append(t.changes, Change{Path: path, Kind: 'D', Dir: true, Was: st.Mode, low: low})
	}
	for _, f := range all {
		inner := join(low, f.name)
		if t.hidden[inner] || t.wentAway(inner) {
			continue
		}
		if err := t.deleted(join(path, f.name), inner, f.st); err != nil {
			return err
		}
	}
	return nil
}

// renames makes one change of a file that was removed and one that was made of it.
func (t *teller) renames() {
	removed := map[string]bool{}
	for _, c := range t.changes {
		if c.Kind == 'D' {
			removed[c.low] = true
		}
	}
	came := map[string]bool{}
	for i, c := range t.changes {
		if c.Kind != 'A' || c.Old == "" {
			continue
		}
		if !removed[c.Old] || came[c.Old] {
			t.changes[i].Old = ""
			continue
		}
		t.changes[i].Kind, t.changes[i].low = 'R', c.Old
		came[c.Old] = true
	}
	t.changes = slices.DeleteFunc(t.changes, func(c Change) bool { return c.Kind == 'D' && came[c.low] })
}
