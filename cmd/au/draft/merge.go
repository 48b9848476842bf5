// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"io/fs"
	"os/exec"
	"strconv"

	"github.com/a4u2/au/internal/bounded"
	"golang.org/x/sys/unix"
)

// Where the human and the agent have changed one file, git can put the lines of both together if it has what both began from. What
// comes of that lies in the state until the keep has a stash, which that folder becomes.

const mergedDir = "merged"

// merged is a file that was put together: its name in the stash, and the file of the human's that it was made from.
type merged struct {
	name string
	ino  uint64
	was  vintage
}

// merger puts files together in a folder of the state.
type merger struct {
	*teller
	to place
}

// merge puts together what both sides made of files, and returns the conflicts that remain.
func (t *teller) merge(d *Draft, all []Conflict) (left []Conflict, err error) {
	if err := d.state.removeTree(mergedDir); err != nil {
		return nil, err
	}
	if err := unix.Mkdirat(d.state.fd, mergedDir, 0o700); err != nil {
		return nil, d.state.failed("make", mergedDir, err)
	}
	to, err := d.state.sub(mergedDir)
	if err != nil {
		return nil, err
	}
	defer to.close()
	m := &merger{t, to}
	t.merged = map[string]merged{}
	for _, c := range all {
		done := false
		if low, both := t.both[c.Path]; both && c.Kind == Changed {
			if done, err = m.file(c.Path, low); err != nil {
				return nil, err
			}
			c.Why += ", and git cannot merge it"
		}
		if !done {
			left = append(left, c)
		}
	}
	return left, nil
}

// file puts one file together; false where that cannot be done.
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
	name := "merged-" + strconv.Itoa(len(m.merged)+1)
	if err := m.to.removeTree(name); err != nil {
		return false, err
	}
	if err := copyTree(m.upper, path, m.to, name); err != nil {
		return false, err
	}
	mode := theirs.Mode
	if base.Mode&0o100 == theirs.Mode&0o100 { // git knows of no other rights
		mode = mine.Mode
	}
	text, ok, err := m.lines(low, base.Sum, name)
	if err != nil || !ok {
		return false, err
	}
	made, err := m.to.rewrite(name, text, mode)
	m.merged[path] = merged{name, made.Ino, vintageOf(mine)}
	return true, err
}

// lines returns what git makes of the human's file, of what git had, and of the agent's, which was copied to a name.
func (m *merger) lines(low, sum, name string) ([]byte, bool, error) {
	f, err := m.lower.read(low)
	if errors.Is(err, fs.ErrPermission) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	mine, err := bounded.Read(f, mostOfFile)
	if err != nil {
		return nil, false, err
	}
	base := bounded.Buffer{Limit: mostOfFile}
	blob := git(m.git.folder, "cat-file", "blob", sum)
	if blob.Stdout = &base; blob.Run() != nil {
		return nil, false, nil
	}
	if err := errors.Join(m.to.write("mine", mine), m.to.write("base", base.Bytes())); err != nil {
		return nil, false, err
	}
	both := bounded.Buffer{Limit: 3 * mostOfFile}
	cmd := git(m.to.named, "merge-file", "-p", "mine", "base", name)
	cmd.Env = append(cmd.Env, "GIT_CEILING_DIRECTORIES="+m.to.named)
	cmd.Stdout = &both
	err = m.to.withFile(name, cmd.Run)
	var exit *exec.ExitError
	if errors.As(err, &exit) { // they meet in a line, or are no text
		return nil, false, nil
	}
	return both.Bytes(), err == nil, err
}

// rewrite gives a file another text and mode, and returns what it is then.
func (p place) rewrite(name string, text []byte, mode uint32) (st unix.Stat_t, err error) {
	err = p.withFile(name, func() error {
		fd, err := p.open(name, unix.O_WRONLY|unix.O_TRUNC)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := appendWhole(fd, text); err != nil {
			return err
		}
		return errors.Join(unix.Fsync(fd), unix.Fstat(fd, &st))
	})
	if err == nil {
		err = p.within(name, func(dir int, base string) error { return unix.Fchmodat(dir, base, mode&0o7777, 0) })
	}
	return st, p.failed("write", name, err)
}

// putMerged plans for a file that was put together. The draft's own is not kept.
func (p *planner) putMerged(name, low string, m merged, it item, copying bool) {
	here := spot{theFolder, name}
	p.emit(op{Act: move, From: here, To: p.stash(), Ino: m.was.Ino, Was: m.was, Low: low})
	p.emit(op{Act: move, From: spot{theStash, m.name}, To: here, Ino: m.ino})
	if !copying {
		p.clearUpper(name, it)
	}
}
