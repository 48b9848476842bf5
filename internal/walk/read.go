// SPDX-License-Identifier: GPL-3.0-or-later

package walk

import (
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Open opens the file, with more flags than those for reading; errors call it name.
func (p *Place) Open(name string, flags int) (*os.File, error) {
	fd, err := -1, error(unix.EISDIR)
	switch {
	case p.File >= 0:
		fd, err = unix.Open(fmt.Sprintf("/proc/self/fd/%d", p.File), unix.O_RDONLY|unix.O_CLOEXEC|flags, 0)
	case len(p.Missing) > 0:
		err = unix.ENOENT
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// IsStored reports whether what a regular file holds was written there. The kernel makes what is in /proc,
// /sys and their like while somebody reads, who may wait for it for ever. Such a file takes no block, and its file system has none.
func IsStored(fd int, st unix.Stat_t) (bool, error) {
	if st.Blocks > 0 {
		return true, nil
	}
	var fs unix.Statfs_t
	err := unix.Fstatfs(fd, &fs)
	return fs.Blocks > 0, err
}

// Reader is somebody for whom root reads: what they could not open themselves, root does not open for them.
type Reader struct {
	UID uint32
	In  func(gid uint32) bool // whether they are in the group
}

// Opens reports whether the reader may read a file, or pass through a folder, by its mode and its ACL (acl(5)). They may
// read what they own: they can change its mode.
func (r *Reader) Opens(s Step) bool {
	if s.Stat.Uid == r.UID {
		return true
	}
	want, mask := uint16(4), uint16(7)
	if s.Kind() == unix.S_IFDIR {
		want = 1
	}
	all, err := readACL(s.FD)
	if err != nil {
		return false
	}
	if len(all) == 0 {
		all = []entry{{Tag: aclOwnerGroup, Perm: uint16(s.Stat.Mode >> 3 & 7)}}
	}
	for _, e := range all {
		if e.Tag == aclMask {
			mask = e.Perm
		}
	}
	in := false
	for _, e := range all {
		given := e.Perm&mask&want != 0
		switch {
		case e.Tag == aclUser && e.ID == r.UID:
			return given
		case e.Tag == aclOwnerGroup && r.In(s.Stat.Gid), e.Tag == aclGroup && r.In(e.ID):
			if given {
				return true
			}
			in = true
		}
	}
	return !in && uint16(s.Stat.Mode)&want != 0
}
