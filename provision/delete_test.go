// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"strings"
	"testing"

	"github.com/a4u2/au/internal/fakehost"
)

func TestPlanDeleteLeavesTheMachineAsItWas(t *testing.T) {
	for _, s := range situations {
		t.Run(s.name, func(t *testing.T) {
			before := inUse(t, s.machine).Dump()
			m := inUse(t, s.machine)
			s.prepare(m)
			prepared := m.Dump()
			steps := m.make(want)
			for n := range len(steps) + 1 {
				m := inUse(t, s.machine)
				s.prepare(m)
				m.apply(steps[:n])
				as := before
				if m.facts().Policy == nil {
					as = prepared // and so a home that survived is not the agent's yet
				}
				m.apply(m.planDelete(true))
				m.sameAs(as, "made up to step %d and deleted", n)
			}
		})
	}
}

func TestPlanDeleteGoesOnWhereItWasCutShort(t *testing.T) {
	m := inUse(t, fakehost.Config{Systemd: true})
	before := m.Dump()
	m.make(want)
	m.leaveMore()
	steps := m.planDelete(true)
	for n := range len(steps) + 1 {
		m := inUse(t, fakehost.Config{Systemd: true})
		m.make(want)
		m.leaveMore()
		m.apply(steps[:n])
		m.apply(m.planDelete(true))
		m.sameAs(before, "cut short after step %d and run again", n)
	}
}

// leaveMore adds what an agent leaves outside its home, and what other commands of au's do.
func (m *machine) leaveMore() {
	agent := fakehost.Node{UID: 1002, GID: 1002, Mode: 0o600}
	m.Start(fakehost.Process{Name: "node", UID: 1002})
	m.Put("/var/mail/agent", "", agent)
	m.Put("/var/spool/cron/agent", "", agent)
	m.PutFolder("/home/agent/work", agent)
	m.PutFolder("/etc/systemd/system.control/user-1002.slice.d", fakehost.Node{Mode: 0o755})
	m.Put("/etc/systemd/system.control/user-1002.slice.d/50-MemoryMax.conf", "x\n", fakehost.Node{Mode: 0o644})
	m.Put("/var/lib/systemd/linger/agent", "x\n", fakehost.Node{Mode: 0o644})
	m.PutFolder(StateDir+"/agent", agent)
	m.PutFolder("/etc/au/limits", fakehost.Node{Mode: 0o755})
	m.Put("/etc/au/limits/agent", "x\n", fakehost.Node{Mode: 0o644})
}

func TestPlanDelete(t *testing.T) {
	m := systemd(t)
	m.make(want)
	m.leaveMore()
	golden(t, "delete_with_home", render(m.planDelete(true)))
	golden(t, "delete", render(m.planDelete(false)))
	m.apply(m.planDelete(false))
	home := m.path("/home/agent")
	if acl := strings.Join(home.ACL, " "); home.UID != 0 || home.Mode.Perm() != 0o700 || acl != "user::rwx user:1002:--- group::--- mask::--- other::---" {
		t.Errorf("the home that is left has mode %v, uid %d and ACL %v", home.Mode, home.UID, home.ACL)
	}
	if got := KeptFor(home); got != 1002 {
		t.Errorf("it was kept for uid %d", got)
	}
}

// Distributions differ: where userdel(8) leaves the private group, a step of its own removes it.
func TestPlanDeleteWithoutUserGroups(t *testing.T) {
	m := inUse(t, fakehost.Config{Systemd: true})
	m.Put("/etc/login.defs", "USERGROUPS_ENAB no\n", fakehost.Node{Mode: 0o644})
	before := m.Dump()
	m.make(want)
	m.apply(m.planDelete(true))
	m.sameAs(before, "deleted")
}
