// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision/step"
)

func netSample() (netfilter.Policy, NetFacts) {
	rule, err := netfilter.ParseRule("github.com")
	if err != nil {
		panic(err)
	}
	p := netfilter.Policy{Version: netfilter.Version, Agent: "agent", UID: 1001, Backend: netfilter.NFT, Proxy: 61001, DNS: 61002,
		Allow: []netfilter.Entry{{Rule: rule}}}
	f := NetFacts{
		Agent:   csrc.Policy{Name: "agent", UID: 1001, GID: 1001, Group: 1002, Humans: []csrc.Human{{UID: 1000, Name: "alice"}}},
		Systemd: true, Au: "/usr/local/bin/au", Self: Source{Path: "/usr/local/bin/au", SHA256: "aa"},
		Parents: map[string]Path{EtcDir: {Exists: true}}, Units: map[string]NetUnit{},
	}
	return p, f
}

// netDone returns the facts after the plan was carried out.
func netDone(p netfilter.Policy, f NetFacts) NetFacts {
	f.PolicyText, _ = p.Text()
	f.Policy = &p
	f.User = &User{Name: p.DaemonUser(), UID: 998}
	f.Program = Path{Exists: true, Mode: 0o755, SHA256: "aa"}
	f.Watcher = f.Program
	f.LogDir = Path{Exists: true, Mode: fs.ModeDir | fs.ModeSetgid | 0o750, UID: 998, GID: 1002, ACL: []string{"user:1000:r-x", "default:user:1000:r-x"}}
	f.Parents = map[string]Path{EtcDir: {Exists: true}, NetDir: {Exists: true}, LogDir: {Exists: true}, UnitDir + "/user-1001.slice.d": {Exists: true}}
	f.SliceText = p.SliceDropIn()
	f.Units = map[string]NetUnit{}
	for _, unit := range (netfilter.Units{Policy: p, Program: NetProgram(p.Agent), Watcher: WatcherProgram, SHA256: "aa"}).Files() {
		f.Units[unit.Name] = NetUnit{Text: unit.Text, Active: true, Enabled: unit.Name != p.DaemonUnitName()}
	}
	return f
}

// The remains of a restriction that was killed are there to be taken away, even a single folder.
func TestNetOffAfterAKill(t *testing.T) {
	p, f := netSample()
	files, folders := NetHalf(p)
	for name, c := range map[string]struct {
		files, folders []string
		want           string
	}{
		"a_folder":        {nil, folders[:1], "rmdir --ignore-fail-on-non-empty /etc/au/net"},
		"a_file":          {files[:1], nil, "rm -f /etc/au/net/agent.toml.new;rmdir --ignore-fail-on-non-empty /etc/au/net"},
		"a_unit_s_file":   {files[3:4], nil, "rm -f /etc/systemd/system/au-net-watch@agent.service.new;rmdir --ignore-fail-on-non-empty /etc/au/net"},
		"another_folder":  {nil, folders[2:], "rmdir /etc/systemd/system/user-1001.slice.d;rmdir /usr/local/libexec/au-net"},
		"nothing_at_all":  {nil, nil, ""},
		"all_of_the_kind": {files, folders, "rm -f " + strings.Join(files, " ") + ";rmdir --ignore-fail-on-non-empty /etc/au/net;rmdir /var/log/au;rmdir /etc/systemd/system/user-1001.slice.d;rmdir /usr/local/libexec/au-net"},
	} {
		t.Run(name, func(t *testing.T) {
			f.Half, f.Empty = c.files, c.folders
			f.Parents = map[string]Path{NetDir: {Exists: name != "another_folder" && name != "nothing_at_all"}}
			var got []string
			for _, line := range lines(PlanNetOff(p, f)) {
				got = append(got, strings.TrimPrefix(line, "sudo "))
			}
			if text := strings.Join(got, ";"); text != c.want || f.Any() != (c.want != "") {
				t.Errorf("the plan is %q, something there: %v", text, f.Any())
			}
		})
	}
}

func lines(plan []step.Step) []string {
	var all []string
	for _, s := range plan {
		demand(s)
		first, _, _ := strings.Cut(s.Do.Shell(nil), "\n")
		all = append(all, strings.TrimSuffix(first, " <<'EOF'"))
	}
	return all
}

// comesBefore fails where one of the plan's lines does not come before another; each is named by a part of it.
func comesBefore(t *testing.T, plan []step.Step, order ...string) {
	t.Helper()
	all, at := lines(plan), -1
	for _, part := range order {
		found := -1
		for i, line := range all {
			if strings.Contains(line, part) && i > at {
				found = i
				break
			}
		}
		if found < 0 {
			t.Errorf("no %q behind the %d. of\n%s", part, at+1, strings.Join(all, "\n"))
			return
		}
		at = found
	}
}

func TestRestrictOrder(t *testing.T) {
	p, f := netSample()
	plan, err := PlanNetRestrict(p, f)
	if err != nil {
		t.Fatal(err)
	}
	comesBefore(t, plan, "libexec/au/agent/au.new", "useradd --system", "/var/log/au/agent", "/etc/au/net/agent.toml", "au-net-rules@agent.service.new",
		"enable --quiet au-net-rules@agent.service au-net-watch@agent.service au-net@agent.socket",
		"start au-net@agent.socket", "start au-net-rules@agent.service", "restart au-net@agent.service", "au-net.conf", "daemon-reload", "systemd-run",
		"net cut agent", "start au-net-watch@agent.service")
	for _, s := range plan {
		line := s.Do.Shell(nil)
		changes := strings.HasPrefix(line, "useradd") || strings.Contains(line, "systemctl enable") || strings.Contains(line, "systemctl start") || strings.HasPrefix(line, "mv -T")
		if changes && s.Undo == nil {
			t.Errorf("nothing takes this back: %s", line)
		}
	}
}

// Until systemd has read what was enabled or disabled, each systemctl warns. To read it takes longer than all else.
func TestSystemdReadsUnitsBeforeTheyStartOrStop(t *testing.T) {
	p, f := netSample()
	restrict, err := PlanNetRestrict(p, f)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		plan []step.Step
		want int
	}{"restrict": {restrict, 2}, "off": {PlanNetOff(p, netDone(p, f)), 2}} {
		read, outdated := 0, false
		for _, line := range lines(c.plan) {
			verb, isSystemctl := strings.CutPrefix(line, "systemctl ")
			switch {
			case strings.Contains(verb, "--no-reload"):
				outdated = true
			case isSystemctl && (strings.HasPrefix(verb, "daemon-reload") || strings.HasPrefix(verb, "enable") || strings.HasPrefix(verb, "disable")):
				read, outdated = read+1, false
			case isSystemctl && outdated:
				t.Errorf("%s: systemd has not read what was disabled before %s", name, line)
			}
		}
		if read != c.want || outdated {
			t.Errorf("%s: systemd reads all units %d times, want %d; at the end it has not: %v", name, read, c.want, outdated)
		}
	}
}

func TestRestrictTwiceIsNothing(t *testing.T) {
	p, f := netSample()
	plan, err := PlanNetRestrict(p, netDone(p, f))
	if err != nil || len(plan) > 0 {
		t.Errorf("a second time there is still to do: %v, %v", lines(plan), err)
	}
}

func TestChangedPolicyReloadsAndNeverRestartsRules(t *testing.T) {
	p, f := netSample()
	f = netDone(p, f)
	p.Backend = netfilter.Iptables
	plan, err := PlanNetRestrict(p, f)
	if err != nil {
		t.Fatal(err)
	}
	comesBefore(t, plan, "agent.toml", "systemctl reload au-net-rules@agent.service")
	for _, line := range lines(plan) {
		if strings.Contains(line, "restart au-net-rules") || strings.Contains(line, "stop") {
			t.Errorf("this would end what the agent runs: %s", line)
		}
	}
}

func TestOnlyPortsOnLoopbackReloadRules(t *testing.T) {
	p, f := netSample()
	f = netDone(p, f)
	p.Deny = p.Allow
	for reload, want := range map[bool]int{false: 3, true: 4} {
		if plan, err := PlanNetPolicy(p, f, reload); err != nil || len(plan) != want {
			t.Errorf("with reload %v: %v, %v", reload, lines(plan), err)
		}
	}
	p.Deny = nil
	if plan, _ := PlanNetPolicy(p, f, true); len(plan) != 0 {
		t.Errorf("where nothing changed: %v", lines(plan))
	}
}

func TestOffOrder(t *testing.T) {
	p, f := netSample()
	f = netDone(p, f)
	plan := PlanNetOff(netfilter.Policy{Agent: "agent", UID: 1001}, f)
	// The slice must let go of the rules before they stop, or the agent's processes end.
	comesBefore(t, plan, "rm -f /etc/systemd/system/user-1001.slice.d/au-net.conf", "daemon-reload", "stop au-net-watch@", "stop au-net@agent.socket", "stop au-net@agent.service",
		"stop au-net-rules@", "disable --quiet au-net-watch@agent.service au-net@agent.socket", "net unload agent", "daemon-reload", "userdel aunet-agent", "/usr/local/bin/au files remove /var/log/au/agent", "rm -f /usr/local/libexec/au/agent/au", "rm -f /etc/au/net/agent.toml")
	_, empty := netSample()
	if empty.Any() {
		t.Error("where nothing is, something would be taken away")
	}
	if plan := PlanNetOff(p, empty); len(plan) != 0 {
		t.Errorf("where nothing is: %v", lines(plan))
	}
}

func TestOffLeavesAHumansUser(t *testing.T) {
	p, f := netSample()
	f = netDone(p, f)
	f.User.UID = 1005
	for _, line := range lines(PlanNetOff(p, f)) {
		if strings.HasPrefix(line, "userdel") {
			t.Errorf("deletes a user that is no daemon's: %s", line)
		}
	}
	if err := CheckNet(p, f); err == nil {
		t.Error("a daemon would run as an ordinary user")
	}
	f.User, f.Systemd = nil, false
	if err := CheckNet(p, f); err == nil {
		t.Error("without systemd there is nobody to load rules")
	}
}

// All agents with the same au have one file of it, and the watcher of all goes with the last of them.
func TestOneProgramForAll(t *testing.T) {
	p, f := netSample()
	text := func(plan []step.Step) string { return strings.Join(lines(plan), "\n") }
	plan, err := PlanNetRestrict(p, f)
	if err != nil {
		t.Fatal(err)
	}
	const link = "ln -f /usr/local/libexec/au/agent/au /usr/local/libexec/au-net/au.link"
	if all := text(plan); !strings.Contains(all, "of=/usr/local/libexec/au/agent/au.new") || !strings.Contains(all, link) {
		t.Errorf("for the first agent the plan is\n%s", all)
	}
	f.Twin, f.Watcher = "/usr/local/libexec/au/other/au", Path{Exists: true, Mode: 0o755, SHA256: "aa"}
	f.Units[netfilter.WatchUnit] = NetUnit{Text: (netfilter.Units{Policy: p, Watcher: WatcherProgram, SHA256: "aa"}).Files()[1].Text, Active: true}
	if plan, err = PlanNetRestrict(p, f); err != nil {
		t.Fatal(err)
	}
	all := text(plan)
	if strings.Contains(all, "/au.new") || strings.Contains(all, link) || !strings.Contains(all, "ln -f /usr/local/libexec/au/other/au /usr/local/libexec/au/agent/au.link") {
		t.Errorf("beside another agent with the same au the plan is\n%s", all)
	}
	if strings.Contains(all, netfilter.WatchUnit) {
		t.Errorf("a watcher that is there is touched:\n%s", all)
	}

	done := netDone(p, f)
	done.Units[netfilter.WatchUnit] = NetUnit{Text: done.Units[netfilter.WatchUnit].Text, Active: true}
	for others, want := range map[bool]bool{true: false, false: true} {
		done.Others = others
		if all := text(PlanNetOff(p, done)); strings.Contains(all, UnitDir+"/"+netfilter.WatchUnit) != want || strings.Contains(all, WatcherProgram) != want {
			t.Errorf("with other agents %v the plan is\n%s", others, all)
		}
	}
}

func TestOutdatedNet(t *testing.T) {
	p, f := netSample()
	for name, c := range map[string]struct {
		change func(f *NetFacts)
		want   string
	}{
		"nothing": {func(*NetFacts) {}, ""},
		"asleep": {func(f *NetFacts) {
			setUnit(f, p.DaemonUnitName(), func(u *NetUnit) { u.Active, u.Asleep = false, true })
		}, ""},
		"another_au":           {func(f *NetFacts) { f.Self.SHA256 = "bb" }, "another version"},
		"the_program":          {func(f *NetFacts) { f.Program.SHA256 = "bb" }, "au-net@agent.service runs a program"},
		"the_watcher":          {func(f *NetFacts) { f.Watcher.SHA256 = "bb" }, "au-net-watch.service runs a program"},
		"the_daemon_is_older":  {func(f *NetFacts) { setUnit(f, p.DaemonUnitName(), func(u *NetUnit) { u.Stale = true }) }, "au-net@agent.service runs a program"},
		"the_watcher_is_older": {func(f *NetFacts) { setUnit(f, netfilter.WatchUnit, func(u *NetUnit) { u.Stale = true }) }, "au-net-watch.service runs a program"},
		"by_hand":              {func(f *NetFacts) { setUnit(f, p.SocketUnitName(), func(u *NetUnit) { u.Text += "#" }) }, "au-net@agent.socket differs"},
		"no_slice":             {func(f *NetFacts) { f.SliceText = "" }, ".slice.d/au-net.conf is missing"},
		"a_watcher_each":       {func(f *NetFacts) { setUnit(f, netfilter.WatchUnit, func(u *NetUnit) { *u = NetUnit{} }) }, "another version"},
	} {
		done := netDone(p, f)
		c.change(&done)
		if got := done.Outdated(p); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// An au of before had a watcher for each agent, and that does what the one for all does now.
func TestWatchesItself(t *testing.T) {
	p, _ := netSample()
	old, err := os.ReadFile("testdata/0.1/ef1ecae/etc/systemd/system/au-net-watch@closed.service")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		(netfilter.Units{Policy: p, Program: NetProgram(p.Agent), Watcher: WatcherProgram}).Files()[2].Text: false,
		strings.ReplaceAll(string(old), "closed", p.Agent):                                                  true,
	} {
		if got := WatchesItself(p, map[string]NetUnit{p.WatchUnitName(): {Text: text}}); got != want {
			t.Errorf("%v, where %v is right, of\n%s", got, want, text)
		}
	}
}

func setUnit(f *NetFacts, name string, change func(*NetUnit)) {
	u := f.Units[name]
	change(&u)
	f.Units[name] = u
}

// The daemon is started to see that it can run, and not because it sleeps.
func TestDaemonSleeps(t *testing.T) {
	p, f := netSample()
	const restart = "systemctl restart au-net@agent.service"
	for name, c := range map[string]struct {
		unit NetUnit
		want bool
	}{
		"active": {NetUnit{Active: true}, false}, "asleep": {NetUnit{Asleep: true}, false}, "failed": {NetUnit{}, true},
	} {
		done := netDone(p, f)
		setUnit(&done, p.DaemonUnitName(), func(u *NetUnit) { c.unit.Text = u.Text; *u = c.unit })
		plan, err := PlanNetRestrict(p, done)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(strings.Join(lines(plan), "\n"), restart); got != c.want {
			t.Errorf("%s: started %v", name, got)
		}
	}
	done := netDone(p, f)
	setUnit(&done, p.DaemonUnitName(), func(u *NetUnit) { u.Enabled = true })
	if plan, err := PlanNetRestrict(p, done); err != nil || !strings.Contains(strings.Join(lines(plan), "\n"), "systemctl disable --quiet au-net@agent.service --no-reload") {
		t.Errorf("%v: the boot goes on to start it: %v", err, lines(plan))
	}
}
