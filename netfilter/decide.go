// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"net/netip"
	"time"
)

// Code is why something was let through or refused: stable, for people, programs and models to look up.
type Code string

const (
	Allowed Code = "allowed" // a rule allows it
	Learned Code = "learned" // no rule does, but the policy is learning
	Own     Code = "own"     // the agent's own server on this machine

	NotAllowed   Code = "not-allowed"      // no rule speaks of it
	DeniedByRule Code = "denied-by-rule"   // a deny rule does
	WrongPort    Code = "port-not-allowed" // the name or address is allowed, on other ports
	Expired      Code = "expired"          // it was allowed until a time that has passed
	Mismatch     Code = "address-mismatch" // the name is allowed, the address is not one of its own
	Private      Code = "private-address"  // an allowed name was answered with an address inside
	NoName       Code = "no-name"          // neither TLS with a name, nor HTTP, nor an address that a rule allows
	HiddenName   Code = "hidden-name"      // TLS with an encrypted ClientHello
	NotLocal     Code = "localhost-port"   // a server on this machine, not the agent's, on a port that is not allowed
	NotResolved  Code = "no-answer"        // allowed, but the DNS servers gave no address
	Unreachable  Code = "unreachable"      // allowed, but the other side did not answer
	Malformed    Code = "malformed"        // not what the protocol allows
	Overload     Code = "overload"         // more at once than the daemon takes
)

// Verdict is what the policy says, and because of which rule.
type Verdict struct {
	OK   bool
	Code Code
	Rule string // the rule that decided, as the human wrote it; empty where none did
}

// Name decides on a host name in canonical form (see CanonicalName) and a TCP port. Port 0 stands for any that a rule
// gives, and is what a DNS question asks. An allow rule without a port means 80 and 443, a deny rule without one means all.
func (p Policy) Name(name string, port uint16, now time.Time) Verdict {
	return p.decide(port, now, func(r Rule) bool { return r.matchesHost(name) })
}

// Addr decides on an address alone. An allow rule for a network without a port means every TCP port.
// It knows nothing of names: a refusal here still leaves the names that were answered with this address.
func (p Policy) Addr(dialled netip.AddrPort, now time.Time) Verdict {
	addr := dialled.Addr().Unmap()
	return p.decide(dialled.Port(), now, func(r Rule) bool { return r.Kind == Network && r.Prefix.Contains(addr) })
}

// Local decides on a port of this machine's that is not served by the agent itself. Learning does not open those.
func (p Policy) Local(port uint16, now time.Time) Verdict {
	p.Learn = time.Time{}
	verdict := p.decide(port, now, func(r Rule) bool { return r.Kind == Localhost && r.Port == port })
	if verdict.Code == NotAllowed {
		verdict.Code = NotLocal
	}
	return verdict
}

// Answerable says whether an answer to a DNS question may hold addr: an address on the outside, or one that a network
// rule allows and no rule denies.
func (p Policy) Answerable(addr netip.Addr, now time.Time) bool {
	addr = addr.Unmap()
	covers := func(e Entry) bool {
		return e.Live(now) && e.Rule.Kind == Network && e.Rule.Prefix.Contains(addr)
	}
	for _, entry := range p.Deny {
		if covers(entry) && entry.Rule.Port == 0 {
			return false
		}
	}
	if !Inside(addr) {
		return true
	}
	for _, entry := range p.Allow {
		if covers(entry) {
			return true
		}
	}
	return false
}

// LocalPorts returns the ports on loopback that are open to the agent at now, whoever serves them, each once.
func (p Policy) LocalPorts(now time.Time) []uint16 {
	var ports []uint16
	seen := map[uint16]bool{}
	for _, entry := range p.Allow {
		port := entry.Rule.Port
		if entry.Rule.Kind == Localhost && !seen[port] && p.Local(port, now).OK {
			seen[port] = true
			ports = append(ports, port)
		}
	}
	return ports
}

// decide asks the deny rules first: deny wins, whatever stands where.
func (p Policy) decide(port uint16, now time.Time, matches func(Rule) bool) Verdict {
	for _, entry := range p.Deny {
		if entry.Live(now) && matches(entry.Rule) && (entry.Rule.Port == 0 || entry.Rule.Port == port) {
			return Verdict{Code: DeniedByRule, Rule: entry.Rule.String()}
		}
	}
	refusal := Verdict{Code: NotAllowed}
	for _, entry := range p.Allow {
		switch {
		case !matches(entry.Rule):
		case entry.Live(now) && entry.Rule.opens(port):
			return Verdict{OK: true, Code: Allowed, Rule: entry.Rule.String()}
		case entry.Rule.opens(port):
			refusal = Verdict{Code: Expired, Rule: entry.Rule.String()}
		case entry.Live(now) && refusal.Code == NotAllowed:
			refusal = Verdict{Code: WrongPort, Rule: entry.Rule.String()}
		}
	}
	if p.Learning(now) {
		return Verdict{OK: true, Code: Learned}
	}
	return refusal
}

// opens says whether an allow rule that matches otherwise means port.
func (r Rule) opens(port uint16) bool {
	if r.Port != 0 || port == 0 {
		return r.Port == port || port == 0
	}
	return r.Kind == Network || port == 80 || port == 443
}

var (
	loopback4 = netip.MustParsePrefix("127.0.0.0/8")
	loopback6 = netip.MustParsePrefix("::1/128")
	thisHost4 = netip.MustParsePrefix("0.0.0.0/8")
	insides   = prefixes(
		// This machine, private, shared (CGNAT), link-local, multicast and reserved: RFC 6890.
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
		"192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3", "::/96", "fc00::/7", "fe80::/9", "ff00::/8", "100::/64",
		// IPv4 in other clothes leads inside just as well: mapped, translated (NAT64, local and well-known), 6to4, Teredo.
		"::ffff:0:0/96", "64:ff9b:1::/48", "64:ff9b::/96", "2002::/16", "2001::/32",
	)
)

func prefixes(texts ...string) []netip.Prefix {
	var list []netip.Prefix
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

// Inside says whether addr is on this machine or its networks rather than on the Internet. NAT64 addresses count as inside:
// allow 64:ff9b::/96 where the network has no IPv4.
func Inside(addr netip.Addr) bool {
	for _, prefix := range insides {
		if prefix.Contains(addr) || prefix.Contains(addr.Unmap()) {
			return true
		}
	}
	return false
}
