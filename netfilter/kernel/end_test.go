// SPDX-License-Identifier: GPL-3.0-or-later

package kernel

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/a4u2/au/netfilter"
	"golang.org/x/sys/unix"
)

// session is a lab program that holds a connection and takes orders.
type session struct {
	lines *bufio.Scanner
	in    io.Writer
}

func (l *lab) hold(uid uint32, argv ...string) session {
	out, in := l.start(uid, append([]string{l.program, "lab", "hold"}, argv...)...)
	return session{bufio.NewScanner(out), in}
}

func (s session) tell(order string) string {
	fmt.Fprintln(s.in, order)
	s.lines.Scan()
	return s.lines.Text()
}

// Connections that were open when the rules came are gone, the human's stay, and the agent's servers go on.
func TestConnectionsOpenedBefore(t *testing.T) {
	eachBackend(t, func(t *testing.T, l *lab, on, _ func(netfilter.Policy)) {
		l.start(agent, l.program, "lab", "server", "127.0.0.1:8100")
		var agents, humans []session
		for _, argv := range []string{"203.0.113.66:443", "[2001:db8:2::66]:443", "203.0.113.66:443 proto=mptcp", "203.0.113.66:443 proto=udp"} {
			agents = append(agents, l.hold(agent, strings.Fields(argv)...), l.hold(subAgent, strings.Fields(argv)...))
			humans = append(humans, l.hold(human, strings.Fields(argv)...))
		}
		on(sample())
		packets := l.left(func() {
			p := sample()
			if n, err := EndConnections(p.UIDs(), nil); err != nil || n < len(agents) {
				t.Errorf("%d connections were ended, %v; want at least %d", n, err, len(agents))
			}
		})
		for _, p := range packets {
			if !strings.HasSuffix(p, " reset") {
				t.Errorf("left the machine as connections were ended: %s", p)
			}
		}
		packets = l.left(func() {
			for i, s := range agents {
				if said := s.tell("send"); said == "sent: <nil>" {
					if said = s.tell("send"); said == "sent: <nil>" {
						t.Errorf("connection %d of the agent's goes on", i)
					}
				}
			}
		})
		if len(packets) > 0 {
			t.Errorf("left the machine: %q", packets)
		}
		for i, s := range humans {
			if said := s.tell("send"); said != "sent: <nil>" {
				t.Errorf("connection %d of the human's: %s", i, said)
			}
		}
		if said := l.as(human, "dial", "127.0.0.1:8100"); said != `"AGENT"` {
			t.Errorf("the agent's server after that: %s", said)
		}
	})
}

// A socket that was closed before the rules came, with data still to send, belongs to nobody: its cgroup gives it away.
func TestOrphansFromBefore(t *testing.T) {
	inLab(t, func(l *lab) {
		enter, inode := l.cgroup()
		for _, host := range []string{outside4, outside6} {
			orphan := func(uid uint32, port string) {
				s := l.hold(uid, net.JoinHostPort(host, "9"), "sport="+port)
				if said := s.tell("close"); !strings.HasPrefix(said, "queued true") {
					t.Fatalf("uid %d: %s", uid, said)
				}
			}
			enter(true)
			orphan(agent, "45001")
			enter(false)
			orphan(human, "45002")
			l.nftOn(sample())
			if before := strings.Join(l.left(func() { time.Sleep(2 * time.Second) }), "\n"); !strings.Contains(before, "from port 45001") {
				t.Errorf("%s: no orphan sends past the rules, so that this test shows nothing: %q", host, before)
			}
			if n, err := EndConnections(nil, []uint64{inode}); err != nil || n != 1 {
				t.Errorf("%s: %d orphans were ended, %v; want 1", host, n, err)
			}
			after := strings.Join(l.left(func() { time.Sleep(4 * time.Second) }), "\n")
			if strings.Contains(after, "from port 45001") {
				t.Errorf("%s: the agent's orphan still sends:\n%s", host, after)
			}
			if !strings.Contains(after, "from port 45002") {
				t.Errorf("%s: the human's does not", host)
			}
			l.nftOff(sample())
		}
	})
}

// cgroup makes a cgroup v2 of the test's own, and returns what moves this process in and out, and its inode number.
func (l *lab) cgroup() (enter func(bool), inode uint64) {
	root := "/run/cgroup"
	must(l.t, os.MkdirAll(root, 0o755))
	if err := unix.Mount("none", root, "cgroup2", 0, ""); err != nil {
		l.t.Skipf("no cgroup v2 here: %v", err)
	}
	own := ""
	text, err := os.ReadFile("/proc/self/cgroup")
	must(l.t, err)
	for line := range strings.Lines(string(text)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			own = root + path
		}
	}
	group := root + "/au-lab-" + strconv.Itoa(os.Getpid())
	l.group = group
	must(l.t, os.Mkdir(group, 0o755))
	info, err := os.Stat(group)
	must(l.t, err)
	enter = func(in bool) {
		folder := own
		if in {
			folder = group
		}
		must(l.t, os.WriteFile(folder+"/cgroup.procs", []byte("0"), 0o644))
	}
	l.t.Cleanup(func() { // after the programs in it, which are ended first
		for range 50 {
			if os.Remove(group) == nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	return enter, info.Sys().(*syscall.Stat_t).Ino
}
