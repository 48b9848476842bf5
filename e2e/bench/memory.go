// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A waiter is what stands by while a command runs.
type waiter struct {
	title          string
	processes      []string // names of programs
	pss, rss, high int      // kB, all together; high is the largest any of them alone ever was
	private        int
}

// memory looks at who waits while a command runs: all that was started but the command itself.
func memory(m *machine, f *figures) error {
	root := func(argv ...string) command { return command{argv: argv} }
	all := []struct {
		title string
		cmd   command
	}{
		{"**`au run`**", m.human("au", "run", "sleep", "1000")},
		{"**`au run`** at a terminal", onTerminal(m.human("au", "run", "sleep", "1000"))},
		{"bubblewrap, the nearest walls", root(append(append([]string{}, bwrapWalls...), "sleep", "1000")...)},
		{"firejail", command{as: m.alice, env: inContainer, argv: []string{"firejail", "--quiet", "--noprofile", "--private-tmp", "sleep", "1000"}}},
		{"`sudo -u carol`", m.human("sudo", "-u", "carol", "sleep", "1000")},
		{"`sudo -u carol` at a terminal", onTerminal(m.human("sudo", "-u", "carol", "sleep", "1000"))},
		{"`su carol -c`", root("su", "carol", "-c", "sleep 1000")},
		{"`systemd-run --pipe --wait`", root("systemd-run", "--quiet", "--pipe", "--wait", "--uid=carol", "sleep", "1000")},
		{"`run0 --pipe`", root("run0", "--pipe", "--user=carol", "sleep", "1000")},
	}
	if m.original {
		all = append(all, struct {
			title string
			cmd   command
		}{"agent-as-unix-user 2.x at a terminal", m.origin("run", "-a", "orig", "sleep", "1000")})
	}
	var waiters []waiter
	for _, a := range all {
		w, err := standing(a.cmd)
		if err != nil {
			return fmt.Errorf("%s: %w", a.title, err)
		}
		w.title = a.title
		waiters = append(waiters, w)
	}
	f.memory(waiters)
	return nil
}

// standing starts a command that sleeps, looks at who waits, and ends it.
func standing(c command) (waiter, error) {
	t, err := openTerminal()
	if err != nil {
		return waiter{}, err
	}
	defer t.close()
	t.drain()
	var pid int
	if c.pty {
		pid, err = t.start(c)
	} else {
		var path string
		if path, err = c.program(); err == nil {
			pid, err = syscall.ForkExec(path, c.argv, c.attr([3]uintptr{null.Fd(), null.Fd(), null.Fd()}))
		}
	}
	if err != nil {
		return waiter{}, err
	}
	if !comes(func() bool { return slices.ContainsFunc(everybody(), sleeps) }) {
		syscall.Kill(pid, syscall.SIGKILL)
		wait(pid)
		return waiter{}, fmt.Errorf("%s: no command runs", strings.Join(c.argv, " "))
	}
	time.Sleep(200 * time.Millisecond)
	w := added(family(pid))
	for _, p := range everybody() {
		if sleeps(p) {
			syscall.Kill(p, syscall.SIGTERM)
		}
	}
	_, _, err = wait(pid)
	return w, err
}

// comes waits until something is so, and reports whether it is.
func comes(so func() bool) bool {
	for range 400 {
		if so() {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

// added adds up what processes take, the commands that sleep left out.
func added(pids []int) (w waiter) {
	for _, p := range pids {
		if sleeps(p) {
			continue
		}
		w.processes = append(w.processes, name(p))
		w.pss += field(p, "smaps_rollup", "Pss:")
		w.private += field(p, "smaps_rollup", "Private_Dirty:")
		w.rss += field(p, "status", "VmRSS:")
		w.high = max(w.high, field(p, "status", "VmHWM:"))
	}
	return w
}

func everybody() []int {
	folders, _ := filepath.Glob("/proc/[0-9]*")
	var pids []int
	for _, f := range folders {
		if pid, err := strconv.Atoi(filepath.Base(f)); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// family returns pid and all below it: each thread has children of its own.
func family(pid int) []int {
	pids := []int{pid}
	for i := 0; i < len(pids); i++ {
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pids[i]))
		for _, thread := range threads {
			text, _ := os.ReadFile(thread)
			for _, word := range strings.Fields(string(text)) {
				child, _ := strconv.Atoi(word)
				pids = append(pids, child)
			}
		}
	}
	return pids
}

// sleeps says whether a process is the command; the keepers of agents sleep too, but for longer.
func sleeps(pid int) bool {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return name(pid) == "sleep" && strings.HasSuffix(string(text), "\x001000\x00")
}

// name is the name of a process's program.
func name(pid int) string {
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return ""
	}
	return filepath.Base(path)
}

// field reads a number of kB.
func field(pid int, file, key string) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 1 && words[0] == key {
			n, _ := strconv.Atoi(words[1])
			return n
		}
	}
	return 0
}
