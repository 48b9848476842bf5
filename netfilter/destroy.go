// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// Destroy ends the connections of the given users, and those of the sockets that the given cgroups (v2, by inode number) opened, as
// ss -K does, and returns how many. Rules cannot: what a socket that was closed before they came still has to send
// belongs to nobody. Up to Linux 6.16 such a socket shows no uid either, and is known by its cgroup alone.
// Listening sockets stay: what is answered there is for the rules.
func Destroy(uids []Range, cgroups []uint64) (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return 0, fmt.Errorf("ask the kernel for sockets: %w", err)
	}
	defer unix.Close(fd)
	mine := func(s socket) bool {
		for _, ids := range uids {
			if s.uid >= ids.First && s.uid <= ids.Last {
				return true
			}
		}
		for _, group := range cgroups {
			if s.cgroup == group {
				return true
			}
		}
		return false
	}
	ended := 0
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		for _, protocol := range []byte{unix.IPPROTO_TCP, unix.IPPROTO_UDP, unix.IPPROTO_UDPLITE} {
			n, err := destroyKind(fd, family, protocol, mine)
			ended += n
			if err != nil {
				return ended, err
			}
		}
	}
	return ended, nil
}

func destroyKind(fd int, family, protocol byte, mine func(socket) bool) (int, error) {
	sockets, err := dumpSockets(fd, family, protocol)
	if errors.Is(err, unix.ENOENT) { // a kernel without that protocol's sock_diag
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("ask the kernel for sockets: %w", err)
	}
	ended := 0
	for _, s := range sockets {
		if !mine(s) {
			continue
		}
		err := talk(fd, netlinkMessage(unix.SOCK_DESTROY, unix.NLM_F_ACK, diagRequest(family, protocol, ^uint32(0), s.id)), nil)
		switch {
		case err == nil:
			ended++
		case errors.Is(err, unix.ENOENT): // ended by itself meanwhile
		case errors.Is(err, unix.EOPNOTSUPP):
			return ended, fmt.Errorf("end connections: this kernel cannot (CONFIG_INET_DIAG_DESTROY is off): %w", err)
		default:
			return ended, fmt.Errorf("end a connection: %w", err)
		}
	}
	return ended, nil
}

// socket is what Destroy needs of an inet_diag_msg: id is its inet_diag_sockid, as it came.
type socket struct {
	id     []byte
	uid    uint32
	cgroup uint64
}

const (
	tcpListen     = 10
	diagMsgSize   = 72 // struct inet_diag_msg
	diagCgroupID  = 21 // INET_DIAG_CGROUP_ID, Linux 5.9
	diagSockidLen = 48
)

// diagRequest returns a struct inet_diag_req_v2 for the sockets in states, or the one that id names.
func diagRequest(family, protocol byte, states uint32, id []byte) []byte {
	request := make([]byte, 8, 8+diagSockidLen)
	request[0], request[1] = family, protocol
	binary.NativeEndian.PutUint32(request[4:], states)
	if id == nil {
		id = make([]byte, diagSockidLen)
	}
	return append(request, id...)
}

func dumpSockets(fd int, family, protocol byte) ([]socket, error) {
	var found []socket
	states := ^uint32(1 << tcpListen)
	if protocol != unix.IPPROTO_TCP {
		states = 1 << 1 // connected ones; the state of the others is "closed"
	}
	err := talk(fd, netlinkMessage(unix.SOCK_DIAG_BY_FAMILY, unix.NLM_F_DUMP, diagRequest(family, protocol, states, nil)), func(body []byte) {
		if len(body) < diagMsgSize {
			return
		}
		s := socket{id: append([]byte(nil), body[4:4+diagSockidLen]...), uid: binary.NativeEndian.Uint32(body[64:])}
		if id := attributes(body[diagMsgSize:])[diagCgroupID]; len(id) >= 8 {
			s.cgroup = binary.NativeEndian.Uint64(id)
		}
		found = append(found, s)
	})
	return found, err
}
