// SPDX-License-Identifier: GPL-3.0-or-later

package kernel

import (
	"strings"
	"testing"
)

// A refusal counts for what it is by who spoke it: this machine, as firewalld before 2.0 does of what is diverted over IPv6, or one
// on the way.
func TestProbeKnowsWhoRefused(t *testing.T) {
	const router = `
table ip lab { chain refuse { type filter hook forward priority 0; reject with icmp type host-unreachable; }; }
table ip6 lab { chain refuse { type filter hook forward priority 0; reject with icmpv6 type addr-unreachable; }; }
`
	const firewall = `
table ip lab { chain refuse { type filter hook output priority 10; ip daddr 127.0.0.1 tcp dport 61001 meta skuid 1001 reject with icmp type host-unreachable; }; }
table ip6 lab { chain refuse { type filter hook output priority 10; ip6 daddr ::1 tcp dport 61001 meta skuid 1001 reject with icmpv6 type addr-unreachable; }; }
`
	inLab(t, func(l *lab) {
		for _, line := range []string{
			"ip -n internet route add 192.0.2.0/24 via 198.51.100.2", "ip -n internet -6 route add 2001:db8::/64 via 2001:db8:1::2",
			"ip netns exec internet sysctl -q net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.down0.send_redirects=0 net.ipv6.conf.all.forwarding=1",
		} {
			l.must(strings.Fields(line)...)
		}
		l.feed(router, "ip", "netns", "exec", "internet", "nft", "-f", "-")
		expect := func(when, want string) {
			t.Helper()
			for _, addr := range []string{nobody4.String(), nobody6.String()} {
				if said := l.as(agent, "try", addr); said != want {
					t.Errorf("%s, TCP to %s: %s, want %s", when, addr, said, want)
				}
			}
		}
		expect("without rules", "stopped=false open=true: unreachable, says a machine on the way")
		l.nftOn(sample())
		expect("diverted", "stopped=true open=false: diverted: answered on this machine")
		l.feed(firewall, "nft", "-f", "-")
		expect("diverted, and refused by another firewall", "stopped=true open=false: refused at once")
	})
}
