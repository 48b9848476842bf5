// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/netfilter/kernel"
)

const established = "HTTP/1.1 200 Connection established\r\n\r\n"

// connect serves a CONNECT request, and what comes through its tunnel as any
// other connection: a name that is shown inside has to be allowed as well.
func (x *exchanger) connect(ctx context.Context, q *request) {
	t := target{name: q.host, dst: netip.AddrPortFrom(q.addr, q.port)}
	q.forget()
	x.s.leaveRoom()
	x.leave() // a request before this one went elsewhere
	switch {
	case !x.direct:
		// To a proxy elsewhere, which would reach whatever it likes.
		x.refuseConnect(t, netfilter.Verdict{Code: netfilter.NotAllowed})
	case q.port == 0:
		x.unreadable(malformed("a CONNECT without a port"))
	case q.host == "":
		x.tunnelTo(ctx, t.dst)
	default:
		x.tunnelByName(ctx, t)
	}
}

func (x *exchanger) refuseConnect(t target, v netfilter.Verdict) {
	v.OK = false
	x.s.d.record("connect", t, v, "")
	x.s.say(x.s.d.judge.explain(v, t).response())
}

// tunnelTo serves a tunnel to an address, as if it had been dialled.
func (x *exchanger) tunnelTo(ctx context.Context, dst netip.AddrPort) {
	local, err := x.s.d.judge.kernel.IsLocal(dst.Addr())
	if err != nil {
		x.refuseConnect(target{dst: dst}, netfilter.Verdict{Code: netfilter.Overload})
		return
	}
	x.s.dst = dst
	if local {
		if v, _ := x.s.d.judge.local(dst); !v.OK {
			x.refuseConnect(target{dst: dst}, v)
			return
		}
	}
	if !x.enter() {
		return
	}
	if local {
		x.s.local(ctx)
		return
	}
	x.s.remote(ctx)
}

// enter tells the client that its tunnel is open, and keeps what it sent early.
func (x *exchanger) enter() bool {
	early, _ := x.in.Peek(x.in.Buffered()) // never more than is there
	x.s.seen = append([]byte(nil), early...)
	x.put()
	x.out.WriteString(established) // the writer keeps its error
	return x.out.Flush() == nil
}

func (x *exchanger) tunnelByName(ctx context.Context, t target) {
	t.name = x.s.d.judge.meant(t.name, t.dst.Port())
	v := x.s.d.judge.byName(t)
	if !v.OK {
		x.refuseConnect(t, v)
		return
	}
	if !x.s.settle() {
		x.refuseConnect(t, netfilter.Verdict{Code: netfilter.Overload})
		return
	}
	if x.webThrough(ctx, t) {
		return
	}
	conn, t, v := x.s.d.dialName(ctx, t, false)
	if conn == nil {
		x.refuseConnect(t, v)
		return
	}
	s := x.s
	s.up, s.dst = conn, t.dst
	if !x.enter() {
		return
	}
	exact := s.d.judge.exactly(t.dst.Port())
	switch {
	case isLocal(v):
		s.relay("connect", t, v)
	case exact.Name(t.name, t.dst.Port(), s.d.judge.now()).OK:
		s.either(ctx, v, t.name)
	default:
		s.shown(ctx)
	}
}

// webThrough serves a tunnel to the web's plain port by what comes through it, where an upstream proxy reaches t: that takes
// requests for this port, and opens no tunnels to it. It reports whether it did.
func (x *exchanger) webThrough(ctx context.Context, t target) bool {
	if t.dst.Port() != 80 || x.s.d.judge.outlet() == nil {
		return false
	}
	all, _, _ := x.s.d.leads(ctx, t)
	if len(all) == 0 || x.s.d.judge.through(all[0]) == "" {
		return false
	}
	x.s.dst = all[0].dst
	if x.enter() {
		x.s.shown(ctx)
	}
	return true
}

func isLocalName(name string) bool {
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// byName decides on a name before its address is known.
func (j *judge) byName(t target) netfilter.Verdict {
	if isLocalName(t.name) {
		return netfilter.Verdict{OK: true, Code: netfilter.Allowed} // the address decides
	}
	return j.policy.Load().Name(t.name, t.dst.Port(), j.now())
}

// byLiteral decides on an address that a request names, and returns t with the name
// that it is allowed for.
func (d *daemon) byLiteral(ctx context.Context, t target) (target, netfilter.Verdict) {
	local, err := d.judge.kernel.IsLocal(t.dst.Addr())
	switch {
	case err != nil:
		return t, netfilter.Verdict{Code: netfilter.Overload}
	case local:
		v, _ := d.judge.local(t.dst)
		return t, v
	}
	v, name := d.judge.unnamed(ctx, t.dst)
	if v.OK {
		t.name = name
	}
	return t, v
}

// maxDials is how many addresses of one name are tried.
const maxDials = 6

// leads returns where an allowed name leads to, each address once and in the
// order in which they are tried; where to none, the verdict says why.
func (d *daemon) leads(ctx context.Context, t target) ([]target, target, netfilter.Verdict) {
	var all []target
	for _, addr := range d.resolve(ctx, t.name) {
		t.dst = netip.AddrPortFrom(addr, t.dst.Port())
		all = append(all, t)
	}
	if inside := d.judge.answers.Inside(t.name); len(all) == 0 && len(inside) > 0 {
		t.dst = netip.AddrPortFrom(inside[0], t.dst.Port())
		return nil, t, d.judge.leftOut(t.dst)
	}
	return all[:min(len(all), maxDials)], t, netfilter.Verdict{Code: netfilter.NotResolved}
}

// dialName connects to the first address of an allowed name that answers and
// that no rule speaks against; as dial, with plain. Without a connection, the verdict says why.
func (d *daemon) dialName(ctx context.Context, t target, plain bool) (*net.TCPConn, target, netfilter.Verdict) {
	all, t, v := d.leads(ctx, t)
	wait := dialWithin
	if len(all) > 1 {
		wait = dialHurry
	}
	for _, t = range all {
		v = d.dialled(t)
		if !v.OK {
			continue
		}
		var conn *net.TCPConn
		if conn, v = d.dialAs(ctx, t, v, wait, plain); conn != nil {
			return conn, t, v
		}
	}
	return nil, t, v
}

// dial connects to t: to its address, or through the upstream proxy. With plain, such a proxy is only connected to: each request
// says whom it is for.
func (d *daemon) dial(ctx context.Context, t target, wait time.Duration, plain bool) (*net.TCPConn, error) {
	at := d.judge.through(t)
	if at == "" {
		return dialTCP(ctx, t.dst, wait)
	}
	if plain {
		at = ""
	}
	return d.tunnel(ctx, d.judge.outlet(), at)
}

// dialAs dials t, which v allows. The agent's own server must still be the same one
// after the dial: another may have taken the port between the look and the dial.
func (d *daemon) dialAs(ctx context.Context, t target, v netfilter.Verdict, wait time.Duration, plain bool) (*net.TCPConn, netfilter.Verdict) {
	var before kernel.Owner
	if v.Code == netfilter.Own {
		if v, before = d.judge.local(t.dst); !v.OK {
			return nil, v
		}
	}
	dial := d.dial
	if isLocal(v) {
		dial = dialLocal
	}
	conn, err := dial(ctx, t, wait, plain)
	if err != nil {
		return nil, verdictOf(err)
	}
	if v.Code != netfilter.Own {
		return conn, v
	}
	if now, after := d.judge.local(t.dst); now.OK && (now.Code != netfilter.Own || after.Cookie == before.Cookie) {
		return conn, now
	}
	abort(conn)
	return nil, netfilter.Verdict{Code: netfilter.NotLocal}
}

// dialLocal is dial for a server on this machine, whatever its address.
func dialLocal(ctx context.Context, t target, wait time.Duration, _ bool) (*net.TCPConn, error) {
	return dialTCP(ctx, t.dst, wait)
}

// dialFor connects t, which is allowed, to the address that was dialled. Where nobody answers there, another address that was
// answered for the same name takes its place: the client already has a connection, and cannot try the next one itself any more. It
// returns the target as it was dialled.
func (d *daemon) dialFor(ctx context.Context, t target, plain bool) (*net.TCPConn, target, error) {
	others := d.others(t)
	wait := dialWithin
	if len(others) > 0 {
		wait = dialHurry
	}
	conn, err := d.dial(ctx, t, wait, plain)
	for _, addr := range others {
		if err == nil {
			break
		}
		other := target{t.name, netip.AddrPortFrom(addr, t.dst.Port()), t.ech}
		if d.dialled(other).OK {
			if conn, err := dialTCP(ctx, other.dst, dialHurry); err == nil {
				return conn, other, nil
			}
		}
	}
	return conn, t, err
}

// others returns addresses that may stand in for t's, the other family first.
func (d *daemon) others(t target) []netip.Addr {
	if t.name == "" || d.judge.through(t) != "" || !d.judge.answers.Has(t.name, t.dst.Addr()) {
		return nil
	}
	all := d.judge.answers.All(t.name)
	if !t.dst.Addr().Is6() {
		slices.Reverse(all)
	}
	all = slices.DeleteFunc(all, func(a netip.Addr) bool { return a == t.dst.Addr() })
	return all[:min(len(all), 2)]
}

// isLocal reports whether v is about a server on this machine.
func isLocal(v netfilter.Verdict) bool {
	return v.Code == netfilter.Own || strings.HasPrefix(v.Rule, "localhost:")
}

// dialled decides on an address that was answered for an allowed name.
func (d *daemon) dialled(t target) netfilter.Verdict {
	local, err := d.isHere(t.dst.Addr())
	switch {
	case err != nil:
		return netfilter.Verdict{Code: netfilter.Overload}
	case local:
		v, _ := d.judge.local(t.dst)
		return v
	}
	return d.judge.static(t)
}

// resolve returns the addresses of name, IPv4 first.
func (d *daemon) resolve(ctx context.Context, name string) []netip.Addr {
	if isLocalName(name) {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	}
	var both [2][]netip.Addr
	var wait sync.WaitGroup
	for i := range both {
		wait.Go(func() {
			// A family without an answer is one without addresses.
			both[i], _ = d.names.Resolve(ctx, name, i == 1)
		})
	}
	wait.Wait()
	return append(both[0], both[1]...)
}
