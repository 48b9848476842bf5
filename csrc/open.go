// SPDX-License-Identifier: GPL-3.0-or-later

package csrc

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const maxLinks = 40

// Open opens the entrypoint at an absolute path so that only root can have chosen what is opened: it walks by fd from
// the root folder, and each folder, symbolic link and the file itself is root's and not writable by anybody else.
// The file is set-uid, on a file system that honours that. What is run afterwards through Exec is this very file.
func Open(name string) (*os.File, error) {
	f, err := open("/", name, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	return f, nil
}

// open is Open for a machine whose root folder is at root, and whose root is owner.
func open(root, name string, owner uint32) (*os.File, error) {
	if !path.IsAbs(name) {
		return nil, errors.New("want an absolute path")
	}
	folder, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	w := walk{root: root, folder: folder, at: "/", rest: parts(name), owner: owner}
	defer func() { unix.Close(w.folder) }()
	for len(w.rest) > 0 {
		file, err := w.step()
		if err != nil || file != nil {
			return file, err
		}
	}
	return nil, errors.New("want a file, not a folder")
}

func parts(name string) []string {
	return strings.FieldsFunc(name, func(r rune) bool { return r == '/' })
}

// walk is how far Open has come: folder is the fd of at, and rest has still to be entered.
type walk struct {
	root   string
	folder int
	at     string
	rest   []string
	links  int
	owner  uint32
}

// step enters the next component; it returns the file when that was the last one.
func (w *walk) step() (*os.File, error) {
	if err := w.check(w.folder, w.at); err != nil {
		return nil, err
	}
	name := w.rest[0]
	fd, err := unix.Openat(w.folder, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	w.rest = w.rest[1:]
	at := path.Join(w.at, name)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return nil, err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFLNK:
		defer unix.Close(fd)
		return nil, w.follow(fd, at, st)
	case unix.S_IFDIR:
		unix.Close(w.folder)
		w.folder, w.at = fd, at
		return nil, nil
	}
	defer unix.Close(fd)
	if len(w.rest) > 0 {
		return nil, fmt.Errorf("%s: %w", at, unix.ENOTDIR)
	}
	if err := w.checkFile(fd, at, st); err != nil {
		return nil, err
	}
	return reopen(fd, at)
}

// follow puts the link's target before the rest of the way. A link of root's in a folder of root's is as good as a folder.
func (w *walk) follow(fd int, at string, st unix.Stat_t) error {
	if w.links++; w.links > maxLinks {
		return fmt.Errorf("%s: %w", at, unix.ELOOP)
	}
	if st.Uid != w.owner {
		return fmt.Errorf("%s: a symbolic link that is not root's", at)
	}
	buffer := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, "", buffer)
	if err != nil {
		return err
	}
	target := string(buffer[:n])
	w.rest = append(parts(target), w.rest...)
	if !path.IsAbs(target) {
		return nil
	}
	top, err := unix.Open(w.root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	unix.Close(w.folder)
	w.folder, w.at = top, "/"
	return nil
}

func (w *walk) check(fd int, at string) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Uid != w.owner {
		return fmt.Errorf("%s: want root as its owner, got uid %d", at, st.Uid)
	}
	if st.Mode&0o022 != 0 {
		return fmt.Errorf("%s: want a folder that only root can write, got mode %04o", at, st.Mode&0o7777)
	}
	return nil
}

func (w *walk) checkFile(fd int, at string, st unix.Stat_t) error {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return err
	}
	mode := fmt.Sprintf("%04o", st.Mode&0o7777)
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		return fmt.Errorf("%s: want a regular file", at)
	case st.Uid != w.owner:
		return fmt.Errorf("%s: want root as its owner, got uid %d", at, st.Uid)
	case st.Mode&0o022 != 0:
		return fmt.Errorf("%s: want a file that only root can write, got mode %s", at, mode)
	case st.Mode&unix.S_ISUID == 0:
		return fmt.Errorf("%s: want a set-uid file, got mode %s", at, mode)
	case fs.Flags&unix.ST_NOSUID != 0:
		return fmt.Errorf("%s: on a file system mounted nosuid, where set-uid does nothing", at)
	}
	return nil
}

// reopen returns the file for reading where that is permitted, as its fingerprint needs, else for running alone.
func reopen(fd int, at string) (*os.File, error) {
	proc := fmt.Sprintf("/proc/self/fd/%d", fd)
	readable, err := unix.Open(proc, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err == nil {
		return os.NewFile(uintptr(readable), at), nil
	}
	again, err := unix.Dup(fd)
	if err != nil {
		return nil, err
	}
	unix.CloseOnExec(again)
	return os.NewFile(uintptr(again), at), nil
}

// Exec replaces the process by the file that f holds open, whatever stands at its path by now. It returns only on failure.
func Exec(f *os.File, argv, env []string) error {
	arguments, err := syscall.SlicePtrFromStrings(argv)
	if err != nil {
		return fmt.Errorf("run %s: an argument holds a NUL byte", f.Name())
	}
	variables, err := syscall.SlicePtrFromStrings(env)
	if err != nil {
		return fmt.Errorf("run %s: a variable holds a NUL byte", f.Name())
	}
	empty, _ := syscall.BytePtrFromString("")
	_, _, errno := unix.Syscall6(unix.SYS_EXECVEAT, f.Fd(), uintptr(unsafe.Pointer(empty)),
		uintptr(unsafe.Pointer(&arguments[0])), uintptr(unsafe.Pointer(&variables[0])), unix.AT_EMPTY_PATH, 0)
	return fmt.Errorf("run %s: %w", f.Name(), errno)
}

// Stamp returns what changes whenever f's contents, mode, owner or ACL do, and cannot be set back but with the machine's clock: inode number,
// size in bytes and time of the last status change (stat(2), st_ctim). Where it is as it was when the fingerprint was taken, so is the fingerprint.
func Stamp(f *os.File) (string, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return "", fmt.Errorf("stamp %s: %w", f.Name(), err)
	}
	return fmt.Sprintf("%d %d %d.%09d", st.Ino, st.Size, st.Ctim.Sec, st.Ctim.Nsec), nil
}

// Fingerprint returns the SHA-256 of what f holds, in hex, and leaves f's offset alone.
func Fingerprint(f *os.File) (string, error) {
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, info.Size())); err != nil {
		return "", fmt.Errorf("fingerprint: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
