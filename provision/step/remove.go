// SPDX-License-Identifier: GPL-3.0-or-later

package step

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/internal/tree"
	"golang.org/x/sys/unix"
)

// Remove removes what is at an absolute path, and all below it, by file descriptor: whoever can write in it leads the way nowhere
// else. The folder that holds it must be root's alone. A mount below it stays, and is an error. It takes time in proportion to the
// number of files, however deep they are.
func Remove(ctx context.Context, name string) error {
	parent, err := openRooted(filepath.Dir(name))
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	defer unix.Close(parent)
	if err := remove(ctx, parent, filepath.Base(name)); err != nil {
		return fmt.Errorf("remove %s: %w", name, err)
	}
	return nil
}

// rootUID owns the folders in which root removes something. Tests are not root.
var rootUID uint32

// openRooted opens a folder that nobody but root can write in.
func openRooted(name string) (int, error) {
	real, err := filepath.EvalSymlinks(name)
	if err != nil {
		return -1, err
	}
	fd, err := unix.Openat2(unix.AT_FDCWD, real, &unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS})
	if err != nil {
		return -1, err
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil && (st.Uid != rootUID || st.Mode&0o022 != 0) {
		err = fmt.Errorf("%s: want a folder that only root can write", name)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func remove(ctx context.Context, parent int, name string) error {
	err := unix.Unlinkat(parent, name, 0)
	if err == nil || err == unix.ENOENT {
		return nil
	}
	if err != unix.EISDIR {
		return err
	}
	e := emptier{ctx: ctx}
	// If a folder is moved while it is emptied, it begins again from the top, where there is less each time.
	for range restarts {
		if err = e.run(parent, name); err != tree.ErrMoved {
			break
		}
	}
	if e.kept > 0 {
		return fmt.Errorf("%d could not be removed, the first %s: %w", e.kept, quote.Name(e.first), e.why)
	}
	if err != nil {
		return err
	}
	return unix.Unlinkat(parent, name, unix.AT_REMOVEDIR)
}

const restarts = 100

// emptier empties a folder. It has one folder open at a time, and goes down by name and up by .., where it knows each folder by its
// number.
type emptier struct {
	ctx     context.Context
	way     []emptied // from the top to the open folder
	here    int
	swapped int // folders that were something else when they were to be opened
	kept    int // files that could not be removed
	first   string
	why     error
}

// emptied is a folder on the way.
type emptied struct {
	name     string
	dev, ino uint64
	left     []string        // folders in it that were seen and are not empty yet
	stays    map[string]bool // what could not be removed
}

func (e *emptier) run(parent int, name string) (err error) {
	e.way, e.kept, e.swapped = nil, 0, 0
	if err := e.down(parent, name); err != nil {
		return err
	}
	defer func() { unix.Close(e.here) }()
	buffer := make([]byte, 64<<10)
	for {
		if err := context.Cause(e.ctx); err != nil {
			return err
		}
		at := &e.way[len(e.way)-1]
		if len(at.left) == 0 {
			if err := e.files(at, buffer); err != nil {
				return err
			}
		}
		if n := len(at.left); n > 0 {
			next := at.left[n-1]
			at.left = at.left[:n-1]
			switch err := e.down(e.here, next); err {
			case nil, unix.ENOENT:
			case unix.ENOTDIR, unix.ELOOP:
				if e.swapped++; e.swapped > restarts {
					return tree.ErrMoved
				}
			default:
				e.keep(at, next, err)
			}
			continue
		}
		if len(e.way) == 1 {
			return nil
		}
		if err := e.up(); err != nil {
			return err
		}
	}
}

// down opens a folder that is in another one.
func (e *emptier) down(dir int, name string) error {
	fd, err := tree.Openat2(dir, name, unix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV})
	if err == unix.EXDEV {
		err = errors.New("something is mounted there")
	}
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return err
	}
	if len(e.way) > 0 {
		unix.Close(e.here)
	}
	e.here = fd
	e.way = append(e.way, emptied{name: name, dev: uint64(st.Dev), ino: st.Ino})
	return nil
}

// up goes back to the folder above, and removes the one that was emptied.
func (e *emptier) up() error {
	was, above := e.way[len(e.way)-1], &e.way[len(e.way)-2]
	fd, err := unix.Openat(e.here, "..", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || uint64(st.Dev) != above.dev || st.Ino != above.ino {
		unix.Close(fd)
		return tree.ErrMoved
	}
	unix.Close(e.here)
	e.here, e.way = fd, e.way[:len(e.way)-1]
	switch err := unix.Unlinkat(fd, was.name, unix.AT_REMOVEDIR); {
	case err == nil || err == unix.ENOENT:
	case was.stays != nil:
		above.stay(was.name) // said already
	default:
		e.keep(above, was.name, err)
	}
	return nil
}

// files removes what is not a folder, and remembers what is. With nothing left, the folder has been read to its end.
func (e *emptier) files(at *emptied, buffer []byte) error {
	if _, err := unix.Seek(e.here, 0, 0); err != nil {
		return err
	}
	var names []string
	for len(at.left) == 0 {
		n, err := unix.ReadDirent(e.here, buffer)
		if err != nil || n <= 0 {
			return err
		}
		_, _, names = unix.ParseDirent(buffer[:n], -1, names[:0])
		for _, name := range names {
			switch err := unix.Unlinkat(e.here, name, 0); {
			case at.stays[name] || err == nil || err == unix.ENOENT:
			case err == unix.EISDIR:
				at.left = append(at.left, strings.Clone(name))
			default:
				e.keep(at, name, err)
			}
		}
	}
	return nil
}

func (at *emptied) stay(name string) {
	if at.stays == nil {
		at.stays = map[string]bool{}
	}
	at.stays[strings.Clone(name)] = true
}

// keep notes what could not be removed.
func (e *emptier) keep(at *emptied, name string, why error) {
	at.stay(name)
	if e.kept++; e.kept > 1 {
		return
	}
	e.first, e.why = name, why
	for i := len(e.way) - 1; i > 0 && len(e.first) < unix.PathMax; i-- {
		e.first = e.way[i].name + "/" + e.first
	}
}
