// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"fmt"
	"io/fs"
	stdslices "slices"
	"strings"
)

// controllers are the kernel's halves that hold the properties.
var controllers = map[string]string{CPUQuota: "cpu", MemoryMax: "memory", SwapMax: "memory", TasksMax: "pids", CPUWeights: "cpu", IOWeights: "io"}

// Has reports whether the machine's kernel can hold a property. One whose cgroups cannot be seen at all is believed.
func (t Tree) Has(property string) bool {
	controller := controllers[property]
	switch {
	case t.Version() == Unified:
		return t.Controller(controller)
	case property == IOWeights || property == SwapMax:
		return true // said elsewhere: not with v1
	}
	if _, err := fs.Stat(t.FS, "systemd"); err != nil {
		return true
	}
	return t.Controller(controller)
}

// Controller reports whether cgroups of this machine have one of that name. With version 1 a folder alone is none.
func (t Tree) Controller(name string) bool {
	if t.Version() == Unified {
		return stdslices.Contains(strings.Fields(cgroup{t.FS, "."}.text("cgroup.controllers")), name)
	}
	_, err := fs.Stat(t.FS, name+"/cgroup.procs")
	return err == nil
}

// CheckControllers refuses limits that nothing would hold.
func (t Tree) CheckControllers(want []Property) error {
	for _, p := range want {
		if p.Value != Infinity && !t.Has(p.Name) {
			return fmt.Errorf("%s: the kernel's %s controller is switched off, so nothing would hold it; boot with cgroup_enable=%[2]s and without cgroup_disable=%[2]s, or leave %[1]s out",
				Option(p.Name), controllers[p.Name])
		}
	}
	return nil
}

// Held returns the value by which the kernel holds a property of the slice whose cgroup is group, as systemd's ControlGroup= names
// it. It is not known where the slice has no cgroup now, and for what this version of cgroups does not keep. Where the
// machine has no controller for it, nothing holds it.
func (t Tree) Held(property, group string) (value uint64, known bool) {
	if !t.Has(property) {
		return Infinity, true
	}
	version := t.Version()
	at := cgroup{t.FS, strings.Trim(group, "/")}
	if version != Unified {
		at.folder = controllers[property] + "/" + at.folder
	}
	if at.text("cgroup.procs") == "" && !at.exists() {
		return 0, false
	}
	switch {
	case property == CPUQuota && version == Unified:
		if words := strings.Fields(at.text("cpu.max")); len(words) == 2 {
			return uint64(quota(words[0], words[1])), true
		}
	case property == CPUQuota:
		return uint64(quota(strings.TrimSpace(at.text("cpu.cfs_quota_us")), strings.TrimSpace(at.text("cpu.cfs_period_us")))), true
	case property == MemoryMax && version == Unified:
		return at.number("memory.max", Infinity), true
	case property == MemoryMax:
		if n := at.number("memory.limit_in_bytes", Infinity); n < 1<<62 {
			return n, true
		}
	case property == SwapMax && version == Unified:
		return at.number("memory.swap.max", Infinity), true
	case property == TasksMax:
		return at.number("pids.max", Infinity), true
	case property == CPUWeights && version == Unified:
		return at.number("cpu.weight", Infinity), true
	case property == CPUWeights:
		return at.number("cpu.shares", Infinity) * 100 / 1024, true
	default:
		return 0, false
	}
	return Infinity, true
}

func (c cgroup) exists() bool {
	_, err := fs.Stat(c.fsys, c.folder)
	return err == nil
}

// rounding is how far the kernel's value may be from what was set: a page of 64 KiB, a part of a period.
func rounding(p Property) uint64 {
	switch p.Name {
	case MemoryMax, SwapMax:
		return 65536
	case CPUQuota:
		return p.Value/50 + 1000
	case CPUWeights:
		return 1 + p.Value/50
	}
	return 0
}

// Unheld returns those of the properties that the kernel does not hold, with the values that it holds instead.
func (t Tree) Unheld(want []Property, group string) []Property {
	var unheld []Property
	for _, p := range want {
		held, known := t.Held(p.Name, group)
		if known && p.Value != Infinity && max(held, p.Value)-min(held, p.Value) > rounding(p) {
			unheld = append(unheld, Property{p.Name, held})
		}
	}
	return unheld
}
