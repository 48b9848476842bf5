// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The second layer: a program that the kernel runs for every packet which leaves a cgroup of the agent's slice, whosever uid sends it. systemd
// attaches it (IPEgressFilterPath=, systemd.resource-control(5), cgroup v2). It needs no rule of the first layer: what was diverted
// leaves by lo, and everything that was not dies.
//
// systemd's own IPAddressDeny=any, IPAddressAllow=localhost cannot do it: it looks at what comes in as well, and the answer to a diverted
// connection comes from the address that was dialled.

const bpfFolder = "/sys/fs/bpf"

// EgressPath returns where the agent's program is pinned. Another program has another path, so that systemd takes note.
func (p Policy) EgressPath() string {
	path := bpfFolder + "/" + p.Table()
	if servers := p.outsideResolvers(); len(servers) > 0 {
		hash := fnv.New32a()
		for _, server := range servers {
			hash.Write(server.AsSlice())
		}
		path += fmt.Sprintf("_%08x", hash.Sum32())
	}
	return path
}

// ErrNoBPF says that this machine has nowhere to pin a program.
var ErrNoBPF = errors.New("no BPF file system at " + bpfFolder)

// JoinsPath returns where the program is pinned that refuses the agent's sockets to join multicast groups. Which groups, and which sources in them,
// the kernel tells the network by packets of its own, and an agent could make those addresses of whatever it has to say.
func (p Policy) JoinsPath() string { return bpfFolder + "/" + p.Table() + "_joins" }

// HasBPF reports whether a program can be pinned.
func HasBPF() bool {
	var fs unix.Statfs_t
	return unix.Statfs(bpfFolder, &fs) == nil && fs.Type == unix.BPF_FS_MAGIC
}

// PinEgress loads the agent's programs and leaves them at EgressPath and JoinsPath, unless they are there. It needs CAP_BPF and CAP_NET_ADMIN.
func (p Policy) PinEgress() error {
	if !HasBPF() {
		return ErrNoBPF
	}
	return errors.Join(pin(p.EgressPath(), p.loadEgress), pin(p.JoinsPath(), p.loadJoins))
}

func pin(at string, load func() (int, error)) error {
	if _, err := os.Lstat(at); err == nil {
		return nil
	}
	fd, err := load()
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	path, err := unix.BytePtrFromString(at)
	if err != nil {
		return err
	}
	attr := struct {
		path  uint64
		fd    uint32
		flags uint32
	}{uint64(uintptr(unsafe.Pointer(path))), uint32(fd), 0}
	_, err = bpf(unix.BPF_OBJ_PIN, unsafe.Pointer(&attr), unsafe.Sizeof(attr))
	runtime.KeepAlive(path)
	if err != nil {
		return fmt.Errorf("pin a program at %s: %w", at, err)
	}
	return nil
}

// UnpinEgress removes the agent's programs, under whatever policy they were made, and takes them off its slice: systemd leaves a filter
// that its unit file no longer names where it is.
func (p Policy) UnpinEgress() error {
	entries, err := os.ReadDir(bpfFolder)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if name := entry.Name(); name == p.Table() || strings.HasPrefix(name, p.Table()+"_") {
			err = errors.Join(err, p.detachEgress(bpfFolder+"/"+name), os.Remove(bpfFolder+"/"+name))
		}
	}
	return err
}

// detachEgress takes the program at path off the agent's slice, in each place where cgroups v2 may be.
func (p Policy) detachEgress(path string) error {
	text, err := unix.BytePtrFromString(path)
	if err != nil {
		return err
	}
	get := struct {
		path  uint64
		fd    uint32
		flags uint32
	}{path: uint64(uintptr(unsafe.Pointer(text)))}
	program, err := bpf(unix.BPF_OBJ_GET, unsafe.Pointer(&get), unsafe.Sizeof(get))
	runtime.KeepAlive(text)
	if err != nil {
		return fmt.Errorf("open the program at %s: %w", path, err)
	}
	defer unix.Close(program)
	kind := uint32(unix.BPF_CGROUP_INET_EGRESS)
	if path == p.JoinsPath() {
		kind = unix.BPF_CGROUP_SETSOCKOPT
	}
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		slice, err := os.Open(root + "/user.slice/" + p.SliceName())
		if err != nil {
			continue
		}
		attr := struct{ target, program, kind, flags uint32 }{uint32(slice.Fd()), uint32(program), kind, 0}
		_, err = bpf(unix.BPF_PROG_DETACH, unsafe.Pointer(&attr), unsafe.Sizeof(attr))
		slice.Close()
		// Not attached, or no cgroup v2: there is nothing to take off.
		if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EBADF) && !errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("take the program at %s off %s: %w", path, p.SliceName(), err)
		}
	}
	return nil
}

// loadEgress gives the program that packets pass to the kernel and returns its file descriptor.
func (p Policy) loadEgress() (int, error) {
	return p.load(unix.BPF_PROG_TYPE_CGROUP_SKB, unix.BPF_CGROUP_INET_EGRESS, p.egress())
}

// loadJoins is loadEgress for the program that socket options pass.
func (p Policy) loadJoins() (int, error) {
	return p.load(unix.BPF_PROG_TYPE_CGROUP_SOCKOPT, unix.BPF_CGROUP_SETSOCKOPT, joins())
}

func (p Policy) load(kind, attach uint32, program []byte) (int, error) {
	license := []byte("GPL\x00")
	attr := struct { // union bpf_attr for BPF_PROG_LOAD, as far as it is used
		kind, count       uint32
		program, license  uint64
		logLevel, logSize uint32
		logBuf            uint64
		version, flags    uint32
		name              [16]byte
		ifindex, attach   uint32
	}{
		kind: kind, count: uint32(len(program) / 8), attach: attach,
		program: uint64(uintptr(unsafe.Pointer(&program[0]))), license: uint64(uintptr(unsafe.Pointer(&license[0]))),
	}
	copy(attr.name[:15], p.Table())
	fd, err := bpf(unix.BPF_PROG_LOAD, unsafe.Pointer(&attr), unsafe.Sizeof(attr))
	runtime.KeepAlive(program)
	runtime.KeepAlive(license)
	if err != nil {
		return -1, fmt.Errorf("load a program for the slice: %w", err)
	}
	return fd, nil
}

func bpf(command int, attr unsafe.Pointer, size uintptr) (int, error) {
	fd, _, errno := unix.Syscall(unix.SYS_BPF, uintptr(command), uintptr(attr), size)
	if errno != 0 {
		return -1, errno
	}
	return int(fd), nil
}

// Instructions of BPF, as far as the program needs them (Documentation/bpf/standardization/instruction-set.rst).
const (
	movReg   = 0xbf // dst = src
	movImm   = 0xb7 // dst = imm
	addImm   = 0x07 // dst += imm
	rshImm   = 0x77 // dst >>= imm
	loadU8   = 0x71 // dst = *(u8 *)(src + off)
	loadU32  = 0x61 // dst = *(u32 *)(src + off)
	jumpNe   = 0x55 // if dst != imm, skip off
	jumpNe32 = 0x56 // the same on the low 32 bits, which an immediate of more than 31 needs
	jumpGt   = 0x2d // if dst > src, skip off
	jumpLtI  = 0xa5 // if dst < imm, skip off
	jumpGtI  = 0x25 // if dst > imm, skip off
	storeU32 = 0x63 // *(u32 *)(dst + off) = src
	exit     = 0x95 // end with r0: 1 lets the packet go, 0 ends it with EPERM
)

// Offsets into the context, struct __sk_buff. The packet begins with its IP header.
const (
	skbIfindex = 40
	skbData    = 76
	skbDataEnd = 80
)

// Offsets into the context of the other program, struct bpf_sockopt.
const (
	optLevel = 24
	optName  = 28
	optSize  = 32
)

const loopbackIndex = 1 // of lo, in every network namespace

// egress returns the program: out by lo, or to a DNS server that the agent may ask itself; nothing else.
func (p Policy) egress() []byte {
	allow := [][]byte{op(movImm, 0, 0, 0, 1), op(exit, 0, 0, 0, 0)}
	program := [][]byte{
		op(loadU32, 2, 1, skbIfindex, 0),
		op(jumpNe, 2, 0, int16(len(allow)), loopbackIndex),
	}
	program = append(program, allow...)
	for _, server := range p.outsideResolvers() {
		program = append(program, unlessSentTo(server, len(allow))...)
		program = append(program, allow...)
	}
	program = append(program, op(movImm, 0, 0, 0, 0), op(exit, 0, 0, 0, 0))
	var code []byte
	for _, instruction := range program {
		code = append(code, instruction...)
	}
	return code
}

// joins returns the program that refuses socket options which join, or narrow, a multicast or anycast group (linux/in.h, linux/in6.h), and
// lets all others be.
func joins() []byte {
	var program [][]byte
	refuse := [][]byte{op(movImm, 0, 0, 0, 0), op(exit, 0, 0, 0, 0)}
	// With size 0 the kernel takes the option's value from the caller. Else it refuses one that is larger than a page, before Linux 6.4.
	program = append(program, op(movImm, 3, 0, 0, 0), op(storeU32, 1, 3, optSize, 0), op(loadU32, 2, 1, optLevel, 0), op(loadU32, 4, 1, optName, 0))
	for _, group := range []struct{ level, first, last int32 }{
		{unix.SOL_IP, unix.IP_ADD_MEMBERSHIP, mcastFilter},
		{unix.SOL_IPV6, unix.IPV6_JOIN_GROUP, unix.IPV6_LEAVE_GROUP},
		{unix.SOL_IPV6, unix.IPV6_JOIN_ANYCAST, unix.IPV6_LEAVE_ANYCAST},
		{unix.SOL_IPV6, mcastJoin, mcastFilter},
	} {
		skip := int16(len(refuse))
		program = append(program, op(jumpNe, 2, 0, skip+2, group.level), op(jumpLtI, 4, 0, skip+1, group.first), op(jumpGtI, 4, 0, skip, group.last))
		program = append(program, refuse...)
	}
	return slices.Concat(append(program, op(movImm, 0, 0, 0, 1), op(exit, 0, 0, 0, 0))...)
}

// MCAST_JOIN_GROUP and MCAST_MSFILTER, for both families.
const mcastJoin, mcastFilter = 42, 48

// unlessSentTo returns instructions that skip as many behind them, unless the packet's destination is addr.
func unlessSentTo(addr netip.Addr, behind int) [][]byte {
	version, at, header, words := int32(4), int16(16), int32(20), addr.AsSlice()
	if addr.Is6() {
		version, at, header = 6, 24, 40
	}
	total := 8 + len(words)/2
	var block [][]byte
	skip := func(code, dst, src byte, imm int32) {
		block = append(block, op(code, dst, src, int16(total-len(block)-1+behind), imm))
	}
	block = append(block, op(loadU32, 2, 1, skbData, 0), op(loadU32, 3, 1, skbDataEnd, 0), op(movReg, 4, 2, 0, 0), op(addImm, 4, 0, 0, header))
	skip(jumpGt, 4, 3, 0)
	block = append(block, op(loadU8, 5, 2, 0, 0), op(rshImm, 5, 0, 0, 4))
	skip(jumpNe, 5, 0, version)
	for i := 0; i < len(words); i += 4 {
		block = append(block, op(loadU32, 5, 2, at+int16(i), 0))
		skip(jumpNe32, 5, 0, int32(binary.NativeEndian.Uint32(words[i:])))
	}
	return block
}

func op(code byte, dst, src byte, offset int16, imm int32) []byte {
	b := []byte{code, dst | src<<4, 0, 0, 0, 0, 0, 0}
	binary.NativeEndian.PutUint16(b[2:], uint16(offset))
	binary.NativeEndian.PutUint32(b[4:], uint32(imm))
	return b
}
