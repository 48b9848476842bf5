// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"bytes"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// Process is one process of an agent.
type Process struct {
	PID     int
	Command string        // the kernel's short name of it, as the process likes to be called
	CPU     time.Duration // CPU time since it started
}

// clockTick is the unit of times in /proc/PID/stat: USER_HZ, 100 on every Linux.
const clockTick = 10 * time.Millisecond

// Processes returns those of the pids that are the agent's own, as proc (/proc) shows them. The
// keeper, which is root's, is not among them. What has ended meanwhile is left out.
func Processes(proc fs.FS, pids []int, uid uint32) []Process {
	var out []Process
	for _, pid := range pids {
		folder := strconv.Itoa(pid)
		status, err := fs.ReadFile(proc, folder+"/status")
		if err != nil || !runsAs(status, uid) {
			continue
		}
		stat, err := fs.ReadFile(proc, folder+"/stat")
		if err != nil {
			continue
		}
		if p, ok := parseStat(stat); ok {
			out = append(out, p)
		}
	}
	return out
}

// runsAs looks for the real uid in /proc/PID/status. The owner of the folder will not do: a process
// gives it to root by asking not to be dumped.
func runsAs(status []byte, uid uint32) bool {
	_, after, _ := strings.Cut(string(status), "\nUid:\t")
	real, _, _ := strings.Cut(after, "\t")
	return real == strconv.FormatUint(uint64(uid), 10)
}

// parseStat reads /proc/PID/stat (proc_pid_stat(5)). The name stands in brackets and may hold
// brackets itself, so the last one ends it; what a terminal would act on is shown as '?'.
func parseStat(stat []byte) (Process, bool) {
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 1 || end < open {
		return Process{}, false
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(stat[:open])))
	fields := strings.Fields(string(stat[end+1:]))
	if err != nil || len(fields) < 13 {
		return Process{}, false
	}
	user, ok := digits(fields[11])
	system, ok2 := digits(fields[12])
	return Process{pid, printable(string(stat[open+1 : end])), time.Duration(user+system) * clockTick}, ok && ok2
}

func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, name)
}
