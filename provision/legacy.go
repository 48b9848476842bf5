// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/step"
)

// LegacyEntrypoints returns where agent-as-unix-user 2.x has an agent's entrypoint: where versions 2.0.1 to 2.2 install it, and
// where their README says.
func LegacyEntrypoints(name string) []string {
	home := csrc.HomePath(name)
	return []string{home + "/.config/agent-as-unix-user/su_as_agent", home + "/su_as_agent"}
}

// LegacyStranger reports whether the original began to make an agent and found the name taken: what there is of that name is
// somebody else.
func LegacyStranger(entry config.Agent, f Facts) bool {
	return !entry.Bootstrapped && f.Agent != nil && (f.Group == nil || f.Agent.GID != f.Group.GID)
}

// CheckDeleteLegacy refuses an agent of agent-as-unix-user 2.x whose user, group or home are not as the original made them: then
// the config names somebody who may be a person.
func CheckDeleteLegacy(entry config.Agent, f Facts) error {
	name := entry.UserName
	home, group := csrc.HomePath(name), GroupName(name)
	stranger := LegacyStranger(entry, f)
	switch {
	case f.Group != nil && f.Group.GID < 1000:
		return fmt.Errorf("group %q (gid %d) is not an agent's", group, f.Group.GID)
	case stranger || f.Agent == nil:
		return nil
	case f.Agent.UID < 1000 || f.Agent.UID == f.Human.UID:
		return fmt.Errorf("user %q (uid %d) is not an agent", name, f.Agent.UID)
	case f.Group == nil || f.Agent.GID != f.Group.GID:
		return fmt.Errorf("the primary group of user %q is not %q, as agent-as-unix-user makes it: the user is not deleted", name, group)
	case f.Agent.Home != home || !slices.Contains(LegacyEntrypoints(name), entry.Entrypoint):
		return fmt.Errorf("user %q has its home in %s and its entrypoint in %s, not in %s as agent-as-unix-user makes them: the user is not deleted",
			name, f.Agent.Home, entry.Entrypoint, home)
	case f.Home.Exists && f.Home.UID != f.Agent.UID && !f.homeClosed():
		return fmt.Errorf("%s does not belong to user %q: it is not deleted", home, name)
	}
	return nil
}

// legacyIDs returns the ids of an agent that the original made; 0: nothing says them any more. Where somebody has deleted the user
// or the group, the home still has them.
func legacyIDs(f Facts) (uid, gid uint32) {
	if h := f.Home; h.Exists && h.Mode.IsDir() {
		if f.HomeOwner == "" && h.UID >= 1000 {
			uid = h.UID
		}
		if f.HomeGroup == "" && h.GID >= 1000 {
			gid = h.GID
		}
	}
	if f.Agent != nil {
		uid = f.Agent.UID
	}
	if f.Group != nil {
		gid = f.Group.GID
	}
	return uid, gid
}

// LegacyRemains reports whether there is something to take apart of an agent that the original made: accounts, or a home that was
// theirs.
func LegacyRemains(entry config.Agent, f Facts) bool {
	if f.Agent != nil || f.Group != nil {
		return true
	}
	uid, gid := legacyIDs(f)
	return slices.Contains(LegacyEntrypoints(entry.UserName), entry.Entrypoint) && uid != 0 && gid != 0
}

// LegacyUID returns the uid of an agent that the original made; 0: none.
func LegacyUID(entry config.Agent, f Facts) uint32 {
	if LegacyStranger(entry, f) || !LegacyRemains(entry, f) {
		return 0
	}
	uid, _ := legacyIDs(f)
	return uid
}

// MendLegacy is the command that takes an agent of the original's apart: to make it anew, unless ours cannot have its name.
func MendLegacy(name string) string {
	if CheckName(name) != nil {
		return "au delete --agent " + name
	}
	return "au new --agent " + name
}

// CheckLegacyName refuses what cannot be the name of an agent: the original takes any name that useradd takes.
func CheckLegacyName(name string) error {
	// This leaves room for the group, which is called su-as-NAME.
	if !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,25}$`).MatchString(name) {
		return CheckName(name)
	}
	return nil
}

// AfterLegacy returns the facts as they are once the original's agent is taken apart, with its home kept.
func AfterLegacy(entry config.Agent, f Facts) Facts {
	if LegacyStranger(entry, f) {
		return f
	}
	f.Agent, f.Group = nil, nil
	if f.Home.Exists {
		f.Home, f.HomeReadable, f.HomeOwner = Path{Exists: true, Mode: fs.ModeDir | 0o700}, false, "root"
	}
	return f
}

// PlanStopLegacy returns the steps that end the processes of an agent that the original made.
func PlanStopLegacy(f Facts) []step.Step {
	if f.Agent == nil {
		return nil
	}
	kill := step.Root("pkill", "--signal", "KILL", "--uid", num(f.Agent.UID))
	kill.OK = []int{1} // nothing matched
	return []step.Step{{Do: kill}}
}

// LegacyFiles says where the files of an original's agent are.
type LegacyFiles struct {
	Self   string   // au itself
	Arms   []string // where the agent may have moved its entrypoint
	Shares []string // what it could write
	Born   int64    // when its home was made, in nanoseconds since 1970
}

// PlanDeleteLegacy takes apart what the original made: first every set-uid file of the group, wherever the agent may have moved it,
// for one that is left makes whoever gets the group's id root. Folders that the agent could write become the human's again.
func PlanDeleteLegacy(f Facts, files LegacyFiles, deleteHome bool) []step.Step {
	var plan remover
	uid, gid := legacyIDs(f)
	if gid != 0 {
		plan = append(plan, step.Step{Do: files.disarm(gid)})
	}
	if uid != 0 && gid != 0 {
		home := f.Home.Exists && !deleteHome && !f.homeClosed()
		if home && f.Agent != nil {
			// As the agent: the files there mislead nobody else.
			plan.do("runuser", "-u", f.Agent.Name, "--", "rm", "-rf", f.Agent.Home+"/.config/agent-as-unix-user")
		}
		plan = append(plan, step.Step{Do: files.takeBack(f, uid, gid, home)})
		if len(f.Spools) > 0 {
			plan.add(clearSpools(files.Self, uid, f.Spools))
		}
		plan = append(plan, closeOrDelete(csrc.HomePath(f.Name), uid, f, deleteHome)...)
	}
	if f.Agent != nil {
		plan.slice(f.Agent.Name, f)
		plan.do("userdel", f.Agent.Name)
	}
	if f.Group != nil {
		plan = append(plan, step.Step{Do: groupdel(f.Group.Name)})
	}
	return plan
}

// disarm is root's step that takes the original's entrypoint away.
func (l LegacyFiles) disarm(group uint32) step.Command {
	c := step.Root(append([]string{l.Self, "files", "disarm", "--group", num(group)}, l.Arms...)...)
	c.Note = "much as: find " + words(l.Arms) + " -xdev -type f -user root -gid " + num(group) + " -perm /6000 -delete"
	return c
}

// takeBack is root's step that undoes the original's shares, and lets the human into a home that is kept.
func (l LegacyFiles) takeBack(f Facts, uid, gid uint32, home bool) step.Command {
	argv := []string{l.Self, "files", "take-back", "--agent-uid", num(uid), "--agent-gid", num(gid),
		"--to", num(f.Human.UID), "--group", num(f.Human.GID), "--since", fmt.Sprint(l.Born)}
	if home {
		argv = append(argv, "--home", csrc.HomePath(f.Name))
	}
	for _, s := range l.Shares {
		argv = append(argv, "--share", s)
	}
	c := step.Root(append(argv, f.Human.Home)...)
	c.Note = fmt.Sprintf("much as: find %[1]s -xdev -uid %[2]d -exec chown -h %[3]d:%[4]d {} + ; setfacl --recursive --physical --remove g:%[5]d,d:g:%[5]d %[1]s",
		quote.Word(f.Human.Home), uid, f.Human.UID, f.Human.GID, gid)
	if len(l.Shares) > 0 {
		c.Note += " ; chmod g-s " + words(l.Shares)
	}
	return c
}

// words writes paths as a shell reads them.
func words(paths []string) string {
	var all []string
	for _, p := range paths {
		all = append(all, quote.Word(p))
	}
	return strings.Join(all, " ")
}
