// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
)

// sizes are how much is measured.
type sizes struct {
	rounds, slow                      int // of quick commands, and of those that take a good part of a second
	passes, batch                     int // how often the machine's processor time is taken, and of how many runs as one
	large                             int // files of the large tree
	files, repo                       int // small files made in a share, and files of a repository
	blob, keys                        int // bytes that go through a terminal, and keys typed a round
	each                              int // shares of each of a hundred agents
	turns                             int // of what goes through the network
	shares, agents, parallel, changes []int
}

var full = sizes{rounds: 60, slow: 5, passes: 3, batch: 10, large: 200_000, files: 20_000, repo: 5000, blob: 200 << 20, keys: 200, each: 60, turns: 25,
	shares: []int{1, 2, 4, 8, 16, 32, 48, 64}, agents: []int{1, 10, 50, 100, 250, 500, 750, 1000}, parallel: []int{1, 2, 4, 8, 16, 32, 48, 64},
	changes: []int{10, 1000, 100_000}}

var few = sizes{rounds: 2, slow: 1, passes: 1, batch: 1, large: 2000, files: 500, repo: 300, blob: 4 << 20, keys: 20, each: 6, turns: 1,
	shares: []int{1, 4, 16}, agents: []int{1, 10, 100}, parallel: []int{1, 4, 16}, changes: []int{10, 100, 500}}

// A machine is the one the bench runs in, with what it has put there.
type machine struct {
	sizes
	original bool   // agent-as-unix-user 2.x is there
	entry    string // of the agent, in the config that au wrote
	configs  int    // written so far
}

const (
	self    = "/opt/bench/bench"
	homeDir = "/home/alice"
	alice   = 1000 // uid and gid
	theirs  = "/opt/original/au"

	configPath = homeDir + "/.config/agent-as-unix-user.toml"
)

// setUp makes agents and files. alice has sudo without a password; carol is whom the others run commands as.
func setUp(short bool) *machine {
	_, err := os.Stat(theirs)
	m := &machine{sizes: full, original: err == nil}
	if short {
		m.sizes = few
	}
	exitOn(os.WriteFile("/etc/doas.conf", []byte("permit nopass alice\n"), 0o600))
	says("au new -y").output()
	text, err := os.ReadFile(configPath)
	exitOn(err)
	m.entry = strings.TrimSpace(string(text)) + "\n"
	says("au new -y -a bounded --cpu 150% --mem 1G --tasks 500").output()
	says("au net restrict -a bounded --allow example.com").output()
	if m.original {
		origin("new -a orig -y").output()
	}
	script("", path("small"), "files . 10 make").output()
	script("", path("large"), fmt.Sprintf("files tree %d make 400", m.large)).output() // as much at its top as the small one, all else below
	script("", path("wide"), "mkdir $(seq 500)").output()
	script("", path("shares"), "for name in $(seq -f %03.0f 0 63); do files $name 10 make; done").output()
	return m
}

// path returns a path in alice's home.
func path(name string) string { return homeDir + "/" + name }

// A share is a folder in alice's home, by its name, and how it is shared.
type share struct{ name, how string }

// The ways to share, as the config has them.
const (
	readOnly   = "read_only = true\nsame_path = true\n"
	writable   = "read_only = false\nsame_path = true\n"
	targetOnly = "read_only = true\nsame_path = false\n"
	drafted    = readOnly + "draft = true\n"
)

// sharesOf returns n small folders as shares.
func sharesOf(n int, how string) (all []share) {
	for i := range n {
		all = append(all, share{fmt.Sprintf("shares/%03d", i), how})
	}
	return all
}

// configWith writes a config in which the agent has these shares, and behind it as many other agents, each with as many
// shares, that are in the config alone.
func (m *machine) configWith(shares []share, others, sharesEach int) string {
	var text strings.Builder
	mount := func(agent string, s share) {
		fmt.Fprintf(&text, "[[agents.mounts]]\nsource = %q\ntarget = \"/home/%s/%s\"\n%s", path(s.name), agent, s.name, s.how)
	}
	text.WriteString(m.entry)
	for _, s := range shares {
		mount("agent", s)
	}
	for i := range others {
		agent := fmt.Sprintf("other%04d", i)
		fmt.Fprintf(&text, "\n[[agents]]\nuser_name = %q\nsu_as_agent_group = %q\nentrypoint = \"/usr/local/libexec/au/%s/su_as_agent\"\n"+
			"entrypoint_sha256 = \"%064d\"\nentrypoint_stamp = \"123456 773080 1790000000.%09d\"\nbootstrapped = true\n", agent, "su-as-"+agent, agent, 0, i)
		for s := range sharesEach {
			mount(agent, share{fmt.Sprintf("shares/%03d", s), []string{readOnly, writable}[s%2]})
		}
	}
	m.configs++
	file := path(fmt.Sprintf(".config/bench-%d.toml", m.configs))
	exitOn(errors.Join(os.WriteFile(file, []byte(text.String()), 0o600), os.Chown(file, alice, alice)))
	return file
}

// bwrap is bubblewrap with what comes nearest to the walls of a run, and a command in it. A namespace of users is not among them:
// au needs none, being set-uid, and where /proc is not seen whole (in containers, and in this machine) it would keep bubblewrap
// from mounting one.
func bwrap(words string) command {
	return root("bwrap --unshare-pid --unshare-ipc --ro-bind / / --proc /proc --dev /dev --tmpfs /tmp --tmpfs /run --tmpfs /home " +
		"--bind /home/carol /home/carol --chdir / --new-session --die-with-parent " + words)
}

// firejail takes the machine for a sandbox, and then does nothing, unless it is told that it is a container.
func firejail(words string) command {
	c := says("firejail --quiet --noprofile --private-tmp " + words)
	c.env = []string{"container=systemd-nspawn"}
	return c
}

// theirs is cells of agent-as-unix-user, where it is there.
func (m *machine) theirs(cells ...*cell) []*cell {
	if !m.original {
		return nil
	}
	return cells
}

// bare is what all is compared with.
func bare() *cell { return &cell{title: "`true` itself", quoted: true, cmd: says("true")} }

// commands are the rows of the first table.
func (m *machine) commands() []*cell {
	return append([]*cell{
		bare(),
		{title: "**`au run true`** (nothing shared)", quoted: true, cmd: says("au run true"), waits: "**`au run`**"},
		{title: "**`au run true`** at a terminal (a terminal of its own)", cmd: onTerminal(says("au run true")), waits: "**`au run`** at a terminal"},
		{title: "`au run true`, limits and network restricted", cmd: says("au run -a bounded true")},
		{title: "the same at a terminal", cmd: onTerminal(says("au run -a bounded true"))},
		{title: "`au run -e LANG true` (an option)", cmd: says("au run -e LANG true")},
		{title: "`au run --keep-proxy true`", cmd: says("au run --keep-proxy true")},
		{title: "`au run --rw FOLDER true` (a share for one run)", cmd: says("au run --rw " + path("small") + " true")},
		{title: "its entrypoint alone (without what reads the config)", cmd: says("/usr/local/libexec/au/agent/su_as_agent agent -- true")},
		{title: "`setpriv` (as root; no walls)", cmd: root("setpriv --reuid=carol --regid=carol --init-groups true")},
		{title: "bubblewrap, the nearest walls (as root: pid, ipc and mount namespaces, /proc, /dev, /tmp, /run, /home; still root)", quoted: true, cmd: bwrap("true"),
			waits: "bubblewrap, the nearest walls"},
		{title: "bubblewrap, and another user (the same, and `setpriv` in it)", cmd: bwrap("setpriv --reuid=carol --regid=carol --clear-groups --no-new-privs true")},
		{title: "bubblewrap, unprivileged (with a user namespace, without a /proc of its own)",
			cmd: says("bwrap --unshare-pid --unshare-ipc --ro-bind / / --dev /dev --tmpfs /tmp --tmpfs /run --new-session --die-with-parent true")},
		{title: "firejail (`--noprofile`, with the nearest walls; the same user)", cmd: firejail("--private-dev --ipc-namespace --caps.drop=all --nonewprivs --seccomp true"),
			waits: "firejail"},
		{title: "`doas -u carol` (no walls)", cmd: says("doas -u carol true")},
		{title: "`runuser -u carol` (as root; no walls)", cmd: root("runuser -u carol -- true")},
		{title: "`su carol -c` (as root; no walls)", quoted: true, cmd: root("su carol -c true"), waits: "`su carol -c`"},
		{title: "`sudo -u carol`", quoted: true, cmd: says("sudo -u carol true"), waits: "`sudo -u carol`"},
		{title: "`sudo -u carol` at a terminal (`use_pty`: a terminal of its own)", cmd: onTerminal(says("sudo -u carol true")), waits: "`sudo -u carol` at a terminal"},
		{title: "`systemd-run --uid=carol --pipe --wait` (as root; no walls)", quoted: true, cmd: root("systemd-run --quiet --pipe --wait --collect --uid=carol true"),
			waits: "`systemd-run --pipe --wait`"},
		{title: "`run0 --user=carol --pipe` (as root; no walls)", quoted: true, cmd: root("run0 --pipe --user=carol true"), waits: "`run0 --pipe`"},
	}, m.theirs(&cell{title: "agent-as-unix-user 2.x, `au run true` (at a terminal, without which it cannot; no walls)", quoted: true, cmd: origin("run -a orig true"), waits: "agent-as-unix-user 2.x at a terminal"})...)
}

func commands(m *machine, f *figures) {
	cells := m.commands()
	measure(m.rounds, alone(cells...))
	m.machineCPU(cells)
	f.compare("A command", "The time to run `true`, from its start until its parent's wait ends. CPU is user and system time of the command and of the processes that it waited for. "+
		"That is not all: bubblewrap does not wait for its child, and systemd and D-Bus work for those who call them. The machine's CPU is that of every process in it, a run.",
		cells, cells[0], cells[1], "`au run`")
	f.quote(cells)
	for _, c := range cells {
		switch c.name() {
		case "bubblewrap, the nearest walls":
			f.atMost("`au run true` takes at most 1.5 times bubblewrap with pid, ipc and mount namespaces", cells[1], c, 1.5)
		case "`sudo -u carol`":
			f.atMost("less than half of `sudo -u`", cells[1], c, 0.5)
		case "agent-as-unix-user 2.x, `au run true`":
			f.atMost("less than a twentieth of agent-as-unix-user 2.x", cells[1], c, 0.05)
		}
	}
}

// runWith is `au run true` with shares.
func (m *machine) runWith(title string, shares ...share) *cell {
	return &cell{title: title, cmd: at(m.configWith(shares, 0, 0), "au run true")}
}

func sharesCost(m *machine, f *figures) {
	large := count(m.large) + " files"
	cells := []*cell{
		bare(), m.runWith("no share"),
		m.runWith("1 share, read-only", sharesOf(1, readOnly)...), m.runWith("1 share, writable", sharesOf(1, writable)...),
		m.runWith("10 shares, read-only", sharesOf(10, readOnly)...), m.runWith("10 shares, writable", sharesOf(10, writable)...),
		m.runWith("1 writable share of 10 files", share{"small", writable}), m.runWith("1 writable share of "+large, share{"large", writable}),
		m.runWith("1 writable share, 500 folders at its top", share{"wide", writable}),
	}
	for _, n := range []int{10, 64} {
		cells = append(cells, m.runWith(fmt.Sprintf("%d shares, read-only, at their targets alone", n), sharesOf(n, targetOnly)...),
			m.runWith(fmt.Sprintf("%d shares, read-only, at your own paths too", n), sharesOf(n, readOnly)...))
	}
	cells = append(cells, &cell{title: "10 shares, writable, at a terminal", cmd: onTerminal(cells[5].cmd)},
		// In a folder that no other row can write in: each would look at what this one has changed.
		&cell{title: "1 share, writable, and a file in it touched", cmd: at(m.configWith([]share{{"shares/063", writable}}, 0, 0), "au run touch /home/agent/shares/063/touched")})
	measure(m.rounds, alone(cells...))
	f.compare("What shares cost a run", "`au run true` with shares of ten small files each, unless a row says otherwise. After a run that has changed "+
		"something in a writable share, or that has one of more than 4,000 files, the waiting entrypoint becomes an `au` that looks at it: that is the step from `true` to a touched file.", cells, cells[0], cells[1], "no share")
	f.atMost("with a writable share, in which it changes nothing, a run takes at most 1.25 times a plain one", cells[3], cells[1], 1.25)
	a := apartOf(large+" beside 10 files: ", cells[7].costs, cells[6].costs)
	f.target("a share's cost does not depend on what is in it", a.title+a.String(), a.within())
	for i, most := range []float64{1.1, 1.3} {
		own := cells[10+2*i]
		f.atMost(fmt.Sprintf("%s take at most %v times the time of the same at their targets alone", own.title, most), own, cells[9+2*i], most)
	}
}

// mounts adds and removes a share, of few files and of many.
func mounts(m *machine, f *figures) {
	config, bare := m.configWith(nil, 0, 0), bare()
	cells := []*cell{}
	for _, tree := range []struct {
		name          string
		files, rounds int
	}{{"small", 10, max(1, m.rounds/2)}, {"large", m.large, min(m.slow, 4)}} {
		folder, files := " "+path(tree.name), " ("+count(tree.files)+" files)"
		ours := turn{{title: "**`au mount add --rw`**" + files, cmd: says("au -C " + config + " mount add -y --rw" + folder)},
			{title: "**`au mount remove`**" + files, cmd: says("au -C " + config + " mount remove" + folder)}}
		acl := turn{{title: "`setfacl -R -m`" + files, cmd: says("setfacl -R -m u:carol:rwX,d:u:carol:rwX" + folder)},
			{title: "`setfacl -R -x`" + files, cmd: says("setfacl -R -x u:carol,d:u:carol" + folder)}}
		theirs := turn(m.theirs(&cell{title: "agent-as-unix-user 2.x, `au mount add --rw`" + files, cmd: origin("mount add -a orig --rw" + folder)},
			&cell{title: "agent-as-unix-user 2.x, `au mount remove`" + files, cmd: origin("mount remove -a orig" + folder)}))
		measure(tree.rounds, []turn{{bare}, ours, acl, theirs})
		cells = slices.Concat(cells, ours, acl, theirs)
	}
	f.compare("Handing a folder over", "`au mount add` shows the folder under another owner and touches no file of it. `setfacl -R` and agent-as-unix-user change the ACL of each.",
		cells, bare, cells[0], "ours, 10 files")
}

// newAndDelete makes agents and takes them apart.
func newAndDelete(m *machine, f *figures) {
	bare := bare()
	ours := turn{{title: "**`au new -y`**", cmd: says("au new -y -a brief")}, {title: "**`au delete -y -H`**", cmd: says("au delete -y -H -a brief")}}
	theirs := m.theirs(&cell{title: "agent-as-unix-user 2.x, `au new -y` (compiles its entrypoint)", cmd: origin("new -y -a passing")},
		&cell{title: "agent-as-unix-user 2.x, `au delete -y -H`", cmd: origin("delete -y -H -a passing")})
	measure(m.slow, []turn{{bare}, ours, theirs})
	f.compare("Making an agent and taking it apart", "systemd, `useradd` and `sudo` take most of it: the printed commands, one after the other.",
		append(ours, theirs...), bare, ours[0], "`au new`")
}

// show lists agents: few, and many that are in the config alone.
func show(m *machine, f *figures) {
	bare, many := bare(), m.configWith(sharesOf(m.each, readOnly), 99, m.each)
	if out := at(many, "au list").output(); !strings.Contains(out, "other0098") {
		exitOn(fmt.Errorf("au does not obey the config of 100 agents: %s", tail(out)))
	}
	var cells []*cell
	for _, of := range [][2]string{{m.configWith(nil, 0, 0), "1 agent, nothing shared"}, {many, fmt.Sprintf("100 agents, %d shares each", m.each)}} {
		for _, words := range []string{"au list", "au info", "au mount list", "au run true"} {
			cells = append(cells, &cell{title: "`" + words + "` (" + of[1] + ")", cmd: at(of[0], words)})
		}
	}
	cells = append(cells, &cell{title: "`au --version`", cmd: says("au --version")})
	// Its `au info` fails in a login session from before `au new`.
	cells = append(cells, m.theirs(&cell{title: "agent-as-unix-user 2.x, `au list` (1 agent)", cmd: origin("list")})...)
	measure(m.rounds, alone(append(cells, bare)...))
	f.compare("Showing", "All agents but one are in the config alone: they have no Unix user, and au asks the machine nothing about them.",
		cells, bare, cells[0], "`au list`, 1 agent")
	f.atMost("`au list` takes less than 4 times a bare `true`", cells[0], bare, 4)
}

// growth measures how the cost of a run grows with shares, agents, and runs at once.
func growth(m *machine, f *figures) {
	f.section("How cost grows", "All figures are the quickest tenth. \"The last half\" is the average cost of one more in the upper half "+
		"of the range, \"the first half\" in the lower. Nothing may grow faster than its work, so the quotient may not be much above 1.")
	some, ways := max(1, m.rounds/3), map[string]string{"au run, read-only shares": readOnly, "au run, writable shares": writable}
	f.grows("`au run true` by the number of shares", "shares", m.shares, some, slices.Sorted(maps.Keys(ways)), func(name string, n int) *cell {
		return m.runWith(name, sharesOf(n, ways[name])...)
	})
	f.grows("Commands by the number of agents in the config, two shares each", "agents", m.agents, some, []string{"au run", "au list", "au mount list"}, func(name string, n int) *cell {
		return &cell{title: name, cmd: at(m.configWith(nil, n-1, 2), strings.Replace(name, "au run", "au run true", 1))}
	})
	starts := map[string]command{"au run": says("au run true"), "bubblewrap": bwrap("true"), "sudo -u": says("sudo -u carol true")}
	title := fmt.Sprintf("Runs of `true` that start at once on %d processors, until all have ended", runtime.NumCPU())
	f.grows(title, "runs at once", m.parallel, max(2, m.rounds/5), slices.Sorted(maps.Keys(starts)), func(name string, n int) *cell {
		return &cell{title: name, do: func() []cost { return []cost{starts[name].atOnce(n)} }}
	})
}

// draftRuns compares runs with a draft with runs with a share that can be written.
func draftRuns(m *machine, f *figures) {
	files := count(m.large) + " files"
	cells := []*cell{
		bare(), m.runWith("1 writable share of 10 files", share{"small", writable}), m.runWith("1 writable share of "+files, share{"large", writable}),
		m.runWith("a draft of 10 files", share{"small", drafted}), m.runWith("a draft of "+files, share{"large", drafted}),
	}
	measure(m.rounds, alone(cells...))
	f.compare("What a draft costs a run", "`au run true`. Before the first run of a draft au looks in the folder for what is to be hidden; that is not in these rows (`au draft refresh`, below).",
		cells, cells[0], cells[1], "share of 10")
	f.atMost("a run with a draft of "+files+" takes at most 1.3 times one with a share of as many", cells[4], cells[2], 1.3)
	f.atMost("and as long as with a draft of 10", cells[4], cells[3], 1.1)
	script("", path("small"), "au draft drop -y; cd ../large; au draft drop -y").output()
}

// draftTurn is the human's commands on a draft of a folder, one after the other, after an agent has made files in it, and appended
// to others that were there.
func draftTurn(folder string, made, there int, title string) (all turn) {
	more := "find . -type f | head -n %d | while IFS= read -r file; do echo more >>\"$file\"; done; "
	begin := script("au run --draft . ", ".", fmt.Sprintf(more+"files made %d make", there, made))
	begin.dir = path(folder)
	for _, words := range []string{"refresh", "list", "diff --name-status", "diff --stat", "keep -y", "undo -y", "drop -y"} {
		all = append(all, &cell{title: "`au draft " + words + "` (" + title + ")", cmd: inFolder(folder, "au draft "+words)})
	}
	all[0].do = func() []cost {
		begin.output()
		return []cost{all[0].cmd.once()}
	}
	return all
}

// draftCommands measures what the human does with a draft: more changed in one folder, and as much in one of few files and of many.
func draftCommands(m *machine, f *figures) {
	some, large := m.changes[1], count(m.large)
	turns := []turn{draftTurn("small", m.changes[0], 0, count(m.changes[0])+" files made, beside 10")}
	for _, n := range m.changes {
		turns = append(turns, draftTurn("large", n, 0, count(n)+" files made, beside "+large))
	}
	turns = append(turns, draftTurn("large", 0, some, count(some)+" files that were there, of "+large))
	measure(m.slow, turns[:2]) // the two that are compared; the others take minutes
	measure(1, turns[2:])
	var cells []*cell
	for i := range turns[0] {
		for _, t := range turns {
			cells = append(cells, t[i])
		}
	}
	f.compare("A draft: diff, keep, undo and drop", "`au draft refresh` looks in the folder for what is to be hidden: what the first run of a draft does besides, once. "+
		"`diff` without an option looks at the nearest 50,000 names for what appeared since; it is not in these rows either.", cells, cells[0], cells[0], "refresh of 10")
	for _, i := range []int{3, 4} {
		f.atMost(fmt.Sprintf("%s grows with what changed: %s files in a tree of %s take at most 1.3 times as long as in one of 10", turns[0][i].name(), count(m.changes[0]), large),
			turns[1][i], turns[0][i], 1.3)
	}
}
