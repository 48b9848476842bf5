// SPDX-License-Identifier: GPL-3.0-or-later

package step

import (
	"errors"
	"strconv"

	"golang.org/x/sys/unix"
)

// aclPath is a name for an open file that xattr calls take: they refuse an O_PATH descriptor itself.
func aclPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// ReadXattr returns an attribute of an open file; nil where it has none.
func ReadXattr(fd int, name string) ([]byte, error) {
	var buffer [4096]byte
	n, err := unix.Getxattr(aclPath(fd), name, buffer[:])
	if errors.Is(err, unix.ENODATA) {
		return nil, nil
	}
	if errors.Is(err, unix.ERANGE) {
		long := make([]byte, 65536)
		if n, err = unix.Getxattr(aclPath(fd), name, long); err == nil {
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
		return unix.Setxattr(aclPath(fd), name, value, 0)
	}
	if err := unix.Removexattr(aclPath(fd), name); !errors.Is(err, unix.ENODATA) {
		return err
	}
	return nil
}
