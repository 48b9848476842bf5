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
	processes               []string // names of programs
	pss, private, rss, high int      // kB, all together; high is the largest any of them alone ever was
}

// memory looks at who waits while a command runs: all that was started but the command itself.
func memory(m *machine, f *figures) {
	as := func(words string) command { return root(strings.Fields(words)...) }
	var rows [][]string
	for _, row := range append([]*cell{
		{title: "**`au run`**", cmd: m.says("au run sleep 1000")},
		{title: "**`au run`** at a terminal", cmd: onTerminal(m.says("au run sleep 1000"))},
		{title: "bubblewrap, the nearest walls", cmd: bwrap("sleep", "1000")},
		{title: "firejail", cmd: m.firejail("sleep 1000")},
		{title: "`sudo -u carol`", cmd: m.says("sudo -u carol sleep 1000")},
		{title: "`sudo -u carol` at a terminal", cmd: onTerminal(m.says("sudo -u carol sleep 1000"))},
		{title: "`su carol -c`", cmd: root("su", "carol", "-c", "sleep 1000")},
		{title: "`systemd-run --pipe --wait`", cmd: as("systemd-run --quiet --pipe --wait --uid=carol sleep 1000")},
		{title: "`run0 --pipe`", cmd: as("run0 --pipe --user=carol sleep 1000")},
	}, m.theirs(&cell{title: "agent-as-unix-user 2.x at a terminal", cmd: m.origin("run -a orig sleep 1000")})...) {
		w := standing(row.cmd)
		f.waiters = append(f.waiters, w)
		rows = append(rows, []string{row.title, strings.Join(w.processes, ", "), kB(w.pss), kB(w.private), kB(w.rss), kB(w.high)})
	}
	f.section("Who waits while a command runs", "All processes but the command itself. PSS counts shared memory once; the highest is the largest resident size that one of them ever had.")
	table(&f.out, " | processes | PSS | private, written to | resident, added up | highest of one ", 2, rows, "")
}

// standing starts a command that sleeps, looks at who waits, and ends it.
func standing(c command) (w waiter) {
	r, err := c.start()
	exitOn(err)
	defer r.drain().wait() // it was killed: how it ends says nothing
	for tries := 0; !slices.ContainsFunc(everybody(), sleeps); tries++ {
		if tries == 400 {
			exitOn(fmt.Errorf("%s: no command runs", strings.Join(c.argv, " ")))
		}
		time.Sleep(10 * time.Millisecond)
	}
	time.Sleep(200 * time.Millisecond)
	for _, p := range family(r.Process.Pid) {
		if sleeps(p) {
			continue
		}
		w.processes = append(w.processes, name(p))
		w.pss += field(p, "smaps_rollup", "Pss:")
		w.private += field(p, "smaps_rollup", "Private_Dirty:")
		w.rss += field(p, "status", "VmRSS:")
		w.high = max(w.high, field(p, "status", "VmHWM:"))
	}
	for _, p := range everybody() {
		if sleeps(p) {
			syscall.Kill(p, syscall.SIGTERM)
		}
	}
	return w
}

func everybody() []int { return numbers(heardOf("cd /proc; echo [0-9]*")) }

func numbers(text string) (all []int) {
	for _, word := range strings.Fields(text) {
		if n, err := strconv.Atoi(word); err == nil {
			all = append(all, n)
		}
	}
	return all
}

// family returns pid and all below it: each thread has children of its own.
func family(pid int) []int {
	pids := []int{pid}
	for i := 0; i < len(pids); i++ {
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pids[i]))
		for _, thread := range threads {
			text, _ := os.ReadFile(thread)
			pids = append(pids, numbers(string(text))...)
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
	path, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return strings.TrimPrefix(path, filepath.Dir(path)+"/")
}

// field reads a number of kB.
func field(pid int, file, key string) int {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	_, after, _ := strings.Cut("\n"+string(text), "\n"+key)
	if words := strings.Fields(after); len(words) > 0 {
		n, _ := strconv.Atoi(words[0])
		return n
	}
	return 0
}

// sizesScript prints how many bytes the files are that the words of $1 name, with those below folders, and how many with those of
// $2 and the libraries that all of them load; each file once, without what Python has compiled.
const sizesScript = `
files() { for top; do [ ! -e "$top" ] || find "$(readlink -f "$top")" -type f ! -name '*.pyc'; done; }
sum() { sort -u | xargs -rd '\n' stat -c %s | awk '{ n += $1 } END { print n + 0 }'; }
own=$(files $1) more=$(files $2)
programs=$(printf '%s\n' "$own" "$more" | LC_ALL=C xargs -rd '\n' grep -laP '^\x7fELF' --)
libraries=$(for program in $programs; do ldd "$program" 2>/dev/null; done | sed -En 's/^\s+(.* => )?(\/\S+) \(0x.*/\2/p' | sort -u)
printf '%s\n' "$own" | sum
printf '%s\n' "$own" "$more" "$(files $libraries)" | grep . | sum`

// programs says how much of the disk each program takes.
func programs(m *machine, f *figures) {
	products := [][3]string{
		{"**`au`**, which starts runs", "/usr/local/bin/au"},
		{"**`au-complete`**, for all else", "/usr/local/libexec/au/au-complete"},
		{"**its entrypoint**", "/usr/local/libexec/au/su_as_agent"},
		{"bubblewrap", "/usr/bin/bwrap"},
		{"firejail", "/usr/bin/firejail /usr/bin/firecfg /usr/bin/firemon /usr/lib/*/firejail /etc/firejail"},
		{"sudo", "/usr/bin/sudo /usr/libexec/sudo/*.so* /usr/lib/sudo/*.so*", "/usr/lib/*-linux-gnu/security/pam_unix.so /usr/lib/*-linux-gnu/libpam.so.0"},
		{"doas", "/usr/bin/doas"},
		{"systemd-run", "/usr/bin/systemd-run"},
	}
	if m.original {
		products = append(products, [3]string{"agent-as-unix-user 2.x", "/opt/original/agent_as_unix_user", "/usr/bin/python3 /usr/lib/python3.* /opt/original/click"})
	}
	var rows [][]string
	for _, p := range products {
		var own, all int64
		_, err := fmt.Sscan(root("sh", "-c", sizesScript, "sh", p[1], p[2]).output(), &own, &all)
		exitOn(err)
		rows = append(rows, []string{p[0], size(own), size(all)})
	}
	f.section("On the disk", "Programs and their own libraries and settings, and the same with all that they load or run on.")
	table(&f.out, " | its own | with what it needs ", 1, rows, "")
}
