// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// ruleset.go has the rules, such as those for DNS; this file says them in the language of nft.

// Table returns the name of the agent's own nftables table, and of its iptables chains with "_" as "-".
func (p *Policy) Table() string { return fmt.Sprintf("au_net_%d", p.UID) }

// UIDs returns the user ids that are the agent's: its own and its sub-uids, sorted, no two of them touching.
func (p *Policy) UIDs() []Range {
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

// Has says whether uid belongs to the agent.
func (p *Policy) Has(uid uint32) bool {
	return uid == p.UID || slices.ContainsFunc(p.SubUIDs, func(r Range) bool { return r.Has(uid) })
}

// Zone returns the conntrack zone of the agent's UDP. Conntrack knows no users: without a zone, a human whose program
// reuses the agent's source port finds its DNS question sent to the agent's daemon. TCP stays in the common zone: what a
// closed socket still has to send carries no uid, and must find the connection that diverts it.
func (p *Policy) Zone() uint16 { return uint16(1 + p.UID%65535) }

// nftHooks says where nftables looks at each stage. To divert comes before -100, where others do: the first translation wins.
var nftHooks = map[stage]nftHook{
	zoneStage:   {"zone", "type filter hook output priority -300; policy accept;"},
	guardStage:  {"guard", "type filter hook output priority 0; policy accept;"},
	wireStage:   {"wire", "type filter hook postrouting priority 0; policy accept;"},
	divertStage: {"divert", "type nat hook output priority -110; policy accept;"},
}

type nftHook struct{ name, line string }

// nftChains names the chains that others jump to.
var nftChains = map[chainName]string{refuseChain: "refuse", redirectChain: "redirect_agent", portsChain: "ports"}

// Ruleset returns the agent's rules as nft -f reads them: one transaction, for IPv4 and IPv6, after which the agent's table
// holds exactly this. Loading it twice is the same as once. Rules whose time has passed at now are left out.
// No rule asks a set of intervals whose packet it is. The elements of a new one appear a moment after the rules that ask it
// (net/netfilter/nf_tables_api.c, nf_tables_commit; seen with Linux 6.18), and each load would let packets out.
func (p *Policy) Ruleset(now time.Time) string {
	table := p.Table()
	text := []string{
		"add table inet " + table,
		"delete table inet " + table,
		"table inet " + table + " {",
		fmt.Sprintf("\tcomment \"au net: agent %s\"", p.Agent),
	}
	for _, chain := range p.chains(now) {
		var rules []string
		for _, step := range chain.steps {
			rules = append(rules, step.nft(p.UIDs())...)
		}
		if chain.name == refuseChain {
			text = append(text, nftChain("deny", "", []string{"meta l4proto tcp counter reject with tcp reset", "counter reject with icmpx admin-prohibited"})...)
		}
		if chain.name == firstChain {
			hook := nftHooks[chain.stage]
			text = append(text, nftChain(hook.name, hook.line, rules)...)
		} else {
			text = append(text, nftChain(nftChains[chain.name], "", rules)...)
		}
	}
	return strings.Join(append(text, "}"), "\n") + "\n"
}

// RulesOf returns the uids for which there are rules of ours in what nft(8) says of its tables, or iptables-save(8) prints; one may
// be there more than once.
func RulesOf(listed string) (uids []uint32) {
	for _, m := range regexp.MustCompile(`(?m)^(?:table inet au_net_|:au-net-)([0-9]+)`).FindAllStringSubmatch(listed, -1) {
		if uid, err := strconv.ParseUint(m[1], 10, 32); err == nil {
			uids = append(uids, uint32(uid))
		}
	}
	return uids
}

// Removal returns what takes tables away, whether or not they are there.
func Removal(tables ...string) string {
	var text strings.Builder
	for _, table := range tables {
		fmt.Fprintf(&text, "add table inet %[1]s\ndelete table inet %[1]s\n", table)
	}
	return text.String()
}

func nftChain(name, hook string, rules []string) []string {
	lines := []string{"", "\tchain " + name + " {"}
	if hook != "" {
		lines = append(lines, "\t\t"+hook)
	}
	for _, rule := range rules {
		lines = append(lines, "\t\t"+rule)
	}
	return append(lines, "\t}")
}

// nft returns s in the language of nft, a rule for each family where they differ, and for each range of the agent's user ids.
func (s step) nft(agent []Range) (rules []string) {
	if s.goesOn {
		return nil // what accept or a refusal met is looked at no further
	}
	from := []string{""}
	switch s.from {
	case theAgent:
		from = nil
		for _, ids := range agent {
			from = append(from, "meta skuid "+ids.short())
		}
	case root:
		from = []string{"meta skuid 0"}
	}
	for _, which := range s.packets.nft() {
		for _, who := range from {
			rules = append(rules, join(who, which, s.verdict.nft()))
		}
	}
	return rules
}

// nft returns what matches k but for its sender.
func (k packets) nft() []string {
	what := join(k.nftPorts(), map[state]string{established: "ct state established", redirected: "ct status dnat"}[k.state])
	switch {
	case k.state == reply:
		return []string{"ct direction reply fib daddr type local"}
	case k.state == sourceRouted:
		return []string{"ip hdrlength > 5", "exthdr rt exists"}
	case k.to.place == diverted:
		return []string{join("ip daddr 127.0.0.1", what), join("ip6 daddr ::1", what)}
	case k.to.place == onLoopback:
		return []string{join("ip daddr 127.0.0.0/8", what), join("ip6 daddr ::1", what)}
	case k.to.place == thisMachine:
		return []string{join("fib daddr type local", what)}
	case k.to.place == outside:
		return []string{join(what, `oifname != "lo"`)}
	case k.to.place == oneAddress && k.to.addr.Is4():
		return []string{join("ip daddr", k.to.addr.String(), what)}
	case k.to.place == oneAddress:
		return []string{join("ip6 daddr", k.to.addr.String(), what)}
	}
	return []string{what}
}

func (k packets) nftPorts() string {
	port := ""
	switch {
	case len(k.ports) > 0:
		port = "{ " + joinPorts(k.ports, ", ") + " }"
	case k.port != 0:
		port = fmt.Sprint(k.port)
	}
	switch {
	case k.protocol == anyProtocol:
		return ""
	case k.protocol == tcpOrUDP:
		return "meta l4proto { tcp, udp } th dport " + port
	case port == "":
		return "meta l4proto " + k.protocol.String()
	}
	return k.protocol.String() + " dport " + port
}

func (v verdict) nft() string {
	switch v.do {
	case deny:
		return "goto deny"
	case drop:
		return "counter drop"
	case jump:
		return "jump " + nftChains[v.chain]
	case divert:
		return fmt.Sprintf("redirect to :%d", v.number)
	case track:
		return fmt.Sprintf("ct original zone set %d", v.number)
	}
	return "accept"
}

func (p protocol) String() string { return [...]string{"", "tcp", "udp", "tcp or udp"}[p] }

// join joins words, those that are empty left out.
func join(words ...string) string {
	return strings.Join(slices.DeleteFunc(words, func(word string) bool { return word == "" }), " ")
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
