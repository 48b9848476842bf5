// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A stage is a number of files that an agent changes in a draft, and the folder of which that is one.
type stage struct {
	folder string
	tree   int // files of the folder
	change int // files that the agent makes
	there  int // files of the folder to which the agent appends
}

// drafts measures what a draft costs: a run, the human's commands, and the work in it.
func drafts(m *machine, f *figures) {
	m.draftRuns(f)
	m.draftCommands(f)
	m.draftWork(f)
}

// drafted is a share that is a draft, or that is none.
func (m *machine) drafted(name string, draft bool) []share {
	return []share{{source: m.path(name), target: "/home/agent/" + name, readOnly: draft, draft: draft}}
}

// draftRuns compares runs with a draft with runs with a share that can be written.
func (m *machine) draftRuns(f *figures) {
	cells := []*cell{
		m.bare(), m.runWith("1 writable share of 10 files", m.drafted("small", false)), m.runWith("1 writable share of "+count(m.large)+" files", m.drafted("large", false)),
		m.runWith("a draft of 10 files", m.drafted("small", true)), m.runWith("a draft of "+count(m.large)+" files", m.drafted("large", true)),
	}
	exitOn(measure(m.rounds, alone(cells...)))
	f.compare("What a draft costs a run", "`au run true`. Before the first run of a draft au looks in the folder for what is to be hidden; that is not in these rows (`au draft refresh`, below).",
		cells, cells[0], cells[1], "share of 10")
	small, large := cells[3].spread(), cells[4].spread()
	for _, t := range []struct {
		target      string
		other, most float64
	}{
		{fmt.Sprintf("a run with a draft of %s files takes at most 1.3 times one with a share of as many", count(m.large)), float64(cells[2].spread().wall), 1.3},
		{"and as long as with a draft of 10", float64(small.wall), 1.1},
	} {
		f.target(t.target, ratio(float64(large.wall)/t.other)+" times", float64(large.wall) <= t.most*t.other)
	}
	for _, name := range []string{"small", "large"} {
		exitOn(m.inFolder(name, "au draft drop -y").quiet())
	}
}

// inFolder is a command of alice's in one of her folders.
func (m *machine) inFolder(name, words string) command {
	return m.human("sh", "-c", "cd "+m.path(name)+" && exec "+words)
}

// quiet runs a command that is not measured.
func (c command) quiet() error {
	_, err := c.once()
	return err
}

// stages are those that are compared: more changed in one folder, and as much in a folder of few files and of many.
func (m *machine) stages() []stage {
	changes := []int{10, 1000, 100_000}
	if m.short {
		changes = []int{10, 100, 500}
	}
	all := []stage{{"small", 10, changes[0], 0}}
	for _, n := range changes {
		all = append(all, stage{"large", m.large, n, 0})
	}
	return append(all, stage{"large", m.large, 0, changes[1]})
}

func (s stage) String() string {
	if s.there > 0 {
		return fmt.Sprintf("%s files that were there, of %s", count(s.there), count(s.tree))
	}
	return fmt.Sprintf("%s files made, beside %s", count(s.change), count(s.tree))
}

// turn is the human's commands on a draft in which so much was changed, one after the other.
func (m *machine) turn(s stage) turn {
	begin := m.inFolder(s.folder, fmt.Sprintf("au run --draft . %s draft-change %d %d", m.self, s.change, s.there))
	cells := turn{}
	for _, words := range []string{"au draft refresh", "au draft list", "au draft diff --name-status", "au draft diff --stat", "au draft keep -y", "au draft undo -y", "au draft drop -y"} {
		cells = append(cells, &cell{title: "`" + words + "`", note: s.String(), cmd: m.inFolder(s.folder, words)})
	}
	first := cells[0].cmd
	cells[0].do = func() (cost, error) {
		if err := begin.quiet(); err != nil {
			return cost{}, err
		}
		return first.once()
	}
	return cells
}

// draftCommands measures what the human does with a draft.
func (m *machine) draftCommands(f *figures) {
	var turns []turn
	var cells []*cell
	for _, s := range m.stages() {
		turns = append(turns, m.turn(s))
	}
	exitOn(measure(m.slow, turns[:2])) // the two that are compared; the others take minutes
	exitOn(measure(1, turns[2:]))
	for i := range turns[0] {
		for _, t := range turns {
			cells = append(cells, t[i])
		}
	}
	f.compare("A draft: diff, keep, undo and drop", "`au draft refresh` looks in the folder for what is to be hidden: what the first run of a draft does besides, once. "+
		"`diff` without an option looks at the nearest 50,000 names for what appeared since; it is not in these rows either.", cells, cells[0], cells[0], "refresh of 10")
	for _, i := range []int{3, 4} {
		few, many := turns[0][i].spread(), turns[1][i].spread()
		f.target(turns[0][i].title+" grows with what changed, not with the tree",
			fmt.Sprintf("%s files in a tree of %s take %s times as long as in one of 10", count(m.stages()[0].change), count(m.large), times(many.wall, few.wall)), float64(many.wall) <= 1.3*float64(few.wall))
	}
}

// draftTasks are what is done in a share and in a draft of the same files, in this order, and how many times as long it may take.
var draftTasks = []struct {
	name, title string
	most        float64 // 0: reported
	do          func(dir string) error
}{
	{"status", "the agent's first `git status`", 1.3, func(dir string) error { return quietly("git", "-C", dir+"/repo", "status", "--porcelain") }},
	{"again", "`git status` again", 1.3, func(dir string) error { return quietly("git", "-C", dir+"/repo", "status", "--porcelain") }},
	{"find", "`find`", 1.6, func(dir string) error { return quietly("find", dir+"/repo", "-newer", dir+"/code/Makefile") }},
	{"grep", "`grep -r`", 1.6, func(dir string) error { return quietly("sh", "-c", "! grep -rq nosuchword \"$1\"", "sh", dir+"/repo") }},
	{"build", "`make` of 24 C files", 1.2, func(dir string) error { return quietly("make", "-s", "-C", dir+"/code", "all") }},
	{"first", "a first write to each of 200 files", 0, func(dir string) error { return eachFile(dir+"/written", written, appendTo) }},
	{"checkout", "checkout of another branch", 0, func(dir string) error { return quietly("git", "-C", dir+"/repo", "checkout", "-q", "side") }},
}

// written is how many files are written to for the first time.
const written = 200

func appendTo(path string, _ bool) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString("more")
	return errors.Join(err, f.Close())
}

// draftWork does the same work in a share and in a draft, each time on the files as they were.
func (m *machine) draftWork(f *figures) {
	places := []struct {
		dir   string
		draft bool
		costs map[string][]cost
	}{{"worked", false, map[string][]cost{}}, {"drafted", true, map[string][]cost{}}}
	for began, round := time.Now(), 0; round <= m.slow && (round <= 1 || time.Since(began) < 2*patience); round++ {
		for i := range places {
			p := places[(i+round)%len(places)]
			dir := m.path(p.dir)
			exitOn(m.human("rm", "-rf", dir).quiet())
			exitOn(m.human("mkdir", dir).quiet())
			m.human(m.self, "draft-prepare", dir, fmt.Sprint(m.repo)).output()
			said := m.at(m.configWith(m.drafted(p.dir, p.draft), 0, 0), "au run "+m.self+" draft-work "+dir).output()
			for line := range strings.Lines(said) {
				var task string
				var c cost
				_, err := fmt.Sscan(line, &task, (*int64)(&c.wall), (*int64)(&c.cpu))
				exitOn(err)
				if round > 0 {
					p.costs[task] = append(p.costs[task], c)
				}
			}
			if p.draft {
				exitOn(m.inFolder(p.dir, "au draft drop -y").quiet())
			}
		}
	}
	var rows [][]string
	for _, t := range draftTasks {
		in, out := places[1].costs[t.name], places[0].costs[t.name]
		a := apartOf(t.title, in, out)
		d, s := spreadOf(in), spreadOf(out)
		rows = append(rows, []string{t.title, ms(s.wall), ms(d.wall), ratio(a.ratio), ratio(a.cpu), fmt.Sprintf("±%.0f %%", 100*a.noise)})
		if t.most > 0 {
			f.target(fmt.Sprintf("in a draft %s takes at most %v times as long as in a share", t.title, t.most), ratio(a.ratio)+" times; "+ratio(a.cpu)+" by CPU", a.ratio <= t.most)
		}
		if t.name == "first" {
			each := d.wall / written
			f.target("the first write to a small file that was there takes at most 2 ms", ms(each)+"; "+ms(s.wall/written)+" in a share", each <= 2*time.Millisecond)
		}
	}
	f.section("Work inside a draft", fmt.Sprintf("The agent does the same in a writable share and in a draft of the same files (a repository of %s), each time as they were before. The worker measures it. "+
		"The first write to a file of the folder copies it, so a build, an installation and a checkout differ by how much they replace.", count(m.repo)))
	table(&f.out, " | in a share | in a draft | × share | CPU × share | noise ", 1, rows, fmt.Sprintf("%d runs a cell", len(places[0].costs["status"])))
}

// doDraftWork is the worker: it prints a line a task, as doWork does. All of it is looked at once before, for the caches.
func doDraftWork(dir string) error {
	if err := quietly("grep", "-rc", "nosuchword", dir); err != nil && !strings.Contains(err.Error(), "exit status 1") {
		return err
	}
	for _, t := range draftTasks {
		before, start := used(), time.Now()
		if err := t.do(dir); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
		fmt.Println(t.name, int64(time.Since(start)), used()-before)
	}
	return nil
}

// doDraftPrepare makes what the worker works on.
func doDraftPrepare(dir, files string) error {
	if err := doWork("prepare:"+files, dir); err != nil {
		return err
	}
	if err := eachFile(dir+"/written", written, create); err != nil {
		return err
	}
	return quietly("sh", "-euc", `cd "$1"
make -s -C code clean
cd repo
git branch -m main; git checkout -q -b side
for f in 0[01]?/*; do echo other >"$f"; done
git -c user.name=bench -c user.email=bench@example.com commit -qam side; git checkout -q main
# As in a repository that lies there: git reads anew what was written in the second of its index.
find . -name .git -prune -o -type f -exec touch -d '1 minute ago' {} +
git status --porcelain`, "sh", dir)
}

// doDraftChange is an agent that makes files in the folder where it is, and appends to some that are there.
func doDraftChange(makes, appends string) error {
	made, err := strconv.Atoi(makes)
	if err != nil {
		return err
	}
	left, err := strconv.Atoi(appends)
	if err != nil {
		return err
	}
	err = filepath.WalkDir(".", func(name string, d os.DirEntry, err error) error {
		if err != nil || left == 0 || !d.Type().IsRegular() {
			return err
		}
		left--
		return appendTo(name, false)
	})
	return errors.Join(err, eachFile("made", made, create))
}
