// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/a4u2/au/netfilter"
)

// Listen opens the sockets of p on 127.0.0.1, and on ::1 where there is IPv6.
func Listen(p *netfilter.Policy) (Sockets, error) {
	var s Sockets
	for _, ip := range []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()} {
		err := s.listen(ip, p)
		if ip.Is6() && (errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)) {
			return s, nil
		}
		if err != nil {
			s.Close()
			return Sockets{}, fmt.Errorf("listen for agent %q: %w", p.Agent, err)
		}
	}
	return s, nil
}

func (s *Sockets) listen(ip netip.Addr, p *netfilter.Policy) error {
	proxy, err := listenTCP(netip.AddrPortFrom(ip, p.Proxy))
	if err != nil {
		return err
	}
	s.Proxy = append(s.Proxy, proxy)
	tcp, err := listenTCP(netip.AddrPortFrom(ip, p.DNS))
	if err != nil {
		return err
	}
	s.DNS = append(s.DNS, tcp)
	udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(ip, p.DNS)))
	if err != nil {
		return err
	}
	s.UDP = append(s.UDP, udp)
	return nil
}

// listenTCP listens without MPTCP: its later subflows belong to no user.
func listenTCP(at netip.AddrPort) (*net.TCPListener, error) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	ln, err := lc.Listen(context.Background(), "tcp", at.String())
	if err != nil {
		return nil, err
	}
	return ln.(*net.TCPListener), nil
}

// Passed sorts the sockets that systemd passed to this process, which fit p by
// type and port. One that does not fit is an error: it is another agent's. The
// files are closed.
func Passed(files []*os.File, p *netfilter.Policy) (Sockets, error) {
	var s Sockets
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	for _, f := range files {
		if err := s.take(f, p); err != nil {
			s.Close()
			return Sockets{}, fmt.Errorf("socket %s passed to agent %q: %w", f.Name(), p.Agent, err)
		}
	}
	if len(files) > 0 && (len(s.Proxy) == 0 || len(s.DNS) == 0 || len(s.UDP) == 0) {
		s.Close()
		return Sockets{}, fmt.Errorf("sockets passed to agent %q: want TCP port %d, and TCP and UDP port %d", p.Agent, p.Proxy, p.DNS)
	}
	return s, nil
}

func (s *Sockets) take(f *os.File, p *netfilter.Policy) error {
	kind, err := unix.GetsockoptInt(int(f.Fd()), unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return err
	}
	if kind == unix.SOCK_DGRAM {
		return s.takeUDP(f, p)
	}
	ln, err := net.FileListener(f)
	if err != nil {
		return err
	}
	tcp, ok := ln.(*net.TCPListener)
	if !ok {
		ln.Close()
		return fmt.Errorf("%s: want TCP", ln.Addr().Network())
	}
	switch addrOf(tcp.Addr()).Port() {
	case p.Proxy:
		s.Proxy = append(s.Proxy, tcp)
	case p.DNS:
		s.DNS = append(s.DNS, tcp)
	default:
		tcp.Close()
		return fmt.Errorf("%s: want port %d or %d", tcp.Addr(), p.Proxy, p.DNS)
	}
	return nil
}

func (s *Sockets) takeUDP(f *os.File, p *netfilter.Policy) error {
	conn, err := net.FilePacketConn(f)
	if err != nil {
		return err
	}
	udp, ok := conn.(*net.UDPConn)
	if !ok || udp.LocalAddr().(*net.UDPAddr).Port != int(p.DNS) {
		conn.Close()
		return fmt.Errorf("%s: want UDP port %d", conn.LocalAddr(), p.DNS)
	}
	s.UDP = append(s.UDP, udp)
	return nil
}
