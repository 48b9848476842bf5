// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func tree(files map[string]string) fstest.MapFS {
	m := fstest.MapFS{}
	for name, text := range files {
		name = strings.NewReplacer("SLICE", "user.slice/user-1001.slice").Replace(name)
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

func TestUsageOnCgroupV2(t *testing.T) {
	got, err := Tree{tree(map[string]string{
		"cgroup.controllers":                        "cpu io memory pids\n",
		"SLICE/cpu.stat":                            "usage_usec 2500000\nuser_usec 2000000\n",
		"SLICE/cpu.max":                             "75000 50000\n",
		"SLICE/cpu.pressure":                        "some avg10=12.50 avg60=3.00 avg300=1.00 total=5\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
		"SLICE/memory.current":                      "104857600\n",
		"SLICE/memory.stat":                         "anon 1\ninactive_anon 9\ninactive_file 4857600\n",
		"SLICE/memory.max":                          "17179869184\n",
		"SLICE/memory.peak":                         "200000000\n",
		"SLICE/memory.swap.current":                 "4096\n",
		"SLICE/memory.swap.max":                     "0\n",
		"SLICE/memory.events":                       "low 0\nhigh 0\nmax 7\noom 2\noom_kill 3\noom_group_kill 0\n",
		"SLICE/pids.current":                        "12\n",
		"SLICE/pids.max":                            "max\n",
		"SLICE/cgroup.procs":                        "",
		"SLICE/au-agent.service/cgroup.procs":       "10\n11\n",
		"SLICE/au-agent.service/cgroup.events":      "populated 1\nfrozen 1\n",
		"SLICE/session-3.scope/cgroup.procs":        "12\n",
		"user.slice/user-1002.slice/cgroup.procs":   "99\n",
		"user.slice/user-1002.slice/memory.current": "5\n",
	})}.Usage(1001)
	want := Usage{Active: true, Frozen: true, CPU: 2500 * time.Millisecond, CPUMax: 1_500_000, Memory: 100_000_000, Cache: 4857600,
		MemMax: 16 << 30, MemPeak: 200_000_000, Swap: 4096, SwapMax: 0, Tasks: 12, TasksMax: Infinity, OOMKills: 3,
		Pressure: Pressure{CPU: 12.5, Known: true}, PIDs: []int{10, 11, 12}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read\n%+v (%v), want\n%+v", got, err, want)
	}
}

func TestUsageOnCgroupV1(t *testing.T) {
	fsys := tree(map[string]string{
		"unified/cgroup.controllers":                         "cpu io memory\n",
		"unified/SLICE/cpu.stat":                             "usage_usec 1000000\n",
		"unified/SLICE/cgroup.events":                        "populated 1\nfrozen 0\n",
		"unified/SLICE/au-agent.service/cgroup.procs":        "10\n",
		"cpu/SLICE/cpu.cfs_quota_us":                         "150000\n",
		"cpu/SLICE/cpu.cfs_period_us":                        "100000\n",
		"memory/SLICE/memory.usage_in_bytes":                 "1000\n",
		"memory/SLICE/memory.stat":                           "inactive_file 7\ntotal_inactive_file 100\n",
		"memory/SLICE/memory.limit_in_bytes":                 "9223372036854771712\n",
		"memory/SLICE/memory.oom_control":                    "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
		"memory/SLICE/au-agent.service/memory.oom_control":   "oom_kill 2\n",
		"memory/SLICE/au-agent.service/x/memory.oom_control": "oom_kill 4\n",
		"pids/SLICE/pids.current":                            "3\n",
		"pids/SLICE/pids.max":                                "50\n",
	})
	got, err := Tree{fsys}.Usage(1001)
	want := Usage{Active: true, CPU: time.Second, CPUMax: 1_500_000, Memory: 900, Cache: 100, MemMax: Infinity,
		SwapMax: Infinity, Tasks: 3, TasksMax: 50, OOMKills: 7, PIDs: []int{10}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read\n%+v (%v), want\n%+v", got, err, want)
	}
	fsys["cpu/user.slice/user-1001.slice/cpu.cfs_quota_us"].Data = []byte("-1\n")
	if got, _ := (Tree{fsys}).Usage(1001); got.CPUMax != Infinity {
		t.Errorf("no quota is read as %v", got.CPUMax)
	}
}

func TestSliceWithoutCgroupIsIdle(t *testing.T) {
	for _, file := range []string{"cgroup.controllers", "unified/cgroup.controllers", "memory/tasks"} {
		u, err := Tree{tree(map[string]string{file: ""})}.Usage(1001)
		if err != nil || u.Active || u.CPUMax != Infinity || u.MemMax != Infinity || u.TasksMax != Infinity || u.PIDs != nil {
			t.Errorf("with only %s: %+v (%v)", file, u, err)
		}
	}
}

func TestFreezer(t *testing.T) {
	for file, want := range map[string]string{
		"cgroup.controllers":         "user.slice/user-1001.slice/au-agent.service/cgroup.freeze",
		"unified/cgroup.controllers": "unified/user.slice/user-1001.slice/au-agent.service/cgroup.freeze",
		"memory/tasks":               "",
	} {
		if got := (Tree{tree(map[string]string{file: ""})}).Freezer(1001, "agent"); got != want {
			t.Errorf("with %s the freezer is %q, want %q", file, got, want)
		}
	}
}

func TestProcesses(t *testing.T) {
	stat := func(pid, name, user, system string) string {
		return pid + " (" + name + ") S 1 1 1 0 -1 0 0 0 0 0 " + user + " " + system + " 0 0 20 0 1 0 5 0\n"
	}
	proc := tree(map[string]string{
		"10/stat": stat("10", "sleep", "0", "0"), "10/status": "Name:\tsleep\nUid:\t0\t0\t0\t0\n",
		"11/stat": stat("11", ") R 9 (evil\x1b[2J", "150", "50"), "11/status": "Name:\tx\nUid:\t1001\t1001\t1001\t1001\n",
		"12/stat": "12 (cut", "12/status": "Name:\ty\nUid:\t1001\t1001\t1001\t1001\n",
		"14/stat": stat("14", "node", "1", "2"), "14/status": "Name:\tnode\nUid:\t10011\t1\t1\t1\n",
	})
	got := Processes(proc, []int{10, 11, 12, 13, 14}, 1001)
	want := []Process{{PID: 11, Command: ") R 9 (evil?[2J", CPU: 2 * time.Second, State: 'S', Parent: 1, UIDs: []string{"1001", "1001", "1001", "1001"}, Started: 5}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("found %+v, want %+v", got, want)
	}
}

func TestFrozenLooksAtTheFoldersThatARunJoins(t *testing.T) {
	fsys := tree(map[string]string{"unified/SLICE/au-agent.service/cgroup.freeze": "1\n", "memory/SLICE/au-agent.service/tasks": ""})
	folders := []string{"memory/user.slice/user-1001.slice/au-agent.service", "unified/user.slice/user-1001.slice/au-agent.service"}
	if !(Tree{fsys}).Frozen(folders) {
		t.Error("a frozen cgroup is not seen")
	}
	fsys["unified/user.slice/user-1001.slice/au-agent.service/cgroup.freeze"].Data = []byte("0\n")
	if (Tree{fsys}).Frozen(folders) || (Tree{fsys}).Frozen(nil) {
		t.Error("a running cgroup is taken for frozen")
	}
}
