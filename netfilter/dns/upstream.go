// SPDX-License-Identifier: GPL-3.0-or-later

package dns

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const (
	tryTimeout = 1500 * time.Millisecond
	tries      = 3
	maxChain   = 16
	maxRecords = maxAddresses
)

var errNoUpstream = errors.New("no name server is known")

// ask returns the first usable answer of servers to the question of the given
// name and type. Each try has a socket, a port and a number of its own.
func ask(ctx context.Context, servers []netip.AddrPort, name string, t dnsmessage.Type) (answer, error) {
	err := errNoUpstream
	for i := range tries * min(len(servers), 1) {
		var a answer
		a, err = exchange(ctx, servers[i%len(servers)], name, t)
		if err == nil || ctx.Err() != nil {
			return a, err
		}
	}
	return answer{}, err
}

// exchange asks one server over UDP, and over TCP what does not fit.
func exchange(ctx context.Context, server netip.AddrPort, name string, t dnsmessage.Type) (answer, error) {
	for _, network := range []string{"udp", "tcp"} {
		a, err := exchangeOver(ctx, network, server, name, t)
		if !errors.Is(err, errTruncated) {
			return a, err
		}
	}
	return answer{}, errTruncated
}

func exchangeOver(ctx context.Context, network string, server netip.AddrPort, name string, t dnsmessage.Type) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, server.String())
	if err != nil {
		return answer{}, fmt.Errorf("ask %s: %w", server, err)
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline) // fails only on a closed connection, which the write reports
	msg, q, err := newQuery(name, t)
	if err != nil {
		return answer{}, err
	}
	if network == "udp" {
		return askUDP(conn, msg, q)
	}
	return askTCP(conn, msg, q)
}

// newQuery packs a question with a number that cannot be guessed.
func newQuery(name string, t dnsmessage.Type) ([]byte, dnsmessage.Message, error) {
	qname, err := dnsmessage.NewName(name + ".")
	if err != nil {
		return nil, dnsmessage.Message{}, fmt.Errorf("ask for %q: %w", name, err)
	}
	var id [2]byte
	rand.Read(id[:])
	msg := dnsmessage.Message{
		Header:      dnsmessage.Header{ID: binary.BigEndian.Uint16(id[:]), RecursionDesired: true},
		Questions:   []dnsmessage.Question{{Name: qname, Type: t, Class: dnsmessage.ClassINET}},
		Additionals: []dnsmessage.Resource{reply{ede: edeNone}.opt()},
	}
	out, err := msg.Pack()
	return out, msg, err
}

func askUDP(conn net.Conn, msg []byte, q dnsmessage.Message) (answer, error) {
	if _, err := conn.Write(msg); err != nil {
		return answer{}, err
	}
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return answer{}, err
		}
		// A datagram that does not fit the question may be forged: keep waiting for the true one.
		if a, err := parseAnswer(buf[:n], q); !errors.Is(err, errForeign) {
			return a, err
		}
	}
}

func askTCP(conn net.Conn, msg []byte, q dnsmessage.Message) (answer, error) {
	if err := writeFramed(conn, msg); err != nil {
		return answer{}, err
	}
	got, err := readFramed(conn, maxSize)
	if err != nil {
		return answer{}, err
	}
	return parseAnswer(got, q)
}

// writeFramed writes msg behind its length, as DNS over TCP has it.
func writeFramed(w io.Writer, msg []byte) error {
	_, err := w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(msg))), msg...))
	return err
}

func readFramed(r io.Reader, limit int) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(size[:]))
	if n > limit {
		return nil, fmt.Errorf("message of %d bytes: want %d at most", n, limit)
	}
	msg := make([]byte, n)
	_, err := io.ReadFull(r, msg)
	return msg, err
}
