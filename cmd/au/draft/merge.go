// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strconv"

	"golang.org/x/sys/unix"
)

// Where the human and the agent have changed one file, git can put the lines of both together if it has what both began from. The
// result lies in the state until the keep has a stash, which that folder becomes.

// madeDir is where the files lie that a keep makes itself.
const madeDir = "merged"

// startMade makes that folder, empty.
func (d *Draft) startMade() (place, error) {
	if err := d.state.removeTree(madeDir); err != nil {
		return place{fd: -1}, err
	}
	if err := unix.Mkdirat(d.state.fd, madeDir, 0o700); err != nil {
		return place{fd: -1}, d.state.failed("make", madeDir, err)
	}
	return d.state.sub(madeDir)
}

// merged is a file that was put together: its name in the stash, and the file of the human that it was made from.
type merged struct {
	name string
	is   vintage
	was  vintage
	has  meta
}

// merger puts files together in a folder of the state.
type merger struct {
	*teller
	to   place
	late bool // a git was ended
}

// merge puts together what both sides made of files, and returns the conflicts that remain.
func (t *teller) merge(to place, all []Conflict) (left []Conflict, err error) {
	m := &merger{teller: t, to: to}
	t.merged = map[string]merged{}
	for _, c := range all {
		done := false
		if low, both := t.both[c.Path]; both && c.Kind == Changed {
			if done, err = m.file(c.Path, low); err != nil {
				return nil, err
			}
		}
		if !done {
			c.Why += ", and git cannot merge it"
			left = append(left, c)
		}
	}
	return left, nil
}

// file puts one file together; false where that cannot be done. The agent has a say in the lines, and in whether the file can be
// run: git knows of no other rights, and the rest is as the human has it.
func (m *merger) file(path, low string) (bool, error) {
	base, ok := m.git.load()[low]
	mine, err := m.lower.stat(low)
	if err != nil {
		return false, m.lower.failed("stat", low, err)
	}
	theirs, err := m.upper.stat(path)
	if err != nil {
		return false, m.upper.failed("stat", path, err)
	}
	if !ok || base.Mode&unix.S_IFMT != unix.S_IFREG || mine.Size > mostOfFile || theirs.Size > mostOfFile {
		return false, nil
	}
	text, ok, err := m.lines(path, low, base.Sum)
	if err != nil || !ok {
		return false, err
	}
	attrs, err := m.lower.attributes(low)
	if err != nil {
		return false, err
	}
	like := mine
	if base.Mode&0o100 != theirs.Mode&0o100 {
		like.Mode = runnable(mine.Mode, theirs.Mode&0o100 != 0)
	}
	name := "merged-" + strconv.Itoa(len(m.merged)+1)
	made, err := m.to.writeLike(name, text, like, attrs)
	m.merged[path] = merged{name, vintageOf(made), vintageOf(mine), metaOf(made, attrs)}
	return true, err
}

// runnable returns a mode in which those who can read a file can run it, or nobody can.
func runnable(mode uint32, can bool) uint32 {
	if can {
		return mode | mode&0o444>>2
	}
	return mode &^ 0o111
}

// lines returns what git makes of the human's file, of what git had, and of the agent.
func (m *merger) lines(path, low, sum string) ([]byte, bool, error) {
	mine, err := m.lower.readSome(low, mostOfFile)
	if errors.Is(err, fs.ErrPermission) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	var theirs []byte
	err = m.upper.withFile(path, func() (err error) { theirs, err = m.upper.readSome(path, mostOfFile); return err })
	if err != nil {
		return nil, false, err
	}
	if m.late {
		return nil, false, nil
	}
	base, err := answered(git(m.git.folder, "cat-file", "blob", sum), mostOfFile)
	if m.late = err == os.ErrDeadlineExceeded; err != nil {
		return nil, false, nil
	}
	if err := errors.Join(m.to.write("mine", mine), m.to.write("base", base), m.to.write("theirs", theirs)); err != nil {
		return nil, false, err
	}
	both, err := answered(gitAlone(m.to.named, "merge-file", "-p", "mine", "base", "theirs"), 3*mostOfFile)
	m.late = err == os.ErrDeadlineExceeded
	if errors.As(err, new(*exec.ExitError)) || m.late { // they meet in a line, or are no text, or so large that git works for minutes
		return nil, false, nil
	}
	return both, err == nil, err
}

// writeLike makes a file with a text and the rights and attributes of another, and returns what it is then. It never has the rights
// of its owner for whoever runs it, as the kernel takes them off what is written to.
func (p place) writeLike(name string, text []byte, other unix.Stat_t, attrs map[string]string) (made unix.Stat_t, err error) {
	if err := p.write(name, text); err != nil {
		return made, err
	}
	has, err := p.attributes(name)
	if err != nil {
		return made, err
	}
	fd, err := p.open(name, unix.O_RDONLY)
	if err != nil {
		return made, p.failed("open", name, err)
	}
	defer unix.Close(fd)
	mode, err := inGroup(fd, "", other)
	if err == nil {
		err = setAttributes(procPath(fd), has, attrs)
	}
	if err == nil {
		err = errors.Join(unix.Fchmod(fd, mode&0o777), unix.Fsync(fd), unix.Fstat(fd, &made))
	}
	return made, p.failed("write", name, err)
}

// putMerged plans for a file that was put together. The draft's own is not kept. One that has to stay there with its folder is not
// merged: a later keep would put it over the lines of both.
func (p *planner) putMerged(name, low string, m merged, it item, copying bool) error {
	if copying {
		return &Conflicted{[]Conflict{{name, Changed, "you have changed it since, and its folder is the agent's: git merges it where all of the folder is kept"}}}
	}
	here := spot{theFolder, name}
	p.emit(op{Act: move, From: here, To: p.aside(), Ino: m.was.Ino, Was: m.was, Low: low})
	p.emit(op{Act: move, From: p.bring(spot{theStash, m.name}, m.is, false), To: here, Ino: m.is.Ino, Is: m.is, Copy: true, Meta: m.has})
	p.clearUpper(name, it)
	return nil
}
