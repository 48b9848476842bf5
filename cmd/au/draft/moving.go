// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"strings"

	"golang.org/x/sys/unix"
)

// moveTo gives what is at a name another, where nothing is.
func moveTo(from place, name string, to place, toName string) error {
	err := rename(from, name, to, toName, unix.RENAME_NOREPLACE)
	if err == unix.EXDEV {
		return from.failed("move", name, err)
	}
	return err
}

// rename is renameat2(2), also of a folder that its owner may not write.
func rename(from place, name string, to place, toName string, flags uint) error {
	return from.within(name, func(dir int, base string) error {
		return to.within(toName, func(dir2 int, base2 string) error {
			err := unix.Renameat2(dir, base, dir2, base2, flags)
			if err != unix.EACCES {
				return err
			}
			var st unix.Stat_t
			if unix.Fstatat(dir, base, &st, unix.AT_SYMLINK_NOFOLLOW) != nil || st.Mode&unix.S_IFMT != unix.S_IFDIR || st.Mode&0o200 != 0 {
				return err
			}
			if err := from.openUp(name); err != nil {
				return err
			}
			err = unix.Renameat2(dir, base, dir2, base2, flags)
			at, there := to, toName
			if err != nil {
				at, there = from, name
			}
			if fd, open := at.open(there, unix.O_PATH|unix.O_DIRECTORY); open == nil {
				err = errors.Join(err, unix.Chmod(procPath(fd), st.Mode&0o7777))
				unix.Close(fd)
			}
			return err
		})
	})
}

// fillIn copies a file of the draft, which stays there.
func fillIn(from place, name string, to place, toName string) error {
	if err := to.removeTree(toName + ".new"); err != nil {
		return err
	}
	if err := copyTree(from, name, to, toName+".new"); err != nil {
		return errors.Join(err, to.removeTree(toName+".new"))
	}
	return rename(to, toName+".new", to, toName, unix.RENAME_NOREPLACE)
}

// exchange gives the draft's file the human's name, and keeps the human's where the draft's was.
func (j *journal) exchange(o op, from place, name string, to place, toName string) error {
	if err := from.disarm(name); err != nil {
		return err
	}
	swap := func() error { return rename(from, name, to, toName, unix.RENAME_EXCHANGE) }
	if err := swap(); err != nil {
		return to.failed("replace", toName, err)
	}
	return j.check(o, from, name, swap)
}

// exchangeBack gives the human's file its name again, and keeps what is there now where that file was.
func exchangeBack(from place, name string, to place, toName string) error {
	if _, there, err := from.exists(name); err != nil || !there {
		return err // it has its name again
	}
	err := rename(from, name, to, toName, unix.RENAME_EXCHANGE)
	if err == unix.ENOENT { // the human has removed the draft's
		err = rename(from, name, to, toName, unix.RENAME_NOREPLACE)
	}
	return to.failed("bring back", toName, err)
}

// disarm takes off what would steer a rootless overlay.
func (p place) disarm(name string) error {
	return p.withFile(name, func() error {
		return p.eachAttribute(name, func(at, key string) error {
			if !strings.HasPrefix(key, "user.overlay.") {
				return nil
			}
			return unix.Removexattr(at, key)
		})
	})
}
