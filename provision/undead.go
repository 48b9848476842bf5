// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"fmt"
	"slices"
	"strings"

	"github.com/a4u2/au/internal/quote"
	auslices "github.com/a4u2/au/slices"
)

// Undead is a process that was killed and is still there, with what may hold it.
type Undead struct {
	auslices.Process
	Freezer string   // the file of a cgroup of version 1 that keeps it from running; empty: none
	Unit    string   // the systemd unit that it is in, where that is not the agent's own
	Remote  []string // mount points in this namespace of file systems that others answer for, of those that it sees
}

// Why says what keeps u alive, and returns the command that ends that. all are the processes of the machine.
func (u Undead) Why(all []auslices.Process) (why, mend string) {
	switch holder, ok := u.unreaped(all); {
	case u.Tracer != 0:
		return "is traced by " + name(all, u.Tracer), fmt.Sprintf("sudo kill -KILL %d", u.Tracer)
	case u.Freezer != "":
		return "is frozen by " + quote.Name(u.Freezer), "echo THAWED | sudo tee " + quote.Word(u.Freezer)
	case u.State == 'D' && len(u.Remote) > 0:
		return "waits for a file system that does not answer: " + quote.Name(strings.Join(u.Remote, " or ")), "sudo umount --force --lazy " + quote.Word(u.Remote[0])
	case u.State == 'D':
		return "waits in the kernel for a device that does not answer", fmt.Sprintf("sudo cat /proc/%d/stack", u.PID)
	case ok:
		return fmt.Sprintf("waits until %s takes note that %s has ended", name(all, holder.Parent), holder), fmt.Sprintf("sudo kill -KILL %d", holder.Parent)
	case strings.HasSuffix(u.Unit, ".service"):
		return "is started by " + quote.Name(u.Unit), "sudo systemctl stop " + quote.Word(u.Unit)
	}
	return fmt.Sprintf("is a child of %s, which may start it again", name(all, u.Parent)), fmt.Sprintf("ps -o pid,ppid,stat,wchan:32,args -p %d,%d", u.PID, u.Parent)
}

// Holders returns those of the living that keep the others from ending: the first process of a pid namespace ends when all in it
// have.
func Holders(alive []auslices.Process) []auslices.Process {
	waits := map[int]bool{}
	parent := map[int]int{}
	first := map[int]bool{}
	for _, p := range alive {
		parent[p.PID], first[p.PID] = p.Parent, len(p.PIDs) > 1 && p.PIDs[len(p.PIDs)-1] == "1"
	}
	for _, p := range alive {
		for above, ok := parent[p.PID]; ok && !waits[above]; above, ok = parent[above] {
			waits[above] = first[above]
		}
	}
	return slices.DeleteFunc(slices.Clone(alive), func(p auslices.Process) bool { return waits[p.PID] })
}

// unreaped finds what the first process of a pid namespace waits for when it ends: one that somebody outside has put into the
// namespace, that has ended, and whose parent does not take note of it.
func (u Undead) unreaped(all []auslices.Process) (p auslices.Process, ok bool) {
	if len(u.PIDs) < 2 || u.PIDs[len(u.PIDs)-1] != "1" {
		return p, false
	}
	depth := func(pid int) int {
		i := slices.IndexFunc(all, func(p auslices.Process) bool { return p.PID == pid })
		if i < 0 {
			return 0
		}
		return len(all[i].PIDs)
	}
	i := slices.IndexFunc(all, func(p auslices.Process) bool {
		return p.Ended() && len(p.PIDs) == len(u.PIDs) && p.PIDs[len(p.PIDs)-1] != "1" && depth(p.Parent) > 0 && depth(p.Parent) < len(u.PIDs)
	})
	if i < 0 {
		return p, false
	}
	return all[i], true
}

// name names a process, "300 strace".
func name(all []auslices.Process, pid int) string {
	for _, p := range all {
		if p.PID == pid {
			return p.String()
		}
	}
	return fmt.Sprintf("process %d", pid)
}
