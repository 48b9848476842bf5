// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// tasks are what is done in a place, as the figures call it, and how, in a folder with so many small files.
var tasks = []struct {
	name, title string
	do          func(dir string, files int) error
}{
	{"create", "%s small files: made", func(dir string, files int) error { return eachFile(dir+"/small", files, create) }},
	{"stat", "%s small files: stat", func(dir string, files int) error { return eachFile(dir+"/small", files, look) }},
	{"remove", "%s small files: removed", func(dir string, _ int) error { return os.RemoveAll(dir + "/small") }},
	{"status", "`git status` on %s files", func(dir string, _ int) error { return quietly("git", "-C", dir+"/repo", "status", "--porcelain") }},
	{"build", "`make` of 24 C files", func(dir string, _ int) error { return quietly("make", "-s", "-C", dir+"/code", "all") }},
}

// workInside does the same work inside a share, in the agent's own home, and outside by the human. What counts is measured by the
// worker.
func workInside(m *machine, f *figures) {
	inside := m.configWith([]share{{source: m.path("inside"), target: "/home/agent/inside"}}, 0, 0)
	places := []struct {
		title, dir, config, run string
		costs                   map[string][]cost // by task
	}{
		{"alice, outside", m.path("outside"), "", "", map[string][]cost{}},
		{"agent, in its home", "/home/agent/own", "", "au run ", map[string][]cost{}},
		{"agent, in a share", "/home/agent/inside", inside, "au run ", map[string][]cost{}},
	}
	m.human("mkdir", m.path("outside"), m.path("inside")).output()
	for began, round := time.Now(), 0; round <= m.slow && (round <= 1 || time.Since(began) < patience); round++ {
		kind := fmt.Sprintf("all:%d", m.files)
		if round == 0 {
			kind = fmt.Sprintf("prepare:%d", m.repo)
		}
		for i := range places {
			p := places[(i+round)%len(places)]
			for line := range strings.Lines(m.at(p.config, p.run+m.self+" work "+kind+" "+p.dir).output()) {
				var task string
				var c cost
				_, err := fmt.Sscan(line, &task, (*int64)(&c.wall), (*int64)(&c.cpu))
				exitOn(err)
				p.costs[task] = append(p.costs[task], c)
			}
		}
	}
	var rows [][]string
	for _, t := range tasks {
		title := t.title
		if strings.Contains(title, "%s") {
			title = fmt.Sprintf(title, count(map[bool]int{true: m.repo, false: m.files}[t.name == "status"]))
		}
		a := apartOf(title, places[2].costs[t.name], places[1].costs[t.name])
		f.inShare = append(f.inShare, a)
		o, h, s := spreadOf(places[0].costs[t.name]), spreadOf(places[1].costs[t.name]), spreadOf(places[2].costs[t.name])
		rows = append(rows, []string{title, ms(o.wall), ms(h.wall), times(h.wall, o.wall), ms(s.wall), times(s.wall, o.wall), ratio(a.ratio), ratio(a.cpu), fmt.Sprintf("±%.0f %%", 100*a.noise)})
	}
	f.section("Work inside a share", "The human outside, the agent in its home (the walls of a run), and the agent in a share (the walls, and the share) do the same work, "+
		"each in a folder of its own, on one file system. The worker measures it, so that the start of the run is not in it.")
	table(&f.out, fmt.Sprintf(" | %s | %s | × outside | %s | × outside | × home | CPU × home | noise ", places[0].title, places[1].title, places[2].title), 1, rows,
		fmt.Sprintf("%d runs a cell", len(places[0].costs["stat"])))
}

// doWork is the worker: KIND is `prepare:N`, with the files of the repository, or `all:N`, with the small files. It prints a line a
// task: its name, and the nanoseconds on the clock and on the processors.
func doWork(kind, dir string) error {
	kind, number, _ := strings.Cut(kind, ":")
	files, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	syscall.Umask(0o022)
	if kind == "prepare" {
		return errors.Join(eachFile(dir+"/repo", files, create), quietly("sh", "-euc", prepareScript, "sh", dir))
	}
	if err := quietly("make", "-s", "-C", dir+"/code", "clean"); err != nil {
		return err
	}
	for _, t := range tasks {
		before, start := used(), time.Now()
		if err := t.do(dir, files); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		fmt.Println(t.name, int64(time.Since(start)), used()-before)
	}
	return nil
}

// used is the processor time of this process and its children, in ns.
func used() (sum int64) {
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		syscall.Getrusage(who, &u)
		sum += u.Utime.Nano() + u.Stime.Nano()
	}
	return sum
}

func quietly(argv ...string) error {
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, tail(string(out)))
	}
	return err
}

// eachFile does something to each of so many files, a hundred in a folder.
func eachFile(top string, files int, do func(path string, first bool) error) error {
	for i := range files {
		if err := do(fmt.Sprintf("%s/%03d/%02d", top, i/100, i%100), i%100 == 0); err != nil {
			return err
		}
	}
	return nil
}

func create(path string, first bool) error {
	if first {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
	}
	return os.WriteFile(path, []byte("small"), 0o644)
}

func look(path string, _ bool) error {
	var st syscall.Stat_t
	return syscall.Lstat(path, &st)
}

// prepareScript makes a repository of the files and a program's source, and uses both once.
const prepareScript = `
cd "$1/repo"
git init -q; git add .; git -c user.name=bench -c user.email=bench@example.com commit -q -m all; git status --porcelain
mkdir "$1/code"; cd "$1/code"
cat >Makefile <<'IN'
OBJECTS := $(patsubst %.c,%.o,$(wildcard *.c))
all: program
program: $(OBJECTS)
	$(CC) -o $@ $^
%.o: %.c
	$(CC) -O1 -c -o $@ $<
clean:
	rm -f program *.o
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
make -s all`
