// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"context"
	"io"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/netfilter/dns"
	"github.com/a4u2/au/netfilter/kernel"
)

// A judge decides by the policy of the moment, and by what was answered for
// names. It is safe for concurrent use.
type judge struct {
	policy  atomic.Pointer[netfilter.Policy]
	answers *dns.Answers
	names   *dns.Forwarder
	kernel  *kernel.Lookup
	resolv  *changing[resolvers]
	hosts   *changing[pins]
	now     func() time.Time
	refused atomic.Pointer[string] // the name that the forwarder refused last

	login *netfilter.Login // for the upstream proxy; nil: none
	out   atomic.Pointer[outlet]
}

// newJudge returns a judge by p, on a machine with these files.
func newJudge(p *netfilter.Policy, resolv, hosts string) *judge {
	j := &judge{answers: dns.NewAnswers(), kernel: &kernel.Lookup{}, now: time.Now}
	j.resolv = &changing[resolvers]{path: resolv, parse: parseResolv}
	j.hosts = &changing[pins]{path: hosts, parse: func(file io.Reader) pins { return parseHosts(file, j.policy.Load()) }}
	j.policy.Store(p)
	j.names = dns.NewForwarder(j, j.answers)
	return j
}

// take puts a new policy in force.
func (j *judge) take(p *netfilter.Policy) {
	for old := (*netfilter.Policy)(nil); old == nil || !j.policy.CompareAndSwap(old, p); {
		old = j.policy.Load()
		p.NAT64 = old.NAT64
	}
	j.answers.Stale()
	j.hosts.forget()
}

// A target is what a client wants: a name that it shows, at an address that it
// dialled.
type target struct {
	name string // canonical; empty where none was shown
	dst  netip.AddrPort
	ech  bool // what shows may hide another name
}

// public returns t as the rules' own package has it.
func (t target) public() netfilter.Target {
	return netfilter.Target{Name: t.name, Addr: t.dst.Addr(), Port: t.dst.Port()}
}

// named decides on a name shown at an address: the name must be allowed, and the
// address be one that was answered for it, or allowed by itself.
func (j *judge) named(ctx context.Context, t target) netfilter.Verdict {
	v := j.static(t)
	if !v.OK || j.answers.Has(t.name, t.dst.Addr()) || j.byAddress(t.dst).OK {
		return v
	}
	if j.through(t) != "" {
		return v // the address is never dialled
	}
	inside := j.answers.Inside(t.name)
	switch {
	case netfilter.IsSinkhole(t.dst.Addr()) && len(inside) > 0:
		return j.leftOut(netip.AddrPortFrom(inside[0], t.dst.Port()))
	case netfilter.IsSinkhole(t.dst.Addr()):
		return netfilter.Verdict{Code: netfilter.Mismatch, Rule: v.Rule}
	case j.policy.Load().Inside(t.dst.Addr()):
		return j.leftOut(t.dst) // whoever gave it to the client
	}
	// The answer may be older than this process, or be no server's: ask again before saying no.
	if addrs, err := j.names.Renew(ctx, t.name, t.dst.Addr().Is6()); err == nil && slices.Contains(addrs, t.dst.Addr()) {
		return v
	}
	return netfilter.Verdict{Code: netfilter.Mismatch, Rule: v.Rule}
}

// leftOut says why dst is not in answers.
func (j *judge) leftOut(dst netip.AddrPort) netfilter.Verdict {
	if v := j.policy.Load().Addr(dst, j.now()); v.Code == netfilter.DeniedByRule {
		return v
	}
	return netfilter.Verdict{Code: netfilter.Private}
}

// static is named without regard to answers: what the rules alone say.
func (j *judge) static(t target) netfilter.Verdict {
	now := j.now()
	addr := j.address(t.dst)
	if addr.Code == netfilter.DeniedByRule || t.name == "" {
		return addr
	}
	name := j.policy.Load().Name(t.name, t.dst.Port(), now)
	switch {
	case name.Code == netfilter.DeniedByRule:
		return name
	case addr.OK && addr.Code == netfilter.Allowed:
		return addr
	case name.OK && j.isClosed(t.dst.Addr()):
		return netfilter.Verdict{Code: netfilter.Private}
	}
	return name
}

// address decides on an address by the rules for addresses. The upstream proxy's own is for the daemon.
func (j *judge) address(dst netip.AddrPort) netfilter.Verdict {
	if j.isOutlet(context.Background(), dst) {
		return netfilter.Verdict{Code: netfilter.DeniedByRule, Rule: j.policy.Load().Upstream.Option()}
	}
	return j.policy.Load().Addr(dst, j.now())
}

// addrText returns an address for the log; none that stands for a name.
func (j *judge) addrText(a netip.Addr) string {
	if !a.IsValid() || j.policy.Load().IsMade(a) {
		return ""
	}
	return a.String()
}

// inside reports whether addr is on this machine or its networks, and does not just stand for a name.
func (j *judge) inside(addr netip.Addr) bool {
	p := j.policy.Load()
	return p.Inside(addr) && !p.IsMade(addr)
}

// isClosed reports whether addr is an address inside, which no name opens. A rule for one port of it has it answered, and opens
// that port alone.
func (j *judge) isClosed(addr netip.Addr) bool { return j.inside(addr) && !netfilter.IsSinkhole(addr) }

// byAddress decides on an address that a rule names. Learning opens the outside
// and never what is inside.
func (j *judge) byAddress(dst netip.AddrPort) netfilter.Verdict {
	v := j.address(dst)
	if v.Code == netfilter.Learned && (j.policy.Load().Inside(dst.Addr()) || netfilter.IsSinkhole(dst.Addr())) {
		return netfilter.Verdict{Code: netfilter.NotAllowed}
	}
	if v.Code == netfilter.Learned {
		v.OK = false // a name may be shown yet, and is the better thing to learn
	}
	return v
}

// refusesHidden reports whether TLS to t that hides a name, or looks as if, is
// refused: the policy does so where a name has to allow it.
func (j *judge) refusesHidden(t target) bool {
	return j.policy.Load().NoECH && !j.byAddress(t.dst).OK
}

// unnamed decides where no name is shown: by a rule for the address, or by a rule
// with this very port for a name that the address was answered for. It returns
// that name.
func (j *judge) unnamed(ctx context.Context, dst netip.AddrPort) (netfilter.Verdict, string) {
	v := j.byAddress(dst)
	if v.OK || v.Code == netfilter.DeniedByRule {
		return v, ""
	}
	found, name := j.answered(dst)
	if !found.OK && j.renewPort(ctx, dst) {
		found, name = j.answered(dst)
	}
	if found.Code != netfilter.NotAllowed {
		return found, name
	}
	return j.refusal(dst, v)
}

// answered looks for a name that dst was answered for, and that a rule with just
// that port allows; else for one that is denied, or that no longer opens dst. Neither
// says what a name is allowed that is shown: many may share an address.
func (j *judge) answered(dst netip.AddrPort) (netfilter.Verdict, string) {
	policy := j.exactly(dst.Port())
	none, denied := netfilter.Verdict{Code: netfilter.NotAllowed}, ""
	for _, name := range j.answers.Names(dst.Addr()) {
		v := policy.Name(name, dst.Port(), j.now())
		switch {
		case v.OK && v.Code == netfilter.Allowed && j.isClosed(dst.Addr()):
			none, denied = netfilter.Verdict{Code: netfilter.Private}, name
		case v.OK && v.Code == netfilter.Allowed:
			return v, name
		case v.Code == netfilter.DeniedByRule:
			none, denied = v, name
		}
	}
	return none, denied
}

// exactly returns the policy with only those allow rules that name port.
func (j *judge) exactly(port uint16) netfilter.Policy {
	policy := *j.policy.Load()
	all := policy.Allow
	policy.Allow = nil // no copy of them all for every connection: few have a port
	for _, e := range all {
		if e.Rule.Port == port {
			policy.Allow = append(policy.Allow, e)
		}
	}
	return policy
}

// One unnamed connection may cause this many names to be asked for, within this
// time.
const (
	maxRenew    = 16
	renewWithin = 5 * time.Second
)

// renewPort asks again for the names that have a rule with dst's port, and
// reports whether dst is among their addresses. A restart forgets answers that
// clients keep.
func (j *judge) renewPort(ctx context.Context, dst netip.AddrPort) bool {
	if netfilter.IsSinkhole(dst.Addr()) {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, renewWithin)
	defer cancel()
	asked := 0
	exact := j.exactly(dst.Port())
	for _, name := range j.pins().byAddr[dst.Addr()] {
		if exact.Name(name, dst.Port(), j.now()).OK {
			return j.reaches(ctx, name, dst)
		}
	}
	for _, e := range exact.Allow {
		if e.Rule.Kind != netfilter.Name || !e.Live(j.now()) || asked >= maxRenew {
			continue
		}
		asked++
		if j.reaches(ctx, e.Rule.Host, dst) {
			return true
		}
	}
	return false
}

// reaches reports whether dst is among the addresses that name has now.
func (j *judge) reaches(ctx context.Context, name string, dst netip.AddrPort) bool {
	addrs, err := j.names.Resolve(ctx, name, dst.Addr().Is6())
	return err == nil && slices.Contains(addrs, dst.Addr())
}

// refusal says why dst is refused as well as can be told without a name.
func (j *judge) refusal(dst netip.AddrPort, v netfilter.Verdict) (netfilter.Verdict, string) {
	policy, names := j.policy.Load(), j.answers.Names(dst.Addr())
	if v.Code == netfilter.Learned { // learning, outside, and nothing better to go by
		if len(names) > 0 {
			return netfilter.Verdict{OK: true, Code: netfilter.Learned}, names[0]
		}
		return netfilter.Verdict{OK: true, Code: netfilter.Learned}, ""
	}
	for _, name := range names {
		if byName := policy.Name(name, dst.Port(), j.now()); byName.OK {
			return netfilter.Verdict{Code: netfilter.NoName, Rule: byName.Rule}, name
		}
	}
	if len(names) > 0 {
		return policy.Name(names[0], dst.Port(), j.now()), names[0]
	}
	return v, ""
}

// local decides on a server on this machine: the agent's own, where no rule
// denies its port, or a port that a rule opens.
func (j *judge) local(dst netip.AddrPort) (netfilter.Verdict, kernel.Owner) {
	policy := j.policy.Load()
	own, err := j.kernel.Listener(dst)
	v := policy.Local(dst.Port(), j.now())
	if j.isOutlet(context.Background(), dst) {
		v = netfilter.Verdict{Code: netfilter.DeniedByRule, Rule: policy.Upstream.Option()}
	}
	switch {
	case err == nil && own.Listen && policy.Has(own.UID) && v.Code != netfilter.DeniedByRule:
		return netfilter.Verdict{OK: true, Code: netfilter.Own}, own
	case v.OK || err != kernel.ErrNoSocket:
		return v, own
	}
	// Nobody listens: that is no secret, and "refused" is the truth.
	return netfilter.Verdict{Code: netfilter.Unreachable}, own
}

// localhost is local, at the loopback address that is served: a program that is told of two for localhost tries the second where
// the first refuses it, and this one was taken before anybody could look.
func (j *judge) localhost(dst netip.AddrPort) (netip.AddrPort, netfilter.Verdict) {
	v, _ := j.local(dst)
	other, isLoopback := map[netip.Addr]netip.Addr{loopback4: loopback6, loopback6: loopback4}[dst.Addr()]
	if v.Code != netfilter.Unreachable || !isLoopback {
		return dst, v
	}
	at := netip.AddrPortFrom(other, dst.Port())
	if there, own := j.local(at); own.Listen {
		return at, there
	}
	return dst, v
}

var loopback4, loopback6 = netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()

// again decides anew on a connection that is in use, by the rules alone: answers
// may be forgotten meanwhile.
func (j *judge) again(l *link) netfilter.Verdict {
	if !l.local {
		return j.static(l.target)
	}
	v := j.policy.Load().Local(l.target.dst.Port(), j.now())
	if l.code == netfilter.Own && v.Code != netfilter.DeniedByRule {
		v = netfilter.Verdict{OK: true, Code: netfilter.Own}
	}
	return v
}
