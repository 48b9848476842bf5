// SPDX-License-Identifier: GPL-3.0-or-later

// Package whole writes files whole.
package whole

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// As is what a file gets beside its text. A UID or GID of -1 is the process's own.
type As struct {
	Mode     fs.FileMode // whatever the umask is
	UID, GID int
}

// Write makes name in an open folder hold text. At every moment the file is the old one or the new one as a whole, and the new one
// is on the disk when Write returns. Where it fails the file is as it was, and nothing is beside it. A symbolic link of that name
// is replaced, and not followed. Those who can write in the folder decide what is in it: the caller has to know that nobody else
// can.
func Write(folder int, name string, text []byte, as As) error {
	// One fixed name, so that what a killed process left is used up by the next.
	temporary := name + ".new"
	err := unix.Unlinkat(folder, temporary, 0)
	if err == nil || err == unix.ENOENT {
		err = write(folder, temporary, text, as)
	}
	if err == nil {
		err = unix.Renameat(folder, temporary, folder, name)
	}
	if err != nil {
		unix.Unlinkat(folder, temporary, 0)
		return err
	}
	// Some file systems cannot sync a folder; the rename holds all the same.
	if err := unix.Fsync(folder); err != nil && err != unix.EINVAL {
		return err
	}
	return nil
}

// At is Write by a path, for a folder above which nobody can swap anything but whoever runs this.
func At(path string, text []byte, as As) error {
	folder, err := unix.Open(filepath.Dir(path), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == nil {
		defer unix.Close(folder)
		err = Write(folder, filepath.Base(path), text, as)
	}
	if err != nil {
		return &fs.PathError{Op: "write", Path: path, Err: err}
	}
	return nil
}

// write makes a new file, which is on the disk when it returns.
func write(folder int, name string, text []byte, as As) error {
	fd, err := unix.Openat(folder, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), name)
	if err = own(f, as); err == nil {
		err = f.Chmod(as.Mode)
	}
	if err == nil {
		_, err = f.Write(text)
	}
	if err == nil {
		err = f.Sync()
	}
	return cause(errors.Join(err, f.Close()))
}

// own gives a new file its owner and group, where it has others: some file systems let nobody change them.
func own(f *os.File, as As) error {
	var now unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &now); err != nil {
		return err
	}
	if (as.UID < 0 || as.UID == int(now.Uid)) && (as.GID < 0 || as.GID == int(now.Gid)) {
		return nil
	}
	return f.Chown(as.UID, as.GID)
}

// cause returns what went wrong, without the name that the file had for a moment.
func cause(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
