// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"strings"

	"github.com/a4u2/au/provision/step"
	"github.com/a4u2/au/slices"
)

// PlanLimits returns the step that sets what is missing of the wanted properties on the agent's slice, now and for good; none where
// nothing is missing. No command of systemd's does it all, so it is au run again as root: self is au's own path.
func PlanLimits(self, agent string, uid uint32, missing []slices.Property) []step.Step {
	if len(missing) == 0 {
		return nil
	}
	do := []string{self, "slice", "set", "--agent", agent}
	undo := []string{self, "slice", "restore", "--agent", agent}
	for _, p := range missing {
		do, undo = append(do, p.Word()), append(undo, p.Name)
	}
	s := step.Step{Do: step.Root(do...), Undo: step.Undo(step.Root(undo...))}
	s.Do.Note = "same as: " + slices.BusctlCall(slices.Name(uid), false, missing)
	return []step.Step{s}
}

// PlanReset returns the step that gives the named properties back as they were before au set them; none where au set none of them.
func PlanReset(self, agent string, r slices.Record, properties []string, files map[string]string) []step.Step {
	do := []string{self, "slice", "restore", "--agent", agent}
	var removed, put []string
	for _, name := range properties {
		if r.Has(name) {
			do = append(do, name)
		}
	}
	if len(do) == 5 {
		return nil
	}
	for _, f := range r.Restore(properties, files) {
		if f.Text == "" {
			removed = append(removed, f.Path)
		} else {
			put = append(put, f.Path)
		}
	}
	s := step.Step{Do: step.Root(do...)}
	s.Do.Note = restoreNote(removed, put)
	return []step.Step{s}
}

// restoreNote says in commands what a restoration does; the last of them, with the values as loaded then, is printed when it runs.
func restoreNote(removed, put []string) string {
	var same []string
	if len(removed) > 0 {
		same = append(same, "rm -f "+strings.Join(removed, " "))
	}
	if len(put) > 0 {
		same = append(same, "put back "+strings.Join(put, " "))
	}
	if same == nil {
		return "leaves what somebody else has set since"
	}
	return "same as: " + strings.Join(append(same, "systemctl daemon-reload"), "; ")
}

// PlanPause returns the step that freezes all that ever joined the agent's keeper, or lets it go on. Where systemd can freeze a
// unit it does; with cgroup v1 it cannot, and the kernel's own file in the v2 hierarchy beside it is written instead. freezer is
// that file.
func PlanPause(agent, freezer string, bySystemd, freeze bool) []step.Step {
	word, value := "freeze", "1"
	if !freeze {
		word, value = "thaw", "0"
	}
	if bySystemd {
		return []step.Step{{Do: step.Root("systemctl", word, slices.KeeperName(agent))}}
	}
	write := step.Root("dd", "status=none", "of="+freezer)
	write.Text = value
	return []step.Step{{Do: write}}
}

// PlanEnd returns the steps that end everything in the agent's slice at once, by its units, and make the slice ready for the next
// run. Processes get SIGTERM and, a few seconds later, SIGKILL. Frozen processes are let go first: they could not end otherwise.
func PlanEnd(agent string, uid uint32, thaw []step.Step) []step.Step {
	return append(thaw,
		step.Step{Do: step.Root("systemctl", "stop", slices.Name(uid))},
		step.Step{Do: step.Root("systemctl", "start", slices.KeeperName(agent))})
}
