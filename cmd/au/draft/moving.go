// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// beside names what a step across file systems makes beside a file: no other draft that is kept at the same time has that name.
func (j *journal) beside(name, end string) string {
	dir, _ := split(name)
	return join(dir, ".au-"+path.Base(j.state.named)+"-"+strconv.Itoa(j.now)+end)
}

// aside names a copy that has no name of its own yet, or what is about to go. held names what of the human may be put back.
func (j *journal) aside(name string) string { return j.beside(name, ".new") }
func (j *journal) held(name string) string  { return j.beside(name, ".was") }

// copies reports whether what goes from one place to the other is copied.
func (j *journal) copies(from, to place) bool {
	return j.apart && (from.fd == j.folder.fd) != (to.fd == j.folder.fd)
}

// move moves what is at a name to another, where nothing is.
func (j *journal) move(from place, name string, to place, toName string) error {
	err := rename(from, name, to, toName, unix.RENAME_NOREPLACE)
	if err == unix.EXDEV && !j.copies(from, to) {
		return from.failed("move", name, err)
	}
	if err != unix.EXDEV {
		return err
	}
	_, there, err := to.exists(toName)
	if err != nil {
		return err
	}
	if there { // a copy that a kill has left, or something of the human
		if alike, err := sameTree(from, name, to, toName); err != nil || !alike {
			return errors.Join(err, unix.EEXIST)
		}
		if err := j.removeMark(to); err != nil {
			return err
		}
	} else {
		aside, err := j.copyAside(from, name, to, toName)
		if err == nil {
			j.between()
			err = j.removeMark(to)
		}
		if err != nil {
			return err
		}
		j.between()
		if err := rename(to, aside, to, toName, unix.RENAME_NOREPLACE); err != nil {
			return err
		}
		j.between()
	}
	return j.discard(from, name, to, toName)
}

// discard removes what was copied to another file system. It goes by one rename: after a kill half of it is never taken for the
// whole. It leaves a file in its place that the human has changed since it was copied.
func (j *journal) discard(from place, name string, to place, toName string) error {
	aside := j.aside(name)
	if err := from.removeTree(aside); err != nil {
		return err
	}
	if from.fd == j.folder.fd {
		if err := j.hold(name, to, toName); err != nil {
			return err
		}
		name = j.held(name)
		if to.fd == j.stashed.fd { // from here on what is at the name is something else of the human
			if err := j.setMark(); err != nil {
				return err
			}
		}
	}
	if err := rename(from, name, from, aside, unix.RENAME_NOREPLACE); err != nil {
		return err
	}
	j.between()
	return from.removeTree(aside)
}

// hold takes something of the human from its name, under which nobody changes it then, and puts it back where the copy is not the
// same.
func (j *journal) hold(name string, to place, toName string) error {
	held := j.held(name)
	if err := rename(j.folder, name, j.folder, held, unix.RENAME_NOREPLACE); err != nil {
		return err
	}
	j.between()
	alike, err := sameTree(j.folder, held, to, toName)
	if err == nil && alike {
		return nil
	}
	if err == nil {
		err = errMoved
	}
	return errors.Join(err, j.putBack(name))
}

// putBack gives what is held its name again.
func (j *journal) putBack(name string) error {
	held := j.held(name)
	return j.folder.failed("put back", held, rename(j.folder, held, j.folder, name, unix.RENAME_NOREPLACE))
}

// copyAside copies a tree beside where it is to be. A file that does not fit there leaves nothing behind.
func (j *journal) copyAside(from place, name string, to place, toName string) (aside string, err error) {
	aside = j.aside(toName)
	if err := to.removeTree(aside); err != nil {
		return "", err
	}
	if err := j.copyOver(from, name, to, aside, toName); err != nil {
		return "", errors.Join(err, to.removeTree(aside))
	}
	return aside, nil
}

// copyOver copies a tree; a file that was copied before under another name is that one's.
func (j *journal) copyOver(from place, name string, to place, aside, toName string) error {
	st, err := from.stat(name)
	if err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return copyTree(from, name, to, aside)
	}
	if first, here := strings.CutPrefix(j.links[st.Ino], to.named+"\x00"); here {
		alike, err := sameTree(from, name, to, first) // a file that was made since can have that number
		if err == nil && alike && to.link(first, aside) == nil {
			return nil
		}
	}
	if st.Nlink > 1 {
		j.links[st.Ino] = to.named + "\x00" + toName
	}
	return copyTree(from, name, to, aside)
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
	err := rename(from, name, to, toName, unix.RENAME_EXCHANGE)
	if err == nil {
		return j.check(o, from, name, func() error { return rename(from, name, to, toName, unix.RENAME_EXCHANGE) })
	}
	if err != unix.EXDEV || !j.apart {
		return to.failed("replace", toName, err)
	}
	return j.exchangeByCopy(o, from, name, to, toName)
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
