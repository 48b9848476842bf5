// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"os"
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
			fd, failed := unix.Openat(dir, base, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
			if failed != nil {
				return err
			}
			defer unix.Close(fd)
			var st unix.Stat_t
			if unix.Fstat(fd, &st) != nil || st.Mode&0o200 != 0 {
				return err
			}
			into, failed := os.Readlink(procPath(dir2))
			if failed != nil {
				return errors.Join(err, failed)
			}
			note := opening{Paths: [][]byte{[]byte(join(into, base2))}, Was: st.Mode & 0o7777, Is: st.Mode&0o7777 | theirs}
			return from.whileOpen(fd, note, func() error { return unix.Renameat2(dir, base, dir2, base2, flags) })
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
