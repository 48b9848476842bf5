// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	stdslices "slices"
	"strings"

	"github.com/a4u2/au/csrc"
	later "github.com/a4u2/au/internal/newer"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision/step"
)

// Want is the agent that `au new` was asked for.
type Want struct {
	Name  string
	Allow []string // switches of the policy; nil: as they are
	UID   uint32   // of a new agent; 0: the next that is free
}

// packages are those of Debian that the programs au runs come with.
var packages = map[string]string{
	"getent": "libc-bin", "useradd": "passwd", "usermod": "passwd", "userdel": "passwd", "groupadd": "passwd", "groupdel": "passwd",
	"setfacl": "acl", "getfacl": "acl", "mkdir": "coreutils", "chown": "coreutils", "chmod": "coreutils", "cp": "coreutils", "dd": "coreutils", "ln": "coreutils", "mv": "coreutils", "rm": "coreutils",
	"rmdir": "coreutils", "sleep": "coreutils", "pkill": "procps", "runuser": "util-linux",
}

// notInstalled names programs that are missing, and what they come with.
func notInstalled(programs []string) error {
	var from []string
	for _, name := range programs {
		if p := packages[name]; p != "" && !stdslices.Contains(from, p) {
			from = append(from, p)
		}
	}
	return fmt.Errorf("not installed: %s; on Debian: apt-get install %s", strings.Join(programs, ", "), strings.Join(from, " "))
}

// CheckNew refuses an agent that cannot be made, before anything has changed.
func CheckNew(w Want, f Facts) error {
	if err := CheckName(w.Name); err != nil {
		return err
	}
	group := GroupName(w.Name)
	switch {
	case f.Human.UID == 0:
		return fmt.Errorf("no human to make the agent for: run au as yourself, or as root with --human NAME")
	case w.Name == f.Human.Name:
		return fmt.Errorf("agent name %q is your own user; choose another with --agent", w.Name)
	case len(f.Missing) > 0:
		return notInstalled(f.Missing)
	case f.Way != nil:
		return refuse(wayHint(f.Way), "somebody other than root could change the way to the entrypoint, so that no run would start: %v", f.Way)
	case f.Unit.Err != nil:
		return refuse(AskHint, "%v", f.Unit.Err)
	case f.HomesLink:
		return errors.New("/home is a symbolic link, and agents' homes are entered only through real folders: mount the folder that it leads to on /home")
	case f.Libexec.NoSuid:
		return fmt.Errorf("%s is on a file system mounted nosuid, where the entrypoint cannot work: remount it with suid", csrc.LibexecDir)
	case f.PolicyErr != nil:
		return unreadable(w.Name, f.PolicyErr)
	case f.Agent != nil && !f.Ours():
		return fmt.Errorf("user %q exists and au did not make it; choose another name with --agent", w.Name)
	case f.Policy != nil && f.Ours() && !f.Policy.Admits(f.Human.UID):
		return refuse("au grant --agent "+w.Name+" "+quote.Word(f.Human.Name),
			"agent %q has other humans (%s), and one of them has to let you in; for an agent of your own choose another name with --agent", w.Name, HumanNames(*f.Policy))
	case f.Policy == nil && f.Group != nil:
		return fmt.Errorf("group %q exists and au did not make it; choose another name with --agent", group)
	case f.Policy == nil && f.Private != nil:
		return fmt.Errorf("group %q exists and au did not make it; choose another name with --agent", w.Name)
	}
	if p := f.Policy; p != nil {
		if f.Group != nil && f.Group.GID != p.Group {
			return fmt.Errorf("group %q has gid %d where the policy says %d: it is not the one that au made", group, f.Group.GID, p.Group)
		}
		if f.Private != nil && f.Private.GID != p.GID {
			return fmt.Errorf("group %q has gid %d where the policy says %d: it is not the one that au made", w.Name, f.Private.GID, p.GID)
		}
	}
	if err := checkHome(w, f); err != nil {
		return err
	}
	return checkPolicy(w.policy(f))
}

// unreadable refuses an agent whose policy cannot be used. Nobody mends by hand what a newer au wrote.
func unreadable(agent string, err error) error {
	if later.Wrote(err) {
		return fmt.Errorf("policy %s: %w", csrc.PolicyPath(agent), err)
	}
	return fmt.Errorf("policy of agent %q: %w; mend or remove %s by hand", agent, err, csrc.PolicyPath(agent))
}

// AskHint shows what keeps systemd from answering.
const AskHint = "systemctl status dbus.socket"

// wayHint returns the command that mends the way to the entrypoint; empty where none does.
func wayHint(err error) string {
	var mends interface{ Hint() string }
	if errors.As(err, &mends) && mends.Hint() != "" {
		return "sudo " + mends.Hint()
	}
	return ""
}

// checkHome refuses a home that is not a folder or is somebody's.
func checkHome(w Want, f Facts) error {
	home := csrc.HomePath(w.Name)
	switch {
	case f.Agent != nil && f.Agent.Home != home:
		return fmt.Errorf("home of agent %q is %q where au made %q", w.Name, f.Agent.Home, home)
	case !f.Home.Exists:
		return nil
	case !f.Home.Mode.IsDir():
		return fmt.Errorf("%s is not a folder: move it away first", home)
	case f.HomeOwner != "" && f.HomeOwner != "root" && f.HomeOwner != w.Name:
		return fmt.Errorf("%s belongs to user %q: move it away, or choose another name with --agent", home, f.HomeOwner)
	}
	return nil
}

// Survived reports whether a home of an earlier agent would be taken over by the new one.
func Survived(w Want, f Facts) bool { return f.Agent == nil && f.Home.Exists }

// PlanNew returns what is missing for the agent to be as wanted; nothing is missing when it is empty. Steps that depend on the
// keeper's cgroup come in a second stage, from facts read when the keeper runs.
func PlanNew(w Want, f Facts) []step.Step {
	p := w.policy(f)
	var plan []step.Step
	plan = append(plan, planPolicy(p, f)...)
	plan = append(plan, planGroups(p, f)...)
	plan = append(plan, planUser(p, f)...)
	plan = append(plan, planHome(p, f)...)
	plan = append(plan, planEntrypoint(p, f)...)
	plan = append(plan, planUnit(p, f)...)
	return plan
}

// folder makes a root-owned folder unless it is there.
func folder(name string, at Path) []step.Step {
	if at.Exists {
		return nil
	}
	return []step.Step{{
		Do:   step.Root("mkdir", "-p", "-m", "0755", name),
		Undo: step.Undo(step.Root("rmdir", "--ignore-fail-on-non-empty", name)),
		Mark: true,
	}}
}

// planPolicy writes the mark, before anything that it marks.
func planPolicy(p csrc.Policy, f Facts) []step.Step {
	plan := append(folder(EtcDir, f.Etc), folder(csrc.PolicyDir, f.PolicyFolder)...)
	if f.PolicyText == p.Text() {
		return plan
	}
	write := step.WriteFile(csrc.PolicyPath(p.Name), "0644", p.Text(), f.PolicyText)
	write[len(write)-1].Mark = true
	return append(plan, write...)
}

// planGroups makes the humans' group, with the human in it, and the agent's own.
func planGroups(p csrc.Policy, f Facts) []step.Step {
	var plan []step.Step
	group := GroupName(p.Name)
	if f.Group == nil {
		plan = append(plan, step.Step{
			Do:   step.Root("groupadd", "--gid", num(p.Group), group),
			Undo: step.Undo(groupdel(group)),
		})
	}
	if !f.Group.Member(f.Human.Name) {
		plan = append(plan, step.Step{
			Do:   step.Root("usermod", "--append", "--groups", group, f.Human.Name),
			Undo: step.Undo(step.Root("gpasswd", "--delete", f.Human.Name, group)),
		})
	}
	if f.Private == nil {
		plan = append(plan, step.Step{
			Do:   step.Root("groupadd", "--gid", num(p.GID), p.Name),
			Undo: step.Undo(groupdel(p.Name)),
		})
	}
	return plan
}

// groupdel removes a group. userdel has removed the private one before where login.defs(5) says USERGROUPS_ENAB; groupdel(8) then
// exits 6.
func groupdel(name string) step.Command {
	c := step.Root("groupdel", name)
	c.OK = []int{6}
	return c
}

// planUser makes the account: no password, expired, no shell, no sub-ids (useradd(8): SUB_UID_COUNT=0), its home made later. Every
// one of the locks that shut an account holds without the others.
func planUser(p csrc.Policy, f Facts) []step.Step {
	if f.Agent != nil {
		return planLocks(p, f)
	}
	add := step.Root("useradd", "--uid", num(p.UID), "--gid", num(p.GID), "--comment", Comment(p.Tag), "--home-dir", p.Home, "--no-create-home",
		"--shell", NoShell, "--expiredate", "1", "-K", "SUB_UID_COUNT=0", "-K", "SUB_GID_COUNT=0", p.Name)
	add.Note = "the shell is missing on purpose: nothing can log in"
	plan := []step.Step{{Do: add, Undo: step.Undo(step.Root("userdel", p.Name))}}
	return append(plan, planDeny(p, f)...)
}

// planLocks shuts an account that is there and open.
func planLocks(p csrc.Policy, f Facts) []step.Step {
	var plan []step.Step
	if f.Agent.Shell != NoShell {
		plan = append(plan, step.Step{
			Do:   step.Root("usermod", "--shell", NoShell, p.Name),
			Undo: step.Undo(step.Root("usermod", "--shell", f.Agent.Shell, p.Name)),
		})
	}
	if f.Unexpired {
		plan = append(plan, step.Step{Do: step.Root("usermod", "--expiredate", "1", p.Name)})
	}
	if f.Leftovers.Linger {
		plan = append(plan, step.Step{Do: step.Root("loginctl", "disable-linger", p.Name)})
	}
	if f.Undenied || len(plan) > 0 {
		plan = append(plan, planDeny(p, f)...)
	}
	return plan
}

// planDeny names the agent in the files that keep users from cron and at.
func planDeny(p csrc.Policy, f Facts) []step.Step {
	var plan []step.Step
	for _, file := range f.Deny {
		plan = append(plan, step.Step{
			Do:   denyCommand(f.Self, "deny", p.Name, file),
			Undo: step.Undo(denyCommand(f.Self, "undeny", p.Name, file)),
		})
	}
	return plan
}

// homeACL returns the ACL that lets the agent and its humans edit what the other makes, as setfacl(1) takes it and as getfacl(1)
// shows it. Both have numbers: a name may be one itself, which setfacl takes for the id, or hold what it takes for a separator.
func homeACL(p csrc.Policy) (modify string, numeric []string) {
	entries := []string{"u:" + num(p.UID) + ":rwx", "g:" + num(p.Group) + ":rwx"}
	shown := []string{"user:" + num(p.UID) + ":rwx", "group:" + num(p.Group) + ":rwx"}
	for _, h := range p.Humans {
		entries = append(entries, "u:"+num(h.UID)+":rwx")
		shown = append(shown, "user:"+num(h.UID)+":rwx")
	}
	entries, shown = append(entries, "m::rwx"), append(shown, "mask::rwx")
	for _, e := range entries {
		entries = append(entries, "d:"+e)
	}
	for _, s := range shown {
		shown = append(shown, "default:"+s)
	}
	return strings.Join(append(entries, "d:u::rwx", "d:g::rwx", "d:o::---"), ","), shown
}

// planHome makes the home, or takes over one that survived: its top, and the files in it that nobody owns any more. The top changes
// hands last, so that a plan that was cut short is seen to be unfinished.
func planHome(p csrc.Policy, f Facts) []step.Step {
	var plan []step.Step
	h := f.Home
	if h.Exists && h.UID != p.UID {
		plan = append(plan, step.Step{Do: takeOver(f.Self, p.UID, p.Group, p.Home)})
	}
	if !h.Exists {
		plan = append(plan, step.Step{Do: step.Root("mkdir", "-m", "0700", p.Home), Undo: step.Undo(remove(f.Self, p.Home))})
	}
	if !h.Exists || h.UID != p.UID || h.GID != p.Group || h.Mode.Perm() != 0o770 || h.Mode&fs.ModeSetgid == 0 {
		own := step.Own(p.Home, p.Name+":"+GroupName(p.Name), "2770")
		var undo []step.Command
		if h.Exists {
			undo = closeHome(p.Home)
		}
		plan = append(plan, step.Step{Do: own[0], Undo: undo}, step.Step{Do: own[1]})
	}
	if modify, want := homeACL(p); !h.Exists || !h.hasACL(want) {
		plan = append(plan, step.Step{
			Do:   step.Root("setfacl", "--modify", modify, p.Home),
			Undo: step.Undo(step.Root("setfacl", "--remove-all", p.Home)),
		})
	}
	if h.Exists && !f.HomeReadable {
		return plan // what is in it is seen in the next stage
	}
	return append(plan, planInsideHome(p, f)...)
}

// closeHome gives a home's top to root, so that nobody who is given the agent's uid later finds it open. Five digits take the
// setgid bit away too (chmod(1), "setuid and setgid bits"). It is root's last: by that one sees that it is closed.
func closeHome(home string) []step.Command {
	return step.Undo(step.Root("chmod", "00700", home), step.Root("chown", "root:root", home))
}

// asAgent is a command that root runs as the agent.
func asAgent(p csrc.Policy, argv ...string) step.Command {
	return step.Root(append([]string{"runuser", "-u", p.Name, "--"}, argv...)...)
}

// openToHumans lets the default ACL of the home count for what was copied there with the mode that it had. Below a default ACL
// uutils' mkdir -m and cp set bits that nobody asked for (0.0.30: the set-user-ID or the sticky bit).
func openToHumans(p csrc.Policy, files []string) step.Command {
	return asAgent(p, append([]string{"chmod", "-R", "ug+rwX,o=,u-s,-t"}, files...)...)
}

// planInsideHome makes the files in a home, as the agent: files of a surviving home can mislead nobody but the agent.
func planInsideHome(p csrc.Policy, f Facts) []step.Step {
	var plan []step.Step
	if len(f.SkelHalf) > 0 {
		plan = append(plan, step.Step{Do: openToHumans(p, f.SkelHalf)})
	}
	for _, part := range f.Skel {
		to := path.Join(p.Home, part.Folder)
		if part.Folder != "" {
			// The mkdir of uutils sets a mode itself, and who is not in the folder's group loses its set-gid bit so: it counts for
			// nobody, as the default ACL does.
			plan = append(plan, step.Step{Do: asAgent(p, "mkdir", to)}, step.Step{Do: openToHumans(p, []string{to})})
		}
		if from := stdslices.Concat(part.Files, part.Links); len(from) > 0 {
			plan = append(plan, step.Step{Do: asAgent(p, stdslices.Concat([]string{"cp", "-R"}, from, []string{to + "/"})...)})
		}
		if made := part.made(to); len(made) > 0 {
			plan = append(plan, step.Step{Do: openToHumans(p, made)})
		}
	}
	var makeThem, mend []string
	for _, d := range []struct {
		name string
		at   Path
	}{{p.Home + "/.ssh", f.HomeSSH}, {p.Home + "/.gnupg", f.HomeGnuPG}} {
		if !d.at.Exists {
			makeThem = append(makeThem, d.name)
		}
		if !d.at.Exists || d.at.Mode.IsDir() && (d.at.ACL != nil || d.at.Mode.Perm() != 0o700 || d.at.Mode&fs.ModeSetgid != 0) {
			mend = append(mend, d.name)
		}
	}
	if makeThem != nil {
		plan = append(plan, step.Step{Do: asAgent(p, append([]string{"mkdir", "-m", "0700"}, makeThem...)...)})
	}
	if mend != nil {
		plan = append(plan,
			step.Step{Do: asAgent(p, append([]string{"setfacl", "--remove-all"}, mend...)...)},
			step.Step{Do: asAgent(p, append([]string{"chmod", "u=rwx,go=,ug-s,-t"}, mend...)...)})
	}
	return plan
}

// planEntrypoint installs the set-uid program, whole at every moment, for root, the group and the humans by name.
func planEntrypoint(p csrc.Policy, f Facts) []step.Step {
	dir, file := path.Dir(csrc.EntrypointPath(p.Name)), csrc.EntrypointPath(p.Name)
	var plan []step.Step
	for _, d := range []struct {
		name string
		at   Path
	}{{path.Dir(csrc.LibexecDir), f.Libexec}, {csrc.LibexecDir, f.LibexecAu}, {dir, f.EntrypointFolder}} {
		plan = append(plan, folder(d.name, d.at)...)
	}
	allow, want := entrypointACL(p)
	e := f.Entrypoint
	if e.Exists && e.SHA256 == p.SHA256 && e.UID == 0 && e.GID == p.Group && e.Mode == fs.ModeSetuid|0o750 && e.hasACL(want) {
		return plan
	}
	temp := file + ".new"
	put := step.Put(temp)
	put.From, put.SHA256 = f.Source.Path, f.Source.SHA256
	install := step.Replace(file, put, append(step.Own(temp, "root:"+GroupName(p.Name), "4750"), step.Root("setfacl", "--modify", allow, temp))...)
	install[len(install)-1].Undo = step.Undo(step.Root("rm", "-f", file))
	// A half-made one may be set-uid already: nothing is written into it.
	plan = append(plan, step.Step{Do: step.Root("rm", "-f", temp)})
	return append(plan, install...)
}

// entrypointACL lets each human run the entrypoint in a session that does not have the group yet; the mode stays 4750.
func entrypointACL(p csrc.Policy) (modify string, numeric []string) {
	entries := []string{"m::r-x"}
	for _, h := range p.Humans {
		entries = append(entries, "u:"+num(h.UID)+":r-x")
		numeric = append(numeric, "user:"+num(h.UID)+":r-x")
	}
	return strings.Join(entries, ","), numeric
}

// num writes an id in decimal.
func num(n uint32) string { return fmt.Sprint(n) }
