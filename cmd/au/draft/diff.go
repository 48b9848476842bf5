// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"path"
	"strings"

	"github.com/a4u2/au/internal/bounded"
	"golang.org/x/sys/unix"
)

// A diff is made of copies: git sees no folder of anybody, no attributes, and no config.

// The bounds of what is copied for a diff: bytes of one file and of all, and files.
const (
	mostOfFile = 16 << 20
	mostOfAll  = 1 << 30
	mostFiles  = 200_000
)

// sides are two folders, a as the human has what changed and b as the draft has it.
type sides struct {
	place
	Left []Change // what no diff shows, or not all of it: folders, files that are none, or too large, and rights
	size int64
	n    int             // files
	made map[string]bool // folders
}

// Lay copies what has changed to a/ and b/ in the draft's state. The caller holds the lock.
func (d *Draft) Lay(changes []Change) (dir string, left []Change, err error) {
	v := &view{lower: place{fd: -1}, upper: place{fd: -1}}
	defer v.close()
	if v.lower, err = d.openFolder(); err != nil {
		return "", nil, err
	}
	if v.upper, err = d.state.sub("upper"); err != nil {
		return "", nil, err
	}
	if err := d.Unlay(); err != nil {
		return "", nil, err
	}
	for _, name := range []string{"diff", "diff/a", "diff/b"} {
		if err := unix.Mkdirat(d.state.fd, name, 0o700); err != nil {
			return "", nil, d.state.failed("make", name, err)
		}
	}
	to, err := d.state.sub("diff")
	if err != nil {
		return "", nil, err
	}
	s := &sides{place: to, made: map[string]bool{}}
	defer to.close()
	for _, c := range changes {
		if err := s.lay(v, c); err != nil {
			return "", nil, err
		}
	}
	return to.named, s.Left, nil
}

// Unlay removes what Lay made.
func (d *Draft) Unlay() error { return d.state.removeTree("diff") }

func (s *sides) lay(v *view, c Change) error {
	if c.Dir {
		s.Left = append(s.Left, c)
		return nil
	}
	shown := true
	if c.Was != 0 || c.Kind == 'R' {
		name := c.Path
		if c.Kind == 'R' {
			name = c.Old
		}
		ok, err := s.take(v.lower, c.low, "a/"+name)
		if errors.Is(err, errTaken) { // by something that was there before a folder of that name was renamed
			ok, err = s.take(v.lower, c.low, "a/"+c.low)
		}
		if err != nil && !errors.Is(err, errTaken) {
			return err
		}
		shown = ok
	}
	if c.Mode != 0 {
		ok, err := s.take(v.upper, c.Path, "b/"+c.Path)
		if err != nil {
			return err
		}
		shown = shown && ok
	}
	if !shown {
		s.Left = append(s.Left, c)
		return nil
	}
	return s.rights(v, c)
}

// rights notes what git does not show of a file that it shows: of its mode it knows whether the owner can run it.
func (s *sides) rights(v *view, c Change) (err error) {
	known := func(mode uint32) bool { return mode == unix.S_IFREG|0o644 || mode == unix.S_IFREG|0o755 }
	c.Shown = NoRight
	if c.Kind == 'A' && c.Mode&unix.S_IFMT == unix.S_IFREG && c.Mode&0o7002 != 0 { // others can write it, or run it as its owner or group
		s.Left = append(s.Left, c)
	}
	if c.Kind != 'M' && c.Kind != 'R' || c.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil
	}
	was, err := v.lower.stat(c.low)
	if err != nil || was.Mode&unix.S_IFMT != unix.S_IFREG {
		return v.lower.failed("stat", c.low, err)
	}
	is, err := v.upper.stat(c.Path)
	if err != nil {
		return v.upper.failed("stat", c.Path, err)
	}
	one, err := v.lower.attributes(c.low)
	if err != nil {
		return err
	}
	other, err := v.upper.attributes(c.Path)
	if err != nil {
		return err
	}
	c.Was, c.Attrs = was.Mode, !maps.Equal(one, other)
	if c.Was == c.Mode && !c.Attrs || c.Was != c.Mode && known(c.Was) && known(c.Mode) && !c.Attrs {
		return nil
	}
	if c.Kind == 'M' && (c.Was^c.Mode)&0o100 == 0 {
		alike, err := sameContent(v.lower, c.low, was, v.upper, c.Path, is)
		if err != nil && !errors.Is(err, unix.EACCES) {
			return err
		}
		if alike {
			c.Shown = Alike
		}
	}
	s.Left = append(s.Left, c)
	return nil
}

// take copies a file to a side; false where it is not to be shown.
func (s *sides) take(from place, name, to string) (bool, error) {
	st, err := from.stat(name)
	if err != nil {
		return false, from.failed("stat", name, err)
	}
	kind := st.Mode & unix.S_IFMT
	if kind != unix.S_IFREG && kind != unix.S_IFLNK || st.Mode&0o400 == 0 || st.Size > mostOfFile || s.size+st.Size > mostOfAll || s.n >= mostFiles || len(to) > longest {
		return false, nil
	}
	s.size, s.n = s.size+st.Size, s.n+1
	if err := s.folders(path.Dir(to)); err != nil {
		return false, err
	}
	if _, err := s.stat(to); err == nil {
		return false, errTaken
	}
	err = copier{copied: map[uint64]string{}, forNow: true}.tree(from, name, s.place, to)
	if errors.Is(err, unix.EACCES) {
		return false, nil
	}
	return err == nil, err
}

// errTaken is where another change has a name on this side, or one of the folders above it.
var errTaken error = unix.EEXIST

// folders makes a folder, and those that it is in.
func (s *sides) folders(name string) error {
	if s.made[name] {
		return nil
	}
	at := ""
	for part := range strings.SplitSeq(name, "/") {
		at = join(at, part)
		err := s.within(at, func(dir int, base string) error { return unix.Mkdirat(dir, base, 0o700) })
		if err == unix.ENOTDIR {
			return errTaken
		}
		if err != nil && err != unix.EEXIST {
			return s.failed("make", at, err)
		}
	}
	if st, err := s.stat(name); err == nil && st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return errTaken
	}
	s.made[name] = true
	return nil
}

// Diff hands over what git says of two folders a and b in dir, with these options, while git says it: that can be gigabytes, and
// take minutes. The names in it begin with a/ and b/. An error of read ends git, and is returned.
func Diff(dir string, read func(io.Reader) error, options ...string) error {
	words := append([]string{"diff", "--no-index", "--no-ext-diff", "--no-textconv", "--no-color", "--no-prefix", "--find-renames"}, options...)
	cmd := gitAlone(dir, append(words, "--", "a", "b")...)
	said := bounded.Buffer{Limit: mostOfFile}
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return err
	}
	if err := read(out); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return err
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		err = nil // they differ
	}
	if err != nil {
		return fmt.Errorf("git diff: %w: %s", err, strings.TrimSpace(said.String()))
	}
	return nil
}
