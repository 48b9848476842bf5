// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/a4u2/au/internal/bounded"
	"github.com/a4u2/au/internal/walk"
	"github.com/a4u2/au/internal/whole"
	"golang.org/x/sys/unix"
)

// Own is a file that says what is the human's to decide, and so one that only they and root can have put where it is. It need not
// be there yet.
type Own struct {
	Path  string   // absolute, through no link
	Way   []string // all that was passed on the way to it: folders, links, and the file
	trust walk.Trust
	place *walk.Place
	name  string // in place.Folder
}

// FindOwn looks for the file at an absolute path. A thing on the way that is not trusted is a *walk.Distrust.
func FindOwn(name string, trust walk.Trust) (*Own, error) {
	o := &Own{trust: trust}
	var err error
	passed := errand{reader: trust.For}
	o.place, err = walk.To("/", name, func(s walk.Step) error {
		o.Way = append(o.Way, s.Path)
		passed.note(s)
		return trust.Judge(s)
	})
	if err != nil {
		return nil, err
	}
	o.Path, o.name = o.place.Path, path.Base(o.place.Path)
	if err = isFile(o.place); err == nil {
		err = passed.check(o.place)
	}
	if err != nil {
		o.Close()
		return nil, fmt.Errorf("%q %w", name, err)
	}
	return o, nil
}

// isFile refuses what is there, and no file that somebody wrote.
func isFile(p *walk.Place) error {
	switch {
	case p.File < 0 && len(p.Missing) == 0:
		return errors.New("is a folder: want a file")
	case p.File < 0:
		return nil
	case p.Stat.Mode&unix.S_IFMT != unix.S_IFREG:
		return errors.New("is not a regular file: want a file")
	}
	stored, err := walk.IsStored(p.File, p.Stat)
	if err == nil && !stored {
		err = errors.New("is made by the kernel while it is read: want a file that is stored")
	}
	return err
}

// errand is what root passes on the way to a file for somebody, who can have chosen the way.
type errand struct {
	reader *walk.Reader
	theirs bool            // the reader owns something on it
	shut   map[string]bool // what they cannot open
}

func (e *errand) note(s walk.Step) {
	if e.reader == nil {
		return
	}
	e.theirs = e.theirs || s.Stat.Uid == e.reader.UID
	if s.Kind() != unix.S_IFLNK && !e.reader.Opens(s) {
		if e.shut == nil {
			e.shut = map[string]bool{}
		}
		e.shut[s.Path] = true
	}
}

// check refuses a file that is not the reader's and that they could not read, unless root alone chose the way to it.
func (e *errand) check(p *walk.Place) error {
	if !e.theirs || p.File < 0 || p.Stat.Uid == e.reader.UID {
		return nil
	}
	for at := p.Path; ; at = path.Dir(at) {
		if e.shut[at] {
			return fmt.Errorf("leads to %q, which only others may read: want a file that uid %d may read", p.Path, e.reader.UID)
		}
		if at == "/" {
			return nil
		}
	}
}

// Close lets go of the file and its folder.
func (o *Own) Close() { o.place.Close() }

// Read returns what the file holds, up to limit bytes; nil where there is no file.
func (o *Own) Read(limit int64) ([]byte, error) {
	f, err := o.toRead()
	if f == nil || err != nil {
		return nil, err
	}
	defer f.Close()
	var text bytes.Buffer
	text.Grow(int(min(o.place.Stat.Size, limit)) + bytes.MinRead) // so that nothing is copied
	_, err = text.ReadFrom(io.LimitReader(f, limit+1))
	if err == nil && int64(text.Len()) > limit {
		err = bounded.TooLarge(o.Path, limit)
	}
	return text.Bytes(), err
}

// toRead opens the file for reading; nil where there is none.
func (o *Own) toRead() (*os.File, error) {
	if o.place.File < 0 {
		return nil, nil
	}
	flags := 0
	if o.trust.For != nil {
		flags = unix.O_NONBLOCK // root waits for nobody who has a lease on it, fcntl(2)
	}
	return o.place.Open(o.Path, flags)
}

// MakeFolders makes what is missing above the file, for its owner alone.
func (o *Own) MakeFolders() error {
	for len(o.place.Missing) > 1 {
		name := o.place.Missing[0]
		if err := unix.Mkdirat(o.place.Folder, name, 0o700); err != nil && err != unix.EEXIST {
			return &fs.PathError{Op: "mkdir", Path: o.Path, Err: err}
		}
		fd, err := o.open(name, unix.O_PATH|unix.O_DIRECTORY, 0)
		if err != nil {
			return err
		}
		unix.Close(o.place.Folder)
		o.place.Folder, o.place.Missing = fd, o.place.Missing[1:]
	}
	return nil
}

// open opens what is in the file's folder and is trusted. It waits for nobody: what is opened to be written may be a pipe by now.
func (o *Own) open(name string, flags int, mode uint32) (int, error) {
	at := path.Join(path.Dir(o.Path), name)
	fd, err := unix.Openat(o.place.Folder, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK, mode)
	if err != nil {
		return -1, &fs.PathError{Op: "open", Path: at, Err: err}
	}
	s := walk.Step{FD: fd, Path: at}
	err = unix.Fstat(fd, &s.Stat)
	if err == nil {
		err = o.trust.Judge(s)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// again looks for the file in its folder anew: another process may have replaced it.
func (o *Own) again() error {
	fd, err := o.open(o.name, unix.O_PATH, 0)
	if errors.Is(err, fs.ErrNotExist) {
		fd, err = -1, nil
	}
	if err == nil && fd >= 0 {
		err = unix.Fstat(fd, &o.place.Stat)
	}
	if err == nil && fd >= 0 && o.place.Stat.Mode&unix.S_IFMT != unix.S_IFREG {
		err = fmt.Errorf("%q is no longer a regular file", o.Path)
	}
	if err != nil {
		return err
	}
	if o.place.File >= 0 {
		unix.Close(o.place.File)
	}
	o.place.File = fd
	return nil
}

// Replace makes text what the file holds: at every moment it is the old or the new one as a whole, and it is on the disk when
// Replace returns. It keeps its mode and owner; a new one is its owner's alone. The folders above it are there, and the lock keeps
// others from it.
func (o *Own) Replace(text []byte) error {
	folder, err := o.open(".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(folder)
	as := whole.As{Mode: 0o600, UID: -1, GID: -1}
	if old := o.place.Stat; o.place.File >= 0 {
		as = whole.As{Mode: fs.FileMode(old.Mode & 0o777), UID: int(old.Uid), GID: int(old.Gid)}
	}
	if err := whole.Write(folder, o.name, text, as); err != nil {
		return &fs.PathError{Op: "write", Path: o.Path, Err: err}
	}
	return nil
}

// Touch makes the file as new as if it had been written now.
func (o *Own) Touch() error {
	if o.place.File < 0 {
		return fs.ErrNotExist
	}
	return unix.UtimesNanoAt(o.place.Folder, o.name, nil, unix.AT_SYMLINK_NOFOLLOW)
}

// Append puts text behind what the file holds, at once.
func (o *Own) Append(text []byte) error {
	fd, err := o.open(o.name, unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT, 0o600)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), o.Path)
	defer f.Close()
	_, err = f.Write(text)
	return err
}

// Remove takes the file away.
func (o *Own) Remove() error {
	if err := unix.Unlinkat(o.place.Folder, o.name, 0); err != nil && err != unix.ENOENT {
		return &fs.PathError{Op: "remove", Path: o.Path, Err: err}
	}
	return nil
}
