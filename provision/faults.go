// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import "slices"

// Fault is a kind of thing that can be wrong with a machine or an agent. Its ID stays the same from version to version.
type Fault struct {
	ID     string
	Risk   string // what may happen, in one sentence
	Advice bool   // nothing is broken: it could be better
}

const (
	mayEnter   = "The agent could get a process outside of its walls."
	noRuns     = "No run of the agent starts."
	otherHands = "Another user now has that number, and with it what was the agent's."
	filesShut  = "You and the agent cannot reach each other's files in its home."
)

// Faults are all that `au info` and `au doctor` can find.
var Faults = []Fault{
	{ID: "policy-unreadable", Risk: noRuns},
	{ID: "policy-missing", Risk: noRuns},
	{ID: "account-missing", Risk: noRuns},
	{ID: "account-other", Risk: otherHands},
	{ID: "account-group", Risk: otherHands},
	{ID: "uid-reused", Risk: otherHands},
	{ID: "login-expiry", Risk: mayEnter},
	{ID: "login-shell", Risk: mayEnter},
	{ID: "login-lingers", Risk: mayEnter},
	{ID: "login-manager", Risk: mayEnter},
	{ID: "login-cron", Risk: mayEnter},
	{ID: "login-mail", Risk: mayEnter},
	{ID: "group-missing", Risk: "No human can start a run."},
	{ID: "group-other", Risk: "Members of another group may enter the agent."},
	{ID: "group-human", Risk: "You cannot start a run."},
	{ID: "group-agent", Risk: "The agent could start runs of its own, with what their caller chooses."},
	{ID: "group-strong", Risk: "The group gives its members the machine, or other people's files."},
	{ID: "sudo-rule", Risk: "A process of the agent's outside of its walls could become another user."},
	{ID: "human-gone", Risk: "The next user with that number may enter the agent."},
	{ID: "home-missing", Risk: noRuns},
	{ID: "home-owner", Risk: "Somebody else can change what the agent runs."},
	{ID: "home-setgid", Risk: filesShut},
	{ID: "home-mode", Risk: "Others may reach the agent's files, or you may not."},
	{ID: "home-acl", Risk: filesShut},
	{ID: "entrypoint-missing", Risk: noRuns},
	{ID: "entrypoint-owner", Risk: "A program that root did not make would start the runs."},
	{ID: "entrypoint-setuid", Risk: noRuns},
	{ID: "entrypoint-mode", Risk: "People other than its humans could enter the agent."},
	{ID: "entrypoint-nosuid", Risk: noRuns},
	{ID: "entrypoint-acl", Risk: "The humans of the agent cannot start its runs."},
	{ID: "entrypoint-changed", Risk: "A program that au did not install would start the runs as root."},
	{ID: "entrypoint-way", Risk: noRuns},
	{ID: "entrypoint-old", Risk: "Runs lack the walls that this version of au has, and may refuse what it asks for.", Advice: true},
	{ID: "policy-old", Risk: "An older au wrote the policy: runs may see more than they should, or lack something new.", Advice: true},
	{ID: "home-setid", Risk: "A user who runs that file becomes the agent, outside of its walls."},
	{ID: "homes-visible", Risk: "The agent sees names in other people's homes, and what they leave open there."},
	{ID: "systemd-silent", Risk: "Nobody knows whether limits hold."},
	{ID: "unit-missing", Risk: "Limits do not hold, and no run starts."},
	{ID: "unit-stopped", Risk: noRuns},
	{ID: "unit-disabled", Risk: "After the next boot no run starts."},
	{ID: "unit-old", Risk: "Tools that restart services may end the agent's runs, or the unit lacks what this version of au gives it.", Advice: true},
	{ID: "unit-added", Risk: "The agent's processes, limits or network rules may not be held as au says."},
	{ID: "manager-old", Risk: mayEnter, Advice: true},
	{ID: "unit-beside", Risk: "Temporary files are lost, or fill the memory."},
	{ID: "cgroups-other", Risk: "Limits do not hold."},
	{ID: "limit-unheld", Risk: "The agent can use more of the machine than you allowed."},
	{ID: "run-fails", Risk: noRuns},
	{ID: "original", Risk: "The entrypoint of agent-as-unix-user 2.x lets the agent become root."},
	{ID: "net-down", Risk: "The agent may reach what you did not allow."},
	{ID: "net-open", Risk: "The agent reaches what you did not allow: it was tried just now."},
	{ID: "net-outdated", Risk: "The agent's network is held by an older au than this one, or in a way that somebody changed.", Advice: true},
	{ID: "net-warning", Risk: "The network's rules hold less than they could.", Advice: true},
	{ID: "share-key", Risk: noRuns},
	{ID: "share-missing", Risk: "Runs do not see that folder.", Advice: true},
	{ID: "share-reached", Risk: "Runs see that folder read-only.", Advice: true},
	{ID: "share-covered", Risk: "Runs see what is mounted there, or leave the share out.", Advice: true},
	{ID: "share-planted", Risk: "Your own programs may run what the agent left there.", Advice: true},
	{ID: "home-open", Risk: "Agents and other users can reach what your home leaves open.", Advice: true},
	{ID: "config-key", Risk: "That line of the config does nothing.", Advice: true},
	{ID: "rival-au", Risk: "The word au may start another program than this one.", Advice: true},
	{ID: "machine-tiocsti", Risk: "Any program that others start on your terminal can type into it. Runs of au have a terminal of their own.", Advice: true},
	{ID: "machine-systemd", Risk: "Any user can stop systemd until the next boot (CVE-2026-40223)."},
	{ID: "machine-kernel", Risk: "Walls of runs are missing, or no run starts."},
	{ID: "machine-sockets", Risk: "Agents can reach sockets of the machine and of other users.", Advice: true},
	{ID: "machine-controllers", Risk: "Limits of that kind do not hold.", Advice: true},
	{ID: "machine-folder", Risk: "Other users can change what root, you and the agents use."},
	{ID: "machine-hidepid", Risk: "Only root sees what runs of an agent, so au asks for a password more often.", Advice: true},
	{ID: "machine-coreutils", Risk: "They print and do some things differently, and fewer people try au with them.", Advice: true},
	{ID: "machine-units", Risk: "Nothing limits what an agent uses: there is no systemd to do it.", Advice: true},
	{ID: "left-behind", Risk: "A new user with the same number or name may meet it.", Advice: true},
}

// FaultOf returns the fault with that ID; ok is false where there is none.
func FaultOf(id string) (f Fault, ok bool) {
	i := slices.IndexFunc(Faults, func(f Fault) bool { return f.ID == id })
	if i < 0 {
		return f, false
	}
	return Faults[i], true
}

// strong are the groups that give their members the machine or other people's files, by name.
var strong = []string{"root", "sudo", "wheel", "admin", "docker", "lxd", "incus", "incus-admin", "libvirt", "libvirtd", "podman", "disk", "shadow", "adm", "systemd-journal", "kmem", "sys"}

// StrongGroups returns those groups of which the user is a member and that no agent should be in.
func StrongGroups(groups []Group, user string) (names []string) {
	for _, g := range groups {
		if slices.Contains(strong, g.Name) && g.Member(user) {
			names = append(names, g.Name)
		}
	}
	return names
}

// FreezableSystemd reports whether a version of systemd, as systemctl says it ("257.9-1~deb13u1"), has CVE-2026-40223.
func FreezableSystemd(version string) bool {
	number, point := 0, 0
	for i, into := 0, &number; i < len(version); i++ {
		switch c := version[i]; {
		case c >= '0' && c <= '9':
			*into = *into*10 + int(c-'0')
		case c == '.' && into == &number:
			into = &point
		default:
			i = len(version)
		}
	}
	return number == 258 && point <= 4 || number == 259 && point <= 1
}
