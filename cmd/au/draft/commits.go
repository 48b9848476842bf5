// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Where both sides made commits, the agent's are taken over as objects and refs: the human's branches, HEAD and index stay, and
// what the agent's branches name gets a name of its own.

// isHead reports whether a file of git's says where somebody is in their work, and not what the repository holds.
func isHead(name string) bool {
	rest, ok := strings.CutPrefix(name, ".git/")
	return ok && (slices.Contains([]string{"HEAD", "index", "ORIG_HEAD", "COMMIT_EDITMSG", "FETCH_HEAD", "AUTO_MERGE", "CHERRY_PICK_HEAD", "REVERT_HEAD", "logs"}, rest) ||
		strings.HasPrefix(rest, "logs/") || strings.HasPrefix(rest, "MERGE_") || strings.HasPrefix(rest, "BISECT_") || unfinished(name) != "")
}

// unfinished returns the folder of git, which says by being there that somebody is in the middle of something, that a file is in.
func unfinished(name string) string {
	for _, dir := range []string{".git/rebase-merge", ".git/rebase-apply", ".git/sequencer"} {
		if name == dir || strings.HasPrefix(name, dir+"/") {
			return dir
		}
	}
	return ""
}

// The files that say where somebody is, and what many refs name.
const (
	gitsHead   = ".git/HEAD"
	packedRefs = ".git/packed-refs"
	gitsRefs   = ".git/refs"
)

func isRef(name string) bool { return strings.HasPrefix(name, ".git/refs/heads/") }

// isObject reports whether a file is one of git's objects, which is called by the sum of what is in it.
func isObject(name string) bool { return strings.HasPrefix(name, ".git/objects/") }

// isSealed reports whether git calls a file by what is in it. Git gives it a new time, or makes it again, but no other text.
func isSealed(name string) bool {
	rest, ok := strings.CutPrefix(name, ".git/objects/")
	dir, base, _ := strings.Cut(rest, "/")
	return ok && (len(dir) == 2 && isSum(dir+base) || dir == "pack" && strings.HasPrefix(base, "pack-"))
}

// commits takes the conflicts that commits on both sides make out of the list: what of git's the human has gone on with is left.
// When git has packed objects, it removes them, and the folders that they were in.
func (t *teller) commits() {
	t.conflicts = slices.DeleteFunc(t.conflicts, func(c Conflict) bool { return (c.Kind == Gone || c.Kind == Folder) && isObject(c.Path) })
	both := func(c Conflict) bool {
		return c.Kind == Changed && (isHead(c.Path) || isRef(c.Path) || isObject(c.Path)) && !t.isFolder(c.Path)
	}
	if !slices.ContainsFunc(t.conflicts, both) || !t.goesOnFrom(".git/objects") || !t.goesOnFrom(".git/refs/heads") {
		return
	}
	branch := t.branch()
	if t.movesPacked(branch) {
		return
	}
	t.forked = true
	for _, c := range t.conflicts {
		if both(c) {
			t.leave[c.Path] = true
			t.callByAnother(c.Path, isRef(c.Path))
		}
	}
	t.conflicts = slices.DeleteFunc(t.conflicts, both)
	for _, c := range t.changes {
		if isHead(c.Path) || c.Path == branch { // else the index that stays would take back what the branch has
			t.leave[c.Path] = true
			t.leave[unfinished(c.Path)] = true
			t.callByAnother(c.Path, c.Path == gitsHead || c.Path == branch)
		}
	}
	delete(t.leave, "")
	for _, c := range t.changes { // of branches that are in a folder where the human has a branch
		t.callByAnother(c.Path, c.Mode != 0 && isRef(c.Path) && hasAbove(t.leave, c.Path))
	}
	t.callPackedByAnother()
	t.conflicts = slices.DeleteFunc(t.conflicts, func(c Conflict) bool { return t.leave[c.Path] })
}

// goesOnWithGit reports whether git has written a name or an index in the folder since the draft began, perhaps for an old object.
func (v *view) goesOnWithGit() bool {
	all := map[string]identity{}
	for _, dir := range []string{"refs", "reftable", "worktrees"} {
		v.lower.identities(join(".git", dir), all)
	}
	top, _ := v.lower.list(".git") // without one, nothing is needed
	for _, f := range top {
		if f.kind() != unix.S_IFDIR {
			all[f.name] = identityOf(f.st)
		}
	}
	return slices.ContainsFunc(slices.Collect(maps.Values(all)), v.isSince)
}

// branch returns the file of the branch at which the human's HEAD is; "" where it is at none.
func (t *teller) branch() string {
	text, err := t.lower.readSome(gitsHead, mostOfRef)
	ref, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "ref: ")
	if name := ".git/" + ref; err == nil && ok && isRef(name) && fs.ValidPath(name) {
		return name
	}
	return ""
}

// movesPacked reports whether the agent's packed-refs have another commit for a branch that the human has nowhere else.
func (t *teller) movesPacked(branch string) bool {
	_, loose, err := t.lower.exists(branch)
	st, drafted, err2 := t.upper.exists(packedRefs)
	if branch == "" || err != nil || loose || err2 != nil || !drafted || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return false
	}
	ref := strings.TrimPrefix(branch, ".git/")
	return t.upper.packed(ref) != t.lower.packed(ref)
}

// goesOnFrom reports whether a folder in the draft is the human's own, and those that it is in: the agent made no new one.
func (t *teller) goesOnFrom(name string) bool {
	n := t.top
	for part := range strings.SplitSeq(name, "/") {
		it, ok := n.item(part)
		if !ok {
			return true
		}
		if it.dir == nil || !it.dir.merged || it.dir.moved || it.dir.cleared {
			return false
		}
		n = it.dir
	}
	return true
}

// callByAnother notes that a branch of the agent, or the commit at which their HEAD is, gets a name of its own, where there is
// one.
func (t *teller) callByAnother(name string, really bool) {
	if !really {
		return
	}
	st, ok, err := t.upper.exists(name)
	switch loose := err == nil && ok && st.Mode&unix.S_IFMT == unix.S_IFREG; {
	case name == gitsHead:
		if text, err := t.upper.readSome(name, mostOfRef); loose && err == nil && isSum(string(text)) {
			t.named[name] = "" // else it is at a branch
		}
	case loose:
		t.named[name] = ""
	case err == nil && (!ok || st.Mode&unix.S_IFMT == unix.S_IFCHR):
		if sum := t.upper.packed(strings.TrimPrefix(name, ".git/")); sum != "" {
			t.named[name] = sum
		}
	}
}

// callPackedByAnother notes the branches that the agent has in packed-refs alone, and with which the human has gone on: git obeys
// the human's alone.
func (t *teller) callPackedByAnother() {
	agents := map[string]string{}
	t.upper.eachPacked(func(ref, sum string) {
		name := ".git/" + ref
		if !isRef(name) || !fs.ValidPath(name) {
			return
		}
		_, drafted, err := t.upper.exists(name)
		st, ok, err2 := t.lower.exists(name)
		if err == nil && err2 == nil && !drafted && ok && t.changedSince(st) {
			agents[ref] = sum
		}
	})
	t.lower.eachPacked(func(ref, sum string) {
		if agents[ref] == sum { // the agent made no commit
			delete(agents, ref)
		}
	})
	for ref, sum := range agents {
		t.named[".git/"+ref] = sum
	}
}

// isFolder reports whether a change is one of a folder.
func (t *teller) isFolder(name string) bool {
	return slices.ContainsFunc(t.changes, func(c Change) bool { return c.Path == name && c.Dir })
}

// refsOfAgents is the folder of the names that au gives to refs of agents.
const refsOfAgents = ".git/refs/au"

// isLeft reports whether something stays as the human has it, though the draft has it otherwise.
func (t *teller) isLeft(name string) bool {
	return hasAbove(t.leave, name) || t.forked && within([]string{refsOfAgents}, name)
}

// isLeftBelow reports whether something below a folder stays as the human has it.
func (t *teller) isLeftBelow(name string) bool {
	for left := range t.leave {
		if strings.HasPrefix(left, name+"/") {
			return true
		}
	}
	return false
}

// refFor returns the name for a ref of the agent where the human's own name must not be given to it. A name that the human's folder
// has for another commit stays that one's.
func (t *teller) refFor(draft, name string) (to string, err error) {
	sum := t.named[name]
	if sum == "" {
		text, _ := t.upper.readSome(name, mostOfRef) // what cannot be read is no name's
		sum = strings.TrimSpace(string(text))
	}
	of := draft
	for n, free := 2, false; !free && err == nil; n++ {
		to = path.Join(refsOfAgents, of, strings.TrimPrefix(strings.TrimPrefix(name, ".git/"), "refs/"))
		free, err = t.isFree(to, sum)
		of = draft + "-" + strconv.Itoa(n)
	}
	return to, err
}

// isFree reports whether a name in the human's folder can be given to a commit.
func (t *teller) isFree(ref, sum string) (bool, error) {
	for dir := path.Dir(ref); dir != refsOfAgents; dir = path.Dir(dir) {
		if st, ok, err := t.lower.exists(dir); err != nil || ok && st.Mode&unix.S_IFMT != unix.S_IFDIR {
			return false, err
		}
	}
	st, ok, err := t.lower.exists(ref)
	if err != nil || ok && st.Mode&unix.S_IFMT != unix.S_IFREG {
		return false, err
	}
	at := t.lower.packed(strings.TrimPrefix(ref, ".git/"))
	if ok {
		text, err := t.lower.readSome(ref, mostOfRef)
		if err != nil {
			return false, err
		}
		at = strings.TrimSpace(string(text))
	}
	return at == "" || at == sum, nil
}

// refs plans the names for the agent's branches that the human has gone on with, too.
func (p *planner) refs(draft string) error {
	made := map[string]bool{}
	for _, name := range sortedKeys(p.named) {
		if !p.wants(name) {
			continue
		}
		to, err := p.refFor(draft, name)
		if err == nil {
			err = p.foldersFor(path.Dir(to), made)
		}
		if err != nil {
			return err
		}
		if old, ok, err := p.lower.exists(to); err != nil {
			return err
		} else if ok {
			p.emit(op{Act: move, From: spot{theFolder, to}, To: p.aside(), Ino: old.Ino, Was: vintageOf(old), Low: to})
		}
		if file, ok := p.unpacked[name]; ok {
			p.emit(op{Act: move, From: p.bring(spot{theStash, file}, vintage{}, false), To: spot{theFolder, to}})
			continue
		}
		st, err := p.upper.stat(name)
		if err != nil {
			return p.upper.failed("stat", name, err)
		}
		if err := p.put(name, to, item{found: found{st: st}}, true); err != nil {
			return err
		}
	}
	return nil
}

// unpack writes the agent's branches that are in their packed-refs alone to files, which become names in the folder.
func (t *teller) unpack(made place) error {
	t.unpacked = map[string]string{}
	for _, name := range sortedKeys(t.named) {
		if sum := t.named[name]; sum != "" {
			file := "ref-" + strconv.Itoa(len(t.unpacked)+1)
			if err := made.write(file, []byte(sum+"\n")); err != nil {
				return err
			}
			t.unpacked[name] = file
		}
	}
	return nil
}

// foldersFor plans the folders that are missing on the way to a new name, with the mode of the folder above.
func (p *planner) foldersFor(dir string, made map[string]bool) error {
	if made[dir] {
		return nil
	}
	if _, ok, err := p.lower.exists(dir); err != nil {
		return err
	} else if ok {
		return p.prepareToStay(dir, dir)
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
