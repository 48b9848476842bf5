// SPDX-License-Identifier: GPL-3.0-or-later

//go:build linux

package terminal

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestExitStatusAndSettings(t *testing.T) {
	h := shell(t)
	before := h.settings()
	for command, status := range map[string]string{
		"au true":                           "0",
		"au sh -c 'exit 42'":                "42",
		"au sh -c 'kill -TERM $$'":          "143",
		"au sh -c 'stty raw -echo; exit 3'": "3",
	} {
		if got := h.finishes(command+"; echo \"status $?.\"", `status (\d+)\.`); got != status {
			t.Errorf("%s: status %s, want %s", command, got, status)
		}
		if after := h.settings(); after != before {
			t.Errorf("%s: settings %+v, were %+v", command, after, before)
		}
	}
}

func TestTheRunHasItsOwnTerminal(t *testing.T) {
	h := shell(t)
	mine := h.finishes("tty", `(/dev/pts/\d+)`)
	theirs := h.finishes("au sh -c 'tty; ps -o tty= -p $$; echo x >/dev/tty'", `(/dev/pts/\d+\s+pts/\d+\s+x)`)
	name, _, _ := strings.Cut(theirs, "\r")
	if name == mine || theirs != name+"\r\n"+strings.TrimPrefix(name, "/dev/")+"\r\nx" {
		t.Errorf("the run's is %q, the human's %s", theirs, mine)
	}
	// Pipes and files are passed through, and no other descriptor is.
	h.does("echo in | au sh -c 'cat; ls /proc/self/fd; test -p /dev/stdin && echo piped' | tr a-z A-Z; echo ${PIPESTATUS[@]}", `IN\s+0\s+1\s+2\s+3\s+PIPED`)
}

// A process that speaks behind the command has no session on the run's terminal, in which keys would be signals.
func TestKeysAfterTheCommandsEnd(t *testing.T) {
	h := shell(t)
	before := h.settings()
	h.does("export ENTRY_AFTER='echo spe''aks >&2; exec sleep 100'; echo re''ady", "ready")
	for key, status := range map[string]string{"\x03": "130", "\x1c": "131"} {
		h.types("au true; echo \"status $?.\"\n")
		h.expect("speaks")
		h.types(key)
		if got := h.expect(`status (\d+)\.`); got != status {
			t.Errorf("%q: status %s, want %s", key, got, status)
		}
	}
	h.types("au true\n")
	h.expect("speaks")
	h.types("x\x1a")
	h.expect(`Stopped[^\n]*au true`)
	if now := h.settings(); now != before {
		t.Errorf("stopped with settings %+v, were %+v", now, before)
	}
	h.types("fg\n")
	h.expect("au true")
	h.handedOver()
	h.types("\x03")
	h.expect("ready> ")
	h.does("echo \"status $?.\"", `status 130\.`)
}

func TestInterruptAndQuit(t *testing.T) {
	h := shell(t)
	for key, status := range map[string]string{"\x03": "130", "\x1c": "131"} {
		h.types("au sh -c 'echo be''gun; exec sleep 100'; echo \"status $?.\"\n")
		h.expect("begun")
		h.types(key)
		if got := h.expect(`status (\d+)\.`); got != status {
			t.Errorf("%q: status %s, want %s", key, got, status)
		}
		h.expect("ready> ")
	}
}

func TestResize(t *testing.T) {
	h := shell(t)
	h.types("au bash -c 'stty size; trap \"stty size; exit\" WINCH; echo be''gun; while :; do sleep 0.05; done'\n")
	h.expect(`24 80\s+begun`)
	unix.IoctlSetWinsize(int(h.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 33, Col: 99})
	h.expect(`33 99`)
}

func TestStopAndForeground(t *testing.T) {
	h := shell(t)
	before := h.settings()
	h.types("au sh -c 'echo be''gun; exec cat'\n")
	h.expect("begun")
	h.types("first\n")
	h.expect(`first\r\nfirst`)
	for i := range 5 {
		h.types("\x1a")
		h.expect(`Stopped[^\n]*au sh`)
		h.expect("ready> ")
		if after := h.settings(); after != before {
			t.Fatalf("stopped, settings %+v, were %+v", after, before)
		}
		unix.IoctlSetWinsize(int(h.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(30 + i), Col: 99})
		h.does("fg", "au sh")
		h.raw()
		h.types(fmt.Sprintf("again%d\n", i))
		h.expect(fmt.Sprintf(`again%d\r\nagain%d`, i, i))
	}
	h.types("\x04")
	h.expect("ready> ")
	h.does("echo \"status $?.\"", `status 0\.`)
}

func TestStopThenBackground(t *testing.T) {
	h := shell(t)
	h.does("cd "+t.TempDir(), "ready>")
	// No loop of short commands: a shell that is stopped amid vfork(2) is not stopped.
	h.types("mkfifo go; au sh -c 'echo be''gun; read go <go; read x; echo \"got $x.\"'\n")
	h.expect("begun")
	h.types("\x1a")
	h.expect("Stopped")
	h.does("cd; bg", "ready> ")
	// The keys are the shell's.
	h.finishes("echo mi''ne", "mine")
	h.finishes("jobs -r", `Running`)
	h.finishes("cd - >/dev/null; echo >go", "")
	h.jobStops()
	h.does("fg", "au sh")
	h.types("late\n")
	h.expect(`got late\.`)
}

// A parent that ignores SIGCHLD leaves au with a signal that does not come unless au asks for it.
func TestEndIsHeardWhereSIGCHLDIsIgnored(t *testing.T) {
	h := sit(t, "sh", "-c", "env --ignore-signal=CHLD au sh -c 'echo be''gun; exit 7'; echo \"status $?.\"")
	h.expect("begun")
	h.expect(`status 7\.`)
}

func TestJobControlInside(t *testing.T) {
	h := shell(t)
	h.types("PS1='in''side> ' au bash --norc --noprofile --noediting -i\n")
	h.expect("inside> ")
	h.types("cat\nfirst\n")
	h.expect(`first\r\nfirst`)
	h.types("\x1a")
	h.expect(`Stopped\s+cat`)
	h.expect("inside> ")
	h.does("fg", "cat")
	h.types("again\n")
	h.expect(`again\r\nagain`)
	h.types("\x03")
	h.expect("inside> ")
	h.does("echo \"status $?.\"", `status 130\.`)
	h.does("exit 7", "ready> ")
	h.does("echo \"status $?.\"", `status 7\.`)
}

func TestPipelineLeavesTheKeysToOthers(t *testing.T) {
	h := shell(t)
	h.types("au sh -c 'echo data; sleep 0.5; echo to stderr >&2; sleep 100' | sh -c 'read d; read k </dev/tty; echo \"$d and $k.\"'\n")
	h.expect("to stderr")
	if h.settings().Lflag&unix.ICANON == 0 {
		t.Error("raw, although the run reads no keys")
	}
	h.types("key\n")
	h.expect(`data and key\.`)
	h.types("\x03")
	h.expect("ready> ")
	h.finishes("echo \"status ${PIPESTATUS[0]}.\"", `status 130\.`)
}

func TestPipelineHandsTheKeysOverWhenTheRunReads(t *testing.T) {
	h := shell(t)
	before := h.settings()
	h.types("echo file | au sh -c 'read f; read k </dev/tty; echo \"$f and $k.\"' | cat\n")
	time.Sleep(300 * time.Millisecond)
	h.types("key\n")
	h.expect(`file and key\.`)
	h.expect("ready> ")
	if after := h.settings(); after != before {
		t.Errorf("settings %+v, were %+v", after, before)
	}
	h.types("echo file | au sh -c 'stty -echo </dev/tty; echo se''t; read k </dev/tty; echo \"got $k.\"' | cat\n")
	h.expect("set")
	h.types("secret\n")
	h.expect(`got secret\.`)
	if strings.Contains(h.screen(), "\nsecret") {
		t.Error("what was typed unseen was shown")
	}
}

func TestBackgroundRunThatReadsStops(t *testing.T) {
	h := shell(t)
	h.finishes("au cat &", "")
	h.jobStops()
	h.finishes("echo mi''ne", "mine")
	h.finishes("jobs", `Stopped\s.*au cat`)
	h.does("fg", "au cat")
	h.types("hello\n")
	h.expect(`hello\r\nhello`)
	h.types("\x03")
	h.expect("ready> ")
	h.does("echo \"status $?.\"", `status 130\.`)
	h.does("au sh -c 'sleep 0.2; echo out''put' &", "output")
}

func TestKilledCopierEndsTheRun(t *testing.T) {
	h := shell(t)
	h.types("au sh -c 'echo \"pid $$.\"; exec sleep 1000'\n")
	pid := h.expect(`pid (\d+)\.`)
	if err := unix.Kill(atoi(pid), 0); err != nil {
		t.Fatal(err)
	}
	copier := copierOf(t, pid)
	if err := unix.Kill(copier, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	h.expect("Killed")
	gone(t, pid)
}

// copierOf returns the pid of Run: command, guard, waiter, Run.
func copierOf(t *testing.T, pid string) int {
	t.Helper()
	for range 3 {
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if err != nil {
			t.Fatal(err)
		}
		pid = strings.Fields(string(stat[bytes.LastIndexByte(stat, ')'):]))[2]
	}
	return atoi(pid)
}

func atoi(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

func TestSignalsAreForwarded(t *testing.T) {
	h := shell(t)
	before := h.settings()
	for _, c := range []struct {
		signal unix.Signal
		status string
	}{{unix.SIGTERM, "143"}, {unix.SIGINT, "130"}, {unix.SIGHUP, "129"}, {unix.SIGUSR1, "138"}} {
		h.types("au sh -c 'echo \"pid $$.\"; exec sleep 1000'; echo \"status $?.\"\n")
		pid := h.expect(`pid (\d+)\.`)
		unix.Kill(copierOf(t, pid), c.signal)
		if got := h.expect(`status (\d+)\.`); got != c.status {
			t.Errorf("%v: status %s, want %s", c.signal, got, c.status)
		}
		h.expect("ready> ")
		if after := h.settings(); after != before {
			t.Errorf("%v: settings %+v, were %+v", c.signal, after, before)
		}
	}
}

func TestHangUpEndsTheRun(t *testing.T) {
	h := shell(t)
	h.types("au sh -c 'echo \"pid $$.\"; exec sleep 1000'\n")
	pid := h.expect(`pid (\d+)\.`)
	copier := fmt.Sprint(copierOf(t, pid))
	h.master.Close()
	gone(t, pid)
	gone(t, copier)
}

func TestHangUpThatNobodyTellsOf(t *testing.T) {
	for _, input := range []string{"", "sleep 1000 | "} {
		h := sit(t, "sh", "-c", "trap '' HUP; "+input+"au sh -c 'trap - HUP; echo \"pid $$.\" >&2; exec sleep 1000'; true")
		pid := h.expect(`pid (\d+)\.`)
		copier := fmt.Sprint(copierOf(t, pid))
		h.master.Close()
		gone(t, copier)
	}
}

func TestKillOfAStoppedRunComesBeforeItGoesOn(t *testing.T) {
	h := shell(t)
	for range 10 {
		h.finishes("au stty -echo &", "")
		h.jobStops()
		h.finishes("kill %1; fg; echo \"status $?.\"", `status 143\.`)
	}
}

func TestStopWithNobodyToContinue(t *testing.T) {
	h := sit(t, "au", "sh", "-c", "echo be''gun; read x; echo \"got $x.\"; exit 5")
	h.expect("begun")
	h.types("\x1a")
	time.Sleep(300 * time.Millisecond)
	h.types("still\n")
	h.expect(`got still\.`)
	if status := h.ends(); status != 5 {
		t.Errorf("status %d, want 5", status)
	}
}

func TestPanicRestores(t *testing.T) {
	h := shell(t)
	before := h.settings()
	h.does("AU_TEST_ROLE=panic au", "panic: as planned")
	h.expect("ready> ")
	if after := h.settings(); after != before {
		t.Errorf("settings %+v, were %+v", after, before)
	}
}

// noise returns n bytes of all values.
func noise(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i * 7919 >> 3)
	}
	return data
}

func TestOutputIsByteExact(t *testing.T) {
	file := filepath.Join(t.TempDir(), "noise")
	data := append(noise(10<<20), "\x1b]0;title\a\x1b[?1049h äöü \U0001F600 end"...)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	// Newlines as they are on the inner terminal; the outer is raw by then.
	h := sit(t, "au", "sh", "-c", "stty -opost; cat "+file)
	h.ends()
	for deadline := time.Now().Add(10 * time.Second); len(h.screen()) < len(data) && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	if got := h.screen(); got != string(data) {
		t.Errorf("%d bytes came through of %d, or others", len(got), len(data))
	}
}

func TestKeysAreByteExact(t *testing.T) {
	data := noise(1 << 20)
	h := sit(t, "au", "sh", "-c", fmt.Sprintf("stty raw -echo; echo be''gun; head -c %d | sha256sum", len(data)))
	h.expect("begun")
	h.types(string(data))
	h.expect(fmt.Sprintf("%x", sha256.Sum256(data)))
}

func TestPipesAreByteExact(t *testing.T) {
	folder := t.TempDir()
	data := noise(10 << 20)
	if err := os.WriteFile(filepath.Join(folder, "in"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	h := shell(t)
	h.does("cd "+folder+"; au cat <in >out; cat in | au cat | cat >out2; echo do''ne", "done")
	for _, name := range []string{"out", "out2"} {
		if got, err := os.ReadFile(filepath.Join(folder, name)); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: %d bytes of %d, or others; %v", name, len(got), len(data), err)
		}
	}
}

func TestFullScreen(t *testing.T) {
	for program, keys := range map[string]string{"vim.tiny": "ihello\x1b:wq\r", "less": "Gq"} {
		t.Run(program, func(t *testing.T) {
			if _, err := exec.LookPath(program); err != nil {
				t.Skip(err)
			}
			h := shell(t)
			before := h.settings()
			file := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(file, bytes.Repeat([]byte("line\n"), 100), 0o600); err != nil {
				t.Fatal(err)
			}
			h.types("au " + program + " " + file + "; echo \"status $?.\"\n")
			h.expect(`\x1b\[\?1049h`)
			time.Sleep(300 * time.Millisecond)
			h.types(keys)
			h.expect(`status 0\.`)
			if after := h.settings(); after != before {
				t.Errorf("settings %+v, were %+v", after, before)
			}
			if text, _ := os.ReadFile(file); program == "vim.tiny" && !strings.HasPrefix(string(text), "helloline\n") {
				t.Errorf("the file begins with %.20q", text)
			}
		})
	}
}
