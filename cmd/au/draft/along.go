// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"strings"

	"golang.org/x/sys/unix"
)

// Along is a file of the human that is elsewhere in the draft, because a folder above it was renamed. The draft itself does not
// hold it, and it is no change of its own.
type Along struct{ Path, Old string }

// mostAlong is how many names are looked at in folders that were renamed.
const mostAlong = 1_000_000

// along returns what came along with renamed folders, and whether that is all: where there are more names than most, it is not.
func (v *view) along(most int) (all []Along, whole bool, err error) {
	w := &walkAlong{view: v, most: most}
	for _, low := range sortedKeys(v.away) {
		if n := v.detached[low]; n != nil && n.merged {
			if err := w.node(n); err != nil {
				return nil, false, err
			}
		}
	}
	return w.all, w.looked <= most, nil
}

type walkAlong struct {
	*view
	most   int
	all    []Along
	looked int
}

// node walks through what a folder shows of the human.
func (w *walkAlong) node(n *node) error {
	if n.cleared {
		return nil
	}
	mine := map[string]*node{}
	for _, it := range n.items {
		mine[it.name] = it.dir
	}
	return w.folder(n.path, n.low, mine)
}

// folder walks through a folder of the human; mine are the names in it that the draft has itself.
func (w *walkAlong) folder(at, low string, mine map[string]*node) error {
	if w.looked > w.most {
		return nil // nor are the folders read beside the one in which there were too many
	}
	all, err := w.lower.list(low)
	if err != nil {
		return err
	}
	if w.looked += len(all); w.looked > w.most {
		return nil
	}
	for _, f := range all {
		from := join(low, f.name)
		dir, drafted := mine[f.name]
		switch {
		case w.hidden[from] || w.wentAway(from):
		case drafted && dir != nil && dir.merged && !dir.moved:
			err = w.node(dir)
		case drafted:
		case f.kind() == unix.S_IFDIR:
			err = w.folder(join(at, f.name), from, nil)
		default:
			w.all = append(w.all, Along{join(at, f.name), from})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// has reports whether the agent sees something at a path.
func (v *view) has(name string) bool {
	n := v.top
	for rest := name; ; {
		first, after, _ := strings.Cut(rest, "/")
		it, ok := n.item(first)
		switch {
		case !ok:
			return n.merged && !n.cleared && v.shows(n.low, rest)
		case after == "" || it.dir == nil:
			return after == "" && !it.whiteout
		}
		n, rest = it.dir, after
	}
}

// item returns what the draft has at a name in a folder.
func (n *node) item(name string) (item, bool) {
	if n.byName == nil {
		n.byName = map[string]int{}
		for i, it := range n.items {
			n.byName[it.name] = i
		}
	}
	i, ok := n.byName[name]
	if !ok {
		return item{}, false
	}
	return n.items[i], true
}

// shows reports whether something of the human is at a path in one of their folders that the draft does not touch.
func (v *view) shows(low, rest string) bool {
	at := low
	for part := range strings.SplitSeq(rest, "/") {
		if at = join(at, part); v.hidden[at] || v.wentAway(at) {
			return false
		}
	}
	_, ok, err := v.lower.exists(at)
	return ok && err == nil
}

// repositories returns the folders that are a git repository's own, as the agent sees them, of those in which git would obey a
// change.
func (t *teller) repositories() map[string]bool {
	all := map[string]bool{}
	for _, c := range t.changes {
		dir, base := split(c.Path)
		switch base {
		case "config", "config.worktree", "commondir", "HEAD", "hooks":
			all[dir] = all[dir] || t.has(join(dir, "HEAD"))
		}
		if up, last := split(dir); last == "hooks" {
			all[up] = all[up] || t.has(join(up, "HEAD"))
		}
	}
	return all
}

// mostOfConfig is how much is read of git's config, and mostOfConfigs of all of them: one with a hole or with many names takes no
// room on the disk.
const (
	mostOfConfig  = 1 << 20
	mostOfConfigs = 1 << 26
)

// gitConfigs returns git's configs, as the agent has them, of the repositories in which something changed, by their folder, and
// whether those are all: where they have more bytes than most, they are not.
func (t *teller) gitConfigs(most int) (all map[string][]byte, whole bool) {
	all = map[string][]byte{}
	asked := map[string]bool{}
	for _, c := range t.changes {
		for at := c.Path; at != "" && !asked[at]; {
			asked[at] = true
			at, _ = split(at)
			from, config := t.lower, join(at, ".git/config")
			if _, drafted, err := t.upper.exists(config); err == nil && drafted {
				from = t.upper
			}
			if text, err := from.readSome(config, mostOfConfig); err == nil {
				if most -= len(text); most < 0 {
					return all, false
				}
				all[at] = text
			}
		}
	}
	return all, true
}
