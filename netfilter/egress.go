// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// The second layer: a program that the kernel runs for every packet which leaves a cgroup of the agent's slice, whosever uid sends
// it. systemd attaches it (IPEgressFilterPath=, systemd.resource-control(5), cgroup v2). It needs no rule of the first layer: what
// was diverted leaves by lo, and everything that was not dies.
//
// systemd's own IPAddressDeny=any, IPAddressAllow=localhost cannot do it: it looks at what comes in as well, and the answer to a
// diverted connection comes from the address that was dialled.

// BPFFolder is where programs are pinned.
const BPFFolder = "/sys/fs/bpf"

// A Program is one that the kernel runs for the agent's slice.
type Program struct {
	Path         string // where it is pinned
	Kind, Attach uint32 // BPF_PROG_TYPE_*, BPF_CGROUP_*
	Code         []byte // instructions
}

// Programs returns the agent's two: the one that packets pass, and the one that socket options pass.
func (p *Policy) Programs() []Program {
	return []Program{
		{p.EgressPath(), unix.BPF_PROG_TYPE_CGROUP_SKB, unix.BPF_CGROUP_INET_EGRESS, p.egress()},
		{p.JoinsPath(), unix.BPF_PROG_TYPE_CGROUP_SOCKOPT, unix.BPF_CGROUP_SETSOCKOPT, joins()},
	}
}

// EgressPath returns where the agent's program is pinned. Another program has another path, so that systemd takes note.
func (p *Policy) EgressPath() string {
	path := BPFFolder + "/" + p.Table()
	if servers := p.outsideResolvers(); len(servers) > 0 {
		hash := fnv.New32a()
		for _, server := range servers {
			hash.Write(server.AsSlice())
		}
		path += fmt.Sprintf("_%08x", hash.Sum32())
	}
	return path
}

// JoinsPath returns where the program is pinned that refuses the agent's sockets to join multicast groups. The kernel itself tells
// the network by packets which groups, and which sources in them, a socket joined. An agent could put a message into those
// addresses.
func (p *Policy) JoinsPath() string { return BPFFolder + "/" + p.Table() + "_joins" }

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

// LoopbackIndex is the number of lo, in every network namespace.
const LoopbackIndex = 1

// egress returns the program: out by lo, or to a DNS server that the agent may ask itself; nothing else.
func (p *Policy) egress() []byte {
	allow := [][]byte{op(movImm, 0, 0, 0, 1), op(exit, 0, 0, 0, 0)}
	program := [][]byte{
		op(loadU32, 2, 1, skbIfindex, 0),
		op(jumpNe, 2, 0, int16(len(allow)), LoopbackIndex),
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

// joins returns the program that refuses socket options which join, or narrow, a multicast or anycast group (linux/in.h,
// linux/in6.h), and lets all others be.
func joins() []byte {
	var program [][]byte
	refuse := [][]byte{op(movImm, 0, 0, 0, 0), op(exit, 0, 0, 0, 0)}
	// With size 0 the kernel takes the option's value from the caller. Else it refuses one that is larger than a page, before Linux
	// 6.4.
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
