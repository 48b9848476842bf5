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
func bwrap(argv ...string) command {
	return root(append(strings.Fields("bwrap --unshare-pid --unshare-ipc --ro-bind / / --proc /proc --dev /dev --tmpfs /tmp --tmpfs /run --tmpfs /home "+
		"--bind /home/carol /home/carol --chdir / --new-session --die-with-parent"), argv...)...)
}

// firejail takes the machine for a sandbox, and then does nothing, unless it is told that it is a container.
func (m *machine) firejail(words string) command {
	return command{as: m.alice, env: []string{"container=systemd-nspawn"}, argv: strings.Fields("firejail --quiet --noprofile --private-tmp " + words)}
}

// origin is a command of agent-as-unix-user; its run needs a terminal.
func (m *machine) origin(words string) command {
	return command{argv: append([]string{theirs, "-C", m.path("original.toml")}, strings.Fields(words)...), as: m.alice, pty: true}
}

// says is a command of alice's, in words without spaces.
func (m *machine) says(words string) command { return m.human(strings.Fields(words)...) }

// bare is what all is compared with.
func (m *machine) bare() *cell {
	return &cell{title: "`true` itself", quoted: true, cmd: m.says("true")}
}

// theirs is cells of agent-as-unix-user, where it is there.
func (m *machine) theirs(cells ...*cell) []*cell {
	if !m.original {
		return nil
	}
	return cells
}

func commands(m *machine, f *figures) {
	as := strings.Fields
	cells := append([]*cell{
		m.bare(),
		{title: "**`au run true`**", note: "nothing shared", quoted: true, cmd: m.says("au run true")},
		{title: "**`au run true`** at a terminal", note: "a terminal of its own", cmd: onTerminal(m.says("au run true"))},
		{title: "`au run true`, limits and network restricted", cmd: m.says("au run -a bounded true")},
		{title: "the same at a terminal", cmd: onTerminal(m.says("au run -a bounded true"))},
		{title: "`au run -e LANG true`", note: "`-a`, `-e` and `-d` make no difference", cmd: m.says("au run -e LANG true")},
		{title: "`au run --keep-proxy true`", note: "any other option: the complete program", cmd: m.says("au run --keep-proxy true")},
		{title: "`au run --rw FOLDER true`", note: "a share for one run", cmd: m.human("au", "run", "--rw", m.path("small"), "true")},
		{title: "its entrypoint alone", note: "without what reads the config", cmd: m.says("/usr/local/libexec/au/agent/su_as_agent agent -- true")},
		{title: "`setpriv`", note: "as root; no walls", cmd: root(as("setpriv --reuid=carol --regid=carol --init-groups true")...)},
		{title: "bubblewrap, the nearest walls", note: "as root: pid, ipc and mount namespaces, /proc, /dev, /tmp, /run, /home; still root", quoted: true, cmd: bwrap("true")},
		{title: "bubblewrap, and another user", note: "the same, and `setpriv` in it", cmd: bwrap(as("setpriv --reuid=carol --regid=carol --clear-groups --no-new-privs true")...)},
		{title: "bubblewrap, unprivileged", note: "with a user namespace, without a /proc of its own",
			cmd: m.says("bwrap --unshare-pid --unshare-ipc --ro-bind / / --dev /dev --tmpfs /tmp --tmpfs /run --new-session --die-with-parent true")},
		{title: "firejail", note: "`--noprofile`, with the nearest walls; the same user", cmd: m.firejail("--private-dev --ipc-namespace --caps.drop=all --nonewprivs --seccomp true")},
		{title: "`doas -u carol`", note: "no walls", cmd: m.says("doas -u carol true")},
		{title: "`runuser -u carol`", note: "as root; no walls", cmd: root(as("runuser -u carol -- true")...)},
		{title: "`su carol -c`", note: "as root; no walls", quoted: true, cmd: root(as("su carol -c true")...)},
		{title: "`sudo -u carol`", quoted: true, cmd: m.says("sudo -u carol true")},
		{title: "`sudo -u carol` at a terminal", note: "`use_pty`: a terminal of its own", cmd: onTerminal(m.says("sudo -u carol true"))},
		{title: "`systemd-run --uid=carol --pipe --wait`", note: "as root; no walls", quoted: true, cmd: root(as("systemd-run --quiet --pipe --wait --collect --uid=carol true")...)},
		{title: "`run0 --user=carol --pipe`", note: "as root; no walls", quoted: true, cmd: root(as("run0 --pipe --user=carol true")...)},
	}, m.theirs(&cell{title: "agent-as-unix-user 2.x, `au run true`", note: "at a terminal, without which it cannot; no walls", quoted: true, cmd: m.origin("run -a orig true")})...)
	exitOn(measure(m.rounds, alone(cells...)))
	m.machineCPU(cells)
	f.compare("A command", "The time to run `true`, from its start until its parent's wait ends. CPU is user and system time of the command and of the processes that it waited for. That is not all: "+
		"bubblewrap does not wait for its child, and systemd and D-Bus work for those who call them. The machine's CPU is that of every process in it, a run.",
		cells, cells[0], cells[1], "`au run`")
}

// runWith is `au run true` with shares.
func (m *machine) runWith(title string, shares []share) *cell {
	return &cell{title: title, cmd: m.at(m.configWith(shares, 0, 0), "au run true")}
}

// ownPath is `au run true` with n shares at their targets alone, and at the human's own paths as well.
func (m *machine) ownPath(n int) []*cell {
	all := m.sharesOf(n, true)
	alone := slices.Clone(all)
	for i := range alone {
		alone[i].targetOnly = true
	}
	return []*cell{m.runWith(fmt.Sprintf("%d shares, read-only, at their targets alone", n), alone), m.runWith(fmt.Sprintf("%d shares, read-only, at your own paths too", n), all)}
}

func sharesCost(m *machine, f *figures) {
	one := func(name string) []share { return []share{{source: m.path(name), target: "/home/agent/" + name}} }
	cells := []*cell{
		m.bare(), m.runWith("no share", nil),
		m.runWith("1 share, read-only", m.sharesOf(1, true)), m.runWith("1 share, writable", m.sharesOf(1, false)),
		m.runWith("10 shares, read-only", m.sharesOf(10, true)), m.runWith("10 shares, writable", m.sharesOf(10, false)),
		m.runWith("1 writable share of 10 files", one("small")), m.runWith("1 writable share of "+count(m.large)+" files", one("large")),
		m.runWith("1 writable share, 500 folders at its top", one("wide")),
	}
	f.smallShare, f.largeShare = cells[6], cells[7]
	f.ownPaths = append(m.ownPath(10), m.ownPath(64)...)
	cells = append(cells, f.ownPaths...)
	cells = append(cells, &cell{title: "10 shares, writable, at a terminal", cmd: onTerminal(cells[5].cmd)})
	exitOn(measure(m.rounds, alone(cells...)))
	f.compare("What shares cost a run", "`au run true` with shares of ten small files each, unless a row says otherwise. After the run the waiting "+
		"entrypoint becomes an `au` that looks at writable shares: that is the step from read-only to writable.", cells, cells[0], cells[1], "no share")
}

// mounts adds and removes a share, of few files and of many.
func mounts(m *machine, f *figures) {
	bare, path := m.bare(), m.configWith(nil, 0, 0)
	quick, slow := []turn{{bare}}, []turn{}
	var cells []*cell
	for _, tree := range []struct {
		name, title string
		turns       *[]turn
	}{{"small", "10 files", &quick}, {"large", count(m.large) + " files", &slow}} {
		folder := " " + m.path(tree.name)
		ours := []*cell{
			{title: "**`au mount add --rw`**", cmd: m.says("au -C " + path + " mount add -y --rw" + folder)}, {title: "**`au mount remove`**", cmd: m.says("au -C " + path + " mount remove" + folder)}}
		acl := []*cell{
			{title: "`setfacl -R -m`", cmd: m.says("setfacl -R -m u:carol:rwX,d:u:carol:rwX" + folder)}, {title: "`setfacl -R -x`", cmd: m.says("setfacl -R -x u:carol,d:u:carol" + folder)}}
		theirs := m.theirs(
			&cell{title: "agent-as-unix-user 2.x, `au mount add --rw`", cmd: m.origin("mount add -a orig --rw" + folder)},
			&cell{title: "agent-as-unix-user 2.x, `au mount remove`", cmd: m.origin("mount remove -a orig" + folder)})
		quick = append(quick, ours)
		*tree.turns = append(*tree.turns, acl, theirs)
		for _, c := range slices.Concat(ours, acl, theirs) {
			c.note = tree.title
			cells = append(cells, c)
		}
	}
	exitOn(measure(max(1, m.rounds/2), quick))
	exitOn(measure(min(m.slow, 4), slow))
	f.compare("Handing a folder over", "`au mount add` shows the folder under another owner and touches no file of it. `setfacl -R` and agent-as-unix-user change the ACL of each.",
		cells, bare, cells[0], "ours, 10 files")
}

// newAndDelete makes agents and takes them apart.
func newAndDelete(m *machine, f *figures) {
	bare := m.bare()
	ours := []*cell{{title: "**`au new -y`**", cmd: m.says("au new -y -a brief")}, {title: "**`au delete -y -H`**", cmd: m.says("au delete -y -H -a brief")}}
	theirs := m.theirs(&cell{title: "agent-as-unix-user 2.x, `au new -y`", note: "compiles its entrypoint", cmd: m.origin("new -y -a passing")},
		&cell{title: "agent-as-unix-user 2.x, `au delete -y -H`", cmd: m.origin("delete -y -H -a passing")})
	exitOn(measure(m.slow, []turn{{bare}, ours, theirs}))
	f.compare("Making an agent and taking it apart", "systemd, `useradd` and `sudo` take most of it: the printed commands, one after the other.",
		append(ours, theirs...), bare, ours[0], "`au new`")
}

// show lists agents: few, and many that are in the config alone.
func show(m *machine, f *figures) {
	shares := m.sharesOf(map[bool]int{true: 6, false: 60}[m.short], true)
	bare, few, many := m.bare(), m.configWith(nil, 0, 0), m.configWith(shares, 99, len(shares))
	if out := m.at(many, "au list").output(); !strings.Contains(out, "other0098") {
		exitOn(fmt.Errorf("au does not obey the config of 100 agents: %s", tail(out)))
	}
	var cells, slow []*cell
	for _, of := range []struct{ config, note string }{{few, "1 agent, nothing shared"}, {many, fmt.Sprintf("100 agents, %d shares each", len(shares))}} {
		info := &cell{title: "`au info`", note: of.note, cmd: m.at(of.config, "au info")}
		cells, slow = append(cells,
			&cell{title: "`au list`", note: of.note, cmd: m.at(of.config, "au list")}, info,
			&cell{title: "`au mount list`", note: of.note, cmd: m.at(of.config, "au mount list")},
			&cell{title: "`au run true`", note: of.note, cmd: m.at(of.config, "au run true")}), append(slow, info)
	}
	cells = append(cells, &cell{title: "`au --version`", cmd: m.says("au --version")})
	quick := slices.DeleteFunc(append([]*cell{bare}, cells...), func(c *cell) bool { return slices.Contains(slow, c) })
	theirs := m.theirs(&cell{title: "agent-as-unix-user 2.x, `au list`", note: "1 agent", cmd: m.origin("list")}) // its `au info` fails in a login session from before `au new`
	exitOn(measure(m.rounds, alone(quick...)))
	exitOn(measure(max(1, m.rounds/3), alone(append(slow, theirs...)...)))
	f.listBare, f.list = bare, cells[0]
	f.compare("Showing", "All agents but one are in the config alone: they have no Unix user, and au asks the machine nothing about them.",
		append(cells, theirs...), bare, cells[0], "`au list`, 1 agent")
}

// A series is what one program takes, for each number of something.
type series struct {
	title string
	cells []*cell
}

// growth measures how the cost of a run grows with shares, agents, and runs at once.
func growth(m *machine, f *figures) {
	f.section("How cost grows", "All figures are the quickest tenth. \"The last half\" is the average cost of one more in the upper half "+
		"of the range, \"the first half\" in the lower. Nothing may grow faster than its work, so the quotient may not be much above 1.")
	grow := func(title, what string, at []int, rounds int, names []string, of func(name string, n int) *cell) {
		all := make([]series, len(names))
		var cells []*cell
		for _, n := range at {
			for i, name := range names {
				all[i].title, all[i].cells = name, append(all[i].cells, of(name, n))
				cells = append(cells, all[i].cells[len(all[i].cells)-1])
			}
		}
		exitOn(measure(rounds, alone(cells...)))
		f.grows(title, what, at, all)
	}
	some := max(1, m.rounds/3)
	grow("`au run true` by the number of shares", "shares", m.shares, some, []string{"au run, read-only shares", "au run, writable shares"}, func(name string, n int) *cell {
		return m.runWith(name, m.sharesOf(n, strings.Contains(name, "read-only")))
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
