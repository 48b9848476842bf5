// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/a4u2/au/internal/quote"
	"golang.org/x/sys/unix"
)

// node is a folder that the draft has something in.
type node struct {
	path    string // where it is in the draft, and in the upper folder
	low     string // the folder of the human that it goes on from
	merged  bool   // whether there is one
	moved   bool   // it was elsewhere, in low
	cleared bool   // nothing that stood in low is left but what is listed
	lost    bool   // there was one, and it is gone
	below   bool   // it is in one that is gone, and so is what it goes on from
	st      unix.Stat_t
	mark    Mark
	items   []item
	byName  map[string]int // the items, once somebody has asked for one
}

// item is a name in a node.
type item struct {
	found
	whiteout bool
	virtual  bool  // a whiteout that the upper folder does not hold: its folder was made anew
	dir      *node // of a folder
}

// view is a draft as it is now, over the folder as it is now.
type view struct {
	upper, lower place
	marks        Marks
	modes        map[string]uint32 // of the draft's folders that were opened up
	hidden       map[string]bool   // what the agent did not see of the folder
	covered      map[string]bool   // folders that the hidden layer also has
	detached     map[string]*node  // folders of the human that are elsewhere in the draft
	away         map[string]bool   // the same, from the first reading
	stamp        int64             // when the draft began, by the clock of file systems
	turned       bool              // the clock was set back since: then nobody knows what was changed since
	ours         map[identity]bool // what au itself has changed last
	taken        map[string]bool   // handles of files that a keep of a part has taken from their places
	top          *node
	count        int64
	problems     []Conflict
	apart        bool // nothing can be renamed from the draft to the folder
	device       uint64
}

// now is the clock, which a test sets back.
var now = time.Now

// identity tells a file from all others, and from itself after any change.
type identity struct {
	Ino   uint64
	Ctime int64
}

func identityOf(st unix.Stat_t) identity { return identity{st.Ino, st.Ctim.Nano()} }

// most is how many names a draft may hold.
const most = 5_000_000

// view reads the draft.
func (d *Draft) view() (*view, error) {
	v := &view{hidden: map[string]bool{}, covered: map[string]bool{}, detached: map[string]*node{}, ours: map[identity]bool{}, taken: map[string]bool{}, upper: place{fd: -1}, lower: place{fd: -1}}
	err := d.withRights(func() error {
		v.close()
		return v.read(d)
	})
	if err != nil {
		v.close()
		return nil, err
	}
	return v, nil
}

func (v *view) close() {
	v.upper.close()
	v.lower.close()
	v.upper.fd, v.lower.fd = -1, -1
}

func (v *view) read(d *Draft) (err error) {
	if v.lower, err = d.openFolder(); err != nil {
		return err
	}
	if v.upper, err = d.state.sub("upper"); err != nil {
		return err
	}
	if v.stamp, err = d.state.stamped("stamp"); err != nil {
		return err
	}
	v.turned = now().UnixNano() < v.stamp
	if v.modes, err = d.modes(); err != nil {
		return err
	}
	if v.marks, err = d.readMarks(v.upper); err != nil {
		return fmt.Errorf("the overlay's marks: %w", err)
	}
	known := map[string]identity{}
	if err = d.readKnown("known", known); err != nil {
		return err
	}
	for name, id := range known {
		v.ours[id] = true
		if handle, ok := strings.CutPrefix(name, takenBy); ok {
			v.taken[handle] = true
		}
	}
	if err = v.readHidden(d); err != nil {
		return err
	}
	v.top = &node{merged: true, mark: v.marks[""]}
	if v.top.st, err = v.upper.stat(""); err != nil {
		return v.upper.failed("stat", "", err)
	}
	at, err := v.lower.stat("")
	if err != nil {
		return v.lower.failed("stat", "", err)
	}
	v.device = at.Dev
	v.top.st.Mode = v.modeOf("", v.top.st) | at.Mode&theirs // keep never shuts the human out of the folder
	if v.apart, err = v.lower.isApart(v.upper); err != nil {
		return err
	}
	if handle, err := v.lower.handle(""); err != nil || !bytes.Equal(handle, d.Handle) {
		v.problems = append(v.problems, Conflict{"", Folder, "it is not the folder that the draft began with"})
	}
	return v.scan()
}

// readKnown reads what an earlier keep of a part has put into the folder: that is no change of the human.
func (d *Draft) readKnown(name string, into map[string]identity) error {
	text, err := d.state.readAll(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = gob.NewDecoder(bytes.NewReader(text)).Decode(&into)
	}
	return err
}

// isWhiteout reports whether a file of the upper folder stands for a name that is not there.
func (f found) isWhiteout() bool { return f.kind() == unix.S_IFCHR && f.st.Rdev == 0 }

// readHidden reads the layer of what the agent does not see, and what has been hidden before.
func (v *view) readHidden(d *Draft) error {
	names, err := d.Hidden()
	if err != nil {
		return err
	}
	for _, name := range names {
		v.hidden[name] = true
	}
	if _, ok, err := d.state.exists("hide"); err != nil || !ok {
		return err
	}
	hide, err := d.state.sub("hide")
	if err != nil {
		return err
	}
	defer hide.close()
	for left := []string{""}; len(left) > 0; {
		at := left[len(left)-1]
		left = left[:len(left)-1]
		all, err := hide.list(at)
		if err != nil {
			return err
		}
		v.covered[at] = true
		for _, f := range all {
			if name := join(at, f.name); f.isWhiteout() {
				v.hidden[name] = true
			} else if f.kind() == unix.S_IFDIR {
				left = append(left, name)
			}
		}
	}
	return nil
}

// scan reads the upper folder twice: what a folder goes on from hangs on which folders went elsewhere.
func (v *view) scan() error {
	if err := v.scanOnce(); err != nil {
		return err
	}
	v.away = map[string]bool{}
	for low, n := range v.detached {
		if !n.lost { // else something of the human's own may be there by now
			v.away[low] = true
		}
	}
	if len(v.away) == 0 {
		return nil
	}
	v.detached, v.top.items, v.count = map[string]*node{}, nil, 0
	return v.scanOnce()
}

// scanOnce reads the upper folder, the tops first.
func (v *view) scanOnce() error {
	for left := []*node{v.top}; len(left) > 0; {
		n := left[len(left)-1]
		left = left[:len(left)-1]
		if err := v.fill(n); err != nil {
			return err
		}
		for _, it := range n.items {
			if it.dir != nil {
				left = append(left, it.dir)
			}
		}
	}
	return nil
}

// fill reads one folder of the upper one.
func (v *view) fill(n *node) error {
	if len(n.path)+256 > longest {
		return fmt.Errorf("%s: the path is too long to be kept: drop it", quote.Name(n.path))
	}
	all, err := v.upper.list(n.path)
	if err != nil {
		return err
	}
	if v.count += int64(len(all)); v.count > most {
		return fmt.Errorf("the draft holds more than %d names", most)
	}
	names := map[string]bool{}
	for _, f := range all {
		names[f.name] = true
		v.turned = v.turned || f.st.Ctim.Nano() < v.stamp // the draft is younger than its stamp
		it := item{found: f, whiteout: f.isWhiteout()}
		if f.kind() == unix.S_IFDIR {
			if it.dir, err = v.child(n, f); err != nil {
				return err
			}
		}
		n.items = append(n.items, it)
	}
	if n.cleared && n.merged {
		return v.clear(n, names)
	}
	return nil
}

// modeOf returns the mode of a folder as the agent has it.
func (v *view) modeOf(name string, st unix.Stat_t) uint32 {
	if mode, ok := v.modes[name]; ok {
		return st.Mode&unix.S_IFMT | mode
	}
	return st.Mode
}

// child says what a folder in the upper one goes on from.
func (v *view) child(parent *node, f found) (*node, error) {
	n := &node{path: join(parent.path, f.name), st: f.st}
	n.st.Mode = v.modeOf(n.path, f.st)
	n.mark = v.marks[n.path]
	if n.mark.Redirect != "" {
		low, err := n.mark.below(parent.low, parent.merged || parent.lost || parent.below)
		if err != nil {
			return nil, err
		}
		if v.detached[low] != nil {
			return nil, fmt.Errorf("two folders of the draft were both %s: it is damaged", quote.Name(low))
		}
		v.detached[low] = n
		n.low, n.moved = low, true
		st, ok, err := v.lower.exists(low)
		n.merged = ok && st.Mode&unix.S_IFMT == unix.S_IFDIR
		n.lost = !n.merged
		return n, err
	}
	if n.below = parent.lost || parent.below; n.below {
		n.low = join(parent.low, f.name)
	}
	if !parent.merged {
		return n, nil
	}
	n.low = join(parent.low, f.name)
	n.cleared = n.mark.Opaque || parent.cleared
	st, ok, err := v.lower.exists(n.low)
	n.merged = ok && st.Mode&unix.S_IFMT == unix.S_IFDIR && !v.hidden[n.low] && !v.away[n.low]
	n.lost = !n.merged && !n.cleared && len(n.mark.Origin) > 0
	return n, err
}

// clear adds whiteouts for what a folder that was made anew does not show any more.
func (v *view) clear(n *node, names map[string]bool) error {
	all, err := v.lower.list(n.low)
	if err != nil {
		return err
	}
	for _, f := range all {
		if !names[f.name] && !v.hidden[join(n.low, f.name)] {
			n.items = append(n.items, item{found: f, whiteout: true, virtual: true})
		}
	}
	return nil
}

// base returns what is in the human's folder where the item is, and where in it.
func (v *view) base(n *node, name string) (st unix.Stat_t, low string, ok bool, err error) {
	low = join(n.low, name)
	if !n.merged || v.wentAway(low) {
		return st, low, false, nil
	}
	st, ok, err = v.lower.exists(low)
	return st, low, ok, err
}

// wentAway reports whether a folder of the human is elsewhere in the draft. A folder that was renamed, and lies in another one
// under its own name, is too.
func (v *view) wentAway(low string) bool { return v.away[low] }

// changedSince reports whether the human has changed a thing since the draft began, or made it. Another name of a file that au has
// put aside is not the human's change. A file system that knows of seconds alone has them without the rest.
func (v *view) changedSince(st unix.Stat_t) bool { return v.isSince(identityOf(st)) }

func (v *view) isSince(id identity) bool {
	at := id.Ctime
	if at%int64(time.Second) == 0 {
		at += int64(time.Second - 1)
	}
	return (v.turned || at >= v.stamp) && !v.ours[id]
}

// nodes calls f with each node, the tops first.
func (v *view) nodes(f func(*node) error) error {
	for left := []*node{v.top}; len(left) > 0; {
		n := left[len(left)-1]
		left = left[:len(left)-1]
		if err := f(n); err != nil {
			return err
		}
		for _, it := range slices.Backward(n.items) {
			if it.dir != nil {
				left = append(left, it.dir)
			}
		}
	}
	return nil
}

// attributesOf returns the attributes of a folder in the draft. The top of the upper folder began without those of the folder, so
// it took none away, and it has no ACL of its own.
func (v *view) attributesOf(n *node) (map[string]string, error) {
	is, err := v.upper.attributes(n.path)
	if err != nil || n != v.top {
		return is, err
	}
	all, err := v.lower.attributes(n.low)
	for key, value := range is {
		if err == nil && strings.HasPrefix(key, "user.") {
			all[key] = value
		}
	}
	return all, err
}

// hiddenBelow reports whether something is at a hidden name in a folder of the human.
func (v *view) hiddenBelow(low string) bool {
	for name := range v.hidden {
		if strings.HasPrefix(name, low+"/") {
			if _, ok, err := v.lower.exists(name); ok || err != nil {
				return true
			}
		}
	}
	return false
}
