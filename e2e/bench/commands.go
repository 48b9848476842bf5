// SPDX-License-Identifier: GPL-3.0-or-later

package main

// bwrapWalls is what comes nearest to the walls of a run. A namespace of users is not among them: au needs none, being set-uid,
// and where /proc is not seen whole (in containers, and in this machine) it would keep bubblewrap from mounting one.
var bwrapWalls = []string{
	"bwrap", "--unshare-pid", "--unshare-ipc", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev",
	"--tmpfs", "/tmp", "--tmpfs", "/run", "--tmpfs", "/home", "--bind", "/home/carol", "/home/carol", "--chdir", "/", "--new-session", "--die-with-parent",
}

// bwrapAs adds what makes it another user, as au does.
func bwrapAs(argv ...string) []string {
	walls := append([]string{"setpriv", "--reuid=carol", "--regid=carol", "--clear-groups", "--no-new-privs"}, argv...)
	return append(append([]string{}, bwrapWalls...), walls...)
}

// firejail takes the machine for a sandbox, and then does nothing, unless it is told that it is a container.
var inContainer = []string{"container=systemd-nspawn"}

// original is a command of agent-as-unix-user; its run needs a terminal.
func (m *machine) origin(argv ...string) command {
	return command{argv: append([]string{theirs, "-C", m.path("original.toml")}, argv...), as: m.alice, pty: true}
}

func onTerminal(c command) command {
	c.pty = true
	return c
}

func commands(m *machine, f *figures) error {
	bare := &cell{title: "`true` itself", quoted: true, cmd: m.human("true")}
	au := &cell{title: "**`au run true`**", note: "nothing shared", quoted: true, cmd: m.human("au", "run", "true")}
	root := func(argv ...string) command { return command{argv: argv} }
	f.bare, f.au = bare, au
	f.onTerminal = &cell{title: "**`au run true`** at a terminal", note: "a terminal of its own", cmd: onTerminal(m.human("au", "run", "true"))}
	bounded := &cell{title: "`au run true`, limits and network restricted", cmd: m.human("au", "run", "-a", "bounded", "true")}
	boundedTerminal := &cell{title: "the same at a terminal", cmd: onTerminal(bounded.cmd)}
	complete := &cell{title: "`au run -e LANG true`", note: "any option but `--agent`: the complete program", cmd: m.human("au", "run", "-e", "LANG", "true")}
	once := &cell{title: "`au run --rw FOLDER true`", note: "a share for one run", cmd: m.human("au", "run", "--rw", m.path("small"), "true")}
	entrypoint := &cell{title: "its entrypoint alone", note: "without what reads the config", cmd: m.human("/usr/local/libexec/au/agent/su_as_agent", "agent", "--", "true")}
	f.bwrap = &cell{title: "bubblewrap, the nearest walls", note: "as root: pid, ipc and mount namespaces, /proc, /dev, /tmp, /run, /home; still root", quoted: true, cmd: root(append(append([]string{}, bwrapWalls...), "true")...)}
	f.sudo = &cell{title: "`sudo -u carol`", quoted: true, cmd: m.human("sudo", "-u", "carol", "true")}
	cells := []*cell{
		bare, au, f.onTerminal, bounded, boundedTerminal, complete, once, entrypoint,
		{title: "`setpriv`", note: "as root; no walls", cmd: root("setpriv", "--reuid=carol", "--regid=carol", "--init-groups", "true")},
		f.bwrap,
		{title: "bubblewrap, and another user", note: "the same, and `setpriv` in it", cmd: root(bwrapAs("true")...)},
		{title: "bubblewrap, unprivileged", note: "with a user namespace, without a /proc of its own", cmd: m.human("bwrap", "--unshare-pid", "--unshare-ipc", "--ro-bind", "/", "/", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run", "--new-session", "--die-with-parent", "true")},
		{title: "firejail", note: "`--noprofile`, with the nearest walls; the same user", cmd: command{as: m.alice, env: inContainer,
			argv: []string{"firejail", "--quiet", "--noprofile", "--private-tmp", "--private-dev", "--ipc-namespace", "--caps.drop=all", "--nonewprivs", "--seccomp", "true"}}},
		{title: "`doas -u carol`", note: "no walls", cmd: m.human("doas", "-u", "carol", "true")},
		{title: "`runuser -u carol`", note: "as root; no walls", cmd: root("runuser", "-u", "carol", "--", "true")},
		{title: "`su carol -c`", note: "as root; no walls", quoted: true, cmd: root("su", "carol", "-c", "true")},
		f.sudo,
		{title: "`sudo -u carol` at a terminal", note: "`use_pty`: a terminal of its own", cmd: onTerminal(f.sudo.cmd)},
		{title: "`systemd-run --uid=carol --pipe --wait`", note: "as root; no walls", quoted: true, cmd: root("systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--uid=carol", "true")},
		{title: "`run0 --user=carol --pipe`", note: "as root; no walls", quoted: true, cmd: root("run0", "--pipe", "--user=carol", "true")},
	}
	if m.original {
		f.original = &cell{title: "agent-as-unix-user 2.x, `au run true`", note: "at a terminal, without which it cannot; no walls", quoted: true, cmd: m.origin("run", "-a", "orig", "true")}
		cells = append(cells, f.original)
	}
	if err := measure(m.rounds, alone(cells...)); err != nil {
		return err
	}
	if err := m.machineCPU(cells); err != nil {
		return err
	}
	f.commands(cells)
	return nil
}

// runWith is `au run true` with shares.
func (m *machine) runWith(title string, shares []share) (*cell, error) {
	home, err := m.homeWith(shares, 0, 0)
	return &cell{title: title, cmd: m.at(home, "au", "run", "true")}, err
}

func sharesCost(m *machine, f *figures) error {
	if _, err := m.sharesOf(10, true); err != nil {
		return err
	}
	few := func(n int, readOnly bool) []share { all, _ := m.sharesOf(n, readOnly); return all }
	one := func(name string) []share { return []share{{m.path(name), "/home/agent/" + name, false}} }
	bare := &cell{title: "`true` itself", cmd: m.human("true")}
	cells := []*cell{bare}
	for _, c := range []struct {
		title  string
		shares []share
	}{
		{"no share", nil},
		{"1 share, read-only", few(1, true)}, {"1 share, writable", few(1, false)},
		{"10 shares, read-only", few(10, true)}, {"10 shares, writable", few(10, false)},
		{"1 writable share of 10 files", one("small")}, {"1 writable share of " + count(m.large) + " files", one("large")},
		{"1 writable share, 500 folders at its top", one("wide")},
	} {
		cell, err := m.runWith(c.title, c.shares)
		if err != nil {
			return err
		}
		cells = append(cells, cell)
	}
	f.smallShare, f.largeShare = cells[6], cells[7]
	atTerminal := &cell{title: "10 shares, writable, at a terminal", cmd: onTerminal(cells[5].cmd)}
	cells = append(cells, atTerminal)
	if err := measure(m.rounds, alone(cells...)); err != nil {
		return err
	}
	f.section("What shares cost a run", "`au run true` with shares of ten small files each, unless a row says otherwise. Writable shares are looked at when the run has "+
		"ended, by an `au` that the waiting entrypoint becomes: that is the step from read-only to writable.")
	f.table(cells, bare, cells[1], "no share")
	return nil
}
