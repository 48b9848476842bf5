// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"fmt"
	"io/fs"
	"math/bits"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Usage is what an agent's slice uses, and the limits that bind it, as the kernel has them at one
// moment. Figures that this machine does not keep are zero; limits it does not set, Infinity.
type Usage struct {
	Active   bool          // the slice has a cgroup: its keeper runs
	Frozen   bool          // paused
	CPU      time.Duration // CPU time since the slice started
	CPUMax   CPU           // the limit
	Memory   uint64        // bytes in use; file cache that the kernel would drop first is not counted
	Cache    uint64        // bytes of that cache; it counts towards the limit until it is dropped
	MemMax   uint64        // the limit
	MemPeak  uint64        // most bytes at once, cache included
	Swap     uint64        // bytes
	SwapMax  uint64        // the limit
	Tasks    uint64        // processes and threads
	TasksMax uint64        // the limit
	OOMKills uint64        // processes that the kernel killed for want of memory
	Pressure Pressure
	PIDs     []int // every process, the keeper and system services of the slice included
}

// Pressure is the share of the last ten seconds, in percent, in which some task of the slice waited
// for want of CPU, memory or IO (the kernel's PSI, some avg10).
type Pressure struct {
	CPU, Memory, IO float64
	Known           bool // the kernel keeps it
}

// Tree is the machine's cgroups, with either version. FS is /sys/fs/cgroup.
type Tree struct {
	FS fs.FS
}

// Version is how cgroups are mounted.
type Version int

// Pure v2, as all distributions have it today; v1 with the processes in a v2 hierarchy beside it;
// v1 alone.
const (
	Unified Version = iota
	Hybrid
	Legacy
)

// Version looks at what is mounted.
func (t Tree) Version() Version {
	if _, err := fs.Stat(t.FS, "cgroup.controllers"); err == nil {
		return Unified
	}
	if _, err := fs.Stat(t.FS, "unified/cgroup.controllers"); err == nil {
		return Hybrid
	}
	return Legacy
}

// Freezer returns the file, relative to /sys/fs/cgroup, that freezes an agent's keeper and all that
// joined it when 1 is written to it; empty where there is none.
func (t Tree) Freezer(uid uint32, agent string) string {
	folder := path.Join("user.slice", Name(uid), KeeperName(agent), "cgroup.freeze")
	switch t.Version() {
	case Unified:
		return folder
	case Hybrid:
		return path.Join("unified", folder)
	}
	return ""
}

// Frozen reports whether processes that join these folders, relative to /sys/fs/cgroup, are frozen. It costs
// one small file.
func (t Tree) Frozen(folders []string) bool {
	// Beside v1 hierarchies, which have no such file, the policy names the v2 one last.
	for _, folder := range slices.Backward(folders) {
		if text, err := fs.ReadFile(t.FS, path.Join(folder, "cgroup.freeze")); err == nil {
			return strings.TrimSpace(string(text)) == "1"
		}
	}
	return false
}

// Usage reads what the agent with that uid uses now. A slice that has no cgroup is not active; that
// is no error. A folder that vanishes while it is read counts as nothing.
func (t Tree) Usage(uid uint32) (Usage, error) {
	u := Usage{CPUMax: Infinity, MemMax: Infinity, SwapMax: Infinity, TasksMax: Infinity}
	slice := path.Join("user.slice", Name(uid))
	version := t.Version()
	two := cgroup{t.FS, slice}
	if version == Hybrid {
		two.folder = path.Join("unified", slice)
	}
	if version != Unified {
		u.readV1(t.FS, slice)
	}
	if version == Legacy {
		return u, nil
	}
	if _, err := fs.Stat(t.FS, two.folder); err == nil {
		u.Active = true
	}
	if version == Unified {
		u.readV2(two)
	}
	u.CPU = max(u.CPU, time.Duration(two.field("cpu.stat", "usage_usec"))*time.Microsecond)
	u.Pressure = two.pressure()
	var err error
	u.PIDs, err = two.processes(&u)
	return u, err
}

// readV2 reads the controllers (Documentation/admin-guide/cgroup-v2.rst).
func (u *Usage) readV2(c cgroup) {
	current := c.number("memory.current", 0)
	u.Cache = min(c.field("memory.stat", "inactive_file"), current)
	u.Memory = current - u.Cache
	u.MemMax = c.number("memory.max", Infinity)
	u.MemPeak = c.number("memory.peak", 0)
	u.Swap = c.number("memory.swap.current", 0)
	u.SwapMax = c.number("memory.swap.max", Infinity)
	u.OOMKills = c.field("memory.events", "oom_kill")
	u.Tasks = c.number("pids.current", 0)
	u.TasksMax = c.number("pids.max", Infinity)
	if words := strings.Fields(c.text("cpu.max")); len(words) == 2 {
		u.CPUMax = quota(words[0], words[1])
	}
}

// readV1 reads the controllers of version 1, each in its own hierarchy. A limit of more than any
// machine has is how the kernel says none there.
func (u *Usage) readV1(fsys fs.FS, slice string) {
	memory, pids := cgroup{fsys, "memory/" + slice}, cgroup{fsys, "pids/" + slice}
	cpu, used := cgroup{fsys, "cpu/" + slice}, cgroup{fsys, "cpuacct/" + slice}
	current := memory.number("memory.usage_in_bytes", 0)
	u.Active = pids.text("pids.current") != ""
	u.Cache = min(memory.field("memory.stat", "total_inactive_file"), current)
	u.Memory = current - u.Cache
	if m := memory.number("memory.limit_in_bytes", Infinity); m < 1<<62 {
		u.MemMax = m
	}
	u.MemPeak = memory.number("memory.max_usage_in_bytes", 0)
	u.OOMKills = memory.oomKillsV1()
	u.Tasks = pids.number("pids.current", 0)
	u.TasksMax = pids.number("pids.max", Infinity)
	u.CPU = time.Duration(used.number("cpuacct.usage", 0))
	u.CPUMax = quota(strings.TrimSpace(cpu.text("cpu.cfs_quota_us")), strings.TrimSpace(cpu.text("cpu.cfs_period_us")))
}

// quota turns microseconds in a period of microseconds into microseconds a second.
func quota(used, period string) CPU {
	q, ok := digits(used)
	p, ok2 := digits(period)
	high, low := bits.Mul64(q, 1_000_000)
	if !ok || !ok2 || p == 0 || high >= p {
		return Infinity
	}
	perSecond, _ := bits.Div64(high, low, p)
	return CPU(perSecond)
}

// A cgroup is one folder of the tree. Reading what is not there gives nothing.
type cgroup struct {
	fsys   fs.FS
	folder string
}

func (c cgroup) text(file string) string {
	text, err := fs.ReadFile(c.fsys, path.Join(c.folder, file))
	if err != nil {
		return ""
	}
	return string(text)
}

// number reads a file that holds one; without a number in it, as in max, it is other.
func (c cgroup) number(file string, other uint64) uint64 {
	if n, ok := digits(strings.TrimSpace(c.text(file))); ok {
		return n
	}
	return other
}

// field reads the number after a word in a file of lines `word number`.
func (c cgroup) field(file, word string) uint64 {
	for line := range strings.Lines(c.text(file)) {
		if rest, ok := strings.CutPrefix(line, word+" "); ok {
			n, _ := digits(strings.TrimSpace(rest))
			return n
		}
	}
	return 0
}

// oomKillsV1 adds up the folders below: version 1 counts a kill only where the process was.
func (c cgroup) oomKillsV1() uint64 {
	kills := c.field("memory.oom_control", "oom_kill")
	entries, _ := fs.ReadDir(c.fsys, c.folder)
	for _, e := range entries {
		if e.IsDir() {
			kills += cgroup{c.fsys, path.Join(c.folder, e.Name())}.oomKillsV1()
		}
	}
	return kills
}

func (c cgroup) pressure() Pressure {
	var p Pressure
	for file, avg10 := range map[string]*float64{"cpu": &p.CPU, "memory": &p.Memory, "io": &p.IO} {
		words := strings.Fields(c.text(file + ".pressure"))
		if len(words) < 2 || words[0] != "some" {
			continue
		}
		number, ok := strings.CutPrefix(words[1], "avg10=")
		v, err := strconv.ParseFloat(number, 64)
		if ok && err == nil {
			*avg10, p.Known = v, true
		}
	}
	return p
}

// processes lists those of the cgroup and of all below it, and sees whether any of these is frozen.
func (c cgroup) processes(u *Usage) ([]int, error) {
	var pids []int
	err := fs.WalkDir(c.fsys, c.folder, func(p string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return nil // gone since it was listed
		}
		below := cgroup{c.fsys, p}
		if below.field("cgroup.events", "frozen") == 1 {
			u.Frozen = true
		}
		for line := range strings.Lines(below.text("cgroup.procs")) {
			pid, err := strconv.Atoi(strings.TrimSpace(line))
			if err != nil {
				return fmt.Errorf("process %q in %s: want a number", line, p)
			}
			pids = append(pids, pid)
		}
		return nil
	})
	return pids, err
}
