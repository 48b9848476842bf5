// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
)

func TestCheckName(t *testing.T) {
	form := `: want 1 to 25 characters, a to z, 0 to 9, _ and -, the first a letter or _`
	taken := `: that name is reserved; choose another with --agent`
	for name, want := range map[string]string{
		"agent": "", "_a": "", "a-1_b": "", strings.Repeat("a", 25): "",
		"":        `agent name ""` + form,
		"Agent":   `agent name "Agent"` + form,
		"1a":      `agent name "1a"` + form,
		"-a":      `agent name "-a"` + form,
		"../etc":  `agent name "../etc"` + form,
		"a b":     `agent name "a b"` + form,
		"a\n":     `agent name "a\n"` + form,
		"é":       `agent name "é"` + form,
		"a$":      `agent name "a$"` + form,
		"a.new":   `agent name "a.new"` + form,
		"root":    `agent name "root"` + taken,
		"nobody":  `agent name "nobody"` + taken,
		"sudo":    `agent name "sudo"` + taken,
		"nogroup": `agent name "nogroup"` + taken,
		// The installed program is beside the agents' folders.
		"su_as_agent":           `agent name "su_as_agent"` + taken,
		"au-complete":           `agent name "au-complete"` + taken,
		strings.Repeat("a", 26): `agent name "` + strings.Repeat("a", 26) + `"` + form,
	} {
		saysExactly(t, name, CheckName(name), want)
	}
}

func TestCheckNew(t *testing.T) {
	fresh := systemd(t).facts()
	m := systemd(t)
	m.make(want)
	made := m.facts()
	stranger := &User{Name: "agent", UID: 1500, GID: 1500, Home: "/home/agent"}
	for _, c := range []struct {
		situation string
		facts     Facts
		change    func(*Facts)
		want      string
	}{
		{"fresh", fresh, func(*Facts) {}, ""},
		{"made", made, func(*Facts) {}, ""},
		{"root_with_no_human", fresh, func(f *Facts) { f.Human.UID = 0 }, `no human to make the agent for: run au as yourself, or as root with --human NAME`},
		{"the_humans_own_name", fresh, func(f *Facts) { f.Human.Name = "agent" }, `agent name "agent" is your own user; choose another with --agent`},
		{"a_program_is_missing", fresh, func(f *Facts) { f.Missing = []string{"setfacl", "pkill"} },
			`not installed: setfacl, pkill; on Debian: apt-get install acl procps`},
		{"nosuid", fresh, func(f *Facts) { f.Libexec.NoSuid = true },
			`/usr/local/libexec/au is on a file system mounted nosuid, where the entrypoint cannot work: remount it with suid`},
		{"broken_policy", made, func(f *Facts) { f.Policy, f.PolicyErr = nil, errors.New("line 2: nonsense") },
			`policy of agent "agent": line 2: nonsense; mend or remove /etc/au/agents/agent by hand`},
		{"user_exists", fresh, func(f *Facts) { f.Agent = stranger }, `user "agent" exists and au did not make it; choose another name with --agent`},
		{"another_user_in_its_place", made, func(f *Facts) { f.Agent = stranger }, `user "agent" exists and au did not make it; choose another name with --agent`},
		{"same_uid_other_tag", made, func(f *Facts) { u := *f.Agent; u.Comment = "a person"; f.Agent = &u },
			`user "agent" exists and au did not make it; choose another name with --agent`},
		{"group_left_over", fresh, func(f *Facts) { f.Group = made.Group }, `group "su-as-agent" exists and au did not make it; choose another name with --agent`},
		{"private_group_left_over", fresh, func(f *Facts) { f.Private = made.Private }, `group "agent" exists and au did not make it; choose another name with --agent`},
		{"another_group_in_its_place", made, func(f *Facts) { f.Group = &Group{Name: "su-as-agent", GID: 7} },
			`group "su-as-agent" has gid 7 where the policy says 1003: it is not the one that au made`},
		{"another_private_group", made, func(f *Facts) { f.Private = &Group{Name: "agent", GID: 7} },
			`group "agent" has gid 7 where the policy says 1002: it is not the one that au made`},
		{"another_home", made, func(f *Facts) { u := *f.Agent; u.Home = "/srv/agent"; f.Agent = &u },
			`home of agent "agent" is "/srv/agent" where au made "/home/agent"`},
		{"home_is_a_link", fresh, func(f *Facts) { f.Home = Path{Exists: true, Mode: fs.ModeSymlink} }, `/home/agent is not a folder: move it away first`},
		{"home_is_somebodys", fresh, func(f *Facts) { f.Home, f.HomeOwner = made.Home, "bob" },
			`/home/agent belongs to user "bob": move it away, or choose another name with --agent`},
		{"a_name_that_no_policy_holds", fresh, func(f *Facts) { f.Human.Name = strings.Repeat("x", 256) },
			`the policy of agent "agent" would not be valid: line 9: enter-uid: want a name of 1 to 255 characters without spaces or quotes`},
		{"a_name_of_two_words", fresh, func(f *Facts) { f.Human.Name = `CORP\jürgen müller` }, ""},
		{"a_name_that_no_group_holds", fresh, func(f *Facts) { f.Human.Name = "a,b" },
			`user "a,b" cannot be a human of agent "agent": a group, as the humans have one, holds no name with a comma`},
		{"home_is_nobodys", fresh, func(f *Facts) { f.Home = made.Home }, ""},
	} {
		c.change(&c.facts)
		saysExactly(t, c.situation, CheckNew(want, c.facts), c.want)
	}
	saysExactly(t, "bad_name", CheckNew(Want{Name: "root"}, fresh), `agent name "root": that name is reserved; choose another with --agent`)
}

func TestCheckDelete(t *testing.T) {
	m := systemd(t)
	m.make(want)
	made := m.facts()
	for _, c := range []struct {
		situation string
		change    func(*Facts)
		want      string
	}{
		{"made", func(*Facts) {}, ""},
		{"user_gone", func(f *Facts) { f.Agent = nil }, ""},
		{"systemd_is_silent", func(f *Facts) { f.Unit.Err = errors.New("systemd does not answer") }, `systemd does not answer; it could not stop the processes of agent "agent"`},
		{"no_policy", func(f *Facts) { f.Policy = nil }, `agent: no such agent was made by au on this machine`},
		{"broken_policy", func(f *Facts) { f.Policy, f.PolicyErr = nil, errors.New("line 2: nonsense") },
			`policy of agent "agent": line 2: nonsense; mend or remove /etc/au/agents/agent by hand`},
		{"policy_names_root", func(f *Facts) { p := *f.Policy; p.UID = 0; f.Policy = &p },
			`policy of agent "agent" names uid 0: au makes and deletes only uids from 1000 up`},
		{"policy_names_a_system_user", func(f *Facts) { p := *f.Policy; p.UID = 999; f.Policy = &p },
			`policy of agent "agent" names uid 999: au makes and deletes only uids from 1000 up`},
		{"another_uid", func(f *Facts) { u := *f.Agent; u.UID = 1500; f.Agent = &u },
			`user "agent" (uid 1500) is not the one that the policy names (uid 1002): au did not make it, and does not delete it`},
		{"another_tag", func(f *Facts) { u := *f.Agent; u.Comment = "au agent ffffffffffffffff"; f.Agent = &u },
			`user "agent" (uid 1002) is not the one that the policy names (uid 1002): au did not make it, and does not delete it`},
		{"another_home", func(f *Facts) { u := *f.Agent; u.Home = "/home/alice"; f.Agent = &u },
			`home of user "agent" is "/home/alice" where the policy says "/home/agent"`},
	} {
		f := made
		c.change(&f)
		saysExactly(t, c.situation, CheckDelete("agent", f), c.want)
	}
}

// A home that is somebody else's by now is not the agent's to remove.
func TestPlanDeleteLeavesAnothersHome(t *testing.T) {
	m := systemd(t)
	m.make(want)
	m.File("/home/agent").UID = bob.UID
	m.apply(m.planDelete(true))
	if m.File("/home/agent") == nil {
		t.Error("a home that belongs to bob is gone")
	}
}

// The uid of an agent whose user somebody removed by hand may be another's by now: nobody's processes or files are touched.
func TestPlanDeleteLeavesWhoeverHasTheUIDNow(t *testing.T) {
	m := systemd(t)
	m.make(want)
	m.apply(PlanStop(m.facts()))
	for _, argv := range [][]string{{"userdel", "agent"}, {"groupadd", "--gid", "1002", "carol"},
		{"useradd", "--uid", "1002", "--gid", "1002", "--comment", "Carol", "--home-dir", "/home/carol", "--no-create-home", "--shell", "/bin/bash",
			"--expiredate", "1", "-K", "SUB_UID_COUNT=0", "-K", "SUB_GID_COUNT=0", "carol"}} {
		if err := m.Run(0, argv, nil, t.Output(), t.Output()); err != nil {
			t.Fatal(err)
		}
	}
	m.Start(process("vi", 1002))
	m.Put("/var/mail/carol", "hello\n", node(1002))
	m.apply(m.planDelete(false))
	if m.File("/var/mail/carol") == nil || len(m.Procs) != 1 {
		t.Errorf("carol, who has the uid now, lost her mail or her process:\n%s", m.Dump())
	}
}
