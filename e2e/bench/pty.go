// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A ptyPair is a terminal as a window has it: what is typed and shown is the master's.
type ptyPair struct {
	master  int
	slave   *os.File
	drained chan struct{} // nil: nobody reads
}

func openTerminal() (*ptyPair, error) {
	master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open a terminal: %w", err)
	}
	number, err := unix.IoctlGetUint32(master, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0)
	}
	var slave int
	if err == nil {
		slave, err = unix.Open(fmt.Sprintf("/dev/pts/%d", number), unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	}
	if err == nil {
		err = errors.Join(
			unix.IoctlSetWinsize(master, unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: 120}),
			unix.Fchmod(slave, 0o666)) // a login gives it to the human; here it is anybody's
	}
	if err != nil {
		unix.Close(master)
		return nil, fmt.Errorf("open a terminal: %w", err)
	}
	return &ptyPair{master: master, slave: os.NewFile(uintptr(slave), "slave")}, nil
}

// close closes both ends. The master's number is not free before its reader has seen the end, or that would read from the next terminal;
// where something keeps the other end open, the master stays open as well.
func (t *ptyPair) close() {
	t.slave.Close()
	if t.drained != nil {
		select {
		case <-t.drained:
		case <-time.After(time.Second):
			return
		}
	}
	unix.Close(t.master)
}

// drain reads what is shown, beside what follows, until the terminal is gone.
func (t *ptyPair) drain() {
	t.drained = make(chan struct{})
	go func() {
		defer close(t.drained)
		buffer := make([]byte, 1<<16)
		for {
			if n, err := unix.Read(t.master, buffer); err != unix.EINTR && (err != nil || n <= 0) {
				return
			}
		}
	}()
}

// start starts the command on the terminal.
func (t *ptyPair) start(c command) (pid int, err error) {
	path, err := c.program()
	if err != nil {
		return 0, err
	}
	c.pty = true
	fd := t.slave.Fd()
	return syscall.ForkExec(path, c.argv, c.attr([3]uintptr{fd, fd, fd}))
}

// readTimeout reads what is shown within a time.
func (t *ptyPair) readTimeout(buffer []byte, limit time.Duration) (int, error) {
	ready, err := unix.Poll([]unix.PollFd{{Fd: int32(t.master), Events: unix.POLLIN}}, int(limit.Milliseconds()))
	for err == unix.EINTR {
		ready, err = unix.Poll([]unix.PollFd{{Fd: int32(t.master), Events: unix.POLLIN}}, int(limit.Milliseconds()))
	}
	if err != nil {
		return 0, err
	}
	if ready == 0 {
		return 0, fmt.Errorf("nothing was shown within %v", limit)
	}
	return unix.Read(t.master, buffer)
}

// echoKeys is the program at the other end: it shows each key at once, and ends with q.
func echoKeys() error {
	settings, err := unix.IoctlGetTermios(0, unix.TCGETS)
	if err != nil {
		return err
	}
	settings.Lflag &^= unix.ICANON | unix.ECHO
	settings.Oflag &^= unix.OPOST
	if err := unix.IoctlSetTermios(0, unix.TCSETS, settings); err != nil {
		return err
	}
	key := []byte{'R'}
	for {
		if _, err := unix.Write(1, key); err != nil {
			return err
		}
		n, err := unix.Read(0, key)
		if err == unix.EINTR {
			n, err = unix.Read(0, key)
		}
		if err != nil || n == 0 || key[0] == 'q' {
			return err
		}
	}
}
