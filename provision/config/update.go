// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// UpdateOptions are what an update tells its caller; each may be nil.
type UpdateOptions struct {
	// Waiting is called every 100 ms while another process holds the lock,
	// and never otherwise.
	Waiting func()
	// Announce is called just before the file at path (symlinks resolved)
	// becomes text, and not when nothing changes.
	Announce func(path string, text []byte)
}

// Update loads the file at path, lets change change what it says, and
// replaces it; concurrent updates come one after the other. At every moment,
// also when this process is killed, the file is the old or the new one as a
// whole. A broken file, or an error from change, leaves it as it is. A
// missing file and its folder are made, for their owner alone; an existing
// file keeps its mode and owner, a symlink stays and its target is replaced.
// The lock is a file of its own beside it, PATH.lock, and stays.
func Update(ctx context.Context, path string, opts UpdateOptions, change func(*Config) error) error {
	real, err := resolve(path)
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(real), 0o700); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	lock, err := takeLock(ctx, real+".lock", opts.Waiting)
	if err != nil {
		return fmt.Errorf("lock the configuration: %w", err)
	}
	defer lock.Close()
	return updateLocked(path, real, opts, change)
}

func updateLocked(path, real string, opts UpdateOptions, change func(*Config) error) error {
	text, err := read(real)
	if err != nil {
		return err
	}
	config, err := Parse(path, text)
	if err != nil {
		return err
	}
	if err := change(config); err != nil {
		return err
	}
	edited, err := edit(path, text, config)
	if err != nil || bytes.Equal(text, edited) {
		return err
	}
	if opts.Announce != nil {
		opts.Announce(real, edited)
	}
	if err := replaceFile(real, edited); err != nil {
		return fmt.Errorf("save the configuration: %w", err)
	}
	return nil
}

// resolve returns the absolute path of the file that path leads to, which
// need not exist yet.
func resolve(path string) (string, error) {
	path, err := filepath.Abs(path)
	for range 40 { // as many links as the kernel follows
		if err == nil {
			path, err = resolveFolder(path)
		}
		if err != nil {
			return "", err
		}
		target, err := os.Readlink(path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EINVAL) {
			return path, nil
		}
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	return "", &fs.PathError{Op: "open", Path: path, Err: syscall.ELOOP}
}

// resolveFolder resolves links among the folders above path, if these exist.
func resolveFolder(path string) (string, error) {
	folder, err := filepath.EvalSymlinks(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return path, nil
	}
	return filepath.Join(folder, filepath.Base(path)), err
}

// takeLock returns once no other process holds the lock, which ends when the
// file returned is closed.
func takeLock(ctx context.Context, path string, waiting func()) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
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
			return nil, &fs.PathError{Op: "flock", Path: path, Err: err}
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

// replaceFile makes text the content of the file at path, under the lock. It
// is on the disk when replaceFile returns.
func replaceFile(path string, text []byte) (err error) {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer folder.Close()
	// One fixed name, so that what a killed process left is used up by the
	// next; the lock keeps it from being anybody else's.
	temporary := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeFile(temporary, path, text); err != nil {
		os.Remove(temporary)
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		os.Remove(temporary)
		return err
	}
	// Some file systems cannot sync a folder; the rename holds all the same.
	if err := folder.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}

// writeFile makes a new file with the mode and owner of the one at model, or
// 0600 where there is none.
func writeFile(path, model string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := copyOwnerAndMode(f, model); err != nil {
		return err
	}
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return f.Close()
}

func copyOwnerAndMode(f *os.File, model string) error {
	var old, now unix.Stat_t
	err := unix.Stat(model, &old)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &fs.PathError{Op: "stat", Path: model, Err: err}
	}
	if err := unix.Fstat(int(f.Fd()), &now); err != nil {
		return err
	}
	if old.Uid != now.Uid || old.Gid != now.Gid {
		if err := f.Chown(int(old.Uid), int(old.Gid)); err != nil {
			return err
		}
	}
	return f.Chmod(fs.FileMode(old.Mode & 0o777))
}
