// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"strings"

	"golang.org/x/sys/unix"
)

// same reports whether two files hold the same, and are of the same kind, mode and attributes.
func same(a place, nameA string, x unix.Stat_t, b place, nameB string, y unix.Stat_t) (bool, error) {
	if x.Mode != y.Mode {
		return false, nil
	}
	alike, err := sameContent(a, nameA, x, b, nameB, y)
	if err != nil || !alike {
		return false, err
	}
	one, err := a.attributes(nameA)
	if err != nil {
		return false, err
	}
	other, err := b.attributes(nameB)
	return err == nil && maps.Equal(one, other), err
}

// sameContent reports whether two things of one kind hold the same.
func sameContent(a place, nameA string, x unix.Stat_t, b place, nameB string, y unix.Stat_t) (bool, error) {
	if x.Mode&unix.S_IFMT != y.Mode&unix.S_IFMT {
		return false, nil
	}
	switch x.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		if x.Size != y.Size {
			return false, nil
		}
		return sameBytes(a, nameA, b, nameB)
	case unix.S_IFLNK:
		one, err := a.target(nameA)
		if err != nil {
			return false, err
		}
		other, err := b.target(nameB)
		return err == nil && one == other, err
	}
	return x.Rdev == y.Rdev, nil
}

// sameTree reports whether what is at one name may go because the other is a copy of it.
func sameTree(a place, nameA string, b place, nameB string) (bool, error) {
	x, err := a.stat(nameA)
	if err != nil {
		return false, a.failed("stat", nameA, err)
	}
	y, err := b.stat(nameB)
	if err != nil {
		return false, b.failed("stat", nameB, err)
	}
	switch {
	case rights(x, y) != rights(y, x) || x.Mode&unix.S_IFMT == unix.S_IFREG && !sameTime(x.Mtim, y.Mtim):
		return false, nil
	case x.Mode&unix.S_IFMT == unix.S_IFREG:
		alike := false
		err := a.withFile(nameA, func() error {
			return b.withFile(nameB, func() (err error) {
				if alike, err = sameContent(a, nameA, x, b, nameB, y); err == nil && alike {
					alike, err = sameAttributes(a, nameA, x, b, nameB, y)
				}
				return err
			})
		})
		return alike, err
	case x.Mode&unix.S_IFMT != unix.S_IFDIR:
		return sameContent(a, nameA, x, b, nameB, y)
	}
	if alike, err := sameAttributes(a, nameA, x, b, nameB, y); err != nil || !alike {
		return false, err
	}
	return sameIn(a, nameA, b, nameB)
}

// sameAttributes compares those of a file or folder and of a copy. A copy that could not have its group has other rights.
func sameAttributes(a place, nameA string, x unix.Stat_t, b place, nameB string, y unix.Stat_t) (bool, error) {
	one, err := a.attributes(nameA)
	if err != nil {
		return false, err
	}
	other, err := b.attributes(nameB)
	if x.Gid != y.Gid {
		one, other = ofTheUser(one), ofTheUser(other)
	}
	return err == nil && maps.Equal(one, other), err
}

// ofTheUser returns the attributes that are no rights.
func ofTheUser(all map[string]string) map[string]string {
	mine := maps.Clone(all)
	maps.DeleteFunc(mine, func(key, _ string) bool { return !strings.HasPrefix(key, "user.") })
	return mine
}

// sameIn reports whether all in one folder may go because another holds a copy of it.
func sameIn(a place, nameA string, b place, nameB string) (bool, error) {
	one, err := a.list(nameA)
	if err != nil {
		return false, err
	}
	other, err := b.list(nameB)
	if err != nil || len(one) != len(other) {
		return false, err
	}
	for i, f := range one {
		if f.name != other[i].name {
			return false, nil
		}
		if alike, err := sameTree(a, join(nameA, f.name), b, join(nameB, f.name)); err != nil || !alike {
			return false, err
		}
	}
	return true, nil
}

// sameTime compares the times of a file and of a copy, which may be on a file system that knows of seconds alone.
func sameTime(x, y unix.Timespec) bool {
	return x.Sec == y.Sec && (x.Nsec == y.Nsec || x.Nsec == 0 || y.Nsec == 0)
}

// rights returns the mode of a file to compare with another's, which may be a copy that could not have its group.
func rights(st, other unix.Stat_t) uint32 {
	if st.Gid != other.Gid {
		return st.Mode &^ 0o2070
	}
	return st.Mode
}

// sameBytes compares two files of one size. It does not read a hole that both have.
func sameBytes(a place, nameA string, b place, nameB string) (bool, error) {
	f, err := a.read(nameA)
	if err != nil {
		return false, err
	}
	defer f.Close()
	g, err := b.read(nameB)
	if err != nil {
		return false, err
	}
	defer g.Close()
	one, other := make([]byte, 1<<17), make([]byte, 1<<17)
	for at := int64(0); ; {
		from := min(nextData(int(f.Fd()), at), nextData(int(g.Fd()), at))
		if from == noData {
			return true, nil
		}
		most := min(int64(len(one)), noData-from) // pread(2) refuses what ends behind that
		n, err := f.ReadAt(one[:most], from)
		m, err2 := g.ReadAt(other[:most], from)
		if err != nil && err != io.EOF || err2 != nil && err2 != io.EOF {
			return false, errors.Join(err, err2)
		}
		if n != m || !bytes.Equal(one[:n], other[:m]) {
			return false, nil
		}
		if n == 0 {
			return true, nil
		}
		at = from + int64(n)
	}
}

const noData = int64(^uint64(0) >> 1)

// nextData returns where data begins, at or behind a place.
func nextData(fd int, at int64) int64 {
	from, err := unix.Seek(fd, at, unix.SEEK_DATA)
	if err == unix.ENXIO {
		return noData
	}
	if err != nil {
		return at
	}
	return from
}

// attributes returns what of a file's extended attributes is kept: the user's own, and ACLs. Those of an overlay are none.
func (p place) attributes(name string) (map[string]string, error) {
	kept := map[string]string{}
	err := p.eachAttribute(name, func(at, key string) error {
		if isOverlays(key) || !strings.HasPrefix(key, "user.") && !strings.HasPrefix(key, "system.posix_acl_") {
			return nil
		}
		value := make([]byte, 65536)
		n, err := unix.Getxattr(at, key, value)
		if err == nil {
			kept[key] = string(value[:n])
		}
		if err == unix.ENODATA || err == unix.EPERM || err == unix.EOPNOTSUPP {
			err = nil
		}
		return err
	})
	return kept, p.failed("read the attributes of", name, err)
}

// isOverlays reports whether an attribute steers an overlay: a rootless one obeys the user's.
func isOverlays(key string) bool {
	return strings.HasPrefix(key, "user.overlay.") || strings.HasPrefix(key, "trusted.overlay.")
}

// eachAttribute calls f with the names of the attributes of a file or folder, and a path to it that no rename changes. Links have
// none.
func (p place) eachAttribute(name string, f func(at, key string) error) error {
	fd, err := p.open(name, unix.O_PATH)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT == unix.S_IFLNK {
		return err
	}
	at := procPath(fd)
	names := make([]byte, 65536)
	n, err := unix.Listxattr(at, names)
	if err == unix.EOPNOTSUPP {
		return nil
	}
	if err != nil {
		return err
	}
	for _, key := range strings.Split(string(names[:n]), "\x00") {
		if key == "" {
			continue
		}
		if err := f(at, key); err != nil {
			return err
		}
	}
	return nil
}
