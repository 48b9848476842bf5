// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"fmt"
	"strings"
	"time"
)

// Family is one of the two halves that iptables keeps apart.
type Family int

const (
	IPv4 Family = 4
	IPv6 Family = 6
)

// Restore returns the argv that loads rules of this family, without changing any that they do not name.
func (f Family) Restore() []string { return []string{f.command() + "-restore", "-n", "-w", "5"} }

// Save returns the argv that prints the rules of this family.
func (f Family) Save() []string { return []string{f.command() + "-save"} }

func (f Family) command() string {
	if f == IPv6 {
		return "ip6tables"
	}
	return "iptables"
}

func (f Family) loopback() (one, all string) {
	if f == IPv6 {
		return "::1/128", "::1/128"
	}
	return "127.0.0.1/32", "127.0.0.0/8"
}

func (f Family) prohibited() string {
	if f == IPv6 {
		return "icmp6-adm-prohibited"
	}
	return "icmp-admin-prohibited"
}

// sourceRoute matches packets whose destination is not where they end: an IPv4 header with options, an IPv6 routing header.
func (f Family) sourceRoute() string {
	if f == IPv6 {
		return "-m rt"
	}
	return "-m u32 --u32 0>>24&0xF=6:15"
}

// iptablesTables are the tables that hold a chain of the agent's and a jump to it, in the order in which they are loaded:
// first what refuses, last what diverts.
var iptablesTables = []iptablesTable{
	{"filter", "OUTPUT"}, {"mangle", "POSTROUTING"}, {"raw", "OUTPUT"}, {"nat", "OUTPUT"},
}

type iptablesTable struct{ name, hook string }

// IptablesTables returns the names of the tables in which iptables holds the agent's rules.
func IptablesTables() []string {
	var names []string
	for _, table := range iptablesTables {
		names = append(names, table.name)
	}
	return names
}

// IptablesHooks returns the chains that iptables makes itself, in one table or another.
func IptablesHooks() []string {
	return []string{"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"}
}

// chain names the agent's first chain in each table; the others start with it and a hyphen.
func (p Policy) chain() string { return strings.ReplaceAll(p.Table(), "_", "-") }

func (p Policy) jump(hook string) string {
	return fmt.Sprintf("%s -m comment --comment %q -j %s", hook, "au net: agent "+p.Agent, p.chain())
}

// IptablesRules returns the rules of Ruleset for one family, as Family.Restore reads them. What they let pass returns to the
// rules of others, which still decide. saved is what Family.Save says
// now: jumps of the agent's that it shows are taken away in the same transaction that puts one at position 1, so that
// loading twice is the same as once. When saved is out of date nothing is loaded; ask again.
func (p Policy) IptablesRules(family Family, now time.Time, saved string) string {
	chain, bodies := p.chain(), p.iptablesBodies(family, now)
	var text strings.Builder
	for _, table := range iptablesTables {
		fmt.Fprintf(&text, "*%s\n:%s - [0:0]\n", table.name, chain)
		body := bodies[table.name]
		for _, next := range body.chains {
			fmt.Fprintf(&text, ":%s%s - [0:0]\n", chain, next.suffix)
		}
		for _, old := range p.savedJumps(saved, table.name) {
			text.WriteString("-D " + old + "\n")
		}
		for _, ids := range p.UIDs() {
			for _, rule := range body.first {
				fmt.Fprintf(&text, "-A %s -m owner --uid-owner %s %s\n", chain, ids.short(), rule)
			}
		}
		for _, rule := range body.others {
			fmt.Fprintf(&text, "-A %s %s\n", chain, rule)
		}
		for _, next := range body.chains {
			for _, rule := range next.rules {
				fmt.Fprintf(&text, "-A %s%s %s\n", chain, next.suffix, rule)
			}
		}
		insert := strings.Replace(p.jump(table.hook), table.hook, table.hook+" 1", 1)
		fmt.Fprintf(&text, "-I %s\nCOMMIT\n", insert)
	}
	return text.String()
}

// IptablesRemoval returns what takes away the jumps and chains of the agent's that saved shows, and nothing else: empty where there are none.
// What diverts goes first, so that nothing is let through half way.
func (p Policy) IptablesRemoval(saved string) string {
	var text strings.Builder
	for i := len(iptablesTables) - 1; i >= 0; i-- {
		table := iptablesTables[i].name
		chains := p.savedChains(saved, table)
		var lines []string
		for _, jump := range p.savedJumps(saved, table) {
			lines = append(lines, "-D "+jump)
		}
		for _, chain := range chains {
			lines = append(lines, "-F "+chain)
		}
		for _, chain := range chains {
			lines = append(lines, "-X "+chain)
		}
		if len(lines) > 0 {
			fmt.Fprintf(&text, "*%s\n%s\nCOMMIT\n", table, strings.Join(lines, "\n"))
		}
	}
	return text.String()
}

// IptablesIntact says whether saved shows the agent's jump once in each table, before any rule that is not such a jump of some agent's.
func (p Policy) IptablesIntact(saved string) bool {
	for _, table := range iptablesTables {
		if len(p.savedJumps(saved, table.name)) != 1 || len(p.savedChains(saved, table.name)) == 0 {
			return false
		}
		for _, line := range tableLines(saved, table.name) {
			if !strings.HasPrefix(line, "-A "+table.hook+" ") {
				continue
			}
			if strings.HasSuffix(line, "-j "+p.chain()) {
				break
			}
			if !strings.Contains(line, " -j au-net-") {
				return false
			}
		}
	}
	return true
}

// savedJumps returns the agent's jumps in a table, each as -D takes it.
func (p Policy) savedJumps(saved, table string) []string {
	var jumps []string
	for _, line := range tableLines(saved, table) {
		rule, isRule := strings.CutPrefix(line, "-A ")
		if isRule && !strings.HasPrefix(rule, p.chain()) && strings.HasSuffix(rule, " -j "+p.chain()) {
			jumps = append(jumps, rule)
		}
	}
	return jumps
}

func (p Policy) savedChains(saved, table string) []string {
	var chains []string
	for _, line := range tableLines(saved, table) {
		name, _, _ := strings.Cut(line, " ")
		if name == ":"+p.chain() || strings.HasPrefix(name, ":"+p.chain()+"-") {
			chains = append(chains, name[1:])
		}
	}
	return chains
}

// tableLines returns the lines of one table out of what iptables-save printed.
func tableLines(saved, table string) []string {
	var lines []string
	inside := false
	for _, line := range strings.Split(saved, "\n") {
		if strings.HasPrefix(line, "*") {
			inside = line == "*"+table
		} else if inside {
			lines = append(lines, line)
		}
	}
	return lines
}

// iptablesBody is what one table has of the agent's: rules for each of its ranges of user ids, then rules for everybody, and the chains that
// they jump to.
type iptablesBody struct {
	first, others []string
	chains        []iptablesChain
}

type iptablesChain struct {
	suffix string
	rules  []string
}

func (p Policy) iptablesBodies(family Family, now time.Time) map[string]iptablesBody {
	onward := []string{"-j " + p.chain() + "-x"}
	refuse := []iptablesChain{{"-x", p.iptablesRefuse(family, now)}}
	var others []string
	if p.HasDaemon() {
		refuse = append(refuse, iptablesChain{"-p", p.iptablesPorts(family)})
		for _, port := range p.iptablesDaemon(family) {
			others = append(others, port+" -j "+p.chain()+"-p")
		}
	}
	var wire []string
	for _, exception := range p.iptablesResolvers(family) {
		wire = append(wire, exception+" -j RETURN")
	}
	return map[string]iptablesBody{
		"filter": {onward, others, refuse},
		"mangle": {first: append(wire, "! -o lo -j DROP")},
		"raw":    {first: []string{fmt.Sprintf("-p udp -j CT --zone-orig %d", p.Zone())}},
		"nat":    {first: onward, chains: []iptablesChain{{"-x", p.iptablesDivert(family, now)}}},
	}
}

// iptablesPorts returns the chain that the nftables rules have as ports.
func (p Policy) iptablesPorts(family Family) []string {
	rules := []string{"-m conntrack --ctstate ESTABLISHED -j RETURN", "-m owner --uid-owner 0 -j RETURN"}
	for _, ids := range p.UIDs() {
		rules = append(rules, "-m owner --uid-owner "+ids.short()+" -j RETURN")
	}
	return append(rules, family.refusal()...)
}

// iptablesDaemon matches what is for the daemon's own ports.
func (p Policy) iptablesDaemon(family Family) []string {
	one, _ := family.loopback()
	return []string{
		fmt.Sprintf("-d %s -p tcp --dport %d", one, p.Proxy),
		fmt.Sprintf("-d %s -p tcp --dport %d", one, p.DNS),
		fmt.Sprintf("-d %s -p udp --dport %d", one, p.DNS),
	}
}

// refusal returns the rules that refuse whatever comes to them, so that it is seen at once.
func (f Family) refusal() []string {
	return []string{"-p tcp -j REJECT --reject-with tcp-reset", "-j REJECT --reject-with " + f.prohibited()}
}

func (p Policy) iptablesRefuse(family Family, now time.Time) []string {
	one, all := family.loopback()
	rules := []string{
		"-m conntrack --ctdir REPLY -m addrtype --dst-type LOCAL -j RETURN",
		"-p tcp " + family.sourceRoute() + " -j REJECT --reject-with tcp-reset",
		family.sourceRoute() + " -j REJECT --reject-with " + family.prohibited(),
	}
	if p.HasDaemon() {
		for _, daemon := range p.iptablesDaemon(family) {
			rules = append(rules, daemon+" -j RETURN")
		}
	} else {
		for _, port := range []uint16{p.Human.HTTP, p.Human.HTTPS} {
			rules = append(rules, fmt.Sprintf("-d %s -p tcp --dport %d -m conntrack --ctstate DNAT -j RETURN", one, port))
		}
		for _, exception := range p.iptablesResolvers(family) {
			rules = append(rules, exception+" -j RETURN")
		}
	}
	for _, port := range p.LocalPorts(now) {
		rules = append(rules, fmt.Sprintf("-d %s -p tcp --dport %d -j RETURN", all, port), fmt.Sprintf("-d %s -p udp --dport %d -j RETURN", all, port))
	}
	return append(rules, family.refusal()...)
}

func (p Policy) iptablesDivert(family Family, now time.Time) []string {
	one, all := family.loopback()
	var rules []string
	for _, port := range p.LocalPorts(now) {
		rules = append(rules, fmt.Sprintf("-d %s -p tcp --dport %d -j RETURN", all, port))
	}
	if !p.HasDaemon() {
		return append(rules,
			"-m addrtype --dst-type LOCAL -j RETURN",
			fmt.Sprintf("-p tcp --dport 80 -j REDIRECT --to-ports %d", p.Human.HTTP),
			fmt.Sprintf("-p tcp --dport 443 -j REDIRECT --to-ports %d", p.Human.HTTPS))
	}
	return append(rules,
		fmt.Sprintf("-p udp --dport 53 -j REDIRECT --to-ports %d", p.DNS),
		fmt.Sprintf("-p tcp --dport 53 -j REDIRECT --to-ports %d", p.DNS),
		fmt.Sprintf("-d %s -p tcp --dport %d -j RETURN", one, p.Proxy),
		fmt.Sprintf("-p tcp -j REDIRECT --to-ports %d", p.Proxy))
}

// iptablesResolvers matches the DNS servers that the agent itself may ask: none where a daemon asks for it.
func (p Policy) iptablesResolvers(family Family) []string {
	var matches []string
	for _, server := range p.Resolve {
		if p.HasDaemon() || server.Addr().Is4() != (family == IPv4) {
			continue
		}
		for _, protocol := range []string{"udp", "tcp"} {
			matches = append(matches, fmt.Sprintf("-d %s -p %s --dport %d", server.Addr(), protocol, server.Port()))
		}
	}
	return matches
}

// IptablesOwn returns the lines of saved that are the agent's, counters apart: its chains, what is in them, and the jumps there.
func (p Policy) IptablesOwn(saved string) string {
	var own strings.Builder
	for _, table := range iptablesTables {
		for _, line := range tableLines(saved, table.name) {
			rule := strings.TrimPrefix(line, "-A ")
			if strings.HasPrefix(rule, p.chain()+" ") || strings.HasPrefix(rule, p.chain()+"-") || strings.HasSuffix(line, " -j "+p.chain()) {
				own.WriteString(table.name + " " + line + "\n")
			}
		}
	}
	return own.String()
}
