// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/netfilter/dns"
	"github.com/a4u2/au/netfilter/internal/pace"
	"github.com/a4u2/au/netfilter/kernel"
)

// The bounds for one agent. More waits, or is refused; it is the agent's
// own connections that suffer.
const (
	maxUndecided = 256 // connections whose target is not known yet
	maxOpen      = 512 // connections in use
	maxLinger    = 256 // refused connections whose refusal is still being read
	maxLarge     = 32  // connections that show more than smallHead of a head or hello

	// Refusals a second. More wait, in the end in the kernel's queue, so that no flood of them takes more
	// than a part of a core from everybody else.
	refuseRate  = 2000
	refuseBurst = 1000
)

const (
	showWithin  = 10 * time.Second       // to show what a connection wants
	hurryWithin = 500 * time.Millisecond // the same where no answer can be yes
	askFirst    = 300 * time.Millisecond // for a client to speak before a server that may speak first is dialled
	dialWithin  = 10 * time.Second
	dialHurry   = 3 * time.Second  // the same where there is another address to try
	headWithin  = 30 * time.Second // for the rest of a response's head
	idleHTTP    = 10 * time.Minute
)

// A daemon serves one agent.
type daemon struct {
	judge *judge
	names *dns.Forwarder
	log   *log

	undecided chan struct{}
	open      chan struct{}
	linger    chan struct{}
	large     chan struct{}
	secure    chan struct{} // connections by TLS to the upstream proxy
	refusals  pace.Bucket
	idle      *idler

	mu    sync.Mutex
	links map[*link]struct{}
	done  bool
}

// newDaemon returns a daemon that enforces p.
func newDaemon(p *netfilter.Policy, l *log, resolv, hosts string) *daemon {
	j := newJudge(p, resolv, hosts)
	d := &daemon{
		judge: j, names: j.names, log: l,
		undecided: make(chan struct{}, maxUndecided),
		open:      make(chan struct{}, maxOpen),
		linger:    make(chan struct{}, maxLinger),
		large:     make(chan struct{}, maxLarge),
		secure:    make(chan struct{}, maxSecure),
		refusals:  pace.Bucket{Rate: refuseRate, Burst: refuseBurst},
		idle:      newIdler(0),
		links:     map[*link]struct{}{},
	}
	d.names.Asked = d.asked
	d.names.Ours = d.asksUs
	return d
}

// accept serves the connections that arrive at ln until it is closed, or has a deadline that is over. While too many are undecided
// the next ones wait in the kernel's queue.
func (d *daemon) accept(ctx context.Context, ln *net.TCPListener, serve func(context.Context, *session)) {
	for {
		select {
		case d.undecided <- struct{}{}:
		case <-ctx.Done():
			return
		}
		conn, err := ln.AcceptTCP()
		if err != nil {
			<-d.undecided
			if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) || ctx.Err() != nil {
				return
			}
			time.Sleep(10 * time.Millisecond) // out of file descriptors or memory
			continue
		}
		s := &session{d: d, conn: conn, began: time.Now()}
		d.idle.enter()
		go func() {
			defer d.idle.leave()
			defer s.end()
			serve(ctx, s)
		}()
	}
}

// ours reports whether s, which nothing diverted, was opened by the agent, or by root, as which the agent's set-uid helper may run.
// Nobody else uses this agent's rules, or writes into its log. A diverted connection belongs to the agent, by the rule that did it.
// Its source port may differ from the client's, so that no socket would be found. That can happen here as well, and is let pass:
// those whom it lets pass are restricted by nothing anyway.
func (d *daemon) ours(s *session) bool {
	who, err := d.judge.kernel.Socket(addrOf(s.conn.RemoteAddr()), s.dst)
	if err != nil {
		return err == kernel.ErrNoSocket
	}
	return who.UID == 0 || d.judge.policy.Load().Has(who.UID)
}

// asksUs is ours for a datagram. A diverted question comes from a socket that may be connected to elsewhere, so that none is found.
// The rule that diverted it knows whose it was. Others who send to this port get no answer.
func (d *daemon) asksUs(from, at netip.AddrPort) bool {
	d.idle.touch()
	who, err := d.judge.kernel.UDPSocket(from, at)
	if err != nil {
		return err == kernel.ErrNoSocket
	}
	return who.UID == 0 || d.judge.policy.Load().Has(who.UID)
}

// wanted reads where s was meant to go, and reports whether it is to be served.
func (d *daemon) wanted(s *session) bool {
	var err error
	if s.dst, err = originalDst(s.conn); err != nil {
		return false
	}
	return s.dst != addrOf(s.conn.LocalAddr()) || d.ours(s)
}

// serveTCP finds out what a diverted connection is, and serves it.
func (d *daemon) serveTCP(ctx context.Context, s *session) {
	_ = s.conn.SetReadDeadline(time.Now().Add(showWithin)) // fails only on a closed connection
	if !d.wanted(s) {
		s.reset()
		return
	}
	if s.dst.Port() == 53 {
		d.serveDNS(ctx, s)
		return
	}
	if s.dst == addrOf(s.conn.LocalAddr()) {
		s.proxied(ctx)
		return
	}
	local, err := d.isHere(s.dst.Addr())
	switch {
	case err != nil:
		s.refuse("tcp", target{dst: s.dst}, netfilter.Verdict{Code: netfilter.Overload})
	case local:
		s.local(ctx)
	default:
		s.remote(ctx)
	}
}

// isHere says whether addr is on this machine; an address that stands for a name is not. It is a call of its own, so that the copy
// of the policy that it makes is not on a connection's stack for as long as that is open.
//
//go:noinline
func (d *daemon) isHere(addr netip.Addr) (bool, error) {
	if d.judge.policy.Load().IsMade(addr) {
		return false, nil
	}
	return d.judge.kernel.IsLocal(addr)
}

// serveDNS answers questions over TCP.
func (d *daemon) serveDNS(ctx context.Context, s *session) {
	if !s.dst.IsValid() && !d.wanted(s) {
		s.reset()
		return
	}
	if s.settle() {
		d.names.ServeTCP(ctx, s.conn)
	}
}

// A link is an allowed connection in use.
type link struct {
	target target
	kind   string
	local  bool
	code   netfilter.Code
	abort  func()
}

// hold keeps l among the connections that a change of policy may end. It
// reports false where the policy changed already, since l was decided on, and
// once the daemon ends.
func (d *daemon) hold(l *link) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.done || !d.judge.again(l).OK {
		return false
	}
	d.links[l] = struct{}{}
	return true
}

func (d *daemon) release(l *link) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.links, l)
}

// sweep ends the connections that the policy no longer allows.
func (d *daemon) sweep() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for l := range d.links {
		v := d.judge.again(l)
		if v.OK {
			continue
		}
		d.record(l.kind, l.target, v, "closed: it was open when the policy changed")
		l.abort()
	}
}

// cut ends the connections that leave this machine: they took a way that is no longer theirs.
func (d *daemon) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for l := range d.links {
		if !l.local {
			l.abort()
		}
	}
}

// stop ends all connections, now and later ones.
func (d *daemon) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.done = true
	for l := range d.links {
		l.abort()
	}
}

// record logs a decision.
func (d *daemon) record(kind string, t target, v netfilter.Verdict, detail string) {
	d.log.add(netfilter.Record{
		Kind: kind, OK: v.OK, Code: v.Code, Rule: v.Rule, Name: t.name,
		Addr: d.judge.addrText(t.dst.Addr()), Port: t.dst.Port(), ECH: t.ech, Detail: cmp.Or(detail, v.Detail),
	})
}

// asked logs a question for a name.
func (d *daemon) asked(name string, t dnsmessage.Type, v dns.Verdict, err error) {
	r := netfilter.Record{Kind: "dns", Name: name, Type: strings.TrimPrefix(t.String(), "Type")}
	verdict := d.judge.policy.Load().Name(name, 0, d.judge.now())
	r.OK, r.Code, r.Rule = verdict.OK, verdict.Code, verdict.Rule
	switch {
	case v == dns.NoName:
		return // asked by a resolver's habits rather than by a program
	case errors.Is(err, dns.ErrInside):
		r.OK, r.Code = false, netfilter.Private
	case errors.Is(err, dns.ErrBusy):
		r.OK, r.Code = false, netfilter.Overload
	case err != nil:
		r.OK, r.Code, r.Detail = false, netfilter.NotResolved, cause(err)
	}
	d.log.add(r)
}
