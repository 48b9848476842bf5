// SPDX-License-Identifier: GPL-3.0-or-later

package host

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/a4u2/au/csrc"
)

// Run is the process that waits for a run, as who started it, and the one that guards it, as the agent.
type Run struct{ Waiter, Guard int }

// RunsOf returns the runs that the human has in the agent.
func (h *Host) RunsOf(agent, human uint32) (all []Run) {
	entries, err := os.ReadDir(h.Root + "/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		_, parent := h.processOf(pid)
		if run := (Run{parent, pid}); parent >= 2 && h.IsRun(run, agent, human) {
			all = append(all, run)
		}
	}
	return all
}

// IsRun reports whether the two processes are such a run now.
func (h *Host) IsRun(r Run, agent, human uint32) bool {
	uid, parent := h.processOf(r.Guard)
	by, _ := h.processOf(r.Waiter)
	return uid == agent && parent == r.Waiter && by == human
}

// Entering returns the processes of an agent's entrypoint that still have root's rights: they have read the policy, and no run of
// theirs has begun. Who started one can keep it there for as long as they like, by a signal or with a file system of their own.
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

// processOf returns the real uid of a process and its parent; Nobody's is one that has ended.
func (h *Host) processOf(pid int) (uid uint32, parent int) {
	text, err := os.ReadFile(fmt.Sprintf("%s/proc/%d/status", h.Root, pid))
	uid = Nobody
	if err != nil {
		return uid, 0
	}
	for line := range bytes.Lines(text) {
		words := strings.Fields(string(line))
		switch {
		case len(words) > 1 && words[0] == "PPid:":
			parent, _ = strconv.Atoi(words[1])
		case len(words) > 1 && words[0] == "Uid:":
			if n, err := strconv.ParseUint(words[1], 10, 32); err == nil {
				uid = uint32(n)
			}
		}
	}
	return uid, parent
}
