// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/a4u2/au/provision/share"
)

// MountPoint is a line of /proc/self/mountinfo.
type MountPoint struct {
	Point, Type string
	Options     []string // of the mount, not of the file system
	Private     bool     // FUSE without allow_other: closed to everybody but who mounted it, root included
}

// ParseMountinfo reads /proc/self/mountinfo, proc_pid_mountinfo(5). Order is the file's: a later mount covers an earlier one on the same point.
func ParseMountinfo(text string) []MountPoint {
	var all []MountPoint
	for line := range strings.Lines(text) {
		w := strings.Fields(line)
		dash := slices.Index(w, "-")
		if dash < 6 || dash+1 >= len(w) {
			continue
		}
		m := MountPoint{Point: unescape(w[4]), Type: w[dash+1], Options: strings.Split(w[5], ",")}
		kind, _, _ := strings.Cut(m.Type, ".")
		m.Private = (kind == "fuse" || kind == "fuseblk") && !slices.Contains(strings.Split(w[len(w)-1], ","), "allow_other")
		all = append(all, m)
	}
	return all
}

// unescape reads the octal escapes that the kernel writes for space, tab, newline and backslash.
func unescape(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+4 <= len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				out.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

// MountsOf returns the mount that holds path, then those below it.
func MountsOf(path string, all []MountPoint) []MountPoint {
	holder := -1
	var below []MountPoint
	for i, m := range all {
		if _, ok := share.Within(m.Point, path); ok && (holder < 0 || len(m.Point) >= len(all[holder].Point)) {
			holder = i
		}
		if rel, ok := share.Within(path, m.Point); ok && rel != "." {
			below = append(below, m)
		}
	}
	if holder < 0 {
		return below
	}
	return append([]MountPoint{all[holder]}, below...)
}

// Kernel is a kernel's version.
type Kernel struct{ Major, Minor int }

// ParseKernel reads what uname(2) calls the release.
func ParseKernel(release string) Kernel {
	var k Kernel
	fmt.Sscanf(release, "%d.%d", &k.Major, &k.Minor)
	return k
}

func (k Kernel) String() string { return fmt.Sprintf("%d.%d", k.Major, k.Minor) }

func (k Kernel) before(major, minor int) bool {
	return k.Major < major || k.Major == major && k.Minor < minor
}

// mappable are the kernels from which on a file system allows id-mapped mounts: FS_ALLOW_IDMAP in the kernel's source.
var mappable = map[string]Kernel{
	"ext4": {5, 12}, "xfs": {5, 12}, "vfat": {5, 12}, "msdos": {5, 12}, "btrfs": {5, 15}, "ntfs3": {5, 15}, "f2fs": {5, 18}, "erofs": {5, 19},
	"squashfs": {6, 2}, "tmpfs": {6, 3}, "ceph": {6, 7},
}

// unmappableTypes are those that do not in any kernel that is known, or whose server would have to agree.
var unmappableTypes = []string{
	"overlay", "aufs", "fuse", "fuseblk", "virtiofs", "9p", "nfs", "nfs4", "cifs", "smb3", "ext2", "ext3", "ecryptfs", "vboxsf", "afs",
	"proc", "sysfs", "devtmpfs", "devpts", "ramfs", "autofs", "iso9660", "udf",
}

// unmappable says why the kernel cannot show the mount under another owner; empty where it can, or where nothing is known: then the entrypoint finds out,
// and refuses the run.
func (m MountPoint) unmappable(k Kernel) string {
	from, known := mappable[m.Type]
	switch {
	case slices.Contains(m.Options, "idmapped"):
		return "is shown under another owner already (systemd-homed does that)"
	case known && k.before(from.Major, from.Minor):
		return fmt.Sprintf("cannot be shown under another owner by kernel %s; %s and later can", k, from)
	case slices.Contains(unmappableTypes, m.Type) || strings.HasPrefix(m.Type, "fuse."):
		return "cannot be shown under another owner"
	}
	return ""
}

// Unsealed says why runs see /run as it is, where sockets that services open while a run goes on can be reached by it; empty where
// they see it under nobody's name. Namespaces is user.max_user_namespaces, of which such a mount needs one.
func Unsealed(mounts []MountPoint, k Kernel, namespaces string) string {
	if namespaces == "0" {
		return "user namespaces are switched off (sysctl user.max_user_namespaces)"
	}
	if run := MountsOf("/run", mounts); len(run) > 0 {
		if why := run[0].unmappable(k); why != "" {
			return run[0].Type + " " + why
		}
	}
	return ""
}
