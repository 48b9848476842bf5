// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"bytes"
	"context"
	"fmt"

	"github.com/a4u2/au/internal/walk"
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

// Update loads the file at path, lets change change what it says, and replaces it; concurrent updates come one after the other. At
// every moment, also when this process is killed, the file is the old or the new one as a whole. A broken file, or an error from
// change, leaves it as it is. A missing file and its folder are made, for their owner alone; an existing file keeps its mode and
// owner, a symlink stays and its target is replaced. The lock is a file of its own beside it, PATH.lock, and stays. It refuses a
// file that somebody whom by does not trust could have put there.
func Update(ctx context.Context, path string, by walk.Trust, opts UpdateOptions, change func(*Config) error) error {
	own, err := FindOwn(path, by)
	if err == nil {
		defer own.Close()
		err = own.MakeFolders()
	}
	if err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	lock, err := own.takeLock(ctx, opts.Waiting)
	if err != nil {
		return fmt.Errorf("lock the configuration: %w", err)
	}
	defer lock.Close()
	return updateLocked(path, own, opts, change)
}

func updateLocked(path string, own *Own, opts UpdateOptions, change func(*Config) error) error {
	if err := own.again(); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	config, text, err := load(path, own)
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
		opts.Announce(own.Path, edited)
	}
	if err := own.Replace(edited); err != nil {
		return fmt.Errorf("save the configuration: %w", err)
	}
	return nil
}
