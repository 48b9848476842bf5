// SPDX-License-Identifier: GPL-3.0-or-later

package main

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
	"syscall"
	"time"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/accounts"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/step"
	auslices "github.com/a4u2/au/slices"
	"golang.org/x/sys/unix"
)

// needed are the programs that the plans run.
var needed = []string{"getent", "useradd", "usermod", "userdel", "groupadd", "groupdel", "setfacl", "getfacl", "pkill", "runuser",
	"mkdir", "chown", "chmod", "cp", "dd", "mv", "rm", "rmdir", "sleep"}

// observe reads the facts about the agent, as the human sees them. It changes nothing and asks for no password.
func observe(agent string, human provision.User) (provision.Facts, error) {
	f := provision.Facts{Name: agent, Human: human, Session: session(), Shell: "/bin/sh"}
	f.Self, _ = self()
	f.Seen = step.See(hostRoot, "/etc/passwd", "/etc/group", csrc.PolicyPath(agent))
	for _, name := range needed {
		if _, err := findProgram(name); err != nil {
			f.Missing = append(f.Missing, name)
		}
	}
	if len(f.Missing) > 0 {
		return f, nil
	}
	if exists("/bin/bash") {
		f.Shell = "/bin/bash"
	}
	var tag [8]byte
	if _, err := io.ReadFull(random, tag[:]); err != nil {
		return f, fmt.Errorf("make a tag: %w", err)
	}
	f.NewTag = hex.EncodeToString(tag[:])
	if err := observeAccounts(&f, agent); err != nil {
		return f, err
	}
	observePolicy(&f, agent)
	observePaths(&f, agent)
	observeUnit(&f, agent)
	if err := observeRest(&f); err != nil {
		return f, err
	}
	observeLocks(&f)
	return f, nil
}

// getent returns the lines of a name service database: all of it, or the entries for the keys. A static program has no NSS of its own, hence getent(1).
func getent(database string, keys ...string) ([]string, error) {
	out, err := output("getent", append([]string{database}, keys...)...)
	var exit interface{ ExitCode() int }
	if errors.As(err, &exit) && exit.ExitCode() == 2 { // no such key
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("run %q: %w", "getent "+database, err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n"), nil
}

// ask returns the line of a database that has the key.
func ask(database, key string) ([]byte, error) {
	lines, err := getent(database, key)
	return []byte(strings.Join(lines, "\n")), err
}

// users returns the accounts that getent(1) shows.
func users(keys ...string) ([]provision.User, error) {
	lines, err := getent("passwd", keys...)
	var all []provision.User
	for _, line := range lines {
		if u, ok := accounts.ParseUser(line); ok {
			all = append(all, u)
		}
	}
	return all, err
}

// lookupUser returns one account by name or uid; ok is false where there is none.
func lookupUser(key string) (u provision.User, ok bool, err error) {
	all, err := users(key)
	if err != nil || len(all) == 0 {
		return u, false, err
	}
	return all[0], true, nil
}

// userNamed returns the account of that name. getent(1) takes a key of digits for a uid, so that such a name is looked for among all.
func userNamed(name string) (u provision.User, ok bool, err error) {
	keys := []string{name}
	if strings.Trim(name, "0123456789") == "" {
		keys = nil
	}
	all, err := users(keys...)
	i := slices.IndexFunc(all, func(u provision.User) bool { return u.Name == name })
	if err != nil || i < 0 {
		return u, false, err
	}
	return all[i], true, nil
}

// observeAccounts reads users and groups, and chooses the numbers that a new agent would get.
func observeAccounts(f *provision.Facts, agent string) error {
	all, err := users()
	if err != nil {
		return err
	}
	if u, ok, err := userNamed(agent); err != nil {
		return err
	} else if ok {
		f.Agent = &u
	}
	lines, err := getent("group")
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
	defs, _ := os.ReadFile(hostRoot + "/etc/login.defs")
	f.UserGroups = provision.ParseUserGroups(string(defs))
	f.Homes = homesOf(all, provision.ParseLoginDefs(string(defs), "UID").Min)
	f.Next, err = provision.ChooseIDs(all, groups, provision.ParseLoginDefs(string(defs), "UID"), provision.ParseLoginDefs(string(defs), "GID"))
	return err
}

// homesOf returns the real paths of the homes of those with a uid from least on, and of root's. One that cannot be looked at is as the account says.
func homesOf(all []provision.User, least uint32) []string {
	var homes []string
	for _, u := range all {
		if !provision.IsPersons(u, least) {
			continue
		}
		home, err := filepath.EvalSymlinks(hostRoot + u.Home)
		if errors.Is(err, fs.ErrPermission) {
			homes = append(homes, u.Home)
		} else if info, bad := os.Lstat(home); err == nil && bad == nil && info.IsDir() {
			homes = append(homes, strings.TrimPrefix(home, hostRoot))
		}
	}
	return homes
}

// observePolicy reads the mark.
func observePolicy(f *provision.Facts, agent string) {
	f.PolicyTemp = exists(csrc.PolicyPath(agent) + ".new")
	text, err := os.ReadFile(hostRoot + csrc.PolicyPath(agent))
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
		if real, err := filepath.EvalSymlinks(hostRoot + hidden); err == nil && real != hostRoot+hidden {
			f.HiddenAt = append(f.HiddenAt, strings.TrimPrefix(real, hostRoot))
		}
	}
	if u, ok, _ := lookupUser(strconv.FormatUint(uint64(p.UID), 10)); ok {
		f.UIDUser = u.Name
	}
	for _, h := range p.Humans {
		u, ok, err := lookupUser(strconv.FormatUint(uint64(h.UID), 10))
		if err == nil && (!ok || u.Name != h.Name) {
			f.HumansGone = append(f.HumansGone, h.Name)
		}
		if err == nil && ok { // getent need not list whom it finds
			f.Homes = append(f.Homes, homesOf([]provision.User{u}, 0)...)
		}
	}
}

// observePaths reads what stands in the file system.
func observePaths(f *provision.Facts, agent string) {
	home, entrypoint := csrc.HomePath(agent), entrypointPath(agent)
	f.Declared = isDeclared(agent)
	f.Way = csrc.CheckWay(hostRoot, entrypoint, rootUID)
	if f.Declared && f.Policy != nil {
		home = f.Policy.Home
	}
	f.Etc, f.PolicyFolder = lstat(provision.EtcDir), lstat(csrc.PolicyDir)
	f.EtcEmpty, f.PolicyFolderEmpty = empty(provision.EtcDir), empty(csrc.PolicyDir)
	f.LibexecAu, f.EntrypointFolder = lstat(csrc.LibexecDir), lstat(filepath.Dir(entrypoint))
	f.Libexec = lstat(filepath.Dir(csrc.LibexecDir))
	f.Libexec.NoSuid = nosuid("/usr/local")
	f.HomesLink = lstat("/home").Mode&fs.ModeSymlink != 0
	f.Home, f.HomeSSH, f.HomeGnuPG = lstat(home), lstat(home+"/.ssh"), lstat(home+"/.gnupg")
	f.Entrypoint, f.State = lstat(entrypoint), lstat(provision.StateDir+"/"+agent)
	f.StateFolder, f.AgesFolder, f.LimitsFolder = lstat(provision.StateDir), lstat(provision.AgesDir), lstat(filepath.Dir(auslices.RecordPath(agent)))
	f.Entrypoint.NoSuid = f.Libexec.NoSuid
	if f.Declared {
		f.Entrypoint.NoSuid = nosuid(entrypoint)
	}
	f.Entrypoint.Stamp, f.Entrypoint.SHA256 = stamped(hostRoot + entrypoint)
	if uid := provision.KeptFor(f.Home); uid != 0 {
		if _, taken, err := lookupUser(num(uid)); err == nil && !taken {
			f.KeptUID = uid
		}
	}
	if f.Home.Exists {
		if u, ok, _ := lookupUser(strconv.FormatUint(uint64(f.Home.UID), 10)); ok {
			f.HomeOwner = u.Name
		}
		_, err := readDir(hostRoot + home)
		f.HomeReadable = err == nil
	}
	observeSkel(f, home)
}

// observeUnit asks systemd for the keeper.
func observeUnit(f *provision.Facts, agent string) {
	f.Unit.Systemd = exists("/run/systemd/system")
	if !f.Unit.Systemd {
		return
	}
	name := auslices.KeeperName(agent)
	text, _ := os.ReadFile(hostRoot + provision.UnitDir + "/" + name)
	f.Unit.Text, f.Unit.Temp = string(text), exists(provision.UnitDir+"/"+name+".new")
	f.Unit.Beside = map[string]string{}
	for _, file := range provision.BesideKeeper(agent, 0) {
		if text, err := os.ReadFile(hostRoot + file.Name); err == nil {
			f.Unit.Beside[file.Name] = string(text)
		}
	}
	if f.Unit.Sleep, _ = findProgram("sleep"); f.Unit.Sleep == "" {
		f.Unit.Sleep = "/usr/bin/sleep"
	}
	out, err := systemctlShow("--property=ActiveState,UnitFileState,MainPID,ControlGroup", name)
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
	f.Unit.Cgroups = cgroups(f, agent, state["MainPID"], state["ControlGroup"])
}

// cgroups returns the folders that a run joins: those of the running keeper, those of the policy while it does not run, and on a pure cgroup v2
// machine the one that it will have.
func cgroups(f *provision.Facts, agent, keeper, group string) []string {
	if f.Unit.Active && keeper != "0" && f.Agent != nil {
		mounts, _ := os.ReadFile(hostRoot + "/proc/self/mountinfo")
		if text, err := os.ReadFile(hostRoot + "/proc/" + keeper + "/cgroup"); err == nil {
			if found, err := auslices.CgroupFolders(text, mounts, f.Agent.UID); err == nil {
				return found
			}
		} else if found := tree().FoldersOf(keeper, group, mounts); len(found) > 0 { // hidepid= keeps other users' processes from the human
			if f.Ours() && sameFolders(found, f.Policy.Cgroups) {
				return f.Policy.Cgroups
			}
			return found
		}
	}
	if f.Ours() {
		return f.Policy.Cgroups
	}
	if exists("/sys/fs/cgroup/cgroup.controllers") {
		return []string{"user.slice/" + auslices.Name(f.Next.UID) + "/" + auslices.KeeperName(agent)}
	}
	return nil
}

// sameFolders reports whether both name the same folders, in whatever order.
func sameFolders(one, other []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(one)), slices.Sorted(slices.Values(other)))
}

// observeRest reads what only `au delete` cares about, and the entrypoint there is to install.
func observeRest(f *provision.Facts) error {
	for _, d := range []string{"/var/mail", "/var/spool/mail", "/var/spool/cron", "/var/spool/at"} {
		if p := lstat(d); p.Exists && p.Mode.IsDir() {
			f.Spools = append(f.Spools, d)
		}
	}
	if f.Policy != nil {
		record := auslices.RecordPath(f.Policy.Name)
		f.Leftovers.Limits = exists(record) || exists(record+".new")
	}
	if uid := agentUID(*f); uid >= 1000 {
		slice := auslices.Name(uid)
		for _, d := range []string{"/etc/systemd/system.control/" + slice + ".d", "/etc/systemd/system/" + slice + ".d", "/run/systemd/system.control/" + slice + ".d"} {
			if exists(d) {
				f.Leftovers.DropIns = append(f.Leftovers.DropIns, d)
			}
		}
		f.Leftovers.Linger = exists("/var/lib/systemd/linger/" + f.Name)
	}
	return nil
}

// observeLocks reads what keeps the account shut. Only root can read shadow(5), so the entrypoint is asked, where it is the one that was installed.
func observeLocks(f *provision.Facts) {
	for _, file := range provision.DenyFiles {
		if p := lstat(file); !p.Exists || !p.Mode.IsRegular() {
			continue
		}
		f.Deny = append(f.Deny, file)
		text, err := os.ReadFile(hostRoot + file)
		f.Undenied = f.Undenied || err == nil && f.Ours() && !slices.Contains(strings.Fields(string(text)), f.Name)
	}
	if !f.Ours() || !f.Entrypoint.Exists || f.Policy.SHA256 != f.Entrypoint.SHA256 && !f.Declared {
		return
	}
	if text, err := os.ReadFile(hostRoot + "/etc/shadow"); err == nil {
		f.Unexpired = !accounts.Expired(string(text), f.Name, time.Now())
		return
	}
	_, err := output(entrypointPath(f.Name), f.Name, "--check")
	var exit interface{ ExitCode() int }
	f.Unexpired = errors.As(err, &exit) && exit.ExitCode() == 1
}

// agentUID is that of the policy, or of the user where there is none.
func agentUID(f provision.Facts) uint32 {
	switch {
	case f.Policy != nil:
		return f.Policy.UID
	case f.Agent != nil:
		return f.Agent.UID
	}
	return 0
}

// exists reports whether a path can be seen, a dangling link too.
func exists(path string) bool {
	_, err := lstatFile(hostRoot + path)
	return err == nil
}

// empty reports whether path is a folder with nothing in it.
func empty(path string) bool {
	entries, err := readDir(hostRoot + path)
	return err == nil && len(entries) == 0
}

// lstat reads a path's owner, mode and ACL.
func lstat(path string) provision.Path {
	info, err := lstatFile(hostRoot + path)
	if err != nil {
		return provision.Path{}
	}
	p := provision.Path{Exists: true, Mode: info.Mode()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		p.UID, p.GID = st.Uid, st.Gid
	}
	if info.Mode()&fs.ModeSymlink == 0 {
		p.ACL = acl(path)
	}
	return p
}

// acl returns the entries of a path's ACL, nil where it has only its mode bits.
func acl(path string) []string {
	out, err := output("getfacl", "--absolute-names", "--omit-header", "--numeric", "--skip-base", "--no-effective", path)
	if err != nil || len(out) == 0 {
		return nil
	}
	return strings.Fields(string(out))
}

// nosuid reports whether the file system of path ignores set-uid bits, statvfs(3).
func nosuid(path string) bool {
	var st unix.Statfs_t
	return statfs(hostRoot+path, &st) == nil && st.Flags&unix.ST_NOSUID != 0
}

// fingerprint returns the SHA-256 of a file, empty where it cannot be read.
func fingerprint(path string) string {
	_, sum := stamped(path)
	return sum
}

// stamped returns the fingerprint of a file and the stamp that goes with it.
func stamped(path string) (stamp, sum string) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return "", ""
	}
	defer f.Close()
	if stamp, err = stampOf(f); err == nil {
		sum, err = csrc.Fingerprint(f)
	}
	if err != nil {
		return "", ""
	}
	return stamp, sum
}

// session returns the groups that this session really has.
func session() []uint32 {
	all := []uint32{uint32(getgid())}
	groups, _ := getgroups()
	for _, g := range groups {
		all = append(all, uint32(g))
	}
	return all
}
