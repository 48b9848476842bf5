// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// An agent can give a folder or a file of the draft a mode that closes it to its owner, who is the human. Folders are opened up for
// as long as no run has the draft, and the modes that they have for the agent are noted.

// modesFile notes those modes: PATH and MODE in octal digits, each ended by a NUL. Of a path that is noted twice the first counts.
const modesFile = "modes"

// modesThen is what a keep of a part found there.
const modesThen = "undo/modes-then"

// theirs are the owner's rights to a folder.
const theirs = 0o700

// withRights does f, and does it again with all rights to the draft's folders where some were missing.
func (d *Draft) withRights(f func() error) error {
	err := f()
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	if !d.locked {
		unlock, err := d.Lock()
		if err != nil {
			return err
		}
		defer unlock()
	}
	if err := d.openUp(); err != nil {
		return err
	}
	return f()
}

// openUp gives the human all rights to the folders of the draft, and notes each mode before it changes. The caller holds the lock.
func (d *Draft) openUp() error {
	for left := []string{"upper"}; len(left) > 0; {
		at := left[len(left)-1]
		left = left[:len(left)-1]
		st, ok, err := d.state.exists(at)
		if err != nil || !ok {
			return err
		}
		if st.Mode&theirs != theirs {
			if err := d.openOne(at, st.Mode&0o7777); err != nil {
				return err
			}
		}
		all, err := d.state.list(at)
		if errors.Is(err, errTooLong) {
			continue
		}
		if err != nil {
			return err
		}
		for _, f := range all {
			if f.kind() == unix.S_IFDIR {
				left = append(left, join(at, f.name))
			}
		}
	}
	return nil
}

func (d *Draft) openOne(at string, mode uint32) error {
	if err := d.noteMode(strings.TrimPrefix(strings.TrimPrefix(at, "upper"), "/"), mode); err != nil {
		return err
	}
	d.pause()
	return d.state.failed("open up", at, d.state.openUp(at))
}

func (d *Draft) noteMode(name string, mode uint32) error {
	_, err := d.state.appendWhole(modesFile, fmt.Appendf(nil, "%s\x00%o\x00", name, mode))
	return err
}

// hasAbove reports whether a path, or a folder that it is in, is among some.
func hasAbove(some map[string]bool, name string) bool {
	for ; name != ""; name, _ = split(name) {
		if some[name] {
			return true
		}
	}
	return false
}

// copyModes keeps what is noted in a journal that is being made.
func (d *Draft) copyModes(journal place) error {
	text, err := d.state.readAll(modesFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(err, journal.write(strings.TrimPrefix(modesThen, "undo/"), text))
}

// modesAgain notes the modes of folders that an undo has brought back to the draft: a run since the keep may have forgotten them.
func (d *Draft) modesAgain(j *journal) error {
	all, err := d.modesIn(modesThen)
	if err != nil {
		return err
	}
	back := j.comeBack()
	for name, mode := range all {
		if _, there, err := d.state.exists(join("upper", name)); err != nil {
			return err
		} else if there && hasAbove(back, name) {
			if err := d.noteMode(name, mode); err != nil {
				return err
			}
		}
	}
	return nil
}

// appendWhole puts text behind what a file holds, or nothing of it: the next one would follow half a note. It makes a missing file,
// and returns how many bytes there were before.
func (p place) appendWhole(name string, text []byte) (size int64, err error) {
	fd, err := unix.Openat(p.fd, name, unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return 0, p.failed("write", name, err)
	}
	defer unix.Close(fd)
	size, err = unix.Seek(fd, 0, unix.SEEK_END)
	if err != nil {
		return 0, p.failed("write", name, err)
	}
	n, err := unix.Write(fd, text)
	if err == nil && n < len(text) {
		err = unix.ENOSPC
	}
	if err != nil {
		return size, errors.Join(p.failed("write", name, err), p.cut(name, size))
	}
	return size, nil
}

// cut leaves the first bytes of a file.
func (p place) cut(name string, size int64) error {
	fd, err := p.open(name, unix.O_WRONLY)
	if err == nil {
		err = unix.Ftruncate(fd, size)
		unix.Close(fd)
	}
	return p.failed("write", name, err)
}

// modes returns what is noted.
func (d *Draft) modes() (map[string]uint32, error) { return d.modesIn(modesFile) }

func (d *Draft) modesIn(file string) (map[string]uint32, error) {
	all := map[string]uint32{}
	text, err := d.state.readAll(file)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	words := bytes.Split(text, []byte{0})
	for ; len(words) > 2; words = words[2:] { // what a kill cut off is not noted
		name := string(words[0])
		mode, err := strconv.ParseUint(string(words[1]), 8, 12)
		if err != nil {
			return nil, d.state.failed("read", file, err)
		}
		if _, noted := all[name]; !noted {
			all[name] = uint32(mode)
		}
	}
	return all, err
}

// closeAgain gives the draft's folders the modes that they have for the agent, the deepest first. The caller holds the lock.
func (d *Draft) closeAgain() error {
	all, err := d.modes()
	if err != nil {
		return err
	}
	var names []string
	for name := range all {
		names = append(names, name)
	}
	slices.SortFunc(names, func(x, y string) int { return strings.Compare(y, x) })
	for _, name := range names {
		err := d.state.withFolder(join("upper", name), func(at string) error { return unix.Chmod(at, all[name]) })
		if err != nil && !errors.Is(err, fs.ErrPermission) && !wentMeanwhile(err) { // a killed one came to what is above it
			return d.state.failed("close", name, err)
		}
	}
	return d.state.removeTree(modesFile)
}

// withFolder calls f with a path to a folder that no rename changes.
func (p place) withFolder(name string, f func(at string) error) error {
	fd, err := p.open(strings.TrimSuffix(name, "/"), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return f(procPath(fd))
}

// reached does f with what is at a path; folders above it that its owner may not enter have a mode that lets them for as long as
// that takes.
func (p place) reached(name string, f func() error) error {
	err := f()
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return p.through("", name, f)
}

// through does f with what is at a path in a folder.
func (p place) through(dir, rest string, f func() error) error {
	part, rest, more := strings.Cut(rest, "/")
	if !more {
		return f()
	}
	dir = join(dir, part)
	fd, err := p.open(dir, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return f() // there is nothing at the path
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return p.failed("stat", dir, err)
	}
	further := func() error { return p.through(dir, rest, f) }
	if st.Mode&theirs == theirs {
		return further()
	}
	return p.whileOpen(fd, opening{Was: st.Mode & 0o7777, Is: st.Mode&0o7777 | theirs}, further)
}

// withFile does f with a file that its owner may not read or write: for as long as that takes it has a mode that lets them.
func (p place) withFile(name string, f func() error) error {
	err := f()
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	fd, failed := p.open(name, unix.O_PATH)
	if failed != nil {
		return err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return err
	}
	return p.whileOpen(fd, opening{Was: st.Mode & 0o7777, Is: st.Mode&0o7777 | 0o600}, f)
}
