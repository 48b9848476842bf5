// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"cmp"
	"fmt"
	"os/exec"
	"path/filepath"
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

const (
	firstWrite = "a first write to each of 200 files"
	status     = "git -C repo status --porcelain"
	build      = "make -sB -C code all" // all of it, whatever was made before
)

// sets are the tasks in a share, and in a draft; a place of the second is made anew each time.
var sets = map[string][]task{
	"share": {
		{"FILES small files: made", 0, "files small FILES make"},
		{"FILES small files: stat", 0, "files small FILES stat"},
		{"FILES small files: removed", 0, "rm -rf small"},
		{"`git status` on REPO files", 0, status},
		{"`make` of 24 C files", 0, build},
	},
	"draft": {
		{"the agent's first `git status`", 1.3, status},
		{"`git status` again", 1.3, status},
		{"`find`", 1.6, "find repo -newer code/Makefile"},
		{"`grep -r`", 1.6, "! grep -rq nosuchword repo"},
		{"`make` of 24 C files", 1.2, build},
		{firstWrite, 0, "files written 200 append"},
		{"checkout of another branch", 0, "git -C repo checkout -q side"},
	},
}

// filled is a text with the numbers of files, as digits or as a page has them.
func (m *machine) filled(text string, digits func(int) string) string {
	return strings.NewReplacer("FILES", digits(m.files), "REPO", digits(m.repo)).Replace(text)
}

// A place is where work is done, and what each task of it took.
type place struct {
	title, dir, config, run string
	draft                   bool
	costs                   [][]cost
}

// worked has the tasks of a set done in all places, round after round, each of which begins with another. The first one prepares a
// share, and warms a draft up.
func (m *machine) worked(set string, places []*place, limit time.Duration) {
	// All of the place is looked at once before, for the caches.
	tasks := []string{"! grep -rq nosuchword ."}
	for _, t := range sets[set] {
		tasks = append(tasks, m.filled(t.do, plain))
	}
	for began, round := time.Now(), 0; round <= m.slow && (round <= 1 || time.Since(began) < limit); round++ {
		for i := range places {
			p := places[(i+round)%len(places)]
			if round == 0 {
				p.costs = make([][]cost, len(sets[set]))
			}
			switch {
			case set == "draft":
				m.script("", p.dir, m.filled(prepareScript, plain)).output()
			case round == 0:
				c := m.script(p.run, p.dir, m.filled(prepareScript, plain))
				c.config = p.config
				c.output()
				continue
			}
			c := m.human(append(strings.Fields(p.run+m.self+" work "+p.dir), tasks...)...)
			c.config = p.config
			said := c.output()
			for t, line := range slices.Collect(strings.Lines(said)) {
				var c cost
				_, err := fmt.Sscan(line, (*int64)(&c.wall), (*int64)(&c.cpu))
				exitOn(err)
				if round > 0 {
					p.costs[t] = append(p.costs[t], c)
				}
			}
			if p.draft {
				m.inFolder(filepath.Base(p.dir), "au draft drop -y").output()
			}
		}
	}
}

// workInside does the same work inside a share, in the agent's own home, and outside by the human.
func workInside(m *machine, f *figures) {
	m.says("mkdir " + m.path("inside")).output()
	outside, home := &place{title: "alice, outside", dir: m.path("outside")}, &place{title: "agent, in its home", dir: "/home/agent/own", run: "au run "}
	in := &place{title: "agent, in a share", dir: "/home/agent/inside", run: "au run ", config: m.configWith([]share{{"inside", writable}}, 0, 0)}
	m.worked("share", []*place{outside, home, in}, patience)
	var rows [][]string
	var all []apart
	for i, t := range sets["share"] {
		a := apartOf(m.filled(t.name, count), in.costs[i], home.costs[i])
		o, h, s := spreadOf(outside.costs[i]), spreadOf(home.costs[i]), spreadOf(in.costs[i])
		all = append(all, a)
		rows = append(rows, []string{a.title, ms(o.wall), ms(h.wall), times(h.wall, o.wall), ms(s.wall), times(s.wall, o.wall), ratio(a.ratio), ratio(a.cpu), fmt.Sprintf("±%.0f %%", 100*a.noise)})
	}
	f.section("Work inside a share", "The human outside, the agent in its home (the walls of a run), and the agent in a share (the walls, and the share) do the same work, "+
		"each in a folder of its own, on one file system. The worker measures it, so that the start of the run is not in it.")
	table(&f.out, fmt.Sprintf(" | %s | %s | × outside | %s | × outside | × home | CPU × home | noise ", outside.title, home.title, in.title), 1, rows,
		fmt.Sprintf("%d runs a cell", len(in.costs[0])))
	worst := slices.MaxFunc(all, func(a, b apart) int { return cmp.Compare(a.ratio-a.noise, b.ratio-b.noise) })
	f.target("nothing measurable inside a share", "farthest from the agent's home: "+worst.title+", "+worst.String(), worst.within())
}

// draftWork does the same work in a share and in a draft, each time on the files as they were.
func (m *machine) draftWork(f *figures) {
	var places []*place
	for _, how := range []string{writable, drafted} {
		name := map[string]string{writable: "worked", drafted: "drafted"}[how]
		m.says("mkdir " + m.path(name)).output()
		places = append(places, &place{dir: m.path(name), run: "au run ", draft: how == drafted, config: m.configWith([]share{{name, how}}, 0, 0)})
	}
	m.worked("draft", places, 2*patience)
	var rows [][]string
	for i, t := range sets["draft"] {
		a := apartOf(t.name, places[1].costs[i], places[0].costs[i])
		s, d := spreadOf(places[0].costs[i]), spreadOf(places[1].costs[i])
		rows = append(rows, []string{t.name, ms(s.wall), ms(d.wall), ratio(a.ratio), ratio(a.cpu), fmt.Sprintf("±%.0f %%", 100*a.noise)})
		if t.most > 0 {
			f.target(fmt.Sprintf("in a draft %s takes at most %v times as long as in a share", t.name, t.most), ratio(a.ratio)+" times; "+ratio(a.cpu)+" by CPU", a.ratio <= t.most)
		}
		if each := d.wall / 200; t.name == firstWrite {
			f.target("the first write to a small file that was there takes at most 2 ms", ms(each)+"; "+ms(s.wall/200)+" in a share", each <= 2*time.Millisecond)
		}
	}
	f.section("Work inside a draft", fmt.Sprintf("The agent does the same in a writable share and in a draft of the same files (a repository of %s), each time as they were before. The worker measures it. "+
		"The first write to a file of the folder copies it, so a build, an installation and a checkout differ by how much they replace.", count(m.repo)))
	table(&f.out, " | in a share | in a draft | × share | CPU × share | noise ", 1, rows, fmt.Sprintf("%d runs a cell", len(places[0].costs[0])))
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

// plain is a number as a program reads it.
func plain(n int) string { return fmt.Sprint(n) }

// script is a script of alice that begins in dir, which is made if need be.
func (m *machine) script(run, dir, text string) command {
	return m.human(append(strings.Fields(run+"sh -euc"), "umask 022; mkdir -p \"$1\"; cd \"$1\"\n"+filesScript+text, "sh", dir)...)
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

// prepareScript makes what the worker works on, and uses it once, as if it had lain there: git reads anew what was written in the
// second of its index.
const prepareScript = `
rm -rf repo code written; files repo REPO make; files written 200 make
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
OBJECTS := $(patsubst %.c,%.o,$(wildcard *.c))
all: program
program: $(OBJECTS)
	$(CC) -o $@ $^
%.o: %.c
	$(CC) -O1 -c -o $@ $<
IN
for i in $(seq 24); do
	name=f$i; [ "$i" != 24 ] || name=main
	cat >$name.c <<IN
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int $name(void) { char b[64]; snprintf(b, sizeof b, "%d", $i); return (int)strlen(b) - ${#i}; }
IN
done
make -s all; rm -f program *.o
`
