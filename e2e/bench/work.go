// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A task is what is done in a place, as the figures call it, and how: a script that begins there.
type task struct {
	name string
	most float64 // in a draft, how many times as long as in a share it may take; 0: reported
	do   string
}

// tasksInShare and tasksInDraft are what is done in a share, and in a draft.
func (m *machine) tasksInShare() []task {
	small := count(m.files) + " small files: "
	return []task{
		{small + "made", 0, fmt.Sprintf("files small %d make", m.files)},
		{small + "stat", 0, fmt.Sprintf("files small %d stat", m.files)},
		{small + "removed", 0, "rm -rf small"},
		{"`git status` on " + count(m.repo) + " files", 0, "git -C repo status --porcelain"},
		{"`make` of 24 C files", 0, "make -sB -C code"}, // all of it, whatever was made before
	}
}

var tasksInDraft = []task{
	{"the agent's first `git status`", 1.3, "git -C repo status --porcelain"},
	{"`git status` again", 1.3, "git -C repo status --porcelain"},
	{"`find`", 1.6, "find repo -newer code/Makefile"},
	{"`grep -r`", 1.6, "! grep -rq nosuchword repo"},
	{"`make` of 24 C files", 1.2, "make -sB -C code"},
	{"a first write to each of 200 files", 0, "files written 200 append"},
	{"checkout of another branch", 0, "git -C repo checkout -q side"},
}

// A place is where work is done, who makes the files there, and who works; costs are what each task took.
type place struct {
	title, dir, config, maker, worker string
	draft                             bool
	costs                             [][]cost
}

// worked has the tasks done in all places, each time on files that are made anew.
func (m *machine) worked(tasks []task, places ...*place) {
	scripts := []string{"! grep -rq nosuchword ."} // all is looked at once before, for the caches
	for _, t := range tasks {
		scripts = append(scripts, t.do)
	}
	var cells []*cell
	for _, p := range places {
		prepare, c := script(p.maker, p.dir, fmt.Sprintf("n=%d\n", m.repo)+prepareScript), says(p.worker+self+" work "+p.dir)
		prepare.config, c.config, c.argv = p.config, p.config, append(c.argv, scripts...)
		p.costs = make([][]cost, len(tasks))
		cells = append(cells, &cell{do: func() []cost {
			prepare.output()
			for i, spent := range costsOf(c.output()) {
				p.costs[i] = append(p.costs[i], spent)
			}
			if p.draft {
				inFolder(filepath.Base(p.dir), "au draft drop -y").output()
			}
			return nil
		}})
	}
	measure(m.slow, alone(cells...))
}

// workInside does the same work inside a share, in the agent's own home, and outside by the human.
func workInside(m *machine, f *figures) {
	says("mkdir " + path("inside")).output()
	outside, home := &place{title: "alice, outside", dir: path("outside")}, &place{title: "agent, in its home", dir: "/home/agent/own", maker: "au run ", worker: "au run "}
	in := &place{title: "agent, in a share", dir: "/home/agent/inside", maker: "au run ", worker: "au run ", config: m.configWith([]share{{"inside", writable}}, 0, 0)}
	tasks := m.tasksInShare()
	m.worked(tasks, outside, home, in)
	var rows [][]string
	var all []apart
	for i, t := range tasks {
		a := apartOf(t.name, in.costs[i], home.costs[i])
		o, h, s := spreadOf(outside.costs[i]), spreadOf(home.costs[i]), spreadOf(in.costs[i])
		all = append(all, a)
		rows = append(rows, []string{a.title, ms(o.wall), ms(h.wall), times(h.wall, o.wall), ms(s.wall), times(s.wall, o.wall), ratio(a.ratio), ratio(a.cpu), a.width()})
	}
	f.section("Work inside a share", "The human outside, the agent in its home (the walls of a run), and the agent in a share (the walls, and the share) do the same work, "+
		"each in a folder of its own, on one file system. The worker measures it, so that the start of the run is not in it.")
	table(&f.out, fmt.Sprintf(" | %s | %s | × outside | %s | × outside | × home | CPU × home | noise ", outside.title, home.title, in.title), 1, rows,
		fmt.Sprintf("%d runs a cell", len(in.costs[0])))
	worst := slices.MaxFunc(all, func(a, b apart) int { return cmp.Compare(a.ratio-a.noise, b.ratio-b.noise) })
	f.target("nothing measurable inside a share", "farthest from the agent's home: "+worst.title+", "+worst.String(), worst.within())
}

// draftWork does the same work in a share and in a draft. The human has made the files.
func draftWork(m *machine, f *figures) {
	says("mkdir " + path("worked") + " " + path("drafted")).output()
	shared := &place{dir: path("worked"), worker: "au run ", config: m.configWith([]share{{"worked", writable}}, 0, 0)}
	draft := &place{dir: path("drafted"), worker: "au run ", draft: true, config: m.configWith([]share{{"drafted", drafted}}, 0, 0)}
	m.worked(tasksInDraft, shared, draft)
	var rows [][]string
	for i, t := range tasksInDraft {
		a, s, d := apartOf(t.name, draft.costs[i], shared.costs[i]), spreadOf(shared.costs[i]), spreadOf(draft.costs[i])
		rows = append(rows, []string{t.name, ms(s.wall), ms(d.wall), ratio(a.ratio), ratio(a.cpu), a.width()})
		if t.most > 0 {
			f.target(fmt.Sprintf("in a draft %s takes at most %v times as long as in a share", t.name, t.most), ratio(a.ratio)+" times; "+ratio(a.cpu)+" by CPU", a.ratio <= t.most)
		}
		if each := d.wall / 200; strings.HasPrefix(t.name, "a first write") {
			f.target("the first write to a small file that was there takes at most 2 ms", ms(each)+"; "+ms(s.wall/200)+" in a share", each <= 2*time.Millisecond)
		}
	}
	f.section("Work inside a draft", fmt.Sprintf("The agent does the same in a writable share and in a draft of the same files (a repository of %s), each time as they were before. The worker measures it. "+
		"The first write to a file of the folder copies it, so a build, an installation and a checkout differ by how much they replace.", count(m.repo)))
	table(&f.out, " | in a share | in a draft | × share | CPU × share | noise ", 1, rows, fmt.Sprintf("%d runs a cell", len(draft.costs[0])))
}

// work is the worker: it does what scripts say in dir, and prints a line for each but the first, with the nanoseconds on the clock
// and on the processors.
func work(dir string, scripts ...string) error {
	for i, script := range scripts {
		cmd, start := exec.Command("sh", "-euc", "umask 022; cd \"$1\"; exec >/dev/null\n"+filesScript+script, "sh", dir), time.Now()
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%s: %w: %s", script, err, tail(string(out)))
		}
		if i > 0 {
			fmt.Println(int64(time.Since(start)), int64(cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()))
		}
	}
	return nil
}

// costsOf reads what the worker prints.
func costsOf(text string) (all []cost) {
	for line := range strings.Lines(text) {
		var c cost
		_, err := fmt.Sscan(line, (*int64)(&c.wall), (*int64)(&c.cpu))
		exitOn(err)
		all = append(all, c)
	}
	return all
}

// filesScript makes, looks at or appends to so many small files in a folder, a hundred or EACH in one of its own: files TOP NUMBER
// make|stat|append.
const filesScript = `files() { perl -e '
my ($top, $n, $do, $each) = @ARGV; $each ||= 100; mkdir $top;
for my $i (0 .. $n - 1) {
	my $dir = sprintf "%s/%03d", $top, $i / $each; my $file = sprintf "%s/%03d", $dir, $i % $each;
	if ($do eq "stat") { lstat $file or die "$file: $!"; next }
	mkdir $dir if $do eq "make" && $i % $each == 0;
	open my $f, $do eq "make" ? ">" : ">>", $file or die "$file: $!"; print $f "a line of text\n"; close $f or die "$file: $!";
}' "$@"; }
`

// prepareScript makes what the worker works on, with a repository of $n files, and uses it once, as if it had lain there: git reads
// anew what was written in the second of its index.
const prepareScript = `
rm -rf repo code written; files repo $n make; files written 200 make
(
	commit() { git -c user.name=bench -c user.email=bench@example.com commit -q "$@"; }
	cd repo; git init -q -b main; git add .; commit -m all; git checkout -q -b side
	for f in 0[01]?/*; do echo other >"$f"; done
	commit -am side; git checkout -q main
	find . -name .git -prune -o -type f -exec touch -d '1 minute ago' {} +
	git status --porcelain
)
mkdir code; cd code
cat >Makefile <<'IN'
program: $(patsubst %.c,%.o,$(wildcard *.c))
	$(CC) -o $@ $^
%.o: %.c
	$(CC) -O1 -c -o $@ $<
IN
for name in main $(seq -f f%.0f 23); do
	cat >$name.c <<IN
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int $name(void) { char b[64]; snprintf(b, sizeof b, "%s", "$name"); return (int)strlen(b) - ${#name}; }
IN
done
make -s; rm -f program *.o
`

// blob is what goes through the terminal: lines of text that everybody may read.
const blob = "/opt/bench/blob"

// echo is a program that shows each key at once, and ends with Ctrl-C.
const echo = `stty -icanon -echo -opost; printf R; exec cat`

// terminals measures bytes a second and the way of a key and back, directly and through those who put a terminal in between.
func terminals(m *machine, f *figures) {
	line := []byte(strings.Repeat("0123456789", 8)[:79] + "\n")
	exitOn(os.WriteFile(blob, bytes.Repeat(line, m.blob/len(line)), 0o644))
	defer os.Remove(blob)
	var flow, keys []*cell
	for _, w := range [][2]string{{"directly", ""}, {"`au run`", "au run "}, {"`sudo -u carol` (`use_pty`)", "sudo -u carol "}} {
		flow = append(flow, &cell{title: w[0], cmd: onTerminal(says(w[1] + "cat " + blob))})
		keys = append(keys, &cell{title: w[0], do: func() []cost { return typeKeys(onTerminal(script(w[1], "/tmp", echo)), m.keys) }})
	}
	measure(min(m.slow, 3), alone(flow...))
	measure(m.slow, alone(keys...))
	var rows [][]string
	d, k := flow[0].spread(), keys[0].spread()
	for i := range flow {
		s, t := flow[i].spread(), keys[i].spread()
		rows = append(rows, []string{flow[i].title, fmt.Sprintf("%.0f", float64(m.blob)/(1<<20)/s.wall.Seconds()), times(s.wall, d.wall), times(s.cpu, d.cpu),
			us(t.wall), times(t.wall, k.wall), us(t.p95), times(t.p95, k.p95)})
	}
	f.section("A terminal in between", fmt.Sprintf("`cat` of %d MB to a terminal, from the command's start to its end. Then the time from a typed key until a "+
		"program that shows each key at once shows it.", m.blob>>20))
	table(&f.out, " | MB/s | time × directly | CPU × directly | a key, median | × directly | a key, p95 | × directly ", 1, rows,
		fmt.Sprintf("%d runs and %d keys a row", len(flow[0].costs), len(keys[0].costs)))
}

// typeKeys types on a terminal and returns how long each key took to be shown. A pause before each lets everybody go to sleep, as a
// person's does.
func typeKeys(c command, keys int) (times []cost) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r := c.start()
	stuck := time.AfterFunc(time.Minute, func() { exitOn(fmt.Errorf("%v: a key is not shown", c.argv)) })
	defer stuck.Stop()
	r.shows('R')
	for i := range keys {
		time.Sleep(2 * time.Millisecond)
		key, start := byte('a'+i%16), time.Now()
		r.terminal.Write([]byte{key})
		r.shows(key)
		times = append(times, cost{wall: time.Since(start)})
	}
	r.terminal.Write([]byte{3}) // Ctrl-C ends it
	r.drain().Wait()
	return times
}

// shows reads until the key is shown.
func (r *running) shows(key byte) {
	for buffer := make([]byte, 4096); ; {
		n, err := r.terminal.Read(buffer)
		exitOn(err)
		if slices.Contains(buffer[:n], key) {
			return
		}
	}
}

// familyScript prints the processes that are given, and all below them: family PID….
const familyScript = `family() { for p; do echo "$p"; family $(cat /proc/"$p"/task/*/children); done; }
`

// waitersScript waits until the command `sleep 1000` runs, and ends it. It prints what all other processes of the family of $1 have
// together, in kB: PSS, the memory that they have written to, and what is resident. Then come the most that one of them ever had
// resident, and the names of their programs. The keepers of agents sleep too, but for longer.
const waitersScript = familyScript + `
for try in $(seq 400); do command=$(pgrep -xf '(/usr/bin/)?sleep 1000') && break; sleep 0.01; done
[ "$command" ] || { echo 'no command runs' >&2; exit 1; }
sleep 0.2
names='' files=''
for p in $(family "$1" | grep -vxF "$command"); do
	names="$names, $(basename "$(readlink "/proc/$p/exe")")" files="$files /proc/$p/smaps_rollup /proc/$p/status"
done
awk '{ n[$1] += $2 } $1 == "VmHWM:" && $2 > most { most = $2 } END { print n["Pss:"] + 0, n["Private_Dirty:"] + 0, n["VmRSS:"] + 0, most + 0 }' $files
echo "${names#, }"
kill $command`

// memory looks at who waits while a command runs: all that was started but the command itself.
func memory(m *machine, f *figures) {
	sleeps := "/opt/bench/sleeps" // becomes such a command
	exitOn(os.WriteFile(sleeps, []byte("#!/bin/sh\nexec sleep 1000\n"), 0o755))
	var rows [][]string
	for _, row := range m.commands() {
		if row.waits == "" {
			continue
		}
		row.cmd.argv[len(row.cmd.argv)-1] = sleeps
		var pss, private, rss, high int
		r := row.cmd.start()
		sums, who, _ := strings.Cut(heardOf(waitersScript, fmt.Sprint(r.Process.Pid)), "\n")
		r.drain().Wait() // it was killed: how it ends says nothing
		_, err := fmt.Sscan(sums, &pss, &private, &rss, &high)
		exitOn(err)
		rows = append(rows, []string{row.waits, who, mB(pss), mB(private), mB(rss), mB(high)})
		switch row.waits {
		case "**`au run`**":
			f.target("no Go process waits where there is no terminal", "there wait "+who, !strings.Contains(", "+who, ", au"))
		case "**`au run`** at a terminal":
			f.target("with one, what waits stays below 12 MB", fmt.Sprintf("the largest of %s had %s at most, all together %s PSS", who, mB(high), mB(pss)), high < 12<<10)
		}
	}
	f.section("Who waits while a command runs", "All processes but the command itself. PSS counts shared memory once; the highest is the largest resident size that one of them ever had.")
	table(&f.out, " | processes | PSS | private, written to | resident, added up | highest of one ", 2, rows, "")
}

// sizesScript prints how many bytes the files are that the words of $1 name, with those below folders. A second number is with
// those of $2 and the libraries that all of them load; each file counts once, without what Python has compiled.
const sizesScript = `
files() { for top; do [ ! -e "$top" ] || find "$(readlink -f "$top")" -type f ! -name '*.pyc'; done; }
sum() { sort -u | xargs -rd '\n' stat -c %s | awk '{ n += $1 } END { print n + 0 }'; }
own=$(files $1) more=$(files $2)
programs=$(printf '%s\n' $own $more | LC_ALL=C xargs -rd '\n' grep -laP '^\x7fELF' --)
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
		_, err := fmt.Sscan(heardOf(sizesScript, p[1], p[2]), &own, &all)
		exitOn(err)
		rows = append(rows, []string{p[0], size(own), size(all)})
	}
	f.section("On the disk", "Programs and their own libraries and settings, and the same with all that they load or run on.")
	table(&f.out, " | its own | with what it needs ", 1, rows, "")
}
