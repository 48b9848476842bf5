// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"os"
	"slices"
	"strings"
	"time"
)

const gitsIndex = ".git/index"

// gitNeeds finds what git needs of the objects that an undo takes away.
type gitNeeds struct {
	folder string
	taken  map[string]bool
	fresh  map[string]string // the human's branches, tags, HEAD and index that are new or other since the keep, and what they lead to
	not    []string          // what the human had, and git needs nothing new for
	late   bool              // a git was ended
}

// needs returns the human's branches, tags, HEAD and index that are new or other since the keep, and for which git needs objects
// that undo would take away. Those in back go with the undo themselves.
func (d *Draft) needs(j *journal, back map[string]bool) (against []Conflict) {
	g := &gitNeeds{folder: string(d.Folder), taken: map[string]bool{}, fresh: map[string]string{}}
	begun, err := d.state.stat(stepsFile) // a name that is made while the keep goes on is new, too
	if j.brought(g); err != nil || len(g.taken) == 0 && !g.late || !g.find(j, back, begun.Ctim.Nano()) {
		return nil
	}
	if d.Head != "" {
		g.not = append(g.not, "^"+d.Head)
	}
	names := sortedKeys(g.fresh)
	hits, whole := g.hits(names)
	if whole {
		g.taken = hits
		j.remains(g)
	}
	for _, name := range g.needing(names) {
		against = append(against, Conflict{name, Changed, "git needs for it what undo would take away"})
	}
	return against
}

// find finds what is new or other since; false where no git says. A branch of which undo brings a file back is none: git obeys
// that.
func (g *gitNeeds) find(j *journal, back map[string]bool, since int64) bool {
	out, err := listed(git(g.folder, "for-each-ref", "--format=%(objectname) %(refname)"))
	isNew := func(name string) bool {
		st, ok, err := j.folder.exists(name)
		at := st.Ctim.Nano()
		if st.Ctim.Nsec == 0 { // the file system may know of seconds alone
			at += int64(time.Second - 1)
		}
		return err == nil && ok && !back[name] && at >= since
	}
	packed, returned := isNew(packedRefs), j.returned()
	for line := range strings.Lines(string(out)) {
		sum, ref, _ := strings.Cut(strings.TrimSpace(line), " ")
		name := ".git/" + ref
		_, loose, err := j.folder.exists(name)
		switch loose = loose && err == nil; {
		case loose && isNew(name) || !loose && packed && !returned[name]:
			g.fresh[name] = sum
		case !back[name] && (loose || !packed && !back[packedRefs]):
			g.not = append(g.not, "^"+sum)
		}
	}
	if text, err := j.folder.readSome(gitsHead, mostOfRef); isNew(gitsHead) && err == nil && isSum(string(text)) {
		g.fresh[gitsHead] = strings.TrimSpace(string(text))
	}
	if isNew(gitsIndex) {
		g.fresh[gitsIndex] = ""
	}
	return err == nil && len(g.fresh) > 0
}

// hits returns which of the taken objects git needs for some names, and whether git could list all.
func (g *gitNeeds) hits(names []string) (found map[string]bool, whole bool) {
	found, whole = map[string]bool{}, true
	list := func(input []string, words ...string) {
		if g.late {
			whole = false
			return
		}
		cmd := git(g.folder, words...)
		cmd.Stdin = strings.NewReader(strings.Join(input, "\n") + "\n")
		out, err := listed(cmd)
		whole, g.late = whole && err == nil, g.late || err == os.ErrDeadlineExceeded
		for line := range strings.Lines(string(out)) {
			for word := range strings.FieldsSeq(line) {
				if g.taken[word] {
					found[word] = true
				}
			}
		}
	}
	var sums []string
	for _, name := range names {
		if name == gitsIndex {
			list(nil, "ls-files", "--stage")
		} else {
			sums = append(sums, g.fresh[name])
		}
	}
	if len(sums) > 0 { // what is missing already is nothing to take away, and nothing to fetch
		list(slices.Concat(sums, g.not), "rev-list", "--objects", "--no-object-names", "--missing=allow-any", "--ignore-missing", "--stdin")
	}
	return found, whole
}

// needing returns those of some names that need a taken object. It halves them, as most need none. Once a git is late they all may.
func (g *gitNeeds) needing(names []string) []string {
	if len(names) == 0 || g.late {
		return names
	}
	if hits, whole := g.hits(names); whole && len(hits) == 0 {
		return nil
	}
	if half := len(names) / 2; half > 0 {
		return append(g.needing(names[:half]), g.needing(names[half:])...)
	}
	return names
}

// brought notes the objects of git that undo takes out of the folder. One in whose place the human's comes back is none.
func (j *journal) brought(g *gitNeeds) {
	for _, o := range j.Ops {
		rest, ok := strings.CutPrefix(o.To.Path, ".git/objects/")
		if !ok || o.To.In != theFolder || o.Act != move {
			continue
		}
		sum := strings.ReplaceAll(rest, "/", "")
		if _, there, err := j.folder.exists(o.To.Path); err == nil && there && isSum(sum) {
			g.taken[sum] = true
		}
		if strings.HasPrefix(rest, "pack/") && strings.HasSuffix(rest, ".idx") {
			g.eachInPack(j.folder, o.To.Path, func(sum string) { g.taken[sum] = true })
		}
	}
}

// remains leaves out which of the objects the folder still has after the undo.
func (j *journal) remains(g *gitNeeds) {
	const objects = ".git/objects/"
	dirs := map[string]map[string]lying{}
	for sum := range g.taken {
		dir := objects + sum[:2]
		if dirs[dir] == nil {
			dirs[dir] = j.afterUndo(dir)
		}
		if _, ok := dirs[dir][sum[2:]]; ok {
			delete(g.taken, sum)
		}
	}
	for name, at := range j.afterUndo(objects + "pack") {
		if strings.HasSuffix(name, ".idx") {
			g.eachInPack(at.in, at.name, func(sum string) { delete(g.taken, sum) })
		}
	}
}

// lying is where something lies.
type lying struct {
	in   place
	name string
}

// afterUndo returns what the undo leaves in one of the human's folders, or brings back to it, and where that lies now.
func (j *journal) afterUndo(dir string) map[string]lying {
	all, puts := map[string]lying{}, map[string]bool{}
	add := func(in place, at string, stays func(name string) bool) {
		files, err := in.list(at)
		for _, f := range files {
			if name := join(at, f.name); err == nil && stays(name) {
				all[f.name] = lying{in, name}
			}
		}
	}
	for _, o := range j.Ops {
		puts[o.To.Path] = puts[o.To.Path] || o.To.In == theFolder && o.Act == move
	}
	add(j.folder, dir, func(name string) bool { return !puts[name] })
	for _, o := range j.Ops {
		if o.Act != move || o.From.In != theFolder || o.To.In != theStash && o.To.In != theStaging {
			continue
		}
		at := lying{j.stashed, o.To.Path}
		if o.To.In == theStaging {
			at = lying{j.state, join(asideFolder, o.To.Path)}
		}
		if up, base := split(o.From.Path); up == dir {
			all[base] = at
		}
		if rest, ok := strings.CutPrefix(dir+"/", o.From.Path+"/"); ok {
			add(at.in, strings.TrimSuffix(join(at.name, rest), "/"), func(string) bool { return true })
		}
	}
	return all
}

// returned returns the names in the folder at which undo brings back what was there.
func (j *journal) returned() map[string]bool {
	all := map[string]bool{}
	for _, o := range j.Ops {
		if o.Act == exchange {
			all[o.To.Path] = true
		} else if o.Act == move && o.From.In == theFolder {
			all[o.From.Path] = true
		}
	}
	return all
}

// eachInPack calls f with what a pack holds, by its index. Once a git is late no other is asked.
func (g *gitNeeds) eachInPack(in place, index string, f func(sum string)) {
	if g.late {
		return
	}
	file, err := in.read(index)
	if err != nil {
		return
	}
	defer file.Close()
	cmd := git(g.folder, "show-index") // in the repository, which knows how long a sum is
	cmd.Stdin = file
	out, err := listed(cmd)
	if g.late = err == os.ErrDeadlineExceeded; err != nil {
		return
	}
	for line := range strings.Lines(string(out)) {
		if words := strings.Fields(line); len(words) > 1 {
			f(words[1])
		}
	}
}
