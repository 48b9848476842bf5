// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/a4u2/au/netfilter"
)

// A session is one connection of the agent, from its acceptance to its end.
type session struct {
	d     *daemon
	conn  *net.TCPConn
	dst   netip.AddrPort // what the agent dialled
	up    *net.TCPConn   // the other side, once it is dialled
	seen  []byte         // read from conn and not sent on
	began time.Time

	settled bool // holds a place among the open connections, no longer among the undecided
	roomy   bool // may keep more than smallHead of what it is shown
}

// end gives back what s holds.
func (s *session) end() {
	s.conn.Close()
	if s.up != nil {
		s.up.Close()
	}
	s.leaveRoom()
	if s.settled {
		<-s.d.open
	} else {
		<-s.d.undecided
	}
}

// settle moves s from the undecided to the open connections, and reports whether
// there was a place.
func (s *session) settle() bool {
	if s.settled {
		return true
	}
	select {
	case s.d.open <- struct{}{}:
		<-s.d.undecided
		s.settled = true
		return true
	default:
		return false
	}
}

var errNoRoom = errors.New("no room for a header of this size")

// room lets s keep more than smallHead of what it is shown, for which it waits
// where others do so: heads that never end are not to add up.
func (s *session) room() error {
	if s.roomy {
		return nil
	}
	timer := time.NewTimer(showWithin)
	defer timer.Stop()
	select {
	case s.d.large <- struct{}{}:
		s.roomy = true
		return nil
	case <-timer.C:
		return errNoRoom
	}
}

// leaveRoom gives back what room gave.
func (s *session) leaveRoom() {
	if s.roomy {
		s.roomy = false
		<-s.d.large
	}
}

// reset ends conn so that the agent's program sees a reset at once.
func (s *session) reset() {
	_ = s.conn.SetLinger(0) // without it the end is a polite one
	s.conn.Close()
}

// local serves a connection to this machine.
func (s *session) local(ctx context.Context) {
	var v netfilter.Verdict
	s.dst, v = s.d.judge.localhost(s.dst)
	t := target{dst: s.dst}
	if !v.OK {
		if v.Code == netfilter.Unreachable {
			s.d.record("local", t, v, "")
			s.reset()
			return
		}
		s.refuse("local", t, v)
		return
	}
	if !s.settle() {
		s.refuse("local", t, netfilter.Verdict{Code: netfilter.Overload})
		return
	}
	if s.up, v = s.d.dialAs(ctx, t, v, dialWithin, false); s.up == nil {
		s.refuse("local", t, v)
		return
	}
	s.relay("local", t, v)
}

// remote serves a connection to the outside.
func (s *session) remote(ctx context.Context) {
	by, name := s.d.judge.unnamed(ctx, s.dst)
	switch {
	case by.Code == netfilter.DeniedByRule && name == "": // the address is, whatever is shown
		s.refuse("tcp", target{dst: s.dst}, by)
		return
	case by.OK && (by.Code == netfilter.Allowed || !netfilter.IsWeb(s.dst.Port())):
		s.either(ctx, by, name)
		return
	case !netfilter.IsWeb(s.dst.Port()):
		_ = s.conn.SetReadDeadline(time.Now().Add(hurryWithin))
	}
	s.shown(ctx)
}

// either serves a connection that is allowed by its address. The server may
// speak first; a client that speaks first may show a name, and is held to it.
func (s *session) either(ctx context.Context, v netfilter.Verdict, name string) {
	t := target{name: name, dst: s.dst}
	if s.up == nil && s.d.judge.through(t) != "" && s.asksFirst() {
		s.http(ctx)
		return
	}
	if s.up == nil && !s.dial(ctx, "tcp", t) {
		return
	}
	t.dst = s.dst
	if len(s.seen) == 0 && serverFirst(s.conn, s.up) {
		s.relay("tcp", t, v)
		return
	}
	_ = s.conn.SetReadDeadline(time.Now().Add(showWithin))
	s.shown(ctx)
}

// asksFirst reports whether the client soon speaks HTTP. An upstream proxy takes its requests on any port, and opens tunnels to
// few.
func (s *session) asksFirst() bool {
	_ = s.conn.SetReadDeadline(time.Now().Add(askFirst)) // fails only on a closed connection
	return s.peek() == nil && looksLikeHTTP(s.seen)
}

// shown serves a connection by what the client shows first.
func (s *session) shown(ctx context.Context) {
	if err := s.peek(); err != nil {
		s.silent(ctx, err)
		return
	}
	switch {
	case s.seen[0] == 0x16:
		s.tls(ctx)
	case looksLikeHTTP(s.seen):
		s.http(ctx)
	default:
		s.other(ctx)
	}
}

// silent ends a connection on which nothing was shown in time.
func (s *session) silent(ctx context.Context, err error) {
	if err == io.EOF {
		return
	}
	v, name := s.d.judge.unnamed(ctx, s.dst)
	if v.OK {
		v = netfilter.Verdict{Code: netfilter.NoName}
	}
	s.d.record("tcp", target{name: name, dst: s.dst}, v, "nothing was shown")
	s.reset()
}

// peek reads the first bytes, unless there are some already.
func (s *session) peek() error {
	if len(s.seen) > 0 {
		return nil
	}
	s.seen = make([]byte, 2048)
	n, err := s.conn.Read(s.seen)
	s.seen = s.seen[:n]
	if n > 0 {
		return nil
	}
	return err
}

// tls serves a TLS connection by the name in its hello.
func (s *session) tls(ctx context.Context) {
	h, seen, err := readHello(s.conn, s.seen, s.helloRoom)
	s.seen = seen
	t := target{dst: s.dst}
	if err == errNoRoom {
		s.refuse("tls", t, netfilter.Verdict{Code: netfilter.Overload})
		return
	}
	if err != nil {
		s.refuse("tls", t, netfilter.Verdict{Code: netfilter.Malformed})
		return
	}
	t.ech = h.ech
	if h.name != "" {
		if t.name, err = netfilter.CanonicalName(h.name); err != nil {
			s.refuse("tls", t, netfilter.Verdict{Code: netfilter.Malformed})
			return
		}
	}
	v, t := s.d.judgeTLS(ctx, t)
	s.finish(ctx, "tls", t, v)
}

// helloRoom is room for a hello, which has time anew from then on.
func (s *session) helloRoom() error {
	err := s.room()
	_ = s.conn.SetReadDeadline(time.Now().Add(showWithin)) // fails only on a closed connection
	return err
}

// judgeTLS decides on a hello.
func (d *daemon) judgeTLS(ctx context.Context, t target) (netfilter.Verdict, target) {
	if t.ech && d.judge.refusesHidden(t) {
		return netfilter.Verdict{Code: netfilter.HiddenName}, t
	}
	t.name = d.judge.meant(t.name, t.dst.Port())
	if t.name != "" {
		return d.judge.named(ctx, t), t
	}
	return d.judgeNoName(ctx, t)
}

// judgeNoName decides on a t without a name, as unnamed does, and returns t with the
// name that it is allowed for. A refusal says what was missing.
func (d *daemon) judgeNoName(ctx context.Context, t target) (netfilter.Verdict, target) {
	v, name := d.judge.unnamed(ctx, t.dst)
	switch {
	case v.OK:
		t.name = name
	case v.Code == netfilter.NotAllowed && netfilter.IsWeb(t.dst.Port()):
		v.Code = netfilter.NoName
	}
	return v, t
}

// other serves a connection that is neither TLS nor HTTP.
func (s *session) other(ctx context.Context) {
	v, name := s.d.judge.unnamed(ctx, s.dst)
	if !v.OK && v.Code == netfilter.NotAllowed && netfilter.IsWeb(s.dst.Port()) {
		v.Code = netfilter.NoName
	}
	s.finish(ctx, "tcp", target{name: name, dst: s.dst}, v)
}

// finish refuses t, or connects it.
func (s *session) finish(ctx context.Context, kind string, t target, v netfilter.Verdict) {
	if !v.OK {
		s.refuse(kind, t, v)
		return
	}
	if s.up == nil && !s.dial(ctx, kind, t) {
		return
	}
	t.dst = s.dst
	s.relay(kind, t, v)
}

// dial connects to the address that the agent dialled, or to another one of the same name if nobody answers there. On failure it
// tells the agent, and returns false.
func (s *session) dial(ctx context.Context, kind string, t target) bool {
	if !s.settle() {
		s.refuse(kind, t, netfilter.Verdict{Code: netfilter.Overload})
		return false
	}
	up, at, err := s.d.dialFor(ctx, t, false)
	if v := verdictOf(err); err != nil && v.Code != netfilter.Unreachable {
		s.refuse(kind, t, v)
		return false
	}
	if err != nil {
		s.d.record(kind, t, netfilter.Verdict{Code: netfilter.Unreachable}, cause(err))
		s.reset()
		return false
	}
	s.up = up
	if at != t {
		s.d.record(kind, t, netfilter.Verdict{Code: netfilter.Unreachable}, at.dst.Addr().String()+" takes its place")
		s.dst = at.dst
	}
	return true
}

func dialTCP(ctx context.Context, dst netip.AddrPort, wait time.Duration) (*net.TCPConn, error) {
	dialer := net.Dialer{Timeout: wait}
	conn, err := dialer.DialContext(ctx, "tcp", dst.String())
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

// relay sends what was seen and then everything, both ways, until both sides are
// done or the policy no longer allows it.
func (s *session) relay(kind string, t target, v netfilter.Verdict) {
	if !s.settle() {
		s.refuse(kind, t, netfilter.Verdict{Code: netfilter.Overload})
		return
	}
	l := &link{target: t, kind: kind, local: isLocal(v), code: v.Code, abort: func() { abort(s.conn, s.up) }}
	if !s.d.hold(l) {
		return
	}
	defer s.d.release(l)
	s.d.record(kind, t, v, "")
	_ = s.conn.SetDeadline(time.Time{}) // fails only on a closed connection
	first := int64(len(s.seen))
	if first > 0 {
		if _, err := s.up.Write(s.seen); err != nil {
			return
		}
		s.seen = nil
		s.leaveRoom()
	}
	sent, received := copyBoth(s.conn, s.up)
	s.d.log.add(netfilter.Record{
		Kind: kind, OK: true, Code: v.Code, Rule: v.Rule, Name: t.name, Addr: s.d.judge.addrText(t.dst.Addr()), Port: t.dst.Port(), ECH: t.ech,
		Sent: sent + first, Received: received, Millis: max(1, time.Since(s.began).Milliseconds()),
	})
}

// looksLikeHTTP reports whether b can be the beginning of an HTTP request.
func looksLikeHTTP(b []byte) bool {
	i := slices.IndexFunc(b, func(c byte) bool { return c < 'A' || c > 'Z' })
	if i < 0 {
		return len(b) < 20
	}
	return i > 0 && (b[i] == ' ' || b[i] == '-' && !slices.Equal(b[:i], []byte("SSH")))
}
