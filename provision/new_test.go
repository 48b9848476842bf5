// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"fmt"
	"strings"
	"testing"

	"github.com/a4u2/au/internal/fakehost"
	"github.com/a4u2/au/provision/step"
)

// survived leaves the home of an agent that is gone: closed, with a file of the old uid and a trap in it.
func (m *machine) survived() {
	m.PutFolder("/home/agent", fakehost.Node{Mode: 0o700})
	m.Put("/home/agent/note", "", fakehost.Node{UID: 4242, GID: 4242, Mode: 0o600})
	m.Put("/home/agent/.profile", "", fakehost.Node{UID: 4242, GID: 4242, Mode: 0o644})
	m.PutLink("/home/agent/.ssh", "/home/alice/.ssh", 4242)
}

// situations are the machines on which agents are made.
var situations = []struct {
	name    string
	machine fakehost.Config
	prepare func(*machine)
}{
	{"cgroup_v2", fakehost.Config{Systemd: true}, func(*machine) {}},
	{"cgroup_v1", fakehost.Config{Systemd: true, CgroupV1: true}, func(*machine) {}},
	{"without_systemd", fakehost.Config{}, func(*machine) {}},
	{"survived_home", fakehost.Config{Systemd: true}, (*machine).survived},
}

func TestPlanNew(t *testing.T) {
	for _, s := range situations {
		t.Run(s.name, func(t *testing.T) {
			m := newMachine(t, s.machine)
			s.prepare(m)
			var text strings.Builder
			for stage := 1; ; stage++ {
				plan := PlanNew(want, m.facts())
				if len(plan) == 0 {
					break
				}
				fmt.Fprintf(&text, "# stage %d\n%s", stage, render(plan))
				m.apply(plan)
			}
			golden(t, "new_"+s.name, text.String())
			if issues := Health(m.facts()); len(issues) > 0 {
				t.Errorf("an agent that was just made has issues: %v", issues)
			}
		})
	}
}

// The rest of a plan that was cut short anywhere.
func TestPlanNewAndDeleteFromEachHalfMadeState(t *testing.T) {
	var text strings.Builder
	whole := systemd(t).make(want)
	for n := range len(whole) + 1 {
		if n > 0 {
			line, _, _ := strings.Cut(whole[n-1].Do.Shell([]string{"sudo"}), "\n")
			fmt.Fprintf(&text, "\n# cut short after step %d: %s\n", n, line)
		}
		m := systemd(t)
		m.apply(whole[:n])
		fmt.Fprintf(&text, "## au new\n%s## au delete\n%s", outline(PlanNew(want, m.facts())), outline(m.planDelete(true)))
	}
	golden(t, "half_made", text.String())
}

// planDelete returns what `au delete` does: with a mark and without, the end of the processes included.
func (m *machine) planDelete(home bool) []step.Step {
	f := m.facts()
	if f.Policy == nil {
		return PlanDeleteUnmarked(f)
	}
	return append(PlanStop(f), PlanDelete(f, home)...)
}

// sameAs compares the machine with how it was, or should be.
func (m *machine) sameAs(want, situation string, args ...any) {
	m.t.Helper()
	if got := m.Dump(); got != want {
		m.t.Errorf("%s, the machine differs:\n%s", fmt.Sprintf(situation, args...), fakehost.Differ(want, got))
	}
}

// inUse is a machine whose folders hold things of other programs, so that they stay when an agent goes.
func inUse(t *testing.T, c fakehost.Config) *machine {
	m := newMachine(t, c)
	m.PutFolder("/usr/local/libexec/git", fakehost.Node{Mode: 0o755})
	m.PutFolder("/etc/systemd/system.control/user-1000.slice.d", fakehost.Node{Mode: 0o755})
	return m
}

func TestPlanNewGoesOnWhereItWasCutShort(t *testing.T) {
	for _, s := range situations {
		t.Run(s.name, func(t *testing.T) {
			m := newMachine(t, s.machine)
			s.prepare(m)
			steps := m.make(want)
			whole := m.Dump()
			for n := range steps {
				m := newMachine(t, s.machine)
				s.prepare(m)
				m.apply(steps[:n])
				m.make(want)
				m.sameAs(whole, "cut short after step %d and run again", n)
			}
		})
	}
}

func TestUndosLeadBackToTheStart(t *testing.T) {
	for _, s := range situations {
		if s.name == "survived_home" {
			continue // files in it that nobody owned are not given back to nobody
		}
		t.Run(s.name, func(t *testing.T) {
			steps := newMachine(t, s.machine).make(want)
			for n := range len(steps) + 1 {
				m := newMachine(t, s.machine)
				before := m.Dump()
				m.apply(steps[:n])
				m.undo(steps[:n])
				m.sameAs(before, "with step %d and all before it taken back", n)
			}
		})
	}
}

// undo takes steps back, the newest first; all of it has to succeed.
func (m *machine) undo(steps []step.Step) {
	m.t.Helper()
	for i := len(steps) - 1; i >= 0; i-- {
		for _, undo := range steps[i].Undo {
			if err := m.run(undo); err != nil {
				m.t.Fatal(err)
			}
		}
	}
}
