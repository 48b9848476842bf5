// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Where both sides made commits, the agent's are taken over as objects and refs: the human's branches, HEAD and index stay, and
// what the agent's branches name gets a name of its own.

// isHead reports whether a file of git's says where somebody is in their work, and not what the repository holds.
func isHead(name string) bool {
	rest, ok := strings.CutPrefix(name, ".git/")
	return ok && (slices.Contains([]string{"HEAD", "index", "ORIG_HEAD", "COMMIT_EDITMSG", "FETCH_HEAD", "AUTO_MERGE"}, rest) || strings.HasPrefix(rest, "logs/") || strings.HasPrefix(rest, "MERGE_"))
}

func isRef(name string) bool { return strings.HasPrefix(name, ".git/refs/heads/") }

// isObject reports whether a file is one of git's objects, which is called by the sum of what is in it.
func isObject(name string) bool { return strings.HasPrefix(name, ".git/objects/") }

// commits takes the conflicts that commits on both sides make out of the list: what of git's the human has gone on with is left.
func (t *teller) commits() {
	both := func(c Conflict) bool {
		return c.Kind == Changed && (isHead(c.Path) || isRef(c.Path) || isObject(c.Path)) && !t.isFolder(c.Path)
	}
	if !slices.ContainsFunc(t.conflicts, both) {
		return
	}
	for _, c := range t.conflicts {
		if !both(c) {
			continue
		}
		t.leave[c.Path] = true
		if isRef(c.Path) {
			t.named[c.Path] = true
		}
	}
	t.conflicts = slices.DeleteFunc(t.conflicts, both)
	for _, c := range t.changes {
		if isHead(c.Path) {
			t.leave[c.Path] = true
		}
	}
	t.conflicts = slices.DeleteFunc(t.conflicts, func(c Conflict) bool { return t.leave[c.Path] })
}

// isFolder reports whether a change is one of a folder.
func (t *teller) isFolder(name string) bool {
	return slices.ContainsFunc(t.changes, func(c Change) bool { return c.Path == name && c.Dir })
}

// refOf is what the ref of the agent's is called that the human's own name is not given to.
func refOf(draft, name string) string {
	return ".git/refs/au/" + draft + "/" + strings.TrimPrefix(name, ".git/refs/")
}

// refs plans the names for the agent's branches that the human has gone on with, too.
func (p *planner) refs(draft string) error {
	made := map[string]bool{}
	for _, name := range sortedKeys(p.named) {
		st, ok, err := p.upper.exists(name)
		if err != nil {
			return err
		}
		if !ok || st.Mode&unix.S_IFMT != unix.S_IFREG || !p.takes(name) {
			continue // the agent removed it
		}
		to := refOf(draft, name)
		if err := p.foldersFor(path.Dir(to), made); err != nil {
			return err
		}
		if old, ok, err := p.lower.exists(to); err != nil {
			return err
		} else if ok {
			p.emit(op{Act: move, From: spot{theFolder, to}, To: p.stash(), Ino: old.Ino, Was: vintageOf(old), Low: to})
		}
		p.put(to, item{}, true)
		p.middle[len(p.middle)-2].From.Path = name
	}
	return nil
}

// foldersFor plans the folders that are missing on the way to a new name, with the mode of the folder above.
func (p *planner) foldersFor(dir string, made map[string]bool) error {
	if made[dir] {
		return nil
	}
	if _, ok, err := p.lower.exists(dir); err != nil || ok {
		return err
	}
	if err := p.foldersFor(path.Dir(dir), made); err != nil {
		return err
	}
	made[dir] = true
	m, err := p.lower.meta(".git/refs")
	if err != nil {
		return err
	}
	m.Times = false
	p.emit(op{Act: mkdir, To: spot{theFolder, dir}})
	p.last = append([]op{{Act: after, To: spot{theFolder, dir}, Meta: m}}, p.last...)
	return nil
}
