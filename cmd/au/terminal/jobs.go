// SPDX-License-Identifier: GPL-3.0-or-later

//go:build linux

package terminal

import (
	"bytes"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// forwarded are signals for the command. One that was ignored when we
// started stays ignored, as nohup and shells want it.
var forwarded = []os.Signal{
	unix.SIGINT, unix.SIGQUIT, unix.SIGTSTP, // these three the terminal can send
	unix.SIGTERM, unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2, unix.SIGALRM,
}

// catchSignals comes before the program starts, so that none is lost.
func (r *run) catchSignals() {
	r.signals = make(chan os.Signal, 16)
	r.continued = make(chan os.Signal, 1)
	for _, s := range forwarded {
		if !signal.Ignored(s) {
			signal.Notify(r.signals, s)
		}
	}
	signal.Notify(r.signals, unix.SIGWINCH)
	signal.Notify(r.continued, unix.SIGCONT)
	r.changed = make(chan os.Signal, 1)
	signal.Notify(r.changed, unix.SIGCHLD)
}

// serve is busy until the program has ended, and returns its exit status. Signals stay caught: this process ends, and a key must
// not have Go print its stacks.
func (r *run) serve() int {
	// Reading from the background then fails rather than stops us. Not
	// earlier: the program would inherit it.
	signal.Ignore(unix.SIGTTIN)
	if r.keys >= 0 {
		go r.passKeys()
	}
	go r.passOutput()
	hungUp := r.hungUp
	for {
		select {
		case s := <-r.signals:
			r.forward(s.(syscall.Signal))
		case <-r.continued:
			r.mend()
		case <-hungUp:
			hungUp = nil
			r.loseTerminal()
		case <-r.changed:
			for state, is := r.state(); is; state, is = r.state() {
				if !state.Stopped() {
					r.end(exitStatus(state))
					return exitStatus(state)
				}
				r.stopped(state.StopSignal())
			}
		}
	}
}

// state returns the next stop of the program, or its end, where there was one. No thread waits for it: to make one takes longer
// than a signal.
func (r *run) state() (state unix.WaitStatus, is bool) {
	for {
		pid, err := unix.Wait4(r.pid, &state, unix.WUNTRACED|unix.WNOHANG, nil)
		switch err {
		case nil:
			return state, pid == r.pid
		case unix.EINTR:
		default:
			return 125 << 8, true
		}
	}
}

func exitStatus(state unix.WaitStatus) int {
	if state.Signaled() {
		return 128 + int(state.Signal())
	}
	return state.ExitStatus()
}

func (r *run) forward(s syscall.Signal) {
	switch s {
	case unix.SIGWINCH:
		r.resize()
		return
	case unix.SIGINT, unix.SIGQUIT, unix.SIGTSTP:
		// As if it had been typed: for whoever has the terminal inside.
		if r.front && r.inSession() && unix.IoctlSetInt(r.master, unix.TIOCSIG, int(s)) == nil {
			return
		}
	case unix.SIGHUP:
		if _, err := unix.IoctlGetWinsize(r.anyTerminal(), unix.TIOCGWINSZ); err != nil {
			r.hangUp()
		}
	}
	r.tell(s, 0)
}

// inSession reports whether somebody leads a session on the run's terminal. Before the command and after it nobody does, and no key
// is a signal there.
func (r *run) inSession() bool {
	_, err := unix.IoctlGetInt(r.master, unix.TIOCGSID)
	return err == nil
}

// signalFor returns the signal that the last of the keys that stand for one sends by the human's own settings; 0 where none does.
func (r *run) signalFor(keys []byte) (s syscall.Signal) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.saved == nil || r.saved.Lflag&unix.ISIG == 0 {
		return 0
	}
	for _, key := range keys {
		switch {
		case key == 0: // _POSIX_VDISABLE
		case key == r.saved.Cc[unix.VINTR]:
			s = unix.SIGINT
		case key == r.saved.Cc[unix.VQUIT]:
			s = unix.SIGQUIT
		case key == r.saved.Cc[unix.VSUSP]:
			s = unix.SIGTSTP
		}
	}
	return s
}

// tell sends the program a signal with a value.
func (r *run) tell(s syscall.Signal, value int) {
	if r.pidfd < 0 { // a kernel before 5.3
		unix.Kill(r.pid, s)
		return
	}
	info := queued{pid: int32(unix.Getpid()), uid: int32(unix.Getuid()), value: int32(value)}
	(*unix.Siginfo)(unsafe.Pointer(&info)).Signo = int32(s)
	(*unix.Siginfo)(unsafe.Pointer(&info)).Code = -1 // SI_QUEUE
	unix.PidfdSendSignal(r.pidfd, s, (*unix.Siginfo)(unsafe.Pointer(&info)), 0)
}

// queued is a unix.Siginfo with the fields that sigqueue fills in.
type queued struct {
	_        [3]int32
	_        [0]uintptr // where the kernel begins the union
	pid, uid int32
	value    int32
	_        [unsafe.Sizeof(unix.Siginfo{}) - 6*4]byte // enough everywhere
}

// stopped is called when the program has stopped, because its command did.
func (r *run) stopped(by syscall.Signal) {
	wants := by == unix.SIGTTIN || by == unix.SIGTTOU
	if wants && r.keys >= 0 && r.foreground() {
		r.resume(true)
		return
	}
	r.drain(r.hungUp)
	r.leaveTerminal()
	if by != unix.SIGTTIN && by != unix.SIGTTOU {
		by = unix.SIGTSTP // SIGSTOP would also stop us where nobody can continue us
	}
	for again := true; again; again = r.deliver() {
		if !stopSelf(by, r.continued) && wants {
			// Nobody can give it the terminal any more. The kernel hangs up on
			// stopped processes in that situation.
			r.tell(unix.SIGHUP, 0)
			r.front = true
			r.tell(unix.SIGCONT, toForeground)
			return
		}
	}
	r.resume(wants)
}

// deliver passes on what was sent while we were stopped, and reports whether
// we should stop again. A shell ends a stopped job with SIGTERM and then
// SIGCONT; if the command got them the other way round, it would run for a
// moment, and might end by itself.
func (r *run) deliver() (again bool) {
	for {
		select {
		case s := <-r.signals:
			again = again || s == unix.SIGTSTP
			if s != unix.SIGTSTP {
				r.forward(s.(syscall.Signal))
			}
		case <-time.After(10 * time.Millisecond): // another thread may be at it
			return again
		}
	}
}

// resume lets the program go on, in the foreground of its terminal when we are in that of the human's terminal and it was there
// before or wants it now.
func (r *run) resume(wants bool) {
	r.front = (r.front || wants) && r.keys >= 0 && r.foreground()
	if !r.front {
		r.tell(unix.SIGCONT, toBackground)
		return
	}
	claimed := r.claimTerminal()
	r.tell(unix.SIGCONT, toForeground)
	if claimed {
		r.awaitCommand()
		r.passKeysOn()
	}
}

// awaitCommand returns when a command that was told to go on in the foreground
// does. A Ctrl-Z passed on before that would be forgotten: continuing a process
// takes back what was to stop it. In doubt it is not long about it.
func (r *run) awaitCommand() {
	guard, err := unix.IoctlGetInt(r.master, unix.TIOCGSID)
	if err != nil {
		return
	}
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Microsecond) {
		group, err := unix.IoctlGetInt(r.master, unix.TIOCGPGRP)
		if err != nil || group != guard && !isStopped(group) {
			return
		}
	}
}

// isStopped reports whether a signal has stopped a process, as far as
// /proc shows it.
func isStopped(pid int) bool {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	// After the name, which is in parentheses and may have any in it.
	_, state, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
	return bytes.HasPrefix(state, []byte("T"))
}

// mend is called when somebody has continued us. Where we were stopped behind
// our back, the human's shell has changed the terminal, or who has it.
func (r *run) mend() {
	switch {
	case !r.front:
	case r.foreground():
		r.takeTerminal()
	default:
		r.leaveTerminal()
		r.front = false
		r.tell(unix.SIGCONT, toBackground)
	}
}

// stopSelf stops our process group as the terminal would, and returns when
// it is continued, which continued tells. It reports false, at once, where the
// kernel does not stop it because no shell is left that could continue it.
func stopSelf(by syscall.Signal, continued <-chan os.Signal) bool {
	select {
	case <-continued:
	default:
	}
	// First the others, in a pipeline, then only this thread: it has stopped
	// when it is out of the kernel, where another one would stop it later.
	handled := setAction(by, ignore)
	unix.Kill(0, by)
	// The first thread may block the signal, and then it is kept although it is
	// ignored. To ignore it anew takes it back: else another thread stops us
	// before this one does, and this one once more after we were continued.
	setAction(by, ignore)
	setAction(by, standard)
	runtime.LockOSThread()
	unix.Tgkill(unix.Getpid(), unix.Gettid(), by)
	runtime.UnlockOSThread()
	setAction(by, handled)
	select {
	case <-continued:
		return true
	case <-time.After(100 * time.Millisecond):
		return false
	}
}

// An action is a struct sigaction, and large enough for it everywhere.
type action [32]uintptr

var standard, ignore = action{0}, action{1} // SIG_DFL, SIG_IGN

// setAction does what signal.Reset and signal.Ignore should: of signals that
// stop, the Go runtime keeps its handler.
func setAction(s syscall.Signal, a action) (before action) {
	// 8 is the size of the kernel's set of signals, everywhere but on MIPS.
	unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(&a)), uintptr(unsafe.Pointer(&before)), 8, 0, 0)
	return before
}

// loseTerminal is called when the human's terminal is gone: then the run's
// goes, too, and the kernel tells the run.
func (r *run) loseTerminal() {
	r.reading.Store(false)
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		r.tell(unix.SIGHUP, 0)
		return
	}
	// In place of it, because other goroutines have its number.
	unix.Dup3(null, r.master, unix.O_CLOEXEC)
	unix.Close(null)
	wake(r.wakeScreen)
	wake(r.wakeKeys)
}

// end is called when the program has ended. One that was killed could not switch off what it had switched on in the terminal; what
// one leaves on that ends by itself is left on, as it would be without au.
func (r *run) end(status int) {
	r.reading.Store(false)
	r.killed.Store(Killed(status))
	impatient := make(chan struct{})
	go func() {
		for s := range r.signals {
			if s != unix.SIGWINCH {
				close(impatient)
				return
			}
		}
	}()
	r.drain(impatient)
	r.leaveTerminal()
}
