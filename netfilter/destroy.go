// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"encoding/binary"
	"errors"
	"fmt"
	"syscall"

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
		err := talk(fd, unix.SOCK_DESTROY, unix.NLM_F_REQUEST|unix.NLM_F_ACK, diagRequest(family, protocol, ^uint32(0), s.id), nil)
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
	err := talk(fd, unix.SOCK_DIAG_BY_FAMILY, unix.NLM_F_REQUEST|unix.NLM_F_DUMP, diagRequest(family, protocol, states, nil), func(body []byte) {
		if len(body) < diagMsgSize {
			return
		}
		s := socket{id: append([]byte(nil), body[4:4+diagSockidLen]...), uid: binary.NativeEndian.Uint32(body[64:])}
		for rest := body[diagMsgSize:]; len(rest) >= 4; {
			size, kind := int(binary.NativeEndian.Uint16(rest)), binary.NativeEndian.Uint16(rest[2:])
			if size < 4 || size > len(rest) {
				break
			}
			if kind == diagCgroupID && size >= 12 {
				s.cgroup = binary.NativeEndian.Uint64(rest[4:])
			}
			rest = rest[min((size+3)&^3, len(rest)):]
		}
		found = append(found, s)
	})
	return found, err
}

// talk sends one netlink request and hands the bodies of the answers to each, until the kernel says that it is done.
func talk(fd int, kind, flags uint16, body []byte, each func(body []byte)) error {
	request := make([]byte, unix.NLMSG_HDRLEN, unix.NLMSG_HDRLEN+len(body))
	binary.NativeEndian.PutUint32(request, uint32(cap(request)))
	binary.NativeEndian.PutUint16(request[4:], kind)
	binary.NativeEndian.PutUint16(request[6:], flags)
	if err := unix.Sendto(fd, append(request, body...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	buf := make([]byte, 64<<10)
	for {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if err != nil {
			return err
		}
		messages, err := syscall.ParseNetlinkMessage(buf[:n])
		if err != nil {
			return err
		}
		for _, m := range messages {
			switch m.Header.Type {
			case unix.NLMSG_DONE:
				return nil
			case unix.NLMSG_ERROR:
				if code := int32(binary.NativeEndian.Uint32(m.Data)); code != 0 {
					return syscall.Errno(-code)
				}
				return nil
			default:
				each(m.Data)
			}
		}
	}
}
