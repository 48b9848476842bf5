// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// aside names what a step across file systems makes before it has its name: no other draft that is kept at the same time has that
// name.
func (j *journal) aside(name string) string {
	dir, _ := split(name)
	return join(dir, ".au-"+path.Base(j.state.named)+"-"+strconv.Itoa(j.now)+".new")
}

// move moves what is at a name to another, where nothing is.
func (j *journal) move(from place, name string, to place, toName string) error {
	err := rename(from, name, to, toName, unix.RENAME_NOREPLACE)
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
	} else {
		aside, err := j.copyAside(from, name, to, toName)
		if err != nil {
			return err
		}
		if err := rename(to, aside, to, toName, unix.RENAME_NOREPLACE); err != nil {
			return err
		}
		j.between()
	}
	return j.discard(from, name)
}

// discard removes what was copied to another file system. It goes by one rename: after a kill half of it is never taken for the
// whole.
func (j *journal) discard(from place, name string) error {
	aside := j.aside(name)
	if err := from.removeTree(aside); err != nil {
		return err
	}
	if err := rename(from, name, from, aside, unix.RENAME_NOREPLACE); err != nil {
		return err
	}
	j.between()
	return from.removeTree(aside)
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
	if first := j.links[st.Ino]; first != "" && st.Nlink > 0 && strings.HasPrefix(first, to.named+"\x00") {
		if to.link(strings.TrimPrefix(first, to.named+"\x00"), aside) == nil {
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
	if err != unix.EXDEV {
		return err
	}
	old := "x" + strconv.Itoa(j.now)
	_, there, err := j.stashed.exists(old)
	if err == nil {
		err = j.isAsItWas(o, from, name, to, toName)
	}
	if err == nil && !there {
		err = fillIn(to, toName, j.stashed, old)
	}
	if err != nil {
		return err
	}
	j.between()
	return j.replace(from, name, to, toName)
}

// isAsItWas refuses to replace what the human has changed since the plan. After a kill a copy of the draft's file may be there
// already.
func (j *journal) isAsItWas(o op, from place, name string, to place, toName string) error {
	st, err := to.stat(toName)
	if err != nil {
		return err
	}
	now := vintageOf(st)
	if now.Ino = o.Was.Ino; now == o.Was {
		return nil
	}
	if alike, err := sameTree(from, name, to, toName); err != nil || !alike {
		return errors.Join(errMoved, err)
	}
	return nil
}

// holdsCopy reports whether the draft's file is in the folder already, or nothing is.
func (j *journal) holdsCopy(from place, name string, to place, toName string) (bool, error) {
	if _, ok, err := to.exists(toName); err != nil || !ok {
		return err == nil, err
	}
	return sameTree(from, name, to, toName)
}

// replace moves a file over another, on another file system.
func (j *journal) replace(from place, name string, to place, toName string) error {
	aside, err := j.copyAside(from, name, to, toName)
	if err != nil {
		return err
	}
	if err := rename(to, aside, to, toName, 0); err != nil {
		return err
	}
	return from.removeTree(name)
}

func (j *journal) exchangeBack(from place, name string, to place, toName string) error {
	if !j.apart {
		return rename(from, name, to, toName, unix.RENAME_EXCHANGE)
	}
	old := "x" + strconv.Itoa(j.now)
	if _, there, err := j.stashed.exists(old); err != nil || !there {
		return err // without it the human's file was not replaced
	}
	if _, there, err := from.exists(name); err != nil {
		return err
	} else if there {
		if kept, err := j.holdsCopy(from, name, to, toName); err != nil || !kept {
			return err // the human's own file is there still
		}
	} else {
		aside, err := j.copyAside(to, toName, from, name)
		if err != nil {
			return err
		}
		if err := rename(from, aside, from, name, unix.RENAME_NOREPLACE); err != nil {
			return err
		}
	}
	return j.replace(j.stashed, old, to, toName)
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
