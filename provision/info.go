// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/advice"
	"github.com/a4u2/au/internal/quote"
)

// Issue is something about an agent that is not as it should be.
type Issue struct {
	ID      string // one of Faults
	Problem string
	Hint    string // a command to paste; empty where none mends it
}

// Health checks an agent on facts alone; no issues means that it is as `au new` leaves it.
func Health(f Facts) []Issue {
	var issues []Issue
	mend := "au new --agent " + f.Name
	bad := func(id, hint, format string, args ...any) {
		issues = append(issues, Issue{id, fmt.Sprintf(format, args...), hint})
	}
	if f.PolicyErr != nil {
		bad("policy-unreadable", "", "policy %s: %v", csrc.PolicyPath(f.Name), f.PolicyErr)
	}
	if f.Policy == nil {
		if f.Agent != nil { // without its mark the user is nobody's that au may touch
			mend = ""
		}
		bad("policy-missing", mend, "no policy %s: au did not make this agent, or it is gone", csrc.PolicyPath(f.Name))
		return issues
	}
	healthAccount(f, mend, bad)
	healthHumans(f, bad)
	if f.Agent != nil {
		healthHome(f, mend, bad)
	}
	healthEntrypoint(f, mend, bad)
	if f.Way != nil {
		bad("entrypoint-way", wayHint(f.Way), "somebody other than root could change the way to the entrypoint, so no run starts: %v", f.Way)
	}
	if open := openHomes(f); len(open) > 0 && !f.Declared {
		bad("homes-visible", mend, "runs can see homes that were not there, or elsewhere, when the policy was written: %s", strings.Join(open, ", "))
	}
	healthUnit(f, mend, bad)
	return issues
}

// healthHumans names those who are gone: whoever gets the uid of one of them next may enter.
func healthHumans(f Facts, bad report) {
	for _, name := range f.HumansGone {
		hint := fmt.Sprintf("au revoke --agent %s %s", f.Name, quote.Word(name))
		if len(f.Policy.Humans) == 1 {
			hint = ""
		}
		bad("human-gone", hint, "human %q is gone from this machine, and whoever has that uid may enter", name)
	}
}

type report func(id, hint, format string, args ...any)

func healthAccount(f Facts, mend string, bad report) {
	p := f.Policy
	switch {
	case f.Agent == nil && f.UIDUser != "":
		bad("uid-reused", mend, "missing user %q, and its uid %d now belongs to %q", f.Name, p.UID, f.UIDUser)
	case f.Agent == nil:
		bad("account-missing", mend, "missing user %q", f.Name)
	case !f.Ours():
		bad("account-other", "", "user %q (uid %d) is not the one that the policy names (uid %d)", f.Name, f.Agent.UID, p.UID)
	case f.Agent.GID != p.GID:
		bad("account-group", fmt.Sprintf("sudo usermod --gid %d %s", p.GID, f.Name), "user %q has the primary group %d where the policy says %d", f.Name, f.Agent.GID, p.GID)
	default:
		healthLocks(f, mend, bad)
	}
	group := GroupName(f.Name)
	switch {
	case f.Group == nil:
		bad("group-missing", mend, "missing group %q", group)
		return
	case f.Group.GID != p.Group:
		bad("group-other", fmt.Sprintf("sudo groupmod --gid %d %s", p.Group, group), "group %q has gid %d where the policy says %d", group, f.Group.GID, p.Group)
	case !f.Group.Member(f.Human.Name):
		bad("group-human", mend, "user %q is not a member of %q", f.Human.Name, group)
	}
	if f.Group.Member(f.Name) {
		bad("group-agent", fmt.Sprintf("sudo gpasswd --delete %s %s", f.Name, group), "the agent is a member of %q, which is for humans only", group)
	}
}

// healthLocks says by which door the agent could log in to itself, outside of the walls of a run.
func healthLocks(f Facts, mend string, bad report) {
	if f.Unexpired {
		bad("login-expiry", "sudo usermod --expiredate 1 "+f.Name, "the account is not expired, so the agent could log in to itself outside of all walls, and `au run` is refused")
	}
	if f.Agent.Shell != NoShell {
		bad("login-shell", mend, "the account has the shell %s, with which a login would work where the account's expiry is lost", f.Agent.Shell)
	}
	if f.Leftovers.Linger {
		bad("login-lingers", "sudo loginctl disable-linger "+f.Name, "systemd would start the agent's services at boot, outside of all walls (it lingers)")
	}
	if want := noManager(f.Name, f.Policy.UID); f.Unit.Systemd && f.Unit.Beside[want.Name] != want.Text && (f.Unexpired || !LacksManagerLock(f)) {
		bad("login-manager", mend, "missing or changed %s: systemd would start the agent's services, outside of all walls, if the account's expiry were lost", want.Name)
	}
	if f.Mail != "" {
		bad("login-mail", MailHint(f), "%s runs what the agent writes into its ~/.forward, outside of all walls", f.Mail)
	}
	if f.Undenied && !f.Declared {
		bad("login-cron", mend, "the agent is not kept from cron or at: %s", strings.Join(f.Deny, ", "))
	}
}

// MailHint gives the agent's mail to root: an alias comes before a ~/.forward. The file's last line may lack its end.
func MailHint(f Facts) string {
	if f.Declared {
		return advice.Alias(f.Name)
	}
	return fmt.Sprintf("sudo sh -c '{ echo; echo %s: root; } >>/etc/aliases && newaliases'", f.Name)
}

func healthHome(f Facts, mend string, bad report) {
	p, h := *f.Policy, f.Home
	if !h.Exists {
		bad("home-missing", mend, "missing home %s", p.Home)
		return
	}
	if !h.Mode.IsDir() || h.UID != p.UID {
		bad("home-owner", "", "home %s is not a folder that the agent owns", p.Home)
		return
	}
	if h.GID != p.Group || h.Mode&fs.ModeSetgid == 0 {
		bad("home-setgid", mend, "home %s has lost its setgid bit or its group %q", p.Home, GroupName(f.Name))
	}
	if h.Mode.Perm() != 0o770 {
		bad("home-mode", mend, "home %s has mode %04o where 2770 is right: the group bits are the ACL's mask", p.Home, h.Mode.Perm())
	}
	if _, want := homeACL(p); !h.hasACL(want) {
		bad("home-acl", mend, "home %s has lost entries of its ACL or default ACL (mask included)", p.Home)
	}
}

func healthEntrypoint(f Facts, mend string, bad report) {
	e, path := f.Entrypoint, csrc.EntrypointPath(f.Name)
	if f.Declared {
		healthWrapper(f, mend, bad)
		return
	}
	if !e.Exists {
		bad("entrypoint-missing", mend, "missing entrypoint %s", path)
		return
	}
	switch {
	case !e.Mode.IsRegular() || e.UID != 0:
		bad("entrypoint-owner", mend, "entrypoint %s is not a file that root owns", path)
	case e.Mode&fs.ModeSetuid == 0:
		bad("entrypoint-setuid", mend, "entrypoint %s is not set-uid", path)
	case e.Mode != fs.ModeSetuid|0o750 || e.GID != f.Policy.Group:
		bad("entrypoint-mode", mend, "entrypoint %s is not 4750 root:%s", path, GroupName(f.Name))
	case e.NoSuid:
		bad("entrypoint-nosuid", "", "entrypoint %s is on a file system mounted nosuid", path)
	}
	if _, want := entrypointACL(*f.Policy); !e.hasACL(want) {
		bad("entrypoint-acl", mend, "entrypoint %s has lost entries of its ACL", path)
	}
	if e.SHA256 != "" && e.SHA256 != f.Policy.SHA256 {
		bad("entrypoint-changed", mend, "entrypoint %s has the SHA-256 %s where %s was installed", path, e.SHA256, f.Policy.SHA256)
	}
}

// healthWrapper checks the set-uid program that NixOS makes at each switch: only root writes in its folder, and it starts the
// entrypoint of the Nix store.
func healthWrapper(f Facts, mend string, bad report) {
	e, path := f.Entrypoint, WrapperPath(f.Name)
	switch {
	case !e.Exists:
		bad("entrypoint-missing", mend, "missing entrypoint %s", path)
	case !e.Mode.IsRegular() || e.UID != 0 || e.Mode&fs.ModeSetuid == 0 || e.Mode.Perm()&0o027 != 0 || e.GID != f.Policy.Group:
		bad("entrypoint-mode", mend, "entrypoint %s is not set-uid root for the group %q alone", path, GroupName(f.Name))
	case e.NoSuid:
		bad("entrypoint-nosuid", "", "entrypoint %s is on a file system mounted nosuid", path)
	}
}

func healthUnit(f Facts, mend string, bad report) {
	if !f.Unit.Systemd {
		return
	}
	switch {
	case f.Unit.Err != nil:
		bad("systemd-silent", AskHint, "%v", f.Unit.Err)
	case f.Unit.Text == "":
		bad("unit-missing", mend, "missing unit au-%s.service", f.Name)
	case !f.Unit.Active:
		bad("unit-stopped", fmt.Sprintf("sudo systemctl start au-%s.service", f.Name), "unit au-%s.service does not run, so `au run` is refused", f.Name)
	case !f.Unit.Enabled && !f.Declared:
		bad("unit-disabled", mend, "unit au-%s.service is not enabled, and will be missing after a reboot", f.Name)
	}
	for _, file := range temporary(f.Name, f.Policy.UID) {
		if f.Unit.Text != "" && f.Unit.Beside[file.Name] != file.Text && !f.Declared && !KeeperIsOld(f) {
			bad("unit-beside", mend, "missing or changed %s: temporary files are not kept from run to run, or too long", file.Name)
		}
	}
	if f.Unit.Active && !slices.Equal(f.Unit.Cgroups, f.Policy.Cgroups) {
		bad("cgroups-other", mend, "the policy does not name the cgroups of the running unit")
	}
}

// SessionHasGroup reports whether the human's running session has the agent's group yet. Runs do not need it; reaching the home's
// files by group does not either, for the ACL has the human by name.
func SessionHasGroup(f Facts) bool {
	return f.Group != nil && slices.Contains(f.Session, f.Group.GID)
}
