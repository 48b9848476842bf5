// SPDX-License-Identifier: GPL-3.0-or-later

package dns

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	idleTCP  = 10 * time.Second
	maxOnTCP = 1000 // questions on one connection
	// A question is small; what claims to be larger is another protocol.
	maxQuestion = 4096
)

// ServeUDP answers the questions that arrive at conn, until it is closed or has a read deadline that is over.
func (f *Forwarder) ServeUDP(ctx context.Context, conn *net.UDPConn) error {
	var waiting sync.WaitGroup
	defer waiting.Wait()
	at := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	buf := make([]byte, 4096)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
				return nil
			}
			// An ICMP error for an earlier answer surfaces here, and says nothing about the next question.
			if !from.IsValid() && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
			continue
		}
		f.asked.Wait(time.Second)
		if f.Ours != nil && !f.Ours(netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), at) {
			continue
		}
		f.answerUDP(ctx, conn, buf[:n], from, &waiting)
	}
}

// answerUDP answers at once what needs nobody else, so that a flood of refused
// questions costs neither goroutines nor memory.
func (f *Forwarder) answerUDP(ctx context.Context, conn *net.UDPConn, msg []byte, from netip.AddrPort, waiting *sync.WaitGroup) {
	q, r, done := f.first(msg)
	if done {
		sendUDP(conn, from, q, r)
		return
	}
	if len(f.slots) == cap(f.slots) {
		f.tell(&q, Answer, ErrBusy)
		sendUDP(conn, from, q, refuse(dnsmessage.RCodeServerFailure))
		return
	}
	waiting.Go(func() { sendUDP(conn, from, q, f.forward(ctx, q)) })
}

// first reads msg, and answers it where that needs nobody else.
func (f *Forwarder) first(msg []byte) (q query, r reply, done bool) {
	q, err := parseQuery(msg)
	switch {
	case errors.Is(err, errNotAQuery):
		return query{}, reply{}, true
	case err != nil:
		q.question = dnsmessage.Question{}
		return q, refuse(dnsmessage.RCodeFormatError), true
	}
	r, done = f.judge(&q)
	return q, r, done
}

func sendUDP(conn *net.UDPConn, to netip.AddrPort, q query, r reply) {
	if q.size == 0 {
		return
	}
	// An answer that cannot be packed or sent is one that the client asks for again.
	if msg, err := r.pack(q, q.size); err == nil {
		_, _ = conn.WriteToUDPAddrPort(msg, to)
	}
}

// ServeTCP answers the questions on conn one after the other, and closes it.
func (f *Forwarder) ServeTCP(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	for range maxOnTCP {
		_ = conn.SetDeadline(time.Now().Add(idleTCP)) // fails only on a closed connection, as the read then does
		msg, err := readFramed(conn, maxQuestion)
		if err != nil {
			return
		}
		f.asked.Wait(time.Second)
		q, r, done := f.first(msg)
		if q.size == 0 {
			return
		}
		if !done {
			r = f.forward(ctx, q)
		}
		out, err := r.pack(q, maxSize)
		if err != nil || writeFramed(conn, out) != nil {
			return
		}
	}
}
