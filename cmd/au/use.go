// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/csrc"
	auslices "github.com/a4u2/au/slices"
)

// useView is what an agent uses, for --json. A limit without a number is none.
type useView struct {
	Active       bool          `json:"active"` // its keeper runs
	Paused       bool          `json:"paused"`
	CPUSeconds   float64       `json:"cpu_seconds"`
	CPULimit     *float64      `json:"cpu_limit_percent"`
	Memory       uint64        `json:"memory_bytes"` // without file cache that can be dropped
	Cache        uint64        `json:"cache_bytes"`
	MemoryLimit  *uint64       `json:"memory_limit_bytes"`
	MemoryPeak   uint64        `json:"memory_peak_bytes"`
	Swap         uint64        `json:"swap_bytes"`
	SwapLimit    *uint64       `json:"swap_limit_bytes"`
	Tasks        uint64        `json:"tasks"`
	TasksLimit   *uint64       `json:"tasks_limit"`
	Processes    int           `json:"processes"`
	OOMKills     uint64        `json:"oom_kills"`
	Pressure     *pressureView `json:"pressure"`
	Busiest      string        `json:"busiest,omitempty"` // the process that used most CPU time
	processes    []auslices.Process
	cpuLimitText string
}

type pressureView struct {
	CPU    float64 `json:"cpu_percent"`
	Memory float64 `json:"memory_percent"`
	IO     float64 `json:"io_percent"`
}

// use turns what the kernel says into what is shown.
func use(h *host.Host, p csrc.Policy, u auslices.Usage) useView {
	v := useView{
		Active: u.Active, Paused: u.Frozen, CPUSeconds: u.CPU.Seconds(), Memory: u.Memory, Cache: u.Cache, MemoryLimit: finite(u.MemMax),
		MemoryPeak: u.MemPeak, Swap: u.Swap, SwapLimit: finite(u.SwapMax), Tasks: u.Tasks, TasksLimit: finite(u.TasksMax), OOMKills: u.OOMKills,
		processes: h.ProcessesIn(u.PIDs, p.UID),
	}
	if u.CPUMax != auslices.Infinity {
		percent := u.CPUMax.Cores() * 100
		v.CPULimit, v.cpuLimitText = &percent, u.CPUMax.String()
	}
	if u.Pressure.Known {
		v.Pressure = &pressureView{u.Pressure.CPU, u.Pressure.Memory, u.Pressure.IO}
	}
	v.Processes = len(v.processes)
	most := auslices.Process{CPU: -1}
	for _, process := range v.processes {
		if process.CPU > most.CPU {
			most = process
		}
	}
	v.Busiest = most.Command
	return v
}

// summary says what is in use, on one line.
func (v useView) summary() string {
	state := ""
	if v.Paused {
		state = ", paused"
	}
	return fmt.Sprintf("%.1f s of CPU time, %s of memory, %d tasks%s", v.CPUSeconds, size(v.Memory), v.Tasks, state)
}

// finite returns nil for no limit.
func finite(n uint64) *uint64 {
	if n == auslices.Infinity {
		return nil
	}
	return &n
}

// size writes bytes as people read them, in three or four characters and a unit.
func size(n uint64) string {
	value, unit := float64(n), 0
	for value >= 1023.5 && unit < 4 {
		value, unit = value/1024, unit+1
	}
	format := "%.0f%s"
	if unit > 0 && value < 9.95 {
		format = "%.1f%s"
	}
	return fmt.Sprintf(format, value, []string{"B", "K", "M", "G", "T"}[unit])
}
