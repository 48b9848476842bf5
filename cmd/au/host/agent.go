// SPDX-License-Identifier: GPL-3.0-or-later

package host

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/accounts"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/step"
	auslices "github.com/a4u2/au/slices"
)

// needed are the programs that the plans run.
var needed = []string{"getent", "useradd", "usermod", "userdel", "groupadd", "groupdel", "setfacl", "getfacl", "pkill", "runuser",
	"mkdir", "chown", "chmod", "cp", "dd", "ln", "mv", "rm", "rmdir", "sleep"}

// Observe reads the facts about the agent, as the human sees them. It changes nothing and asks for no password.
func (h *Host) Observe(agent string, human provision.User) (provision.Facts, error) {
	f := provision.Facts{Name: agent, Human: human, Session: h.session(), Shell: "/bin/sh"}
	f.Self, _ = h.OwnPath()
	f.Seen = step.See(h.Root, "/etc/passwd", "/etc/group", csrc.PolicyPath(agent))
	find := h.FindOnHost
	if h.Exists("/etc/NIXOS") { // where no plan is carried out, and the package has what facts are read with
		find = h.FindProgram
	}
	for _, name := range needed {
		if _, err := find(name); err != nil {
			f.Missing = append(f.Missing, name)
		}
	}
	if len(f.Missing) > 0 {
		return f, nil
	}
	if h.Exists("/bin/bash") {
		f.Shell = "/bin/bash"
	}
	var tag [8]byte
	if _, err := io.ReadFull(h.Random, tag[:]); err != nil {
		return f, fmt.Errorf("make a tag: %w", err)
	}
	f.NewTag = hex.EncodeToString(tag[:])
	if err := h.observeAccounts(&f, agent); err != nil {
		return f, err
	}
	h.observePolicy(&f, agent)
	h.observePaths(&f, agent)
	h.observeUnit(&f, agent)
	if err := h.observeRest(&f); err != nil {
		return f, err
	}
	h.observeLocks(&f)
	return f, nil
}

// observeAccounts reads users and groups, and chooses the numbers that a new agent would get.
func (h *Host) observeAccounts(f *provision.Facts, agent string) error {
	all, err := h.Users()
	if err != nil {
		return err
	}
	if u, ok, err := h.UserNamed(agent); err != nil {
		return err
	} else if ok {
		f.Agent = &u
	}
	lines, err := h.Getent("group")
	if err != nil {
		return err
	}
	var groups []provision.Group
	for _, line := range lines {
		g, ok := accounts.ParseGroup(line)
		if !ok {
			continue
		}
		groups = append(groups, g)
		switch g.Name {
		case agent:
			f.Private = &g
		case provision.GroupName(agent):
			f.Group = &g
		}
	}
	defs, _ := os.ReadFile(h.Root + "/etc/login.defs")
	f.UserGroups = provision.ParseUserGroups(string(defs))
	f.Homes = h.HomesOf(all, provision.ParseLoginDefs(string(defs), "UID").Min)
	f.Next, err = provision.ChooseIDs(all, groups, provision.ParseLoginDefs(string(defs), "UID"), provision.ParseLoginDefs(string(defs), "GID"))
	return err
}

// observePolicy reads the mark.
func (h *Host) observePolicy(f *provision.Facts, agent string) {
	f.PolicyTemp = h.Exists(csrc.PolicyPath(agent) + ".new")
	text, err := os.ReadFile(h.Root + csrc.PolicyPath(agent))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		f.PolicyErr = err
		return
	}
	f.PolicyText = string(text)
	p, err := csrc.ParsePolicy(text)
	if err != nil {
		f.PolicyErr = err
		return
	}
	f.Policy = &p
	for _, hidden := range p.Hide {
		if real, err := filepath.EvalSymlinks(h.Root + hidden); err == nil && real != h.Root+hidden {
			f.HiddenAt = append(f.HiddenAt, strings.TrimPrefix(real, h.Root))
		}
	}
	if u, ok, _ := h.LookupUser(strconv.FormatUint(uint64(p.UID), 10)); ok {
		f.UIDUser = u.Name
	}
	for _, human := range p.Humans {
		u, ok, gone := h.now(human)
		if gone {
			f.HumansGone = append(f.HumansGone, human.Name)
		}
		if ok { // getent need not list whom it finds
			f.Homes = append(f.Homes, h.HomesOf([]provision.User{u}, 0)...)
		}
	}
}

// now returns the user with the uid of a policy's human, where there is one; gone is true where that is nobody, or somebody else.
func (h *Host) now(human csrc.Human) (u provision.User, ok, gone bool) {
	u, ok, err := h.LookupUser(strconv.FormatUint(uint64(human.UID), 10))
	return u, ok && err == nil, err == nil && (!ok || u.Name != human.Name)
}

// IsGone reports whether a policy's human is not on this machine any more.
func (h *Host) IsGone(human csrc.Human) bool {
	_, _, gone := h.now(human)
	return gone
}

// observePaths reads the facts in the file system.
func (h *Host) observePaths(f *provision.Facts, agent string) {
	home, entrypoint := csrc.HomePath(agent), h.EntrypointPath(agent)
	f.Declared = h.IsDeclared(agent)
	f.Way = csrc.CheckWay(h.Root, entrypoint, h.RootUID)
	if f.Declared && f.Policy != nil {
		home = f.Policy.Home
	}
	f.Etc, f.PolicyFolder = h.Path(provision.EtcDir), h.Path(csrc.PolicyDir)
	f.EtcEmpty, f.PolicyFolderEmpty = h.empty(provision.EtcDir), h.empty(csrc.PolicyDir)
	f.LibexecAu, f.EntrypointFolder = h.Path(csrc.LibexecDir), h.Path(filepath.Dir(entrypoint))
	f.Libexec = h.Path(filepath.Dir(csrc.LibexecDir))
	f.Libexec.NoSuid = h.nosuid("/usr/local")
	f.HomesLink = h.Path("/home").Mode&fs.ModeSymlink != 0
	f.Home, f.HomeSSH, f.HomeGnuPG = h.Path(home), h.Path(home+"/.ssh"), h.Path(home+"/.gnupg")
	f.Entrypoint, f.State = h.Path(entrypoint), h.Path(provision.StateDir+"/"+agent)
	f.StateFolder, f.AgesFolder, f.LimitsFolder = h.Path(provision.StateDir), h.Path(provision.AgesDir), h.Path(filepath.Dir(auslices.RecordPath(agent)))
	f.Entrypoint.NoSuid = f.Libexec.NoSuid
	if f.Declared {
		f.Entrypoint.NoSuid = h.nosuid(entrypoint)
	}
	f.Entrypoint.Stamp, f.Entrypoint.SHA256 = h.stamped(h.Root + entrypoint)
	if uid := provision.KeptFor(f.Home); uid != 0 {
		if _, taken, err := h.LookupUser(fmt.Sprint(uid)); err == nil && !taken {
			f.KeptUID = uid
		}
	}
	if f.Home.Exists {
		if u, ok, _ := h.LookupUser(strconv.FormatUint(uint64(f.Home.UID), 10)); ok {
			f.HomeOwner = u.Name
		}
		if f.Group == nil {
			f.HomeGroup = h.groupName(f.Home.GID)
		}
		_, err := h.ReadDir(h.Root + home)
		f.HomeReadable = err == nil
	}
	h.observeSkel(f, home)
}

// observeUnit asks systemd for the keeper.
func (h *Host) observeUnit(f *provision.Facts, agent string) {
	f.Unit.Systemd = h.Exists("/run/systemd/system")
	if !f.Unit.Systemd {
		return
	}
	name := auslices.KeeperName(agent)
	f.Unit.Text, f.Unit.Temp = h.text(provision.UnitDir+"/"+name), h.Exists(provision.UnitDir+"/"+name+".new")
	f.Unit.Beside = map[string]string{}
	f.ManagerFolder = h.Path(provision.ManagerFolder(AgentUID(*f)))
	for _, file := range provision.BesideKeeper(agent, AgentUID(*f)) {
		if text, err := os.ReadFile(h.Root + file.Name); err == nil {
			f.Unit.Beside[file.Name] = string(text)
		}
	}
	if f.Unit.Sleep, _ = h.FindProgram("sleep"); f.Unit.Sleep == "" {
		f.Unit.Sleep = "/usr/bin/sleep"
	}
	out, err := h.SystemctlShow("--property=ActiveState,UnitFileState,MainPID,ControlGroup", name)
	if err != nil {
		f.Unit.Err = fmt.Errorf("systemd does not answer (systemctl show %s: %w)", name, err)
		return
	}
	state := map[string]string{}
	for line := range strings.Lines(string(out)) {
		k, v, _ := strings.Cut(strings.TrimSpace(line), "=")
		state[k] = v
	}
	f.Unit.Active = state["ActiveState"] == "active"
	f.Unit.Enabled = state["UnitFileState"] == "enabled"
	f.Unit.Cgroups = h.cgroups(f, agent, state["MainPID"], state["ControlGroup"])
}

// cgroups returns the folders that a run joins: those of the running keeper, those of the policy while it does not run, and on a
// pure cgroup v2 machine the one that it will have.
func (h *Host) cgroups(f *provision.Facts, agent, keeper, group string) []string {
	if f.Unit.Active && keeper != "0" && f.Agent != nil {
		mounts, _ := h.mountinfo()
		if text, err := os.ReadFile(h.Root + "/proc/" + keeper + "/cgroup"); err == nil {
			if found, err := auslices.CgroupFolders(text, mounts, f.Agent.UID); err == nil {
				return found
			}
		} else if found := h.CgroupTree().FoldersOf(keeper, group, mounts); len(found) > 0 { // hidepid= keeps other users' processes from the human
			if f.Ours() && sameFolders(found, f.Policy.Cgroups) {
				return f.Policy.Cgroups
			}
			return found
		}
	}
	if f.Ours() {
		return f.Policy.Cgroups
	}
	if h.Exists("/sys/fs/cgroup/cgroup.controllers") {
		return []string{"user.slice/" + auslices.Name(f.Next.UID) + "/" + auslices.KeeperName(agent)}
	}
	return nil
}

// sameFolders reports whether both name the same folders, in whatever order.
func sameFolders(one, other []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(one)), slices.Sorted(slices.Values(other)))
}

// observeRest reads what only `au delete` cares about, and the entrypoint there is to install.
func (h *Host) observeRest(f *provision.Facts) error {
	for _, d := range []string{"/var/mail", "/var/spool/mail", "/var/spool/cron", "/var/spool/at"} {
		if p := h.Path(d); p.Exists && p.Mode.IsDir() {
			f.Spools = append(f.Spools, d)
		}
	}
	if f.Policy != nil {
		record := auslices.RecordPath(f.Policy.Name)
		f.Leftovers.Limits = h.Exists(record) || h.Exists(record+".new")
	}
	if uid := AgentUID(*f); uid >= 1000 {
		slice := auslices.Name(uid)
		for _, d := range []string{"/etc/systemd/system.control/" + slice + ".d", "/etc/systemd/system/" + slice + ".d", "/run/systemd/system.control/" + slice + ".d"} {
			if h.Exists(d) {
				f.Leftovers.DropIns = append(f.Leftovers.DropIns, d)
			}
		}
		f.Leftovers.Linger = h.Exists("/var/lib/systemd/linger/" + f.Name)
	}
	return nil
}

// observeLocks reads what keeps the account shut. Only root can read shadow(5), so the entrypoint is asked, where it is the one
// that was installed.
func (h *Host) observeLocks(f *provision.Facts) {
	for _, file := range provision.DenyFiles {
		if p := h.Path(file); !p.Exists || !p.Mode.IsRegular() {
			continue
		}
		f.Deny = append(f.Deny, file)
		text, err := os.ReadFile(h.Root + file)
		f.Undenied = f.Undenied || err == nil && f.Ours() && !slices.Contains(strings.Fields(string(text)), f.Name)
	}
	f.Mail = h.mailer(f.Name)
	if !f.Ours() || !f.Entrypoint.Exists || f.Policy.SHA256 != f.Entrypoint.SHA256 && !f.Declared {
		return
	}
	if text, err := os.ReadFile(h.Root + "/etc/shadow"); err == nil {
		f.Unexpired = !accounts.Expired(string(text), f.Name, h.Now())
		return
	}
	_, err := h.Output(h.EntrypointPath(f.Name), f.Name, "--check")
	var exit interface{ ExitCode() int }
	f.Unexpired = errors.As(err, &exit) && exit.ExitCode() == 1
}

// mailers are mail servers that run what a ~/.forward says, each by its settings.
var mailers = []struct{ settings, name string }{
	{"/etc/postfix/main.cf", "postfix"}, {"/etc/exim4", "exim"}, {"/etc/exim", "exim"}, {"/etc/mail/sendmail.cf", "sendmail"}, {"/etc/smtpd.conf", "OpenSMTPD"},
}

// mailer returns which of them would run what the agent writes there; empty where none does, or an alias takes the agent's mail.
func (h *Host) mailer(agent string) string {
	if _, err := h.FindProgram("sendmail"); err != nil { // each brings that program; their settings may outlive them
		return ""
	}
	text, _ := os.ReadFile(h.Root + "/etc/aliases")
	for line := range strings.Lines(string(text)) {
		if name, _, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == agent {
			return ""
		}
	}
	for _, m := range mailers {
		if h.Exists(m.settings) {
			return m.name
		}
	}
	return ""
}

// AgentUID is that of the policy, or of the user where there is none.
func AgentUID(f provision.Facts) uint32 {
	switch {
	case f.Policy != nil:
		return f.Policy.UID
	case f.Agent != nil:
		return f.Agent.UID
	}
	return 0
}
