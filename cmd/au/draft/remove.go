// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// removeTree removes what is at a name in the place, however deep it is and whatever modes its folders have: folders in folders are
// first moved to its top, so that no path grows. The rest that a kill leaves has the name still.
func (p place) removeTree(name string) error {
	st, ok, err := p.exists(name)
	if err != nil || !ok {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return p.failed("remove", name, p.within(name, func(dir int, base string) error { return unix.Unlinkat(dir, base, 0) }))
	}
	if err := p.openUp(name); err != nil {
		return p.failed("remove", name, err)
	}
	top, err := p.sub(name)
	if err != nil {
		return err
	}
	defer top.close()
	for n, empty := 0, false; !empty; {
		all, err := top.list("")
		if err != nil {
			return err
		}
		for _, f := range all {
			if f.kind() != unix.S_IFDIR {
				err = top.failed("remove", f.name, unix.Unlinkat(top.fd, f.name, 0))
			} else {
				n, err = top.flatten(f.name, n)
			}
			if err != nil {
				return err
			}
		}
		empty = len(all) == 0
	}
	return p.failed("remove", name, p.within(name, func(dir int, base string) error { return unix.Unlinkat(dir, base, unix.AT_REMOVEDIR) }))
}

// flatten removes a folder of the place and what is in it, but moves its folders to new names in the place; n is the number of the
// last one.
func (p place) flatten(name string, n int) (int, error) {
	if err := p.openUp(name); err != nil {
		return n, p.failed("remove", name, err)
	}
	dir, err := p.sub(name)
	if err != nil {
		return n, err
	}
	defer dir.close()
	all, err := dir.list("")
	if err != nil {
		return n, err
	}
	for _, f := range all {
		if f.kind() != unix.S_IFDIR {
			err = unix.Unlinkat(dir.fd, f.name, 0)
		} else if err = dir.openUp(f.name); err == nil {
			n, err = dir.lift(f.name, p, n)
		}
		if err != nil {
			return n, dir.failed("remove", f.name, err)
		}
	}
	return n, p.failed("remove", name, unix.Unlinkat(p.fd, name, unix.AT_REMOVEDIR))
}

// lift moves a folder to the first free name of another place.
func (p place) lift(name string, to place, n int) (int, error) {
	for {
		n++
		if err := unix.Renameat2(p.fd, name, to.fd, fmt.Sprintf(".removed-%d", n), unix.RENAME_NOREPLACE); err != unix.EEXIST {
			return n, err
		}
	}
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
