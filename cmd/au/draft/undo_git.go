// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import "strings"

// needs returns the human's branches, tags, HEAD and index that are new or other since the keep, and for which git needs objects
// that undo would take away. Those in back go with the undo themselves.
func (d *Draft) needs(j *journal, back map[string]bool) (against []Conflict) {
	loose, brought := j.objects()
	since, folder := d.KeptAt(), string(d.Folder)
	isNew := func(name string) bool {
		st, ok, err := j.folder.exists(name)
		return err == nil && ok && !back[name] && st.Ctim.Nano() >= since
	}
	if len(brought) == 0 {
		return nil
	}
	out, err := listed(git(folder, "for-each-ref", "--format=%(objectname) %(refname)"))
	if err != nil {
		return nil // there is no git that has made any
	}
	fresh, not := map[string]string{}, []string{}
	for line := range strings.Lines(string(out)) {
		sum, ref, _ := strings.Cut(strings.TrimSpace(line), " ")
		at, name := packedRefs, ".git/"+ref
		if _, ok, err := j.folder.exists(name); err == nil && ok {
			at = name
		}
		if isNew(at) {
			fresh[name] = sum
		} else if !back[at] {
			not = append(not, "^"+sum)
		}
	}
	if text, err := j.folder.readSome(gitsHead, mostOfRef); isNew(gitsHead) && err == nil && isSum(string(text)) {
		fresh[gitsHead] = strings.TrimSpace(string(text))
	}
	if d.Head != "" {
		not = append(not, "^"+d.Head)
	}
	why := "git needs for it what undo would take away"
	for _, name := range sortedKeys(fresh) {
		cmd := git(folder, "rev-list", "--objects", "--ignore-missing", "--stdin")
		cmd.Stdin = strings.NewReader(fresh[name] + "\n" + strings.Join(not, "\n") + "\n")
		if out, err := listed(cmd); err != nil || names(string(out), brought, 0) {
			against = append(against, Conflict{name, Changed, why})
		}
	}
	if isNew(".git/index") {
		if out, err := listed(git(folder, "ls-files", "--stage")); err != nil || names(string(out), loose, 1) {
			against = append(against, Conflict{".git/index", Changed, why})
		}
	}
	return against
}

// names reports whether git has printed one of some sums, as the word of that number in a line.
func names(lines string, sums map[string]bool, word int) bool {
	for line := range strings.Lines(lines) {
		if words := strings.Fields(line); len(words) > word && sums[words[word]] {
			return true
		}
	}
	return false
}

// objects returns which objects of git the keep has put into the folder: those with a file of their own, and all.
func (j *journal) objects() (loose, all map[string]bool) {
	loose, all = map[string]bool{}, map[string]bool{}
	for _, o := range j.Ops {
		rest, ok := strings.CutPrefix(o.To.Path, ".git/objects/")
		if !ok || o.To.In != theFolder {
			continue
		}
		if sum := strings.ReplaceAll(rest, "/", ""); isSum(sum) {
			loose[sum], all[sum] = true, true
		}
		if strings.HasPrefix(rest, "pack/") && strings.HasSuffix(rest, ".idx") {
			j.inPack(o.To.Path, all)
		}
	}
	return loose, all
}

// inPack adds what a pack holds.
func (j *journal) inPack(index string, into map[string]bool) {
	f, err := j.folder.read(index)
	if err != nil {
		return
	}
	defer f.Close()
	cmd := gitAlone(j.state.named, "show-index")
	cmd.Stdin = f
	out, err := listed(cmd)
	if err != nil {
		return
	}
	for line := range strings.Lines(string(out)) {
		if words := strings.Fields(line); len(words) > 1 {
			into[words[1]] = true
		}
	}
}
