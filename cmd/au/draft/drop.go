// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/a4u2/au/internal/quote"
	"golang.org/x/sys/unix"
)

// Drop throws the draft away, and what is left to undo its last keep; but where that is the keep of another draft, before this one
// began, it can be taken back still. The folder is not touched. The caller holds the lock.
func (d *Draft) Drop(s *Store) error {
	if d.Unfinished() {
		return &HalfKept{d.Name, string(d.Folder)}
	}
	if err := d.sweep(); err != nil {
		return err
	}
	if anew, err := d.hasBegunAnew(); err != nil {
		return err
	} else if anew {
		return d.clear()
	}
	// The undo goes first: none is taken for that of a draft which begins later.
	if err := d.ForgetUndo(); err != nil {
		return err
	}
	// Without draft.json there is no draft: what a kill leaves is not taken for one.
	if err := d.state.removeTree("draft.json"); err != nil {
		return err
	}
	return s.removeTree(d.Key)
}

// DropForgets reports whether Drop also gives up what undo would take back.
func (d *Draft) DropForgets() bool {
	anew, err := d.hasBegunAnew()
	return err == nil && !anew && d.KeptAt() != 0
}

// DropPaths throws away what the draft has at and below the paths: the human's own shows again. The caller holds the lock.
func (d *Draft) DropPaths(paths []string) error {
	if slices.Contains(paths, "") {
		return errors.New("the whole folder: want au draft drop without a path")
	}
	if d.Unfinished() { // the human's files may lie where the agent's were
		return &HalfKept{d.Name, string(d.Folder)}
	}
	if err := d.openUp(); err != nil {
		return err
	}
	v, err := d.view()
	if err != nil {
		return err
	}
	defer v.close()
	var gone, first []string
	err = v.nodes(func(n *node) error {
		for _, it := range n.items {
			name := join(n.path, it.name)
			if !within(paths, name) || within(paths, n.path) {
				continue
			}
			if it.virtual {
				return fmt.Errorf("%s: the draft made its folder anew: drop %s", quote.Name(name), quote.Name(n.path))
			}
			more, err := v.droppable(n, it)
			if err != nil {
				return err
			}
			gone, first = append(gone, name), append(first, more...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, p := range paths {
		if !slices.ContainsFunc(slices.Concat(gone, first), func(name string) bool { return within([]string{p}, name) || within([]string{name}, p) }) {
			return v.nothingAt(p)
		}
	}
	// The mark that a folder is gone from its old place goes before that folder: after a kill the draft is as it was.
	slices.Sort(first)
	for _, name := range slices.Concat(slices.Compact(first), without(gone, first)) {
		if err := v.throw(d, name); err != nil {
			return err
		}
		d.pause()
	}
	return nil
}

// nothingAt says why nothing of the draft is at a path.
func (v *view) nothingAt(name string) error {
	n, at := v.top, ""
	for part := range strings.SplitSeq(name, "/") {
		it, ok := n.item(part)
		if at = join(at, part); !ok {
			break
		}
		if it.whiteout {
			return fmt.Errorf("%s: the draft has removed %s: drop that", quote.Name(name), quote.Name(at))
		}
		if n = it.dir; n == nil {
			break
		}
	}
	return fmt.Errorf("%s: the draft has changed nothing there", quote.Name(name))
}

func within(paths []string, name string) bool {
	return slices.ContainsFunc(paths, func(p string) bool { return p == name || strings.HasPrefix(name, p+"/") })
}

// droppable returns what else goes with a name: of a folder that was renamed, what says in its old place that it is gone.
func (v *view) droppable(n *node, it item) (more []string, err error) {
	name := join(n.path, it.name)
	if n.cleared && n.merged {
		if _, low, ok, err := v.base(n, it.name); err != nil || ok {
			return nil, errors.Join(err, fmt.Errorf("%s: the draft made its folder anew, so that yours (%s) would not show: drop %s", quote.Name(name), quote.Name(low), quote.Name(n.path)))
		}
	}
	for low, moved := range v.detached {
		if moved.path != name && !strings.HasPrefix(moved.path, name+"/") {
			continue
		}
		err = v.nodes(func(old *node) error {
			for _, at := range old.items {
				if old.merged && !at.virtual && join(old.low, at.name) == low && join(old.path, at.name) != moved.path {
					if !at.whiteout {
						return fmt.Errorf("%s: it was %s, where the draft has something else now: drop that, too", quote.Name(name), quote.Name(low))
					}
					more = append(more, join(old.path, at.name))
				}
			}
			return nil
		})
	}
	return more, err
}

// throw removes one name of the upper folder; with one rename it is out of the draft.
func (v *view) throw(d *Draft, name string) error {
	if err := d.state.removeTree("gone"); err != nil {
		return err
	}
	if err := rename(v.upper, name, d.state, "gone", unix.RENAME_NOREPLACE); err != nil {
		return v.upper.failed("drop", name, err)
	}
	return d.state.removeTree("gone")
}
