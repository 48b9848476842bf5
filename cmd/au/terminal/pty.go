// SPDX-License-Identifier: GPL-3.0-or-later

//go:build linux

package terminal

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// A run is a program on a terminal of its own. All fields but the atomic
// ones belong to the goroutine of Run.
type run struct {
	keys   int // where the human types, -1 for nowhere
	screen int // where output goes, -1 for nowhere
	opened int // the one of them that is ours to close, or -1
	master int // of the run's terminal; does not block
	slave  int // kept open, so that no EIO comes before the end

	pid   int
	pidfd int

	front  bool // the command is in the foreground of its terminal
	shared bool // others in a pipeline may write to the human's terminal

	mutex sync.Mutex    // of saved and raw, which a panic anywhere looks at
	saved *unix.Termios // the human's settings while theirs are raw
	raw   unix.Termios

	reading    atomic.Bool   // keys are read and passed on
	killed     atomic.Bool   // the command ended by a signal
	wakeKeys   int           // eventfd: look at reading again
	wakeScreen int           // eventfd: answer on drained when all output is written
	drained    chan struct{} //
	hungUp     chan struct{} // closed when the human's terminal is gone
	hangUp     func()        // closes it

	signals   chan os.Signal
	continued chan os.Signal
	changed   chan os.Signal // the program stopped or ended

	hurry func() // gives Go's scheduler all processors back

	typed, written []byte // buffers; on a stack all of them would be touched at once
}

// open makes a terminal that has the size and settings of the human's terminal.
func open() (r *run, slave int, err error) {
	r = &run{keys: -1, screen: -1, opened: -1, master: -1, slave: -1, pidfd: -1, wakeKeys: -1, wakeScreen: -1}
	r.drained = make(chan struct{}, 1)
	r.hungUp = make(chan struct{})
	r.hangUp = sync.OnceFunc(func() { close(r.hungUp) })
	r.typed, r.written = make([]byte, typedSize), make([]byte, writtenSize)
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	r.findHuman()
	if r.master, r.slave, err = openPTY(); err != nil {
		return nil, -1, err
	}
	for _, wake := range []*int{&r.wakeKeys, &r.wakeScreen} {
		if *wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
			return nil, -1, os.NewSyscallError("eventfd", err)
		}
	}
	return r, r.slave, r.dress()
}

// findHuman finds out which of 0, 1 and 2 are the human's terminal, and what
// may be done with it from the start.
func (r *run) findHuman() {
	pipeline := false
	for _, fd := range []int{2, 1, 0} {
		if !isTerminal(fd) {
			r.shared = true
			pipeline = pipeline || isPipe(fd)
			continue
		}
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		if err != nil {
			continue
		}
		if flags&unix.O_ACCMODE != unix.O_WRONLY {
			r.keys = fd
		}
		if flags&unix.O_ACCMODE != unix.O_RDONLY && (fd != 0 || r.screen < 0) {
			r.screen = fd
		}
	}
	if r.keys < 0 || r.screen < 0 {
		r.openHuman()
	}
	r.front = !pipeline && r.keys >= 0 && r.foreground()
}

// openHuman opens the human's terminal where what we were given cannot be
// read, or cannot be written.
func (r *run) openHuman() {
	fd, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	r.opened = fd
	if r.keys < 0 {
		r.keys = fd
	}
	if r.screen < 0 {
		r.screen = fd
	}
}

func openPTY() (master, slave int, err error) {
	master, err = unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return -1, -1, &os.PathError{Op: "open", Path: "/dev/ptmx", Err: err}
	}
	if err := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
		unix.Close(master)
		return -1, -1, os.NewSyscallError("unlock", err)
	}
	// Not by its path, on which anything may be mounted.
	fd, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		unix.Close(master)
		return -1, -1, os.NewSyscallError("open the other end", errno)
	}
	return master, int(fd), nil
}

// dress gives the new terminal the size and settings of the human's terminal.
func (r *run) dress() error {
	r.resize()
	human, err := unix.IoctlGetTermios(r.anyTerminal(), unix.TCGETS)
	if err != nil {
		return os.NewSyscallError("read the terminal's settings", err)
	}
	own, err := unix.IoctlGetTermios(r.master, unix.TCGETS)
	if err != nil {
		return os.NewSyscallError("read the new terminal's settings", err)
	}
	if r.front {
		*own = *human
	} else {
		// Somebody else is using it, raw perhaps. The keys are the same.
		own.Cc = human.Cc
		own.Cc[unix.VMIN], own.Cc[unix.VTIME] = 1, 0
		own.Iflag |= human.Iflag & unix.IUTF8
	}
	if r.shared {
		own.Oflag &^= unix.OPOST // newlines are completed on the human's
	}
	if err := unix.IoctlSetTermios(r.master, unix.TCSETS, own); err != nil {
		return os.NewSyscallError("set up the new terminal", err)
	}
	return nil
}

// anyTerminal returns one of 0, 1 and 2 that is a terminal.
func (r *run) anyTerminal() int {
	if r.keys >= 0 {
		return r.keys
	}
	return r.screen
}

// resize gives the run's terminal the size of the human's terminal. The kernel tells
// the command when that is another one.
func (r *run) resize() {
	if size, err := unix.IoctlGetWinsize(r.anyTerminal(), unix.TIOCGWINSZ); err == nil {
		unix.IoctlSetWinsize(r.master, unix.TIOCSWINSZ, size)
	}
}

func (r *run) foreground() bool { return foreground(r.anyTerminal()) }

func (r *run) lost() bool { return lost(r.anyTerminal()) }

// foreground reports whether the human's terminal is this process's to use.
// It is when it is not the one that controls our session: nobody else's
// shell puts us in its background then.
func foreground(terminal int) bool {
	group, err := unix.IoctlGetInt(terminal, unix.TIOCGPGRP)
	return errors.Is(err, unix.ENOTTY) || err == nil && group == unix.Getpgrp()
}

// lost reports whether the human's terminal has been hung up.
func lost(terminal int) bool {
	_, err := unix.IoctlGetInt(terminal, unix.TIOCGPGRP)
	return err == unix.EIO
}

// takeTerminal makes the human's terminal raw, gives ours its size, and has
// keys passed on. Taking it again mends what the shell changed meanwhile.
func (r *run) takeTerminal() {
	if r.claimTerminal() {
		r.passKeysOn()
	}
}

// claimTerminal is takeTerminal but for the keys.
func (r *run) claimTerminal() bool {
	if r.keys < 0 {
		return false
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	now, err := unix.IoctlGetTermios(r.keys, unix.TCGETS)
	if err != nil {
		return false
	}
	if r.saved == nil || *now != r.raw {
		r.saved = now
		r.raw = rawSettings(*now, r.shared)
		// In the background, when somebody was faster than us, this stops
		// us as it stops everybody, and is done when we are continued.
		unix.IoctlSetTermios(r.keys, unix.TCSETS, &r.raw)
	}
	r.resize()
	return true
}

func (r *run) passKeysOn() {
	r.reading.Store(true)
	wake(r.wakeKeys)
}

// rawSettings returns settings under which every key comes through at once
// and unseen, and output goes as it is; but in a pipeline others write to the
// same terminal and rely on newlines being completed.
func rawSettings(t unix.Termios, shared bool) unix.Termios {
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL |
		unix.IXON | unix.IXOFF | unix.INPCK
	t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	if !shared {
		t.Oflag &^= unix.OPOST
	}
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return t
}

// leaveTerminal undoes takeTerminal. In the background the settings are
// somebody else's by now, and stay.
func (r *run) leaveTerminal() {
	r.reading.Store(false)
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.saved != nil && r.foreground() {
		unix.IoctlSetTermios(r.keys, unix.TCSETS, r.saved)
	}
	r.saved = nil
}

// restoreOnPanic is deferred in every goroutine.
func (r *run) restoreOnPanic() {
	if trouble := recover(); trouble != nil {
		r.leaveTerminal()
		panic(trouble)
	}
}

func (r *run) close() {
	for _, fd := range []int{r.opened, r.master, r.slave, r.pidfd, r.wakeKeys, r.wakeScreen} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}
