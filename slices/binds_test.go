// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"reflect"
	"testing"
)

func TestUnheld(t *testing.T) {
	const group, folder = "/user.slice/user-1001.slice", "user.slice/user-1001.slice/"
	for _, c := range []struct {
		name, controller, file, text string
		want                         Property
		held                         []Property
	}{
		{"exact", "", "memory.max", "1073741824\n", Property{MemoryMax, 1 << 30}, nil},
		{"page_below", "", "memory.max", "1073676288\n", Property{MemoryMax, 1 << 30}, nil},
		{"more_than_a_page_below", "", "memory.max", "1073676287\n", Property{MemoryMax, 1 << 30}, []Property{{MemoryMax, 1<<30 - 65537}}},
		{"none_held", "", "memory.max", "max\n", Property{MemoryMax, 1 << 30}, []Property{{MemoryMax, Infinity}}},
		{"none_wanted", "", "memory.max", "1073741824\n", Property{MemoryMax, Infinity}, nil},
		{"swap", "", "memory.swap.max", "max\n", Property{SwapMax, 0}, []Property{{SwapMax, Infinity}}},
		{"cpu", "", "cpu.max", "150000 100000\n", Property{CPUQuota, 1_500_000}, nil},
		{"cpu_rounded", "", "cpu.max", "98000 100000\n", Property{CPUQuota, 1_000_000}, nil},
		{"cpu_less", "", "cpu.max", "97000 100000\n", Property{CPUQuota, 1_000_000}, []Property{{CPUQuota, 970_000}}},
		{"tasks", "", "pids.max", "200\n", Property{TasksMax, 200}, nil},
		{"one_task_less", "", "pids.max", "199\n", Property{TasksMax, 200}, []Property{{TasksMax, 199}}},
		{"weight", "", "cpu.weight", "50\n", Property{CPUWeights, 50}, nil},
		{"other_weight", "", "cpu.weight", "100\n", Property{CPUWeights, 50}, []Property{{CPUWeights, 100}}},
		{"v1_memory", "memory/", "memory.limit_in_bytes", "1073741824\n", Property{MemoryMax, 1 << 30}, nil},
		{"v1_memory_kept", "memory/", "memory.limit_in_bytes", "2147483648\n", Property{MemoryMax, 1 << 30}, []Property{{MemoryMax, 2 << 30}}},
		{"v1_no_memory_limit", "memory/", "memory.limit_in_bytes", "9223372036854771712\n", Property{MemoryMax, 1 << 30}, []Property{{MemoryMax, Infinity}}},
		{"v1_weight_rounded", "cpu/", "cpu.shares", "511\n", Property{CPUWeights, 50}, nil},
		{"v1_tasks", "pids/", "pids.max", "max\n", Property{TasksMax, 200}, []Property{{TasksMax, Infinity}}},
		{"v1_swap_is_unknown", "memory/", "memory.limit_in_bytes", "1\n", Property{SwapMax, 0}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]string{c.controller + folder + c.file: c.text}
			if c.controller == "" {
				files["cgroup.controllers"] = "cpu io memory pids\n"
			}
			if got := (Tree{tree(files)}).Unheld([]Property{c.want}, group); !reflect.DeepEqual(got, c.held) {
				t.Errorf("unheld are %v, want %v", got, c.held)
			}
			if got := (Tree{tree(files)}).Unheld([]Property{c.want}, group+"0"); got != nil {
				t.Errorf("unheld are %v for a slice without a cgroup", got)
			}
		})
	}
}

// A limit whose controller a boot option has taken away since is not believed.
func TestUnheldWithoutItsController(t *testing.T) {
	want := Property{TasksMax, 200}
	for name, files := range map[string]map[string]string{
		"v1": {"systemd/cgroup.procs": "", "memory/cgroup.procs": ""},
		"v2": {"cgroup.controllers": "cpu memory\n", "user.slice/user-1001.slice/cgroup.procs": ""},
	} {
		if got := (Tree{tree(files)}).Unheld([]Property{want}, "/user.slice/user-1001.slice"); !reflect.DeepEqual(got, []Property{{TasksMax, Infinity}}) {
			t.Errorf("%s: unheld are %v", name, got)
		}
	}
}

func TestCheckControllers(t *testing.T) {
	limit := []Property{{MemoryMax, 1 << 30}}
	for name, c := range map[string]struct {
		files map[string]string
		fails bool
	}{
		"v2":                {map[string]string{"cgroup.controllers": "cpu memory pids\n"}, false},
		"v2_without":        {map[string]string{"cgroup.controllers": "cpu pids\n"}, true},
		"v1":                {map[string]string{"systemd/x": "", "memory/cgroup.procs": ""}, false},
		"v1_without":        {map[string]string{"systemd/x": "", "pids/cgroup.procs": ""}, true},
		"v1_empty_folder":   {map[string]string{"systemd/x": "", "memory/x": ""}, true},
		"nothing_to_see":    {map[string]string{}, false},
		"another_is_missed": {map[string]string{"cgroup.controllers": "memory\n"}, false},
	} {
		if err := (Tree{tree(c.files)}).CheckControllers(limit); (err != nil) != c.fails {
			t.Errorf("%s: %v", name, err)
		}
		if err := (Tree{tree(c.files)}).CheckControllers([]Property{{MemoryMax, Infinity}}); err != nil {
			t.Errorf("%s: no limit is refused: %v", name, err)
		}
	}
}

func TestFoldersOf(t *testing.T) {
	const unit = "user.slice/user-1001.slice/au-agent.service"
	fsys := tree(map[string]string{
		unit + "/cgroup.procs": "7\n42\n", "memory/" + unit + "/cgroup.procs": "42\n", "freezer/" + unit + "/cgroup.procs": "4\n",
		"systemd/" + unit + "/cgroup.procs": "42\n", "unified/" + unit + "/cgroup.procs": "42\n",
	})
	for _, c := range []struct {
		name, pid, group, mounts string
		want                     []string
	}{
		{"v2", "42", "/" + unit, mountsV2, []string{unit}},
		{"hybrid", "42", "/" + unit, mountsHybrid, []string{"memory/" + unit, "systemd/" + unit, "unified/" + unit}},
		{"another_process", "2", "/" + unit, mountsHybrid, nil},
		{"another_unit", "42", "/" + unit + "x", mountsV2, nil},
		{"not_mounted", "42", "/" + unit, "", nil},
		{"container", "42", "/box/" + unit, "30 22 0:26 /box /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", []string{unit}},
		{"outside_the_container", "42", "/other/" + unit, "30 22 0:26 /box /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n", nil},
	} {
		if got := (Tree{fsys}).FoldersOf(c.pid, c.group, []byte(c.mounts)); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: folders are %q, want %q", c.name, got, c.want)
		}
	}
}
