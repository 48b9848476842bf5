// SPDX-License-Identifier: GPL-3.0-or-later

//go:build linux

// Package terminal runs a program with a terminal of its own in place of the human's terminal, and carries bytes, sizes and signals
// between the two, so that the human's is never in the agent's hands.
//
// It behaves as sudo does with use_pty; e2e's terminal-sudo plays the same session with both. Two things differ. In a pipeline a
// newline on the terminal is completed once and not twice. Nothing of a run outlives this process or the human's terminal, whatever
// it ignores.
//
// Keys go to the program, and the human's terminal is raw, while the program is in the foreground of both: the human's shell put
// this process there, and the program has shown that it wants the terminal. Alone on the terminal it is taken to want it from the
// start. In a pipeline or in the background it starts in the background of its own terminal, where the first read or change of
// settings stops it with SIGTTIN or SIGTTOU. Then this process decides: in the foreground it hands the terminal over, in the
// background it stops with the same signal, as a program on the human's own terminal would.
//
// The settings of the human's terminal come back on every way out, panics
// included, save SIGKILL: nobody is left to do it then but the human's shell.
// bash does, dash leaves it to stty sane. The program loses its terminal at
// that moment, and so ends.
//
// So does what a program that is killed had switched on there (modes.go): the
// other screen, mouse and keys, colours. All that passes to the terminal passes
// as it is. SIGKILL of this process leaves those on as well: reset(1).
//
// Apart from all that, Screen is the human's terminal as a whole, for a table
// that au itself draws.
package terminal

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Background is the entry that Run adds to the environment of a program that
// is to start in the background of its terminal.
const Background = "AU_TERMINAL=background"

// The meaning of SIGCONT, sent by sigqueue, for the program.
const (
	toForeground = 1 // of its terminal: it may read
	toBackground = 2
)

// Any reports whether standard input, output or error is a terminal.
func Any() bool {
	return isTerminal(0) || isTerminal(1) || isTerminal(2)
}

// Controls reports whether a terminal controls this process.
func Controls() bool {
	fd, err := controlling()
	if err == nil {
		unix.Close(fd)
	}
	return err == nil
}

func controlling() (int, error) {
	return unix.Open("/dev/tty", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
}

// Leave lets no terminal control this process and those that it starts any more: they cannot open it as /dev/tty, or type into it.
// Its keys still reach them, and what is open stays open. The leader of a session stays: its terminal ends with it.
func Leave() error {
	if sid, err := unix.Getsid(0); err != nil || sid == os.Getpid() {
		return err
	}
	fd, err := controlling()
	if err != nil {
		return nil // there is none
	}
	defer unix.Close(fd)
	if err := unix.IoctlSetInt(fd, unix.TIOCNOTTY, 0); err != nil {
		return fmt.Errorf("leave the terminal: %w", err)
	}
	return nil
}

// Run runs the opened program with a terminal of its own in place of those of
// 0, 1 and 2 that are terminals, and returns its exit status, 128+N when it
// ended by signal N. The others of 0, 1 and 2 are passed on as they are. The
// program is in a process group of its own; it is expected to run a command in
// a session on the terminal, to stop as the command stops, and to understand
// Background and the values that come with SIGCONT. A signal from sigqueue is
// for all of the command's group.
func Run(program *os.File, argv, env []string) (int, error) {
	// With more than one, threads look for work in vain, and a short run takes longer.
	processors := runtime.GOMAXPROCS(1)
	r, slave, err := open()
	if err != nil {
		return 0, fmt.Errorf("make a terminal for the run: %w", err)
	}
	r.hurry = sync.OnceFunc(func() { runtime.GOMAXPROCS(processors) })
	defer r.close()
	defer r.restoreOnPanic()
	r.catchSignals()
	if !r.front {
		env = append(env[:len(env):len(env)], Background)
	}
	err = r.start(program, argv, env, slave)
	if err != nil {
		return 0, fmt.Errorf("run %s: %w", program.Name(), err)
	}
	if r.front {
		r.takeTerminal()
	}
	return r.serve(), nil
}

// start starts the program with slave for those of 0, 1 and 2 that are
// terminals.
func (r *run) start(program *os.File, argv, env []string, slave int) error {
	files := []uintptr{0, 1, 2}
	for fd := range files {
		if isTerminal(fd) {
			files[fd] = uintptr(slave)
		}
	}
	pidfd := -1
	// The descriptor names the file that was verified, whatever is at its path by now; it is still open in the child when it execs.
	pid, err := syscall.ForkExec(fmt.Sprintf("/proc/self/fd/%d", program.Fd()), argv, &syscall.ProcAttr{
		Env:   env,
		Files: files,
		Sys:   &syscall.SysProcAttr{Setpgid: true, PidFD: &pidfd},
	})
	if err != nil {
		return err
	}
	r.pid, r.pidfd = pid, pidfd
	return nil
}

// Killed reports whether the exit status is that of a command that a signal ended.
func Killed(status int) bool { return 128 < status && status <= 128+64 }

func isTerminal(fd int) bool {
	_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	return err == nil
}

func isPipe(fd int) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && (st.Mode&unix.S_IFMT == unix.S_IFIFO || st.Mode&unix.S_IFMT == unix.S_IFSOCK)
}
