// SPDX-License-Identifier: GPL-3.0-or-later

package kernel

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/a4u2/au/netfilter"
)

// attach has the kernel run the policy's programs for the lab's cgroup, as systemd would.
func (l *lab) attach(p netfilter.Policy) {
	for _, program := range p.Programs() {
		fd, err := load(program, p.Table())
		must(l.t, err)
		must(l.t, onCgroup(unix.BPF_PROG_ATTACH, l.group, fd, program.Attach))
		l.t.Cleanup(func() { unix.Close(fd) })
	}
}

// The packet with which the kernel tells the network that a socket joins a group is no packet of the agent.
func TestSliceJoinsNoGroup(t *testing.T) {
	inLab(t, func(l *lab) {
		enter, _ := l.cgroup()
		enter(true)
		for _, option := range joinOptions {
			if said := l.as(agent, "join", option); said != "joined" {
				t.Errorf("without a filter, %s: %s", option, said)
			}
		}
		l.attach(sample())
		for _, option := range joinOptions {
			if said := l.as(agent, "join", option); !strings.Contains(said, "operation not permitted") {
				t.Errorf("%s: %s", option, said)
			}
		}
		if said := l.as(agent, "join", "others"); said != "set" {
			t.Errorf("other options: %s", said)
		}
		enter(false)
		if said := l.as(human, "join", joinOptions[0]); said != "joined" {
			t.Errorf("outside the slice: %s", said)
		}
	})
}

// The second layer alone: no rules, and another user's packets, as a set-uid helper's.
func TestSliceHoldsWithoutRules(t *testing.T) {
	inLab(t, func(l *lab) {
		enter, _ := l.cgroup()
		enter(true)
		open := waysOpen(t, l)
		l.attach(sample())
		for i, way := range waysOut {
			for _, uid := range []uint32{way.uid, 0} {
				argv := append([]string{"dial"}, strings.Fields(way.argv+" ms=300")...)
				said := ""
				if packets := l.left(func() { said = l.as(uid, argv...) }); open[i] && len(packets) > 0 {
					t.Errorf("%s as uid %d: %s, and this left the machine: %q", way.name, uid, said, packets)
				}
			}
		}
		for _, local := range []string{"127.0.0.1:5432", "[::1]:5432", "127.0.0.1:3000 proto=udp"} {
			if said := l.as(human, append([]string{"dial"}, strings.Fields(local)...)...); said != `"HUMAN"` {
				t.Errorf("in the slice, %s: %s", local, said)
			}
		}
		enter(false)
		if said := l.as(human, "dial", "203.0.113.66:443"); !strings.HasPrefix(said, `"INTERNET`) {
			t.Errorf("outside the slice the human saw %s", said)
		}
	})
}

// Both layers: what is diverted comes back.
func TestBothLayers(t *testing.T) {
	inLab(t, func(l *lab) {
		enter, _ := l.cgroup()
		l.attach(sample())
		l.nftOn(sample())
		enter(true)
		for _, c := range []struct{ argv, want string }{
			{"203.0.113.66:443", `"DAEMON 203.0.113.66:443"`}, {"[2001:db8:2::66]:443", `"DAEMON [2001:db8:2::66]:443"`},
			{"203.0.113.66:53 proto=udp", `"DAEMON-DNS"`}, {"[2001:db8:2::66]:53 proto=udp", `"DAEMON-DNS"`},
			{"127.0.0.1:3000", `"HUMAN"`},
		} {
			if said := l.as(agent, append([]string{"dial"}, strings.Fields(c.argv)...)...); said != c.want {
				t.Errorf("%s: the agent saw %s, want %s", c.argv, said, c.want)
			}
		}
		enter(false)
	})
}

// Beside the human's own proxy the agent asks DNS servers itself.
func TestSliceLetsResolversThrough(t *testing.T) {
	inLab(t, func(l *lab) {
		enter, _ := l.cgroup()
		l.attach(humansProxy())
		enter(true)
		for _, c := range []struct{ argv, want string }{
			{"203.0.113.53:53 proto=udp", `"INTERNET"`}, {"[2001:db8:2::53]:53 proto=udp", `"INTERNET"`}, {"203.0.113.53:53", `"INTERNET`},
			{"203.0.113.66:53 proto=udp", "error: send: operation not permitted"}, {"[2001:db8:2::66]:53 proto=udp", "error: send: operation not permitted"},
		} {
			if said := l.as(agent, append([]string{"dial"}, strings.Fields(c.argv)...)...); !strings.HasPrefix(said, c.want) {
				t.Errorf("%s: the agent saw %s, want %s", c.argv, said, c.want)
			}
		}
		enter(false)
	})
}
