// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// ruleset.go has the rules, such as those for DNS; this file says them in the language of iptables.

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

// iptablesTables are the tables that hold one of the agent's chains and a jump to it, in the order in which they are loaded: the
// one that refuses first, the one that diverts last.
var iptablesTables = []iptablesTable{
	{"filter", "OUTPUT", guardStage}, {"mangle", "POSTROUTING", wireStage}, {"raw", "OUTPUT", zoneStage}, {"nat", "OUTPUT", divertStage},
}

type iptablesTable struct {
	name, hook string
	stage      stage
}

// iptablesSuffixes are what the names of chains end in that others of the same table jump to.
var iptablesSuffixes = map[chainName]string{refuseChain: "-x", redirectChain: "-x", portsChain: "-p"}

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
func (p *Policy) chain() string { return strings.ReplaceAll(p.Table(), "_", "-") }

func (p *Policy) jump(hook string) string {
	return fmt.Sprintf("%s -m comment --comment %q -j %s", hook, "au net: agent "+p.Agent, p.chain())
}

// IptablesRules returns the rules of Ruleset for one family, as Family.Restore reads them. Packets that they let pass return to the
// rules of others, which still decide. saved is what Family.Save says now: the agent's jumps that it shows are taken away in the
// same transaction that puts one at position 1, so that loading twice is the same as once. When saved is out of date nothing is
// loaded; ask again.
func (p *Policy) IptablesRules(family Family, now time.Time, saved string) string {
	var text strings.Builder
	for _, table := range iptablesTables {
		chains := slices.DeleteFunc(p.chains(now), func(c chain) bool { return c.stage != table.stage })
		fmt.Fprintf(&text, "*%s\n", table.name)
		for _, c := range chains {
			fmt.Fprintf(&text, ":%s%s - [0:0]\n", p.chain(), iptablesSuffixes[c.name])
		}
		for _, old := range p.savedJumps(saved, table.name) {
			text.WriteString("-D " + old + "\n")
		}
		for _, c := range chains {
			for _, rule := range p.iptablesRules(family, c.steps) {
				fmt.Fprintf(&text, "-A %s%s %s\n", p.chain(), iptablesSuffixes[c.name], rule)
			}
		}
		insert := strings.Replace(p.jump(table.hook), table.hook, table.hook+" 1", 1)
		fmt.Fprintf(&text, "-I %s\nCOMMIT\n", insert)
	}
	return text.String()
}

// IptablesRemoval returns the input that takes away the agent's jumps and chains that saved shows, and nothing else. It is empty if
// there are none. The diverting rules go first, so that nothing is let through half way.
func (p *Policy) IptablesRemoval(saved string) string {
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

// IptablesIntact says whether saved shows the agent's jump once in each table, before any rule that is not such a jump for some
// agent.
func (p *Policy) IptablesIntact(saved string) bool {
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
func (p *Policy) savedJumps(saved, table string) []string {
	var jumps []string
	for _, line := range tableLines(saved, table) {
		rule, isRule := strings.CutPrefix(line, "-A ")
		if isRule && !strings.HasPrefix(rule, p.chain()) && strings.HasSuffix(rule, " -j "+p.chain()) {
			jumps = append(jumps, rule)
		}
	}
	return jumps
}

func (p *Policy) savedChains(saved, table string) []string {
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

// iptablesRules returns steps in the language of iptables. Steps for the agent that follow each other come once for each range of
// its user ids.
func (p *Policy) iptablesRules(family Family, steps []step) (rules []string) {
	for len(steps) > 0 {
		row, owners := 1, []string{""}
		switch steps[0].from {
		case root:
			owners = []string{"-m owner --uid-owner 0"}
		case theAgent:
			owners = nil
			for _, ids := range p.UIDs() {
				owners = append(owners, "-m owner --uid-owner "+ids.short())
			}
			for row < len(steps) && steps[row].from == theAgent {
				row++
			}
		}
		for _, owner := range owners {
			for _, s := range steps[:row] {
				rules = append(rules, p.iptablesStep(family, owner, s)...)
			}
		}
		steps = steps[row:]
	}
	return rules
}

func (p *Policy) iptablesStep(family Family, owner string, s step) (rules []string) {
	for _, which := range s.packets.iptables(family) {
		if s.do != deny {
			rules = append(rules, join(owner, which, p.iptablesVerdict(s.verdict)))
			continue
		}
		// So that it is seen at once.
		rules = append(rules, join(owner, "-p tcp", which, "-j REJECT --reject-with tcp-reset"), join(owner, which, "-j REJECT --reject-with", family.prohibited()))
	}
	return rules
}

// iptables returns what matches k but for its sender, for each protocol and port; nothing where that is of the other family.
func (k packets) iptables(family Family) (matches []string) {
	one, all := family.loopback()
	to := map[place]string{diverted: "-d " + one, onLoopback: "-d " + all, thisMachine: "-m addrtype --dst-type LOCAL", outside: "! -o lo"}[k.to.place]
	if k.to.place == oneAddress {
		if k.to.addr.Is4() != (family == IPv4) {
			return nil
		}
		to = "-d " + k.to.addr.String()
	}
	state := map[state]string{
		established: "-m conntrack --ctstate ESTABLISHED", redirected: "-m conntrack --ctstate DNAT",
		reply: "-m conntrack --ctdir REPLY -m addrtype --dst-type LOCAL", sourceRouted: family.sourceRoute(),
	}[k.state]
	for _, port := range k.iptablesPorts() {
		matches = append(matches, join(to, port, state))
	}
	return matches
}

func (k packets) iptablesPorts() (matches []string) {
	ports := k.ports
	if len(ports) == 0 {
		ports = []uint16{k.port}
	}
	protocols := []string{k.protocol.String()}
	if k.protocol == tcpOrUDP {
		protocols = []string{"udp", "tcp"}
	}
	for _, port := range ports {
		for _, protocol := range protocols {
			match := ""
			if protocol != "" {
				match = "-p " + protocol
			}
			if port != 0 {
				match += fmt.Sprintf(" --dport %d", port)
			}
			matches = append(matches, match)
		}
	}
	return matches
}

func (p *Policy) iptablesVerdict(v verdict) string {
	switch v.do {
	case drop:
		return "-j DROP"
	case jump:
		return "-j " + p.chain() + iptablesSuffixes[v.chain]
	case divert:
		return fmt.Sprintf("-j REDIRECT --to-ports %d", v.number)
	case track:
		return fmt.Sprintf("-j CT --zone-orig %d", v.number)
	}
	return "-j RETURN"
}

// IptablesOwn returns the lines of saved that are the agent's, counters apart: its chains, what is in them, and the jumps there.
func (p *Policy) IptablesOwn(saved string) string {
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
