// SPDX-License-Identifier: GPL-3.0-or-later

package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/a4u2/au/netfilter"
)

// EndConnections ends the connections of the given users, and those of the sockets that the given cgroups (v2, by inode number)
// opened, as ss -K does, and returns how many. Rules cannot: what a socket that was closed before they came still has to send
// belongs to nobody. Up to Linux 6.16 such a socket shows no uid either, and is known by its cgroup alone. Listening sockets stay:
// what is answered there is for the rules.
func EndConnections(uids []netfilter.Range, cgroups []uint64) (int, error) {
	c, err := converse(unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return 0, fmt.Errorf("ask the kernel for sockets: %w", err)
	}
	defer c.close()
	mine := func(s connection) bool {
		return slices.Contains(cgroups, s.cgroup) || slices.ContainsFunc(uids, func(r netfilter.Range) bool { return r.Has(s.uid) })
	}
	ended := 0
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		for _, protocol := range []byte{unix.IPPROTO_TCP, unix.IPPROTO_UDP, unix.IPPROTO_UDPLITE} {
			n, err := c.endKind(family, protocol, mine)
			ended += n
			if err != nil {
				return ended, err
			}
		}
	}
	return ended, nil
}

func (c *conversation) endKind(family, protocol byte, mine func(connection) bool) (ended int, err error) {
	sockets, err := c.connections(family, protocol)
	if errors.Is(err, unix.ENOENT) { // a kernel without that protocol's sock_diag
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("ask the kernel for sockets: %w", err)
	}
	for _, s := range sockets {
		if !mine(s) {
			continue
		}
		err := c.ask(nil, message(unix.SOCK_DESTROY, unix.NLM_F_ACK, diagRequest(family, protocol, everyState, s.id)))
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

// A connection is a socket, and the inode number of the cgroup (v2) that it was opened in; 0 where the kernel does not say.
type connection struct {
	socket
	cgroup uint64
}

const diagCgroupID = 21 // INET_DIAG_CGROUP_ID, Linux 5.9

// connections returns the sockets of a kind that have another end.
func (c *conversation) connections(family, protocol byte) (found []connection, err error) {
	states := ^uint32(1 << tcpListen)
	if protocol != unix.IPPROTO_TCP {
		states = 1 << tcpEstablished // the state of the others is "closed"
	}
	request := diagRequest(family, protocol, states, make([]byte, diagSockidSize))
	err = c.ask(func(body []byte) {
		s, err := readSocket(slices.Clone(body))
		if err != nil {
			return
		}
		one := connection{socket: s}
		if id := attributes(body[diagMsgSize:])[diagCgroupID]; len(id) >= 8 {
			one.cgroup = binary.NativeEndian.Uint64(id)
		}
		found = append(found, one)
	}, message(unix.SOCK_DIAG_BY_FAMILY, unix.NLM_F_DUMP, request))
	return found, err
}
