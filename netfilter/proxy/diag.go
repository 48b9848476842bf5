// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// errNoSocket says that no socket has the addresses that were looked for.
var errNoSocket = errors.New("no such socket")

// An owner is whose socket it is. The cookie is never used for another socket.
type owner struct {
	uid    uint32
	cookie uint64
	listen bool
}

// A kernel answers questions about sockets and routes over netlink. The zero
// value is ready; it is safe for concurrent use, one question at a time.
type kernel struct {
	mu    sync.Mutex
	diag  int // file descriptors plus one, so that zero is "not open"
	route int
	seq   uint32
	buf   [8192]byte // of the answer
}

// listener returns who would be asked if dst were dialled now. Only the kernel
// knows: specific before wildcard, IPv4 apart from IPv6-only, devices, groups.
func (k *kernel) listener(dst netip.AddrPort) (owner, error) {
	any4or6 := netip.IPv4Unspecified()
	if dst.Addr().Is6() {
		any4or6 = netip.IPv6Unspecified()
	}
	// No connection has port 0, so that only a listener can fit.
	return k.lookup(dst, netip.AddrPortFrom(any4or6, 0), loopbackIndex)
}

// loopbackIndex is the interface that local packets arrive on, in every network
// namespace the first. A listener bound to another device does not get them.
const loopbackIndex = 1

// socket returns the owner of the socket on this machine whose own address is
// local, and whose other end is remote.
func (k *kernel) socket(local, remote netip.AddrPort) (owner, error) {
	return k.lookup(local, remote, 0)
}

// udpSocket returns the owner of the socket that a datagram from local to remote
// came from.
func (k *kernel) udpSocket(local, remote netip.AddrPort) (owner, error) {
	// For UDP the kernel has both ends the other way round, "for historical reasons".
	return k.find(local, diagRequest(unix.IPPROTO_UDP, remote, local, 0))
}

func (k *kernel) lookup(local, remote netip.AddrPort, iface uint32) (owner, error) {
	return k.find(local, diagRequest(unix.IPPROTO_TCP, local, remote, iface))
}

func (k *kernel) find(local netip.AddrPort, request []byte) (owner, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	msg, err := k.ask(&k.diag, unix.NETLINK_INET_DIAG, unix.SOCK_DIAG_BY_FAMILY, request)
	if errors.Is(err, unix.ENOENT) {
		return owner{}, errNoSocket
	}
	if err != nil {
		return owner{}, fmt.Errorf("look up the owner of %s: %w", local, err)
	}
	return parseDiag(msg)
}

// diagRequest is struct inet_diag_req_v2.
func diagRequest(protocol uint8, local, remote netip.AddrPort, iface uint32) []byte {
	req := make([]byte, 8, 56)
	req[0], req[1] = unix.AF_INET, protocol
	if local.Addr().Is6() {
		req[0] = unix.AF_INET6
	}
	binary.NativeEndian.PutUint32(req[4:], ^uint32(0)) // every state
	req = binary.BigEndian.AppendUint16(req, local.Port())
	req = binary.BigEndian.AppendUint16(req, remote.Port())
	req = append(req, wide(local.Addr())...)
	req = append(req, wide(remote.Addr())...)
	req = binary.NativeEndian.AppendUint32(req, iface)
	return binary.NativeEndian.AppendUint64(req, ^uint64(0)) // cookie: any
}

func wide(a netip.Addr) []byte {
	b := make([]byte, 16)
	copy(b, a.AsSlice())
	return b
}

// parseDiag reads struct inet_diag_msg.
func parseDiag(msg []byte) (owner, error) {
	if len(msg) < 72 {
		return owner{}, fmt.Errorf("socket answer of %d bytes: want 72", len(msg))
	}
	return owner{
		listen: msg[1] == 10, // TCP_LISTEN
		cookie: binary.NativeEndian.Uint64(msg[44:]),
		uid:    binary.NativeEndian.Uint32(msg[64:]),
	}, nil
}

// isLocal reports whether packets to addr stay on this machine, whatever
// interface or table says so. Not to know is an error, never "no".
func (k *kernel) isLocal(addr netip.Addr) (bool, error) {
	if addr.IsLoopback() || addr.IsUnspecified() {
		return true, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	msg, err := k.ask(&k.route, unix.NETLINK_ROUTE, unix.RTM_GETROUTE, routeRequest(addr))
	if errors.Is(err, unix.ENETUNREACH) || errors.Is(err, unix.EHOSTUNREACH) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EACCES) {
		return false, nil // no route, or one that refuses: nobody is dialled there
	}
	if err != nil {
		return false, fmt.Errorf("look up the route to %s: %w", addr, err)
	}
	if len(msg) < unix.SizeofRtMsg {
		return false, fmt.Errorf("route to %s: answer of %d bytes", addr, len(msg))
	}
	return msg[7] == unix.RTN_LOCAL, nil
}

// routeRequest is struct rtmsg and one RTA_DST.
func routeRequest(addr netip.Addr) []byte {
	req := make([]byte, unix.SizeofRtMsg)
	req[0], req[1] = unix.AF_INET, uint8(addr.BitLen())
	if addr.Is6() {
		req[0] = unix.AF_INET6
	}
	ip := addr.AsSlice()
	req = binary.NativeEndian.AppendUint16(req, uint16(4+len(ip)))
	req = binary.NativeEndian.AppendUint16(req, unix.RTA_DST)
	return append(req, ip...)
}

// ask sends one netlink request and returns the body of its one answer. k.mu is
// held. A socket that misbehaves is closed; the next question opens another.
func (k *kernel) ask(slot *int, protocol int, kind uint16, body []byte) ([]byte, error) {
	if *slot == 0 {
		fd, err := openNetlink(protocol)
		if err != nil {
			return nil, err
		}
		*slot = fd + 1
	}
	k.seq++
	msg, err := roundTrip(*slot-1, k.seq, kind, body, k.buf[:])
	var errno syscall.Errno
	if err != nil && !errors.As(err, &errno) {
		unix.Close(*slot - 1)
		*slot = 0
	}
	return msg, err
}

func openNetlink(protocol int) (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return 0, fmt.Errorf("open netlink: %w", err)
	}
	wait := unix.NsecToTimeval(int64(2 * time.Second))
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait); err != nil {
		unix.Close(fd)
		return 0, fmt.Errorf("open netlink: %w", err)
	}
	return fd, nil
}

// brokenLink is an error of the conversation itself, after which the socket is
// of no more use.
type brokenLink struct{ text string }

func (b brokenLink) Error() string { return "netlink: " + b.text }

// roundTrip sends one request and returns the body of its answer, which is in buf.
func roundTrip(fd int, seq uint32, kind uint16, body, buf []byte) ([]byte, error) {
	req := make([]byte, unix.SizeofNlMsghdr, unix.SizeofNlMsghdr+len(body))
	binary.NativeEndian.PutUint32(req[0:], uint32(unix.SizeofNlMsghdr+len(body)))
	binary.NativeEndian.PutUint16(req[4:], kind)
	binary.NativeEndian.PutUint16(req[6:], unix.NLM_F_REQUEST)
	binary.NativeEndian.PutUint32(req[8:], seq)
	if err := unix.Sendto(fd, append(req, body...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, brokenLink{err.Error()}
	}
	for {
		n, err := unix.Read(fd, buf)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, brokenLink{err.Error()}
		}
		msgs, err := syscall.ParseNetlinkMessage(buf[:n])
		if err != nil || len(msgs) == 0 {
			return nil, brokenLink{"answer that cannot be read"}
		}
		if m := msgs[0]; m.Header.Seq == seq {
			return answerOf(m)
		}
	}
}

func answerOf(m syscall.NetlinkMessage) ([]byte, error) {
	if m.Header.Type != unix.NLMSG_ERROR {
		return m.Data, nil
	}
	if len(m.Data) < 4 {
		return nil, brokenLink{"error without a number"}
	}
	return nil, syscall.Errno(-int32(binary.NativeEndian.Uint32(m.Data)))
}

// addrOf returns the IPv4 or IPv6 address that a is.
func addrOf(a net.Addr) netip.AddrPort {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return plainAddr(tcp.AddrPort())
	}
	return netip.AddrPort{}
}
