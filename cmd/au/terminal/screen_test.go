// SPDX-License-Identifier: GPL-3.0-or-later

//go:build linux

package terminal

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// playScreen shows the screen's size, until the end, or panics when it is drawn again.
func playScreen(panics bool) {
	s, err := OpenScreen()
	if err != nil {
		panic(err)
	}
	defer s.Close()
	for event := Draw; event != Quit; {
		width, height := s.Size()
		line := Line{{fmt.Sprintf("%d by %d, process %d.", width, height, os.Getpid()), Bold}}
		if err := s.Show([]Line{line}); err != nil {
			panic(err)
		}
		if event, err = s.Wait(nil); err != nil {
			panic(err)
		}
		if panics {
			panic("as planned")
		}
	}
}

const (
	screenOn  = `\x1b\[\?1049h`
	screenOff = `\x1b\[\?1049l`
)

// watches starts a screen in the shell, and returns its process.
func (h *human) watches(args string) string {
	h.t.Helper()
	h.types("AU_TEST_ROLE=screen au" + args + "\n")
	h.expect(screenOn)
	return h.expect(`process (\d+)\.`)
}

// hasBack sees whether the shell has the terminal again, as it was.
func (h *human) hasBack(before unix.Termios) {
	h.t.Helper()
	h.expect("ready> ")
	if after := h.settings(); after != before {
		h.t.Errorf("settings %+v, were %+v", after, before)
	}
	if on, off := strings.LastIndex(h.screen(), "\x1b[?1049h"), strings.LastIndex(h.screen(), "\x1b[?1049l"); on > off {
		h.t.Error("the alternate screen is still shown")
	}
}

// endsWith sees whether the screen ends, the shell has the terminal, and what the exit status was.
func (h *human) endsWith(status string, before unix.Termios) {
	h.t.Helper()
	h.expect(screenOff)
	h.hasBack(before)
	if got := h.finishes("echo \"status $?.\"", `status (\d+)\.`); got != status {
		h.t.Errorf("status %s, want %s", got, status)
	}
}

// sends sends the process a signal.
func (h *human) sends(process string, s unix.Signal) {
	h.t.Helper()
	pid, err := strconv.Atoi(process)
	if err == nil {
		err = unix.Kill(pid, s)
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

func TestScreenEndsWithAKey(t *testing.T) {
	h := shell(t)
	before := h.settings()
	for _, keys := range []string{"q", "\x1b", "\x03", "x\x1b[Aq"} {
		h.watches("")
		h.raw()
		h.types(keys)
		h.endsWith("0", before)
	}
	// The shell reads what is typed after it.
	h.watches("")
	h.types("qecho mi''ne\n")
	h.expect("mine")
}

func TestScreenIgnoresOtherKeys(t *testing.T) {
	h := shell(t)
	before := h.settings()
	h.watches("")
	h.types("x\x1b[A\x1bOB\x1b[15~")
	time.Sleep(4 * escapeDelay)
	h.types("q")
	h.endsWith("0", before)
}

func TestScreenFollowsTheSize(t *testing.T) {
	h := shell(t)
	h.types("AU_TEST_ROLE=screen au\n")
	h.expect(`80 by 24`)
	unix.IoctlSetWinsize(int(h.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 33, Col: 99})
	h.expect(`99 by 33`)
}

func TestScreenStopsAndComesBack(t *testing.T) {
	h := shell(t)
	before := h.settings()
	h.types("AU_TEST_ROLE=screen au\n")
	process := h.expect(`process (\d+)\.`)
	for i, stop := range []func(){
		func() { h.types("\x1a") },
		func() { h.sends(process, unix.SIGTSTP) },
		func() { h.types("\x1a") },
	} {
		h.raw()
		stop()
		h.expect(screenOff)
		h.expect("Stopped")
		h.hasBack(before)
		unix.IoctlSetWinsize(int(h.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(30 + i), Col: 99})
		h.types("fg\n")
		h.expect(screenOn)
		h.expect(fmt.Sprintf("99 by %d", 30+i))
		h.raw()
	}
	h.types("q")
	h.hasBack(before)
}

func TestScreenComesBackFromAStopBehindItsBack(t *testing.T) {
	h := shell(t)
	before := h.settings()
	h.types("AU_TEST_ROLE=screen au\n")
	process := h.expect(`process (\d+)\.`)
	h.sends(process, unix.SIGSTOP)
	h.expect("Stopped")
	h.expect("ready> ")
	h.types("fg\n")
	h.expect(screenOn)
	h.expect("80 by 24")
	h.raw()
	h.types("q")
	h.hasBack(before)
}

func TestScreenWaitsInTheBackground(t *testing.T) {
	h := shell(t)
	before := h.settings()
	h.finishes("AU_TEST_ROLE=screen au &", "")
	h.jobStops()
	if strings.Contains(h.screen(), "1049h") || h.settings() != before {
		t.Error("it has the terminal from the background")
	}
	h.types("fg\n")
	process := h.expect(`process (\d+)\.`)
	h.raw()
	h.types("\x1a")
	h.hasBack(before)
	h.finishes("bg", "")
	h.jobStops()
	h.finishes("kill %1", "")
	gone(t, process)
	if h.settings() != before || strings.Count(h.screen(), "1049h") != 1 {
		t.Error("it has taken the terminal again from the background")
	}
}

func TestScreenIsGivenBackOnSignals(t *testing.T) {
	h := shell(t)
	before := h.settings()
	for s, status := range map[unix.Signal]string{unix.SIGTERM: "143", unix.SIGHUP: "129", unix.SIGINT: "130", unix.SIGUSR1: "138"} {
		process := h.watches("")
		h.raw()
		h.sends(process, s)
		h.endsWith(status, before)
	}
}

func TestScreenIsGivenBackOnPanic(t *testing.T) {
	h := shell(t)
	before := h.settings()
	h.watches(" panic")
	unix.IoctlSetWinsize(int(h.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 33, Col: 99})
	h.expect(screenOff + "panic: as planned")
	h.hasBack(before)
}

func TestScreenEndsWithItsTerminal(t *testing.T) {
	h := shell(t)
	process := h.watches("")
	h.master.Close()
	gone(t, process)
}
