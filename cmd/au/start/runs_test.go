// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/a4u2/au/csrc"
)

// machineOf makes a /proc that shows these processes: a line each, its number, its parent, its four uids, its numbers in pid
// namespaces, when it began, and its arguments.
func machineOf(t *testing.T, lines ...string) Machine {
	t.Helper()
	m := Real
	m.Root = t.TempDir()
	put := func(path, text string) {
		path = filepath.Join(m.Root, "proc", path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	put("stat", "cpu 1\nbtime 1900000000\n")
	put("self/mountinfo", "21 1 0:20 / /proc rw - proc proc rw\n")
	for _, line := range lines {
		f := strings.Split(line, "|")
		put(f[0]+"/stat", fmt.Sprintf("%s (x) %s 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %s 0\n", f[0], f[1], f[4]))
		put(f[0]+"/status", "Name:\tx\nUid:\t"+strings.ReplaceAll(f[2], " ", "\t")+"\nNSpid:\t"+strings.ReplaceAll(f[3], " ", "\t")+"\n")
		put(f[0]+"/cmdline", strings.ReplaceAll(f[5], " ", "\x00")+"\x00")
	}
	if err := os.MkdirAll(m.Root+"/etc", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(m.Root+"/etc/passwd", []byte("alice:x:1000:1000::/home/alice:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	m.Ask = func(string, string) ([]byte, error) { return nil, errors.New("nobody") }
	return m
}

const (
	waiter = "100|S 1|1000 1000 1000 1000|100|500|su_as_agent agent --dir /home/alice/x/sub --same-draft /home/alice/x x /drafts/fix-it-0123456789abcdef --try-ro /home/alice/ref ref -- /usr/bin/claude secret"
	guard  = "101|S 100|1005 1005 1005 1005|101 1|501|su_as_agent agent -- claude"
)

var agents = []csrc.Policy{{Name: "agent", UID: 1005, Home: "/home/agent"}, {Name: "other", UID: 1006, Home: "/home/other"}}

func TestARunIsDescribed(t *testing.T) {
	m := machineOf(t, waiter, guard)
	runs, err := m.Runs(agents...)
	if err != nil || len(runs) != 1 {
		t.Fatalf("runs are %+v, %v", runs, err)
	}
	r := runs[0]
	want := "claude of alice, since " + time.Unix(1900000005, 0).Local().Format("2 Jan 2006 15:04") + ", in /home/alice/x/sub (draft fix-it)"
	if got := strings.TrimPrefix(r.Text(), "run "+r.ID+": "); got != want {
		t.Errorf("the run is described as %q, want %q", got, want)
	}
	if len(r.ID) != 5 || r.Agent != "agent" || r.PID != 100 || len(r.Shares) != 2 || r.Shares[1] != (RunShare{"/home/alice/ref", "read-only", "", "/home/agent/ref"}) {
		t.Errorf("the run is %+v", r)
	}
	if !m.GoesOn(r) {
		t.Error("it is said to have ended")
	}
}

// An agent has processes with any name and any arguments, in namespaces of its own; a run is what only the entrypoint can make.
func TestNobodyForgesARun(t *testing.T) {
	for name, forged := range map[string]string{
		"its own child in a namespace of its own":        "103|S 101|1005 1005 1005 1005|103 7 1|600|su_as_agent agent -- claude",
		"a child of such a one":                          "103|S 102|1005 1005 1005 1005|103 1|600|su_as_agent agent -- claude",
		"not the first of a namespace":                   "103|S 100|1005 1005 1005 1005|103 2|600|x",
		"in the machine's namespace":                     "103|S 100|1005 1005 1005 1005|103|600|x",
		"below the human's process, two namespaces down": "103|S 100|1005 1005 1005 1005|103 7 1|600|x",
		"of root in one id":                              "103|S 100|1005 1005 0 1005|103 1|600|x",
		"of somebody else":                               "103|S 100|1007 1007 1007 1007|103 1|600|x",
		"a child of root's":                              "103|S 104|1005 1005 1005 1005|103 1|600|x",
		"a child of one that is root in one id":          "103|S 105|1005 1005 1005 1005|103 1|600|x",
		"that has ended":                                 "103|Z 100|1005 1005 1005 1005|103 1|600|x",
		"without a parent that can be seen":              "103|S 999|1005 1005 1005 1005|103 1|600|x",
	} {
		m := machineOf(t, waiter, guard, "102|S 101|1005 1005 1005 1005|102 7|550|su_as_agent agent --rw /etc x -- claude",
			"104|S 1|0 0 0 0|104|550|su_as_agent agent -- claude", "105|S 1|1000 0 1000 1000|105|550|su_as_agent agent -- claude", forged)
		runs, err := m.Runs(agents...)
		if err != nil || len(runs) != 1 || runs[0].PID != 100 {
			t.Errorf("with a process %s the runs are %+v, %v", name, runs, err)
		}
	}
}

func TestAnIDIsOfOneRun(t *testing.T) {
	first, _ := machineOf(t, waiter, guard).Runs(agents...)
	again, _ := machineOf(t, strings.Replace(waiter, "|500|", "|700|", 1), guard).Runs(agents...)
	if first[0].ID == again[0].ID {
		t.Error("a run with the number of another has its id")
	}
	m := machineOf(t, strings.Replace(waiter, "|500|", "|700|", 1), guard)
	if m.GoesOn(first[0]) {
		t.Error("a run is taken for one before it with the same number")
	}
	m = machineOf(t, waiter, strings.Replace(guard, "1005 1005 1005 1005", "1006 1006 1006 1006", 1))
	if m.GoesOn(first[0]) {
		t.Error("a run of another agent is taken for one before it with the same number")
	}
}

func TestWhatTheHumanStartedOddlyIsShownAllTheSame(t *testing.T) {
	for _, arguments := range []string{"", "x", "su_as_agent other -- true", "su_as_agent agent --what -- true"} {
		runs, err := machineOf(t, waiter[:strings.LastIndex(waiter, "|")+1]+arguments, guard).Runs(agents...)
		if err != nil || len(runs) != 1 || runs[0].Command != "?" || runs[0].Human != "alice" || len(runs[0].Shares) != 0 {
			t.Errorf("with the arguments %q the runs are %+v, %v", arguments, runs, err)
		}
	}
}

func TestHiddenProcessesAreSaidToBeHidden(t *testing.T) {
	m := machineOf(t, waiter, guard)
	if err := os.WriteFile(m.Root+"/proc/self/mountinfo", []byte("21 1 0:20 / /proc rw - proc proc rw,hidepid=invisible\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	told := make(chan error)
	go func() {
		runtime.LockOSThread() // and never let go: the thread ends with its uid
		if os.Getuid() == 0 {
			syscall.RawSyscall(syscall.SYS_SETRESUID, 65534, ^uintptr(0), ^uintptr(0)) // the real uid alone, which is asked for
		}
		_, err := m.Runs(agents...)
		told <- err
	}()
	if err := <-told; !errors.Is(err, ErrHidden) {
		t.Errorf("the runs are said to be hidden by %v", err)
	}
}

func TestRunsStandInTheirOrder(t *testing.T) {
	m := machineOf(t, waiter, guard, "90|S 1|1001 1001 1001 1001|90|900|su_as_agent other -- true", "91|S 90|1006 1006 1006 1006|91 1|901|x")
	runs, _ := m.Runs(agents...)
	if got := slices.Collect(func(yield func(string) bool) {
		for _, r := range runs {
			yield(r.Agent + " " + r.Human + " " + r.Text()[strings.LastIndex(r.Text(), ", in ")+5:])
		}
	}); !slices.Equal(got, []string{"agent alice /home/alice/x/sub (draft fix-it)", "other bob its home"}) {
		t.Errorf("the runs are %q", got)
	}
}
