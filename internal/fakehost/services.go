// SPDX-License-Identifier: GPL-3.0-or-later

package fakehost

import (
	"fmt"
	"slices"
	"strings"
)

const (
	unitFolder  = "/etc/systemd/system/"
	wantsFolder = unitFolder + "multi-user.target.wants/"
)

// Start lets a process run, and returns its number.
func (h *Host) Start(p Process) int {
	pid := 1000
	for h.Procs[pid] != nil {
		pid++
	}
	h.Procs[pid] = &p
	h.Put(fmt.Sprintf("/proc/%d/status", pid), fmt.Sprintf("Name:\t%s\nUid:\t%d\t%d\t%d\t%d\n", p.Name, p.UID, p.UID, p.UID, p.UID), Node{Mode: 0o444})
	h.Put(fmt.Sprintf("/proc/%d/stat", pid), fmt.Sprintf("%d (%s) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 0\n", pid, p.Name), Node{Mode: 0o444})
	return pid
}

// end lets a process end.
func (h *Host) end(pid int) {
	delete(h.Procs, pid)
	h.Remove(fmt.Sprintf("/proc/%d", pid))
}

// listProcesses returns all processes as text, in order.
func (h *Host) listProcesses() (all []string) {
	for pid, p := range h.Procs {
		all = append(all, fmt.Sprintf("%d %s of %d", pid, p.Name, p.UID))
	}
	slices.Sort(all)
	return all
}

// pids returns the processes of a uid, in order.
func (h *Host) pids(uid string) (all []int) {
	for pid, p := range h.Procs {
		if p.Unit == "" && p.UID == number(uid) {
			all = append(all, pid)
		}
	}
	slices.Sort(all)
	return all
}

// pkill --signal KILL --uid UID
func (c *call) pkill() error {
	if c.args.value("--signal") != "KILL" {
		return fail(2, "want --signal KILL")
	}
	found := c.pids(c.args.value("--uid"))
	for _, pid := range found {
		if !c.Procs[pid].Stubborn {
			c.end(pid)
		}
	}
	if len(found) == 0 {
		return fail(1, "")
	}
	return nil
}

// systemctl daemon-reload, enable or disable UNIT… (both with --quiet, --no-reload), start, stop, reload or restart UNIT, or show
// --property=… UNIT
func (c *call) systemctl() error {
	c.args.flag("--quiet")
	c.args.flag("--no-reload")
	property := c.args.flag("--property=ActiveState,UnitFileState,MainPID,ControlGroup")
	if c.args.flag("--property=ActiveState,SubState,LoadState,NRestarts,UnitFileState,ExecMainStartTimestamp") {
		property = c.args.flag("--timestamp=us+utc")
	}
	filter := c.args.flag("--property=IPEgressFilterPath") && c.args.flag("--value")
	version := c.args.flag("--property=Version")
	words, err := c.args.operands(1, 4)
	if err != nil {
		return err
	}
	if c.files["/run/systemd/system"] == nil {
		return fail(1, "System has not been booted with systemd as init system (PID 1). Can't operate.")
	}
	verb, unit := words[0], words[len(words)-1]
	file := c.files[unitFolder+unit]
	switch {
	case verb == "show" && version && len(words) == 1:
		fmt.Fprintln(c.out, "Version=257")
		return nil
	case verb == "show" && filter:
		return c.showFilter(unit)
	case verb == "show" && property:
		return c.show(unit)
	case c.uid != 0:
		return fail(1, "Access denied")
	case verb == "daemon-reload" && len(words) == 1:
		return nil
	case verb == "stop" && strings.HasSuffix(unit, ".slice"):
		c.stopSlice(unit)
		return nil
	case file == nil:
		return fail(1, "Unit file %s does not exist.", unit)
	case verb == "enable":
		for _, unit := range words[1:] {
			c.files[wantsFolder+unit] = &File{Kind: Link, Text: "../" + unit, Node: Node{Mode: 0o777}}
		}
		return nil
	case verb == "disable":
		for _, unit := range words[1:] {
			c.Remove(wantsFolder + unit)
		}
		return nil
	case len(words) > 2:
		return fail(1, "Too many arguments.")
	case verb == "reload" && slices.Contains(c.listUnits(), unit):
		return nil
	case verb == "stop":
		c.stopUnit(unit)
		return nil
	case verb == "start" || verb == "restart":
		c.startUnit(unit, file.Text)
		return nil
	}
	return fail(1, "Unknown command verb '%s'.", verb)
}

// showFilter prints the program of BPF that a slice's drop-ins name.
func (c *call) showFilter(slice string) error {
	for _, name := range c.below(unitFolder + slice + ".d") {
		for line := range strings.Lines(c.files[name].Text) {
			if path, ok := strings.CutPrefix(line, "IPEgressFilterPath="); ok {
				fmt.Fprint(c.out, path)
			}
		}
	}
	return nil
}

func (c *call) stopUnit(unit string) {
	for pid, p := range c.Procs {
		if p.Unit == unit {
			c.end(pid)
		}
	}
}

func (c *call) show(unit string) error {
	pid, active, enabled := 0, "inactive", "disabled"
	for n, p := range c.Procs {
		if p.Unit == unit {
			pid, active = n, "active"
		}
	}
	if c.files[wantsFolder+unit] != nil {
		enabled = "enabled"
	}
	fmt.Fprintf(c.out, "ActiveState=%s\nLoadState=loaded\nNRestarts=0\nUnitFileState=%s\nMainPID=%d\n", active, enabled, pid)
	return nil
}

// startUnit starts the unit and those that it wants. Its process is in the cgroups of its slice.
func (c *call) startUnit(unit, text string) {
	if slices.Contains(c.listUnits(), unit) {
		return
	}
	for line := range strings.Lines(text) {
		wanted, ok := strings.CutPrefix(strings.TrimSpace(line), "Wants=")
		if file := c.files[unitFolder+wanted]; ok && file != nil && strings.HasSuffix(wanted, ".service") {
			c.startUnit(wanted, file.Text)
		}
	}
	folder := "/user.slice/" + sliceOf(text) + "/" + unit
	lines := "0::" + folder + "\n"
	if c.files["/sys/fs/cgroup/cgroup.controllers"] == nil {
		lines = "3:memory:" + folder + "\n2:cpu,cpuacct:" + folder + "\n1:name=systemd:" + folder + "\n"
	}
	pid := c.Start(Process{Name: "sleep", Unit: unit})
	c.Put(fmt.Sprintf("/proc/%d/cgroup", pid), lines, Node{Mode: 0o444})
}

func (h *Host) listUnits() (all []string) {
	for _, p := range h.Procs {
		all = append(all, p.Unit)
	}
	return all
}

// sliceOf returns the slice that a unit's text names.
func sliceOf(text string) string {
	_, slice, _ := strings.Cut(text, "\nSlice=")
	slice, _, _ = strings.Cut(slice, "\n")
	return slice
}

// stopSlice ends the units in a slice, and all that they run.
func (c *call) stopSlice(slice string) {
	for pid, p := range c.Procs {
		if file := c.files[unitFolder+p.Unit]; file != nil && sliceOf(file.Text) == slice {
			c.end(pid)
		}
	}
}
