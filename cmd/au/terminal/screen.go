// SPDX-License-Identifier: GPL-3.0-or-later

//go:build linux

package terminal

import (
	"errors"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Screen is the whole terminal of 0 and 1, with the alternate screen shown,
// the cursor hidden and the keys raw. Ctrl-Z and SIGTSTP stop the process with
// the terminal as it was, and fg brings the screen back. The terminal is as it
// was after Close, after a panic, and when a signal ends the process; only
// SIGKILL leaves it, and a fault of the Go runtime.
type Screen struct {
	ascii     bool
	keys      chan key
	signals   chan os.Signal
	continued chan os.Signal

	mutex sync.Mutex // of what follows, which a panic anywhere looks at
	shown bool
	saved *unix.Termios // the settings to give back
	raw   unix.Termios
}

// The sequences are DEC's private modes, as xterm has them (ctlseqs): the
// alternate screen, the cursor, and lines that go on in the next one. Of
// modes that it does not know a terminal takes no notice.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[?7l"
	leaveScreen = "\x1b[?2026l\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
)

// OpenScreen takes the terminal. In the background it first waits, stopped, to
// be brought to the foreground.
func OpenScreen() (*Screen, error) {
	s := &Screen{
		ascii: asciiOnly(os.Getenv),
		keys:  make(chan key), signals: make(chan os.Signal, 16), continued: make(chan os.Signal, 1),
	}
	for _, sig := range forwarded {
		if !signal.Ignored(sig) {
			signal.Notify(s.signals, sig)
		}
	}
	signal.Notify(s.signals, unix.SIGWINCH)
	signal.Notify(s.continued, unix.SIGCONT)
	// We ask who has the terminal. The kernel would stop us at any moment.
	signal.Ignore(unix.SIGTTIN, unix.SIGTTOU)
	if err := s.forward(); err != nil {
		s.Close()
		return nil, err
	}
	go s.readKeys()
	return s, nil
}

// asciiOnly reports whether the locale has another character set than UTF-8.
// One that names none has it, but for those that POSIX names.
func asciiOnly(getenv func(string) string) bool {
	locale := getenv("LANG")
	for _, name := range []string{"LC_CTYPE", "LC_ALL"} {
		if value := getenv(name); value != "" {
			locale = value
		}
	}
	locale, _, _ = strings.Cut(locale, "@")
	_, charset, named := strings.Cut(locale, ".")
	if named {
		return !slices.Contains([]string{"utf-8", "utf8"}, strings.ToLower(charset))
	}
	return locale == "C" || locale == "POSIX"
}

// Close gives the terminal back. To do it twice is the same as once.
func (s *Screen) Close() {
	s.leave()
	signal.Stop(s.signals)
	signal.Stop(s.continued)
	signal.Reset(unix.SIGTTIN, unix.SIGTTOU)
}

// Size returns how many columns and lines there are now.
func (s *Screen) Size() (width, height int) {
	size, err := unix.IoctlGetWinsize(1, unix.TIOCGWINSZ)
	if err != nil || size.Col == 0 || size.Row == 0 { // a serial line
		return 80, 24
	}
	return int(size.Col), int(size.Row)
}

// Show shows the lines, cut to the screen, and nothing else, by one write.
// A character that is neither ASCII nor a block of eighths is shown as '?'.
func (s *Screen) Show(lines []Line) error {
	width, height := s.Size()
	return writeAll(1, frame(lines, width, height, s.ascii))
}

// Event is what Wait has waited for.
type Event int

const (
	Tick Event = iota // the ticker's
	Draw              // the screen has another size, or has come back: Show
	Quit              // q, Escape or Ctrl-C; or the terminal is gone
)

// Wait waits for the next event. It does not return when a signal ends the
// process.
func (s *Screen) Wait(tick <-chan time.Time) (Event, error) {
	select {
	case <-tick:
		return Tick, nil
	case k := <-s.keys:
		if k == quitKey {
			return Quit, nil
		}
		return Draw, s.stop()
	case sig := <-s.signals:
		switch sig {
		case unix.SIGWINCH:
			return Draw, nil
		case unix.SIGTSTP:
			return Draw, s.stop()
		}
		s.die(sig.(syscall.Signal))
	case <-s.continued: // from a stop behind our back
	}
	return Draw, s.forward()
}

// stop does what Ctrl-Z asks for.
func (s *Screen) stop() error {
	s.leave()
	stopSelf(unix.SIGTSTP, s.continued)
	return s.forward()
}

// forward takes the terminal, and before that stops as often as it is
// another job's.
func (s *Screen) forward() error {
	s.dieOfPending(10 * time.Millisecond)
	for !foreground(0) {
		s.leave()
		s.dieOfPending(200 * time.Millisecond) // stopped again, it would never die of it
		if foreground(0) {
			break // meanwhile
		}
		if !stopSelf(unix.SIGTTOU, s.continued) {
			return errors.New("the terminal is another job's, and no shell is there to hand it over")
		}
		s.dieOfPending(10 * time.Millisecond)
	}
	return s.enter()
}

// dieOfPending sees to a signal that was sent while we were stopped: a shell
// ends a stopped job with SIGTERM and then SIGCONT.
func (s *Screen) dieOfPending(within time.Duration) {
	for timeout := time.After(within); ; {
		select {
		case sig := <-s.signals:
			if sig != unix.SIGWINCH && sig != unix.SIGTSTP {
				s.die(sig.(syscall.Signal))
			}
		case <-timeout: // another thread may have been at it
			return
		}
	}
}

// die ends the process by that signal, with the terminal as it was.
func (s *Screen) die(by syscall.Signal) {
	s.leave()
	setAction(by, standard)
	unix.Kill(unix.Getpid(), by)
	select {} // not for long
}

// enter shows the screen and makes keys raw. To do it again mends what others
// have changed meanwhile.
func (s *Screen) enter() error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	now, err := unix.IoctlGetTermios(0, unix.TCGETS)
	if err != nil {
		return os.NewSyscallError("read the terminal's settings", err)
	}
	if s.saved == nil || *now != s.raw {
		s.saved, s.raw = now, rawSettings(*now, false)
		if err := unix.IoctlSetTermios(0, unix.TCSETS, &s.raw); err != nil {
			return os.NewSyscallError("change the terminal's settings", err)
		}
	}
	s.shown = true
	return writeAll(1, []byte(enterScreen))
}

// leave undoes enter. In the background the settings are somebody else's by
// now, and stay.
func (s *Screen) leave() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.shown {
		_ = writeAll(1, []byte(leaveScreen)) // where to say that it failed?
	}
	if s.saved != nil && foreground(0) {
		unix.IoctlSetTermios(0, unix.TCSETS, s.saved)
	}
	s.shown, s.saved = false, nil
}
