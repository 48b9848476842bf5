// SPDX-License-Identifier: GPL-3.0-or-later

package host

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/csrc"
)

// RunsOf returns the runs that the human has in the agent.
func (h *Host) RunsOf(agent, human uint32) []start.Run {
	all, _ := h.ForRun().Runs(csrc.Policy{UID: agent}) // only root changes anything by it, and root sees all
	return slices.DeleteFunc(all, func(r start.Run) bool { return r.HumanUID != human })
}

// Entering returns the processes of an agent's entrypoint that still have root's rights: they have read the policy, and no run of
// theirs has begun. Its starter can keep one there for as long as they like, by a signal or with a file system of their own.
func (h *Host) Entering(agent string) (all []int) {
	entries, _ := os.ReadDir(h.Root + "/proc")
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && h.IsEntering(pid, agent) {
			all = append(all, pid)
		}
	}
	return all
}

// IsEntering reports whether the process is such a one now.
func (h *Host) IsEntering(pid int, agent string) bool {
	exe, err := os.Readlink(fmt.Sprintf("%s/proc/%d/exe", h.Root, pid))
	if err != nil || strings.TrimSuffix(exe, " (deleted)") != csrc.EntrypointPath(agent) {
		return false
	}
	text, _ := os.ReadFile(fmt.Sprintf("%s/proc/%d/status", h.Root, pid))
	_, uids, _ := strings.Cut(string(text), "\nUid:")
	uids, _, _ = strings.Cut(uids, "\n")
	return slices.Contains(strings.Fields(uids), "0")
}
