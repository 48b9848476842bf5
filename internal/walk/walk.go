// SPDX-License-Identifier: GPL-3.0-or-later

// Package walk follows a path as the kernel would, one component at a time and by file descriptor, and shows each step to whoever
// has to judge it.
package walk

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is how many symbolic links the kernel follows.
const maxLinks = 40

// Step is what a path comes to with one more component: a folder, a symbolic link, or what it leads to in the end. The first is the
// root folder.
type Step struct {
	FD   int    // of the thing itself, O_PATH, as long as the judgement lasts
	Path string // where it is: absolute, through no link
	Link string // where a symbolic link leads, as it says
	Left int    // how many components are still to come, without those of the link's own target
	Stat unix.Stat_t
}

// Kind returns the type of the file, S_IFDIR and so on.
func (s Step) Kind() uint32 { return s.Stat.Mode & unix.S_IFMT }

// Place is where a path leads.
type Place struct {
	Path    string      // absolute, through no link; with what is missing
	Folder  int         // the last folder on the way, O_PATH
	File    int         // what is in it, where the path does not end with a folder: O_PATH; else -1
	Stat    unix.Stat_t // of the file, or else of the folder
	Missing []string    // the components that are not there; the first would be in the folder
}

// Close lets go of what is open.
func (p *Place) Close() {
	unix.Close(p.Folder)
	if p.File >= 0 {
		unix.Close(p.File)
	}
}

// To follows an absolute path on the machine whose root folder is at root. judge sees each thing before the walk goes on from it;
// its error ends the walk. That something is missing is no error.
func To(root, name string, judge func(Step) error) (*Place, error) {
	if !path.IsAbs(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: errors.New("want an absolute path")}
	}
	w := walk{root: root, judge: judge, rest: parts(name), Place: Place{Folder: -1, File: -1}}
	err := w.toRoot()
	for err == nil && len(w.rest) > 0 {
		err = w.step()
	}
	if err != nil {
		w.Close()
		return nil, err
	}
	return &w.Place, nil
}

func parts(name string) []string {
	return slices.DeleteFunc(strings.Split(name, "/"), func(part string) bool { return part == "" || part == "." })
}

// walk is how far To has come: rest has still to be entered from the last folder, which is at Path.
type walk struct {
	Place
	root  string
	judge func(Step) error
	rest  []string
	links int
}

// toRoot begins at the root folder.
func (w *walk) toRoot() error {
	fd, err := unix.Open(w.root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: w.root, Err: err}
	}
	return w.take(fd, "/")
}

// step takes the next component.
func (w *walk) step() error {
	name := w.rest[0]
	at := path.Join(w.Path, name)
	if name == ".." && w.Path == "/" {
		w.rest = w.rest[1:]
		return w.toRoot()
	}
	fd, err := open(w.Folder, name)
	if errors.Is(err, fs.ErrNotExist) {
		w.Path, w.Missing, w.rest = path.Join(at, path.Join(w.rest[1:]...)), w.rest, nil
		return nil
	}
	if err != nil {
		return &fs.PathError{Op: "open", Path: at, Err: err}
	}
	w.rest = w.rest[1:]
	return w.take(fd, at)
}

// open opens one component. Asked for as a folder, one that is mounted when somebody looks (autofs) is.
func open(folder int, name string) (int, error) {
	fd, err := unix.Openat(folder, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == unix.ENOTDIR || err == unix.ELOOP {
		fd, err = unix.Openat(folder, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	}
	return fd, err
}

// take goes on from what is open as fd.
func (w *walk) take(fd int, at string) error {
	s := Step{FD: fd, Path: at, Left: len(w.rest)}
	err := unix.Fstat(fd, &s.Stat)
	if err == nil && s.Kind() == unix.S_IFLNK {
		s.Link, err = target(fd)
	}
	if err != nil {
		unix.Close(fd)
		return &fs.PathError{Op: "stat", Path: at, Err: err}
	}
	if err := w.judge(s); err != nil {
		unix.Close(fd)
		return err
	}
	switch s.Kind() {
	case unix.S_IFLNK:
		unix.Close(fd)
		return w.follow(s)
	case unix.S_IFDIR:
		if w.Folder >= 0 {
			unix.Close(w.Folder)
		}
		w.Folder = fd
	default:
		w.File = fd
		if len(w.rest) > 0 {
			return &fs.PathError{Op: "open", Path: at, Err: unix.ENOTDIR}
		}
	}
	w.Path, w.Stat = at, s.Stat
	return nil
}

// follow puts the link's target before the rest of the way.
func (w *walk) follow(s Step) error {
	if w.links++; w.links > maxLinks {
		return &fs.PathError{Op: "open", Path: s.Path, Err: unix.ELOOP}
	}
	w.rest = append(parts(s.Link), w.rest...)
	if !path.IsAbs(s.Link) {
		return nil
	}
	return w.toRoot()
}

// target returns where a link leads.
func target(fd int) (string, error) {
	buffer := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", buffer)
	return string(buffer[:max(n, 0)]), err
}
