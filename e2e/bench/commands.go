// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// bwrap is bubblewrap with what comes nearest to the walls of a run, and a command in it. A namespace of users is not among them:
// au needs none, being set-uid, and where /proc is not seen whole (in containers, and in this machine) it would keep bubblewrap
// from mounting one.
func bwrap(words string) command {
	return root("bwrap --unshare-pid --unshare-ipc --ro-bind / / --proc /proc --dev /dev --tmpfs /tmp --tmpfs /run --tmpfs /home " +
		"--bind /home/carol /home/carol --chdir / --new-session --die-with-parent " + words)
}

// firejail takes the machine for a sandbox, and then does nothing, unless it is told that it is a container.
func (m *machine) firejail(words string) command {
	c := m.says("firejail --quiet --noprofile --private-tmp " + words)
	c.env = []string{"container=systemd-nspawn"}
	return c
}

// bare is what all is compared with.
func (m *machine) bare() *cell {
	return &cell{title: "`true` itself", quoted: true, cmd: m.says("true")}
}

func commands(m *machine, f *figures) {
	cells := append([]*cell{
		m.bare(),
		{title: "**`au run true`** (nothing shared)", quoted: true, cmd: m.says("au run true")},
		{title: "**`au run true`** at a terminal (a terminal of its own)", cmd: onTerminal(m.says("au run true"))},
		{title: "`au run true`, limits and network restricted", cmd: m.says("au run -a bounded true")},
		{title: "the same at a terminal", cmd: onTerminal(m.says("au run -a bounded true"))},
		{title: "`au run -e LANG true` (an option)", cmd: m.says("au run -e LANG true")},
		{title: "`au run --keep-proxy true`", cmd: m.says("au run --keep-proxy true")},
		{title: "`au run --rw FOLDER true` (a share for one run)", cmd: m.says("au run --rw " + m.path("small") + " true")},
		{title: "its entrypoint alone (without what reads the config)", cmd: m.says("/usr/local/libexec/au/agent/su_as_agent agent -- true")},
		{title: "`setpriv` (as root; no walls)", cmd: root("setpriv --reuid=carol --regid=carol --init-groups true")},
		{title: "bubblewrap, the nearest walls (as root: pid, ipc and mount namespaces, /proc, /dev, /tmp, /run, /home; still root)", quoted: true, cmd: bwrap("true")},
		{title: "bubblewrap, and another user (the same, and `setpriv` in it)", cmd: bwrap("setpriv --reuid=carol --regid=carol --clear-groups --no-new-privs true")},
		{title: "bubblewrap, unprivileged (with a user namespace, without a /proc of its own)",
			cmd: m.says("bwrap --unshare-pid --unshare-ipc --ro-bind / / --dev /dev --tmpfs /tmp --tmpfs /run --new-session --die-with-parent true")},
		{title: "firejail (`--noprofile`, with the nearest walls; the same user)", cmd: m.firejail("--private-dev --ipc-namespace --caps.drop=all --nonewprivs --seccomp true")},
		{title: "`doas -u carol` (no walls)", cmd: m.says("doas -u carol true")},
		{title: "`runuser -u carol` (as root; no walls)", cmd: root("runuser -u carol -- true")},
		{title: "`su carol -c` (as root; no walls)", quoted: true, cmd: root("su carol -c true")},
		{title: "`sudo -u carol`", quoted: true, cmd: m.says("sudo -u carol true")},
		{title: "`sudo -u carol` at a terminal (`use_pty`: a terminal of its own)", cmd: onTerminal(m.says("sudo -u carol true"))},
		{title: "`systemd-run --uid=carol --pipe --wait` (as root; no walls)", quoted: true, cmd: root("systemd-run --quiet --pipe --wait --collect --uid=carol true")},
		{title: "`run0 --user=carol --pipe` (as root; no walls)", quoted: true, cmd: root("run0 --pipe --user=carol true")},
	}, m.theirs(&cell{title: "agent-as-unix-user 2.x, `au run true` (at a terminal, without which it cannot; no walls)", quoted: true, cmd: m.origin("run -a orig true")})...)
	measure(m.rounds, alone(cells...))
	m.machineCPU(cells)
	f.compare("A command", "The time to run `true`, from its start until its parent's wait ends. CPU is user and system time of the command and of the processes that it waited for. That is not all: "+
		"bubblewrap does not wait for its child, and systemd and D-Bus work for those who call them. The machine's CPU is that of every process in it, a run.",
		cells, cells[0], cells[1], "`au run`")
	f.quote(cells)
	for _, goal := range []struct {
		target, other string
		most          float64
	}{
		{"`au run true` takes at most 1.5 times bubblewrap with pid, ipc and mount namespaces", "bubblewrap, the nearest walls", 1.5},
		{"less than half of `sudo -u`", "`sudo -u carol`", 0.5},
		{"less than a twentieth of agent-as-unix-user 2.x", "agent-as-unix-user 2.x, `au run true`", 0.05},
	} {
		if i := slices.IndexFunc(cells, func(c *cell) bool { return c.name() == goal.other }); i >= 0 {
			f.atMost(goal.target, cells[1], cells[i], goal.most)
		}
	}
}

// runWith is `au run true` with shares.
func (m *machine) runWith(title string, shares ...share) *cell {
	return &cell{title: title, cmd: m.at(m.configWith(shares, 0, 0), "au run true")}
}

func sharesCost(m *machine, f *figures) {
	cells := []*cell{
		m.bare(), m.runWith("no share"),
		m.runWith("1 share, read-only", m.sharesOf(1, readOnly)...), m.runWith("1 share, writable", m.sharesOf(1, writable)...),
		m.runWith("10 shares, read-only", m.sharesOf(10, readOnly)...), m.runWith("10 shares, writable", m.sharesOf(10, writable)...),
		m.runWith("1 writable share of 10 files", share{"small", writable}), m.runWith("1 writable share of "+count(m.large)+" files", share{"large", writable}),
		m.runWith("1 writable share, 500 folders at its top", share{"wide", writable}),
	}
	for _, n := range []int{10, 64} {
		cells = append(cells, m.runWith(fmt.Sprintf("%d shares, read-only, at their targets alone", n), m.sharesOf(n, targetOnly)...),
			m.runWith(fmt.Sprintf("%d shares, read-only, at your own paths too", n), m.sharesOf(n, readOnly)...))
	}
	cells = append(cells, &cell{title: "10 shares, writable, at a terminal", cmd: onTerminal(cells[5].cmd)})
	measure(m.rounds, alone(cells...))
	f.compare("What shares cost a run", "`au run true` with shares of ten small files each, unless a row says otherwise. After the run the waiting "+
		"entrypoint becomes an `au` that looks at writable shares: that is the step from read-only to writable.", cells, cells[0], cells[1], "no share")
	a := apartOf(count(m.large)+" files beside 10 files: ", cells[7].costs, cells[6].costs)
	f.target("a share's cost does not depend on what is in it", a.title+a.String(), a.within())
	for i, most := range []float64{1.1, 1.3} {
		own := cells[10+2*i]
		f.atMost(fmt.Sprintf("%s take at most %v times the time of the same at their targets alone", own.title, most), own, cells[9+2*i], most)
	}
}

// mounts adds and removes a share, of few files and of many.
func mounts(m *machine, f *figures) {
	bare, path := m.bare(), m.configWith(nil, 0, 0)
	var cells []*cell
	quick, slow := alone(bare), []turn{}
	for _, tree := range []string{"small", "large"} {
		title, folder := map[string]string{"small": " (10 files)", "large": " (" + count(m.large) + " files)"}[tree], " "+m.path(tree)
		pair := func(a, b string, first, second command) turn {
			return turn{{title: a + title, cmd: first}, {title: b + title, cmd: second}}
		}
		ours := pair("**`au mount add --rw`**", "**`au mount remove`**", m.says("au -C "+path+" mount add -y --rw"+folder), m.says("au -C "+path+" mount remove"+folder))
		acl := pair("`setfacl -R -m`", "`setfacl -R -x`", m.says("setfacl -R -m u:carol:rwX,d:u:carol:rwX"+folder), m.says("setfacl -R -x u:carol,d:u:carol"+folder))
		theirs := turn(m.theirs(pair("agent-as-unix-user 2.x, `au mount add --rw`", "agent-as-unix-user 2.x, `au mount remove`",
			m.origin("mount add -a orig --rw"+folder), m.origin("mount remove -a orig"+folder))...))
		quick = append(quick, ours)
		if tree == "small" {
			quick = append(quick, acl, theirs)
		} else {
			slow = append(slow, acl, theirs)
		}
		cells = slices.Concat(cells, ours, acl, theirs)
	}
	measure(max(1, m.rounds/2), quick)
	measure(min(m.slow, 4), slow)
	f.compare("Handing a folder over", "`au mount add` shows the folder under another owner and touches no file of it. `setfacl -R` and agent-as-unix-user change the ACL of each.",
		cells, bare, cells[0], "ours, 10 files")
}

// newAndDelete makes agents and takes them apart.
func newAndDelete(m *machine, f *figures) {
	bare := m.bare()
	ours := turn{{title: "**`au new -y`**", cmd: m.says("au new -y -a brief")}, {title: "**`au delete -y -H`**", cmd: m.says("au delete -y -H -a brief")}}
	theirs := m.theirs(&cell{title: "agent-as-unix-user 2.x, `au new -y` (compiles its entrypoint)", cmd: m.origin("new -y -a passing")},
		&cell{title: "agent-as-unix-user 2.x, `au delete -y -H`", cmd: m.origin("delete -y -H -a passing")})
	measure(m.slow, []turn{{bare}, ours, theirs})
	f.compare("Making an agent and taking it apart", "systemd, `useradd` and `sudo` take most of it: the printed commands, one after the other.",
		append(ours, theirs...), bare, ours[0], "`au new`")
}

// show lists agents: few, and many that are in the config alone.
func show(m *machine, f *figures) {
	bare, many := m.bare(), m.configWith(m.sharesOf(m.each, readOnly), 99, m.each)
	if out := m.at(many, "au list").output(); !strings.Contains(out, "other0098") {
		exitOn(fmt.Errorf("au does not obey the config of 100 agents: %s", tail(out)))
	}
	var cells []*cell
	quick, slow := alone(bare), []turn{}
	add := func(c *cell, turns *[]turn) {
		cells, *turns = append(cells, c), append(*turns, turn{c})
	}
	for _, of := range [][2]string{{m.configWith(nil, 0, 0), "1 agent, nothing shared"}, {many, fmt.Sprintf("100 agents, %d shares each", m.each)}} {
		for _, words := range []string{"au list", "au info", "au mount list", "au run true"} {
			turns := map[bool]*[]turn{true: &slow, false: &quick}[words == "au info"]
			add(&cell{title: "`" + words + "` (" + of[1] + ")", cmd: m.at(of[0], words)}, turns)
		}
	}
	add(&cell{title: "`au --version`", cmd: m.says("au --version")}, &quick)
	for _, c := range m.theirs(&cell{title: "agent-as-unix-user 2.x, `au list` (1 agent)", cmd: m.origin("list")}) { // its `au info` fails in a login session from before `au new`
		add(c, &slow)
	}
	measure(m.rounds, quick)
	measure(max(1, m.rounds/3), slow)
	f.compare("Showing", "All agents but one are in the config alone: they have no Unix user, and au asks the machine nothing about them.",
		cells, bare, cells[0], "`au list`, 1 agent")
	f.atMost("`au list` takes less than 4 times a bare `true`", cells[0], bare, 4)
}

// growth measures how the cost of a run grows with shares, agents, and runs at once.
func growth(m *machine, f *figures) {
	f.section("How cost grows", "All figures are the quickest tenth. \"The last half\" is the average cost of one more in the upper half "+
		"of the range, \"the first half\" in the lower. Nothing may grow faster than its work, so the quotient may not be much above 1.")
	grow := func(title, what string, at []int, rounds int, names []string, of func(name string, n int) *cell) {
		all := map[string][]*cell{}
		var turns []turn
		for _, n := range at {
			for _, name := range names {
				c := of(name, n)
				all[name], turns = append(all[name], c), append(turns, turn{c})
			}
		}
		measure(rounds, turns)
		f.grows(title, what, at, names, all)
	}
	some := max(1, m.rounds/3)
	grow("`au run true` by the number of shares", "shares", m.shares, some, []string{"au run, read-only shares", "au run, writable shares"}, func(name string, n int) *cell {
		return m.runWith(name, m.sharesOf(n, map[bool]string{true: readOnly, false: writable}[strings.Contains(name, "read-only")])...)
	})
	configs := map[int]string{}
	for _, n := range m.agents {
		configs[n] = m.configWith(nil, n-1, 2)
	}
	grow("Commands by the number of agents in the config, two shares each", "agents", m.agents, some, []string{"au run", "au list", "au mount list"}, func(name string, n int) *cell {
		return &cell{title: name, cmd: m.at(configs[n], strings.Replace(name, "au run", "au run true", 1))}
	})
	starts := map[string]command{"au run": m.says("au run true"), "bubblewrap": bwrap("true"), "sudo -u": m.says("sudo -u carol true")}
	title := fmt.Sprintf("Runs of `true` that start at once on %d processors, until all have ended", runtime.NumCPU())
	grow(title, "runs at once", m.parallel, max(2, m.rounds/5), []string{"au run", "bubblewrap", "sudo -u"}, func(name string, n int) *cell {
		return &cell{title: name, do: func() (cost, error) { return starts[name].atOnce(n) }}
	})
}
