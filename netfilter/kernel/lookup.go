// SPDX-License-Identifier: GPL-3.0-or-later

package kernel

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/a4u2/au/netfilter"
)

// ErrNoSocket says that no socket has the addresses that were looked for.
var ErrNoSocket = errors.New("no such socket")

// An Owner is whose socket it is. The cookie is never used for another socket.
type Owner struct {
	UID    uint32
	Cookie uint64
	Listen bool
}

// A Lookup knows whose the sockets of this machine are, and which addresses are its own. The zero value is ready; it is safe for
// concurrent use, one question at a time.
type Lookup struct {
	mu              sync.Mutex
	sockets, routes *conversation // nil: not open
}

// Listener returns who would be asked if dst were dialled now. Only the kernel
// knows: specific before wildcard, IPv4 apart from IPv6-only, devices, groups.
func (l *Lookup) Listener(dst netip.AddrPort) (Owner, error) {
	any4or6 := netip.IPv4Unspecified()
	if dst.Addr().Is6() {
		any4or6 = netip.IPv6Unspecified()
	}
	// No connection has port 0, so that only a listener can fit; one that is bound to another device than lo is not asked.
	return l.owner(dst, unix.IPPROTO_TCP, sockid(dst, netip.AddrPortFrom(any4or6, 0), netfilter.LoopbackIndex))
}

// Socket returns the owner of the socket on this machine whose own address is
// local, and whose other end is remote.
func (l *Lookup) Socket(local, remote netip.AddrPort) (Owner, error) {
	return l.owner(local, unix.IPPROTO_TCP, sockid(local, remote, 0))
}

// UDPSocket returns the owner of the socket that a datagram from local to remote
// came from.
func (l *Lookup) UDPSocket(local, remote netip.AddrPort) (Owner, error) {
	// For UDP the kernel has both ends the other way round, "for historical reasons".
	return l.owner(local, unix.IPPROTO_UDP, sockid(remote, local, 0))
}

func (l *Lookup) owner(local netip.AddrPort, protocol byte, id []byte) (Owner, error) {
	request := diagRequest(familyOf(local.Addr()), protocol, everyState, id)
	body, err := l.ask(&l.sockets, unix.NETLINK_SOCK_DIAG, unix.SOCK_DIAG_BY_FAMILY, request)
	if errors.Is(err, unix.ENOENT) {
		return Owner{}, ErrNoSocket
	}
	if err != nil {
		return Owner{}, fmt.Errorf("look up the owner of %s: %w", local, err)
	}
	s, err := readSocket(body)
	return Owner{UID: s.uid, Cookie: s.cookie, Listen: s.state == tcpListen}, err
}

// IsLocal reports whether packets to addr stay on this machine, whatever
// interface or table says so. Not to know is an error, never "no".
func (l *Lookup) IsLocal(addr netip.Addr) (bool, error) {
	if addr.IsLoopback() || addr.IsUnspecified() {
		return true, nil
	}
	body, err := l.ask(&l.routes, unix.NETLINK_ROUTE, unix.RTM_GETROUTE, routeRequest(addr))
	if errors.Is(err, unix.ENETUNREACH) || errors.Is(err, unix.EHOSTUNREACH) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EACCES) {
		return false, nil // no route, or one that refuses: nobody is dialled there
	}
	if err != nil {
		return false, fmt.Errorf("look up the route to %s: %w", addr, err)
	}
	if len(body) < unix.SizeofRtMsg {
		return false, fmt.Errorf("route to %s: answer of %d bytes", addr, len(body))
	}
	return body[7] == unix.RTN_LOCAL, nil
}

// routeRequest is struct rtmsg and one RTA_DST.
func routeRequest(addr netip.Addr) []byte {
	request := make([]byte, unix.SizeofRtMsg)
	request[0], request[1] = familyOf(addr), uint8(addr.BitLen())
	return append(request, attribute(unix.RTA_DST, addr.AsSlice())...)
}

// ask asks one question on a conversation that is opened when it is first needed, and returns the one answer. A conversation that
// misbehaves is closed; the next question opens another.
func (l *Lookup) ask(on **conversation, protocol int, kind uint16, question []byte) (answer []byte, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if *on == nil {
		if *on, err = converse(protocol); err != nil {
			return nil, fmt.Errorf("open netlink: %w", err)
		}
	}
	err = (*on).ask(func(body []byte) { answer = slices.Clone(body) }, message(kind, 0, question))
	if errors.As(err, new(brokenLink)) {
		(*on).close()
		*on = nil
	}
	return answer, err
}
