// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"fmt"
	"slices"
	"strings"

	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision/share"
	auslices "github.com/a4u2/au/slices"
)

// Undead is a process that was killed and is still there, with what may hold it.
type Undead struct {
	auslices.Process
	Freezer string   // the file of a cgroup of version 1 that keeps it from running; empty: none
	Unit    string   // the systemd unit that it is in, where that is not the agent's own
	Remote  []string // mount points in this namespace of file systems that others answer for, of those that it sees
}

// Why says what keeps u alive, and returns the command that ends that. all are the processes of the machine.
func (u Undead) Why(all []auslices.Process) (why, mend string) {
	switch holder, ok := u.unreaped(all); {
	case u.Tracer != 0:
		return "is traced by " + name(all, u.Tracer), fmt.Sprintf("sudo kill -KILL %d", u.Tracer)
	case u.Freezer != "":
		return "is frozen by " + quote.Name(u.Freezer), "echo THAWED | sudo tee " + quote.Word(u.Freezer)
	case u.State == 'D' && len(u.Remote) > 0:
		return "waits for a file system that does not answer: " + quote.Name(strings.Join(u.Remote, " or ")), "sudo umount --force --lazy " + quote.Word(u.Remote[0])
	case u.State == 'D':
		return "waits in the kernel for a device that does not answer", fmt.Sprintf("sudo cat /proc/%d/stack", u.PID)
	case ok:
		return fmt.Sprintf("waits until %s takes note that %s has ended", name(all, holder.Parent), holder), fmt.Sprintf("sudo kill -KILL %d", holder.Parent)
	case strings.HasSuffix(u.Unit, ".service"):
		return "is started by " + quote.Name(u.Unit), "sudo systemctl stop " + quote.Word(u.Unit)
	}
	return fmt.Sprintf("is a child of %s, which may start it again", name(all, u.Parent)), fmt.Sprintf("ps -o pid,ppid,stat,wchan:32,args -p %d,%d", u.PID, u.Parent)
}

// Holders returns those of the living that keep the others from ending: the first process of a pid namespace ends when all in it
// have.
func Holders(alive []auslices.Process) []auslices.Process {
	waits := map[int]bool{}
	parent := map[int]int{}
	first := map[int]bool{}
	for _, p := range alive {
		parent[p.PID], first[p.PID] = p.Parent, len(p.PIDs) > 1 && p.PIDs[len(p.PIDs)-1] == "1"
	}
	for _, p := range alive {
		for above, ok := parent[p.PID]; ok && !waits[above]; above, ok = parent[above] {
			waits[above] = first[above]
		}
	}
	return slices.DeleteFunc(slices.Clone(alive), func(p auslices.Process) bool { return waits[p.PID] })
}

// unreaped finds what the first process of a pid namespace waits for when it ends: one that somebody outside has put into the
// namespace, that has ended, and whose parent does not take note of it.
func (u Undead) unreaped(all []auslices.Process) (p auslices.Process, ok bool) {
	if len(u.PIDs) < 2 || u.PIDs[len(u.PIDs)-1] != "1" {
		return p, false
	}
	depth := func(pid int) int {
		i := slices.IndexFunc(all, func(p auslices.Process) bool { return p.PID == pid })
		if i < 0 {
			return 0
		}
		return len(all[i].PIDs)
	}
	i := slices.IndexFunc(all, func(p auslices.Process) bool {
		return p.Ended() && len(p.PIDs) == len(u.PIDs) && p.PIDs[len(p.PIDs)-1] != "1" && depth(p.Parent) > 0 && depth(p.Parent) < len(u.PIDs)
	})
	if i < 0 {
		return p, false
	}
	return all[i], true
}

// name names a process, "300 strace".
func name(all []auslices.Process, pid int) string {
	for _, p := range all {
		if p.PID == pid {
			return p.String()
		}
	}
	return fmt.Sprintf("process %d", pid)
}

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
		if _, holds := share.Within(point, folder); holds && len(point) >= len(on) {
			on, isRemote = point, slices.Contains(remote, kind)
		} else if _, below := share.Within(folder, point); below && slices.Contains(remote, kind) {
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
		_, apart := share.Within(usersOwn, point)
		others = others || point != "/" && !apart && answers != "autofs" && slices.Contains(remote, answers)
		_, holds := share.Within(point, folder)
		_, below := share.Within(folder, point)
		if holds && len(point) >= len(on) {
			on, isLocal = point, known
		}
		others = others || !known && (below || holds && point != "/")
	})
	return isLocal && !others
}

// eachMount reads the lines of a mountinfo.
func eachMount(text []byte, f func(device, point, kind string)) {
	for line := range strings.Lines(string(text)) {
		before, after, _ := strings.Cut(strings.TrimSpace(line), " - ")
		mount, super := strings.Fields(before), strings.Fields(after)
		if len(mount) > 4 && len(super) > 0 {
			f(mount[2], share.Unescape(mount[4]), super[0])
		}
	}
}
