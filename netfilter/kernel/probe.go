// SPDX-License-Identifier: GPL-3.0-or-later

package kernel

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Attempt is one packet that was tried, and what became of it.
type Attempt struct {
	What    string `json:"what"`
	Stopped bool   `json:"stopped"` // seen to be diverted or refused on this machine
	Open    bool   `json:"open"`    // seen to leave, or not seen to be stopped; neither: there is no such way out here
	Said    string `json:"said"`    // by the kernel
}

// Addresses that nobody has (RFC 5737, RFC 3849): what answers there, or refuses at once, is this machine.
var (
	nobody4 = netip.MustParseAddr("192.0.2.1")
	nobody6 = netip.MustParseAddr("2001:db8::1")
)

// Probe tries to get out as whoever runs it, a packet for each way, and returns what became of them. It takes ten seconds where
// nothing stops them.
func Probe() []Attempt {
	var tries []func() Attempt
	for _, addr := range []netip.Addr{nobody4, nobody6} {
		tries = append(tries,
			func() Attempt { return tryTCP(addr, 443) }, func() Attempt { return tryTCP(addr, 22) },
			func() Attempt { return tryUDP(addr, 443) }, func() Attempt { return tryDNS(addr) }, func() Attempt { return tryPing(addr) })
	}
	all := make([]Attempt, len(tries))
	var done sync.WaitGroup
	for i, try := range tries {
		done.Go(func() { all[i] = try() })
	}
	done.Wait()
	return all
}

// ProbeSlice tries only what the slice's filter stops in a way that can be seen.
func ProbeSlice() []Attempt { return []Attempt{tryUDP(nobody4, 443), tryUDP(nobody6, 443)} }

// untilTried is how long a way out is waited for, and untilAnswered an answer of the agent's daemon, which may have to begin first:
// a slow machine takes seconds for that.
const untilTried, untilAnswered = 3 * time.Second, 10 * time.Second

func tryTCP(addr netip.Addr, port uint16) Attempt {
	a := Attempt{What: fmt.Sprintf("TCP to %s", netip.AddrPortFrom(addr, port))}
	kept := -1
	dialer := net.Dialer{Timeout: untilTried, Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) { kept = keepErrors(int(fd), addr) })
	}}
	dialer.SetMultipathTCP(false)
	conn, err := dialer.DialContext(context.Background(), "tcp", netip.AddrPortFrom(addr, port).String())
	if kept >= 0 {
		defer syscall.Close(kept)
	}
	switch {
	case err == nil:
		conn.Close()
		a.Stopped, a.Said = true, "diverted: answered on this machine"
		return a
	case errors.Is(err, syscall.EHOSTUNREACH) && kept >= 0 && whoSaid(kept) == addr:
		// Nobody has that address: as with a reset that comes from there, it was this machine.
		a.Stopped, a.Said = true, "refused at once"
		return a
	}
	return a.judge(err)
}

// keepErrors has the kernel keep the ICMP errors of a socket of addr's family that is about to connect (Linux 5.8), and returns a
// descriptor of the same socket that outlives fd; -1 where there is none.
func keepErrors(fd int, addr netip.Addr) int {
	level, option := unix.SOL_IP, unix.IP_RECVERR
	if addr.Is6() {
		level, option = unix.SOL_IPV6, unix.IPV6_RECVERR
	}
	if unix.SetsockoptInt(fd, level, option, 1) != nil {
		return -1
	}
	kept, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return kept
}

// whoSaid returns the address that the last ICMP error kept on a socket came from, as the machine's NAT shows it: the zero Addr
// when there is none. The kernel's struct sock_extended_err is in ip(7); behind it is the sender's socket address.
func whoSaid(fd int) netip.Addr {
	const extended, ipv4, ipv6 = 16, 4, 8 // where sin_addr and sin6_addr are
	oob := make([]byte, 256)
	_, n, _, _, err := unix.Recvmsg(fd, nil, oob, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
	if err != nil {
		return netip.Addr{}
	}
	messages, _ := unix.ParseSocketControlMessage(oob[:n])
	for _, m := range messages {
		switch from := m.Data; {
		case m.Header.Level == unix.SOL_IP && m.Header.Type == unix.IP_RECVERR && len(from) >= extended+ipv4+4:
			return netip.AddrFrom4([4]byte(from[extended+ipv4:]))
		case m.Header.Level == unix.SOL_IPV6 && m.Header.Type == unix.IPV6_RECVERR && len(from) >= extended+ipv6+16:
			return netip.AddrFrom16([16]byte(from[extended+ipv6:]))
		}
	}
	return netip.Addr{}
}

func tryUDP(addr netip.Addr, port uint16) Attempt {
	a := Attempt{What: fmt.Sprintf("UDP to %s", netip.AddrPortFrom(addr, port))}
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, port)))
	if err == nil {
		defer conn.Close()
		_, err = conn.Write([]byte("au: is anybody there?"))
	}
	return a.judge(err)
}

// A question for a name that cannot exist: it tells nobody anything, wherever it goes.
var question = append([]byte{0x61, 0x75, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2, 'a', 'u', 7}, append([]byte("invalid"), 0, 0, 1, 0, 1)...)

func tryDNS(addr netip.Addr) Attempt {
	a := Attempt{What: fmt.Sprintf("DNS question to %s", addr)}
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 53)))
	if err != nil {
		return a.judge(err)
	}
	defer conn.Close()
	if _, err := conn.Write(question); err != nil {
		return a.judge(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(untilAnswered))
	if _, err := conn.Read(make([]byte, 512)); err != nil {
		return a.judge(err)
	}
	a.Stopped, a.Said = true, "diverted: answered on this machine"
	return a
}

func tryPing(addr netip.Addr) Attempt {
	a := Attempt{What: fmt.Sprintf("ping to %s", addr)}
	family, protocol, message := syscall.AF_INET, syscall.IPPROTO_ICMP, []byte{8, 0, 0, 0, 0, 0, 0, 1}
	var to syscall.Sockaddr = &syscall.SockaddrInet4{Addr: nobody4.As4()}
	if addr.Is6() {
		family, protocol, message = syscall.AF_INET6, syscall.IPPROTO_ICMPV6, []byte{128, 0, 0, 0, 0, 0, 0, 1}
		to = &syscall.SockaddrInet6{Addr: addr.As16()}
	}
	fd, err := syscall.Socket(family, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, protocol)
	if err != nil {
		a.Said = "no ping sockets for this user: " + err.Error()
		return a
	}
	defer syscall.Close(fd)
	_ = syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{Usec: 500_000})
	if err := syscall.Sendto(fd, message, 0, to); err != nil {
		return a.judge(err)
	}
	// ICMPv6 tells of the refusal on the next call.
	_, _, err = syscall.Recvfrom(fd, make([]byte, 64), 0)
	return a.judge(err)
}

// judge says what an error means. Only a refusal that the kernel itself spoke counts as one.
func (a Attempt) judge(err error) Attempt {
	switch {
	case err == nil:
		a.Open, a.Said = true, "was sent"
	case errors.Is(err, syscall.EPERM), errors.Is(err, syscall.EACCES), errors.Is(err, syscall.ECONNREFUSED):
		a.Stopped, a.Said = true, "refused at once"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.EAFNOSUPPORT):
		a.Said = "no route there, for anybody"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.ETIMEDOUT):
		a.Open, a.Said = true, "was sent, and nobody answered"
	case errors.Is(err, syscall.EHOSTUNREACH):
		a.Open, a.Said = true, "unreachable, says a machine on the way"
	default:
		a.Open, a.Said = true, err.Error()
	}
	return a
}
