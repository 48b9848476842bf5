// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"context"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// takeLock returns once no other process holds the lock, which ends when the
// file returned is closed.
func (o *Own) takeLock(ctx context.Context, waiting func()) (*os.File, error) {
	f, err := o.openLock()
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if err != unix.EWOULDBLOCK && err != unix.EINTR {
			f.Close()
			return nil, &fs.PathError{Op: "flock", Path: f.Name(), Err: err}
		}
		if waiting != nil {
			waiting()
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// openLock opens the file's lock: a file of its own beside it, which stays.
func (o *Own) openLock() (*os.File, error) {
	fd, err := o.open(o.name+".lock", unix.O_RDWR|unix.O_CREAT, 0o600)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), o.Path+".lock"), nil
}
