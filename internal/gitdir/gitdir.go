// SPDX-License-Identifier: GPL-3.0-or-later

// Package gitdir finds the git directory of a folder that keeps it elsewhere: a linked worktree's (git-worktree(1)) or a
// submodule's (gitsubmodules(7)). It believes a file that says so only where the git directory is the same user's and names the
// folder in turn: who can write in the one folder need not be who may hand over the other.
package gitdir

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/a4u2/au/internal/bounded"
	"golang.org/x/sys/unix"
)

// Link is where a folder's git directory is.
type Link struct {
	Dir  string // absolute, clean, without symbolic links; of a linked worktree the repository's own, which all of them share
	Kind string // "a linked worktree" or "a submodule"
}

// Finder looks for git directories.
type Finder struct {
	UID     uint32                 // whose
	Answers func(path string) bool // whether a path may be looked at: a file system that is dead holds up whoever looks
}

// Of returns the git directory of a folder, where it is outside the folder, the user owns it, it names the folder, and no symbolic
// link leads there. The folder is absolute and without symbolic links.
func (f Finder) Of(folder string) (Link, bool) {
	uid := f.UID
	dir, ok := f.named(line(filepath.Join(folder, ".git"), uid), "gitdir: ", folder)
	if !ok || !isOf(dir, uid) || within(folder, dir) {
		return Link{}, false
	}
	if back, ok := f.named(line(filepath.Join(dir, "gitdir"), uid), "", dir); ok {
		common, ok := f.named(line(filepath.Join(dir, "commondir"), uid), "", dir)
		if !ok || back != filepath.Join(folder, ".git") || filepath.Dir(dir) != filepath.Join(common, "worktrees") || !isRepository(common, uid) {
			return Link{}, false
		}
		return Link{common, "a linked worktree"}, true
	}
	if work, ok := f.worktree(dir); ok && work == folder && isRepository(dir, uid) {
		return Link{dir, "a submodule"}, true
	}
	return Link{}, false
}

// longest is the most that is read of a file: a path and a word, or a submodule's config.
const longest = 64 << 10

// text returns what a file of uid's holds; "" where there is none, or a link, or something else.
func text(path string, uid uint32) string {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return ""
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || owner(info) != uid {
		return ""
	}
	all, err := bounded.Read(f, longest)
	if err != nil {
		return ""
	}
	return string(all)
}

// line returns a file's only line.
func line(path string, uid uint32) string {
	word, rest, _ := strings.Cut(text(path, uid), "\n")
	if rest != "" {
		return ""
	}
	return word
}

// named returns the path behind a word, relative to from. Its writer may have meant to hold up whoever looks.
func (f Finder) named(line, word, from string) (string, bool) {
	path, ok := strings.CutPrefix(line, word)
	if !ok || path == "" {
		return "", false
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(from, path)
	}
	path = filepath.Clean(path)
	return path, f.Answers(path) && isPlain(filepath.Dir(path))
}

// isPlain reports whether a path leads to a folder without a symbolic link.
func isPlain(path string) bool {
	fd, err := unix.Openat2(unix.AT_FDCWD, path, &unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS})
	if err != nil {
		return false
	}
	unix.Close(fd)
	return true
}

// worktree returns the folder that a submodule's git directory names in its config, as git writes it.
func (f Finder) worktree(dir string) (string, bool) {
	section := ""
	for l := range strings.Lines(text(filepath.Join(dir, "config"), f.UID)) {
		l = strings.TrimSpace(l)
		if strings.HasPrefix(l, "[") {
			section = strings.ToLower(l)
		}
		key, value, ok := strings.Cut(l, "=")
		if ok && section == "[core]" && strings.EqualFold(strings.TrimSpace(key), "worktree") {
			return f.named(strings.Trim(strings.TrimSpace(value), `"`), "", dir)
		}
	}
	return "", false
}

// isRepository reports whether dir looks to git like a git directory (gitrepository-layout(5)), and is uid's.
func isRepository(dir string, uid uint32) bool {
	head, err := os.Lstat(filepath.Join(dir, "HEAD"))
	return err == nil && owner(head) == uid && isOf(dir, uid) && isOf(filepath.Join(dir, "objects"), uid) && isOf(filepath.Join(dir, "refs"), uid)
}

// isOf reports whether there is a folder, and uid owns it.
func isOf(path string, uid uint32) bool {
	info, err := os.Lstat(path)
	return err == nil && info.IsDir() && owner(info) == uid
}

func owner(info fs.FileInfo) uint32 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Uid
	}
	return ^uint32(0)
}

func within(folder, path string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}
