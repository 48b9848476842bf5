// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"bytes"
	"fmt"
	"path"
	stdslices "slices"
	"strings"
)

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

// FoldersOf returns the same for a process that /proc does not show: the folders of a unit's cgroup, as systemd's ControlGroup=
// names it, that hold the process. That of cgroup v2 is the last. mountinfo is the text of /proc/self/mountinfo.
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
