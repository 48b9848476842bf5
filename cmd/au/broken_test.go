// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/a4u2/au/internal/fakehost"
	"golang.org/x/sys/unix"
)

// testHost returns a machine on which au can be run in this process.
func testHost(t *testing.T, c fakehost.Config) *fakehost.Host {
	t.Helper()
	h := newHost(filepath.Join(memory(t), "host"), fakehost.Config{Systemd: c.Systemd, CgroupV1: c.CgroupV1})
	// Folders that other programs use too, so that they stay when an agent goes.
	h.PutFolder("/usr/local/libexec/git", fakehost.Node{Mode: 0o755})
	if err := h.Show(); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", h.Root+"/home/alice")
	return h
}

// memory returns a folder of the test, in memory where there is such a file system that programs can be on: hundreds of machines
// are made here.
func memory(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("/dev/shm", "au-test")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	program := filepath.Join(folder, "program")
	if os.WriteFile(program, nil, 0o755) != nil || unix.Access(program, unix.X_OK) != nil {
		return t.TempDir()
	}
	return folder
}

// runAu runs au as one process would; killed says that it was ended by After.
func runAu(h *fakehost.Host, args ...string) (status int, output string, killed bool) {
	var out bytes.Buffer
	h.Calls = 0
	done := make(chan struct{})
	killed = true
	go func() {
		defer close(done)
		status = run(hostOf(h), args, &out, &out)
		killed = false
	}()
	<-done
	return status, out.String(), killed
}

// must runs au, which has to succeed.
func must(t *testing.T, h *fakehost.Host, args ...string) string {
	t.Helper()
	status, out, _ := runAu(h, args...)
	if status != 0 {
		t.Fatalf("au %s: exit status %d\n%s", strings.Join(args, " "), status, out)
	}
	return out
}

// sameAs compares the machine with how it was, or should be.
func sameAs(t *testing.T, h *fakehost.Host, want, situation string, args ...any) {
	t.Helper()
	if got := h.Dump(); got != want {
		t.Errorf("%s, the machine differs:\n%s", fmt.Sprintf(situation, args...), fakehost.Differ(want, got))
	}
}

// failAt makes the n-th command through sudo fail, and with onward all after it too.
func failAt(h *fakehost.Host, n int, onward bool) {
	h.Before = func(call int, _ []string) bool { return call == n || onward && call > n }
}

// killAt ends au after the n-th command through sudo.
func killAt(h *fakehost.Host, n int) {
	h.After = func(call int) {
		if call == n {
			h.Show()
			runtime.Goexit()
		}
	}
}

func mend(h *fakehost.Host) { h.Before, h.After = nil, nil }

// inStages is a machine where a plan depends on what the one before it made: with cgroup v1 the keeper has to run before its
// cgroups are known.
var inStages = fakehost.Config{Systemd: true, CgroupV1: true}

// commands returns how many commands au runs through sudo for these arguments, on a machine prepared so.
func commands(t *testing.T, c fakehost.Config, prepare func(*fakehost.Host), args ...string) int {
	t.Helper()
	h := testHost(t, c)
	prepare(h)
	must(t, h, args...)
	return h.Calls
}

func fresh(*fakehost.Host) {}

func TestNewWhoseCommandFailsLeavesNothing(t *testing.T) {
	all := commands(t, inStages, fresh, "new", "-y")
	for n := range all {
		h := testHost(t, inStages)
		before := h.Dump()
		failAt(h, n+1, false)
		status, out, _ := runAu(h, "new", "-y")
		if status != 1 || !strings.Contains(out, "sudo: refused on purpose") {
			t.Errorf("command %d of %d failed: exit status %d\n%s", n+1, all, status, out)
		}
		sameAs(t, h, before, "command %d of %d failed", n+1, all)
		if _, err := os.Stat(h.Root + "/home/alice/.config/agent-as-unix-user.toml"); err == nil {
			t.Errorf("command %d of %d failed, and the agent stands in the config", n+1, all)
		}
	}
}

func TestDryRunPrintsWhatRuns(t *testing.T) {
	h := testHost(t, fakehost.Config{Systemd: true})
	before := h.Dump()
	for _, args := range [][]string{{"new", "-y"}, {"grant", "-y", "bob"}, {"revoke", "bob"}, {"delete", "-y", "-H"}} {
		dry := must(t, h, append(args, "--dry-run")...)
		sameAs(t, h, before, "after a dry run of au %s", args[0])
		if done := must(t, h, append(args, "-v")...); dry == "" || !strings.HasPrefix(done, dry) {
			t.Errorf("a dry run of au %s printed\n%s\nand the real one\n%s", args[0], dry, done)
		}
		before = h.Dump()
	}
}

// Where the undo fails too, the mark stays, so that au delete knows what is au's.
func TestDeleteCleansUpWhatCouldNotBeTakenBack(t *testing.T) {
	c := fakehost.Config{Systemd: true}
	all := commands(t, c, fresh, "new", "-y")
	for n := range all {
		h := testHost(t, c)
		before := h.Dump()
		failAt(h, n+1, true)
		status, out, _ := runAu(h, "new", "-y")
		if status != 1 || n > 0 && !strings.Contains(out, "au: hint: au delete --agent agent\n") {
			t.Errorf("command %d of %d and all after it failed: exit status %d\n%s", n+1, all, status, out)
		}
		mend(h)
		if h.Dump() != before {
			must(t, h, "delete", "-y", "-H")
		}
		sameAs(t, h, before, "command %d of %d and all after it failed, and the agent was deleted", n+1, all)
	}
}

func TestTheMarkStaysWhileAGroupDoes(t *testing.T) {
	c := fakehost.Config{Systemd: true}
	all := commands(t, c, fresh, "new", "-y")
	for n := 7; n <= all; n++ { // the sixth makes the group
		h := testHost(t, c)
		before := h.Dump()
		h.Before = func(call int, argv []string) bool { return call == n || argv[0] == "groupdel" }
		status, out, _ := runAu(h, "new", "-y")
		if status != 1 || h.File("/etc/au/agents/agent") == nil {
			t.Errorf("command %d of %d and groupdel failed: exit status %d, and the policy is gone\n%s", n, all, status, out)
		}
		mend(h)
		must(t, h, "delete", "-y", "-H")
		sameAs(t, h, before, "command %d of %d and groupdel failed, and the agent was deleted", n, all)
	}
}

func TestNewThatWasKilledIsFinishedByNew(t *testing.T) {
	all := commands(t, inStages, fresh, "new", "-y")
	whole := testHost(t, inStages)
	must(t, whole, "new", "-y")
	for n := range all {
		h := testHost(t, inStages)
		killAt(h, n+1)
		if _, _, killed := runAu(h, "new", "-y"); !killed {
			t.Fatalf("not killed at command %d of %d", n+1, all)
		}
		mend(h)
		must(t, h, "new", "-y")
		must(t, h, "info")
		if got, want := strings.ReplaceAll(h.Dump(), h.Root, ""), strings.ReplaceAll(whole.Dump(), whole.Root, ""); got != want {
			t.Errorf("killed after command %d of %d and run again, the machine differs:\n%s", n+1, all, fakehost.Differ(want, got))
		}
	}
}

func TestNewThatWasKilledIsCleanedUpByDelete(t *testing.T) {
	all := commands(t, inStages, fresh, "new", "-y")
	for n := range all {
		h := testHost(t, inStages)
		before := h.Dump()
		killAt(h, n+1)
		runAu(h, "new", "-y")
		mend(h)
		must(t, h, "delete", "-y", "-H")
		sameAs(t, h, before, "killed after command %d of %d and deleted", n+1, all)
	}
}

func TestDeleteThatWasKilledIsFinishedByDelete(t *testing.T) {
	c := fakehost.Config{Systemd: true}
	make := func(h *fakehost.Host) {
		runAu(h, "new", "-y")
		h.Start(fakehost.Process{Name: "node", UID: 1002})
		h.Put("/var/mail/agent", "hello\n", fakehost.Node{UID: 1002, GID: 8, Mode: 0o600})
	}
	all := commands(t, c, make, "delete", "-y", "-H")
	for n := range all {
		h := testHost(t, c)
		before := h.Dump()
		make(h)
		killAt(h, n+1)
		if _, _, killed := runAu(h, "delete", "-y", "-H"); !killed {
			t.Fatalf("not killed at command %d of %d", n+1, all)
		}
		mend(h)
		must(t, h, "delete", "-y", "-H")
		sameAs(t, h, before, "killed after command %d of %d and run again", n+1, all)
		if out := must(t, h, "list"); out != "No agents configured.\n" {
			t.Errorf("killed after command %d of %d and run again, au list says %q", n+1, all, out)
		}
	}
}

func TestDeleteWhoseCommandFailsCanBeRunAgain(t *testing.T) {
	c := fakehost.Config{Systemd: true}
	make := func(h *fakehost.Host) { runAu(h, "new", "-y") }
	all := commands(t, c, make, "delete", "-y", "-H")
	for n := range all {
		h := testHost(t, c)
		before := h.Dump()
		make(h)
		failAt(h, n+1, false)
		status, out, _ := runAu(h, "delete", "-y", "-H")
		mend(h)
		if status == 0 && strings.Contains(out, "pkill --signal KILL --uid 1002\nsudo: refused") {
			continue // pkill(1) says in the same way that nothing matched, and nothing ran
		}
		if status != 1 {
			t.Errorf("command %d of %d failed: exit status %d\n%s", n+1, all, status, out)
		}
		must(t, h, "delete", "-y", "-H")
		sameAs(t, h, before, "command %d of %d failed, and it was run again", n+1, all)
	}
}

func TestGrantWhoseCommandFailsLeavesNothing(t *testing.T) {
	c := fakehost.Config{Systemd: true}
	make := func(h *fakehost.Host) { runAu(h, "new", "-y") }
	all := commands(t, c, make, "grant", "-y", "bob")
	for n := range all {
		h := testHost(t, c)
		make(h)
		before := h.Dump()
		failAt(h, n+1, false)
		if status, out, _ := runAu(h, "grant", "-y", "bob"); status != 1 {
			t.Errorf("command %d of %d failed: exit status %d\n%s", n+1, all, status, out)
		}
		sameAs(t, h, before, "command %d of %d failed", n+1, all)
	}
}

func TestRevokeWhoseCommandFailsCanBeRunAgain(t *testing.T) {
	c := fakehost.Config{Systemd: true}
	make := func(h *fakehost.Host) { runAu(h, "new", "-y"); runAu(h, "grant", "-y", "bob") }
	all := commands(t, c, make, "revoke", "bob")
	for n := range all {
		h := testHost(t, c)
		runAu(h, "new", "-y")
		before := h.Dump()
		runAu(h, "grant", "-y", "bob")
		failAt(h, n+1, false)
		if status, out, _ := runAu(h, "revoke", "bob"); status != 1 {
			t.Errorf("command %d of %d failed: exit status %d\n%s", n+1, all, status, out)
		}
		mend(h)
		must(t, h, "revoke", "bob")
		sameAs(t, h, before, "command %d of %d failed, and it was run again", n+1, all)
	}
}
