// SPDX-License-Identifier: GPL-3.0-or-later

package share

import (
	"slices"
	"strings"

	"github.com/a4u2/au/provision/config"
)

// remote are the kinds of file systems that another program or machine answers for.
var remote = []string{"fuse", "fuseblk", "nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "afs", "autofs"}

// RemoteMounts returns where file systems that others answer for are mounted here, of those that a process sees: theirs is its
// mountinfo (proc_pid_mountinfo(5)), ours that of whoever is to mend it.
func RemoteMounts(theirs, ours []byte) []string {
	here := map[string]string{}
	eachMount(ours, func(device, point, _ string) {
		if here[device] == "" {
			here[device] = point
		}
	})
	var found []string
	eachMount(theirs, func(device, _, kind string) {
		kind, _, _ = strings.Cut(kind, ".")
		if point := here[device]; point != "" && slices.Contains(remote, kind) && !slices.Contains(found, point) {
			found = append(found, point)
		}
	})
	return found
}

// RemoteAt returns where file systems that others answer for are mounted below a folder, and what it is on where that is one.
func RemoteAt(mountinfo []byte, folder string) []string {
	var found []string
	on, isRemote := "", false
	eachMount(mountinfo, func(_, point, kind string) {
		kind, _, _ = strings.Cut(kind, ".")
		if _, holds := Within(point, folder); holds && len(point) >= len(on) {
			on, isRemote = point, slices.Contains(remote, kind)
		} else if _, below := Within(folder, point); below && slices.Contains(remote, kind) {
			found = append(found, point)
		}
	})
	if isRemote {
		found = append([]string{on}, found...)
	}
	return found
}

// local are the file systems for which nobody but the kernel and a disk, or memory, has to answer.
var local = []string{"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "tmpfs"}

// usersOwn is where each user has a folder of their own, in which programs of theirs mount file systems.
const usersOwn = "/run/user"

// IsLocal reports whether a look through a folder asks such file systems alone: for the folder, what its path leads through, and
// all that is mounted in it. A kind that is not known is none of them. The file system of / counts only where the folder is on it,
// too: this program comes from there. A link in the folder can lead anywhere, and root's folders on its way are looked at. So there
// may be nothing that others answer for elsewhere, either, except automounters, which nobody enters, and what is in users' own
// folders.
func IsLocal(mountinfo []byte, folder string) bool {
	on, isLocal, others := "", false, false
	eachMount(mountinfo, func(_, point, kind string) {
		known := slices.Contains(local, kind)
		answers, _, _ := strings.Cut(kind, ".")
		_, apart := Within(usersOwn, point)
		others = others || point != "/" && !apart && answers != "autofs" && slices.Contains(remote, answers)
		_, holds := Within(point, folder)
		_, below := Within(folder, point)
		if holds && len(point) >= len(on) {
			on, isLocal = point, known
		}
		others = others || !known && (below || holds && point != "/")
	})
	return isLocal && !others
}

// AreLocal reports whether each of some folders IsLocal.
func AreLocal(mountinfo []byte, folders []config.Path) bool {
	return !slices.ContainsFunc(folders, func(f config.Path) bool { return !IsLocal(mountinfo, string(f)) })
}

// eachMount reads the lines of a mountinfo.
func eachMount(text []byte, f func(device, point, kind string)) {
	for line := range strings.Lines(string(text)) {
		before, after, _ := strings.Cut(strings.TrimSpace(line), " - ")
		mount, super := strings.Fields(before), strings.Fields(after)
		if len(mount) > 4 && len(super) > 0 {
			f(mount[2], Unescape(mount[4]), super[0])
		}
	}
}
