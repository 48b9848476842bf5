// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// removeTree removes what is at a name in the place, however deep it is and whatever modes its folders have: folders in folders are first moved to the
// place, so that no path grows.
func (p place) removeTree(name string) error {
	st, ok, err := p.exists(name)
	if err != nil || !ok {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return p.failed("remove", name, p.within(name, func(dir int, base string) error { return unix.Unlinkat(dir, base, 0) }))
	}
	aside, left := 0, []string{name}
	for len(left) > 0 {
		at := left[len(left)-1]
		inner, err := p.emptyFolder(at, func() string {
			aside++
			return fmt.Sprintf(".removed-%d-%d", os.Getpid(), aside)
		})
		if err != nil {
			return err
		}
		left = append(left[:len(left)-1], inner...)
	}
	return nil
}

// emptyFolder removes a folder and what is in it, but moves its folders to new names in the place, which it returns.
func (p place) emptyFolder(name string, fresh func() string) (inner []string, err error) {
	if err := p.openUp(name); err != nil {
		return nil, p.failed("remove", name, err)
	}
	dir, err := p.sub(name)
	if err != nil {
		return nil, err
	}
	defer dir.close()
	all, err := dir.list("")
	if err != nil {
		return nil, err
	}
	for _, f := range all {
		if f.kind() != unix.S_IFDIR {
			err = unix.Unlinkat(dir.fd, f.name, 0)
		} else {
			to := fresh()
			if err = dir.openUp(f.name); err == nil {
				err = unix.Renameat2(dir.fd, f.name, p.fd, to, unix.RENAME_NOREPLACE)
			}
			inner = append(inner, to)
		}
		if err != nil {
			return nil, dir.failed("remove", f.name, err)
		}
	}
	return inner, p.failed("remove", name, p.within(name, func(dir int, base string) error { return unix.Unlinkat(dir, base, unix.AT_REMOVEDIR) }))
}

// openUp gives the owner all rights to a folder, where they lack some.
func (p place) openUp(name string) error {
	fd, err := p.open(name, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&0o700 == 0o700 {
		return err
	}
	return unix.Chmod(procPath(fd), st.Mode&0o7777|0o700)
}
