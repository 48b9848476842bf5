// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/a4u2/au/netfilter"
)

// An exchanger serves the HTTP requests of one connection, one after the other.
type exchanger struct {
	s      *session
	direct bool // the agent knows that it speaks to a proxy
	in     *bufio.Reader
	out    *output
	up     *upstream
	served int

	ended    bool // the client sends nothing any more, and all it sent was read
	switched bool // both sides agreed on another protocol
}

// An upstream is the server that the last request went to.
type upstream struct {
	conn  *net.TCPConn
	in    *bufio.Reader
	out   *output
	asked target // as the request had it
	link  *link  // as it was dialled

	status int // of the last response

	relay *outlet // conn ends at this proxy, and each request names its server; nil: conn leads to the server
}

// http serves the requests of a diverted connection.
func (s *session) http(ctx context.Context) { s.exchange(ctx, false) }

// proxied serves a connection to the daemon's own port: HTTP as a proxy is asked.
func (s *session) proxied(ctx context.Context) {
	if s.peek() != nil {
		s.reset()
		return
	}
	if !looksLikeHTTP(s.seen) {
		s.refuse("connect", target{dst: s.dst}, netfilter.Verdict{Code: netfilter.Malformed})
		return
	}
	s.exchange(ctx, true)
}

func (s *session) exchange(ctx context.Context, direct bool) {
	x := &exchanger{s: s, direct: direct}
	x.in = reader(&shown{s.seen, s.conn})
	x.out = &output{w: s.conn}
	s.seen = nil
	defer x.end()
	for x.next(ctx) {
		x.served++
	}
	if !x.ended {
		s.farewell()
	}
}

func (x *exchanger) end() {
	x.leave()
	x.put()
	x.out.drop()
}

// leave ends the connection to the server.
func (x *exchanger) leave() {
	if x.up == nil {
		return
	}
	x.s.d.release(x.up.link)
	x.up.conn.Close()
	if x.up.in != nil {
		putReader(&x.up.in)
	}
	x.up.out.drop()
	x.up, x.s.up = nil, nil
}

// next serves one request, and reports whether another may follow.
func (x *exchanger) next(ctx context.Context) bool {
	if err := x.await(); err != nil {
		x.ended = err == io.EOF
		return false
	}
	q, err := x.read()
	if err != nil {
		x.unreadable(err)
		return false
	}
	if q.method == "CONNECT" {
		x.connect(ctx, &q)
		return false
	}
	t, v := x.judge(ctx, &q)
	if !v.OK {
		x.refuse(t, v)
		return false
	}
	return x.ask(ctx, &q, t, v) && x.carry(&q)
}

// ask writes the head of q to the server that t is.
func (x *exchanger) ask(ctx context.Context, q *request, t target, v netfilter.Verdict) bool {
	q.forOrigin()
	if !x.reach(ctx, t, v) || x.up.relay != nil && !x.relay(q) {
		return false
	}
	q.write(x.up.out)
	return true
}

// relay makes of q what the upstream proxy is asked, and reports whether that can be.
func (x *exchanger) relay(q *request) bool {
	if isTrace(q.method) {
		x.unreadable(malformed("TRACE, by which a proxy shows how it was asked"))
		return false
	}
	at := x.s.d.judge.through(x.up.link.target)
	if at != "" {
		q.forProxy(at, x.up.relay.login)
	}
	return at != ""
}

func (x *exchanger) read() (request, error) {
	_ = x.s.conn.SetReadDeadline(time.Now().Add(showWithin)) // fails only on a closed connection
	h, err := readHead(x.in, true, x.room)
	if err != nil {
		return request{}, err
	}
	q, err := parseRequest(h)
	if err == nil && x.direct && !q.absolute && q.method != "CONNECT" {
		err = malformed("a request for a proxy without a host")
	}
	_ = x.s.conn.SetReadDeadline(time.Time{})
	return q, err
}

// room is session.room for a request, which has time anew from then on.
func (x *exchanger) room() error {
	err := x.s.room()
	_ = x.s.conn.SetReadDeadline(time.Now().Add(showWithin)) // fails only on a closed connection
	return err
}

// unreadable tells the client what is wrong with its request.
func (x *exchanger) unreadable(err error) {
	var m malformed
	if err == errNoRoom {
		x.refuse(target{dst: x.s.dst}, netfilter.Verdict{Code: netfilter.Overload})
		return
	}
	if !errors.As(err, &m) && err != errHeadSize {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			x.s.reset()
		}
		return
	}
	t := target{dst: x.s.dst}
	v := netfilter.Verdict{Code: netfilter.Malformed}
	x.s.d.record("http", t, v, err.Error())
	d := x.s.d.judge.explain(v, t)
	d.what = "HTTP request with " + err.Error()
	x.s.say(d.response())
}

// judge decides on q.
func (x *exchanger) judge(ctx context.Context, q *request) (target, netfilter.Verdict) {
	j := x.s.d.judge
	t := target{name: q.host, dst: x.s.dst}
	if x.direct {
		t.dst = netip.AddrPortFrom(q.addr, portOr(q.port, 80))
	}
	t.name = j.meant(t.name, t.dst.Port())
	if x.direct {
		if q.host != "" {
			return t, j.byName(t)
		}
		return x.s.d.byLiteral(ctx, t)
	}
	if q.host != "" {
		return t, j.named(ctx, t)
	}
	v, name := j.unnamed(ctx, t.dst)
	if v.OK {
		t.name = name
	}
	return t, v
}

func portOr(port, usual uint16) uint16 {
	if port == 0 {
		return usual
	}
	return port
}

// refuse logs and tells a refusal, after which the connection ends: what follows
// on it might be the body of what was refused.
func (x *exchanger) refuse(t target, v netfilter.Verdict) {
	v.OK = false
	x.s.d.record("http", t, v, "")
	x.s.say(x.s.d.judge.explain(v, t).response())
}

// reach sees to a connection to the server that t is.
func (x *exchanger) reach(ctx context.Context, t target, v netfilter.Verdict) bool {
	switch {
	case x.up == nil:
	case !x.direct:
		return x.s.d.retarget(x.up.link, t)
	case x.up.asked == t:
		return true
	}
	if !x.s.settle() {
		x.refuse(t, netfilter.Verdict{Code: netfilter.Overload})
		return false
	}
	asked, dialled := t, x.s.up != nil && x.up == nil
	conn, t, v := x.connection(ctx, t, v)
	if conn == nil {
		x.refuse(t, v)
		return false
	}
	x.leave()
	l := &link{target: t, kind: "http", code: v.Code, local: isLocal(v), abort: func() { abort(x.s.conn, conn) }}
	x.s.up = conn
	x.up = &upstream{conn: conn, in: reader(conn), out: &output{w: conn}, asked: asked, link: l}
	if !dialled && !isLocal(v) && x.s.d.judge.through(t) != "" {
		x.up.relay = x.s.d.judge.outlet()
	}
	x.s.d.record("http", t, v, "")
	return x.s.d.hold(l)
}

// connection dials t: an address that was dialled already, or by name where the
// agent asked a proxy to.
func (x *exchanger) connection(ctx context.Context, t target, v netfilter.Verdict) (*net.TCPConn, target, netfilter.Verdict) {
	if x.s.up != nil && x.up == nil {
		return x.s.up, t, v // dialled before the client spoke
	}
	if x.direct && !t.dst.Addr().IsValid() {
		return x.s.d.dialName(ctx, t, true)
	}
	if isLocal(v) {
		conn, v := x.s.d.dialAs(ctx, t, v, dialWithin, true)
		return conn, t, v
	}
	conn, t, err := x.s.d.dialFor(ctx, t, true)
	if err != nil {
		return nil, t, verdictOf(err)
	}
	if !x.direct {
		x.s.dst = t.dst // later requests are judged by where they go
	}
	return conn, t, v
}

// retarget says that l is now used for t. As hold does, it reports false where the
// policy changed already.
func (d *daemon) retarget(l *link, t target) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	l.target = t
	return !d.done && d.judge.again(l).OK
}
