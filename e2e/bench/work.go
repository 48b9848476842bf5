// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The place that work is done in, and who does it.
type place struct {
	title string
	dir   string // as the worker sees it
	run   []string
	home  string // with the config that has the share
}

// tasks are what is done there; a folder of the same name holds what each needs.
var tasks = []struct{ name, title string }{
	{"create", "small files: made"},
	{"stat", "small files: stat"},
	{"remove", "small files: removed"},
	{"status", "`git status`"},
	{"build", "`make` of 24 C files"},
}

// workInside does the same work inside a share, in the agent's own home, and outside by the human. What counts is measured by the worker.
func workInside(m *machine, f *figures) error {
	places := []place{
		{"alice, outside", m.path("outside"), nil, ""},
		{"agent, in its home", "/home/agent/own", []string{"au", "run"}, ""},
		{"agent, in a share", "/home/agent/inside", nil, ""},
	}
	home, err := m.homeWith([]share{{m.path("inside"), "/home/agent/inside", false}}, 0, 0)
	if err != nil {
		return err
	}
	places[2].run, places[2].home = []string{"au", "run"}, home
	if _, err := m.human("mkdir", m.path("outside"), m.path("inside")).output(); err != nil {
		return err
	}
	do := func(p place, kind string) (string, error) {
		return m.at(p.home, append(append([]string{}, p.run...), m.self, "work", kind, p.dir)...).output()
	}
	cells := worked{}
	began := time.Now()
	for round := range m.slow + 1 {
		if round > 1 && time.Since(began) > patience {
			break
		}
		for i := range places {
			p := places[(i+round)%len(places)]
			kind := fmt.Sprintf("all:%d", m.files)
			if round == 0 {
				kind = fmt.Sprintf("prepare:%d", m.repo)
			}
			out, err := do(p, kind)
			if err != nil {
				return fmt.Errorf("%s: %w", p.title, err)
			}
			if round == 0 {
				continue
			}
			if err := cells.note(p, out); err != nil {
				return err
			}
		}
	}
	f.work(places, cells)
	return nil
}

// worked is what tasks cost, by task and place.
type worked map[string]map[string][]cost

// note takes over what the worker printed.
func (w worked) note(p place, out string) error {
	for line := range strings.Lines(out) {
		var task string
		var c cost
		if _, err := fmt.Sscan(line, &task, (*int64)(&c.wall), (*int64)(&c.cpu)); err != nil {
			return fmt.Errorf("%s: %q: %w", p.title, line, err)
		}
		if w[task] == nil {
			w[task] = map[string][]cost{}
		}
		w[task][p.title] = append(w[task][p.title], c)
	}
	return nil
}

// doWork is the worker: KIND is `prepare:N`, with the files of the repository, or `all:N`, with the small files. It prints a line a task: its name, and the nanoseconds on the clock and on the processors.
func doWork(kind, dir string) error {
	kind, number, _ := strings.Cut(kind, ":")
	files, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	syscall.Umask(0o022)
	if kind == "prepare" {
		return prepare(dir, files)
	}
	small := filepath.Join(dir, "small")
	steps := map[string]func() error{
		"create": func() error { return eachFile(small, files, create) },
		"stat":   func() error { return eachFile(small, files, look) },
		"remove": func() error { return os.RemoveAll(small) },
		"status": func() error { return quietly("git", "-C", filepath.Join(dir, "repo"), "status", "--porcelain") },
		"build":  func() error { return quietly("make", "-s", "-C", filepath.Join(dir, "code"), "all") },
	}
	if err := quietly("make", "-s", "-C", filepath.Join(dir, "code"), "clean"); err != nil {
		return err
	}
	for _, t := range tasks {
		before, start := used(), time.Now()
		if err := steps[t.name](); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		fmt.Println(t.name, int64(time.Since(start)), int64(used()-before))
	}
	return nil
}

// used is the processor time of this process and its children.
func used() time.Duration {
	var sum int64
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		syscall.Getrusage(who, &u)
		sum += u.Utime.Nano() + u.Stime.Nano()
	}
	return time.Duration(sum)
}

func quietly(argv ...string) error {
	c := command{argv: argv, dir: "/"}
	cmd, _, words := c.cmd()
	cmd.Env = append(os.Environ(), "GIT_OPTIONAL_LOCKS=1")
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, tail(words.String()))
	}
	return nil
}

// eachFile does something to each of so many files, a hundred in a folder.
func eachFile(top string, files int, do func(dir, path string, first bool) error) error {
	for i := range files {
		dir := fmt.Sprintf("%s/%03d", top, i/100)
		if err := do(dir, fmt.Sprintf("%s/%02d", dir, i%100), i%100 == 0); err != nil {
			return err
		}
	}
	return nil
}

func create(dir, path string, first bool) error {
	if first {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return os.WriteFile(path, []byte("small"), 0o644)
}

func look(_, path string, _ bool) error {
	var st syscall.Stat_t
	return syscall.Lstat(path, &st)
}

// prepare makes a repository and a program's source, and uses both once.
func prepare(dir string, files int) error {
	if err := eachFile(filepath.Join(dir, "repo"), files, create); err != nil {
		return err
	}
	return quietly("sh", "-euc", prepareScript, "sh", dir)
}

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
