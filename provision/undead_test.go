// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"slices"
	"testing"

	auslices "github.com/a4u2/au/slices"
)

func TestWhyAProcessDoesNotDie(t *testing.T) {
	ps := func(pid int, command string, state byte, parent int, pids ...string) auslices.Process {
		return auslices.Process{PID: pid, Command: command, State: state, Parent: parent, PIDs: pids}
	}
	waiter := ps(40, "su_as_agent", 'T', 30, "40")
	guard := ps(41, "su_as_agent", 'S', 40, "41", "1")
	strace, entered := ps(50, "strace", 'S', 30, "50"), ps(60, "nsenter", 'T', 30, "60")
	zombie := ps(61, "sh", 'Z', 60, "61", "7")
	all := []auslices.Process{waiter, guard, strace, entered, zombie}
	traced := ps(42, "node", 't', 41, "42", "2")
	traced.Tracer = 50
	const freezer = "/sys/fs/cgroup/freezer/x/freezer.state"
	for situation, c := range map[string]struct {
		u         Undead
		why, mend string
	}{
		"traced":         {Undead{Process: traced}, "is traced by 50 strace", "sudo kill -KILL 50"},
		"frozen":         {Undead{Process: ps(43, "node", 'D', 41), Freezer: freezer}, "is frozen by " + freezer, "echo THAWED | sudo tee " + freezer},
		"file_system":    {Undead{Process: ps(43, "cat", 'D', 41), Remote: []string{"/mnt/a", "/mnt/b"}}, "waits for a file system that does not answer: /mnt/a or /mnt/b", "sudo umount --force --lazy /mnt/a"},
		"device":         {Undead{Process: ps(43, "cat", 'D', 41)}, "waits in the kernel for a device that does not answer", "sudo cat /proc/43/stack"},
		"entered":        {Undead{Process: guard}, "waits until 60 nsenter takes note that 61 sh has ended", "sudo kill -KILL 60"},
		"another_unit":   {Undead{Process: ps(43, "node", 'S', 1), Unit: "job.service"}, "is started by job.service", "sudo systemctl stop job.service"},
		"root's_session": {Undead{Process: ps(43, "node", 'S', 50), Unit: "session-3.scope"}, "is a child of 50 strace, which may start it again", "ps -o pid,ppid,stat,wchan:32,args -p 43,50"},
		"parent_gone":    {Undead{Process: ps(43, "node", 'R', 99)}, "is a child of process 99, which may start it again", "ps -o pid,ppid,stat,wchan:32,args -p 43,99"},
	} {
		if why, mend := c.u.Why(all); why != c.why || mend != c.mend {
			t.Errorf("%s: it says %q and %q, not %q and %q", situation, why, mend, c.why, c.mend)
		}
	}
	// A zombie that a process of the same namespace has is reaped with it.
	inside := []auslices.Process{guard, ps(70, "sh", 'Z', 41, "70", "9")}
	if why, _ := (Undead{Process: guard}).Why(inside); why != "is a child of process 40, which may start it again" {
		t.Errorf("with a child of its own it %s", why)
	}
}

func TestWhatHoldsARunIsNamedAndNotItsGuard(t *testing.T) {
	ps := func(pid int, command string, parent int, pids ...string) auslices.Process {
		return auslices.Process{PID: pid, Command: command, State: 'S', Parent: parent, PIDs: pids}
	}
	guard, shell, cat := ps(41, "su_as_agent", 40, "41", "1"), ps(42, "sh", 41, "42", "2"), ps(43, "cat", 42, "43", "3")
	outer, inner := ps(51, "su_as_agent", 50, "51", "1"), ps(52, "init", 51, "52", "2", "1")
	for situation, c := range map[string]struct {
		alive []auslices.Process
		want  []int
	}{
		"nothing":               {nil, nil},
		"a_guard_alone":         {[]auslices.Process{guard}, []int{41}},
		"what_it_waits_for":     {[]auslices.Process{guard, shell, cat}, []int{42, 43}},
		"in_another_order":      {[]auslices.Process{cat, guard, shell}, []int{43, 42}},
		"a_child_of_another_id": {[]auslices.Process{guard, cat}, []int{41, 43}},
		"one_in_the_other":      {[]auslices.Process{outer, inner, ps(53, "x", 52, "53", "3", "2")}, []int{53}},
		"no_namespace":          {[]auslices.Process{ps(1, "systemd", 0, "1"), ps(60, "x", 1, "60")}, []int{1, 60}},
	} {
		var got []int
		for _, p := range Holders(c.alive) {
			got = append(got, p.PID)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v hold the run, not %v", situation, got, c.want)
		}
	}
}
