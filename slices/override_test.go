// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"reflect"
	"strings"
	"testing"
)

func TestOverridesAreTheFilesThatSortBehindOurs(t *testing.T) {
	const text = "[Slice]\n MemoryMax = 5\n"
	files := map[string]string{
		"/etc/systemd/system/user-1001.slice.d/90-mine.conf":               text,
		"/etc/systemd/system/user-.slice.d/50-memory.conf":                 text, // small letters sort behind
		"/etc/systemd/system/user-1001.slice.d/10-mine.conf":               text,
		"/etc/systemd/system/user-1001.slice.d/90-mine.conf.off":           text,
		"/etc/systemd/system/user-1001.slice.d/91-other.conf":              "[Slice]\n#MemoryMax=5\nMemoryMaxs=1\nTasksMax=5\n",
		"/etc/systemd/system.control/user-1001.slice.d/50-MemoryMax.conf":  text,
		"/usr/lib/systemd/system/user-.slice.d/10-defaults.conf":           text,
		"/etc/systemd/system.control/user-1001.slice.d/50-MemoryHigh.conf": "[Slice]\nMemoryHigh=5\n",
	}
	want := []string{"/etc/systemd/system/user-.slice.d/50-memory.conf", "/etc/systemd/system/user-1001.slice.d/90-mine.conf"}
	if got := Overrides(MemoryMax, files); !reflect.DeepEqual(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
	if got := Overrides(CPUQuota, files); got != nil {
		t.Errorf("found %q for the CPU quota", got)
	}
}

func TestOwnDropInFolders(t *testing.T) {
	for unit, want := range map[string][]string{
		"au-my-agent.service":  {"au-my-agent.service.d", "au-.service.d", "au-my-.service.d"},
		"au-net@agent.socket":  {"au-net@agent.socket.d", "au-net@.socket.d", "au-.socket.d"},
		"user@1001.service":    {"user@1001.service.d"},
		"user-1001.slice":      {"user-1001.slice.d"},
		`run-au-my\x2da.mount`: {`run-au-my\x2da.mount.d`},
	} {
		var got []string
		for _, folder := range OwnDropInFolders(unit) {
			if name, ok := strings.CutPrefix(folder, "/etc/systemd/system/"); ok {
				got = append(got, name)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("of %s they are %q, want %q", unit, got, want)
		}
	}
}

func TestAssigned(t *testing.T) {
	if got := Assigned("# A=1\n;B=1\n[Service]\n User = agent\nDelegate=\nUser=\n"); !reflect.DeepEqual(got, []string{"User", "Delegate"}) {
		t.Errorf("assigned: %q", got)
	}
}
