// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/share"
	"github.com/a4u2/au/provision/step"
	"golang.org/x/sys/unix"
)

// inspector looks at the files of a share, as the human, and reads no more of them than it must.
type inspector struct {
	tree   *step.Tree
	source string
	human  uint32
	since  int64 // for a report: what has not changed since is passed over
	mu     sync.Mutex
	found  []provision.Finding
	repos  []string            // folders that git takes for a repository's own
	linked map[[2]uint64]names // files with more than one name
}

// names are those of a file that were found.
type names struct {
	seen, links uint64
	first       string
}

func newInspector(tree *step.Tree, source string, human uint32) *inspector {
	return &inspector{tree: tree, source: source, human: human, linked: map[[2]uint64]names{}}
}

func (in *inspector) add(path, kind, detail string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.found = append(in.found, provision.Finding{Path: path, Kind: kind, Detail: detail})
}

func (in *inspector) unreadable(path string, err error) { in.add(path, "unreadable", err.Error()) }

// visit looks at one file.
func (in *inspector) visit(e step.TreeEntry) error {
	if e.Stat.Uid != in.human {
		in.add(e.Path(), "owner", fmt.Sprintf("uid %d", e.Stat.Uid))
	}
	switch e.Stat.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		in.regular(e)
	case unix.S_IFLNK:
		in.link(e)
		in.selfRunning(e.Dir, e.Name, e.Path())
		for _, rel := range provision.SelfRunningIn(e.Name) {
			in.selfRunning(e.Dir, rel, path.Join(path.Dir(e.Path()), rel))
		}
	case unix.S_IFIFO:
		in.add(e.Path(), "special", "FIFO")
	case unix.S_IFCHR, unix.S_IFBLK:
		in.add(e.Path(), "special", "device")
	}
	switch e.Name {
	case "HEAD":
		in.repository(e)
	case ".git":
		in.gitFile(e)
	case "commondir":
		in.commonFolder(e)
	case "config.worktree":
		in.gitConfig(e.Dir, e.Name, e.Path())
	}
	return nil
}

func (in *inspector) regular(e step.TreeEntry) {
	if e.Stat.Mode&(unix.S_ISUID|unix.S_ISGID) != 0 {
		in.add(e.Path(), "set-id", fmt.Sprintf("mode %04o", e.Stat.Mode&0o7777))
	}
	if e.Stat.Nlink > 1 {
		in.mu.Lock()
		n := in.linked[[2]uint64{uint64(e.Stat.Dev), e.Stat.Ino}]
		if n.seen++; n.seen == 1 {
			n.first = e.Path()
		}
		n.links = uint64(e.Stat.Nlink)
		in.linked[[2]uint64{uint64(e.Stat.Dev), e.Stat.Ino}] = n
		in.mu.Unlock()
	}
	in.selfRunning(e.Dir, e.Name, e.Path())
}

// selfRunning reports a file, in the folder that is open as dir, that a program obeys without being asked to. Links are followed, as that program does.
func (in *inspector) selfRunning(dir int, name, shownAs string) {
	look, ok := provision.SelfRunning(shownAs)
	if !ok {
		return
	}
	text, err := readAt(dir, name)
	if err != nil {
		return
	}
	if why := look(text); why != "" {
		in.add(shownAs, "runs", why)
	}
}

// readable is how much of a file is read: no config that a person keeps is larger.
const readable = 1 << 20

// readAt returns a regular file's text. A link is followed, as the program that obeys the file follows it.
func readAt(dir int, name string) ([]byte, error) {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, unix.EINVAL
	}
	return io.ReadAll(io.LimitReader(f, readable))
}

// link reports a symbolic link that leaves the share, but for one to what only root can change, such as /usr/bin/python3.
func (in *inspector) link(e step.TreeEntry) {
	buffer := make([]byte, 4096)
	n, err := unix.Readlinkat(e.Dir, e.Name, buffer)
	if err != nil {
		return
	}
	target := string(buffer[:n])
	folder := filepath.Join(in.source, path.Dir(e.Path()))
	where := target
	if !filepath.IsAbs(target) {
		where = folder + "/" + target // not cleaned: .. behind a link is for the kernel to resolve
	}
	real, err := filepath.EvalSymlinks(where)
	if err != nil {
		real = filepath.Clean(where)
	}
	if _, inside := share.Within(in.source, real); inside {
		return
	}
	var st unix.Stat_t
	if err == nil && unix.Stat(real, &st) == nil && st.Uid == 0 && st.Mode&0o022 == 0 {
		return
	}
	in.add(e.Path(), "symlink", "to "+target)
}

// repository looks at a folder that git takes for a repository: one with HEAD, objects and refs.
func (in *inspector) repository(head step.TreeEntry) {
	var st unix.Stat_t
	for _, name := range []string{"objects", "refs"} {
		if unix.Fstatat(head.Dir, name, &st, 0) != nil {
			return
		}
	}
	folder := path.Dir(head.Path())
	in.mu.Lock()
	in.repos = append(in.repos, folder)
	in.mu.Unlock()
	in.gitConfig(head.Dir, "config", path.Join(folder, "config"))
	in.hooks(head.Dir, path.Join(folder, "hooks"))
}

func (in *inspector) gitConfig(dir int, name, shownAs string) {
	text, err := readAt(dir, name)
	if err != nil {
		return
	}
	for _, s := range provision.GitRuns(string(text)) {
		in.add(shownAs, "git-config", s.Key+" = "+s.Value)
	}
}

// hooks reports those that git would run.
func (in *inspector) hooks(dir int, folder string) {
	for _, name := range hooksIn(dir) {
		in.add(path.Join(folder, name), "git-hook", "")
	}
}

// hooksIn returns the hooks of the repository that is open as dir, which git would run: those that can be executed.
func hooksIn(dir int) []string {
	fd, err := unix.Openat(dir, "hooks", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	f := os.NewFile(uintptr(fd), "hooks")
	defer f.Close()
	all, _ := f.Readdirnames(1000)
	return slices.DeleteFunc(all, func(name string) bool {
		var st unix.Stat_t
		return strings.HasSuffix(name, ".sample") || unix.Fstatat(fd, name, &st, 0) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || st.Mode&0o111 == 0
	})
}

// gitFile looks at a .git that is a file: it leads git to a repository elsewhere.
func (in *inspector) gitFile(e step.TreeEntry) {
	if e.Stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return
	}
	text, err := readAt(e.Dir, e.Name)
	target, ok := strings.CutPrefix(strings.TrimSpace(string(text)), "gitdir:")
	if err != nil || !ok {
		return
	}
	if target = strings.TrimSpace(target); !in.inside(path.Dir(e.Path()), target) {
		in.add(e.Path(), "git-nested", "the repository is "+target)
	}
}

// commonFolder looks at a file that makes git take config and hooks from elsewhere. In a linked worktree's own folder git itself has written it.
func (in *inspector) commonFolder(e step.TreeEntry) {
	var st unix.Stat_t
	text, err := readAt(e.Dir, e.Name)
	if err != nil || unix.Fstatat(e.Dir, "HEAD", &st, 0) != nil {
		return
	}
	target := strings.TrimSpace(string(text))
	if path.Base(path.Dir(path.Dir(e.Path()))) != "worktrees" || target != "../.." {
		in.add(e.Path(), "git-config", "git takes its config and hooks from "+target)
	}
}

// inside reports whether a path, relative to a folder of the share, stays in the share.
func (in *inspector) inside(folder, target string) bool {
	if !filepath.IsAbs(target) {
		target = filepath.Join(in.source, folder, target)
	}
	if real, err := filepath.EvalSymlinks(target); err == nil {
		target = real
	}
	_, ok := share.Within(in.source, target)
	return ok
}

// findings returns all that was found, in a fixed order.
func (in *inspector) findings() []provision.Finding {
	for _, n := range in.linked {
		if n.seen < n.links {
			in.add(n.first, "hard-link", fmt.Sprintf("%d names, %d of them here", n.links, n.seen))
		}
	}
	in.nested()
	all := in.found
	if all == nil {
		all = []provision.Finding{}
	}
	slices.SortFunc(all, func(x, y provision.Finding) int {
		return cmp.Or(cmp.Compare(x.Path, y.Path), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Detail, y.Detail))
	})
	return all
}

// nested reports repositories in the working tree of another that does not name them as its submodules.
func (in *inspector) nested() {
	var trees []string // folders with a repository in .git
	for _, r := range in.repos {
		if path.Base(r) == ".git" {
			trees = append(trees, path.Dir(r))
		}
	}
	slices.SortFunc(trees, func(x, y string) int { return cmp.Compare(len(x), len(y)) })
	for _, r := range in.repos {
		place := r
		if path.Base(r) == ".git" {
			place = path.Dir(r)
		}
		for _, outer := range trees {
			rel, ok := share.Within(outer, place)
			if !ok || rel == "." || rel == ".git" || strings.HasPrefix(rel, ".git/") {
				continue
			}
			if slices.ContainsFunc(trees, func(t string) bool { _, ok := share.Within(path.Join(t, ".git"), place); return ok }) || in.submodule(outer, rel) {
				break
			}
			in.add(r, "git-nested", "in the repository "+outer)
			break
		}
	}
}

// submodule reports whether a repository names the path as one of its submodules.
func (in *inspector) submodule(outer, rel string) bool {
	dir, err := in.tree.Open(outer, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return false
	}
	defer unix.Close(dir)
	text, _ := readAt(dir, ".gitmodules")
	return slices.Contains(provision.GitSubmodules(string(text)), rel)
}
