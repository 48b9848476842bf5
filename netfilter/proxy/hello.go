// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"time"
)

// Real hellos have 2 KB, or 8 with large tickets. More is an attempt on memory.
const maxHello = 32 << 10

// hidesName says whether an extension of that number hides the name: ECH (RFC 9849), which has had the number 0xfe0d since its
// draft 13, and what the drafts before it had (draft-ietf-tls-esni-00 to 06, and 07 to 12).
func hidesName(extension uint16) bool {
	return extension == 0xffce || extension >= 0xfe08 && extension <= 0xfe0d
}

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
// Room is asked before more than smallHead is kept.
func readHello(r io.Reader, seen []byte, room func() error) (hello, []byte, error) {
	for !enough(seen) {
		switch {
		case len(seen) >= maxHello:
			return hello{}, seen, errHelloSize
		case len(seen) >= smallHead:
			if err := room(); err != nil {
				return hello{}, seen, err
			}
		}
		if len(seen) == cap(seen) {
			seen = slices.Grow(seen, max(len(seen), 512))
		}
		n, err := r.Read(seen[len(seen):cap(seen)])
		seen = seen[:len(seen)+n]
		if n == 0 && err != nil {
			return hello{}, seen, err
		}
	}
	h, err := parseHello(seen)
	return h, seen, err
}

// enough reports whether b holds a whole hello, or what will never be one.
func enough(b []byte) bool {
	var start []byte // of the handshake message: its type and length
	have := 0
	for len(b) >= 5 {
		n := int(binary.BigEndian.Uint16(b[3:]))
		if b[0] != 22 || n > 16<<10 {
			return true
		}
		part := b[5:min(5+n, len(b))]
		start = append(start, part[:min(len(part), 4-len(start))]...)
		have += len(part)
		if len(part) < n {
			return false
		}
		if len(start) == 4 {
			whole := 4 + int(binary.BigEndian.Uint32(start)&0xffffff)
			if start[0] != 1 || whole > maxHello || have >= whole {
				return true
			}
		}
		b = b[5+n:]
	}
	return false
}

// parseHello reads a hello that is there as a whole. It does so in a goroutine of
// its own, whose stack goes with it: that of the connection's stays for as long as
// the connection does.
func parseHello(msg []byte) (h hello, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		server := tls.Server(&recording{bytes.NewReader(msg)}, &tls.Config{
			GetConfigForClient: func(info *tls.ClientHelloInfo) (*tls.Config, error) {
				h = hello{name: info.ServerName, ech: slices.ContainsFunc(info.Extensions, hidesName)}
				return nil, errHelloRead
			},
		})
		if err = server.Handshake(); errors.Is(err, errHelloRead) {
			err = nil
		}
	}()
	<-done
	return h, err
}

// A recording is a connection to crypto/tls: what was read before is read from it,
// and what is written to it goes nowhere.
type recording struct{ *bytes.Reader }

func (recording) Write(p []byte) (int, error)      { return len(p), nil }
func (recording) Close() error                     { return nil }
func (recording) LocalAddr() net.Addr              { return nil }
func (recording) RemoteAddr() net.Addr             { return nil }
func (recording) SetDeadline(time.Time) error      { return nil }
func (recording) SetReadDeadline(time.Time) error  { return nil }
func (recording) SetWriteDeadline(time.Time) error { return nil }

// alert is a fatal TLS alert as any client of any version understands it before
// keys are agreed.
func alert(code byte) []byte { return []byte{21, 3, 3, 0, 2, 2, code} }
