// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"io/fs"
	"path"
	"slices"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision/step"
)

// SliceDropIn returns where the drop-in of the agent's slice is.
func SliceDropIn(p netfilter.Policy) string {
	return UnitDir + "/" + p.SliceName() + ".d/au-net.conf"
}

// PlanNetRestrict returns what is missing for the policy to be in force; nothing is missing when it is empty. First come the things
// that wait and the rules that divert to them, and last the end of the connections that were open before.
func PlanNetRestrict(p netfilter.Policy, f NetFacts) ([]step.Step, error) {
	text, err := p.Text()
	if err != nil {
		return nil, err
	}
	var plan []step.Step
	plan = append(plan, folder(EtcDir, f.Parents[EtcDir])...)
	plan = append(plan, folder(NetDir, f.Parents[NetDir])...)
	plan = append(plan, planNetProgram(p, f)...)
	plan = append(plan, planWatcherProgram(p, f)...)
	if p.HasDaemon() {
		plan = append(plan, planNetDaemon(p, f)...)
	}
	plan = append(plan, planNetPolicyFile(p, f, text)...)
	units, changed := planNetUnits(p, f)
	plan = append(plan, units...)
	plan = append(plan, planNetStart(p, f, text, changed)...)
	if p.Upstream.Login != "" && len(plan) > 0 {
		look := step.Root(f.Au, "net", "login", p.Upstream.Login)
		look.Note = "it is for root alone"
		plan = append([]step.Step{{Do: look}}, plan...)
	}
	return plan, nil
}

// outdatedUnits adds to changed what runs a program that is not the one which the plan leaves.
func (f NetFacts) outdatedUnits(p netfilter.Policy, changed map[string]bool) {
	daemon, watcher := p.DaemonUnitName(), netfilter.WatchUnit
	changed[daemon] = changed[daemon] || f.Units[daemon].Stale || len(planNetProgram(p, f)) > 0
	changed[watcher] = changed[watcher] || f.Units[watcher].Stale || len(planWatcherProgram(p, f)) > 0
}

// planNetPolicyFile writes the policy. Taken back, the rules are loaded from the old one again.
func planNetPolicyFile(p netfilter.Policy, f NetFacts, text string) []step.Step {
	if text == f.PolicyText {
		return nil
	}
	plan := step.WriteFile(NetPath(p.Agent), "0644", text, f.PolicyText)
	if f.Units[p.RulesUnitName()].Active {
		last := &plan[len(plan)-1]
		last.Undo = append(last.Undo, step.Root("systemctl", "reload", p.RulesUnitName()))
	}
	return plan
}

// linkSuffix is behind the name of a new name for a file that there is. Nothing is ever written into a file of that name.
const linkSuffix = ".link"

// planNetProgram copies au to where only root can write; once for all agents that have the same.
func planNetProgram(p netfilter.Policy, f NetFacts) []step.Step {
	program := NetProgram(p.Agent)
	if f.Program.Exists && f.Program.SHA256 == f.Self.SHA256 && f.Program.UID == 0 && f.Program.Mode == 0o755 {
		return nil
	}
	put := step.Put(program + ".new")
	put.From, put.SHA256 = f.Self.Path, f.Self.SHA256
	plan := step.Replace(program, put, step.Root("chmod", "0755", put.Temp))
	if f.Twin != "" {
		link := step.Root("ln", "-f", f.Twin, program+linkSuffix)
		link.Temp = program + linkSuffix
		plan = step.Replace(program, link)
	}
	if !f.Program.Exists { // a newer au in the place of an older one stays
		plan[len(plan)-1].Undo = step.Undo(step.Root("rm", "-f", program))
	}
	return plan
}

// planWatcherProgram gives the agent's program, once it is there, the name by which the watcher runs it.
func planWatcherProgram(p netfilter.Policy, f NetFacts) []step.Step {
	at := f.Watcher
	if at.Exists && at.SHA256 == f.Self.SHA256 && at.UID == 0 && at.Mode == 0o755 {
		return nil
	}
	plan := folder(WatcherFolder, f.Parents[WatcherFolder])
	link := step.Root("ln", "-f", NetProgram(p.Agent), WatcherProgram+linkSuffix)
	link.Temp = WatcherProgram + linkSuffix
	plan = append(plan, step.Replace(WatcherProgram, link)...)
	if !at.Exists {
		plan[len(plan)-1].Undo = step.Undo(step.Root("rm", "-f", WatcherProgram))
	}
	return plan
}

// planNetDaemon makes the daemon's user and the folder of its log: the daemon's to write, the humans' to read, by group and each by
// uid.
func planNetDaemon(p netfilter.Policy, f NetFacts) []step.Step {
	var plan []step.Step
	user, group := p.DaemonUser(), GroupName(p.Agent)
	if f.User == nil {
		plan = append(plan, step.Step{
			Do: step.Root("useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin",
				"--comment", "au net daemon of "+p.Agent, user),
			Undo: step.Undo(step.Root("userdel", user)),
		})
	}
	plan = append(plan, folder(LogDir, f.Parents[LogDir])...)
	at, humans := f.LogDir, humansACL(f.Agent)
	if !at.Exists || f.User == nil || at.UID != f.User.UID || at.GID != f.Agent.Group || at.Mode&fs.ModeSetgid == 0 || at.Mode&0o007 != 0 {
		own := step.Own(p.LogDir(), user+":"+group, "2750")
		plan = append(plan, step.Step{Do: step.Root("mkdir", "-p", "-m", "0700", p.LogDir()), Undo: step.Undo(remove(f.Au, p.LogDir()))},
			step.Step{Do: own[0]}, step.Step{Do: own[1]})
	}
	if humans != "" && !at.hasACL(humansACLShown(f.Agent)) {
		plan = append(plan, step.Step{Do: step.Root("setfacl", "--modify", humans, p.LogDir())})
	}
	return plan
}

func humansACL(p csrc.Policy) string {
	text := ""
	for _, h := range p.Humans {
		if text != "" {
			text += ","
		}
		text += "u:" + num(h.UID) + ":r-x,d:u:" + num(h.UID) + ":r-x"
	}
	return text
}

func humansACLShown(p csrc.Policy) []string {
	var shown []string
	for _, h := range p.Humans {
		shown = append(shown, "user:"+num(h.UID)+":r-x", "default:user:"+num(h.UID)+":r-x")
	}
	return shown
}

// planNetUnits writes the units, has the boot start those that it is to start, and reports which changed. Where an older au had the
// boot start the daemon, that ends: its sockets do.
func planNetUnits(p netfilter.Policy, f NetFacts) (plan []step.Step, changed map[string]bool) {
	changed = map[string]bool{}
	reload := step.Root("systemctl", "daemon-reload")
	write := func(path, text, old string) {
		steps := step.WriteFile(path, "0644", text, old)
		last := &steps[len(steps)-1]
		last.Undo = append(last.Undo, reload)
		plan = append(plan, steps...)
	}
	for _, unit := range f.netUnits(p) {
		if old := f.Units[unit.Name].Text; old != unit.Text {
			write(UnitDir+"/"+unit.Name, unit.Text, old)
			changed[unit.Name] = true
		}
	}
	started := []string{p.RulesUnitName(), p.WatchUnitName()}
	if p.HasDaemon() {
		started = append(started, p.SocketUnitName())
	}
	if p.HasDaemon() && f.Units[p.DaemonUnitName()].Enabled {
		plan = append(plan, step.Step{Do: disableUnread(p.DaemonUnitName())})
	}
	if started = slices.DeleteFunc(started, func(unit string) bool { return f.Units[unit].Enabled }); len(started) > 0 {
		plan = append(plan, enable(started...))
	} else if len(plan) > 0 {
		plan = append(plan, step.Step{Do: reload})
	}
	return plan, changed
}

// planNetStart brings everything up in the order in which nothing is open in between.
func planNetStart(p netfilter.Policy, f NetFacts, text string, changed map[string]bool) []step.Step {
	var plan []step.Step
	start := func(unit string) {
		if !f.Units[unit].Active {
			plan = append(plan, step.Step{
				Do:   step.Root("systemctl", "start", unit),
				Undo: step.Undo(step.Root("systemctl", "stop", unit)),
			})
		} else if changed[unit] && unit != p.RulesUnitName() {
			plan = append(plan, step.Step{Do: step.Root("systemctl", "restart", unit)})
		}
	}
	first := !f.Units[p.RulesUnitName()].Active
	f.outdatedUnits(p, changed)
	if p.HasDaemon() {
		start(p.SocketUnitName())
	}
	start(p.RulesUnitName())
	if !first && (text != f.PolicyText || changed[netfilter.WatchUnit] || changed[p.WatchUnitName()]) { // another au may load other rules
		plan = append(plan, step.Step{Do: step.Root("systemctl", "reload", p.RulesUnitName())})
	}
	if p.HasDaemon() {
		plan = append(plan, planNetAwake(p, f.Units[p.DaemonUnitName()], changed[p.DaemonUnitName()])...)
	}
	if first {
		// This takes the rules away again, if a later step fails. The unit itself has no stop.
		plan[len(plan)-1].Undo = append(plan[len(plan)-1].Undo, step.Root(NetProgram(p.Agent), "net", "unload", p.Agent))
	}
	if f.SliceText != p.SliceDropIn() {
		plan = append(plan, planNetSlice(p, f)...)
	}
	if first {
		plan = append(plan, step.Step{Do: step.Root(NetProgram(p.Agent), "net", "cut", p.Agent)})
	}
	start(p.WatchUnitName()) // which brings the watcher along
	if changed[netfilter.WatchUnit] && f.Units[netfilter.WatchUnit].Active {
		plan = append(plan, step.Step{Do: step.Root("systemctl", "restart", netfilter.WatchUnit)})
	} else if !f.Units[netfilter.WatchUnit].Active && f.Units[p.WatchUnitName()].Active && !changed[p.WatchUnitName()] {
		plan = append(plan, step.Step{Do: step.Root("systemctl", "start", netfilter.WatchUnit)})
	}
	return plan
}

// planNetAwake has the daemon run once as it is to run from now on, so that what keeps it from that is known at once. Its sockets
// start it from then on.
func planNetAwake(p netfilter.Policy, u NetUnit, changed bool) (plan []step.Step) {
	unit := p.DaemonUnitName()
	if changed || !u.Active && !u.Asleep {
		plan = append(plan, step.Step{Do: step.Root("systemctl", "restart", unit), Undo: step.Undo(step.Root("systemctl", "stop", unit))})
	}
	return plan
}

// realize makes systemd tell the kernel of a slice's filter: after a reload it does so when something next starts there.
func realize(p netfilter.Policy) step.Command {
	c := step.Root("systemd-run", "--quiet", "--wait", "--collect", "--slice="+p.SliceName(), "true")
	c.Note = "something starts in the slice, so that systemd tells the kernel of its filter"
	return c
}

// planNetSlice ties the slice to the rules and to its filter, once both are there.
func planNetSlice(p netfilter.Policy, f NetFacts) []step.Step {
	file, reload := SliceDropIn(p), step.Root("systemctl", "daemon-reload")
	plan := folder(path.Dir(file), f.Parents[path.Dir(file)])
	plan = append(plan, step.WriteFile(file, "0644", p.SliceDropIn(), f.SliceText)...)
	last := &plan[len(plan)-1]
	last.Undo = append(last.Undo, reload)
	return append(plan, step.Step{Do: reload}, step.Step{Do: realize(p)})
}

// PlanNetPolicy returns what puts a changed policy in force, where the agent is restricted already. The daemon sees its file change
// by itself; the rules have to be loaded again only when they change.
func PlanNetPolicy(p netfilter.Policy, f NetFacts, rulesChange bool) ([]step.Step, error) {
	text, err := p.Text()
	if err != nil || text == f.PolicyText {
		return nil, err
	}
	plan := planNetPolicyFile(p, f, text)
	if rulesChange {
		plan = append(plan, step.Step{Do: step.Root("systemctl", "reload", p.RulesUnitName())})
	}
	return plan, nil
}

// PlanNetOff returns the steps that take everything of the network's away that is there: the slice's tie to the rules first, or
// stopping those would end the agent's processes; what watches before what it watches.
func PlanNetOff(p netfilter.Policy, f NetFacts) []step.Step {
	return append(planNetUnitsOff(p, f), planNetFilesOff(p, f)...)
}

// planNetUnitsOff ends what holds the agent, and with it the rules.
func planNetUnitsOff(p netfilter.Policy, f NetFacts) (plan []step.Step) {
	do := func(argv ...string) { plan = append(plan, step.Step{Do: step.Root(argv...)}) }
	var enabled, files []string
	if f.SliceText != "" {
		do("rm", "-f", SliceDropIn(p), SliceDropIn(p)+".new")
		do("rmdir", "--ignore-fail-on-non-empty", path.Dir(SliceDropIn(p)))
		do("systemctl", "daemon-reload")
	}
	for _, unit := range NetUnitNames(p) {
		u := f.Units[unit]
		if u.Enabled { // of the others systemctl would say at length that there is nothing to disable
			enabled = append(enabled, unit)
		}
		if u.Active || u.Enabled {
			do("systemctl", "stop", unit)
		}
		if u.Text != "" {
			files = append(files, UnitDir+"/"+unit, UnitDir+"/"+unit+".new")
		}
	}
	if watcher := f.Units[netfilter.WatchUnit]; !f.Others {
		if watcher.Active {
			do("systemctl", "stop", netfilter.WatchUnit)
		}
		if watcher.Text != "" {
			files = append(files, UnitDir+"/"+netfilter.WatchUnit, UnitDir+"/"+netfilter.WatchUnit+".new")
		}
	}
	if len(enabled) > 0 {
		plan = append(plan, step.Step{Do: disableUnread(enabled...)})
	}
	if len(files) > 0 {
		do(append([]string{"rm", "-f"}, files...)...)
	}
	if f.Program.Exists {
		do(NetProgram(p.Agent), "net", "unload", p.Agent)
	}
	if len(enabled)+len(files) > 0 {
		do("systemctl", "daemon-reload")
	}
	return plan
}

// planNetFilesOff takes away the daemon's user, its log, the programs and the policy.
func planNetFilesOff(p netfilter.Policy, f NetFacts) (plan []step.Step) {
	do := func(argv ...string) { plan = append(plan, step.Step{Do: step.Root(argv...)}) }
	if f.User != nil && f.User.UID < 1000 {
		do("userdel", f.User.Name)
	}
	if f.LogDir.Exists {
		plan = append(plan, step.Step{Do: remove(f.Au, p.LogDir())})
		do("rmdir", "--ignore-fail-on-non-empty", LogDir)
	}
	if f.Program.Exists {
		do("rm", "-f", NetProgram(p.Agent), NetProgram(p.Agent)+".new", NetProgram(p.Agent)+linkSuffix)
	}
	if f.Watcher.Exists && !f.Others {
		do("rm", "-f", WatcherProgram, WatcherProgram+linkSuffix)
		do("rmdir", "--ignore-fail-on-non-empty", WatcherFolder)
	}
	if f.PolicyText != "" {
		do("rm", "-f", NetPath(p.Agent), NetPath(p.Agent)+".new")
	}
	if len(f.Half) > 0 {
		do(append([]string{"rm", "-f"}, f.Half...)...)
	}
	if f.Parents[NetDir].Exists {
		do("rmdir", "--ignore-fail-on-non-empty", NetDir)
	}
	for _, folder := range f.Empty {
		if folder != NetDir {
			do("rmdir", folder)
		}
	}
	return plan
}
