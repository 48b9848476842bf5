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

func writer(w io.Writer) *bufio.Writer {
	b := writers.Get().(*bufio.Writer)
	b.Reset(w)
	return b
}

func putReader(r **bufio.Reader) {
	(*r).Reset(nil)
	readers.Put(*r)
	*r = nil
}

func putWriter(w **bufio.Writer) {
	(*w).Reset(nil)
	writers.Put(*w)
	*w = nil
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
	putWriter(&x.out)
	if x.up != nil {
		putReader(&x.up.in)
		putWriter(&x.up.out)
	}
}

// get takes buffers anew.
func (x *exchanger) get() {
	x.in, x.out = reader(x.s.conn), writer(x.s.conn)
	if x.up != nil {
		x.up.in, x.up.out = reader(x.up.conn), writer(x.up.conn)
	}
}
