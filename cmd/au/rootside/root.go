// SPDX-License-Identifier: GPL-3.0-or-later

// Package rootside is what au does as root: limits in the agent's slice, the rules of its network, and plans that other commands
// have made. This package trusts root's files, the accounts, and the input from somebody who may be root. It trusts nothing of its
// caller's environment.
package rootside

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/internal/programs"
	"golang.org/x/sys/unix"
)

// Root is a root process. There is one way to become one: Enter.
type Root struct {
	host     *host.Host
	out, err io.Writer
}

// Enter lets root in; everybody else gets the refusal.
func Enter(h *host.Host, out, errw io.Writer, refusal error) (*Root, error) {
	if h.UID() != 0 || h.EffectiveUID() != 0 {
		return nil, refusal
	}
	return &Root{host: h, out: out, err: errw}, nil
}

// lock waits until no other process of root's changes rules or slices, and returns what lets others go on: the watcher sees a new
// policy when the human's command does.
func (r *Root) lock() (unlock func(), err error) {
	f, err := openLock(r.host.Root + "/run/au.lock")
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		f.Close()
		return nil, err
	}
	return func() { f.Close() }, nil
}

// openLock opens a file to lock: in /run and closed to all but root, for anyone who can open a file can hold a lock on it.
func openLock(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
}

// alone runs change under the lock.
func (r *Root) alone(change func() error) error {
	unlock, err := r.lock()
	if err != nil {
		return err
	}
	defer unlock()
	return change()
}

// feed runs a command with text on its standard input, and returns what it printed.
func (r *Root) feed(text string, argv ...string) (string, error) {
	cmd := programs.Command(argv...)
	var said, out strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(text), &out, &said
	cmd.WaitDelay = programs.HeldTime
	if err := programs.Ended(r.host.Execute(cmd)); err != nil {
		return "", fmt.Errorf("run %q: %w: %s", strings.Join(argv, " "), err, strings.TrimSpace(said.String()))
	}
	return out.String(), nil
}
