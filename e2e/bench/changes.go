// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"strings"
)

// mounts adds and removes a share, of few files and of many.
func mounts(m *machine, f *figures) error {
	bare := &cell{title: "`true` itself", cmd: m.human("true")}
	var cells []*cell
	pair := func(title, undo, tree string, add, remove command) turn {
		t := turn{{title: title, note: tree, cmd: add}, {title: undo, note: tree, cmd: remove}}
		cells = append(cells, t...)
		return t
	}
	home, err := m.homeWith(nil, 0, 0)
	if err != nil {
		return err
	}
	path := home + configName
	var quick, slow []turn
	for _, tree := range []struct {
		name, title string
		turns       *[]turn
	}{{"small", "10 files", &quick}, {"large", count(m.large) + " files", &slow}} {
		folder := m.path(tree.name)
		quick = append(quick, pair("**`au mount add --rw`**", "**`au mount remove`**", tree.title,
			m.human("au", "-C", path, "mount", "add", "-y", "--rw", folder), m.human("au", "-C", path, "mount", "remove", folder)))
		*tree.turns = append(*tree.turns, pair("`setfacl -R -m`", "`setfacl -R -x`", tree.title,
			m.human("setfacl", "-R", "-m", "u:carol:rwX,d:u:carol:rwX", folder), m.human("setfacl", "-R", "-x", "u:carol,d:u:carol", folder)))
		if m.original {
			*tree.turns = append(*tree.turns, pair("agent-as-unix-user 2.x, `au mount add --rw`", "agent-as-unix-user 2.x, `au mount remove`", tree.title,
				m.origin("mount", "add", "-a", "orig", "--rw", folder), m.origin("mount", "remove", "-a", "orig", folder)))
		}
	}
	if err := measure(max(1, m.rounds/2), append(quick, turn{bare})); err != nil {
		return err
	}
	if err := measure(min(m.slow, 4), slow); err != nil {
		return err
	}
	f.section("Handing a folder over", "`au mount add` shows the folder under another owner and touches no file of it. `setfacl -R` and agent-as-unix-user change the ACL of each.")
	f.table(cells, bare, cells[0], "ours, 10 files")
	return nil
}

// newAndDelete makes agents and takes them apart.
func newAndDelete(m *machine, f *figures) error {
	bare := &cell{title: "`true` itself", cmd: m.human("true")}
	cells := []*cell{
		{title: "**`au new -y`**", cmd: m.human("au", "new", "-y", "-a", "brief")},
		{title: "**`au delete -y -H`**", cmd: m.human("au", "delete", "-y", "-H", "-a", "brief")},
	}
	turns := []turn{{bare}, {cells[0], cells[1]}}
	if m.original {
		cells = append(cells,
			&cell{title: "agent-as-unix-user 2.x, `au new -y`", note: "compiles its entrypoint", cmd: m.origin("new", "-y", "-a", "passing")},
			&cell{title: "agent-as-unix-user 2.x, `au delete -y -H`", cmd: m.origin("delete", "-y", "-H", "-a", "passing")})
		turns = append(turns, turn{cells[2], cells[3]})
	}
	if err := measure(m.slow, turns); err != nil {
		return err
	}
	f.section("Making an agent and taking it apart", "Most of it is what systemd, `useradd` and `sudo` take: the printed commands, one after the other.")
	f.table(cells, bare, cells[0], "`au new`")
	return nil
}

// show lists agents: few, and many that are in the config alone.
func show(m *machine, f *figures) error {
	shares := 60
	if m.short {
		shares = 6
	}
	all, err := m.sharesOf(shares, true)
	if err != nil {
		return err
	}
	bare := &cell{title: "`true` itself", cmd: m.human("true")}
	f.listBare = bare
	cells := []*cell{}
	for _, c := range []struct {
		agents int
		shares []share
	}{{1, nil}, {100, all}} {
		home, err := m.homeWith(c.shares, c.agents-1, len(c.shares))
		if err != nil {
			return err
		}
		of := fmt.Sprintf("%d agent, nothing shared", c.agents)
		if c.agents > 1 {
			of = fmt.Sprintf("%d agents, %d shares each", c.agents, len(c.shares))
		}
		cells = append(cells,
			&cell{title: "`au list`", note: of, cmd: m.at(home, "au", "list")},
			&cell{title: "`au info`", note: of, cmd: m.human("au", "-C", home+configName, "info")},
			&cell{title: "`au mount list`", note: of, cmd: m.human("au", "-C", home+configName, "mount", "list")},
			&cell{title: "`au run true`", note: of, cmd: m.at(home, "au", "run", "true")})
	}
	cells = append(cells, &cell{title: "`au --version`", cmd: m.human("au", "--version")})
	f.list = cells[0]
	var slow, quick []*cell
	for _, c := range cells {
		if strings.Contains(c.title, "info") {
			slow = append(slow, c)
		} else {
			quick = append(quick, c)
		}
	}
	if m.original {
		// Its `au info` fails in a login session from before `au new`.
		slow = append(slow, &cell{title: "agent-as-unix-user 2.x, `au list`", note: "1 agent", cmd: m.origin("list")})
		cells = append(cells, slow[len(slow)-1])
	}
	if err := errors.Join(measure(m.rounds, alone(append(quick, bare)...)), measure(max(1, m.rounds/3), alone(slow...))); err != nil {
		return err
	}
	f.section("Showing", "All agents but one are in the config alone: no Unix user was made for them, and nothing of them is asked of the machine.")
	f.table(cells, bare, cells[0], "`au list`, 1 agent")
	return nil
}
