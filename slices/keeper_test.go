// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const (
	mountsV2     = "30 22 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
	mountsHybrid = `67 66 0:42 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755
68 67 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:5 - cgroup cgroup rw,cpuacct,cpu
72 67 0:33 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
73 67 0:34 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer
76 67 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
77 67 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
78 67 0:33 / /mnt/elsewhere/memory rw,relatime - cgroup cgroup rw,memory
`
	keeperHybrid = `9:name=systemd:/user.slice/user-1001.slice/au-agent.service
6:freezer:/
5:devices:/user.slice
4:memory:/user.slice/user-1001.slice/au-agent.service
1:cpu,cpuacct:/user.slice/user-1001.slice
0::/user.slice/user-1001.slice/au-agent.service
`
)

func TestCgroupFolders(t *testing.T) {
	for _, c := range []struct {
		name, procCgroup, mounts string
		want                     []string
	}{
		{"v2", "0::/user.slice/user-1001.slice/au-agent.service\n", mountsV2, []string{"user.slice/user-1001.slice/au-agent.service"}},
		{"hybrid", keeperHybrid, mountsHybrid, []string{
			"systemd/user.slice/user-1001.slice/au-agent.service",
			"memory/user.slice/user-1001.slice/au-agent.service",
			"cpu,cpuacct/user.slice/user-1001.slice",
			"unified/user.slice/user-1001.slice/au-agent.service"}},
		{"v2_in_a_container", "0::/lxc/box/user.slice/user-1001.slice/au-agent.service\n",
			"30 22 0:26 /lxc/box /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", []string{"user.slice/user-1001.slice/au-agent.service"}},
		{"another_user", "0::/user.slice/user-10012.slice/au-agent.service\n", mountsV2, nil},
		{"not_in_a_slice", "0::/system.slice/au-agent.service\n", mountsV2, nil},
		{"not_mounted", keeperHybrid, "", nil},
		{"no_cgroup_file", "user-1001.slice\n", mountsV2, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := CgroupFolders([]byte(c.procCgroup), []byte(c.mounts), 1001)
			if !reflect.DeepEqual(got, c.want) || (err == nil) != (c.want != nil) {
				t.Errorf("folders are %q (%v), want %q", got, err, c.want)
			}
		})
	}
}

func TestKeeper(t *testing.T) {
	text := Keeper(KeeperConfig{Agent: "agent", UID: 1001, Sleep: "/usr/bin/sleep"})
	for _, line := range []string{"Slice=user-1001.slice", "Delegate=yes", "ExecStart=/usr/bin/sleep 2147483647", "CapabilityBoundingSet=",
		"Restart=always", "StartLimitIntervalSec=0", "OOMPolicy=continue", "OOMScoreAdjust=-1000", "TasksMax=infinity"} {
		if !strings.Contains(text, "\n"+line+"\n") {
			t.Errorf("the keeper lacks the line %s", line)
		}
	}
	if strings.Count(text, "User=") != 1 || !strings.Contains(text, "\nUser=root\n") {
		t.Error("the keeper has to say that it is root's: as another user's it could be signalled, and with nothing said there is CVE-2026-40223")
	}
	odd := Keeper(KeeperConfig{Agent: "agent", UID: 1001, Sleep: `/nix/a%b c"$d/sleep`})
	if want := `ExecStart="/nix/a%%b c\"$$d/sleep" 2147483647`; !strings.Contains(odd, want) {
		t.Errorf("an odd path is not written as %s in\n%s", want, odd)
	}
}

// TestKeeperPassesSystemd asks systemd itself, where there is one.
func TestKeeperPassesSystemd(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	sleep, err2 := exec.LookPath("sleep")
	if err != nil || err2 != nil {
		t.Skip("no systemd-analyze here")
	}
	file := filepath.Join(t.TempDir(), KeeperName("agent"))
	text := Keeper(KeeperConfig{Agent: "agent", UID: 1001, Sleep: sleep})
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", file).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}
