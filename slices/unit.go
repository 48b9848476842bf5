// SPDX-License-Identifier: GPL-3.0-or-later

// Package slices limits what an agent may use of the machine, and reads what it does use.
//
// An agent has one cgroup that holds all it ever starts: user-UID.slice, the one systemd and logind
// know. Limits are systemd properties of that slice; a run joins it through the keeper, a service
// that does nothing but hold a delegated cgroup open. The package decides and reads; it returns
// properties, text and figures, and changes nothing.
package slices

import (
	"bytes"
	"fmt"
	"path"
	stdslices "slices"
	"strconv"
	"strings"
)

// Name returns the slice that systemd and logind give the user with that uid, user-1001.slice.
func Name(uid uint32) string {
	return "user-" + strconv.FormatUint(uint64(uid), 10) + ".slice"
}

// KeeperName returns the unit that holds the agent's cgroup open, au-agent.service.
func KeeperName(agent string) string {
	return "au-" + agent + ".service"
}

// TemporaryFolder is where the unit TemporaryName mounts what holds the agent's temporary files.
func TemporaryFolder(agent string) string { return "/run/au/" + agent }

// TemporaryName returns that unit, run-au-agent.mount: the path as systemd.unit(5) writes it.
func TemporaryName(agent string) string {
	return "run-au-" + strings.ReplaceAll(agent, "-", `\x2d`) + ".mount"
}

// Temporary returns the text of that unit: temporary files in memory, so that the disk of the machine is not the agent's to fill. They are in
// the agent's slice, and so in its memory limit, and gone when the slice is stopped.
func Temporary(agent string, uid uint32) string {
	return fmt.Sprintf(temporaryText, agent, Name(uid), TemporaryFolder(agent))
}

// TemporaryAge returns what systemd-tmpfiles(8) reads of how long they are kept: as long as Debian keeps those of the machine, and no longer.
func TemporaryAge(agent string) string {
	return fmt.Sprintf("# The temporary files of the agent %[1]s.\ne %[2]s/tmp - - - 10d\ne %[2]s/var-tmp - - - 30d\n", agent, TemporaryFolder(agent))
}

// size and nr_inodes are those that systemd gives /tmp itself. DefaultDependencies=no: a slice comes after what local file systems come before.
const temporaryText = `[Unit]
Description=Temporary files of the agent %[1]s
DefaultDependencies=no
Conflicts=umount.target
Before=umount.target
StartLimitIntervalSec=0
CollectMode=inactive-or-failed

[Mount]
What=tmpfs
Where=%[3]s
Type=tmpfs
Options=mode=0700,nosuid,nodev,size=50%%%%,nr_inodes=1m
LazyUnmount=yes
Slice=%[2]s
`

// KeeperConfig is what the text of a keeper depends on.
type KeeperConfig struct {
	Agent string // name of the agent
	UID   uint32 // uid of the agent, which names the slice
	Sleep string // absolute path of the machine's sleep
}

// Keeper returns the text of /etc/systemd/system/au-NAME.service, for systemd 252 and later, with
// either cgroup version. The unit is there from boot on, survives the agent's sessions and
// `loginctl terminate-user`, and neither the agent nor an OOM kill among its processes can end it.
//
// Nothing in it asks for a namespace: a container may not give one, and a mount namespace of the
// keeper's would keep every device that is unmounted later busy.
func Keeper(k KeeperConfig) string {
	return fmt.Sprintf(keeperText, k.Agent, Name(k.UID), unitPath(k.Sleep), TemporaryFolder(k.Agent))
}

// The keeper is root's without any capability, rather than the agent's: the owner of a delegated
// cgroup may move processes out of it, and may signal the keeper.
//
// User=root: systemd 258 to 258.4, 259 and 259.1 keep no uid for a unit that names no user, and any user who asks
// them to attach a process to such a delegated unit freezes the machine's systemd (CVE-2026-40223).
// Type=exec: when the unit is up its process has reached its cgroups, which are read from it.
// OOMPolicy=continue: with the default a single OOM kill stops the whole unit.
// RefuseManualStop: what restarts services after an upgrade of a library (needrestart, tracer, zypper) takes the unit for
// one that needs it, because of the agent's own processes, and would end them. It still stops with its slice.
// The sleep is as long as one can be for every sleep(1): 68 years. Not all know "infinity".
// CollectMode: one that failed and is taken back is not remembered until the next boot.
// TasksMax=infinity: the slice's limit counts, not the manager's default for a service.
// TimeoutStopSec: what a stopped agent has between SIGTERM and SIGKILL.
const keeperText = `[Unit]
Description=Processes of the agent %[1]s
StartLimitIntervalSec=0
CollectMode=inactive-or-failed
RefuseManualStop=yes
RequiresMountsFor=%[4]s

[Service]
Type=exec
Slice=%[2]s
User=root
Delegate=yes
ExecStart=%[3]s 2147483647
Restart=always
KillMode=control-group
TimeoutStopSec=5s
OOMPolicy=continue
OOMScoreAdjust=-1000
TasksMax=infinity
StandardOutput=null
StandardError=null
CapabilityBoundingSet=
NoNewPrivileges=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
RestrictAddressFamilies=none
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service

[Install]
WantedBy=multi-user.target
`

// unitPath writes a path for ExecStart=, where % starts a specifier and a quoted word is unescaped
// as in C (systemd.syntax(7)).
func unitPath(p string) string {
	p = strings.ReplaceAll(p, "%", "%%")
	if !strings.ContainsAny(p, " \t\"'\\;$") {
		return p
	}
	return strconv.Quote(strings.ReplaceAll(p, "$", "$$"))
}

// cgroupRoot is where every machine with systemd has its cgroups.
const cgroupRoot = "/sys/fs/cgroup"

// CgroupFolders returns the folders, relative to /sys/fs/cgroup, that a process has to join to be
// under every limit of the agent's slice: one with cgroup v2, one for each hierarchy with v1.
// They are read from where the keeper is: procCgroup is the text of /proc/KEEPER/cgroup, mountinfo
// that of /proc/self/mountinfo (cgroups(7), proc(5)). Hierarchies where the keeper is not inside
// the slice are left out: systemd does not manage them. None at all is an error.
func CgroupFolders(procCgroup, mountinfo []byte, uid uint32) ([]string, error) {
	mounts := cgroupMounts(mountinfo)
	var folders []string
	for line := range strings.Lines(string(procCgroup)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			return nil, fmt.Errorf("cgroup line %q: want ID:CONTROLLERS:PATH", strings.TrimSpace(line))
		}
		if !strings.Contains(fields[2]+"/", "/"+Name(uid)+"/") {
			continue
		}
		if folder, ok := folderOf(fields[1], fields[2], mounts); ok {
			folders = append(folders, folder)
		}
	}
	if len(folders) == 0 {
		return nil, fmt.Errorf("no cgroup of %s under %s in %q", Name(uid), cgroupRoot, bytes.TrimSpace(procCgroup))
	}
	return folders, nil
}

// FoldersOf returns the same for a process that /proc does not show: the folders of a unit's cgroup, as systemd's ControlGroup= names it, that hold the process.
// That of cgroup v2 is the last. mountinfo is the text of /proc/self/mountinfo.
func (t Tree) FoldersOf(pid, controlGroup string, mountinfo []byte) []string {
	var folders, two []string
	for _, m := range cgroupMounts(mountinfo) {
		below, ok := cutFolder(controlGroup, m.root)
		inside, ok2 := cutFolder(path.Join(m.point, below), cgroupRoot)
		folder := strings.TrimPrefix(inside, "/")
		if !ok || !ok2 || !stdslices.Contains(strings.Fields(cgroup{t.FS, folder}.text("cgroup.procs")), pid) {
			continue
		}
		if m.unified {
			two = append(two, folder)
		} else {
			folders = append(folders, folder)
		}
	}
	return append(folders, two...)
}

// A cgroupMount is one hierarchy as it is mounted below /sys/fs/cgroup.
type cgroupMount struct {
	root    string          // the cgroup that is mounted: / unless in a container
	point   string          // where
	unified bool            // cgroup v2
	options map[string]bool // v1: the controllers, or name=systemd, among other options
}

// folderOf finds the mount that shows the cgroup of a line in /proc/PID/cgroup, and returns the
// folder in it. The order of combined controllers (cpu,cpuacct) need not be the same in both.
func folderOf(controllers, cgroup string, mounts []cgroupMount) (string, bool) {
	for _, m := range mounts {
		if m.unified != (controllers == "") || !m.has(controllers) {
			continue
		}
		below, ok := cutFolder(cgroup, m.root)
		if !ok {
			continue
		}
		inside, ok := cutFolder(path.Join(m.point, below), cgroupRoot)
		return strings.TrimPrefix(inside, "/"), ok
	}
	return "", false
}

func (m cgroupMount) has(controllers string) bool {
	for _, c := range strings.Split(controllers, ",") {
		if c != "" && !m.options[c] {
			return false
		}
	}
	return true
}

// cgroupMounts picks the cgroup hierarchies under /sys/fs/cgroup out of the text of mountinfo.
func cgroupMounts(mountinfo []byte) []cgroupMount {
	var mounts []cgroupMount
	for line := range strings.Lines(string(mountinfo)) {
		before, after, _ := strings.Cut(strings.TrimSpace(line), " - ")
		mount, super := strings.Fields(before), strings.Fields(after)
		if len(mount) < 5 || len(super) < 3 || (super[0] != "cgroup" && super[0] != "cgroup2") {
			continue
		}
		m := cgroupMount{root: mount[3], point: mount[4], unified: super[0] == "cgroup2", options: map[string]bool{}}
		for _, o := range strings.Split(super[2], ",") {
			m.options[o] = true
		}
		if _, ok := cutFolder(m.point, cgroupRoot); ok {
			mounts = append(mounts, m)
		}
	}
	return mounts
}

// cutFolder returns what follows folder in p, and whether p is folder or below it.
func cutFolder(p, folder string) (string, bool) {
	if folder == "/" {
		return p, true
	}
	rest, ok := strings.CutPrefix(p, folder)
	return rest, ok && (rest == "" || rest[0] == '/')
}
