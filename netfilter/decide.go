// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// Code is why something was let through or refused: stable, for people, programs and models to look up.
type Code string

const (
	Allowed Code = "allowed" // a rule allows it
	Learned Code = "learned" // no rule does, but the policy is learning
	Own     Code = "own"     // the agent's own server on this machine

	NotAllowed   Code = "not-allowed"      // no rule covers it
	DeniedByRule Code = "denied-by-rule"   // a deny rule does
	WrongPort    Code = "port-not-allowed" // the name or address is allowed, on other ports
	Expired      Code = "expired"          // it was allowed until a time that has passed
	Mismatch     Code = "address-mismatch" // the name is allowed, the address is not one of its own
	Private      Code = "private-address"  // an allowed name was answered with an address inside
	NoName       Code = "no-name"          // neither TLS with a name, nor HTTP, nor an address that a rule allows
	HiddenName   Code = "hidden-name"      // TLS with an encrypted ClientHello, which the policy refuses
	NotLocal     Code = "localhost-port"   // a server on this machine, not the agent's, on a port that is not allowed
	NotResolved  Code = "no-answer"        // allowed, but the DNS servers gave no address
	Unreachable  Code = "unreachable"      // allowed, but the other side did not answer
	ProxyRefuses Code = "upstream-refused" // allowed, but the upstream proxy refuses it
	ProxyFails   Code = "upstream-failed"  // allowed, but the upstream proxy cannot be asked
	Malformed    Code = "malformed"        // not what the protocol allows
	Overload     Code = "overload"         // more at once than the daemon takes

	// Only au net why says these: no connection of that kind gets as far as a judgement.
	NotTCP   Code = "not-tcp"   // neither TCP nor a question for a name
	OwnNames Code = "own-names" // a question for a name, which the daemon answers itself, whoever is asked
)

// Verdict is what the policy says, and because of which rule.
type Verdict struct {
	OK   bool
	Code Code
	Rule string // the rule that decided, as the human wrote it; empty where none did

	Detail string // what the upstream proxy said, or what went wrong with it
}

// Name decides on a host name in canonical form (see CanonicalName) and a TCP port. Port 0 means any port that a rule gives; a DNS
// question asks with it. An allow rule without a port means 80 and 443, a deny rule without one means all.
func (p *Policy) Name(name string, port uint16, now time.Time) Verdict {
	if p.Upstream.isHost(name) {
		return p.Upstream.refusal()
	}
	matches := func(r Rule) bool { return r.matchesHost(name) }
	return p.decide(port, now, matches, matches)
}

// Mentions says whether an allow rule speaks of a host name, on any port and at any time.
func (p *Policy) Mentions(name string) bool {
	return !p.Learn.IsZero() || slices.ContainsFunc(p.Allow, func(e Entry) bool { return e.Rule.matchesHost(name) })
}

// Addr decides on an address alone. An allow rule for a network without a port means every TCP port.
// It knows nothing of names: a refusal here still leaves the names that were answered with this address.
func (p *Policy) Addr(dialled netip.AddrPort, now time.Time) Verdict {
	addr := dialled.Addr().Unmap().WithZone("")
	if p.Upstream.isAddr(addr) {
		return p.Upstream.refusal()
	}
	return p.decide(dialled.Port(), now, func(r Rule) bool { return p.denies(r, addr) }, func(r Rule) bool { return p.allows(r, addr) })
}

// Local decides on a port of this machine that the agent itself does not serve. Learning does not open those.
func (p Policy) Local(port uint16, now time.Time) Verdict {
	if p.Upstream.isLocal(port) {
		return p.Upstream.refusal()
	}
	p.Learn = time.Time{}
	matches := func(r Rule) bool { return r.Kind == Localhost && r.Port == port }
	verdict := p.decide(port, now, matches, matches)
	if verdict.Code == NotAllowed {
		verdict.Code = NotLocal
	}
	return verdict
}

// Decides says what p decides about what an allow rule r is for: on its port, or on port where it has none.
func (p *Policy) Decides(r Rule, port uint16, now time.Time) Verdict {
	port = cmp.Or(r.Port, port)
	switch r.Kind {
	case Localhost:
		return p.Local(port, now)
	case Network:
		return p.Addr(netip.AddrPortFrom(r.Prefix.Addr(), port), now)
	}
	return p.Name(r.Host, port, now)
}

// Answerable says whether an answer to a DNS question may hold addr: an address on the outside, or one that a network
// rule allows and no rule denies.
func (p *Policy) Answerable(addr netip.Addr, now time.Time) bool {
	addr = addr.Unmap().WithZone("")
	for _, entry := range p.Deny {
		if entry.Live(now) && entry.Rule.Port == 0 && p.denies(entry.Rule, addr) {
			return false
		}
	}
	return !p.Inside(addr) || slices.ContainsFunc(p.Allow, func(e Entry) bool { return e.Live(now) && p.allows(e.Rule, addr) })
}

// LocalPorts returns the ports on loopback that are open to the agent at now, whoever serves them, each once.
func (p *Policy) LocalPorts(now time.Time) []uint16 {
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

// decide asks the deny rules first: deny wins, in whatever order they are.
func (p *Policy) decide(port uint16, now time.Time, denies, allows func(Rule) bool) Verdict {
	for _, entry := range p.Deny {
		if entry.Live(now) && denies(entry.Rule) && (entry.Rule.Port == 0 || entry.Rule.Port == port) {
			return Verdict{Code: DeniedByRule, Rule: entry.Rule.String()}
		}
	}
	refusal := Verdict{Code: NotAllowed}
	for _, entry := range p.Allow {
		switch {
		case !allows(entry.Rule):
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
	return r.Kind == Network || IsWeb(port)
}

// IsWeb says whether port is one at which a rule for a name without a port is meant, and a name is expected to be shown.
func IsWeb(port uint16) bool { return port == 80 || port == 443 }

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

// inside says whether addr, as it is written, is on this machine or its networks; see Policy.Inside.
func inside(addr netip.Addr) bool {
	for _, prefix := range insides {
		if prefix.Contains(addr) || prefix.Contains(addr.Unmap()) {
			return true
		}
	}
	return false
}
