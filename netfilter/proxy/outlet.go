// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/a4u2/au/netfilter"
)

// An outlet is the upstream proxy, through which what is allowed goes on. It is safe for concurrent use.
type outlet struct {
	netfilter.Upstream
	host   string
	port   uint16
	secure bool
	roots  *x509.CertPool // nil: those of the machine
	login  string         // as the proxy is told; empty: there is none

	mu    sync.Mutex
	addrs []netip.Addr // where the proxy was when it was last looked up
	until time.Time    // when to look again
	err   error        // why the last look found nothing
}

var outletWithin = 30 * time.Second // to connect, and to hear that a tunnel is open; a test shortens it

const (
	outletKnown  = 30 * time.Second // for which an answer about the proxy's own name is good
	outletRetry  = 5 * time.Second  // the same where there was none: whoever waits for one holds up the others
	lookupWithin = 5 * time.Second
)

// newOutlet returns the outlet that u, which was checked, describes.
func newOutlet(u netfilter.Upstream, login *netfilter.Login) *outlet {
	o := &outlet{Upstream: u}
	o.host, o.port, o.secure = u.Place()
	o.roots, _ = u.Roots() // Check has seen to it
	if login != nil {
		o.login = "Basic " + base64.StdEncoding.EncodeToString([]byte(login.User+":"+login.Password))
	}
	return o
}

// outlet returns the upstream proxy of the policy in force; nil where there is none.
func (j *judge) outlet() *outlet {
	want := j.policy.Load().Upstream
	if !want.IsSet() {
		return nil
	}
	if o := j.out.Load(); o != nil && o.Upstream == want {
		return o
	}
	o := newOutlet(want, j.login)
	j.out.Store(o)
	return o
}

// addresses returns where the proxy is, as far as this machine can tell.
func (o *outlet) addresses(ctx context.Context) ([]netip.Addr, error) {
	if addr, err := netip.ParseAddr(o.host); err == nil {
		return []netip.Addr{addr}, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if time.Now().Before(o.until) {
		return o.addrs, o.err
	}
	ctx, cancel := context.WithTimeout(ctx, lookupWithin)
	defer cancel()
	found, err := (&net.Resolver{PreferGo: true}).LookupNetIP(ctx, "ip", o.host)
	if err != nil {
		o.until, o.err = time.Now().Add(outletRetry), err
		return o.addrs, err // where it was may be where it is
	}
	for i := range found {
		found[i] = found[i].Unmap().WithZone("")
	}
	o.addrs, o.until, o.err = found, time.Now().Add(outletKnown), nil
	return found, nil
}

// isOutlet reports whether dst is the upstream proxy, which is for the daemon alone: on any of its ports, or on its one port where
// this machine serves it. Where nobody can tell the proxy's address, its port is the proxy's on every machine.
func (j *judge) isOutlet(ctx context.Context, dst netip.AddrPort) bool {
	o := j.outlet()
	if o == nil || j.policy.Load().IsMade(dst.Addr()) {
		return false
	}
	addrs, err := o.addresses(ctx)
	if err != nil && len(addrs) == 0 {
		return dst.Port() == o.port
	}
	if slices.Contains(addrs, dst.Addr()) && !j.isLocal(dst.Addr()) {
		return true
	}
	return dst.Port() == o.port && j.isLocal(dst.Addr()) && slices.ContainsFunc(addrs, j.isLocal)
}

// isLocal reports whether addr is known to be this machine's.
func (j *judge) isLocal(addr netip.Addr) bool {
	local, err := j.kernel.IsLocal(addr)
	return err == nil && local
}

// through returns what the upstream is asked for in place of t, HOST:PORT; empty where t is dialled by its address: without an
// upstream, and where the address is inside, which a rule for it has opened. A name is passed on only if it is allowed itself. Else
// it is what a client showed at an address that is.
func (j *judge) through(t target) string {
	p := j.policy.Load()
	if !p.Upstream.IsSet() || isLocalName(t.name) || t.dst.Addr().IsValid() && !p.IsMade(t.dst.Addr()) && p.Inside(t.dst.Addr()) {
		return ""
	}
	if t.name != "" && p.Name(t.name, t.dst.Port(), j.now()).OK {
		return net.JoinHostPort(t.name, fmt.Sprint(t.dst.Port()))
	}
	return t.dst.String()
}

// A proxyError is what went wrong with the upstream proxy, or what it said.
type proxyError struct{ verdict netfilter.Verdict }

func (e proxyError) Error() string { return e.verdict.Detail }

func (o *outlet) fails(format string, args ...any) error {
	return proxyError{netfilter.Verdict{Code: netfilter.ProxyFails, Detail: "the proxy " + o.URL + " " + fmt.Sprintf(format, args...)}}
}

// verdictOf returns what err, of a dial, comes to.
func verdictOf(err error) netfilter.Verdict {
	var p proxyError
	if errors.As(err, &p) {
		return p.verdict
	}
	return netfilter.Verdict{Code: netfilter.Unreachable}
}

// maxSecure is how many connections there may be to a proxy that is spoken to by TLS: each needs memory for its keys and records.
const maxSecure = 200

// tunnel returns a connection to at, HOST:PORT, through the upstream proxy. With at empty it is one to the proxy itself.
func (d *daemon) tunnel(ctx context.Context, o *outlet, at string) (*net.TCPConn, error) {
	ctx, cancel := context.WithTimeout(ctx, outletWithin)
	defer cancel()
	conn, err := d.toOutlet(ctx, o)
	if err != nil {
		return nil, err
	}
	if !o.secure {
		if err := o.open(ctx, conn, at); err != nil {
			abort(conn)
			return nil, err
		}
		return conn, nil
	}
	return d.secured(ctx, o, conn, at)
}

// toOutlet connects to the proxy.
func (d *daemon) toOutlet(ctx context.Context, o *outlet) (*net.TCPConn, error) {
	addrs, err := o.addresses(ctx)
	if len(addrs) == 0 {
		return nil, o.fails("is not to be found: %s", plainLookup(err))
	}
	for _, addr := range addrs[:min(len(addrs), maxDials)] {
		var conn *net.TCPConn
		if conn, err = d.dialOutlet(ctx, netip.AddrPortFrom(addr, o.port)); err == nil {
			return conn, nil
		}
	}
	return nil, o.fails("cannot be reached: %s", cause(err))
}

func plainLookup(err error) string {
	var lookup *net.DNSError
	if errors.As(err, &lookup) {
		return lookup.Err
	}
	return cause(err)
}

var errAgentServes = errors.New("the agent itself listens there")

// dialOutlet connects to at, and to no server of the agent: that would be told the login.
func (d *daemon) dialOutlet(ctx context.Context, at netip.AddrPort) (*net.TCPConn, error) {
	local, err := d.judge.kernel.IsLocal(at.Addr())
	if err != nil || !local {
		if err != nil {
			return nil, err
		}
		return dialTCP(ctx, at, dialHurry)
	}
	before, err := d.judge.kernel.Listener(at)
	if err == nil && d.judge.policy.Load().Has(before.UID) {
		return nil, errAgentServes
	}
	conn, err := dialTCP(ctx, at, dialHurry)
	if err != nil {
		return nil, err
	}
	if after, err := d.judge.kernel.Listener(at); err != nil || after.Cookie != before.Cookie {
		abort(conn)
		return nil, errAgentServes // or may: another listens there than before
	}
	return conn, nil
}

// open has the proxy open a tunnel to at on conn.
func (o *outlet) open(ctx context.Context, conn net.Conn, at string) error {
	if at == "" {
		return nil
	}
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline) // fails only on a closed connection, which the write reports
	request := "CONNECT " + at + " HTTP/1.1\r\nHost: " + at + "\r\n"
	if o.login != "" {
		request += "Proxy-Authorization: " + o.login + "\r\n"
	}
	if _, err := io.WriteString(conn, request+"\r\n"); err != nil {
		return o.fails("broke off: %s", cause(err))
	}
	// Not a byte more than the head is read: behind it the server may speak first.
	h, err := readHead(bufio.NewReaderSize(singly{conn}, smallHead), false, func() error { return errHeadSize })
	if err != nil {
		return o.fails("gave no answer that can be read: %s", cause(err))
	}
	status, err := h.status()
	if err != nil {
		return o.fails("is no proxy: %s", cause(err))
	}
	_ = conn.SetDeadline(time.Time{})
	return o.said(status)
}

// singly reads byte by byte.
type singly struct{ r io.Reader }

func (s singly) Read(b []byte) (int, error) { return s.r.Read(b[:min(len(b), 1)]) }

// said returns what the status of the proxy's answer means; nil where it did as it was asked.
func (o *outlet) said(status int) error {
	v := netfilter.Verdict{Code: netfilter.ProxyRefuses}
	switch {
	case status/100 == 2:
		return nil
	case status == 407 && o.Login == "":
		v.Detail = "wants a login (status 407), which the human can give by --upstream-login"
	case status == 407:
		v.Detail = "does not take the login in " + o.Login + " (status 407)"
	case status/100 == 4:
		v.Detail = fmt.Sprintf("refuses it (status %d)", status)
	default:
		v = netfilter.Verdict{Code: netfilter.Unreachable, Detail: fmt.Sprintf("gets no connection (status %d)", status)}
	}
	v.Detail = "the proxy " + o.URL + " " + v.Detail
	return proxyError{v}
}

// secured speaks TLS on conn, and returns a connection as tunnel does, whose bytes go over it.
func (d *daemon) secured(ctx context.Context, o *outlet, conn *net.TCPConn, at string) (*net.TCPConn, error) {
	select {
	case d.secure <- struct{}{}:
	default:
		abort(conn)
		return nil, proxyError{netfilter.Verdict{Code: netfilter.Overload}}
	}
	leave := func() { <-d.secure }
	over := tls.Client(conn, &tls.Config{ServerName: o.host, RootCAs: o.roots, MinVersion: tls.VersionTLS12})
	if err := over.HandshakeContext(ctx); err != nil {
		abort(conn)
		leave()
		return nil, o.fails("is not trusted: %s", plainTLS(err))
	}
	err := o.open(ctx, over, at)
	var mine *net.TCPConn
	if err == nil {
		if mine, err = bridge(over, leave); err == nil {
			return mine, nil
		}
	}
	abort(conn)
	leave()
	return nil, err
}

// plainTLS says in one line why a handshake failed.
func plainTLS(err error) string {
	var unverified *tls.CertificateVerificationError
	if errors.As(err, &unverified) {
		err = unverified.Err
	}
	return strings.TrimPrefix(cause(err), "x509: ")
}

// bridge returns a connection whose bytes go over t: what carries bytes here does so from one connection of the kernel to
// another. At its end, over is called.
func bridge(t *tls.Conn, over func()) (*net.TCPConn, error) {
	ln, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	defer ln.Close()
	mine, err := net.DialTCP("tcp4", nil, ln.Addr().(*net.TCPAddr))
	if err != nil {
		return nil, err
	}
	_ = ln.SetDeadline(time.Now().Add(dialHurry)) // fails only on a closed one
	for {
		other, err := ln.AcceptTCP()
		if err != nil {
			abort(mine)
			return nil, err
		}
		if addrOf(other.RemoteAddr()) == addrOf(mine.LocalAddr()) {
			go pump(other, t, over)
			return mine, nil
		}
		abort(other) // somebody else's
	}
}

// pump copies between plain and t, both ways, until both are done or one fails.
func pump(plain *net.TCPConn, t *tls.Conn, over func()) {
	defer over()
	var both sync.WaitGroup
	both.Go(func() { pumpOne(t, plain, plain, t) })
	both.Go(func() { pumpOne(plain, t, plain, t) })
	both.Wait()
	plain.Close()
	t.Close()
}

func pumpOne(dst interface {
	io.Writer
	CloseWrite() error
}, src io.Reader, plain *net.TCPConn, t *tls.Conn) {
	buf := smalls.Get().(*[smallSize]byte)
	defer smalls.Put(buf)
	_, err := io.CopyBuffer(struct{ io.Writer }{dst}, struct{ io.Reader }{src}, buf[:])
	if err == nil {
		err = dst.CloseWrite()
	}
	if err != nil {
		abort(plain)
		t.NetConn().Close()
	}
}
