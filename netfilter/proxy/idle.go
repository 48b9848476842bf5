// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/a4u2/au/netfilter"
)

// A connection to a server is kept for a moment after the client left: another of
// the same agent's that asks for the same name at the same address need not wait
// for one. Its request is judged as any other. What could be misread, or remembers
// who used it, is not kept.
const (
	maxIdle  = 16
	idleFor  = 2 * time.Second
	maxPlain = 1 << 10 // of a request that is kept until the server answers
)

// An idle is a connection to a server that no client has.
type idle struct {
	at    target
	conn  *net.TCPConn
	timer *time.Timer // ends it
}

// keep takes conn, which l held, among the idle ones. It ends it where it is no
// longer allowed.
func (d *daemon) keep(l *link, conn *net.TCPConn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.links, l)
	if d.done || !d.judge.again(l).OK {
		conn.Close()
		return
	}
	if len(d.idle) >= maxIdle {
		d.dropIdle(d.idle[0])
	}
	i := &idle{at: l.target, conn: conn}
	i.timer = time.AfterFunc(idleFor, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.dropIdle(i)
	})
	d.idle = append(d.idle, i)
}

// takeIdle returns a connection to t on which the server has said nothing since
// it was kept; nil where there is none.
func (d *daemon) takeIdle(t target) *net.TCPConn {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, i := range slices.Backward(slices.Clone(d.idle)) {
		switch {
		case i.at != t:
		case !unheard(i.conn):
			d.dropIdle(i)
		default:
			d.forgetIdle(i)
			return i.conn
		}
	}
	return nil
}

// dropIdle ends i, unless it is idle no more. d.mu is held.
func (d *daemon) dropIdle(i *idle) {
	if d.forgetIdle(i) {
		i.conn.Close()
	}
}

// forgetIdle takes i out, and reports whether it was in. d.mu is held.
func (d *daemon) forgetIdle(i *idle) bool {
	at := slices.Index(d.idle, i)
	if at < 0 {
		return false
	}
	i.timer.Stop()
	d.idle = slices.Delete(d.idle, at, at+1)
	return true
}

// dropAllIdle ends all idle connections. d.mu is held.
func (d *daemon) dropAllIdle() {
	for len(d.idle) > 0 {
		d.dropIdle(d.idle[0])
	}
}

// unheard reports whether nothing has come from c, be it its end.
func unheard(c *net.TCPConn) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	var events int16
	err = raw.Control(func(fd uintptr) { events = polled(fd, unix.POLLIN|unix.POLLRDHUP) })
	return err == nil && events == 0
}

// ask writes the head of q to the server that t is.
func (x *exchanger) ask(ctx context.Context, q *request, t target, v netfilter.Verdict) bool {
	plain := q.plain()
	q.forOrigin()
	if plain && x.up == nil && x.s.up == nil && !isLocal(v) {
		if err := x.askIdle(q, t, v); err != errNoIdle {
			return err == nil
		}
		x.leave()
	}
	if !x.reach(ctx, t, v) {
		return false
	}
	x.up.plain = x.up.plain && plain
	q.write(x.up.out)
	return true
}

var errNoIdle = errors.New("no idle connection that lasts")

// askIdle sends q over a connection that was kept, and waits until the server
// begins to answer. A server may just then end what was idle for it: with
// errNoIdle q was not answered, and is to be sent over a new connection. What was
// ended here, by a new policy, is not.
func (x *exchanger) askIdle(q *request, t target, v netfilter.Verdict) error {
	if !x.s.settle() {
		return errNoIdle // and then there is no place for a new one either
	}
	conn := x.s.d.takeIdle(t)
	if conn == nil {
		return errNoIdle
	}
	if !x.use(conn, t, t, v) {
		return net.ErrClosed
	}
	q.write(x.up.out)
	err := x.up.out.Flush()
	if err == nil {
		err = x.awaitResponse()
	}
	if err != nil && err != errClientLeft && !errors.Is(err, net.ErrClosed) {
		return errNoIdle
	}
	return err
}

// plain reports whether the connection that q goes over may have been another
// client's, and may be yet another's: q is small, has no body, can be sent twice,
// and asks for nothing that a connection remembers.
func (q *request) plain() bool {
	if q.method != "GET" || q.body.kind != noBody || q.closes() || q.absolute || q.host == "" {
		return false
	}
	size := len(q.start)
	for _, f := range q.fields {
		size += len(f.name) + len(f.value)
		for _, name := range []string{"Authorization", "Content-Length", "Expect", "Upgrade"} {
			if strings.EqualFold(f.name, name) {
				return false
			}
		}
	}
	return size <= maxPlain
}

// endsPlainly reports whether a response to a plain request says where it ends in
// one way only, and no unusual one. Who is asked to log in may have begun to, by a
// scheme that holds for the connection.
func endsPlainly(h *head, status int) bool {
	if !strings.HasPrefix(h.start, "HTTP/1.1 ") || status < 200 || status == 401 || status == 407 {
		return false
	}
	lengths := 0
	for _, f := range h.fields {
		switch {
		case !isToken(f.name), strings.EqualFold(f.name, "Upgrade"):
			return false
		case strings.EqualFold(f.name, "Transfer-Encoding"):
			if !strings.EqualFold(f.value, "chunked") {
				return false
			}
			lengths++
		case strings.EqualFold(f.name, "Content-Length"):
			lengths++
		}
	}
	if status == 204 || status == 304 {
		return lengths == 0
	}
	return lengths == 1
}
