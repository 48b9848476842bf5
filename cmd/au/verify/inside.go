// SPDX-License-Identifier: GPL-3.0-or-later

package verify

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// seen returns those of the paths that are there for whoever asks, each with what it is there for.
func seen(paths []string) (open []string) {
	for _, path := range paths {
		if _, err := os.Lstat(path); err == nil {
			open = append(open, path+" is there")
		}
	}
	return open
}

func tryHumanFiles(b Bait) ([]string, string) { return seen(b.Secrets), "" }

func tryTemporary(b Bait) ([]string, string) { return seen(b.Temporary), "" }

func tryOtherHomes(b Bait) (open []string, untried string) {
	for _, home := range b.Homes {
		if entries, err := os.ReadDir(home); err == nil && len(entries) > 0 {
			open = append(open, fmt.Sprintf("%s is read: it has %q", home, entries[0].Name()))
		}
	}
	return open, ""
}

// tryProcesses reads whose each process is that /proc shows.
func tryProcesses(b Bait) (open []string, untried string) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err.Error()
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue
		}
		st, ok := info.Sys().(*syscall.Stat_t)
		if ok && st.Uid != b.UID && pid != 1 { // the first is the guard, which hides
			open = append(open, fmt.Sprintf("process %d of uid %d is seen", pid, st.Uid))
		}
	}
	return open, ""
}

// tryTerminal asks the kernel to type into a file that is not a terminal. The filter refuses that with EPERM, and a kernel that is
// asked says what is wrong with it. So this is seen where the kernel's own setting (dev.tty.legacy_tiocsti) would stop it, too.
func tryTerminal(Bait) (open []string, untried string) {
	file, err := os.Open("/dev/null")
	if err != nil {
		return open, err.Error()
	}
	defer file.Close()
	for _, call := range []struct {
		name   string
		number uint
	}{{"TIOCSTI", unix.TIOCSTI}, {"TIOCLINUX", unix.TIOCLINUX}} {
		if err := unix.IoctlSetPointerInt(int(file.Fd()), call.number, 0); !errors.Is(err, unix.EPERM) {
			open = append(open, call.name+" reaches the kernel")
		}
	}
	return open, ""
}

// greeting is what the human's servers answer.
const greeting = "the human's\n"

// tryLocal waits for the human's own answer: a connection that is made may end at the daemon of the agent's network.
func tryLocal(b Bait) (open []string, untried string) {
	if len(b.Local) == 0 {
		return nil, "the network is not restricted, or its rules open all of this machine"
	}
	for _, at := range b.Local {
		network, address, _ := strings.Cut(at, " ")
		conn, err := net.DialTimeout(network, address, time.Second)
		if err != nil {
			continue
		}
		_ = conn.SetDeadline(time.Now().Add(time.Second))
		_, _ = conn.Write([]byte("au verify\n"))
		got := make([]byte, len(greeting))
		if _, err := io.ReadFull(conn, got); err == nil && string(got) == greeting {
			open = append(open, at+" answers")
		}
		conn.Close()
	}
	return open, ""
}

// trySockets connects to each socket. One that is of another kind has been reached all the same.
func trySockets(b Bait) (open []string, untried string) {
	for _, path := range b.Sockets {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return open, err.Error()
		}
		err = unix.Connect(fd, &unix.SockaddrUnix{Name: path})
		unix.Close(fd)
		if err == nil || errors.Is(err, unix.EPROTOTYPE) || errors.Is(err, unix.EAGAIN) {
			open = append(open, path+" is reached")
		}
	}
	return open, ""
}

func tryAbstract(b Bait) (open []string, untried string) {
	conn, err := net.Dial("unix", b.Abstract)
	if err == nil {
		conn.Close()
		return []string{b.Abstract + " is reached"}, ""
	}
	return nil, ""
}

func tryShared(b Bait) (open []string, untried string) {
	if b.SharedKey == 0 {
		return nil, "there is no System V memory here"
	}
	if _, err := unix.SysvShmGet(b.SharedKey, 0, 0); err == nil {
		open = append(open, "the human's memory is there")
	}
	return open, ""
}

func tryFamilies(Bait) (open []string, untried string) {
	for _, s := range []struct {
		name                   string
		family, kind, protocol int
	}{{"AF_ALG", unix.AF_ALG, unix.SOCK_SEQPACKET, 0}, {"AF_VSOCK", unix.AF_VSOCK, unix.SOCK_STREAM, 0}, {"NETLINK_XFRM", unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_XFRM}, {"AF_PACKET", unix.AF_PACKET, unix.SOCK_RAW, 0}} {
		if fd, err := unix.Socket(s.family, s.kind|unix.SOCK_CLOEXEC, s.protocol); err == nil {
			unix.Close(fd)
			open = append(open, "a socket of "+s.name+" was made")
		}
	}
	return open, ""
}

// tryKeyrings asks for the user's keyrings by their numbers. The call makes none.
func tryKeyrings(Bait) (open []string, untried string) {
	for _, ring := range []struct {
		name string
		id   int
	}{{"user's", unix.KEY_SPEC_USER_KEYRING}, {"user session's", unix.KEY_SPEC_USER_SESSION_KEYRING}} {
		if _, err := unix.KeyctlGetKeyringID(ring.id, false); err == nil || errors.Is(err, unix.ENOKEY) {
			open = append(open, "the "+ring.name+" keyring answers")
		}
	}
	return open, ""
}

// everyRuns are the names in /dev of every run, and beginnings of those of the cards.
var (
	everyRuns = []string{"null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm", "mqueue", "fd", "stdin", "stdout", "stderr", "console", "core", "fuse", "net"}
	cards     = []string{"kvm", "dri", "kfd", "accel", "dxg", "nvidia"}
)

func tryDevices(Bait) (open []string, untried string) {
	entries, err := os.ReadDir("/dev")
	if err != nil {
		return nil, err.Error()
	}
	for _, e := range entries {
		if !slices.Contains(everyRuns, e.Name()) && !slices.ContainsFunc(cards, func(c string) bool { return strings.HasPrefix(e.Name(), c) }) {
			open = append(open, "/dev/"+e.Name()+" is there")
		}
	}
	return open, ""
}

// tryCgroup opens for writing what would let the process out or change its limits, and writes nothing.
func tryCgroup(b Bait) (open []string, untried string) {
	if b.Slice == "" {
		return nil, "there is no systemd here, and so no cgroup of the agent"
	}
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err.Error()
	}
	unified := !exists("/sys/fs/cgroup/memory")
	for line := range strings.Lines(strings.TrimSpace(string(text))) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		binds := len(fields) == 3 && (unified || slices.Contains([]string{"memory", "pids"}, fields[1]))
		if binds && !strings.Contains(fields[2], "/"+b.Slice+"/") {
			open = append(open, "the run is in the cgroup "+fields[2])
		}
	}
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fs.SkipDir
		case e.IsDir() && strings.Count(path, "/") > 8:
			return fs.SkipDir
		case slices.Contains([]string{"cgroup.procs", "tasks", "pids.max", "memory.max", "memory.limit_in_bytes", "cpu.max"}, e.Name()):
			if fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0); err == nil {
				unix.Close(fd)
				open = append(open, path+" can be written")
			}
		}
		return nil
	})
	return open, ""
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func tryPolicy(b Bait) (open []string, untried string) {
	for _, path := range []string{b.Policy, b.Entrypoint} {
		if fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC, 0); err == nil {
			unix.Close(fd)
			open = append(open, path+" can be written")
		}
	}
	if err := exec.Command(b.Entrypoint, b.Agent, "--", "true").Run(); err == nil {
		open = append(open, "the agent started a run")
	}
	return open, ""
}

// trySetID makes a file of its own set-uid, in memory, in its home and in a share.
func trySetID(b Bait) (open []string, untried string) {
	for _, folder := range []string{"/tmp", b.OwnHome, b.Share} {
		if folder == "" {
			continue
		}
		file, err := os.CreateTemp(folder, ".au-verify-")
		if err != nil {
			continue
		}
		if unix.Fchmod(int(file.Fd()), 0o4700) == nil {
			open = append(open, "a file in "+folder+" became set-uid")
		}
		os.Remove(file.Name())
		file.Close()
	}
	return open, ""
}

const noShare = "no folder of yours could be shared for it"

func tryEdges(b Bait) (open []string, untried string) {
	if b.Share == "" {
		return nil, noShare
	}
	for _, way := range []string{"/link", "/../secret", "/link/../secret"} {
		if text, err := os.ReadFile(b.Share + way); err == nil {
			open = append(open, fmt.Sprintf("%s is read (%d bytes)", b.Share+way, len(text)))
		}
	}
	return open, ""
}

func tryReadOnly(b Bait) (open []string, untried string) {
	if b.ReadOnly == "" {
		return nil, noShare
	}
	if fd, err := unix.Open(b.ReadOnly+"/file", unix.O_WRONLY|unix.O_CLOEXEC, 0); err == nil {
		unix.Close(fd)
		open = append(open, b.ReadOnly+"/file can be written")
	}
	if os.Mkdir(b.ReadOnly+"/made", 0o700) == nil {
		open = append(open, b.ReadOnly+"/made was made")
	}
	return open, ""
}

// tryWrites has to succeed: open says what does not.
func tryWrites(b Bait) (open []string, untried string) {
	if b.Share == "" {
		return nil, noShare
	}
	if err := os.WriteFile(b.Share+"/made", []byte("by the agent\n"), 0o644); err != nil {
		return []string{err.Error()}, ""
	}
	return nil, ""
}

func tryHome(b Bait) (open []string, untried string) {
	file, err := os.CreateTemp(b.OwnHome, ".au-verify-")
	if err != nil {
		return []string{err.Error()}, ""
	}
	os.Remove(file.Name())
	file.Close()
	if b.HomeFile == "" {
		return nil, ""
	}
	if file, err = os.OpenFile(b.HomeFile, os.O_APPEND|os.O_WRONLY, 0); err != nil {
		return []string{err.Error()}, ""
	}
	defer file.Close()
	if _, err := file.WriteString("and the agent\n"); err != nil {
		open = append(open, err.Error())
	}
	return open, ""
}

func tryNamespace(Bait) (open []string, untried string) {
	cmd := exec.Command("/proc/self/exe", "--version")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER}
	if err := cmd.Run(); err == nil {
		open = append(open, "a user namespace was made")
	}
	return open, ""
}

// trySetUID has a set-id program do what only it can: chage(1) reads the age of the agent's own password, which is root's to read.
func trySetUID(b Bait) (open []string, untried string) {
	if b.Chage == "" {
		return nil, "there is no chage(1) to try it with"
	}
	if err := exec.Command(b.Chage, "--list", b.Agent).Run(); err == nil {
		open = append(open, b.Chage+" has its rights")
	}
	return open, ""
}

// tryPowers tries what only root may do, in such a way that it would change nothing that others see.
func tryPowers(Bait) (open []string, untried string) {
	if unix.Mount("/tmp", "/tmp", "", unix.MS_BIND, "") == nil {
		open = append(open, "a folder was mounted")
	}
	const node = "/tmp/.au-verify-node"
	if unix.Mknod(node, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))) == nil {
		os.Remove(node)
		open = append(open, "a device was made")
	}
	if unix.Chroot("/") == nil {
		open = append(open, "the root folder was changed")
	}
	var uts unix.Utsname
	if unix.Uname(&uts) == nil && unix.Sethostname([]byte(unix.ByteSliceToString(uts.Nodename[:]))) == nil {
		open = append(open, "the host name was set")
	}
	return open, ""
}

func tryIdentity(b Bait) (open []string, untried string) {
	if os.Getuid() != int(b.UID) || os.Geteuid() != int(b.UID) {
		open = append(open, fmt.Sprintf("the run has uid %d", os.Geteuid()))
	}
	if groups, err := os.Getgroups(); err == nil && slices.ContainsFunc(groups, func(g int) bool { return g != os.Getgid() }) {
		open = append(open, fmt.Sprintf("the run has groups of others: %v", groups))
	}
	for _, uid := range []int{0, int(b.Human)} {
		if uid != int(b.UID) && syscall.Setresuid(-1, uid, -1) == nil {
			open = append(open, fmt.Sprintf("it became uid %d", uid))
		}
	}
	return open, ""
}
