// SPDX-License-Identifier: GPL-3.0-or-later

package kernel

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// A socket is what is needed of a struct inet_diag_msg.
type socket struct {
	id     []byte // its inet_diag_sockid, as it came
	state  byte
	uid    uint32
	cookie uint64
}

const (
	tcpEstablished = 1
	tcpListen      = 10
	diagMsgSize    = 72 // struct inet_diag_msg
	diagSockid     = 4  // where in it the inet_diag_sockid is
	diagSockidSize = 48
	diagUID        = 64 // where in it the uid is
	diagCookie     = 44 // where in it the cookie is, a part of the inet_diag_sockid
	everyState     = ^uint32(0)
)

// diagRequest returns a struct inet_diag_req_v2 for the sockets in states, or the one that id names.
func diagRequest(family, protocol byte, states uint32, id []byte) []byte {
	request := binary.NativeEndian.AppendUint32([]byte{family, protocol, 0, 0}, states)
	return append(request, id...)
}

// sockid returns a struct inet_diag_sockid for what has these addresses, in a device or in any (0).
func sockid(local, remote netip.AddrPort, device uint32) []byte {
	id := binary.BigEndian.AppendUint16(nil, local.Port())
	id = binary.BigEndian.AppendUint16(id, remote.Port())
	for _, addr := range []netip.Addr{local.Addr(), remote.Addr()} {
		var wide [16]byte
		copy(wide[:], addr.AsSlice())
		id = append(id, wide[:]...)
	}
	id = binary.NativeEndian.AppendUint32(id, device)
	return binary.NativeEndian.AppendUint64(id, ^uint64(0)) // cookie: any
}

// readSocket reads a struct inet_diag_msg.
func readSocket(body []byte) (socket, error) {
	if len(body) < diagMsgSize {
		return socket{}, fmt.Errorf("socket answer of %d bytes: want %d", len(body), diagMsgSize)
	}
	return socket{
		id:     body[diagSockid : diagSockid+diagSockidSize],
		state:  body[1],
		uid:    binary.NativeEndian.Uint32(body[diagUID:]),
		cookie: binary.NativeEndian.Uint64(body[diagCookie:]),
	}, nil
}

func familyOf(addr netip.Addr) byte {
	if addr.Is6() {
		return unix.AF_INET6
	}
	return unix.AF_INET
}
