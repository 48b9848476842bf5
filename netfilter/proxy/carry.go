// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/a4u2/au/netfilter"
)

// carry sends the body of q, whose head was written, and the response back, and
// reports whether the connection can be used again.
func (x *exchanger) carry(q *request) bool {
	began := time.Now()
	closes := q.closes()
	q.forget()
	x.s.leaveRoom()
	sent, received, again := x.exchangeBodies(q)
	if x.switched && sent.err == nil {
		x.upgraded()
	}
	at := x.up.link.target
	x.s.d.log.add(netfilter.Record{
		Kind: "http", OK: true, Code: x.up.link.code, Name: at.name, Addr: x.s.d.judge.addrText(at.dst.Addr()), Port: at.dst.Port(),
		Sent: sent.n, Received: received, Millis: max(1, time.Since(began).Milliseconds()), Detail: x.up.complaint(),
	})
	return again && sent.err == nil && !closes
}

// exchangeBodies sends what follows the head of q, and the response back, at the
// same time: a server may answer before it has all.
func (x *exchanger) exchangeBodies(q *request) (sent transfer, received int64, again bool) {
	if q.body.kind == noBody {
		sent.err = x.up.out.Flush()
		received, again = x.respond(q)
		return sent, received, again
	}
	done := make(chan transfer, 1)
	go func() { done <- x.upload(q) }()
	received, again = x.respond(q)
	var late <-chan time.Time
	if !x.switched { // then all of the body is for the server, before anything in another protocol
		late = time.After(lingerFor)
	}
	select {
	case sent = <-done:
	case <-late:
		// Answered long before all was sent: what is still to come is not worth reading.
		_ = x.s.conn.SetReadDeadline(past) // fails only on a closed connection
		again = false
		sent = <-done
	}
	return sent, received, again
}

// upload sends the body of q. When it breaks off, the server has a moment to say
// why, if it was the one who did.
func (x *exchanger) upload(q *request) transfer {
	conn := x.up.conn
	t := copyBody(x.up.out, conn, x.in, x.s.conn, q.body)
	if t.err != nil {
		time.AfterFunc(lingerFor, func() { conn.Close() })
	}
	return t
}

// respond sends the response to q to the client.
func (x *exchanger) respond(q *request) (received int64, again bool) {
	for {
		h, status, b, err := x.response(q)
		if err != nil {
			x.noResponse(err)
			return received, false
		}
		x.up.status = status
		if x.up.relay != nil && x.withholds(&h, status) {
			return received, false
		}
		h.write(x.out)
		alive := keepsAlive(&h)
		h = head{}
		x.s.leaveRoom()
		if status == 101 {
			x.switched = true
			return received, false
		}
		t := copyBody(x.out, x.s.conn, x.up.in, x.up.conn, b)
		received += t.n
		if t.err != nil {
			abort(x.s.conn, x.up.conn)
			return received, false
		}
		if status >= 200 {
			return received, b.kind != untilClose && alive
		}
	}
}

// withholds answers for the upstream proxy where its own words are not for the agent, and reports whether it did: what asks for a
// login, and with a login every page about an error. Some proxies show in it how they were asked.
func (x *exchanger) withholds(h *head, status int) bool {
	switch {
	case status == 407:
		x.refuse(x.up.link.target, verdictOf(x.up.relay.said(status)))
	case status >= 400 && x.up.relay.login != "":
		x.s.say(plainError(h, status))
	default:
		return false
	}
	return true
}

// complaint says of a request that went through the upstream proxy and failed that this may be the proxy's word or the server's.
func (u *upstream) complaint() string {
	if u.relay == nil || u.status < 400 {
		return ""
	}
	return fmt.Sprintf("status %d, of the server or of the proxy %s", u.status, u.relay.URL)
}

// response reads the next response head, which may be an interim one.
func (x *exchanger) response(q *request) (h head, status int, b body, err error) {
	if err = x.awaitResponse(); err != nil {
		return h, 0, b, err
	}
	_ = x.up.conn.SetReadDeadline(time.Now().Add(headWithin)) // fails only on a closed connection
	if h, err = readHead(x.up.in, false, x.s.room); err != nil {
		return h, 0, b, err
	}
	_ = x.up.conn.SetReadDeadline(time.Time{})
	if status, err = h.status(); err != nil {
		return h, 0, b, err
	}
	b, err = responseBody(&h, q.method, status)
	return h, status, b, err
}

// lookAfter is how often a client that waits for a response is looked after.
const lookAfter = 15 * time.Second

var errClientLeft = errors.New("the client left")

// awaitResponse waits for the first byte of a response, for as long as the client
// does.
func (x *exchanger) awaitResponse() error {
	for {
		_ = x.up.conn.SetReadDeadline(time.Now().Add(lookAfter)) // fails only on a closed connection
		_, err := x.up.in.Peek(1)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		if hungUp(x.s.conn) {
			return errClientLeft
		}
	}
}

func keepsAlive(h *head) bool {
	if strings.HasPrefix(h.start, "HTTP/1.0") {
		return h.has("Connection", "keep-alive")
	}
	return !h.has("Connection", "close")
}

// noResponse says that the server left without one. On a connection that was used
// before, the client knows to try again when it simply ends.
func (x *exchanger) noResponse(err error) {
	if x.served > 0 || errors.Is(err, net.ErrClosed) || err == errClientLeft {
		return
	}
	v := netfilter.Verdict{Code: netfilter.Unreachable}
	x.s.d.record("http", x.up.link.target, v, "no HTTP response: "+cause(err))
	_, _ = x.s.conn.Write(x.s.d.judge.explain(v, x.up.link.target).response()) // the client may be gone
}

// upgraded passes on everything after both sides agreed on another protocol.
func (x *exchanger) upgraded() {
	if x.out.Flush() != nil || pour(x.out, x.up.in) != nil || pour(x.up.out, x.in) != nil {
		return
	}
	_ = x.s.conn.SetDeadline(time.Time{}) // fails only on a closed connection
	copyBoth(x.s.conn, x.up.conn)
}

// pour sends what r holds already.
func pour(w sink, r *bufio.Reader) error {
	part, _ := r.Peek(r.Buffered()) // never more than is there
	_, err := w.Write(part)
	_, _ = r.Discard(len(part))
	return errors.Join(err, w.Flush())
}

// A transfer is how much of a body went over, and what stopped it.
type transfer struct {
	n   int64
	err error
}

// copyBody sends a body as its framing has it. Bytes that r does not hold yet go from
// connection to connection inside the kernel.
func copyBody(w sink, to *net.TCPConn, r *bufio.Reader, from *net.TCPConn, b body) transfer {
	switch b.kind {
	case sizedBody:
		n, err := copySized(w, to, r, from, b.length)
		return transfer{n, errors.Join(err, w.Flush())}
	case chunkedBody:
		return copyChunks(w, to, r, from)
	case untilClose:
		first := int64(r.Buffered())
		if err := pour(w, r); err != nil {
			return transfer{first, err}
		}
		n, err := io.Copy(to, from)
		return transfer{first + n, err}
	}
	return transfer{err: w.Flush()}
}

// direct is the size from which a body is worth a flush and a splice.
const direct = 16 << 10

func copySized(w sink, to *net.TCPConn, r *bufio.Reader, from *net.TCPConn, left int64) (int64, error) {
	var done int64
	for left > 0 {
		if r.Buffered() == 0 && left >= direct {
			if err := w.Flush(); err != nil {
				return done, err
			}
			n, err := io.CopyN(to, from, left)
			return done + n, err
		}
		if _, err := r.Peek(1); err != nil {
			return done, unexpected(err)
		}
		part, _ := r.Peek(int(min(left, int64(r.Buffered())))) // is there
		if _, err := w.Write(part); err != nil {
			return done, err
		}
		_, _ = r.Discard(len(part))
		done, left = done+int64(len(part)), left-int64(len(part))
		if r.Buffered() == 0 {
			if err := w.Flush(); err != nil {
				return done, err
			}
		}
	}
	return done, nil
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// copyChunks sends a chunked body, each chunk under a size line of our own
// writing, so that the other side reads the same sizes.
func copyChunks(w sink, to *net.TCPConn, r *bufio.Reader, from *net.TCPConn) transfer {
	var done int64
	for {
		size, err := chunkSize(r)
		if err != nil {
			return transfer{done, err}
		}
		w.WriteString(strconv.FormatInt(size, 16)) // the writer keeps its error
		w.WriteString("\r\n")
		if size == 0 {
			return transfer{done, errors.Join(copyTrailer(w, r), w.Flush())}
		}
		n, err := copySized(w, to, r, from, size)
		done += n
		if err != nil {
			return transfer{done, err}
		}
		left := 2
		if line, err := readLine(r, &left, true, nil); err != nil || line != "" {
			return transfer{done, malformed("a chunk longer than its size")}
		}
		w.WriteString("\r\n")
		if r.Buffered() == 0 {
			if err := w.Flush(); err != nil {
				return transfer{done, err}
			}
		}
	}
}

// maxChunkLine bounds a size line with its extensions, which are left out.
const maxChunkLine = 1024

func chunkSize(r *bufio.Reader) (int64, error) {
	left := maxChunkLine
	line, err := readLine(r, &left, true, nil)
	if err != nil {
		return 0, unexpected(err)
	}
	digits, _, _ := strings.Cut(line, ";")
	digits = strings.TrimRight(digits, " \t")
	n, err := strconv.ParseUint(digits, 16, 63)
	if err != nil || digits[0] == '+' {
		return 0, malformed("a chunk size that is not a number")
	}
	return int64(n), nil
}

// copyTrailer sends the header lines after the last chunk, and the empty line.
func copyTrailer(w sink, r *bufio.Reader) error {
	left := maxHead
	for {
		line, err := readLine(r, &left, true, nil)
		if err != nil {
			return unexpected(err)
		}
		if line == "" {
			_, err := w.WriteString("\r\n")
			return err
		}
		f, err := parseField(line, true)
		if err != nil {
			return err
		}
		w.WriteString(f.name + ": " + f.value + "\r\n") // the writer keeps its error
	}
}
