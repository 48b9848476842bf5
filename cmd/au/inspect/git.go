// SPDX-License-Identifier: GPL-3.0-or-later

package inspect

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/a4u2/au/internal/tree"
	"github.com/a4u2/au/provision/risk"
	"github.com/a4u2/au/provision/share"
	"golang.org/x/sys/unix"
)

// git looks at a file by whose name git knows its own.
func (in *inspector) git(e tree.Entry) {
	switch risk.Folded(e.Name) {
	case "head":
		in.repository(e)
	case ".git":
		in.gitFile(e)
	case "commondir":
		in.commonFolder(e)
	case "config.worktree":
		in.gitConfig(e)
	}
}

// isGits reports whether a folder has the name of the one that git makes in a working tree.
func isGits(name string) bool { return risk.Folded(name) == ".git" }

// isThere reports whether there is a file of that name in a folder that is open. A link may come to lead somewhere later.
func isThere(dir int, name string) bool {
	var st unix.Stat_t
	return unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil
}

// repository looks at a folder that git takes for a repository: one with HEAD, objects and refs.
func (in *inspector) repository(head tree.Entry) {
	if !isThere(head.Dir, "objects") || !isThere(head.Dir, "refs") {
		return
	}
	in.mu.Lock()
	in.repos = append(in.repos, head.In)
	in.mu.Unlock()
	config := tree.Entry{In: head.In, Name: "config", Dir: head.Dir}
	in.gitConfig(config)
	in.hooks(head.In, head.Dir, "hooks", path.Join(head.In.Path(), "hooks"))
}

// mostSettings is how many settings of one config are told apart, and as many again of those that lead to configs and hooks.
const mostSettings = 100

// gitConfig reports what a config makes git run, and looks at the configs that it includes, and at the hooks that they name.
func (in *inspector) gitConfig(e tree.Entry) {
	o, err := in.open(e.In, e.Dir, e.Name, 0)
	all := in.settings(e, e.Path(), o, err, map[string]bool{}, nil)
	slices.Sort(all)
	for _, hooks := range slices.Compact(all) {
		in.hooksPath(e, hooks)
	}
}

// settings reports what is in the config at a path, which e is or includes. hooks are the folders for them that git may have read
// before, and may take after it: the last one counts, and more than one where git includes a config on a condition.
func (in *inspector) settings(e tree.Entry, at string, o opened, err error, passed map[string]bool, hooks []string) []string {
	tell := func(detail string, changed int64, id string) {
		in.add(Found{finding(at, "git-config", detail), changed, id})
	}
	first := in.first(at, o)
	if err == errLeaves && first {
		tell(errLeaves.Error(), Always, "")
	}
	if err != nil {
		return hooks
	}
	defer o.Close()
	if o.st.Mode&unix.S_IFMT != unix.S_IFREG {
		return hooks
	}
	passed[at] = true
	read := once(in, readFile{o.st.Dev, o.st.Ino, "git-config"}, func() gitConfig { return readGitConfig(o) })
	for _, s := range read.settings {
		if s.Key == "core.worktree" && !in.worktreeLeaves(e, s.Value) {
			continue
		}
		if first {
			tell(s.Key+" = "+s.Value, o.changed, "")
		}
		switch {
		case s.Key == "core.hookspath":
			hooks = []string{s.Value}
		case s.Includes():
			hooks = in.included(e, path.Dir(at), s, passed, hooks)
		}
	}
	if read.more > 0 && first {
		tell(fmt.Sprintf("%d more settings", read.more), o.changed, in.identity(o.st)+contents(int(o.Fd())))
	}
	if !read.all && first {
		tell(tooLarge, o.changed, in.identity(o.st)+contents(int(o.Fd())))
	}
	return hooks
}

// mostIncluded is how many configs are read for the sake of one: git itself goes ten deep.
const mostIncluded = 100

// included looks at a config of the share that one in the folder base includes.
func (in *inspector) included(e tree.Entry, base string, s risk.GitSetting, passed map[string]bool, hooks []string) []string {
	rel := risk.GitPathIn(in.source, base, s.Value)
	switch _, inside := share.Within(".", rel); {
	case rel == "" || !inside || e.In.TooDeep() || passed[rel]: // outside nobody goes: its setting has been told
		return hooks
	case len(passed) == mostIncluded:
		in.unreadable(rel, errors.New("too many configs of git include each other, so this one was not looked at"))
		return hooks
	}
	o, err := in.openBelow(rel)
	if s.OnCondition() {
		return slices.Concat(hooks, in.settings(e, rel, o, err, passed, nil))
	}
	return in.settings(e, rel, o, err, passed, hooks)
}

// first reports whether a config is looked at for the first time. One that could not be opened by the path in another may be opened
// later, where the walk finds it; and paths that are too long may be shown alike.
func (in *inspector) first(at string, o opened) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	key := readFile{o.st.Dev, o.st.Ino, "told " + at}
	_, known := in.read[key]
	in.read[key] = true
	return !known
}

// gitConfig is what a config makes git run.
type gitConfig struct {
	settings []risk.GitSetting
	more     int  // that are not told apart
	all      bool // that there is
}

func readGitConfig(o opened) (c gitConfig) {
	text, all := o.text()
	c.all = all
	for _, s := range risk.GitRuns(string(text)) {
		leads := s.Includes() || s.Key == "core.hookspath"
		if n := len(c.settings); n >= mostSettings && (!leads || n >= 2*mostSettings) {
			c.more++
			continue
		}
		if !leads || len(s.Value) > unix.PathMax {
			s.Value = cut(s.Value)
		}
		c.settings = append(c.settings, risk.GitSetting{Key: strings.Clone(s.Key), Value: strings.Clone(s.Value)})
	}
	return c
}

// worktreeLeaves reports whether the working tree that a config names is outside the share. A submodule's is not: git itself has
// written the way back to it.
func (in *inspector) worktreeLeaves(config tree.Entry, named string) bool {
	out, _ := in.leaves(config, named)
	return out
}

// hooksPath looks at the hooks in a folder that a config names, where that is in the share: below the working tree, or below the
// repository where that has none.
func (in *inspector) hooksPath(config tree.Entry, named string) {
	base := config.In
	if isGits(base.Name) && base.Up != nil {
		base = base.Up
	}
	rel := named
	if filepath.IsAbs(named) || strings.HasPrefix(named, "~") {
		rel = risk.GitPathIn(in.source, "", named)
		for base.Up != nil {
			base = base.Up
		}
	}
	if base.TooDeep() || rel == "" {
		return
	}
	dir, err := in.tree.Open(base.Path(), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return
	}
	defer unix.Close(dir)
	in.hooks(base, dir, rel, path.Join(base.Path(), rel))
}

// hooks reports those that git would run: what can be executed in a folder of the one that is open as dir.
func (in *inspector) hooks(folder *tree.Folder, dir int, rel, shownAs string) {
	o, err := in.open(folder, dir, rel, unix.O_DIRECTORY)
	if err == errLeaves {
		in.add(Found{Finding: finding(shownAs, "git-hook", errLeaves.Error()), Changed: Always})
	}
	if err != nil {
		return
	}
	defer o.Close()
	for _, name := range in.names(o, shownAs) {
		if strings.HasSuffix(name, ".sample") {
			continue
		}
		if st, changed, ok := in.program(o, name); ok {
			in.add(Found{finding(path.Join(shownAs, name), "git-hook", ""), changed, in.identityAt(int(o.Fd()), name, st)})
		}
	}
}

// program reports whether a file in an open folder can be executed. A link counts, wherever it leads.
func (in *inspector) program(folder opened, name string) (st unix.Stat_t, changed int64, ok bool) {
	if unix.Fstatat(int(folder.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW) != nil {
		return st, 0, false
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		return st, Always, true
	}
	return st, max(folder.changed, st.Ctim.Nano()), st.Mode&unix.S_IFMT == unix.S_IFREG && st.Mode&0o111 != 0
}

// gitFile looks at a .git that is a file: it leads git to a repository elsewhere.
func (in *inspector) gitFile(e tree.Entry) {
	if e.Stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return
	}
	text, _, err := in.readIn(e)
	target, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "gitdir:")
	if err != nil || !ok {
		return
	}
	target = strings.TrimSpace(target)
	if out, since := in.leaves(e, target); out {
		in.add(Found{finding(e.Path(), "git-nested", "the repository is "+target), since, in.identity(e.Stat)})
	}
}

// readIn returns the text of a file in the folder that e is in.
func (in *inspector) readIn(e tree.Entry) (text []byte, changed int64, err error) {
	o, err := in.open(e.In, e.Dir, e.Name, 0)
	if err != nil {
		return nil, o.changed, err
	}
	defer o.Close()
	if o.st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, o.changed, unix.EINVAL
	}
	text, _ = o.text()
	return text, o.changed, nil
}

// commonFolder looks at a file that makes git take config and hooks from elsewhere. In a linked worktree's own folder git itself
// has written it.
func (in *inspector) commonFolder(e tree.Entry) {
	text, changed, err := in.readIn(e)
	if err != nil && err != errLeaves || !isThere(e.Dir, "HEAD") {
		return
	}
	target := strings.TrimSpace(string(text))
	above := e.In.Up
	if err == nil && above != nil && above.Name == "worktrees" && target == "../.." {
		return
	}
	in.add(Found{finding(e.Path(), "git-config", "git takes its config and hooks from "+target), changed, in.identity(e.Stat)})
}

// nested reports repositories in the working tree of another that does not name them as its submodules.
func (in *inspector) nested() {
	trees := map[*tree.Folder]*tree.Folder{} // folders with a repository in .git, and that one
	for _, r := range in.repos {
		if isGits(r.Name) && r.Up != nil {
			trees[r.Up] = r
		}
	}
	around := enclosing{trees: trees, known: map[*tree.Folder]*tree.Folder{}}
	modules := map[*tree.Folder]submodules{}
	for _, r := range in.repos {
		place := r
		if isGits(r.Name) && r.Up != nil {
			place = r.Up
		}
		tree := around.of(place)
		if tree == nil {
			continue
		}
		named, ok := modules[tree]
		if !ok {
			named = in.submodules(tree)
			modules[tree] = named
		}
		if named.paths[below(tree, place)] {
			continue
		}
		in.add(Found{Finding: finding(r.Path(), "git-nested", NestedIn+tree.Path()), Changed: max(r.Changed, trees[tree].Changed, named.changed)})
	}
}

// NestedIn is the detail of a repository inside another, but for where that is.
const NestedIn = "in the repository "

// enclosing finds the working trees that folders are in, each folder once.
type enclosing struct {
	trees, known map[*tree.Folder]*tree.Folder
}

// of returns the nearest working tree above a folder; nil where there is none, or where the folder is in a repository's own.
func (o enclosing) of(place *tree.Folder) (around *tree.Folder) {
	var passed []*tree.Folder
	for f := place; f.Up != nil; f = f.Up {
		known, ok := o.known[f]
		if ok {
			around = known
			break
		}
		passed = append(passed, f)
		if o.trees[f.Up] != nil {
			if o.trees[f.Up] != f {
				around = f.Up
			}
			break
		}
	}
	for _, f := range passed {
		o.known[f] = around
	}
	return around
}

// below returns the path of a folder from one above it.
func below(top, folder *tree.Folder) string {
	if top.Up == nil {
		return folder.Path()
	}
	return strings.TrimPrefix(folder.Path(), top.Path()+"/")
}

// submodules are the paths that a working tree's .gitmodules names.
type submodules struct {
	paths   map[string]bool
	changed int64
}

func (in *inspector) submodules(top *tree.Folder) submodules {
	s := submodules{paths: map[string]bool{}}
	dir, err := in.tree.Open(top.Path(), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return s
	}
	defer unix.Close(dir)
	var text []byte
	text, s.changed, _ = in.readIn(tree.Entry{In: top, Name: ".gitmodules", Dir: dir})
	for _, p := range risk.GitSubmodules(string(text)) {
		s.paths[p] = true
	}
	return s
}
