// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"errors"
	"fmt"
	"testing"

	"github.com/a4u2/au/csrc"
)

func TestPlanGrantAndRevoke(t *testing.T) {
	m := systemd(t)
	m.make(want)
	before := m.Dump()
	grant := PlanGrant(m.facts(), bob)
	m.apply(grant)
	if again := PlanGrant(m.facts(), bob); len(again) > 0 {
		t.Errorf("granted, there is still to do:\n%s", render(again))
	}
	revoke := PlanRevoke(m.facts(), bob)
	golden(t, "grant", "# grant\n"+render(grant)+"# revoke\n"+render(revoke))
	m.apply(revoke)
	m.sameAs(before, "granted and revoked")
}

func TestGrantTakenBackAfterEachStep(t *testing.T) {
	m := systemd(t)
	m.make(want)
	before := m.Dump()
	grant := PlanGrant(m.facts(), bob)
	for n := range len(grant) + 1 {
		m.apply(grant[:n])
		m.undo(grant[:n])
		m.sameAs(before, "with step %d and all before it taken back", n)
	}
}

func TestRevokeGoesOnWhereItWasCutShort(t *testing.T) {
	for n := range 5 {
		m := systemd(t)
		m.make(want)
		before := m.Dump()
		m.apply(PlanGrant(m.facts(), bob))
		m.apply(PlanRevoke(m.facts(), bob)[:n])
		if err := CheckGrant("agent", bob, m.facts(), true); err != nil {
			t.Errorf("cut short after step %d, revoke is refused: %v", n, err)
		}
		m.apply(PlanRevoke(m.facts(), bob))
		m.sameAs(before, "cut short after step %d and run again", n)
	}
}

func TestCheckGrant(t *testing.T) {
	m := systemd(t)
	m.make(want)
	made := m.facts()
	for _, c := range []struct {
		situation string
		who       User
		revoke    bool
		change    func(*Facts)
		want      string
	}{
		{"granted", bob, false, nil, ""},
		{"granted_again", alice, false, nil, ""},
		{"root", User{Name: "root"}, false, nil, `user "root" cannot be a human of agent "agent"`},
		{"the_agent_itself", User{Name: "agent", UID: 1002}, false, nil, `user "agent" cannot be a human of agent "agent"`},
		{"half_made", bob, false, func(f *Facts) { f.Agent = nil }, "user \"agent\" is missing: `au new --agent agent` finishes it"},
		{"systemd_is_silent", bob, false, func(f *Facts) { f.Unit.Err = errors.New("systemd does not answer") }, ""},
		{"not_ours", bob, false, func(f *Facts) { f.Policy = nil }, `agent: no such agent was made by au on this machine`},
		{"a_crowd", bob, false, func(f *Facts) { p := *f.Policy; p.Humans = crowd(32); f.Policy = &p },
			`the policy of agent "agent" would not be valid: line 41: enter-uid: is given too many times`},
		{"one_of_a_crowd_again", User{Name: "h2005", UID: 2005}, false, func(f *Facts) { p := *f.Policy; p.Humans = crowd(32); f.Policy = &p }, ""},
		{"never_granted", bob, true, nil, ""},
		{"the_last_human", alice, true, nil, `user "alice" is the only human of agent "agent": grant it to another first, or delete the agent`},
	} {
		f := made
		if c.change != nil {
			c.change(&f)
		}
		saysExactly(t, c.situation, CheckGrant("agent", c.who, f, c.revoke), c.want)
	}
}

func crowd(n uint32) (all []csrc.Human) {
	for i := range n {
		all = append(all, csrc.Human{UID: 2000 + i, Name: fmt.Sprint("h", 2000+i)})
	}
	return all
}

// Whichever of two humans runs au new, the policy stays as it is.
func TestNewAfterAGrantHasNothingToDo(t *testing.T) {
	m := systemd(t)
	m.make(want)
	m.apply(PlanGrant(m.facts(), bob))
	for _, human := range []User{alice, bob, alice} {
		f := m.facts()
		f.Human = human
		if plan := PlanNew(want, f); len(plan) > 0 {
			t.Errorf("for %s there is to do:\n%s", human.Name, render(plan))
		}
	}
}

// saysExactly compares an error's text; none is "".
func saysExactly(t *testing.T, situation string, err error, want string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
	}
	if got != want {
		t.Errorf("%s:\n got %s\nwant %s", situation, got, want)
	}
}
