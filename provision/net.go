// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"fmt"
	"path"
	"strings"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision/step"
)

// Where an agent's network policy and its log are.
const (
	NetDir = "/etc/au/net"
	LogDir = "/var/log/au"
)

// NetPath returns where the agent's network policy is.
func NetPath(agent string) string { return NetDir + "/" + agent + ".toml" }

// NetProgram returns the au that the agent's network units run: a copy that only root can write, whoever owns the one that is
// typed. Agents that have the same au have one file, under as many names: it goes with the last of these, and a newer au in the
// place of one changes nothing for the others.
func NetProgram(agent string) string { return csrc.LibexecDir + "/" + agent + "/au" }

// The au that the watcher of all agents' rules runs, another name of a NetProgram.
const (
	WatcherFolder  = "/usr/local/libexec/au-net"
	WatcherProgram = WatcherFolder + "/au"
)

// NetFacts are what the plans for the network depend on, as read from the machine at one moment.
type NetFacts struct {
	Seen    step.Seen // of the policies: who else is restricted decides about what all share
	Agent   csrc.Policy
	Human   User
	Systemd bool   // systemd runs the machine
	NoSlice string // why the slice's filter cannot hold on this machine; empty: it can
	Self    Source
	Au      string // the path of au by which it is called
	User    *User  // the daemon's; nil: none

	Policy     *netfilter.Policy // in force; nil: the agent is not restricted
	PolicyText string            // of the file, whatever it says
	Program    Path
	Watcher    Path   // WatcherProgram
	Others     bool   // other agents have a network policy
	Twin       string // the NetProgram of another agent, that is as Self; empty: none
	LogDir     Path
	Parents    map[string]Path // of the folders above: those of /etc/au, NetDir, LogDir
	Units      map[string]NetUnit
	SliceText  string // the drop-in; empty: none
	// The remains of a plan that was cut off: files not yet moved into their place, and empty folders.
	Half, Empty []string
}

// NetHalf returns the files that a plan writes before it moves them into their place, and the folders that it makes for the network
// alone.
func NetHalf(p netfilter.Policy) (files, folders []string) {
	files = []string{NetPath(p.Agent), NetProgram(p.Agent), SliceDropIn(p)}
	for _, unit := range NetUnitNames(p) {
		files = append(files, UnitDir+"/"+unit)
	}
	for i := range files {
		files[i] += ".new"
	}
	files = append(files, UnitDir+"/"+netfilter.WatchUnit+".new", NetProgram(p.Agent)+linkSuffix, WatcherProgram+linkSuffix)
	return files, []string{NetDir, LogDir, path.Dir(SliceDropIn(p)), WatcherFolder}
}

// NetUnitNames returns the agent's own network units, what watches before what it watches.
func NetUnitNames(p netfilter.Policy) []string {
	return []string{p.WatchUnitName(), p.SocketUnitName(), p.Socket6UnitName(), p.DaemonUnitName(), p.RulesUnitName()}
}

// NetUnit is one of the agent's network units as it is on the machine.
type NetUnit struct {
	Text            string // empty: there is no file
	Active, Enabled bool
	Asleep          bool // it does not run, and did not fail: what starts it when it is needed will
	Stale           bool // it runs a program that was replaced since
}

// Outdated says what of the agent's network another au than this one has made, or somebody has changed; empty where nothing is so.
func (f NetFacts) Outdated(p netfilter.Policy) string {
	for i, unit := range []string{p.DaemonUnitName(), netfilter.WatchUnit} {
		u, program := f.Units[unit], []Path{f.Program, f.Watcher}[i]
		if u.Stale || u.Text != "" && program.Exists && !strings.Contains(u.Text, netfilter.Stamp(program.SHA256)) {
			return unit + " runs a program of au that was replaced since"
		}
	}
	if f.Program.Exists && f.Program.SHA256 != f.Self.SHA256 {
		return "another version of au than this one holds the network of agent " + p.Agent
	}
	if f.Units[netfilter.WatchUnit].Text == "" || f.Watcher.SHA256 != f.Self.SHA256 {
		return "another version of au than this one puts back the rules of agent " + p.Agent
	}
	for _, unit := range f.netUnits(p) {
		if text := f.Units[unit.Name].Text; text != "" && text != unit.Text {
			return unit.Name + " differs from that of this au"
		}
	}
	if f.SliceText != p.SliceDropIn() {
		return SliceDropIn(p) + " is missing, or differs from that of this au"
	}
	return ""
}

// netUnits are the units as this au writes them.
func (f NetFacts) netUnits(p netfilter.Policy) []netfilter.UnitFile {
	return netfilter.Units{Policy: p, Program: NetProgram(p.Agent), Watcher: WatcherProgram, SHA256: f.Self.SHA256}.Files()
}

// WatchesItself reports whether the agent's unit is of an au that had a watcher for each agent.
func WatchesItself(p netfilter.Policy, units map[string]NetUnit) bool {
	return strings.Contains(units[p.WatchUnitName()].Text, " net watch "+p.Agent+"\n")
}

// Any reports whether PlanNetOff has anything to take away.
func (f NetFacts) Any() bool {
	for name, unit := range f.Units {
		if (name != netfilter.WatchUnit || !f.Others) && (unit.Text != "" || unit.Active || unit.Enabled) {
			return true
		}
	}
	return f.Watcher.Exists && !f.Others || len(f.Half)+len(f.Empty) > 0 || f.PolicyText != "" || f.User != nil || f.Program.Exists || f.LogDir.Exists || f.SliceText != ""
}

// CheckNet refuses what cannot be enforced on this machine, before anything has changed.
func CheckNet(p netfilter.Policy, f NetFacts) error {
	switch {
	case !f.Systemd:
		return fmt.Errorf("systemd does not run this machine, and its units load the rules and run the daemon; `au net show` prints the rules all the same")
	case f.User != nil && f.User.UID >= 1000:
		return fmt.Errorf("user %q has uid %d: au did not make it", f.User.Name, f.User.UID)
	}
	return p.Check()
}
