// SPDX-License-Identifier: GPL-3.0-or-later

package kernel

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/a4u2/au/netfilter"
)

// backends are the ways to put a policy in force; each test runs once for each that this machine has.
var backends = []struct {
	name  string
	ready func(*lab) bool
	on    func(*lab, netfilter.Policy)
	off   func(*lab, netfilter.Policy)
}{
	{"nft", func(*lab) bool { return true }, (*lab).nftOn, (*lab).nftOff},
	{"iptables-nft", func(*lab) bool { return true }, (*lab).iptablesOn, (*lab).iptablesOff},
	{"iptables-legacy", (*lab).legacy, (*lab).iptablesOn, (*lab).iptablesOff},
}

func (l *lab) nftOn(p netfilter.Policy) { l.feed(p.Ruleset(noon), "nft", "-f", "-") }
func (l *lab) nftOff(p netfilter.Policy) {
	l.feed(netfilter.Removal(p.Table(), p.InboundTable()), "nft", "-f", "-")
}

func (l *lab) iptablesOn(p netfilter.Policy) {
	for _, family := range []netfilter.Family{netfilter.IPv4, netfilter.IPv6} {
		l.feed(p.IptablesRules(family, noon, l.must(family.Save()...)), family.Restore()...)
	}
}

func (l *lab) iptablesOff(p netfilter.Policy) {
	for _, family := range []netfilter.Family{netfilter.IPv4, netfilter.IPv6} {
		if text := p.IptablesRemoval(l.must(family.Save()...)); text != "" {
			l.feed(text, family.Restore()...)
		}
	}
}

// eachBackend runs body with the rules off; body turns them on itself.
func eachBackend(t *testing.T, body func(t *testing.T, l *lab, on, off func(netfilter.Policy))) {
	inLab(t, func(l *lab) {
		for _, b := range backends {
			t.Run(b.name, func(t *testing.T) {
				l.t = t
				if !b.ready(l) {
					t.Skip("not on this machine")
				}
				body(t, l, func(p netfilter.Policy) { b.on(l, p) }, func(p netfilter.Policy) { b.off(l, p) })
				b.off(l, sample())
			})
		}
	})
}

func TestNFTAcceptsTheRules(t *testing.T) {
	inLab(t, func(l *lab) {
		l.feed(ptr(sample()).Ruleset(noon), "nft", "-c", "-f", "-")
		l.feed(ptr(humansProxy()).Ruleset(noon), "nft", "-c", "-f", "-")
		l.feed(netfilter.Removal(ptr(sample()).Table(), ptr(sample()).InboundTable()), "nft", "-c", "-f", "-")
		if out := l.must("nft", "list", "ruleset"); out != "" {
			t.Errorf("checking left rules:\n%s", out)
		}
		for _, family := range []netfilter.Family{netfilter.IPv4, netfilter.IPv6} {
			argv := append(family.Restore(), "--test")
			l.feed(ptr(sample()).IptablesRules(family, noon, ""), argv...)
		}
	})
}

// waysOut is every way out of the machine that a socket of one's own gives. Each is taken once without rules, to see that it is
// one, and once with rules, when nothing may leave.
var waysOut = []struct {
	name string
	uid  uint32
	argv string
	want string // what the agent sees under the rules
}{
	{"https", agent, "203.0.113.66:443", `"DAEMON 203.0.113.66:443"`},
	{"https_v6", agent, "[2001:db8:2::66]:443", `"DAEMON [2001:db8:2::66]:443"`},
	{"ssh", agent, "203.0.113.66:22", `"DAEMON 203.0.113.66:22"`},
	{"ssh_v6", agent, "[2001:db8:2::66]:22", `"DAEMON [2001:db8:2::66]:22"`},
	{"the_daemons_port_elsewhere", agent, "203.0.113.66:61001", `"DAEMON 203.0.113.66:61001"`},
	{"sub_uid", subAgent, "203.0.113.66:443", `"DAEMON 203.0.113.66:443"`},
	{"sub_uid_v6", subAgent, "[2001:db8:2::66]:443", `"DAEMON [2001:db8:2::66]:443"`},
	{"sub_uid_udp", subAgent, "203.0.113.66:443 proto=udp", "error: send: operation not permitted"},
	{"mapped_address", agent, "203.0.113.66:443 mapped", `"DAEMON 203.0.113.66:443"`},
	{"mapped_address_udp", agent, "203.0.113.66:443 mapped proto=udp", "error: send: operation not permitted"},
	{"mptcp", agent, "203.0.113.66:443 proto=mptcp", `"DAEMON 203.0.113.66:443"`},
	{"mptcp_v6", agent, "[2001:db8:2::66]:443 proto=mptcp", `"DAEMON [2001:db8:2::66]:443"`},
	{"tcp_fast_open", agent, "203.0.113.66:443 fastopen", `"DAEMON 203.0.113.66:443"`},
	{"dns", agent, "203.0.113.66:53 proto=udp", `"DAEMON-DNS"`},
	{"dns_v6", agent, "[2001:db8:2::66]:53 proto=udp", `"DAEMON-DNS"`},
	{"dns_over_tcp", agent, "203.0.113.66:53", `"DAEMON-DNS"`},
	{"dns_over_tcp_v6", agent, "[2001:db8:2::66]:53", `"DAEMON-DNS"`},
	{"quic", agent, "203.0.113.66:443 proto=udp", "error: send: operation not permitted"},
	{"quic_v6", agent, "[2001:db8:2::66]:443 proto=udp", "error: send: operation not permitted"},
	{"udplite", agent, "203.0.113.66:53 proto=udplite", "error: send: operation not permitted"},
	{"udplite_v6", agent, "[2001:db8:2::66]:53 proto=udplite", "error: send: operation not permitted"},
	{"sctp", agent, "203.0.113.66:443 proto=sctp", "error: "},
	{"dccp", agent, "203.0.113.66:443 proto=dccp", "error: "},
	{"ping", agent, "203.0.113.66:0 proto=icmp", "error: send: operation not permitted"},
	{"ping_v6", agent, "[2001:db8:2::66]:0 proto=icmp", "error: "},
	{"multicast", agent, "224.0.0.251:5353 proto=udp dev=up0 quiet", "error: send: operation not permitted"},
	{"multicast_v6", agent, "[ff0e::fb]:5353 proto=udp dev=up0 quiet", "error: send: operation not permitted"},
	{"multicast_dns", agent, "224.0.0.251:53 proto=udp dev=up0 quiet", ""},
	{"broadcast", agent, "255.255.255.255:67 proto=udp dev=up0 broadcast quiet", "error: send: operation not permitted"},
	{"subnet_broadcast", agent, "198.51.100.255:9 proto=udp broadcast quiet", "error: send: operation not permitted"},
	{"bound_to_device", agent, "203.0.113.66:443 dev=up0", "error: "},
	{"bound_to_device_v6", agent, "[2001:db8:2::66]:443 dev=up0", "error: "},
	{"bound_to_device_dns", agent, "203.0.113.66:53 proto=udp dev=up0", "error: "},
	{"routing_header", agent, "[2001:db8:2::66]:443 rthdr=2001:db8:1::1 ms=500", "error: "},
	{"routing_header_udp", agent, "[2001:db8:2::66]:53 proto=udp rthdr=2001:db8:1::1 quiet", ""},
}

func TestNothingLeaves(t *testing.T) {
	var open []bool
	eachBackend(t, func(t *testing.T, l *lab, on, _ func(netfilter.Policy)) {
		if open == nil {
			open = waysOpen(t, l)
		}
		on(sample())
		for i, way := range waysOut {
			t.Run(way.name, func(t *testing.T) {
				if !open[i] {
					t.Skip("this kernel has no such socket")
				}
				argv, said := unanswered(way.argv), ""
				if packets := l.left(func() { said = l.as(way.uid, argv...) }); len(packets) > 0 {
					t.Errorf("the agent said %s, and this left the machine: %q", said, packets)
				}
				if !strings.HasPrefix(said, way.want) {
					t.Errorf("the agent saw %s, want %s", said, way.want)
				}
			})
		}
	})
}

// unanswered returns the words of a dial that perhaps nobody answers, and that does not wait long then.
func unanswered(argv string) []string {
	words := strings.Fields(argv)
	return slices.Concat([]string{"dial", words[0], "ms=2000"}, words[1:])
}

// waysOpen says for each of the ways out whether it is one while there are no rules. A test of one that is not would show nothing.
func waysOpen(t *testing.T, l *lab) []bool {
	open := make([]bool, len(waysOut))
	for i, way := range waysOut {
		argv, said := unanswered(way.argv), ""
		open[i] = len(l.left(func() { said = l.as(way.uid, argv...) })) > 0
		if !open[i] && !strings.HasPrefix(said, "error: no such socket") {
			t.Errorf("%s is no way out even without rules: %s", way.name, said)
		}
	}
	return open
}

func TestLoopback(t *testing.T) {
	eachBackend(t, func(t *testing.T, l *lab, on, _ func(netfilter.Policy)) {
		on(sample())
		for _, c := range []struct{ name, argv, want string }{
			{"an_allowed_port", "127.0.0.1:3000", `"HUMAN"`},
			{"an_allowed_port_v6", "[::1]:3000", `"HUMAN"`},
			{"an_allowed_port_udp", "127.0.0.1:3000 proto=udp", `"HUMAN"`},
			{"an_allowed_port_udp_v6", "[::1]:3000 proto=udp", `"HUMAN"`},
			{"another_port", "127.0.0.1:5432", `"DAEMON 127.0.0.1:5432"`},
			{"another_port_v6", "[::1]:5432", `"DAEMON [::1]:5432"`},
			{"another_port_udp", "127.0.0.1:5432 proto=udp", "error: send: operation not permitted"},
			{"another_port_udp_v6", "[::1]:5432 proto=udp", "error: send: operation not permitted"},
			{"the_machines_own_address", own4 + ":5432", `"DAEMON ` + own4 + `:5432"`},
			{"a_resolver_on_loopback", "127.0.0.53:53 proto=udp", `"DAEMON-DNS"`},
			{"the_daemon_itself", "127.0.0.1:61001", `"DAEMON 127.0.0.1:61001"`},
			{"the_daemon_itself_v6", "[::1]:61001", `"DAEMON [::1]:61001"`},
			{"the_daemons_dns_over_tcp", "127.0.0.1:61002", `"DAEMON 127.0.0.1:61002"`},
		} {
			argv := append([]string{"dial"}, strings.Fields(c.argv)...)
			if said := l.as(agent, argv...); !strings.HasPrefix(said, c.want) {
				t.Errorf("%s: the agent saw %s, want %s", c.name, said, c.want)
			}
		}
	})
}

// The daemon's ports are the agent's, and root's: what others send there does not arrive, from a socket that is closed at once
// either.
func TestOnlyTheAgentReachesTheDaemon(t *testing.T) {
	eachBackend(t, func(t *testing.T, l *lab, on, off func(netfilter.Policy)) {
		for _, restricted := range []bool{false, true} {
			if restricted {
				on(sample())
			}
			for _, host := range []string{"127.0.0.1", "::1"} {
				for port, want := range map[string]string{"61001": `"DAEMON `, "61002": `"DAEMON-DNS"`, "61002 proto=udp": `"DAEMON-DNS"`} {
					dest, rest, _ := strings.Cut(port, " ")
					argv := append([]string{"dial", net.JoinHostPort(host, dest)}, strings.Fields(rest)...)
					for _, uid := range []uint32{human, agent, subAgent, 0} {
						said := l.as(uid, argv...)
						if refused := restricted && uid == human; refused != strings.HasPrefix(said, "error: ") || !refused && !strings.HasPrefix(said, `"DAEMON`) {
							t.Errorf("restricted %v: uid %d at %s port %s saw %s, want %s or to be refused", restricted, uid, host, port, said, want)
						}
					}
				}
			}
		}
		for uid, want := range map[uint32]int{human: 0, agent: 20} {
			if got := l.planted(uid); got != want {
				t.Errorf("of 20 datagrams from uid %d, each from a socket closed at once, %d arrived, want %d", uid, got, want)
			}
		}
	})
}

// planted sends 20 datagrams to the daemon, each from a socket that is closed at once, and returns how many arrive.
func (l *lab) planted(uid uint32) int {
	l.asked.Store(0)
	for range 20 {
		l.as(uid, "dial", "127.0.0.1:61002", "proto=udp", "quiet")
	}
	time.Sleep(100 * time.Millisecond)
	return int(l.asked.Load())
}

// Rules that are loaded again, as each change of a rule does, leave no moment without them.
func TestLoadedAgainLetsNothingOut(t *testing.T) {
	eachBackend(t, func(t *testing.T, l *lab, on, off func(netfilter.Policy)) {
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9999})
		must(t, err)
		defer conn.Close()
		var came atomic.Int32
		go func() {
			for buf := make([]byte, 1); ; came.Add(1) {
				if _, err := conn.Read(buf); err != nil {
					return
				}
			}
		}()
		on(sample())
		for _, uid := range []uint32{agent, subAgent} {
			_, in := l.start(uid, l.program, "lab", "flood", "127.0.0.1:9999")
			defer in.Close()
		}
		for range 30 {
			on(sample())
		}
		time.Sleep(100 * time.Millisecond)
		if n := came.Load(); n > 0 {
			t.Errorf("%d datagrams came while the rules were loaded again, want none", n)
		}
		off(sample())
		time.Sleep(100 * time.Millisecond)
		if came.Load() == 0 {
			t.Error("none came without rules: this has shown nothing")
		}
	})
}

// A packet of a socket that the agent closed with much still to send carries no uid, and arrives at the daemon all the same.
func TestOrphansArrive(t *testing.T) {
	eachBackend(t, func(t *testing.T, l *lab, on, _ func(netfilter.Policy)) {
		on(sample())
		for _, at := range []string{"203.0.113.66:443", "[2001:db8:2::66]:443", "127.0.0.1:61001", "[::1]:61001"} {
			for len(l.daemon) > 0 {
				<-l.daemon
			}
			if said := l.as(agent, "dial", at, "bytes=3000000"); !strings.HasPrefix(said, `"DAEMON `) {
				t.Errorf("%s: the agent saw %s", at, said)
			}
			select {
			case n := <-l.daemon:
				if n != 3000007 {
					t.Errorf("of 3000007 bytes that the agent sent to %s, %d arrived", at, n)
				}
			case <-time.After(10 * time.Second):
				t.Errorf("%s: the connection did not end", at)
			}
		}
	})
}

func TestOrphansStayDiverted(t *testing.T) {
	eachBackend(t, func(t *testing.T, l *lab, on, _ func(netfilter.Policy)) {
		on(sample())
		for _, host := range []string{outside4, outside6} {
			packets := l.left(func() {
				said := l.as(agent, "dial", net.JoinHostPort(host, "443"), "bytes=3000000")
				if !strings.Contains(said, "DAEMON") {
					t.Errorf("%s: the agent saw %s", host, said)
				}
				time.Sleep(2 * time.Second)
			})
			if len(packets) > 0 {
				t.Errorf("after the agent closed with 3 MB queued to %s, %d packets left the machine, first %s", host, len(packets), packets[0])
			}
		}
	})
}

func TestHumanIsUntouched(t *testing.T) {
	eachBackend(t, func(t *testing.T, l *lab, on, _ func(netfilter.Policy)) {
		on(sample())
		for _, c := range []struct{ name, argv, want string }{
			{"https", "203.0.113.66:443", `"INTERNET`},
			{"https_v6", "[2001:db8:2::66]:443", `"INTERNET`},
			{"dns", "203.0.113.66:53 proto=udp", `"INTERNET"`},
			{"dns_v6", "[2001:db8:2::66]:53 proto=udp", `"INTERNET"`},
			{"dns_tcp", "203.0.113.66:53", `"INTERNET`},
			{"quic", "203.0.113.66:443 proto=udp", `"INTERNET"`},
			{"mptcp", "203.0.113.66:443 proto=mptcp", `"INTERNET`},
			{"own_server", "127.0.0.1:5432", `"HUMAN"`},
			{"own_server_v6", "[::1]:5432", `"HUMAN"`},
			{"own_server_udp", "127.0.0.1:5432 proto=udp", `"HUMAN"`},
			{"own_server_at_the_proxys_number", "127.0.0.1:61001 proto=udp", `"HUMAN"`},
			{"own_server_at_the_proxys_number_v6", "[::1]:61001 proto=udp", `"HUMAN"`},
		} {
			argv := append([]string{"dial"}, strings.Fields(c.argv)...)
			if said := l.as(human, argv...); !strings.HasPrefix(said, c.want) {
				t.Errorf("%s: the human saw %s, want %s", c.name, said, c.want)
			}
		}
	})
}

// The kernel tracks connections by address and port, not by user.
func TestSameSourcePort(t *testing.T) {
	want := map[uint32]string{agent: `"DAEMON`, human: `"INTERNET`}
	eachBackend(t, func(t *testing.T, l *lab, on, _ func(netfilter.Policy)) {
		on(sample())
		port, ran := 40000, 0
		for _, host := range []string{outside4, outside6} {
			for _, way := range []string{"53 proto=udp", "443", "443 reset", "443 bytes=3000000"} {
				for _, users := range [][]uint32{{agent, human}, {human, agent}, {agent, human, agent, human}} {
					port++
					for _, uid := range users {
						dest, rest, _ := strings.Cut(way, " ")
						argv := append([]string{"dial", net.JoinHostPort(host, dest), fmt.Sprint("sport=", port)}, strings.Fields(rest)...)
						said := l.as(uid, argv...)
						// The data that the other still has to send after its close holds the port; that nobody gets through
						// meanwhile is as it should be.
						for range 20 {
							if !strings.Contains(said, "connection refused") {
								break
							}
							time.Sleep(100 * time.Millisecond)
							said = l.as(uid, argv...)
						}
						if strings.Contains(said, "cannot assign requested address") && !strings.Contains(way, "reset") {
							continue // the other's, in TIME_WAIT: the kernel itself keeps them apart
						}
						ran++
						if !strings.HasPrefix(said, want[uid]) {
							t.Errorf("%s to %s, source port %d, order %v: uid %d saw %s, want %s…", way, host, port, users, uid, said, want[uid])
						}
					}
				}
			}
		}
		t.Logf("%d connections", ran)
	})
}

// A socket that was closed has no user any more: what it still sends must be nobody's business.
func TestHumanClosesWithDataQueued(t *testing.T) {
	eachBackend(t, func(t *testing.T, l *lab, on, _ func(netfilter.Policy)) {
		on(sample())
		for _, host := range []string{outside4, outside6} {
			packets := l.left(func() {
				if said := l.as(human, "dial", net.JoinHostPort(host, "443"), "bytes=3000000"); !strings.HasPrefix(said, `"INTERNET`) {
					t.Errorf("the human saw %s", said)
				}
				time.Sleep(time.Second)
			})
			if got := l.received(); got != "3000007" {
				t.Errorf("of 3000007 bytes that the human sent to %s, %s arrived (%d packets left)", host, got, len(packets))
			}
		}
	})
}

func TestAgentsServer(t *testing.T) {
	eachBackend(t, func(t *testing.T, l *lab, on, _ func(netfilter.Policy)) {
		on(sample())
		l.start(agent, l.program, "lab", "server", "0.0.0.0:8000", "bytes=3000000")
		l.start(agent, l.program, "lab", "server", "[::]:8001", "bytes=3000000")
		l.start(agent, l.program, "lab", "server", "127.0.0.1:8002", "proto=udp")
		for _, c := range []struct{ name, argv string }{
			{"v4", "127.0.0.1:8000"}, {"v6", "[::1]:8001"}, {"v4_on_a_v6_socket", "127.0.0.1:8001"},
			{"own_address", own4 + ":8000"}, {"own_address_v6", "[" + own6 + "]:8001"}, {"udp", "127.0.0.1:8002 proto=udp"},
		} {
			argv := append([]string{"dial"}, strings.Fields(c.argv)...)
			if said := l.as(human, argv...); said != `"AGENT"` {
				t.Errorf("%s: the human saw %s", c.name, said)
			}
		}
		packets := l.left(func() {
			said := l.must("ip", "netns", "exec", "internet", "sh", "-c", l.program+" lab dial "+own4+":8000 2>&1 || true")
			if strings.Contains(said, "AGENT") {
				t.Errorf("somebody on the internet was answered by the agent: %s", said)
			}
		})
		for _, packet := range packets {
			t.Errorf("the agent's answer left the machine: %s", packet)
		}
	})
}

func TestHumansOwnProxy(t *testing.T) {
	p := humansProxy()
	eachBackend(t, func(t *testing.T, l *lab, on, _ func(netfilter.Policy)) {
		on(p)
		for _, c := range []struct {
			argv, want string
			leaves     bool
		}{
			{"203.0.113.66:80", `"PROXY3128 203.0.113.66:80"`, false},
			{"[2001:db8:2::66]:80", `"PROXY3128 [2001:db8:2::66]:80"`, false},
			{"203.0.113.66:443", `"PROXY3129 203.0.113.66:443"`, false},
			{"[2001:db8:2::66]:443", `"PROXY3129 [2001:db8:2::66]:443"`, false},
			{"203.0.113.53:53 proto=udp", `"INTERNET"`, true},
			{"[2001:db8:2::53]:53 proto=udp", `"INTERNET"`, true},
			{"203.0.113.53:53", `"INTERNET`, true},
			{"203.0.113.66:53 proto=udp", "error: send: operation not permitted", false},
			{"203.0.113.66:53", "error: connection refused", false},
			{"203.0.113.66:22", "error: connection refused", false},
			{"203.0.113.66:443 proto=udp", "error: send: operation not permitted", false},
			{"203.0.113.66:0 proto=icmp", "error: send: operation not permitted", false},
			{"203.0.113.66:443 dev=up0", "error: ", false},
			{"127.0.0.1:3128", "error: connection refused", false},
			{"127.0.0.1:5432", "error: connection refused", false},
			{"127.0.0.1:3000", `"HUMAN"`, false},
			{"[::1]:3000", `"HUMAN"`, false},
		} {
			argv := append([]string{"dial"}, strings.Fields(c.argv)...)
			said := ""
			packets := l.left(func() { said = l.as(agent, argv...) })
			if !strings.HasPrefix(said, c.want) || len(packets) > 0 != c.leaves {
				t.Errorf("%s: the agent saw %s, want %s; left the machine: %q", c.argv, said, c.want, packets)
			}
		}
		if said := l.as(human, "dial", "203.0.113.66:443"); !strings.HasPrefix(said, `"INTERNET`) {
			t.Errorf("the human saw %s", said)
		}
	})
}

const othersRules = `
table inet others {
	set numbers { type inet_service; elements = { 1, 2 } }
	chain out { type filter hook output priority 0; policy accept; tcp dport 9999 reject; }
}
table ip othersnat {
	chain out { type nat hook output priority -100; policy accept; ip daddr 192.0.2.99 tcp dport 80 dnat to 203.0.113.66:80; }
}
`

func (l *lab) allRules() string {
	return l.must("nft", "-s", "list", "ruleset") + l.must("iptables-save") + l.must("ip6tables-save")
}

func (l *lab) withoutTimes(text string) string {
	var kept []string
	for _, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(line, "# Generated") && !strings.HasPrefix(line, "# Completed") && !strings.HasPrefix(line, "# Warning") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}

func TestTwiceIsOnceAndOffIsOff(t *testing.T) {
	eachBackend(t, func(t *testing.T, l *lab, on, off func(netfilter.Policy)) {
		l.feed("add table inet others\ndelete table inet others\nadd table ip othersnat\ndelete table ip othersnat\n"+othersRules, "nft", "-f", "-")
		for _, command := range []string{"iptables", "ip6tables"} {
			// Somebody's rule in every table, so that the tables are there before and after.
			for _, table := range netfilter.IptablesTables() {
				l.must(command, "-w", "-t", table, "-A", hookOf(table), "-p", "tcp", "--dport", "9998", "-j", "RETURN")
			}
		}
		neighbour := sample()
		neighbour.Agent, neighbour.UID, neighbour.SubUIDs, neighbour.Proxy, neighbour.DNS = "agent2", 10010, nil, 61003, 61004
		on(neighbour)
		before := l.withoutCounters()
		on(sample())
		once := l.withoutCounters()
		on(sample())
		if twice := l.withoutCounters(); twice != once {
			t.Errorf("loaded twice is not once:\n%s\nonce:\n%s", twice, once)
		}
		if !strings.Contains(once, "61001") || !strings.Contains(once, "61003") {
			t.Errorf("the rules of both agents are not there:\n%s", once)
		}
		off(sample())
		if after := l.withoutCounters(); after != before {
			t.Errorf("off left something, or took something of others':\n%s\nbefore:\n%s", after, before)
		}
		off(sample()) // twice as well
		off(neighbour)
		for _, command := range []string{"iptables", "ip6tables"} {
			for _, table := range netfilter.IptablesTables() {
				l.must(command, "-w", "-t", table, "-F", hookOf(table))
			}
		}
	})
}

func (l *lab) withoutCounters() string {
	text := l.withoutTimes(l.allRules())
	fields := strings.Split(text, "\n")
	for i, line := range fields {
		if strings.HasPrefix(line, ":") {
			fields[i], _, _ = strings.Cut(line, " [")
		}
	}
	return strings.Join(fields, "\n")
}

// hookOf returns a chain of iptables' own in one of its tables.
func hookOf(table string) string {
	if table == "mangle" {
		return "POSTROUTING"
	}
	return "OUTPUT"
}
