// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"strings"
	"testing"

	"github.com/a4u2/au/provision/step"
	"github.com/a4u2/au/slices"
)

// shell returns the plan as it is printed, undos behind "undo:".
func shell(plan []step.Step) string {
	var lines []string
	for _, s := range plan {
		lines = append(lines, s.Do.Shell([]string{"sudo"}))
		for _, u := range s.Undo {
			lines = append(lines, "undo: "+u.Shell([]string{"sudo"}))
		}
	}
	return strings.Join(lines, "\n")
}

func TestPlansForLimits(t *testing.T) {
	memory := slices.Property{Name: slices.MemoryMax, Value: 64}
	record := slices.Record{}.Begin("user-1001.slice", []string{slices.MemoryMax, slices.CPUQuota}, map[string]string{slices.CPUQuota: "old"})
	record = record.Done(map[string]string{slices.MemoryMax: "ours", slices.CPUQuota: "ours"})
	files := map[string]string{slices.MemoryMax: "ours", slices.CPUQuota: "ours"}
	both := []string{slices.MemoryMax, slices.CPUQuota}
	for _, c := range []struct {
		name string
		plan []step.Step
		want string
	}{
		{"set", PlanLimits("/usr/bin/au", "agent", 1001, []slices.Property{memory}),
			"sudo /usr/bin/au slice set --agent agent MemoryMax=64\n" +
				"# same as: busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager SetUnitProperties 'sba(sv)' user-1001.slice false 1 MemoryMax t 64\n" +
				"undo: sudo /usr/bin/au slice restore --agent agent MemoryMax"},
		{"set_already", PlanLimits("/usr/bin/au", "agent", 1001, nil), ""},
		{"reset", PlanReset("/usr/bin/au", "agent", record, both, files),
			"sudo /usr/bin/au slice restore --agent agent MemoryMax CPUQuotaPerSecUSec\n" +
				"# same as: rm -f /etc/systemd/system.control/user-1001.slice.d/50-MemoryMax.conf; " +
				"put back /etc/systemd/system.control/user-1001.slice.d/50-CPUQuota.conf; systemctl daemon-reload"},
		{"reset_of_what_the_human_set_since", PlanReset("/usr/bin/au", "agent", record, both[:1], map[string]string{slices.MemoryMax: "theirs"}),
			"sudo /usr/bin/au slice restore --agent agent MemoryMax\n# leaves what somebody else has set since"},
		{"reset_of_nothing", PlanReset("/usr/bin/au", "agent", record, []string{slices.TasksMax}, files), ""},
		{"pause", PlanPause("agent", "/x", true, true), "sudo systemctl freeze au-agent.service"},
		{"resume_v1", PlanPause("agent", "/x/cgroup.freeze", false, false), "sudo dd status=none of=/x/cgroup.freeze <<'EOF'\n0\nEOF"},
		{"stop", PlanEnd("agent", 1001, nil), "sudo systemctl stop user-1001.slice\nsudo systemctl start au-agent.service"},
	} {
		if got := shell(c.plan); got != c.want {
			t.Errorf("%s plans\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}
