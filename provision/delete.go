// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"fmt"
	"io/fs"
	"path"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision/step"
	"github.com/a4u2/au/slices"
)

// Gone reports whether nothing of that name is there: neither what au makes, nor anybody else's user or group.
func Gone(f Facts) bool {
	return len(f.Missing) == 0 && f.Policy == nil && f.PolicyErr == nil && f.Agent == nil && f.Group == nil && f.Private == nil
}

// CheckDelete refuses to delete what au did not make. The policy is the mark: without one, or where it names somebody else, nothing
// is touched.
func CheckDelete(name string, f Facts) error {
	switch err := checkOurs(name, f); {
	case err != nil:
		return err
	case f.Unit.Err != nil:
		return refuse(AskHint, "%v; it could not stop the processes of agent %q", f.Unit.Err, name)
	}
	return nil
}

// checkOurs refuses to change an agent that au did not make.
func checkOurs(name string, f Facts) error {
	switch p := f.Policy; {
	case len(f.Missing) > 0:
		return notInstalled(f.Missing)
	case f.PolicyErr != nil && p == nil:
		return unreadable(name, f.PolicyErr)
	case p == nil:
		return fmt.Errorf("%s: no such agent was made by au on this machine", name)
	case p.UID < 1000:
		return fmt.Errorf("policy of agent %q names uid %d: au makes and deletes only uids from 1000 up", name, p.UID)
	case f.Agent != nil && !f.Ours():
		return fmt.Errorf("user %q (uid %d) is not the one that the policy names (uid %d): au did not make it, and does not delete it", name, f.Agent.UID, p.UID)
	case f.Agent != nil && f.Agent.Home != p.Home:
		return fmt.Errorf("home of user %q is %q where the policy says %q", name, f.Agent.Home, p.Home)
	}
	return nil
}

// PlanDeleteUnmarked returns the steps that remove what `au new` leaves when it is killed before the mark is written: folders and a
// half-written policy, all root's own. Nothing is there to remove when it is empty.
func PlanDeleteUnmarked(f Facts) []step.Step {
	var plan []step.Step
	if f.PolicyTemp {
		plan = append(plan, step.Step{Do: step.Root("rm", "-f", csrc.PolicyPath(f.Name)+".new")})
	}
	if f.PolicyFolder.Exists && (f.PolicyTemp || f.PolicyFolderEmpty) {
		plan = append(plan, step.Step{Do: step.Root("rmdir", "--ignore-fail-on-non-empty", csrc.PolicyDir)})
	}
	if f.Etc.Exists && (len(plan) > 0 || f.EtcEmpty) {
		plan = append(plan, step.Step{Do: step.Root("rmdir", "--ignore-fail-on-non-empty", EtcDir)})
	}
	return plan
}

// PlanStop returns the steps that end the agent's processes: first the unit with all in it, then whatever runs under the uid
// elsewhere. They are repeated until Facts show none, and come before PlanDelete.
func PlanStop(f Facts) []step.Step {
	var plan []step.Step
	p := f.Policy
	if f.Unit.Systemd && (f.Unit.Enabled || f.Unit.Active) {
		// With its slice: the keeper refuses to be stopped by itself.
		plan = append(plan, step.Step{Do: step.Root("systemctl", "stop", slices.Name(p.UID))})
	}
	if f.Unit.Systemd && f.Unit.Enabled {
		plan = append(plan, step.Step{Do: disable(slices.KeeperName(p.Name))})
	}
	if f.Ours() {
		kill := step.Root("pkill", "--signal", "KILL", "--uid", num(p.UID))
		kill.OK = []int{1} // nothing matched
		plan = append(plan, step.Step{Do: kill})
	}
	return plan
}

// remover collects root's commands that have no undo: deleted things do not come back.
type remover []step.Step

func (r *remover) do(argv ...string) { r.add(step.Root(argv...)) }

func (r *remover) add(c step.Command) { *r = append(*r, step.Step{Do: c}) }

// folder removes one that others may have something in.
func (r *remover) folder(name string, at Path) {
	if at.Exists {
		r.do("rmdir", "--ignore-fail-on-non-empty", name)
	}
}

// PlanDelete returns the steps that remove what is there of the agent, the mark last. Its processes have ended before.
func PlanDelete(f Facts, deleteHome bool) []step.Step {
	p := *f.Policy
	var plan remover
	plan.unit(p, f)
	plan.entrypoint(p, f)
	if f.Ours() && len(f.Spools) > 0 {
		plan.add(clearSpools(f.Self, p.UID, f.Spools))
	}
	if f.State.Exists {
		plan.add(remove(f.Self, StateDir+"/"+p.Name))
	}
	plan.folder(StateDir, f.StateFolder)
	plan = append(plan, planDeleteHome(p, f, deleteHome)...)
	plan.accounts(p, f)
	record := slices.RecordPath(p.Name)
	if f.Leftovers.Limits {
		plan.do("rm", "-f", record, record+".new")
	}
	plan.folder(path.Dir(record), f.LimitsFolder)
	plan.do("rm", "-f", csrc.PolicyPath(p.Name), csrc.PolicyPath(p.Name)+".new")
	plan.folder(csrc.PolicyDir, f.PolicyFolder)
	plan.folder(EtcDir, f.Etc)
	return plan
}

// Remaining names what is there of an agent, as a person would.
func Remaining(f Facts, deleteHome bool) []string {
	var left []string
	if f.Policy == nil {
		return left
	}
	add := func(there bool, what string) {
		if there {
			left = append(left, what)
		}
	}
	add(f.Unit.Text != "", "unit "+slices.KeeperName(f.Name))
	add(len(f.Leftovers.DropIns) > 0, "the limits of its slice")
	add(f.EntrypointFolder.Exists, path.Dir(csrc.EntrypointPath(f.Name)))
	add(f.State.Exists, StateDir+"/"+f.Name)
	add(len(planDeleteHome(*f.Policy, f, deleteHome)) > 0, f.Policy.Home)
	add(f.Agent != nil, fmt.Sprintf("user %q", f.Name))
	add(f.Private != nil, fmt.Sprintf("group %q", f.Name))
	add(f.Group != nil, fmt.Sprintf("group %q", GroupName(f.Name)))
	return append(left, csrc.PolicyPath(f.Name))
}

// unit removes what systemd has of the agent.
func (r *remover) unit(p csrc.Policy, f Facts) {
	unit := UnitDir + "/" + slices.KeeperName(p.Name)
	if f.Unit.Text != "" || f.Unit.Temp || len(f.Unit.Beside) > 0 {
		files := []string{"rm", "-f", unit, unit + ".new"}
		for _, file := range BesideKeeper(p.Name, p.UID) {
			files = append(files, file.Name, file.Name+".new")
		}
		r.do(files...)
	}
	r.folder(ManagerFolder(p.UID), f.ManagerFolder)
	r.slice(p.Name, f)
}

// slice removes what is set for the agent's slice, and has systemd see all that is gone.
func (r *remover) slice(name string, f Facts) {
	for _, d := range f.Leftovers.DropIns {
		r.add(remove(f.Self, d))
		if control := path.Dir(d); path.Base(control) == "system.control" {
			r.do("rmdir", "--ignore-fail-on-non-empty", control)
		}
	}
	if f.Unit.Systemd && (f.Unit.Text != "" || len(f.Leftovers.DropIns) > 0) {
		r.do("systemctl", "daemon-reload")
	}
	if f.Leftovers.Linger {
		r.do("rm", "-f", "/var/lib/systemd/linger/"+name)
	}
}

func (r *remover) entrypoint(p csrc.Policy, f Facts) {
	if f.EntrypointFolder.Exists {
		r.do("rm", "-f", csrc.EntrypointPath(p.Name), csrc.EntrypointPath(p.Name)+".new")
		r.add(endEntering(f.Self, p.Name))
		r.do("rmdir", path.Dir(csrc.EntrypointPath(p.Name)))
	}
	r.folder(csrc.LibexecDir, f.LibexecAu)
}

// accounts removes the user and its groups, as far as they are those of the policy.
func (r *remover) accounts(p csrc.Policy, f Facts) {
	if f.Agent != nil {
		for _, file := range f.Deny {
			r.add(denyCommand(f.Self, "undeny", p.Name, file))
		}
		r.do("userdel", p.Name)
	}
	if f.Private != nil && f.Private.GID == p.GID && !(f.Agent != nil && f.UserGroups) {
		*r = append(*r, step.Step{Do: groupdel(p.Name)})
	}
	if f.Group != nil && f.Group.GID == p.Group {
		*r = append(*r, step.Step{Do: groupdel(f.Group.Name)})
	}
}

// planDeleteHome removes the home, or closes it. A home whose owner is somebody else's is left alone.
func planDeleteHome(p csrc.Policy, f Facts, deleteHome bool) []step.Step {
	if h := f.Home; !h.Exists || !h.Mode.IsDir() || h.UID != p.UID && h.UID != 0 {
		return nil
	}
	return closeOrDelete(p.Home, p.UID, f, deleteHome)
}

// closeOrDelete ends a home. One that is kept is closed, and says in its ACL, which gives nothing, whose it was. The next agent of
// that name gets the same uid if that is free, and with it everything inside, whoever made it.
func closeOrDelete(home string, uid uint32, f Facts, deleteHome bool) []step.Step {
	switch {
	case !f.Home.Exists:
		return nil
	case deleteHome:
		return []step.Step{{Do: remove(f.Self, home)}}
	case f.homeClosed():
		return nil
	default:
		var plan remover
		plan.do("setfacl", "--remove-all", home)
		plan.do("setfacl", "--modify", "u:"+num(uid)+":---,g::---,m::---", home)
		for _, c := range closeHome(home) {
			plan.add(c)
		}
		return plan
	}
}

// KeptFor returns the uid that a kept home was closed for; 0: none.
func KeptFor(home Path) uint32 {
	for _, e := range home.ACL {
		var uid uint32
		if n, err := fmt.Sscanf(e, "user:%d:---", &uid); err == nil && n == 1 && uid >= 1000 && home.UID == 0 {
			return uid
		}
	}
	return 0
}

// homeClosed reports whether the home is as closeHome leaves it.
func (f Facts) homeClosed() bool {
	return f.Home.UID == 0 && f.Home.Mode.Perm() == 0o700 && f.Home.Mode&fs.ModeSetgid == 0
}
