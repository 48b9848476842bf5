// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"time"
)

const (
	extensionECH = 0xfe0d
	// Real hellos have 2 KB, or 8 with large tickets. More is an attempt on memory.
	maxHello = 32 << 10
)

// TLS alerts that a refusal is told with.
const (
	alertAccessDenied     = 49  // not allowed
	alertInternal         = 80  // could not be decided
	alertUnrecognizedName = 112 // the name and the address disagree
	alertDecodeError      = 50
)

// A hello is what a TLS client says in the clear.
type hello struct {
	name string // as sent; empty when there is none
	ech  bool   // an inner, encrypted hello comes with it, or looks as if
}

var (
	errHelloRead = errors.New("hello read")
	errHelloSize = errors.New("TLS hello of more than 32 KB on the wire")
)

// readHello reads a ClientHello from r, whose first bytes are in seen, without
// answering it. It returns all bytes that were read, to be sent on as they are.
func readHello(r io.Reader, seen []byte) (hello, []byte, error) {
	rec := &recorder{r: r, buf: seen}
	var h hello
	got := false
	server := tls.Server(rec, &tls.Config{
		GetConfigForClient: func(info *tls.ClientHelloInfo) (*tls.Config, error) {
			h = hello{name: info.ServerName, ech: slices.Contains(info.Extensions, extensionECH)}
			got = true
			return nil, errHelloRead
		},
	})
	err := server.Handshake()
	if got {
		return h, rec.buf, nil
	}
	if rec.err != nil {
		err = rec.err
	}
	return hello{}, rec.buf, err
}

// A recorder is a connection to crypto/tls: it is read from, first what was seen
// before, all of it kept; and what is written to it goes nowhere.
type recorder struct {
	r   io.Reader
	buf []byte
	off int
	err error
}

func (c *recorder) Read(p []byte) (int, error) {
	if c.off == len(c.buf) {
		if err := c.fill(len(p)); err != nil {
			c.err = err
			return 0, err
		}
	}
	n := copy(p, c.buf[c.off:])
	c.off += n
	return n, nil
}

func (c *recorder) fill(want int) error {
	if len(c.buf) >= maxHello {
		return errHelloSize
	}
	c.buf = slices.Grow(c.buf, max(want, 512))
	n, err := c.r.Read(c.buf[len(c.buf):cap(c.buf)])
	c.buf = c.buf[:len(c.buf)+n]
	if n > 0 {
		return nil
	}
	return err
}

func (c *recorder) Write(p []byte) (int, error)      { return len(p), nil }
func (c *recorder) Close() error                     { return nil }
func (c *recorder) LocalAddr() net.Addr              { return nil }
func (c *recorder) RemoteAddr() net.Addr             { return nil }
func (c *recorder) SetDeadline(time.Time) error      { return nil }
func (c *recorder) SetReadDeadline(time.Time) error  { return nil }
func (c *recorder) SetWriteDeadline(time.Time) error { return nil }

// alert is a fatal TLS alert as any client of any version understands it before
// keys are agreed.
func alert(code byte) []byte { return []byte{21, 3, 3, 0, 2, 2, code} }
