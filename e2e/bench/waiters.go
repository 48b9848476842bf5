// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"strings"
)

// familyScript prints the processes that are given, and all below them: family PID….
const familyScript = `family() { for p; do echo "$p"; family $(cat /proc/"$p"/task/*/children); done; }`

// waitersScript waits until the command `sleep 1000` runs, prints a line for each other process of the family of $1, and ends the
// command. A line has the name of the program and, in kB, its PSS, the memory that it has written to, and what is resident, now and
// at its highest. The keepers of agents sleep too, but for longer.
const waitersScript = familyScript + `
sleeps() { case $(tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline") in 'sleep 1000 ' | /usr/bin/'sleep 1000 ') ;; *) false ;; esac; }
everybody() { for p in $(cd /proc; echo [0-9]*); do ! sleeps "$p" || echo "$p"; done; }
for try in $(seq 400); do command=$(everybody); [ ! "$command" ] || break; sleep 0.01; done
[ "$command" ] || { echo 'no command runs' >&2; exit 1; }
sleep 0.2
for p in $(family "$1"); do
	sleeps "$p" || { basename "$(readlink "/proc/$p/exe")"
	awk '{ n[$1] += $2 } END { print n["Pss:"] + 0, n["Private_Dirty:"] + 0, n["VmRSS:"] + 0, n["VmHWM:"] + 0 }' "/proc/$p/smaps_rollup" "/proc/$p/status"; } | paste -sd' '
done
kill $command`

// memory looks at who waits while a command runs: all that was started but the command itself.
func memory(m *machine, f *figures) {
	var rows [][]string
	for i, row := range append([]*cell{
		{title: "**`au run`**", cmd: m.says("au run sleep 1000")},
		{title: "**`au run`** at a terminal", cmd: onTerminal(m.says("au run sleep 1000"))},
		{title: "bubblewrap, the nearest walls", cmd: bwrap("sleep 1000")},
		{title: "firejail", cmd: m.firejail("sleep 1000")},
		{title: "`sudo -u carol`", cmd: m.says("sudo -u carol sleep 1000")},
		{title: "`sudo -u carol` at a terminal", cmd: onTerminal(m.says("sudo -u carol sleep 1000"))},
		{title: "`su carol -c`", cmd: command{argv: []string{"su", "carol", "-c", "sleep 1000"}}},
		{title: "`systemd-run --pipe --wait`", cmd: root("systemd-run --quiet --pipe --wait --uid=carol sleep 1000")},
		{title: "`run0 --pipe`", cmd: root("run0 --pipe --user=carol sleep 1000")},
	}, m.theirs(&cell{title: "agent-as-unix-user 2.x at a terminal", cmd: m.origin("run -a orig sleep 1000")})...) {
		var processes []string
		var pss, private, rss, high int // all together, but high is the largest that one of them ever was
		for line := range strings.Lines(standing(row.cmd)) {
			var name string
			var n [4]int
			_, err := fmt.Sscan(line, &name, &n[0], &n[1], &n[2], &n[3])
			exitOn(err)
			processes = append(processes, name)
			pss, private, rss, high = pss+n[0], private+n[1], rss+n[2], max(high, n[3])
		}
		who := strings.Join(processes, ", ")
		rows = append(rows, []string{row.title, who, kB(pss), kB(private), kB(rss), kB(high)})
		switch i {
		case 0:
			f.target("no Go process waits where there is no terminal", "there wait "+who, !strings.Contains(", "+who, ", au"))
		case 1:
			f.target("with one, what waits stays below 12 MB", fmt.Sprintf("the largest of %s had %s at most, all together %s PSS", who, kB(high), kB(pss)), high < 12<<10)
		}
	}
	f.section("Who waits while a command runs", "All processes but the command itself. PSS counts shared memory once; the highest is the largest resident size that one of them ever had.")
	table(&f.out, " | processes | PSS | private, written to | resident, added up | highest of one ", 2, rows, "")
}

// standing starts a command that sleeps, and returns who waits.
func standing(c command) string {
	r, err := c.start()
	exitOn(err)
	defer r.drain().wait() // it was killed: how it ends says nothing
	return command{argv: []string{"sh", "-c", waitersScript, "sh", fmt.Sprint(r.Process.Pid)}}.output()
}

// sizesScript prints how many bytes the files are that the words of $1 name, with those below folders. A second number is with
// those of $2 and the libraries that all of them load; each file counts once, without what Python has compiled.
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
		_, err := fmt.Sscan(command{argv: []string{"sh", "-c", sizesScript, "sh", p[1], p[2]}}.output(), &own, &all)
		exitOn(err)
		rows = append(rows, []string{p[0], size(own), size(all)})
	}
	f.section("On the disk", "Programs and their own libraries and settings, and the same with all that they load or run on.")
	table(&f.out, " | its own | with what it needs ", 1, rows, "")
}
