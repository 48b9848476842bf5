// SPDX-License-Identifier: GPL-3.0-or-later

package kernel

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// labProgram is what the lab's users run: this binary under another uid. Each prints one line that says what happened.
func labProgram(name string, args []string) int {
	var err error
	switch name {
	case "internet":
		internet()
	case "dial":
		err = dial(args[0], options(args[1:]))
	case "server":
		err = server(args[0], options(args[1:]))
	case "hold":
		err = hold(args[0], options(args[1:]))
	case "join":
		err = join(args[0])
	case "flood":
		err = flood(args[0])
	case "try":
		a := tryTCP(netip.MustParseAddr(args[0]), 443)
		fmt.Printf("stopped=%v open=%v: %s\n", a.Stopped, a.Open, a.Said)
	}
	if err != nil {
		fmt.Println("error:", err)
		return 1
	}
	return 0
}

// flood sends datagrams to at, as fast as it can, until its input ends.
func flood(at string) error {
	conn, err := net.Dial("udp", at)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	for {
		_, _ = conn.Write([]byte("x"))
	}
}

func options(args []string) map[string]string {
	opts := map[string]string{}
	for _, arg := range args {
		key, value, _ := strings.Cut(arg, "=")
		opts[key] = value
	}
	return opts
}

// internet answers on every address of its own and says INTERNET.
func internet() {
	fatal := func(args ...any) { fmt.Println(args...); os.Exit(1) }
	for _, port := range []int{22, 53, 80, 443, 61001} {
		serveTCP(fatal, "::", port, func(c *net.TCPConn) string { return "INTERNET " + c.RemoteAddr().String() })
	}
	for _, host := range []string{"203.0.113.66", "203.0.113.53", "2001:db8:2::66", "2001:db8:2::53"} {
		for _, port := range []int{53, 443} {
			serveUDP(fatal, host, port, func() string { return "INTERNET" })
		}
	}
	if _, err := net.Listen("tcp", "[::]:9"); err != nil { // never accepts: what is sent there stays in the sender's queue
		fatal(err)
	}
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	select {}
}

func sockaddr(target netip.AddrPort, mapped bool) (int, unix.Sockaddr) {
	if target.Addr().Is4() && !mapped {
		return unix.AF_INET, &unix.SockaddrInet4{Addr: target.Addr().As4(), Port: int(target.Port())}
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Addr: target.Addr().As16(), Port: int(target.Port())}
}

// open makes a socket as opts say, connected unless it is told not to, with a deadline on everything.
func open(target netip.AddrPort, opts map[string]string) (int, error) {
	_, mapped := opts["mapped"]
	family, addr := sockaddr(target, mapped)
	kind, protocol := unix.SOCK_STREAM, 0
	switch opts["proto"] {
	case "udp":
		kind = unix.SOCK_DGRAM
	case "udplite":
		kind, protocol = unix.SOCK_DGRAM, unix.IPPROTO_UDPLITE
	case "mptcp":
		protocol = unix.IPPROTO_MPTCP
	case "sctp":
		protocol = unix.IPPROTO_SCTP
	case "dccp":
		kind, protocol = unix.SOCK_DCCP, unix.IPPROTO_DCCP
	case "icmp":
		kind, protocol = unix.SOCK_DGRAM, unix.IPPROTO_ICMP
		if family == unix.AF_INET6 {
			protocol = unix.IPPROTO_ICMPV6
		}
	}
	fd, err := unix.Socket(family, kind, protocol)
	if err != nil {
		return -1, fmt.Errorf("no such socket: %w", err)
	}
	deadline := unix.NsecToTimeval(int64(20 * time.Second)) // as long as a busy machine takes to answer
	if ms, _ := strconv.Atoi(opts["ms"]); ms != 0 {
		deadline = unix.NsecToTimeval(int64(ms) * int64(time.Millisecond))
	}
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &deadline)
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &deadline)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err := prepare(fd, family, opts); err != nil {
		return -1, err
	}
	if _, later := opts["fastopen"]; later {
		return fd, unix.Sendto(fd, []byte("secret"), unix.MSG_FASTOPEN, addr)
	}
	return fd, unix.Connect(fd, addr)
}

func prepare(fd, family int, opts map[string]string) error {
	if port, _ := strconv.Atoi(opts["sport"]); port != 0 {
		var local unix.Sockaddr = &unix.SockaddrInet4{Port: port}
		if family == unix.AF_INET6 {
			local = &unix.SockaddrInet6{Port: port}
		}
		if err := unix.Bind(fd, local); err != nil {
			return fmt.Errorf("bind: %w", err)
		}
	}
	if dev := opts["dev"]; dev != "" {
		if err := unix.BindToDevice(fd, dev); err != nil {
			return fmt.Errorf("bind to device: %w", err)
		}
	}
	if hop, ok := opts["rthdr"]; ok {
		// A segment routing header: the packet goes to hop, and carries where it shall end.
		via := netip.MustParseAddr(hop).As16()
		header := append([]byte{0, 4, 4, 1, 1, 0, 0, 0}, append(make([]byte, 16), via[:]...)...)
		if err := unix.SetsockoptString(fd, unix.IPPROTO_IPV6, unix.IPV6_RTHDR, string(header)); err != nil {
			return fmt.Errorf("routing header: %w", err)
		}
	}
	if _, ok := opts["broadcast"]; ok {
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BROADCAST, 1)
	}
	return nil
}

// dial connects, sends, and prints the first line that comes back.
func dial(target string, opts map[string]string) error {
	fd, err := open(netip.MustParseAddrPort(target), opts)
	if err != nil {
		return err
	}
	payload := []byte("secret\n")
	if opts["proto"] == "icmp" {
		payload = []byte{8, 0, 0, 0, 0, 0, 0, 1, 's'}
		if strings.HasPrefix(target, "[") {
			payload[0] = 128
		}
	}
	if _, err := unix.Write(fd, payload); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	if _, quiet := opts["quiet"]; quiet {
		return nil
	}
	buf := make([]byte, 2048)
	n, err := unix.Read(fd, buf)
	if err != nil {
		return fmt.Errorf("receive: %w", err)
	}
	line, _, _ := strings.Cut(string(buf[:n]), "\n")
	fmt.Printf("%q\n", line)
	if _, ok := opts["bytes"]; ok {
		return sendAndClose(fd, opts)
	}
	if _, ok := opts["reset"]; ok {
		_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		return unix.Close(fd)
	}
	return hangUp(fd)
}

// hangUp ends a connection and waits for the other side's end: closed at once, the last packet might leave whenever that side gets
// round to it, in the middle of whatever is looked at then.
func hangUp(fd int) error {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err == nil && kind == unix.SOCK_STREAM && unix.Shutdown(fd, unix.SHUT_WR) == nil {
		rest := make([]byte, 64<<10)
		for n, err := unix.Read(fd, rest); n > 0 || err == unix.EINTR; n, err = unix.Read(fd, rest) {
		}
	}
	return unix.Close(fd)
}

// sendAndClose writes that many bytes, closes at once, and leaves the kernel to send what is still queued.
func sendAndClose(fd int, opts map[string]string) error {
	size, _ := strconv.Atoi(opts["bytes"])
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 8<<20)
	chunk := make([]byte, 64<<10)
	for sent := 0; sent < size; {
		n, err := unix.Write(fd, chunk[:min(len(chunk), size-sent)])
		if err != nil {
			return fmt.Errorf("send: %w", err)
		}
		sent += n
	}
	return unix.Close(fd)
}

// hold connects and says ready; for each further line on its input it sends once more and says what came of it.
// The word close makes it close with much still to send, and stay.
func hold(target string, opts map[string]string) error {
	fd, err := open(netip.MustParseAddrPort(target), opts)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if lines.Text() == "close" {
			_ = unix.SetNonblock(fd, true)
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 8<<20)
			n, _ := unix.Write(fd, make([]byte, 4<<20))
			fmt.Println("queued", n > 0, unix.Close(fd))
			continue
		}
		_, err := unix.Write(fd, []byte("more secret"))
		fmt.Println("sent:", err)
	}
	return nil
}

// server listens as opts say; to each connection it writes bytes= many, closes, and says nothing.
func server(addr string, opts map[string]string) error {
	if opts["proto"] == "udp" {
		target := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(addr))
		serveUDP(func(args ...any) { fmt.Println(args...); os.Exit(1) }, target.IP.String(), target.Port, func() string { return "AGENT" })
		fmt.Println("ready")
		select {}
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	size, _ := strconv.Atoi(opts["bytes"])
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		fmt.Fprintln(conn, "AGENT")
		_, _ = conn.Write(make([]byte, size))
		_ = conn.Close()
		time.Sleep(time.Millisecond)
	}
}

// joinOptions are the ways to join a group, or to name a source in one.
var joinOptions = []string{
	"IP_ADD_MEMBERSHIP", "IP_ADD_SOURCE_MEMBERSHIP", "MCAST_JOIN_GROUP", "MCAST_JOIN_SOURCE_GROUP", "MCAST_JOIN_GROUP6", "MCAST_JOIN_SOURCE_GROUP6", "IPV6_JOIN_GROUP",
}

// join has a socket join a group on up0, or sets options that join none.
func join(option string) error {
	up0, err := net.InterfaceByName("up0")
	if err != nil {
		return err
	}
	family, level := unix.AF_INET, unix.SOL_IP
	if strings.HasSuffix(option, "6") || strings.HasPrefix(option, "IPV6") {
		family, level = unix.AF_INET6, unix.SOL_IPV6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	group, source := netip.MustParseAddr("239.83.69.67"), netip.MustParseAddr("83.69.67.82")
	if family == unix.AF_INET6 {
		group, source = netip.MustParseAddr("ff0e::5ec"), netip.MustParseAddr("5345:4352::1")
	}
	at := binary.NativeEndian.AppendUint64(nil, uint64(up0.Index)) // struct group_req begins so
	switch strings.TrimSuffix(option, "6") {
	case "IP_ADD_MEMBERSHIP":
		err = unix.SetsockoptIPMreqn(fd, level, unix.IP_ADD_MEMBERSHIP, &unix.IPMreqn{Multiaddr: group.As4(), Ifindex: int32(up0.Index)})
	case "IP_ADD_SOURCE_MEMBERSHIP":
		own := netip.MustParseAddr(own4)
		value := slices.Concat(group.AsSlice(), own.AsSlice(), source.AsSlice()) // struct ip_mreq_source
		err = unix.SetsockoptString(fd, level, unix.IP_ADD_SOURCE_MEMBERSHIP, string(value))
	case "MCAST_JOIN_GROUP":
		err = unix.SetsockoptString(fd, level, mcastJoinGroup, string(append(at, storage(group)...)))
	case "MCAST_JOIN_SOURCE_GROUP":
		err = unix.SetsockoptString(fd, level, mcastJoinGroup+4, string(slices.Concat(at, storage(group), storage(source))))
	case "IPV6_JOIN_GROUP":
		err = unix.SetsockoptIPv6Mreq(fd, level, unix.IPV6_JOIN_GROUP, &unix.IPv6Mreq{Multiaddr: group.As16(), Interface: uint32(up0.Index)})
	case "others":
		err = errors.Join(unix.SetsockoptInt(fd, level, unix.IP_MULTICAST_TTL, 3), unix.SetsockoptInt(fd, level, unix.IP_MULTICAST_ALL, 0),
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 70_000), unix.SetsockoptString(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, strings.Repeat("\x01", 6000)))
		if n, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF); err == nil && n < 70_000 {
			err = fmt.Errorf("a buffer of %d bytes was set", n)
		}
		if err == nil {
			fmt.Println("set")
		}
		return err
	}
	if err == nil {
		fmt.Println("joined")
	}
	return err
}

const mcastJoinGroup = 42 // MCAST_JOIN_GROUP

// storage returns a struct sockaddr_storage.
func storage(a netip.Addr) []byte {
	s := make([]byte, 128)
	if a.Is4() {
		binary.NativeEndian.PutUint16(s, unix.AF_INET)
		copy(s[4:], a.AsSlice())
	} else {
		binary.NativeEndian.PutUint16(s, unix.AF_INET6)
		copy(s[8:], a.AsSlice())
	}
	return s
}
