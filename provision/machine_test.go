// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	stdslices "slices"
	"strings"
	"testing"
	"time"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/accounts"
	"github.com/a4u2/au/internal/fakehost"
	"github.com/a4u2/au/provision/step"
	"github.com/a4u2/au/slices"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares text with a file of testdata.
func golden(t *testing.T, name, text string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("%s differs; see what changed with: go test ./provision -update && git diff\n%s", file, text)
	}
}

// render returns a plan as au prints it, undos behind a "-".
func render(plan []step.Step) string {
	var b strings.Builder
	for _, s := range plan {
		demand(s)
		fmt.Fprintf(&b, "$ %s\n", s.Do.Shell([]string{"sudo"}))
		for _, undo := range s.Undo {
			fmt.Fprintf(&b, "  - %s\n", strings.ReplaceAll(undo.Shell([]string{"sudo"}), "\n", "\n    "))
		}
	}
	return b.String()
}

// demand demands of the commands of a step that none goes as root by path where others can write, and that every coreutils does
// what they say.
func demand(s step.Step) {
	for _, c := range append([]step.Command{s.Do}, s.Undo...) {
		if why := fakehost.Refused(c.Argv); c.Root && why != "" {
			panic(why)
		}
	}
}

// outline returns the first line of every command.
func outline(plan []step.Step) string {
	var b strings.Builder
	for _, s := range plan {
		demand(s)
		line, _, _ := strings.Cut(s.Do.Shell([]string{"sudo"}), "\n")
		fmt.Fprintf(&b, "$ %s\n", line)
	}
	return b.String()
}

var (
	alice = User{Name: "alice", UID: 1000, GID: 1000, Home: "/home/alice"}
	bob   = User{Name: "bob", UID: 1001, GID: 1001, Home: "/home/bob"}
	want  = Want{Name: "agent"}
)

// machine is a fake host, and what au would read from it.
type machine struct {
	*fakehost.Host
	t   *testing.T
	tag string // for the next policy
}

func newMachine(t *testing.T, c fakehost.Config) *machine {
	return &machine{fakehost.New(c), t, "0123456789abcdef"}
}

// entrypoint is in the place of the program to install.
const entrypoint = "the entrypoint\n"

// systemd is the machine of most tests.
func systemd(t *testing.T) *machine { return newMachine(t, fakehost.Config{Systemd: true}) }

// sum is the SHA-256 of what a file holds.
func sum(text string) string {
	if text == "" {
		return ""
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
}

// run runs one command of a plan.
func (m *machine) run(c step.Command) error {
	in := strings.NewReader(c.Text)
	if c.From != "" {
		in = strings.NewReader(entrypoint)
	}
	var out bytes.Buffer
	uid := alice.UID
	if c.Root {
		uid = 0
	}
	err := m.Run(uid, c.Argv, in, &out, &out)
	if exit, ok := err.(fakehost.ExitStatus); ok && !stdslices.Contains(c.OK, exit.ExitCode()) {
		return fmt.Errorf("%s: %w: %s", strings.Join(c.Argv, " "), err, &out)
	}
	return nil
}

// apply runs a plan, all of which has to succeed.
func (m *machine) apply(plan []step.Step) {
	m.t.Helper()
	for _, s := range plan {
		demand(s)
		if err := m.run(s.Do); err != nil {
			m.t.Fatal(err)
		}
	}
}

// make makes the agent, in as many stages as au takes, and returns all steps.
func (m *machine) make(w Want) (all []step.Step) {
	m.t.Helper()
	for range 5 {
		plan := PlanNew(w, m.facts())
		m.apply(plan)
		all = append(all, plan...)
	}
	if plan := PlanNew(w, m.facts()); len(plan) > 0 {
		m.t.Fatalf("after five stages there is still to do:\n%s", render(plan))
	}
	return all
}

// path returns what is at a path.
func (m *machine) path(name string) Path {
	info, err := m.Lstat(name)
	if err != nil {
		return Path{}
	}
	f := m.File(name)
	p := Path{Exists: true, Mode: info.Mode(), UID: f.UID, GID: f.GID}
	var out bytes.Buffer
	if m.Run(0, []string{"getfacl", "--absolute-names", "--omit-header", "--numeric", "--skip-base", "--no-effective", name}, nil, &out, &out) == nil && out.Len() > 0 {
		p.ACL = strings.Fields(out.String())
	}
	return p
}

func (m *machine) empty(name string) bool {
	inside, err := m.ReadDir(name)
	return err == nil && len(inside) == 0
}

// facts is what au reads of the agent called agent.
func (m *machine) facts() Facts {
	m.t.Helper()
	f := Facts{
		Name: "agent", Self: "/usr/local/bin/au", Human: alice, Session: []uint32{1000}, NewTag: m.tag, Shell: "/bin/bash",
		Etc: m.path(EtcDir), PolicyFolder: m.path(csrc.PolicyDir), Libexec: m.path("/usr/local/libexec"), LibexecAu: m.path(csrc.LibexecDir),
		EntrypointFolder: m.path(filepath.Dir(csrc.EntrypointPath("agent"))), Entrypoint: m.path(csrc.EntrypointPath("agent")),
		Home: m.path("/home/agent"), HomeSSH: m.path("/home/agent/.ssh"), HomeGnuPG: m.path("/home/agent/.gnupg"),
		EtcEmpty: m.empty(EtcDir), PolicyFolderEmpty: m.empty(csrc.PolicyDir), PolicyTemp: m.path(csrc.PolicyPath("agent") + ".new").Exists,
		PolicyText: m.Text(csrc.PolicyPath("agent")), Source: Source{"/usr/local/libexec/au/su_as_agent", sum(entrypoint)},
		State: m.path(StateDir + "/agent"), StateFolder: m.path(StateDir), AgesFolder: m.path(AgesDir), LimitsFolder: m.path("/etc/au/limits"), UserGroups: ParseUserGroups(m.Text("/etc/login.defs")), Spools: []string{"/var/mail", "/var/spool/cron"},
	}
	f.Entrypoint.SHA256 = sum(m.Text(csrc.EntrypointPath("agent")))
	m.accounts(&f)
	if f.PolicyText != "" {
		p, err := csrc.ParsePolicy([]byte(f.PolicyText))
		if f.PolicyErr = err; err == nil {
			f.Policy = &p
		}
	}
	for _, line := range m.Database("group") {
		if g, _ := accounts.ParseGroup(line); f.Home.Exists && g.GID == f.Home.GID {
			f.HomeGroup = g.Name
		}
	}
	for _, line := range m.Database("passwd") {
		u, _ := accounts.ParseUser(line)
		if f.Policy != nil && u.UID == f.Policy.UID {
			f.UIDUser = u.Name
		}
		if f.Home.Exists && u.UID == f.Home.UID {
			f.HomeOwner = u.Name
		}
	}
	m.leftovers(&f)
	m.locks(&f)
	_, err := m.ReadDir("/home/agent")
	f.HomeReadable = err == nil
	var skel SkelPart
	for _, name := range []string{".bashrc", ".profile"} {
		at := "/home/agent/" + name
		if p := m.path(at); !p.Exists {
			skel.Files = append(skel.Files, "/etc/skel/"+name)
		} else if p.Mode.Perm()&0o060 != 0o060 && p.UID == f.Home.UID && !(f.HomeSSH.Exists && f.HomeGnuPG.Exists) {
			f.SkelHalf = append(f.SkelHalf, at)
		}
	}
	if skel.Files != nil {
		f.Skel = []SkelPart{skel}
	}
	m.unit(&f)
	return f
}

func (m *machine) accounts(f *Facts) {
	var users []User
	var groups []Group
	for _, line := range m.Database("passwd") {
		u, _ := accounts.ParseUser(line)
		if users = append(users, u); u.Name == f.Name {
			f.Agent = &u
		}
	}
	for _, line := range m.Database("group") {
		g, _ := accounts.ParseGroup(line)
		switch groups = append(groups, g); g.Name {
		case f.Name:
			f.Private = &g
		case GroupName(f.Name):
			f.Group = &g
		}
	}
	var err error
	if f.Next, err = ChooseIDs(users, groups, Range{1000, 60000}, Range{1000, 60000}); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) locks(f *Facts) {
	f.Unexpired = f.Ours() && !accounts.Expired(m.Text("/etc/shadow"), f.Name, time.Now())
	for _, file := range DenyFiles {
		if m.path(file).Exists {
			f.Deny = append(f.Deny, file)
			f.Undenied = f.Undenied || f.Ours() && !stdslices.Contains(strings.Fields(m.Text(file)), f.Name)
		}
	}
}

func (m *machine) leftovers(f *Facts) {
	if f.Policy != nil {
		slice := slices.Name(f.Policy.UID)
		for _, d := range []string{"/etc/systemd/system.control/" + slice + ".d", "/run/systemd/system.control/" + slice + ".d"} {
			if m.path(d).Exists {
				f.Leftovers.DropIns = append(f.Leftovers.DropIns, d)
			}
		}
		f.Leftovers.Linger = m.path("/var/lib/systemd/linger/agent").Exists
		f.Leftovers.Limits = m.path(slices.RecordPath("agent")).Exists
	}
}

func (m *machine) unit(f *Facts) {
	name := slices.KeeperName(f.Name)
	f.Unit = Unit{Systemd: m.path("/run/systemd/system").Exists, Text: m.Text(UnitDir + "/" + name), Sleep: "/usr/bin/sleep"}
	f.Unit.Beside = map[string]string{}
	uid := uint32(0)
	if f.Policy != nil {
		uid = f.Policy.UID
	}
	f.ManagerFolder = m.path(ManagerFolder(uid))
	for _, file := range BesideKeeper(f.Name, uid) {
		if m.path(file.Name).Exists {
			f.Unit.Beside[file.Name] = m.Text(file.Name)
		}
	}
	f.Unit.Temp = m.path(UnitDir + "/" + name + ".new").Exists
	f.Unit.Enabled = m.path(UnitDir + "/multi-user.target.wants/" + name).Exists
	v2 := m.path("/sys/fs/cgroup/cgroup.controllers").Exists
	if f.Ours() {
		f.Unit.Cgroups = f.Policy.Cgroups
	} else if v2 && f.Unit.Systemd {
		f.Unit.Cgroups = []string{"user.slice/" + slices.Name(f.Next.UID) + "/" + name}
	}
	for pid, p := range m.Procs {
		if p.Unit == name {
			f.Unit.Active = true
			folders, err := slices.CgroupFolders([]byte(m.Text(fmt.Sprintf("/proc/%d/cgroup", pid))), []byte(m.Text("/proc/self/mountinfo")), f.Agent.UID)
			if err != nil {
				m.t.Fatal(err)
			}
			f.Unit.Cgroups = folders
		}
	}
}

func process(name string, uid uint32) fakehost.Process { return fakehost.Process{Name: name, UID: uid} }

func node(uid uint32) fakehost.Node { return fakehost.Node{UID: uid, GID: uid, Mode: 0o600} }
