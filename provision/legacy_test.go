// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"testing"

	"github.com/a4u2/au/internal/fakehost"
)

// original is a machine with an agent as agent-as-unix-user 2.x makes it: its entrypoint in its home, a copy of that moved aside, a share.
func original(t *testing.T) *machine {
	m := systemd(t)
	m.Put("/etc/passwd", m.Text("/etc/passwd")+"agent:x:1002:1002::/home/agent:/bin/bash\n", fakehost.Node{Mode: 0o644})
	m.Put("/etc/shadow", m.Text("/etc/shadow")+"agent:!:::::::\n", fakehost.Node{Mode: 0o640})
	m.Put("/etc/group", m.Text("/etc/group")+"su-as-agent:x:1002:alice\n", fakehost.Node{Mode: 0o644})
	m.PutFolder("/home/agent", fakehost.Node{UID: 1002, GID: 1002, Mode: 0o2770})
	m.must("setfacl", "--modify", "d:g:su-as-agent:rwx", "/home/agent")
	m.Put("/home/agent/su_as_agent", "hole\n", fakehost.Node{GID: 1002, Mode: 0o4750})
	m.Put("/var/tmp/aside", "hole\n", fakehost.Node{GID: 1002, Mode: 0o4750})
	m.Put("/var/tmp/file", "x\n", node(1000))
	m.PutFolder("/home/alice/proj", fakehost.Node{UID: 1000, GID: 1000, Mode: 0o755})
	m.must("setfacl", "--modify", "g:su-as-agent:rwx,d:g:su-as-agent:rwx", "/home/alice/proj")
	m.Start(process("node", 1002))
	return m
}

func TestPlanDeleteLegacy(t *testing.T) {
	m := original(t)
	f := m.facts()
	if err := CheckDeleteLegacy("agent", "/home/agent/su_as_agent", f); err != nil {
		t.Fatal(err)
	}
	plan := append(PlanStopLegacy(f), PlanDeleteLegacy(f, []string{"/home/alice/proj"}, true)...)
	kept := PlanDeleteLegacy(f, nil, false)
	golden(t, "delete_original", render(plan)+"# and with the home kept\n"+render(kept))
	m.apply(plan)
	m.PutFolder("/home/alice/proj", fakehost.Node{UID: 1000, GID: 1000, Mode: m.File("/home/alice/proj").Mode &^ 0o020})

	clean := systemd(t)
	clean.Put("/var/tmp/file", "x\n", node(1000))
	clean.PutFolder("/home/alice/proj", fakehost.Node{UID: 1000, GID: 1000, Mode: 0o755})
	m.sameAs(clean.Dump(), "with the original's agent deleted")
}

func TestCheckDeleteLegacy(t *testing.T) {
	made := original(t).facts()
	for _, c := range []struct {
		situation, entrypoint string
		change                func(*Facts)
		want                  string
	}{
		{"as_the_original_made_it", "/home/agent/su_as_agent", func(*Facts) {}, ""},
		{"user_gone", "/home/agent/su_as_agent", func(f *Facts) { f.Agent = nil },
			`user "agent" is gone while group "su-as-agent" is not: remove the group by hand (sudo groupdel su-as-agent)`},
		{"a_system_user", "/home/agent/su_as_agent", func(f *Facts) { u := *f.Agent; u.UID = 33; f.Agent = &u }, `user "agent" (uid 33) is not an agent`},
		{"the_human", "/home/agent/su_as_agent", func(f *Facts) { f.Human.UID = 1002 }, `user "agent" (uid 1002) is not an agent`},
		{"group_gone", "/home/agent/su_as_agent", func(f *Facts) { f.Group = nil },
			`user "agent" has not "su-as-agent" for its primary group, as an agent made by agent-as-unix-user has: it is not deleted`},
		{"a_person", "/home/agent/su_as_agent", func(f *Facts) { u := *f.Agent; u.GID = 100; f.Agent = &u },
			`user "agent" has not "su-as-agent" for its primary group, as an agent made by agent-as-unix-user has: it is not deleted`},
		{"another_home", "/home/agent/su_as_agent", func(f *Facts) { u := *f.Agent; u.Home = "/srv"; f.Agent = &u },
			`user "agent" has its home in /srv and its entrypoint in /home/agent/su_as_agent, not in /home/agent as agent-as-unix-user makes them: it is not deleted`},
		{"another_entrypoint", "/bin/sh", func(*Facts) {},
			`user "agent" has its home in /home/agent and its entrypoint in /bin/sh, not in /home/agent as agent-as-unix-user makes them: it is not deleted`},
		{"anothers_home", "/home/agent/su_as_agent", func(f *Facts) { f.Home.UID = 1001 }, `/home/agent does not belong to user "agent": it is not deleted`},
	} {
		f := made
		c.change(&f)
		saysExactly(t, c.situation, CheckDeleteLegacy("agent", c.entrypoint, f), c.want)
	}
}
