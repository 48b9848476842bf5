// SPDX-License-Identifier: GPL-3.0-or-later

//go:build linux

package terminal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/a4u2/au/internal/counted"
	"golang.org/x/sys/unix"
)

// entry is the program that plays the entrypoint's part.
var entry string

// TestMain also plays `au run COMMAND…`, one that panics, and `au top`.
func TestMain(m *testing.M) {
	switch os.Getenv("AU_TEST_ROLE") {
	case "au":
		playRun()
	case "panic":
		playPanic()
	case "screen":
		playScreen(len(os.Args) > 1 && os.Args[1] == "panic")
		counted.Exit(0)
	}
	// Under nohup SIGHUP is ignored, and whoever is started inherits that. One that has a handler here has its default there.
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP)
	os.Exit(withEntry(m))
}

func withEntry(m *testing.M) int {
	folder, err := os.MkdirTemp("", "au-terminal")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	entry = filepath.Join(folder, "entry")
	if out, err := exec.Command("cc", "-O1", "-o", entry, "testdata/entry.c").CombinedOutput(); err != nil {
		fmt.Printf("the tests need a C compiler: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

func playRun() {
	os.Unsetenv("AU_TEST_ROLE")
	if !Any() {
		err := syscall.Exec("/bin/sh", append([]string{"sh", "-c", `exec "$@"`, "sh"}, os.Args[1:]...), os.Environ())
		panic(err)
	}
	program, err := os.Open(os.Getenv("AU_TEST_ENTRY"))
	if err != nil {
		panic(err)
	}
	status, err := Run(program, append([]string{"entry"}, os.Args[1:]...), os.Environ())
	if err != nil {
		fmt.Fprintln(os.Stderr, "au:", err)
		status = 125
	}
	counted.Exit(status)
}

func playPanic() {
	r, _, err := open()
	if err != nil {
		panic(err)
	}
	r.takeTerminal()
	go func() {
		defer r.restoreOnPanic()
		panic("as planned")
	}()
	select {}
}

// A human sits at a terminal.
type human struct {
	t      *testing.T
	master *os.File
	cmd    *exec.Cmd
	mutex  sync.Mutex
	seen   bytes.Buffer // all that came on the screen
	read   int          // how much of it expect has been past
}

// sit starts a program on a terminal of its own, with `au` on the PATH. A
// shell does not echo its prompt's control sequences.
func sit(t *testing.T, argv ...string) *human {
	t.Helper()
	h := &human{t: t}
	master, slave, err := openPTY()
	if err != nil {
		t.Fatal(err)
	}
	h.master = os.NewFile(uintptr(master), "master")
	side := os.NewFile(uintptr(slave), "slave")
	defer side.Close()
	unix.IoctlSetWinsize(master, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
	bin := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\nAU_TEST_ROLE=${AU_TEST_ROLE:-au} AU_TEST_ENTRY=%s exec /proc/%d/exe \"$@\"\n", entry, os.Getpid())
	if err := os.WriteFile(filepath.Join(bin, "au"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	h.cmd = exec.Command(argv[0], argv[1:]...)
	h.cmd.Env = []string{"PATH=" + bin + ":/usr/bin:/bin:/usr/sbin:/sbin", "PS1=ready> ", "TERM=xterm", "HOME=" + bin, "LC_ALL=C.UTF-8", "HISTFILE="}
	h.cmd.Stdin, h.cmd.Stdout, h.cmd.Stderr = side, side, side
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	// With a relative path, exec.Command has looked along our own PATH.
	if argv[0] == "au" {
		h.cmd.Path, h.cmd.Err = filepath.Join(bin, "au"), nil
	}
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go h.watch()
	t.Cleanup(func() {
		h.master.Close()
		h.cmd.Process.Kill()
		h.cmd.Wait()
		if t.Failed() {
			t.Logf("the screen:\n%q", h.screen())
		}
	})
	return h
}

// shell sits down at an interactive bash.
func shell(t *testing.T) *human {
	t.Helper()
	h := sit(t, "bash", "--norc", "--noprofile", "--noediting", "-i")
	h.expect(`ready> `)
	return h
}

// handedOver waits until the shell has given the terminal to what it runs: a key before that is the shell's.
func (h *human) handedOver() {
	h.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		group, err := unix.IoctlGetInt(int(h.master.Fd()), unix.TIOCGPGRP)
		switch {
		case err != nil:
			h.t.Fatal(err)
		case group != h.cmd.Process.Pid:
			return
		case time.Now().After(end):
			h.t.Fatal("the shell keeps the terminal")
		}
	}
}

func (h *human) watch() {
	buffer := make([]byte, 64<<10)
	for {
		n, err := h.master.Read(buffer)
		if errors.Is(err, unix.EIO) && n <= 0 || errors.Is(err, os.ErrClosed) {
			return
		}
		h.mutex.Lock()
		h.seen.Write(buffer[:max(n, 0)])
		h.mutex.Unlock()
	}
}

func (h *human) screen() string {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.seen.String()
}

func (h *human) types(keys string) {
	h.t.Helper()
	if _, err := h.master.WriteString(keys); err != nil {
		h.t.Fatal(err)
	}
}

// expect waits until something new on the screen matches, and returns the
// first group of it.
func (h *human) expect(pattern string) string {
	h.t.Helper()
	re := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		fresh := h.screen()[h.read:]
		if at := re.FindStringSubmatchIndex(fresh); at != nil {
			h.read += at[1]
			if len(at) > 2 {
				return fresh[at[2]:at[3]]
			}
			return ""
		}
	}
	h.t.Fatalf("no %q in %q", pattern, h.screen()[h.read:])
	return ""
}

// does types a command and waits for what it shows.
func (h *human) does(command, pattern string) string {
	h.t.Helper()
	h.types(command + "\n")
	h.expect(regexp.QuoteMeta(command) + "\r\n")
	return h.expect(pattern)
}

// finishes does a command and waits for the prompt: what is typed before a
// run has ended is the run's, also when it never reads it.
func (h *human) finishes(command, pattern string) string {
	h.t.Helper()
	found := h.does(command, pattern)
	h.expect("ready> ")
	return found
}

// jobStops waits until the shell's only job has stopped.
func (h *human) jobStops() {
	h.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); h.finishes("jobs", `\[1\]\+\s+(\w+)`) != "Stopped"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Fatal("it does not stop")
		}
	}
}

// settings returns those of the human's terminal.
func (h *human) settings() unix.Termios {
	h.t.Helper()
	t, err := unix.IoctlGetTermios(int(h.master.Fd()), unix.TCGETS)
	if err != nil {
		h.t.Fatal(err)
	}
	return *t
}

// raw waits until a run has taken the human's terminal.
func (h *human) raw() {
	h.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); h.settings().Lflag&unix.ICANON != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Fatal("not raw")
		}
	}
}

// ends waits for the end of what the human sat down at.
func (h *human) ends() int {
	h.t.Helper()
	done := make(chan error, 1)
	go func() { done <- h.cmd.Wait() }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		h.t.Fatalf("did not end; %q", h.screen()[h.read:])
	}
	return h.cmd.ProcessState.ExitCode()
}

// gone waits for the end of a process that is nobody's child here.
func gone(t *testing.T, pid string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		status, err := os.ReadFile("/proc/" + pid + "/status")
		if err != nil || strings.Contains(string(status), "State:\tZ") {
			return
		}
	}
	t.Errorf("process %s is still there", pid)
}
