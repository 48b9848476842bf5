// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// place is an open folder below which everything is reached by steps that follow no link and leave neither the folder nor its file
// system.
type place struct {
	fd    int
	named string // for messages
	notes *notes // where it is noted what is opened up; nothing is where there are none
}

// inside is how each path is resolved.
const inside = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV

// longest is the longest path that is worked on: the kernel takes none of 4096 bytes, and a temporary name needs some.
const longest = 4000

// errTooLong refuses a path that no system call takes.
var errTooLong = errors.New("the path is too long")

// openPlace opens a folder by its path, through no symbolic link.
func openPlace(name string) (place, error) {
	fd, err := openat2(unix.AT_FDCWD, name, unix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS})
	if err != nil {
		return place{fd: -1}, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return place{fd: fd, named: name}, nil
}

func openat2(at int, name string, how unix.OpenHow) (int, error) {
	for {
		fd, err := unix.Openat2(at, name, &how)
		if err != unix.EAGAIN && err != unix.EINTR { // a rename elsewhere, Openat2(2)
			return fd, err
		}
	}
}

func (p place) close() {
	if p.fd >= 0 {
		unix.Close(p.fd)
	}
}

// errMounted is where the folder holds another file system by now.
var errMounted = fmt.Errorf("another file system is mounted there, and no part of a draft: want it unmounted (%w)", unix.EXDEV)

func (p place) failed(op, name string, err error) error {
	if err == nil {
		return nil
	}
	if err == unix.EXDEV {
		err = errMounted
	}
	return &fs.PathError{Op: op, Path: path.Join(p.named, name), Err: err}
}

// open opens what is at a path below; "" is the place itself.
func (p place) open(name string, flags int) (int, error) {
	if len(name) > longest {
		return -1, errTooLong
	}
	if name == "" {
		name = "."
	}
	return openat2(p.fd, name, unix.OpenHow{Flags: uint64(flags | unix.O_NOFOLLOW | unix.O_CLOEXEC), Resolve: inside})
}

// sub opens a folder below as a place.
func (p place) sub(name string) (place, error) {
	fd, err := p.open(name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return place{fd: -1}, p.failed("open", name, err)
	}
	return place{fd, path.Join(p.named, name), p.notes}, nil
}

// within calls f with the folder that a path is in, open, and its last component.
func (p place) within(name string, f func(dir int, base string) error) error {
	dir, base := split(name)
	fd, err := p.open(dir, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return f(fd, base)
}

// split is a path's folder, "" for the top, and its last component.
func split(name string) (dir, base string) {
	at := strings.LastIndexByte(name, '/')
	return name[:max(at, 0)], name[at+1:]
}

func join(dir, base string) string {
	if dir == "" {
		return base
	}
	return dir + "/" + base
}

// makeAbove makes the folders in which a path is, where they are not there.
func (p place) makeAbove(name string) error {
	dir, _ := split(name)
	st, ok, err := p.exists(dir)
	if err != nil || ok && st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return err
	}
	if ok {
		return p.failed("go into", dir, unix.ENOTDIR)
	}
	if err := p.makeAbove(dir); err != nil {
		return err
	}
	return p.failed("make", dir, p.within(dir, func(at int, base string) error { return unix.Mkdirat(at, base, 0o755) }))
}

// stat returns what is at a path, itself.
func (p place) stat(name string) (st unix.Stat_t, err error) {
	if name == "" {
		return st, unix.Fstat(p.fd, &st)
	}
	err = p.within(name, func(dir int, base string) error { return unix.Fstatat(dir, base, &st, unix.AT_SYMLINK_NOFOLLOW) })
	return st, err
}

// isApart reports whether nothing can be renamed from one place to another: they are on two file systems, or two mounts of one.
func (p place) isApart(other place) (bool, error) {
	var at [2]unix.Statx_t
	for i, fd := range []int{p.fd, other.fd} {
		if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &at[i]); err != nil {
			return false, p.failed("stat", "", err)
		}
	}
	return at[0].Mnt_id != at[1].Mnt_id || at[0].Dev_major != at[1].Dev_major || at[0].Dev_minor != at[1].Dev_minor, nil
}

// exists is stat, where that something is missing is no error.
func (p place) exists(name string) (st unix.Stat_t, ok bool, err error) {
	st, err = p.stat(name)
	if errors.Is(err, fs.ErrNotExist) || err == unix.ENOTDIR || err == unix.ELOOP {
		return st, false, nil
	}
	return st, err == nil, p.failed("stat", name, err)
}

// Holds reports whether something is in a folder, reached through no link.
func Holds(folder, name string) bool {
	p, err := openPlace(folder)
	if err != nil {
		return false
	}
	defer p.close()
	_, ok, err := p.exists(name)
	return ok && err == nil
}

// found is one name in a folder.
type found struct {
	name string
	st   unix.Stat_t
}

func (f found) kind() uint32 { return f.st.Mode & unix.S_IFMT }

// list returns what is in a folder, by name.
func (p place) list(name string) ([]found, error) {
	fd, err := p.open(name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, p.failed("open", name, err)
	}
	dir := os.NewFile(uintptr(fd), path.Join(p.named, name))
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	all := make([]found, 0, len(names))
	for _, n := range names {
		f := found{name: n}
		if err := unix.Fstatat(fd, n, &f.st, unix.AT_SYMLINK_NOFOLLOW); err == unix.ENOENT {
			continue
		} else if err != nil {
			return nil, p.failed("stat", join(name, n), err)
		}
		all = append(all, f)
	}
	return all, nil
}

// entries returns what is in a folder, in no order, without a look at each.
func (p place) entries(name string) ([]fs.DirEntry, error) {
	fd, err := p.open(name, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, p.failed("open", name, err)
	}
	dir := os.NewFile(uintptr(fd), procPath(fd)) // below it Go asks for a type that the file system does not say
	defer dir.Close()
	all, err := dir.ReadDir(-1)
	return all, p.failed("read", name, err)
}

// target returns where a symbolic link leads.
func (p place) target(name string) (to string, err error) {
	err = p.within(name, func(dir int, base string) error {
		buffer := make([]byte, unix.PathMax)
		n, err := unix.Readlinkat(dir, base, buffer)
		to = string(buffer[:max(n, 0)])
		return err
	})
	return to, p.failed("readlink", name, err)
}

// read opens a regular file, and nothing else: a FIFO in its place is not waited for.
func (p place) read(name string) (*os.File, error) {
	fd, err := p.open(name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return nil, p.failed("open", name, err)
	}
	var st unix.Stat_t
	if err = unix.Fstat(fd, &st); err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		err = unix.EINVAL
	}
	if err != nil {
		unix.Close(fd)
		return nil, p.failed("open", name, err)
	}
	return os.NewFile(uintptr(fd), path.Join(p.named, name)), nil
}

// handle returns what the kernel calls a file: its type and bytes are the same to anybody, and no other file's.
func (p place) handle(name string) ([]byte, error) {
	if name == "" {
		return handleAt(p.fd, "", unix.AT_EMPTY_PATH)
	}
	var all []byte
	err := p.within(name, func(dir int, base string) (err error) {
		all, err = handleAt(dir, base, 0)
		return err
	})
	return all, err
}

func handleAt(dir int, base string, flags int) ([]byte, error) {
	h, _, err := unix.NameToHandleAt(dir, base, flags)
	if err != nil {
		return nil, err
	}
	return append([]byte{byte(h.Type())}, h.Bytes()...), nil
}

// procPath names an open file for calls that take no descriptor.
func procPath(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }
