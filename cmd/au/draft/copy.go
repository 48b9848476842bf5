// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"io"
	"maps"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// copier copies from one place to another, and knows which files it has copied, by their number.
type copier struct {
	copied map[uint64]string
	forNow bool // what is copied need not outlive the machine
}

// copyTree copies what is at a name to another, where nothing is, so that it is on the disk.
func copyTree(from place, name string, to place, toName string) error {
	return copier{copied: map[uint64]string{}}.tree(from, name, to, toName)
}

// tree copies what is at a name to another, where nothing is: bytes, holes, links between its files, modes, times and attributes,
// but for those of overlays.
func (c copier) tree(from place, name string, to place, toName string) error {
	st, err := from.stat(name)
	if err != nil {
		return from.failed("stat", name, err)
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return c.folder(from, name, st, to, toName)
	}
	if first := c.copied[st.Ino]; first != "" && st.Nlink > 1 {
		return to.link(first, toName)
	}
	c.copied[st.Ino] = toName
	return to.failed("copy", toName, to.within(toName, func(dir int, base string) error { return c.file(from, name, st, dir, base) }))
}

// link gives a file another name.
func (p place) link(name, other string) error {
	return p.failed("link", other, p.within(name, func(dir int, base string) error {
		return p.within(other, func(dir2 int, base2 string) error { return unix.Linkat(dir, base, dir2, base2, 0) })
	}))
}

// inGroup gives what was just made the group of what it is made from, and returns its mode. Where the human is not in that group,
// it has another one, which gets no rights.
func inGroup(dir int, base string, of unix.Stat_t) (mode uint32, err error) {
	const itself = unix.AT_EMPTY_PATH | unix.AT_SYMLINK_NOFOLLOW
	var now unix.Stat_t
	if err := unix.Fstatat(dir, base, &now, itself); err != nil || now.Gid == of.Gid {
		return of.Mode & 0o7777, err
	}
	switch err := unix.Fchownat(dir, base, -1, int(of.Gid), itself); err {
	case unix.EPERM, unix.EINVAL:
		return of.Mode & 0o7777 &^ 0o2070, nil
	default:
		return of.Mode & 0o7777, err
	}
}

func (c copier) folder(from place, name string, st unix.Stat_t, to place, toName string) error {
	m, err := from.meta(name)
	if err != nil {
		return err
	}
	err = to.within(toName, func(dir int, base string) error {
		err := unix.Mkdirat(dir, base, 0o700)
		if err == nil {
			m.Mode, err = inGroup(dir, base, st)
		}
		return err
	})
	if err != nil {
		return to.failed("make", toName, err)
	}
	all, err := from.list(name)
	if err != nil {
		return err
	}
	for _, f := range all {
		if err := c.tree(from, join(name, f.name), to, join(toName, f.name)); err != nil {
			return err
		}
	}
	return to.setMeta(toName, m)
}

// file copies what is no folder.
func (c copier) file(from place, name string, st unix.Stat_t, dir int, base string) error {
	var err error
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		return from.withFile(name, func() error { return c.regular(from, name, st, dir, base) })
	case unix.S_IFLNK:
		var target string
		if target, err = from.target(name); err == nil {
			err = unix.Symlinkat(target, dir, base)
		}
	default:
		var mode uint32
		if err = unix.Mknodat(dir, base, st.Mode&unix.S_IFMT|0o600, int(st.Rdev)); err == nil {
			mode, err = inGroup(dir, base, st)
		}
		if err == nil {
			err = errors.Join(withoutACL(dir, base), unix.Fchmodat(dir, base, mode, 0))
		}
	}
	if err != nil {
		return err
	}
	return unix.UtimesNanoAt(dir, base, []unix.Timespec{st.Atim, st.Mtim}, unix.AT_SYMLINK_NOFOLLOW)
}

// withoutACL takes off the ACL that what was just made has from its folder.
func withoutACL(dir int, base string) error {
	return place{fd: dir}.eachAttribute(base, func(at, key string) error {
		if key != "system.posix_acl_access" {
			return nil
		}
		return unix.Removexattr(at, key)
	})
}

func (c copier) regular(from place, name string, st unix.Stat_t, dir int, base string) error {
	in, err := from.read(name)
	if err != nil {
		return err
	}
	defer in.Close()
	attrs, err := from.attributes(name)
	if err != nil {
		return err
	}
	fd, err := unix.Openat(dir, base, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	out := os.NewFile(uintptr(fd), name)
	defer out.Close()
	if unix.IoctlFileClone(fd, int(in.Fd())) != nil {
		if err := copyBytes(in, out, st.Size); err != nil {
			return err
		}
	}
	var now unix.Stat_t
	if err := unix.Fstat(int(in.Fd()), &now); err != nil || now.Size != st.Size || now.Mtim != st.Mtim {
		return errors.Join(err, errMoved)
	}
	mode, err := inGroup(fd, "", st)
	if err == nil {
		err = withoutACL(dir, base)
	}
	if err == nil {
		err = setAttributes(procPath(fd), nil, attrs)
	}
	if err != nil {
		return err
	}
	err = errors.Join(unix.Fchmod(fd, mode), unix.UtimesNanoAt(fd, "", []unix.Timespec{st.Atim, st.Mtim}, unix.AT_EMPTY_PATH))
	if err != nil || c.forNow {
		return err
	}
	return out.Sync()
}

// copyBytes copies what is no hole.
func copyBytes(in, out *os.File, size int64) error {
	if err := out.Truncate(size); err != nil {
		return err
	}
	for at := int64(0); ; {
		from := nextData(int(in.Fd()), at)
		if from >= size {
			return nil
		}
		end, err := unix.Seek(int(in.Fd()), from, unix.SEEK_HOLE)
		if err != nil {
			end = size
		}
		if _, err := io.Copy(io.NewOffsetWriter(out, from), io.NewSectionReader(in, from, end-from)); err != nil {
			return err
		}
		at = end
	}
}

// setAttributes makes the attributes that are kept those in want; has are those that are there.
func setAttributes(at string, has, want map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(has)) {
		if _, ok := want[key]; !ok {
			if err := unix.Removexattr(at, key); err != nil && err != unix.ENODATA {
				return err
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if value, ok := has[key]; ok && value == want[key] {
			continue
		}
		if err := unix.Setxattr(at, key, []byte(want[key]), 0); err != nil {
			return err
		}
	}
	return nil
}

// setMeta gives a folder what m says.
func (p place) setMeta(name string, m meta) error {
	has, err := p.attributes(name)
	if err != nil {
		return err
	}
	fd, err := p.open(name, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return p.failed("open", name, err)
	}
	defer unix.Close(fd)
	at := procPath(fd)
	var now unix.Stat_t
	if err = setAttributes(at, has, m.Attrs); err == nil {
		err = unix.Fstat(fd, &now)
	}
	if err == nil && now.Mode&0o7777 != m.Mode { // else nobody need be able to
		err = unix.Chmod(at, m.Mode)
	}
	if err == nil && m.Times && now.Mtim.Nano() != m.Mtime {
		t := unix.NsecToTimespec(m.Mtime)
		err = unix.UtimesNanoAt(unix.AT_FDCWD, at, []unix.Timespec{{Nsec: unix.UTIME_OMIT}, t}, 0)
	}
	return p.failed("set the mode and the times of", name, err)
}
