// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"bytes"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"
)

// Process is one process.
type Process struct {
	PID     int
	Command string        // the kernel's short name of it, as the process likes to be called
	CPU     time.Duration // CPU time since it started
	State   byte          // as ps(1) shows it
	Parent  int
	Tracer  int      // who traces it; 0: nobody
	PIDs    []string // its numbers in this pid namespace and in each below, down to its own
	UIDs    []string // real, effective, saved, and of the file system
	Started uint64   // ticks of a hundredth of a second after the machine's start
}

// Ended reports whether p has ended, and only waits for its parent to take note of that.
func (p Process) Ended() bool { return p.State == 'Z' || p.State == 'X' }

// String names p, "454 sleep".
func (p Process) String() string { return strconv.Itoa(p.PID) + " " + p.Command }

// All returns every process that proc (/proc) shows, and those of them that belong to the uid and still run.
func All(proc fs.FS, uid uint32) (all, alive []Process) {
	entries, _ := fs.ReadDir(proc, ".")
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil {
			continue
		}
		p, status, ok := readProcess(proc, e.Name())
		if !ok {
			continue
		}
		all = append(all, p)
		if runsAs(status, uid) && !p.Ended() {
			alive = append(alive, p)
		}
	}
	return all, alive
}

// Is reports whether p and q are the same process.
func (p Process) Is(q Process) bool { return p.PID == q.PID && p.Started == q.Started }

// Below returns those of some processes, all of which are among all, that the one with that pid has started, itself or by others.
func Below(pid int, all, some []Process) (below []Process) {
	parents := map[int]int{}
	for _, p := range all {
		parents[p.PID] = p.Parent
	}
	for _, p := range some {
		at := p.PID
		for range parents { // there is no way around in the lists of two moments
			if at = parents[at]; at == pid || at == 0 {
				break
			}
		}
		if at == pid {
			below = append(below, p)
		}
	}
	return below
}

// One returns a process that proc (/proc) shows; ok is false where it has ended.
func One(proc fs.FS, pid int) (p Process, ok bool) {
	p, _, ok = readProcess(proc, strconv.Itoa(pid))
	return p, ok && !p.Ended()
}

// StartedAt returns when p began, by the proc (/proc) that shows it: the zero time where that does not say when the machine did.
func (p Process) StartedAt(proc fs.FS) time.Time {
	text, _ := fs.ReadFile(proc, "stat")
	boot, err := strconv.ParseInt(strings.Join(fieldAfter(text, "btime "), ""), 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(boot, 0).Add(time.Duration(p.Started) * clockTick).Truncate(time.Second).UTC()
}

// readProcess reads one of /proc's folders; ok is false where it has ended meanwhile.
func readProcess(proc fs.FS, folder string) (p Process, status []byte, ok bool) {
	status, err := fs.ReadFile(proc, folder+"/status")
	if err != nil {
		return p, nil, false
	}
	stat, err := fs.ReadFile(proc, folder+"/stat")
	if err != nil {
		return p, nil, false
	}
	if p, ok = parseStat(stat); ok {
		p.Tracer, _ = strconv.Atoi(strings.Join(field(status, "TracerPid"), ""))
		p.PIDs, p.UIDs = field(status, "NSpid"), field(status, "Uid")
	}
	return p, status, ok
}

// field returns the words of a line of /proc/PID/status.
func field(status []byte, name string) []string {
	return fieldAfter(status, name+":\t")
}

// fieldAfter returns the words of the line that begins so.
func fieldAfter(text []byte, begin string) []string {
	_, after, found := strings.Cut("\n"+string(text), "\n"+begin)
	if !found {
		return nil
	}
	line, _, _ := strings.Cut(after, "\n")
	return strings.Fields(line)
}

// clockTick is the unit of times in /proc/PID/stat: USER_HZ, 100 on every Linux.
const clockTick = 10 * time.Millisecond

// Processes returns those of the pids that are the agent's own, as proc (/proc) shows them. The
// keeper, which is root's, is not among them. Processes that ended meanwhile are left out.
func Processes(proc fs.FS, pids []int, uid uint32) []Process {
	var out []Process
	for _, pid := range pids {
		if p, status, ok := readProcess(proc, strconv.Itoa(pid)); ok && runsAs(status, uid) {
			out = append(out, p)
		}
	}
	return out
}

// runsAs looks for the real uid in /proc/PID/status. The owner of the folder will not do: a process
// gives it to root by asking not to be dumped.
func runsAs(status []byte, uid uint32) bool {
	ids := field(status, "Uid")
	return len(ids) > 0 && ids[0] == strconv.FormatUint(uint64(uid), 10)
}

// parseStat reads /proc/PID/stat (proc_pid_stat(5)). The name is in brackets and may hold brackets itself, so the last one ends it.
// Characters that a terminal would act on are shown as '?'.
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
	parent, err := strconv.Atoi(fields[1])
	p := Process{PID: pid, Command: printable(string(stat[open+1 : end])), CPU: time.Duration(user+system) * clockTick, State: fields[0][0], Parent: parent}
	if len(fields) > 19 {
		p.Started, _ = digits(fields[19])
	}
	return p, ok && ok2 && err == nil
}

func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, name)
}

// UnitOf returns the systemd unit that a process is in, by its /proc/PID/cgroup (cgroups(7)): the last service or scope on the way.
func UnitOf(cgroup []byte) string {
	unit := ""
	for line := range strings.Lines(string(cgroup)) {
		_, controllers, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, folder, ok := strings.Cut(controllers, ":")
		if !ok || controllers != "" && controllers != "name=systemd" {
			continue
		}
		for part := range strings.SplitSeq(folder, "/") {
			if strings.HasSuffix(part, ".service") || strings.HasSuffix(part, ".scope") {
				unit = part
			}
		}
	}
	return unit
}

// FrozenV1 returns the file that keeps a process with that /proc/PID/cgroup from running, by the freezer of cgroup version 1, which
// lets no signal through; empty where none does.
func (t Tree) FrozenV1(procCgroup []byte) string {
	for line := range strings.Lines(string(procCgroup)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 || fields[1] != "freezer" {
			continue
		}
		for folder := fields[2]; folder != "/" && folder != "."; folder = path.Dir(folder) {
			at := cgroup{t.FS, path.Join("freezer", folder)}
			if strings.TrimSpace(at.text("freezer.self_freezing")) == "1" {
				return path.Join(cgroupRoot, at.folder, "freezer.state")
			}
		}
	}
	return ""
}
