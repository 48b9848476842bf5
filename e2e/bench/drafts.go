// SPDX-License-Identifier: GPL-3.0-or-later

package main

import "fmt"

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

// draftRuns compares runs with a draft with runs with a share that can be written.
func (m *machine) draftRuns(f *figures) {
	files := count(m.large) + " files"
	cells := []*cell{
		m.bare(), m.runWith("1 writable share of 10 files", share{"small", writable}), m.runWith("1 writable share of "+files, share{"large", writable}),
		m.runWith("a draft of 10 files", share{"small", drafted}), m.runWith("a draft of "+files, share{"large", drafted}),
	}
	measure(m.rounds, alone(cells...))
	f.compare("What a draft costs a run", "`au run true`. Before the first run of a draft au looks in the folder for what is to be hidden; that is not in these rows (`au draft refresh`, below).",
		cells, cells[0], cells[1], "share of 10")
	f.atMost("a run with a draft of "+files+" takes at most 1.3 times one with a share of as many", cells[4], cells[2], 1.3)
	f.atMost("and as long as with a draft of 10", cells[4], cells[3], 1.1)
	for _, name := range []string{"small", "large"} {
		m.inFolder(name, "au draft drop -y").output()
	}
}

// stages are those that are compared: more changed in one folder, and as much in a folder of few files and of many.
func (m *machine) stages() []stage {
	all := []stage{{"small", 10, m.changes[0], 0}}
	for _, n := range m.changes {
		all = append(all, stage{"large", m.large, n, 0})
	}
	return append(all, stage{"large", m.large, 0, m.changes[1]})
}

func (s stage) String() string {
	if s.there > 0 {
		return fmt.Sprintf("%s files that were there, of %s", count(s.there), count(s.tree))
	}
	return fmt.Sprintf("%s files made, beside %s", count(s.change), count(s.tree))
}

// turn is the human's commands on a draft in which so much was changed, one after the other.
func (m *machine) turn(s stage) turn {
	begin := m.script("au run --draft . ", ".", fmt.Sprintf("find . -type f | head -n %d | while IFS= read -r file; do echo more >>\"$file\"; done; files made %d make", s.there, s.change))
	begin.dir = m.path(s.folder)
	cells := turn{}
	for _, words := range []string{"au draft refresh", "au draft list", "au draft diff --name-status", "au draft diff --stat", "au draft keep -y", "au draft undo -y", "au draft drop -y"} {
		cells = append(cells, &cell{title: "`" + words + "` (" + s.String() + ")", cmd: m.inFolder(s.folder, words)})
	}
	first := cells[0].cmd
	cells[0].do = func() (cost, error) {
		begin.output()
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
	measure(m.slow, turns[:2]) // the two that are compared; the others take minutes
	measure(1, turns[2:])
	for i := range turns[0] {
		for _, t := range turns {
			cells = append(cells, t[i])
		}
	}
	f.compare("A draft: diff, keep, undo and drop", "`au draft refresh` looks in the folder for what is to be hidden: what the first run of a draft does besides, once. "+
		"`diff` without an option looks at the nearest 50,000 names for what appeared since; it is not in these rows either.", cells, cells[0], cells[0], "refresh of 10")
	for _, i := range []int{3, 4} {
		f.atMost(fmt.Sprintf("%s grows with what changed: %s files in a tree of %s take at most 1.3 times as long as in one of 10", turns[0][i].name(), count(m.changes[0]), count(m.large)),
			turns[1][i], turns[0][i], 1.3)
	}
}
