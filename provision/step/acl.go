// SPDX-License-Identifier: GPL-3.0-or-later

package step

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"
)

// OpenForACL opens a file in a folder so that its ACL can be read and changed, whatever its mode; no link is followed, and nothing
// waits for a FIFO.
func OpenForACL(dir int, name string) (int, error) {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.EACCES) {
		fd, err = unix.Openat(dir, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	}
	return fd, err
}

// procPath is a name for a file that is open with O_PATH alone, for calls that refuse its descriptor. It costs several times as
// much.
func procPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// ReadXattr returns an attribute of an open file; nil where it has none.
func ReadXattr(fd int, name string) ([]byte, error) {
	var buffer [4096]byte
	n, err := unix.Fgetxattr(fd, name, buffer[:])
	if errors.Is(err, unix.EBADF) {
		n, err = unix.Getxattr(procPath(fd), name, buffer[:])
	}
	if errors.Is(err, unix.ENODATA) {
		return nil, nil
	}
	if errors.Is(err, unix.ERANGE) {
		long := make([]byte, 65536)
		if n, err = unix.Getxattr(procPath(fd), name, long); err == nil {
			return long[:n], nil
		}
	}
	if err != nil {
		return nil, err
	}
	return buffer[:n:n], nil
}

// WriteXattr gives an open file an attribute, or, without a value, takes it away.
func WriteXattr(fd int, name string, value []byte) error {
	if value != nil {
		err := unix.Fsetxattr(fd, name, value, 0)
		if errors.Is(err, unix.EBADF) {
			err = unix.Setxattr(procPath(fd), name, value, 0)
		}
		return err
	}
	err := unix.Fremovexattr(fd, name)
	if errors.Is(err, unix.EBADF) {
		err = unix.Removexattr(procPath(fd), name)
	}
	if errors.Is(err, unix.ENODATA) {
		return nil
	}
	return err
}

// DropSetGID takes an open folder's set-gid bit away.
func DropSetGID(fd int) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	return unix.Chmod(procPath(fd), st.Mode&0o7777&^unix.S_ISGID)
}
