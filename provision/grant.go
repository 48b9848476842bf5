// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"fmt"
	"slices"
	"strings"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision/step"
)

// CheckGrant refuses to let somebody in, or out, where that makes no sense.
func CheckGrant(name string, who User, f Facts, revoke bool) error {
	if err := checkOurs(name, f); err != nil {
		return err
	}
	p := f.Policy
	switch {
	case f.Agent == nil:
		return fmt.Errorf("user %q is missing: `au new --agent %s` finishes it", name, name)
	case who.UID == 0 || who.UID == p.UID:
		return fmt.Errorf("user %q cannot be a human of agent %q", who.Name, name)
	case revoke && len(p.Humans) == 1 && p.Admits(who.UID):
		return fmt.Errorf("user %q is the only human of agent %q: grant it to another first, or delete the agent", who.Name, name)
	case revoke:
		return nil
	}
	next := *p
	next.Humans = withHuman(next.Humans, who)
	return checkPolicy(next)
}

// HumanNames returns who may enter an agent, for a person to read.
func HumanNames(p csrc.Policy) string {
	var names []string
	for _, h := range p.Humans {
		names = append(names, h.Name)
	}
	return strings.Join(names, ", ")
}

// PlanEndRuns returns the step that ends what a human runs in an agent; self is au itself.
func PlanEndRuns(p csrc.Policy, who User, self string) []step.Step {
	c := step.Root(self, "end-runs", "--agent-uid", num(p.UID), "--human-uid", num(who.UID))
	c.Note = fmt.Sprintf("much as: for p in $(ps -o ppid= -u %d); do [ $(stat -c %%u /proc/$p) != %d ] || kill -KILL $p; done", p.UID, who.UID)
	return []step.Step{{Do: c}}
}

// PlanEndRun returns the step that ends one run of another human; self is au itself.
func PlanEndRun(agent, human uint32, id string, waiter int, self string) []step.Step {
	c := step.Root(self, "end-runs", "--agent-uid", num(agent), "--human-uid", num(human), "--run", id)
	c.Note = fmt.Sprintf("much as: kill %d; sleep 5; kill -KILL %d", waiter, waiter)
	return []step.Step{{Do: c}}
}

// PlanGrant returns the steps after which who may enter the agent and share its home.
func PlanGrant(f Facts, who User) []step.Step {
	f.Human = who
	p := *f.Policy
	p.Humans = withHuman(p.Humans, who)
	p.Hide = f.hides(p.Allow, p.Home)
	plan, user := planGroups(p, f), "u:"+num(who.UID)
	if allow, want := entrypointACL(p); !f.Entrypoint.hasACL(want) {
		plan = append(plan, step.Step{
			Do:   step.Root("setfacl", "--modify", allow, csrc.EntrypointPath(p.Name)),
			Undo: step.Undo(step.Root("setfacl", "--remove", user, csrc.EntrypointPath(p.Name))),
		})
	}
	if modify, want := homeACL(p); !f.Home.hasACL(want) {
		plan = append(plan, step.Step{
			Do:   step.Root("setfacl", "--modify", modify, p.Home),
			Undo: step.Undo(step.Root("setfacl", "--remove", user+",d:"+user, p.Home)),
		})
	}
	return append(plan, rewrite(p, f)...)
}

// PlanRevoke returns the steps after which who can no longer enter the agent, nor its home. The policy closes the door first, and
// nothing opens it again: when a step fails, the same command does the rest.
func PlanRevoke(f Facts, who User) []step.Step {
	p := *f.Policy
	p.Humans = slices.DeleteFunc(slices.Clone(p.Humans), func(h csrc.Human) bool { return h.UID == who.UID })
	var plan []step.Step
	for _, s := range rewrite(p, f) {
		plan = append(plan, step.Step{Do: s.Do})
	}
	shut := len(plan)
	// By number: the name may be gone, and somebody else have the uid next.
	user := "u:" + num(who.UID)
	if f.Entrypoint.hasUser(who.UID) {
		plan = append(plan, step.Step{Do: step.Root("setfacl", "--remove", user, csrc.EntrypointPath(p.Name))})
	}
	if f.Home.hasUser(who.UID) {
		plan = append(plan, step.Step{Do: step.Root("setfacl", "--remove", user+",d:"+user, p.Home)})
	}
	if f.Group.Member(who.Name) {
		plan = append(plan, step.Step{Do: step.Root("gpasswd", "--delete", who.Name, GroupName(p.Name))})
	}
	if len(plan) == 0 {
		return nil
	}
	return slices.Insert(plan, shut, step.Step{Do: endEntering(f.Self, p.Name)})
}

// endEntering ends what has read the policy as it was, and would enter the agent by that later.
func endEntering(self, agent string) step.Command {
	c := step.Root(self, "end-entering", agent)
	c.Note = "ends what has read the policy as it was, and runs nothing after three seconds"
	return c
}

// hasUser reports whether the ACL, or the default ACL, has a user by name.
func (p Path) hasUser(uid uint32) bool {
	entry := "user:" + num(uid) + ":"
	return slices.ContainsFunc(p.ACL, func(e string) bool { return strings.HasPrefix(strings.TrimPrefix(e, "default:"), entry) })
}

// rewrite puts the policy in place where it differs.
func rewrite(p csrc.Policy, f Facts) []step.Step {
	if p.Text() == f.PolicyText {
		return nil
	}
	return step.WriteFile(csrc.PolicyPath(p.Name), "0644", p.Text(), f.PolicyText)
}
