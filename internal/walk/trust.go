// SPDX-License-Identifier: GPL-3.0-or-later

package walk

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/a4u2/au/internal/quote"
	"golang.org/x/sys/unix"
)

// Trust says who may have chosen what a path leads to.
type Trust struct {
	Owners []uint32              // of what is on the way
	Alone  func(gid uint32) bool // whether nobody but the owners is in a group; nil: no group is known to be so
	Shared bool                  // root's folder in which everybody may make files, and move only their own, will do: /tmp, and the Nix store
	For    *Reader               // for whom root reads what they can have chosen; nil: nobody
}

// Distrust is a thing on the way that somebody else could have put there, or could change.
type Distrust struct {
	Path, Why string
	Mend      string // a command to paste; empty where none mends it
}

func (d *Distrust) Error() string { return quote.Name(d.Path) + ": " + d.Why }

// Hint is the command to paste.
func (d *Distrust) Hint() string { return d.Mend }

func distrust(s Step, mend, format string, args ...any) error {
	if mend != "" {
		mend += " " + quote.Word(s.Path)
	}
	return &Distrust{s.Path, fmt.Sprintf(format, args...), mend}
}

// Judge refuses what is not an owner's, and what somebody else can write.
func (t Trust) Judge(s Step) error {
	if !t.owns(s.Stat.Uid) {
		what := map[uint32]string{unix.S_IFDIR: "a folder", unix.S_IFLNK: "a symbolic link"}[s.Kind()]
		if what == "" {
			what = "a file"
		}
		mend := ""
		if len(t.Owners) == 1 && t.Owners[0] == 0 && s.Kind() != unix.S_IFLNK {
			mend = "chown root"
		}
		return distrust(s, mend, "%s of uid %d's", what, s.Stat.Uid)
	}
	if s.Kind() == unix.S_IFLNK || s.Stat.Mode&0o022 == 0 {
		return nil // the group bits of a file with an ACL are the most that it gives to anybody
	}
	if t.Shared && s.Kind() == unix.S_IFDIR && s.Stat.Uid == 0 && s.Stat.Mode&unix.S_ISVTX != 0 {
		return nil
	}
	mode := s.Stat.Mode & 0o7777
	if mode&0o002 != 0 {
		return distrust(s, "chmod o-w", "everybody can write it (mode %04o)", mode)
	}
	acl, err := readACL(s.FD)
	if err != nil {
		return distrust(s, "", "its ACL cannot be read: %v", err)
	}
	for _, e := range acl {
		if err := t.judgeEntry(s, e); err != nil {
			return err
		}
	}
	if len(acl) == 0 && !t.alone(s.Stat.Gid) {
		return distrust(s, "chmod g-w", "the group %d can write it (mode %04o)", s.Stat.Gid, mode)
	}
	return nil
}

func (t Trust) judgeEntry(s Step, e entry) error {
	switch {
	case e.Perm&2 == 0:
	case e.Tag == aclUser && !t.owns(e.ID):
		return distrust(s, fmt.Sprintf("setfacl --remove user:%d", e.ID), "uid %d can write it by its ACL", e.ID)
	case e.Tag == aclGroup && !t.alone(e.ID):
		return distrust(s, fmt.Sprintf("setfacl --remove group:%d", e.ID), "the group %d can write it by its ACL", e.ID)
	case e.Tag == aclOwnerGroup && !t.alone(s.Stat.Gid):
		return distrust(s, "setfacl --modify group::r-x", "the group %d can write it by its ACL", s.Stat.Gid)
	}
	return nil
}

func (t Trust) owns(uid uint32) bool { return slices.Contains(t.Owners, uid) }

func (t Trust) alone(gid uint32) bool { return t.Alone != nil && t.Alone(gid) }

// entry is one of an ACL, as the kernel has it (linux/posix_acl_xattr.h).
type entry struct {
	Tag, Perm uint16
	ID        uint32
}

// xattrMax is how long the value of an attribute can be (linux/limits.h).
const xattrMax = 65536

const (
	aclUser       = 0x02
	aclOwnerGroup = 0x04
	aclGroup      = 0x08
	aclMask       = 0x10
)

// readACL returns the entries of the ACL of what is open as fd; none where there are only mode bits.
func readACL(fd int) ([]entry, error) {
	value := make([]byte, xattrMax)
	n, err := unix.Getxattr(fmt.Sprintf("/proc/self/fd/%d", fd), "system.posix_acl_access", value)
	if err == unix.ENODATA || err == unix.EOPNOTSUPP {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if n < 4 {
		return nil, unix.EINVAL
	}
	all := make([]entry, (n-4)/8)
	return all, binary.Read(bytes.NewReader(value[4:n]), binary.LittleEndian, all)
}
