// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/a4u2/au/internal/quote"
	"golang.org/x/sys/unix"
)

// Busy is a draft that a run, or another command, has.
type Busy struct{ Name, Agent, Folder string }

func (b *Busy) Error() string {
	return fmt.Sprintf("draft %q of %s is in use, by a run or by another command", b.Name, quote.Name(b.Folder))
}

// Hint is how the run that has it ends.
func (b *Busy) Hint() string { return "au stop --agent " + b.Agent }

// StillOpen is a draft whose overlay outlives its runs: one of them has passed an open file of it to another run of the agent, or
// to somebody else. The draft can change until that file is closed.
type StillOpen struct{ Name, Agent, Folder string }

func (o *StillOpen) Error() string {
	return fmt.Sprintf("draft %q of %s is still open: a run of it passed a file to another run of agent %q", o.Name, quote.Name(o.Folder), o.Agent)
}

// Hint is how what has it open ends.
func (o *StillOpen) Hint() string { return "au stop --agent " + o.Agent }

// Another is how another run has a draft of its own.
func (b *Busy) Another() string {
	return "au run --agent " + b.Agent + " --draft " + quote.Word(b.Folder) + " --as NAME …"
}

// Lock takes a draft for the caller alone, until unlock is called. It closes again what a killed command had opened up.
func (d *Draft) Lock() (unlock func(), err error) {
	fd, err := d.state.lock()
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = &Busy{d.Name, d.Agent, string(d.Folder)}
	}
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Nlink == 0 {
		unix.Close(fd)
		return nil, &None{string(d.Folder)} // it was dropped meanwhile
	}
	if err := d.closeOpened(); err != nil {
		unix.Close(fd)
		return nil, err
	}
	d.locked = true
	return func() {
		d.locked = false
		_ = unix.Flock(fd, unix.LOCK_UN) // a program that has just been started may have the lock open for a moment longer
		unix.Close(fd)
	}, nil
}

// Hold is Lock, for whoever is to rely on what the draft holds: nobody can change that until unlock is called. An agent that is no
// more has nothing open, and where all was kept there is no upper folder that could be.
func (d *Draft) Hold() (unlock func(), err error) {
	unlock, err = d.Lock()
	if err != nil {
		return nil, err
	}
	_, has, err := d.state.exists("upper")
	if err == nil && has {
		err = d.isClosed()
	}
	if err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// isClosed fails where the draft is still open.
func (d *Draft) isClosed() error {
	if _, err := d.marksOf(func(io.Writer) error { return nil }); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// lock takes the lock of a state.
func (p place) lock() (int, error) {
	fd, err := unix.Openat(p.fd, "lock", unix.O_RDWR|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return -1, p.failed("open", "lock", err)
	}
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		unix.Close(fd)
		return -1, p.failed("lock", "lock", err)
	}
	return fd, nil
}
