// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"fmt"
	"net/netip"
	"slices"
	"sort"
	"strings"
	"time"
)

// Table returns the name of the agent's own nftables table, and of its iptables chains with "_" as "-".
func (p Policy) Table() string { return fmt.Sprintf("au_net_%d", p.UID) }

// UIDs returns the user ids that are the agent's: its own and its sub-uids, sorted, no two of them touching.
func (p Policy) UIDs() []Range {
	all := append([]Range{{p.UID, p.UID}}, p.SubUIDs...)
	sort.Slice(all, func(i, j int) bool { return all[i].First < all[j].First })
	merged := all[:1]
	for _, next := range all[1:] {
		last := &merged[len(merged)-1]
		if uint64(next.First) > uint64(last.Last)+1 {
			merged = append(merged, next)
		} else if next.Last > last.Last {
			last.Last = next.Last
		}
	}
	return merged
}

// Has says whether uid is one of the agent's.
func (p Policy) Has(uid uint32) bool {
	return uid == p.UID || slices.ContainsFunc(p.SubUIDs, func(r Range) bool { return r.Has(uid) })
}

// Zone returns the conntrack zone of the agent's UDP. Conntrack knows no users: without a zone, a human whose program
// reuses the agent's source port finds its DNS question sent to the agent's daemon. TCP stays in the common zone: what a
// closed socket still has to send carries no uid, and must find the connection that diverts it.
func (p Policy) Zone() uint16 { return uint16(1 + p.UID%65535) }

// Ruleset returns the agent's rules as nft -f reads them: one transaction, for IPv4 and IPv6, after which the agent's table
// holds exactly this. Loading it twice is the same as once. Rules whose time has passed at now are left out.
func (p Policy) Ruleset(now time.Time) string {
	table := p.Table()
	text := []string{
		"add table inet " + table,
		"delete table inet " + table,
		"table inet " + table + " {",
		fmt.Sprintf("\tcomment \"au net: agent %s\"", p.Agent),
		"\tset agent {",
		"\t\ttype uid",
		"\t\tflags interval",
		"\t\telements = { " + joinRanges(p.UIDs(), ", ") + " }",
		"\t}",
	}
	chains := []nftChain{
		{"zone", "type filter hook output priority -300; policy accept;", []string{
			fmt.Sprintf("meta skuid @agent meta l4proto udp ct original zone set %d", p.Zone())}},
		{"guard", "type filter hook output priority 0; policy accept;", append([]string{"meta skuid @agent jump refuse"}, p.nftPorts()...)},
		{"deny", "", []string{"meta l4proto tcp counter reject with tcp reset", "counter reject with icmpx admin-prohibited"}},
		{"refuse", "", p.nftRefuse(now)},
		// After the last routing decision: what the agent's socket itself ties to another device, past the diversion.
		{"wire", "type filter hook postrouting priority 0; policy accept;", append(p.nftResolvers("meta skuid @agent "),
			`meta skuid @agent oifname != "lo" counter drop`)},
		// Before -100, where others translate: the first translation wins.
		{"divert", "type nat hook output priority -110; policy accept;", []string{"meta skuid @agent jump redirect_agent"}},
		{"redirect_agent", "", p.nftDivert(now)},
	}
	if p.HasDaemon() {
		chains = append(chains, nftChain{"ports", "", []string{"ct state established accept", "meta skuid 0 accept", "goto deny"}})
	}
	for _, chain := range chains {
		text = append(text, chain.lines()...)
	}
	return strings.Join(append(text, "}"), "\n") + "\n"
}

// RulesetRemoval returns what takes the rules of Ruleset away, whether or not they are there.
func (p Policy) RulesetRemoval() string { return removal(p.Table()) }

func removal(table string) string {
	return fmt.Sprintf("add table inet %[1]s\ndelete table inet %[1]s\n", table)
}

type nftChain struct {
	name, hook string
	rules      []string
}

func (c nftChain) lines() []string {
	out := []string{"", "\tchain " + c.name + " {"}
	if c.hook != "" {
		out = append(out, "\t\t"+c.hook)
	}
	for _, rule := range c.rules {
		out = append(out, "\t\t"+rule)
	}
	return append(out, "\t}")
}

// nftRefuse returns what the agent's packets meet last: a few exceptions, then a refusal that is seen at once.
func (p Policy) nftRefuse(now time.Time) []string {
	rules := []string{
		// Somebody on this machine talks to a server of the agent's.
		"ct direction reply fib daddr type local accept",
		// Source routes: the packet's destination would not be where it ends.
		"ip hdrlength > 5 goto deny",
		"exthdr rt exists goto deny",
	}
	if p.HasDaemon() {
		rules = append(rules, onLoopback("tcp dport { %d, %d } accept", p.Proxy, p.DNS)...)
		rules = append(rules, onLoopback("udp dport %d accept", p.DNS)...)
	} else {
		rules = append(rules, onLoopback("tcp dport { %d, %d } ct status dnat accept", p.Human.HTTP, p.Human.HTTPS)...)
		rules = append(rules, p.nftResolvers("")...)
	}
	if ports := p.LocalPorts(now); len(ports) > 0 {
		set := joinPorts(ports, ", ")
		rules = append(rules, "ip daddr 127.0.0.0/8 tcp dport { "+set+" } accept", "ip6 daddr ::1 tcp dport { "+set+" } accept",
			"ip daddr 127.0.0.0/8 udp dport { "+set+" } accept", "ip6 daddr ::1 udp dport { "+set+" } accept")
	}
	return append(rules, "goto deny")
}

// nftPorts sends what others than the agent send to the daemon's ports to a chain that lets in root alone, whom a set-uid helper of the agent's
// may be. What a socket that was closed still has to send carries no uid, and belongs to a connection that was let in.
func (p Policy) nftPorts() []string {
	if !p.HasDaemon() {
		return nil
	}
	return append(onLoopback("tcp dport { %d, %d } jump ports", p.Proxy, p.DNS), onLoopback("udp dport %d jump ports", p.DNS)...)
}

// nftDivert returns where the agent's connections go instead. It matches destinations, for inside the output hook the
// outgoing interface is the one that the packet would have taken.
func (p Policy) nftDivert(now time.Time) []string {
	var rules []string
	if ports := p.LocalPorts(now); len(ports) > 0 {
		set := joinPorts(ports, ", ")
		rules = append(rules, "ip daddr 127.0.0.0/8 tcp dport { "+set+" } accept", "ip6 daddr ::1 tcp dport { "+set+" } accept")
	}
	if !p.HasDaemon() {
		return append(rules,
			"fib daddr type local accept",
			fmt.Sprintf("tcp dport 80 redirect to :%d", p.Human.HTTP),
			fmt.Sprintf("tcp dport 443 redirect to :%d", p.Human.HTTPS))
	}
	rules = append(rules,
		fmt.Sprintf("udp dport 53 redirect to :%d", p.DNS),
		fmt.Sprintf("tcp dport 53 redirect to :%d", p.DNS))
	rules = append(rules, onLoopback("tcp dport %d accept", p.Proxy)...)
	return append(rules, fmt.Sprintf("meta l4proto tcp redirect to :%d", p.Proxy))
}

// nftResolvers returns the exceptions for the DNS servers that the agent itself may ask: none where a daemon asks for it.
func (p Policy) nftResolvers(match string) []string {
	if p.HasDaemon() {
		return nil
	}
	var rules []string
	for _, server := range p.Resolve {
		rules = append(rules, fmt.Sprintf("%s%s daddr %s meta l4proto { tcp, udp } th dport %d accept", match, nftFamily(server.Addr()), server.Addr(), server.Port()))
	}
	return rules
}

func nftFamily(addr netip.Addr) string {
	if addr.Is4() {
		return "ip"
	}
	return "ip6"
}

// onLoopback returns the rule twice, for the IPv4 and the IPv6 address that a diversion ends at.
func onLoopback(format string, ports ...any) []string {
	rule := fmt.Sprintf(format, ports...)
	return []string{"ip daddr 127.0.0.1 " + rule, "ip6 daddr ::1 " + rule}
}

func joinRanges(ranges []Range, sep string) string {
	var texts []string
	for _, ids := range ranges {
		texts = append(texts, ids.short())
	}
	return strings.Join(texts, sep)
}

func (r Range) short() string {
	if r.First == r.Last {
		return fmt.Sprint(r.First)
	}
	return r.String()
}

func joinPorts(ports []uint16, sep string) string {
	var texts []string
	for _, port := range ports {
		texts = append(texts, fmt.Sprint(port))
	}
	return strings.Join(texts, sep)
}
