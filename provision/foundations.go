// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"fmt"
	"io/fs"
	"slices"
)

// Foundations are the folders in which only root may choose what is there, or, of those for temporary files, who owns what.
var Foundations = []string{"/", "/etc", "/usr", "/usr/local", "/usr/local/libexec", "/root", "/home", "/var", "/var/lib", "/run", "/tmp", "/var/tmp"}

// FolderFault says what is wrong with one of the Foundations, and what mends it; empty where nothing is. One that is a link, or is
// not there, has no fault of its own.
func FolderFault(path string, p Path) (problem, mend string) {
	temporary := slices.Contains([]string{"/tmp", "/var/tmp"}, path)
	switch {
	case !p.Exists || !p.Mode.IsDir():
		return "", ""
	case p.UID != 0:
		return fmt.Sprintf("%s belongs to uid %d, not to root", path, p.UID), "sudo chown root " + path
	case temporary && p.Mode&fs.ModeSticky == 0 && p.Mode.Perm()&0o022 != 0:
		return fmt.Sprintf("%s lets everybody remove and rename the files of others: it is not sticky", path), "sudo chmod 1777 " + path
	case !temporary && p.Mode.Perm()&0o002 != 0:
		return fmt.Sprintf("%s can be written by everybody (mode %04o)", path, p.Mode.Perm()), "sudo chmod o-w " + path
	}
	return "", ""
}

// KernelLacks says what a run needs and this kernel does not have; namespaces and filters are the names in /proc/self/ns and the
// actions of seccomp(2).
func KernelLacks(k Kernel, namespaces []string, filters string) (lacks []string) {
	if k.before(5, 12) {
		lacks = append(lacks, fmt.Sprintf("the kernel is %s, and runs need 5.12 or later", k))
	}
	for _, name := range []string{"mnt", "pid", "ipc", "user"} {
		if !slices.Contains(namespaces, name) {
			lacks = append(lacks, fmt.Sprintf("the kernel has no namespaces of the kind %q", name))
		}
	}
	if filters == "" {
		lacks = append(lacks, "the kernel has no system call filters (seccomp)")
	}
	return lacks
}
