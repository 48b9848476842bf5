// SPDX-License-Identifier: GPL-3.0-or-later

package kernel

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/a4u2/au/internal/counted"
	"golang.org/x/sys/unix"
)

// The lab is a machine with an "internet" behind it, in network namespaces of the test's own. The test process is the
// machine: unshare(1) starts it there. Nothing of it is seen outside.
//
//	machine  up0 198.51.100.2, 2001:db8:1::2          uids 1000 (human), 1001 and 100000-165535 (agent)
//	internet     198.51.100.1, 2001:db8:1::1, 203.0.113.66, 2001:db8:2::66, .53, ::53
const (
	human, agent, subAgent = 1000, 1001, 100005

	outside4, outside6 = "203.0.113.66", "2001:db8:2::66"
	own4, own6         = "198.51.100.2", "2001:db8:1::2"
)

type lab struct {
	t       *testing.T
	program string // this test binary, where every uid can execute it
	group   string // a cgroup of the lab's own, once there is one
	path    string // PATH for the packet filter's programs
	mark    int    // a packet socket that marks are sent on
	mu      sync.Mutex
	wire    []string
	marks   chan byte
	got     chan string  // one for each connection that ended on the internet: how many bytes it brought
	daemon  chan int64   // the same for the daemon's
	asked   atomic.Int32 // datagrams that came to the daemon
}

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "lab" {
		counted.Exit(labProgram(os.Args[2], os.Args[3:]))
	}
	flag.Parse()
	_ = flag.Set("test.parallel", "6") // a lab waits nearly all of its time
	os.Exit(m.Run())
}

// inLab runs the calling test again in namespaces of its own, and body there.
func inLab(t *testing.T, body func(*lab)) {
	t.Helper()
	if os.Getenv("AU_NET_LAB") == t.Name() {
		body(newLab(t))
		return
	}
	switch {
	case testing.Short():
		t.Skip("a lab takes seconds; not with -short")
	case os.Geteuid() != 0:
		t.Skip("namespaces with other users' packets need root")
	case exec.Command("unshare", "-m", "-n", "true").Run() != nil:
		t.Skip("no network namespaces here")
	}
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "-m", "-n", "--propagation", "private", self, "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Args = append(cmd.Args, counted.Flags()...)
	cmd.Env = append(os.Environ(), "AU_NET_LAB="+t.Name())
	out, err := cmd.CombinedOutput()
	t.Logf("in the lab:\n%s", out)
	if err != nil {
		t.Errorf("the lab ended with %v", err)
	}
}

func newLab(t *testing.T) *lab {
	l := &lab{t: t, program: "/run/lab/program", path: os.Getenv("PATH") + ":/usr/sbin:/sbin", got: make(chan string, 1000), daemon: make(chan int64, 1000), marks: make(chan byte, 100)}
	l.must("mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run")
	for _, line := range strings.Split(strings.TrimSpace(labNetwork), "\n") {
		l.must(strings.Fields(line)...)
	}
	l.must("mkdir", "-m", "0755", "/run/lab")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l.must("cp", self, l.program)
	l.must("chmod", "0755", l.program)
	must(t, os.WriteFile("/proc/sys/net/ipv4/ping_group_range", []byte("0 2147483647"), 0o644))
	said, _ := l.start(0, "ip", "netns", "exec", "internet", l.program, "lab", "internet")
	go func() {
		for lines := bufio.NewScanner(said); lines.Scan(); {
			select {
			case l.got <- lines.Text():
			default: // nobody asked about the first thousand
			}
		}
	}()
	l.standIns()
	l.mark = l.packetSocket()
	go l.sniff(l.packetSocket())
	return l
}

const labNetwork = `
ip link set lo up
ip netns add internet
ip link add up0 type veth peer name down0 netns internet
ip addr add 198.51.100.2/24 dev up0
ip addr add 2001:db8:1::2/64 dev up0 nodad
ip link set up0 up
ip -n internet link set lo up
ip -n internet addr add 198.51.100.1/24 dev down0
ip -n internet addr add 2001:db8:1::1/64 dev down0 nodad
ip -n internet addr add 203.0.113.66/32 dev lo
ip -n internet addr add 203.0.113.53/32 dev lo
ip -n internet addr add 2001:db8:2::66/128 dev lo nodad
ip -n internet addr add 2001:db8:2::53/128 dev lo nodad
ip -n internet link set down0 up
ip route add default via 198.51.100.1
ip -6 route add default via 2001:db8:1::1
`

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// must runs a command as root and returns what it printed.
func (l *lab) must(argv ...string) string {
	l.t.Helper()
	return l.feed("", argv...)
}

func (l *lab) feed(stdin string, argv ...string) string {
	l.t.Helper()
	cmd := exec.Command("env", append([]string{"PATH=" + l.path}, argv...)...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		l.t.Fatalf("%s: %v\n%s\n%s", strings.Join(argv, " "), err, out, stdin)
	}
	return string(out)
}

// as runs one of the lab's programs as uid and returns what it printed.
func (l *lab) as(uid uint32, argv ...string) string {
	cmd := exec.Command(l.program, append([]string{"lab"}, argv...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run()
	return strings.TrimSpace(out.String())
}

// start leaves a program running until the test ends, waits for its first line, and returns the rest of its output
// and its input, which most programs take as the sign to go on.
func (l *lab) start(uid uint32, argv ...string) (out io.Reader, in io.WriteCloser) {
	l.t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}, Pdeathsig: syscall.SIGKILL}
	pipe, err := cmd.StdoutPipe()
	must(l.t, err)
	in, err = cmd.StdinPipe()
	must(l.t, err)
	cmd.Stderr = os.Stderr
	must(l.t, cmd.Start())
	l.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line := make([]byte, 0, 64)
	for b := make([]byte, 1); len(line) == 0 || line[len(line)-1] != '\n'; line = append(line, b[0]) {
		if _, err := pipe.Read(b); err != nil {
			l.t.Fatalf("%v ended before it was ready: %v", argv, err)
		}
	}
	if string(line) != "ready\n" {
		l.t.Fatalf("%v said %q", argv, line)
	}
	return pipe, in
}

// standIns are the daemon, which says DAEMON and where the connection was going, and servers of the human on loopback.
func (l *lab) standIns() {
	for _, host := range []string{"127.0.0.1", "::1"} {
		serveTCPUntil(l.t.Fatal, host, 61001, func(c *net.TCPConn) string { return "DAEMON " + originalDestination(c) }, l.count)
		serveTCP(l.t.Fatal, host, 61002, func(c *net.TCPConn) string { return "DAEMON-DNS" })
		serveUDP(l.t.Fatal, host, 61002, func() string { l.asked.Add(1); return "DAEMON-DNS" })
		for _, port := range []int{3000, 5432} {
			serveTCP(l.t.Fatal, host, port, func(c *net.TCPConn) string { return "HUMAN" })
			serveUDP(l.t.Fatal, host, port, func() string { return "HUMAN" })
		}
		serveUDP(l.t.Fatal, host, 61001, func() string { return "HUMAN" }) // the daemon's is TCP alone
		for _, port := range []int{3128, 3129} {
			serveTCP(l.t.Fatal, host, port, func(c *net.TCPConn) string { return fmt.Sprintf("PROXY%d %s", port, originalDestination(c)) })
		}
	}
}

// count notes how many bytes a connection brought to the daemon.
func (l *lab) count(n int64) {
	select {
	case l.daemon <- n:
	default: // nobody asked about the first thousand
	}
}

// serveTCP greets every connection; on the internet it prints at its end how much came.
func serveTCP(fatal func(...any), host string, port int, greet func(*net.TCPConn) string) {
	serveTCPUntil(fatal, host, port, greet, func(n int64) {
		if host == "::" {
			fmt.Println(n)
		}
	})
}

// serveTCPUntil greets every connection, and at its end tells ended how many bytes came.
func serveTCPUntil(fatal func(...any), host string, port int, greet func(*net.TCPConn) string, ended func(int64)) {
	var config net.ListenConfig
	config.SetMultipathTCP(false) // as systemd's sockets: one that speaks MPTCP does not know the original destination
	listener, err := config.Listen(context.Background(), "tcp", net.JoinHostPort(host, fmt.Sprint(port)))
	if err != nil {
		fatal(err)
		return
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				fmt.Fprintln(conn, greet(conn.(*net.TCPConn)))
				n, _ := io.Copy(io.Discard, conn)
				ended(n)
			}()
		}
	}()
}

func serveUDP(fatal func(...any), host string, port int, greet func() string) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(host), Port: port})
	if err != nil {
		fatal(err)
		return
	}
	go func() {
		buf := make([]byte, 65536)
		for {
			_, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			_, _ = conn.WriteToUDPAddrPort([]byte(greet()), from)
		}
	}()
}

func originalDestination(conn *net.TCPConn) string {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err.Error()
	}
	out := "unknown"
	_ = raw.Control(func(fd uintptr) {
		if conn.LocalAddr().(*net.TCPAddr).IP.To4() != nil {
			if sa, err := unix.GetsockoptIPv6Mreq(int(fd), unix.SOL_IP, unix.SO_ORIGINAL_DST); err == nil {
				m := sa.Multiaddr // a sockaddr_in in disguise
				out = netip.AddrPortFrom(netip.AddrFrom4([4]byte(m[4:8])), binary.BigEndian.Uint16(m[2:4])).String()
			}
		} else if info, err := unix.GetsockoptIPv6MTUInfo(int(fd), unix.SOL_IPV6, unix.SO_ORIGINAL_DST); err == nil {
			out = netip.AddrPortFrom(netip.AddrFrom16(info.Addr.Addr), htons(info.Addr.Port)).String()
		}
	})
	return out
}

// packetSocket returns a socket that sees what passes up0, with room for much of it.
func (l *lab) packetSocket() int {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, int(htons(unix.ETH_P_ALL)))
	must(l.t, err)
	must(l.t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 32<<20))
	up0, err := net.InterfaceByName("up0")
	must(l.t, err)
	must(l.t, unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ALL), Ifindex: up0.Index}))
	return fd
}

// sniff notes every packet that leaves the machine, neighbour discovery and multicast membership apart.
func (l *lab) sniff(fd int) {
	buf := make([]byte, 65536)
	for {
		n, from, err := unix.Recvfrom(fd, buf, 0)
		if err != nil {
			continue
		}
		if ll, ok := from.(*unix.SockaddrLinklayer); ok && ll.Pkttype == unix.PACKET_OUTGOING {
			if ll.Protocol == htons(markProtocol) {
				l.marks <- buf[14]
			} else if text := packet(buf[:n]); text != "" {
				l.mu.Lock()
				l.wire = append(l.wire, text)
				l.mu.Unlock()
			}
		}
	}
}

func htons(n uint16) uint16 { return n<<8 | n>>8 }

func packet(frame []byte) string {
	ip := append(frame[14:len(frame):len(frame)], make([]byte, 60)...) // so that a short one can be read as well
	switch binary.BigEndian.Uint16(frame[12:]) {
	case unix.ETH_P_IP:
		if ip[9] == unix.IPPROTO_IGMP {
			return ""
		}
		return describe(ip[9], netip.AddrFrom4([4]byte(ip[16:20])), ip[int(ip[0]&15)*4:])
	case unix.ETH_P_IPV6:
		if ip[6] == unix.IPPROTO_ICMPV6 && ip[40] >= 130 && ip[40] <= 143 || ip[6] == 0 {
			return ""
		}
		return describe(ip[6], netip.AddrFrom16([16]byte(ip[24:40])), ip[40:])
	}
	return ""
}

func describe(protocol byte, to netip.Addr, payload []byte) string {
	text := fmt.Sprintf("proto %d to %v", protocol, to)
	if protocol == unix.IPPROTO_TCP {
		flags := map[bool]string{true: " reset"}[payload[13]&4 != 0]
		return fmt.Sprintf("%s from port %d%s", text, binary.BigEndian.Uint16(payload), flags)
	}
	return text
}

// received waits for the next connection that ends on the internet, and returns how many bytes it brought.
func (l *lab) received() string {
	select {
	case line := <-l.got:
		return line
	case <-time.After(5 * time.Second):
		return "nothing"
	}
}

// left returns what left the machine while do ran, and a little after.
func (l *lab) left(do func()) []string {
	l.t.Helper()
	l.caughtUp()
	l.mu.Lock()
	l.wire = nil
	l.mu.Unlock()
	do()
	time.Sleep(50 * time.Millisecond)
	l.caughtUp()
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.wire...)
}

const markProtocol = 0x88b5 // for experiments of one's own, IEEE 802

var lastMark byte

// caughtUp returns when sniff has noted all that left the machine before: when it has seen a frame that is sent now. On a busy
// machine that may be long after.
func (l *lab) caughtUp() {
	l.t.Helper()
	lastMark++
	frame := make([]byte, 60)
	frame[5], frame[14] = 1, lastMark // to nobody
	binary.BigEndian.PutUint16(frame[12:], markProtocol)
	late := time.After(30 * time.Second)
	for {
		// A sniffer that has been without the processor for long has lost frames: then the mark, too, is sent again.
		if _, err := unix.Write(l.mark, frame); err != nil {
			l.t.Fatalf("mark what left the machine so far: %v", err)
		}
		again := time.After(time.Second)
		for waits := true; waits; {
			select {
			case mark := <-l.marks:
				if mark == lastMark {
					return
				}
			case <-again:
				waits = false
			case <-late:
				l.t.Fatal("what left the machine is not seen")
			}
		}
	}
}

// legacy puts the older iptables first in the lab's PATH, and says whether there is one.
func (l *lab) legacy() bool {
	multi, err := exec.LookPath("xtables-legacy-multi")
	if err != nil {
		if multi, err = exec.LookPath("/usr/sbin/xtables-legacy-multi"); err != nil {
			return false
		}
	}
	dir := "/run/lab/legacy"
	must(l.t, os.MkdirAll(dir, 0o755))
	for _, name := range []string{"iptables-save", "iptables-restore", "iptables", "ip6tables-save", "ip6tables-restore", "ip6tables"} {
		_ = os.Symlink(multi, filepath.Join(dir, name))
	}
	l.path = dir + ":" + l.path
	return true
}
