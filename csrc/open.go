// SPDX-License-Identifier: GPL-3.0-or-later

package csrc

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"
	"unsafe"

	"github.com/a4u2/au/internal/walk"
	"golang.org/x/sys/unix"
)

// Open opens the entrypoint at an absolute path so that only root can have chosen what is opened: each folder, symbolic link and
// the file itself is root's and not writable by anybody else. The file is set-uid, on a file system that honours that. Exec runs
// this very file afterwards.
func Open(name string) (*os.File, error) {
	f, err := open("/", name, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	return f, nil
}

// open is Open for a machine whose root folder is at root, and whose root is owner.
func open(root, name string, owner uint32) (*os.File, error) {
	place, err := walk.To(root, name, walk.Trust{Owners: []uint32{owner}}.Judge)
	if err != nil {
		return nil, err
	}
	defer place.Close()
	switch {
	case len(place.Missing) > 0:
		return nil, fs.ErrNotExist
	case place.File < 0:
		return nil, errors.New("want a file, not a folder")
	}
	if err := checkFile(place); err != nil {
		return nil, err
	}
	return reopen(place.File, place.Path)
}

// CheckWay refuses a machine if somebody else than root could change the file that Open opens at an absolute path, or the files
// that the entrypoint reads in PolicyDir, through no symbolic link. Its root folder is at root, and its root is owner. A missing
// file is no fault.
func CheckWay(root, name string, owner uint32) error {
	trust := walk.Trust{Owners: []uint32{owner}}
	plain := func(s walk.Step) error {
		if s.Kind() == unix.S_IFLNK {
			return &walk.Distrust{Path: s.Path, Why: "a symbolic link, and the policies are read through none: want the folder itself there"}
		}
		return trust.Judge(s)
	}
	for _, way := range []struct {
		name  string
		judge func(walk.Step) error
	}{{path.Dir(name), trust.Judge}, {PolicyDir, plain}} {
		place, err := walk.To(cmp.Or(root, "/"), way.name, way.judge)
		if err != nil {
			return err
		}
		place.Close()
	}
	return nil
}

func checkFile(p *walk.Place) error {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(p.File, &fs); err != nil {
		return err
	}
	switch {
	case p.Stat.Mode&unix.S_IFMT != unix.S_IFREG:
		return fmt.Errorf("%s: want a regular file", p.Path)
	case p.Stat.Mode&unix.S_ISUID == 0:
		return fmt.Errorf("%s: want a set-uid file, got mode %04o", p.Path, p.Stat.Mode&0o7777)
	case fs.Flags&unix.ST_NOSUID != 0:
		return fmt.Errorf("%s: on a file system mounted nosuid, where set-uid does nothing", p.Path)
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

// Exec replaces the process by the file that f holds open, whatever is at its path by now. It returns only on failure.
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

// Stamp returns what changes whenever f's contents, mode, owner or ACL do, and cannot be set back but with the machine's clock:
// inode number, size in bytes and time of the last status change (stat(2), st_ctim). Where it is as it was when the fingerprint was
// taken, so is the fingerprint.
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
