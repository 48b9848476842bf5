// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"github.com/a4u2/au/internal/fakehost"
	"github.com/a4u2/au/provision/config"
)

// original is a machine with an agent as agent-as-unix-user 2.x makes it: its entrypoint in its home, a copy of that moved aside, a
// share.
func original(t *testing.T) *machine {
	m := systemd(t)
	m.Put("/etc/passwd", m.Text("/etc/passwd")+"agent:x:1002:1002::/home/agent:/bin/bash\n", fakehost.Node{Mode: 0o644})
	m.Put("/etc/shadow", m.Text("/etc/shadow")+"agent:!:::::::\n", fakehost.Node{Mode: 0o640})
	m.Put("/etc/group", m.Text("/etc/group")+"su-as-agent:x:1002:alice\n", fakehost.Node{Mode: 0o644})
	m.PutFolder("/home/agent", fakehost.Node{UID: 1002, GID: 1002, Mode: 0o2770})
	m.must("setfacl", "--modify", "d:g:su-as-agent:rwx", "/home/agent")
	m.PutFolder("/home/agent/.config", fakehost.Node{UID: 1000, GID: 1002, Mode: 0o2770})
	m.Put("/home/agent/.config/agent-as-unix-user/su_as_agent", "hole\n", fakehost.Node{GID: 1002, Mode: 0o4750})
	m.Put("/var/tmp/aside", "hole\n", fakehost.Node{GID: 1002, Mode: 0o4750})
	m.Put("/var/tmp/file", "x\n", node(1000))
	m.PutFolder("/home/alice/proj", fakehost.Node{UID: 1000, GID: 1000, Mode: 0o2755})
	m.Put("/home/alice/proj/made", "x\n", fakehost.Node{UID: 1002, GID: 1000, Mode: 0o644})
	m.must("setfacl", "--modify", "g:su-as-agent:rwx,d:g:su-as-agent:rwx", "/home/alice/proj")
	m.Start(process("node", 1002))
	return m
}

// asMade is what the config says of it.
var asMade = config.Agent{
	UserName: "agent", Group: "su-as-agent", Entrypoint: "/home/agent/.config/agent-as-unix-user/su_as_agent", Bootstrapped: true,
	Mounts: []config.Mount{{Source: "/home/alice/proj", Target: "/home/agent/proj"}},
}

var files = LegacyFiles{Self: "/usr/local/bin/au", Arms: []string{"/home", "/tmp", "/var/tmp"}, Shares: []string{"/home/alice/proj"}, Born: 1700000000000000000}

func TestPlanDeleteLegacy(t *testing.T) {
	m := original(t)
	f := m.facts()
	if err := CheckDeleteLegacy(asMade, f); err != nil {
		t.Fatal(err)
	}
	plan := append(PlanStopLegacy(f), PlanDeleteLegacy(f, files, true)...)
	kept := PlanDeleteLegacy(f, files, false)
	golden(t, "delete_original", render(plan)+"# and with the home kept\n"+render(kept))
	m.apply(plan)

	clean := systemd(t)
	clean.Put("/var/tmp/file", "x\n", node(1000))
	clean.PutFolder("/home/alice/proj", fakehost.Node{UID: 1000, GID: 1000, Mode: 0o755})
	clean.Put("/home/alice/proj/made", "x\n", fakehost.Node{UID: 1000, GID: 1000, Mode: 0o644})
	m.sameAs(clean.Dump(), "with the original's agent deleted")
}

// Cut short after any step, the same command does the rest.
func TestDeleteLegacyCutShort(t *testing.T) {
	whole := original(t)
	f := whole.facts()
	plan := append(PlanStopLegacy(f), PlanDeleteLegacy(f, files, false)...)
	whole.apply(plan)
	want := whole.Dump()
	for n := range plan {
		m := original(t)
		m.apply(plan[:n])
		f := m.facts()
		if err := CheckDeleteLegacy(asMade, f); err != nil {
			t.Fatalf("after %d steps: %v", n, err)
		}
		m.apply(append(PlanStopLegacy(f), PlanDeleteLegacy(f, files, false)...))
		m.sameAs(want, "cut short")
	}
}

// Where somebody has deleted its user, or the group as well, the home still says whose the files are.
func TestDeleteLegacyWithoutAccounts(t *testing.T) {
	for _, gone := range [][]string{{"/etc/passwd"}, {"/etc/passwd", "/etc/group"}} {
		m := original(t)
		for _, file := range gone {
			m.Put(file, regexp.MustCompile(`(?m)^(su-as-)?agent:.*\n`).ReplaceAllString(m.Text(file), ""), fakehost.Node{Mode: 0o644})
		}
		f := m.facts()
		if err := CheckDeleteLegacy(asMade, f); err != nil || !LegacyRemains(asMade, f) || LegacyUID(asMade, f) != 1002 {
			t.Fatalf("without %s: %v, remains %v of uid %d", gone, err, LegacyRemains(asMade, f), LegacyUID(asMade, f))
		}
		plan := render(PlanDeleteLegacy(f, files, true))
		for _, part := range []string{"files disarm --group 1002 ", "files take-back --agent-uid 1002 --agent-gid 1002 ", "files clear --uid 1002 ", "files remove /home/agent"} {
			if !strings.Contains(plan, part) {
				t.Errorf("without %s the plan has no %q:\n%s", gone, part, plan)
			}
		}
		if strings.Contains(plan, "userdel") {
			t.Errorf("a user that is gone is deleted:\n%s", plan)
		}
	}
	stranger := original(t).facts()
	stranger.Agent, stranger.Group, stranger.HomeOwner, stranger.HomeGroup = nil, nil, "bob", "users"
	if LegacyRemains(asMade, stranger) {
		t.Error("somebody else's home is what remains of an agent")
	}
}

func TestCheckLegacyName(t *testing.T) {
	for name, right := range map[string]bool{"agent": true, "A.b": true, "bot.v2": true, "a": true, "..": false, ".a": false, "a/b": false, "-x": false, "a b": false, "": false,
		"x1234567890123456789012345": true, "x12345678901234567890123456": false, "a\n": false} {
		if err := CheckLegacyName(name); (err == nil) != right {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestAfterLegacy(t *testing.T) {
	m := original(t)
	f := m.facts()
	after := AfterLegacy(asMade, f)
	plan := append(PlanStopLegacy(f), PlanDeleteLegacy(f, files, false)...)
	m.apply(plan)
	want := want
	want.UID = f.Agent.UID
	// The numbers of groups may be others, for one is free by then.
	gid := regexp.MustCompile(`--gid \d+|g:\d+`)
	got := gid.ReplaceAllString(outline(PlanNew(want, after)), "")
	really := gid.ReplaceAllString(outline(PlanNew(want, m.facts())), "")
	if got != really {
		t.Errorf("what is to be done was\n%sand is\n%s", got, really)
	}
	if err := CheckNew(want, after); err != nil {
		t.Error(err)
	}
}

func TestCheckDeleteLegacy(t *testing.T) {
	made := original(t).facts()
	for _, c := range []struct {
		situation string
		change    func(*Facts, *config.Agent)
		want      string
	}{
		{"as_the_original_made_it", func(*Facts, *config.Agent) {}, ""},
		{"as_its_README_says", func(_ *Facts, e *config.Agent) { e.Entrypoint = "/home/agent/su_as_agent" }, ""},
		{"not_finished", func(_ *Facts, e *config.Agent) { e.Bootstrapped = false }, ""},
		{"the_home_closed_already", func(f *Facts, _ *config.Agent) { f.Home = Path{Exists: true, Mode: fs.ModeDir | 0o700} }, ""},
		{"user_gone", func(f *Facts, _ *config.Agent) { f.Agent = nil }, ""},
		{"the_name_was_a_persons", func(f *Facts, e *config.Agent) { e.Bootstrapped = false; u := *f.Agent; u.GID = 100; f.Agent = &u }, ""},
		{"the_name_was_a_persons_and_no_group", func(f *Facts, e *config.Agent) { e.Bootstrapped, f.Group = false, nil }, ""},
		{"a_group_of_the_system", func(f *Facts, _ *config.Agent) { f.Group = &Group{Name: "su-as-agent", GID: 100} }, `group "su-as-agent" (gid 100) is not an agent's`},
		{"a_system_user", func(f *Facts, _ *config.Agent) { u := *f.Agent; u.UID = 33; f.Agent = &u }, `user "agent" (uid 33) is not an agent`},
		{"the_human", func(f *Facts, _ *config.Agent) { f.Human.UID = 1002 }, `user "agent" (uid 1002) is not an agent`},
		{"group_gone", func(f *Facts, _ *config.Agent) { f.Group = nil },
			`the primary group of user "agent" is not "su-as-agent", as agent-as-unix-user makes it: the user is not deleted`},
		{"a_person", func(f *Facts, _ *config.Agent) { u := *f.Agent; u.GID = 100; f.Agent = &u },
			`the primary group of user "agent" is not "su-as-agent", as agent-as-unix-user makes it: the user is not deleted`},
		{"another_home", func(f *Facts, _ *config.Agent) { u := *f.Agent; u.Home = "/srv"; f.Agent = &u },
			`user "agent" has its home in /srv and its entrypoint in /home/agent/.config/agent-as-unix-user/su_as_agent, not in /home/agent as agent-as-unix-user makes them: the user is not deleted`},
		{"another_entrypoint", func(_ *Facts, e *config.Agent) { e.Entrypoint = "/bin/sh" },
			`user "agent" has its home in /home/agent and its entrypoint in /bin/sh, not in /home/agent as agent-as-unix-user makes them: the user is not deleted`},
		{"anothers_home", func(f *Facts, _ *config.Agent) { f.Home.UID = 1001 }, `/home/agent does not belong to user "agent": it is not deleted`},
	} {
		f, entry := made, asMade
		c.change(&f, &entry)
		saysExactly(t, c.situation, CheckDeleteLegacy(entry, f), c.want)
	}
}
