// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"slices"
	"testing"
)

func TestWhatOthersAddToUnits(t *testing.T) {
	p, _ := netSample()
	units := HeldUnits("agent", p.UID, &p)
	for _, c := range []struct{ unit, file, text, want string }{
		{"au-agent.service", UnitDir + "/au-agent.service.d/mine.conf", "[Service]\nUser=agent\nDelegate=no\n", ": User, Delegate"},
		{"au-agent.service", UnitDir + "/au-agent.service.d/mine.conf.off", "User=agent\n", ""},
		{"au-agent.service", UnitDir + "/au-agent.service.d/mine.conf", "# User=agent\n", ""},
		{"user@1001.service", UnitDir + "/user@1001.service.d/au.conf", "ExecStartPre=+true\n", ""},
		{"user@1001.service", "/run/systemd/system/user@1001.service.d/au.conf", "ExecStartPre=\n", ": ExecStartPre"},
		{"user@1001.service", UnitDir + "/user@1001.service.d/mine.conf", "MemoryMax=1G\n", ""},
		{"user-1001.slice", UnitDir + "/user-1001.slice.d/au-net.conf", "IPEgressFilterPath=/x\n", ""},
		{"user-1001.slice", UnitDir + "/user-1001.slice.d/b.conf", "MemoryMax=1G\nIPEgressFilterPath=\n", ": IPEgressFilterPath"},
		{"au-net@agent.service", UnitDir + "/au-net@.service.d/b.conf", "User=root\n", ": User"},
	} {
		i := slices.IndexFunc(units, func(u HeldUnit) bool { return u.Name == c.unit })
		if i < 0 {
			t.Fatalf("%s is not among %v", c.unit, units)
		}
		if c.want != "" {
			c.want = c.file + " changes " + c.unit + c.want
		}
		if got := units[i].Added(c.file, c.text); got != c.want {
			t.Errorf("%s with %q: %q, want %q", c.file, c.text, got, c.want)
		}
	}
	if few := HeldUnits("agent", p.UID, nil); len(few) >= len(units) || slices.ContainsFunc(few, func(u HeldUnit) bool { return u.Name == p.SliceName() }) {
		t.Errorf("without a restricted network they are %v", few)
	}
}
