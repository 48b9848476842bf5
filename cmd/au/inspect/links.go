// SPDX-License-Identifier: GPL-3.0-or-later

package inspect

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/a4u2/au/internal/tree"
	"github.com/a4u2/au/provision/risk"
	"github.com/a4u2/au/provision/share"
	"golang.org/x/sys/unix"
)

// errLeaves is the error for a link that leads out of the share. Nobody goes there: the agent has chosen where, and looking alone
// makes an automounter ask the network.
var errLeaves = errors.New("it is outside the share")

// open opens what is at rel in a folder of the share that is open as dir. Links are followed as far as they stay in the share.
func (in *inspector) open(folder *tree.Folder, dir int, rel string, flags uint64) (o opened, err error) {
	if flags&unix.O_PATH == 0 {
		flags |= unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY
	}
	how := unix.OpenHow{
		Flags:   flags | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	}
	fd, err := tree.Openat2(dir, rel, how)
	o.changed = folder.Changed
	if err == unix.ELOOP {
		o.changed = Always
		if folder.TooDeep() {
			return o, errLeaves
		}
		how.Resolve &^= unix.RESOLVE_NO_SYMLINKS
		fd, err = tree.Openat2(in.tree.FD(), folder.Path()+"/"+rel, how)
	}
	if err == unix.EXDEV || err == unix.ENAMETOOLONG {
		return o, errLeaves
	}
	if err != nil {
		return o, err
	}
	o.File = os.NewFile(uintptr(fd), rel)
	if err := unix.Fstat(fd, &o.st); err != nil {
		o.Close()
		return o, err
	}
	o.changed = max(o.changed, o.st.Ctim.Nano())
	if !tree.KeepsTimes(fd) {
		o.changed = Always
	}
	return o, nil
}

// openBelow opens a file at a path of the share, of which no walk says when the folders above it have changed.
func (in *inspector) openBelow(rel string) (opened, error) {
	top, changed := &tree.Folder{}, int64(0)
	for dir := rel; dir != "."; {
		dir = path.Dir(dir)
		o, err := in.open(top, in.tree.FD(), dir, unix.O_PATH|unix.O_DIRECTORY)
		if err != nil {
			return o, err
		}
		o.Close()
		changed = max(changed, o.changed)
	}
	o, err := in.open(top, in.tree.FD(), rel, 0)
	o.changed = max(o.changed, changed)
	return o, err
}

// link looks at a symbolic link: where it leads, and what is there that a program obeys.
func (in *inspector) link(e tree.Entry) {
	buffer := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(e.Dir, e.Name, buffer)
	if err != nil {
		return
	}
	target := string(buffer[:n])
	if out, since := in.leaves(e, target); out {
		in.add(Found{finding(e.Path(), "symlink", "to "+target), since, in.identity(e.Stat)})
	}
	in.selfRunning(e, e.Name)
	for _, rest := range risk.SelfRunningIn(e.Path()) {
		for _, rel := range in.matching(e, path.Join(e.Name, rest)) {
			in.selfRunning(e, rel)
		}
	}
}

// matching returns the files for a pattern, in the folder that e is in.
func (in *inspector) matching(e tree.Entry, pattern string) []string {
	before, after, wild := strings.Cut(pattern, "*")
	if !wild {
		return []string{pattern}
	}
	folder, begin := path.Split(before)
	end, rest, _ := strings.Cut(after, "/")
	o, err := in.open(e.In, e.Dir, path.Clean(folder), unix.O_DIRECTORY)
	if err != nil {
		return nil
	}
	defer o.Close()
	var all []string
	for _, name := range in.names(o, path.Join(path.Dir(e.Path()), folder)) {
		if strings.HasPrefix(name, begin) && strings.HasSuffix(name, end) {
			all = append(all, in.matching(e, path.Join(folder+name, rest))...)
		}
	}
	return all
}

// mostNames is how many names are read apart from the walk, in one folder and in all, for a folder can be reached by many links.
const mostNames, mostNamesInAll = 1000, 100_000

// names returns those in a folder, and says where there are too many.
func (in *inspector) names(o opened, shownAs string) []string {
	all, _ := o.Readdirnames(mostNames + 1)
	in.mu.Lock()
	in.listed += len(all)
	over := in.listed > mostNamesInAll
	in.mu.Unlock()
	switch {
	case over:
		in.unreadable(shownAs, errors.New("too many names in such folders, so this one was not looked at"))
		return nil
	case len(all) > mostNames:
		in.unreadable(shownAs, fmt.Errorf("more than %d names, so not all were looked at", mostNames))
		return all[:mostNames]
	}
	return all
}

// leaves reports whether a link leads out of the share, and when that began. One to what only root can change, such as
// /usr/bin/python3, does not.
func (in *inspector) leaves(e tree.Entry, target string) (out bool, since int64) {
	folder := filepath.Join(in.source, e.In.Path())
	where := target
	if !filepath.IsAbs(target) {
		where = folder + "/" + target
	}
	rel, inside := share.Within(in.source, filepath.Clean(where))
	switch {
	case e.In.TooDeep():
		return true, changedAt(e)
	case !inside:
		return !onlyRoots(filepath.Clean(where)), changedAt(e)
	case !filepath.IsAbs(target):
		rel = e.In.Path() + "/" + target // not cleaned: .. behind a link is for the kernel to resolve
	}
	fd, err := tree.Openat2(in.tree.FD(), rel, unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS})
	if err == nil {
		unix.Close(fd)
	}
	return err == unix.EXDEV, Always
}

// onlyRoots reports whether a path leads to something that only root can change. It looks into root's own folders alone, and never
// into an automounter's.
func onlyRoots(where string) bool {
	dir, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	for name := range strings.SplitSeq(strings.Trim(where, "/"), "/") {
		if err != nil || !isRoots(dir, name, unix.AT_SYMLINK_NOFOLLOW) || !isRoots(dir, name, 0) {
			unix.Close(dir)
			return false
		}
		next := -1
		next, err = unix.Openat(dir, name, unix.O_PATH|unix.O_CLOEXEC, 0)
		unix.Close(dir)
		dir = next
	}
	unix.Close(dir)
	return err == nil
}

// isRoots reports whether a file in an open folder is root's, and no other's to write: the link itself, or, with no flags, where it
// leads.
func isRoots(dir int, name string, flags int) bool {
	var on unix.Statfs_t
	if unix.Fstatfs(dir, &on) != nil || on.Type == unix.AUTOFS_SUPER_MAGIC {
		return false
	}
	var st unix.Stat_t
	err := unix.Fstatat(dir, name, &st, flags|unix.AT_NO_AUTOMOUNT)
	return err == nil && st.Uid == 0 && (st.Mode&0o022 == 0 || st.Mode&unix.S_IFMT == unix.S_IFLNK)
}
