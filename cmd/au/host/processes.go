// SPDX-License-Identifier: GPL-3.0-or-later

package host

import (
	"fmt"
	"os"
	"strings"

	"github.com/a4u2/au/internal/bounded"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/share"
	auslices "github.com/a4u2/au/slices"
)

// Survivor is a process that is still there, and why.
type Survivor struct {
	Process   string // "454 sleep"
	Own       bool   // it is in the agent's slice
	Why, Mend string
}

// Processes returns those of the uid that still run, as far as this user sees them.
func (h *Host) Processes(uid uint32) []auslices.Process {
	_, alive := auslices.All(os.DirFS(h.Root+"/proc"), uid)
	return alive
}

// Below returns those of the uid's processes that a process has started, or one of those that it has started.
func (h *Host) Below(pid int, uid uint32) []auslices.Process {
	all, alive := auslices.All(os.DirFS(h.Root+"/proc"), uid)
	return auslices.Below(pid, all, alive)
}

// ProcessesIn returns those of the pids that are the uid's.
func (h *Host) ProcessesIn(pids []int, uid uint32) []auslices.Process {
	return auslices.Processes(os.DirFS(h.Root+"/proc"), pids, uid)
}

// maxMounts is how much is read of the mounts that a process sees: what is behind it goes unnamed.
const maxMounts = 1 << 20

// Survivors returns the processes of the uid that still run, and the reason that may hold each.
func (h *Host) Survivors(uid uint32) []Survivor {
	all, alive := auslices.All(os.DirFS(h.Root+"/proc"), uid)
	var found []Survivor
	for _, p := range provision.Holders(alive) {
		u := provision.Undead{Process: p}
		folder := fmt.Sprintf("%s/proc/%d/", h.Root, p.PID)
		groups, _ := os.ReadFile(folder + "cgroup")
		u.Freezer = h.CgroupTree().FrozenV1(groups)
		own := strings.Contains(string(groups), "/"+auslices.Name(uid)+"/")
		if !own {
			u.Unit = auslices.UnitOf(groups)
		}
		if p.State == 'D' {
			theirs := bounded.Start(folder+"mountinfo", maxMounts) // a run can mount 100,000 times in a namespace of its own
			ours, _ := h.mountinfo()
			u.Remote = share.RemoteMounts(theirs, ours)
		}
		why, mend := u.Why(all)
		found = append(found, Survivor{p.String(), own, why, mend})
	}
	return found
}

// HidesProcesses reports whether /proc shows users nothing of each other.
func (h *Host) HidesProcesses() bool { return h.ForRun().HidesProcesses() }
