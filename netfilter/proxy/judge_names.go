// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"net/netip"
	"slices"

	"github.com/a4u2/au/netfilter/dns"
)

// A judge is a dns.Judge, too.

// Name says what becomes of a question for name.
func (j *judge) Name(name string) (dns.Verdict, string) {
	v := j.policy.Load().Name(name, 0, j.now())
	switch {
	case v.OK:
		return dns.Answer, ""
	case name == "use-application-dns.net", isReverse(name), j.searched(name):
		return dns.NoName, "au: not asked for"
	}
	j.refused.Store(&name)
	return dns.Sink, j.explain(v, target{name: name}).line()
}

// Address reports whether addr may be in an answer.
func (j *judge) Address(addr netip.Addr) bool {
	p := j.policy.Load()
	return p.IsMade(addr) || p.Answerable(addr, j.now())
}

// Made returns the address that stands for name, where an upstream looks names up.
func (j *judge) Made(name string) (netip.Addr, bool) {
	p := j.policy.Load()
	return p.Made(name), p.Upstream.IsSet()
}

// Inside returns the sentence for a name whose addresses are all inside.
func (j *judge) Inside(name string, addrs []netip.Addr) string {
	t := target{name: name, dst: netip.AddrPortFrom(addrs[0], j.policy.Load().PortOf(name, j.now()))}
	return j.explain(j.leftOut(t.dst), t).line()
}

// Servers returns whom to ask for names.
func (j *judge) Servers() []netip.AddrPort {
	if given := j.policy.Load().Resolve; len(given) > 0 {
		return given
	}
	if servers := j.resolvers().servers; len(servers) > 0 {
		return servers
	}
	return []netip.AddrPort{netip.AddrPortFrom(loopback4, 53)} // as resolv.conf(5) has it
}

// Pinned returns the addresses that /etc/hosts has for name.
func (j *judge) Pinned(name string) ([]netip.Addr, bool) {
	addrs, ok := j.pins().byName[name]
	return addrs, ok
}

// Translated says below which prefixes the network reaches IPv4.
func (j *judge) Translated(prefixes []netip.Prefix) {
	for {
		old := j.policy.Load()
		if slices.Equal(old.NAT64, prefixes) {
			return
		}
		p := *old
		p.NAT64 = prefixes
		if j.policy.CompareAndSwap(old, &p) {
			return
		}
	}
}

func (j *judge) pins() pins {
	said, _ := j.hosts.read()
	return said
}

// resolvers returns what /etc/resolv.conf says; where it says something new, what
// was answered before is asked for anew.
func (j *judge) resolvers() resolvers {
	said, news := j.resolv.read()
	if news {
		j.answers.Stale()
	}
	return said
}
