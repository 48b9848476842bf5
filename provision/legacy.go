// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"fmt"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision/step"
)

// CheckDeleteLegacy refuses an agent of agent-as-unix-user 2.x whose user, group or home are not as the original made them: then the config
// names somebody who may be a person.
func CheckDeleteLegacy(name, entrypoint string, f Facts) error {
	home, group := csrc.HomePath(name), GroupName(name)
	switch {
	case f.Agent == nil:
		return fmt.Errorf("user %q is gone while group %q is not: remove the group by hand (sudo groupdel %s)", name, group, group)
	case f.Agent.UID < 1000 || f.Agent.UID == f.Human.UID:
		return fmt.Errorf("user %q (uid %d) is not an agent", name, f.Agent.UID)
	case f.Group == nil || f.Agent.GID != f.Group.GID:
		return fmt.Errorf("user %q has not %q for its primary group, as an agent made by agent-as-unix-user has: it is not deleted", name, group)
	case f.Agent.Home != home || entrypoint != home+"/su_as_agent":
		return fmt.Errorf("user %q has its home in %s and its entrypoint in %s, not in %s as agent-as-unix-user makes them: it is not deleted", name, f.Agent.Home, entrypoint, home)
	case f.Home.Exists && f.Home.UID != f.Agent.UID:
		return fmt.Errorf("%s does not belong to user %q: it is not deleted", home, name)
	}
	return nil
}

// PlanStopLegacy returns the steps that end the processes of an agent that the original made.
func PlanStopLegacy(f Facts) []step.Step {
	kill := step.Root("pkill", "--signal", "KILL", "--uid", num(f.Agent.UID))
	kill.OK = []int{1} // nothing matched
	return []step.Step{{Do: kill}}
}

// PlanDeleteLegacy takes apart what the original made: first every set-uid file of the group, wherever the agent may have moved it on its file
// systems, for one that is left makes whoever gets the group's id root. shares are the folders that the agent could write; their ACLs are taken
// back as the human.
func PlanDeleteLegacy(f Facts, shares []string, deleteHome bool) []step.Step {
	home, group := f.Agent.Home, f.Group.Name
	var plan []step.Step
	do := func(c step.Command) { plan = append(plan, step.Step{Do: c}) }
	if f.Home.Exists {
		do(step.Root("find", home, "/tmp", "/var/tmp", "-xdev", "-type", "f", "-user", "root", "-gid", num(f.Group.GID), "-perm", "/6000", "-delete"))
	}
	for _, s := range shares {
		c := step.Human("setfacl", "--recursive", "--physical", "--remove", "group:"+group+",default:group:"+group, s)
		c.OK = []int{1} // files that the agent owns, and a folder that is gone
		do(c)
	}
	if len(f.Spools) > 0 {
		do(step.Root(append(append([]string{"find"}, f.Spools...), "-xdev", "-type", "f", "-uid", num(f.Agent.UID), "-delete")...))
	}
	switch {
	case f.Home.Exists && deleteHome:
		do(step.Root("rm", "-rf", "--one-file-system", home))
	case f.Home.Exists:
		do(step.Root("setfacl", "--remove-all", home))
		do(closeHome(home))
	}
	do(step.Root("userdel", f.Agent.Name))
	do(groupdel(group))
	return plan
}
