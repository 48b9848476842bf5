// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"bufio"
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

const bufSize = 4096

var (
	readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, bufSize) }}
	writers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, bufSize) }}
)

func reader(r io.Reader) *bufio.Reader {
	b := readers.Get().(*bufio.Reader)
	b.Reset(r)
	return b
}

// An output is a buffered writer that holds a buffer only while there is something
// in it. The zero value with a w is ready.
type output struct {
	w   io.Writer
	buf *bufio.Writer
}

// A sink is an output, or in tests a bufio.Writer: it keeps its first error for
// Flush.
type sink interface {
	io.Writer
	io.StringWriter
	Flush() error
}

func (o *output) buffer() *bufio.Writer {
	if o.buf == nil {
		o.buf = writers.Get().(*bufio.Writer)
		o.buf.Reset(o.w)
	}
	return o.buf
}

func (o *output) Write(p []byte) (int, error)       { return o.buffer().Write(p) }
func (o *output) WriteString(s string) (int, error) { return o.buffer().WriteString(s) }

// Flush sends what is in the buffer. After an error the buffer is kept, and the
// error with it.
func (o *output) Flush() error {
	if o.buf == nil {
		return nil
	}
	err := o.buf.Flush()
	if err == nil {
		o.drop()
	}
	return err
}

// drop gives the buffer back.
func (o *output) drop() {
	if o.buf != nil {
		o.buf.Reset(nil)
		writers.Put(o.buf)
		o.buf = nil
	}
}

func putReader(r **bufio.Reader) {
	(*r).Reset(nil)
	readers.Put(*r)
	*r = nil
}

// A shown is a connection of which some was read already.
type shown struct {
	first []byte
	conn  io.Reader
}

func (s *shown) Read(p []byte) (int, error) {
	if len(s.first) == 0 {
		return s.conn.Read(p)
	}
	n := copy(p, s.first)
	if s.first = s.first[n:]; len(s.first) == 0 {
		s.first = nil
	}
	return n, nil
}

// await waits for the first byte of a request. When the server leaves meanwhile
// the client is left as well, as it would see it without a proxy. No buffer is
// held during the wait.
func (x *exchanger) await() error {
	wait := idleHTTP
	if x.served == 0 {
		wait = showWithin
	}
	if x.in.Buffered() > 0 || x.served == 0 {
		_ = x.s.conn.SetReadDeadline(time.Now().Add(wait)) // fails only on a closed connection
		_, err := x.in.Peek(1)
		return err
	}
	if err := x.awaitSoon(); !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	x.put()
	defer x.get()
	_ = x.s.conn.SetReadDeadline(time.Now().Add(wait))
	if x.up == nil {
		return readable(x.s.conn)
	}
	return x.awaitBoth()
}

// soon is how long the next request is waited for with the buffers in hand. Most
// come sooner.
const soon = 50 * time.Millisecond

func (x *exchanger) awaitSoon() error {
	_ = x.s.conn.SetReadDeadline(time.Now().Add(soon)) // fails only on a closed connection
	_, err := x.in.Peek(1)
	if err == nil && x.up != nil && hungUp(x.up.conn) {
		return errServerLeft
	}
	return err
}

var errServerLeft = errors.New("the server left")

// awaitBoth waits for the client, and gives up when the server is heard first.
func (x *exchanger) awaitBoth() error {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if readable(x.up.conn) == nil {
			_ = x.s.conn.SetReadDeadline(past)
		}
	}()
	err := readable(x.s.conn)
	_ = x.up.conn.SetReadDeadline(past)
	<-gone
	_ = x.up.conn.SetReadDeadline(time.Time{})
	if err != nil {
		return errServerLeft
	}
	return nil
}

// put gives the buffers, which are empty, back to the pools.
func (x *exchanger) put() {
	if x.in == nil {
		return
	}
	putReader(&x.in)
	if x.up != nil {
		putReader(&x.up.in)
	}
}

// get takes buffers anew.
func (x *exchanger) get() {
	x.in = reader(x.s.conn)
	if x.up != nil {
		x.up.in = reader(x.up.conn)
	}
}
