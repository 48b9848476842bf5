// SPDX-License-Identifier: GPL-3.0-or-later

package kernel

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/a4u2/au/netfilter"
)

// ErrNoBPF says that this machine has nowhere to pin a program.
var ErrNoBPF = errors.New("no BPF file system at " + netfilter.BPFFolder)

// HasBPF reports whether a program can be pinned.
func HasBPF() bool {
	var fs unix.Statfs_t
	return unix.Statfs(netfilter.BPFFolder, &fs) == nil && fs.Type == unix.BPF_FS_MAGIC
}

// PinPrograms loads the agent's programs and leaves them where systemd looks for them, unless they are there. It needs CAP_BPF and
// CAP_NET_ADMIN.
func PinPrograms(p netfilter.Policy) error {
	if !HasBPF() {
		return ErrNoBPF
	}
	var failed error
	for _, program := range p.Programs() {
		failed = errors.Join(failed, pin(program, p.Table()))
	}
	return failed
}

func pin(program netfilter.Program, name string) error {
	if _, err := os.Lstat(program.Path); err == nil {
		return nil
	}
	fd, err := load(program, name)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if _, err := bpfAt(unix.BPF_OBJ_PIN, program.Path, fd); err != nil {
		return fmt.Errorf("pin a program at %s: %w", program.Path, err)
	}
	return nil
}

// UnpinPrograms removes the agent's programs, under whatever policy they were made, and takes them off its slice: systemd leaves a
// filter that its unit file no longer names where it is.
func UnpinPrograms(p netfilter.Policy) error {
	entries, err := os.ReadDir(netfilter.BPFFolder)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if name := entry.Name(); name == p.Table() || strings.HasPrefix(name, p.Table()+"_") {
			path := filepath.Join(netfilter.BPFFolder, name)
			err = errors.Join(err, detach(p, path), os.Remove(path))
		}
	}
	return err
}

// detach takes the program at path off the agent's slice, in each place where cgroups v2 may be.
func detach(p netfilter.Policy, path string) error {
	program, err := bpfAt(unix.BPF_OBJ_GET, path, 0)
	if err != nil {
		return fmt.Errorf("open the program at %s: %w", path, err)
	}
	defer unix.Close(program)
	kind := uint32(unix.BPF_CGROUP_INET_EGRESS)
	if path == p.JoinsPath() {
		kind = unix.BPF_CGROUP_SETSOCKOPT
	}
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		err := onCgroup(unix.BPF_PROG_DETACH, root+"/user.slice/"+p.SliceName(), program, kind)
		// No such slice, not attached, or no cgroup v2: there is nothing to take off.
		if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EBADF) && !errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("take the program at %s off %s: %w", path, p.SliceName(), err)
		}
	}
	return nil
}

// load gives a program to the kernel and returns its file descriptor.
func load(program netfilter.Program, name string) (int, error) {
	code, license := program.Code, []byte("GPL\x00")
	attr := struct { // union bpf_attr for BPF_PROG_LOAD, as far as it is used
		kind, count       uint32
		program, license  uint64
		logLevel, logSize uint32
		logBuf            uint64
		version, flags    uint32
		name              [16]byte
		ifindex, attach   uint32
	}{
		kind: program.Kind, count: uint32(len(code) / 8), attach: program.Attach,
		program: uint64(uintptr(unsafe.Pointer(&code[0]))), license: uint64(uintptr(unsafe.Pointer(&license[0]))),
	}
	copy(attr.name[:15], name)
	fd, err := bpf(unix.BPF_PROG_LOAD, unsafe.Pointer(&attr), unsafe.Sizeof(attr))
	runtime.KeepAlive(code)
	runtime.KeepAlive(license)
	if err != nil {
		return -1, fmt.Errorf("load a program for the slice: %w", err)
	}
	return fd, nil
}

// bpfAt pins the program fd at a path (BPF_OBJ_PIN), or opens what is pinned there (BPF_OBJ_GET).
func bpfAt(command int, path string, fd int) (int, error) {
	text, err := unix.BytePtrFromString(path)
	if err != nil {
		return -1, err
	}
	attr := struct {
		path      uint64
		fd, flags uint32
	}{path: uint64(uintptr(unsafe.Pointer(text))), fd: uint32(fd)}
	result, err := bpf(command, unsafe.Pointer(&attr), unsafe.Sizeof(attr))
	runtime.KeepAlive(text)
	return result, err
}

// onCgroup has the kernel run a program for a cgroup (BPF_PROG_ATTACH), or no longer (BPF_PROG_DETACH).
func onCgroup(command int, folder string, program int, kind uint32) error {
	cgroup, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer cgroup.Close()
	attr := struct{ target, program, kind, flags uint32 }{uint32(cgroup.Fd()), uint32(program), kind, 0}
	_, err = bpf(command, unsafe.Pointer(&attr), unsafe.Sizeof(attr))
	return err
}

func bpf(command int, attr unsafe.Pointer, size uintptr) (int, error) {
	fd, _, errno := unix.Syscall(unix.SYS_BPF, uintptr(command), uintptr(attr), size)
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}
