// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// soOriginalDst is SO_ORIGINAL_DST of linux/netfilter_ipv4.h, and
// IP6T_SO_ORIGINAL_DST, which has the same number.
const soOriginalDst = 80

// originalDst returns where the other end of conn meant to connect to: the
// address from before the packet filter diverted it, or conn's own where it was
// not diverted.
func originalDst(conn *net.TCPConn) (netip.AddrPort, error) {
	local := conn.LocalAddr().(*net.TCPAddr).AddrPort()
	raw, err := conn.SyscallConn()
	if err != nil {
		return netip.AddrPort{}, err
	}
	var dst netip.AddrPort
	var optErr error
	err = raw.Control(func(fd uintptr) {
		if local.Addr().Unmap().Is4() {
			dst, optErr = original4(int(fd))
		} else {
			dst, optErr = original6(int(fd))
		}
	})
	switch {
	case err != nil:
		return netip.AddrPort{}, err
	case optErr == syscall.ENOENT || optErr == syscall.ENOPROTOOPT || optErr == syscall.EOPNOTSUPP:
		// No connection tracking saw it, so nothing diverted it.
		return plainAddr(local), nil
	case optErr != nil:
		return netip.AddrPort{}, fmt.Errorf("original destination: %w", optErr)
	}
	return dst, nil
}

func original4(fd int) (netip.AddrPort, error) {
	var sa unix.RawSockaddrInet4
	if err := getsockopt(fd, unix.SOL_IP, unsafe.Pointer(&sa), unsafe.Sizeof(sa)); err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), swap(sa.Port)), nil
}

func original6(fd int) (netip.AddrPort, error) {
	var sa unix.RawSockaddrInet6
	if err := getsockopt(fd, unix.SOL_IPV6, unsafe.Pointer(&sa), unsafe.Sizeof(sa)); err != nil {
		return netip.AddrPort{}, err
	}
	addr := netip.AddrFrom16(sa.Addr)
	if sa.Scope_id != 0 {
		addr = addr.WithZone(fmt.Sprint(sa.Scope_id))
	}
	return netip.AddrPortFrom(addr.Unmap(), swap(sa.Port)), nil
}

// getsockopt is written out: x/sys has no wrapper that returns a sockaddr.
func getsockopt(fd, level int, value unsafe.Pointer, size uintptr) error {
	length := uint32(size)
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), uintptr(level), soOriginalDst,
		uintptr(value), uintptr(unsafe.Pointer(&length)), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// swap reads a port that the kernel wrote in network order into a native word.
func swap(port uint16) uint16 {
	var b [2]byte
	binary.NativeEndian.PutUint16(b[:], port)
	return binary.BigEndian.Uint16(b[:])
}

// plainAddr returns a with an IPv4 address written as one.
func plainAddr(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// addrOf returns the IPv4 or IPv6 address that a is.
func addrOf(a net.Addr) netip.AddrPort {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return plainAddr(tcp.AddrPort())
	}
	return netip.AddrPort{}
}
