// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"fmt"
	"slices"
	"strings"

	"github.com/a4u2/au/provision/share"
)

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

// unmappable says why the kernel cannot show the mount under another owner; empty where it can, or where nothing is known: then the
// entrypoint finds out, and refuses the run.
func unmappable(m share.MountPoint, k Kernel) string {
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
func Unsealed(mounts []share.MountPoint, k Kernel, namespaces string) string {
	if namespaces == "0" {
		return "user namespaces are switched off (sysctl user.max_user_namespaces)"
	}
	if run := share.MountsOf("/run", mounts); len(run) > 0 {
		if why := unmappable(run[0], k); why != "" {
			return run[0].Type + " " + why
		}
	}
	return ""
}
