// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// leftFor is how long a client may hold its side after the server closed its own.
const leftFor = 10 * time.Minute

// copyBoth copies both ways until both ends are done, and returns what went from
// client to server and back. The bytes stay in the kernel: io.Copy splices
// between TCP connections.
func copyBoth(client, server *net.TCPConn) (there, back int64) {
	done := make(chan int64, 1)
	go func() {
		n := copyOne(client, server)
		_ = client.SetReadDeadline(time.Now().Add(leftFor)) // fails only on a closed connection
		done <- n
	}()
	there = copyOne(server, client)
	return there, <-done
}

// copyOne copies src to dst, and passes on how it ended: an end as an end, and a
// failure as a reset of both.
func copyOne(dst, src *net.TCPConn) int64 {
	n, more, err := copyFirst(dst, src)
	if more {
		var rest int64
		rest, err = io.Copy(dst, src)
		n += rest
	}
	if err != nil {
		abort(dst, src)
		return n
	}
	_ = dst.CloseWrite() // fails where the connection is over, which the other direction sees
	return n
}

// Most connections carry a few small messages, for which a pipe to splice through
// costs more than it saves. Data that fills a buffer at once, or comes to more than manySmall, is spliced.
const (
	smallSize = 8 << 10
	manySmall = 256 << 10
)

var smalls = sync.Pool{New: func() any { return new([smallSize]byte) }}

// copyFirst copies src to dst until it ends, or until there is more to come for
// which a splice is better. No buffer is held while nothing comes.
func copyFirst(dst, src *net.TCPConn) (done int64, more bool, err error) {
	raw, err := src.SyscallConn()
	if err != nil {
		return 0, false, err
	}
	quick, err := newQuickWriter(dst)
	if err != nil {
		return 0, false, err
	}
	for turn := 1; done < manySmall; turn++ {
		out := io.Writer(quick)
		if turn%watchedTurn == 0 {
			out = dst
		}
		n, err := copySmall(out, raw)
		done += int64(n)
		switch {
		case err != nil || n == 0:
			return done, false, err
		case n == smallSize:
			return done, true, nil
		}
	}
	return done, true, nil
}

// copySmall copies what src has once it has something; nothing at its end.
func copySmall(dst io.Writer, src syscall.RawConn) (n int, err error) {
	var buf *[smallSize]byte
	var readErr error
	err = src.Read(func(fd uintptr) bool {
		buf = smalls.Get().(*[smallSize]byte)
		if n, readErr = readNow(fd, buf[:]); readErr != nil {
			smalls.Put(buf)
			buf = nil
		}
		return readErr != unix.EAGAIN
	})
	if err == nil {
		err = readErr
	}
	if buf == nil {
		return 0, err
	}
	defer smalls.Put(buf)
	if n > 0 && err == nil {
		_, err = dst.Write(buf[:n])
	}
	return n, err
}

// abort resets all conns.
func abort(conns ...*net.TCPConn) {
	for _, c := range conns {
		if c != nil {
			_ = c.SetLinger(0) // without it the end is a polite one
			c.Close()
		}
	}
}

// past is a deadline that ends a wait at once.
var past = time.Unix(1, 0)

// serverFirst waits until one side speaks, and reports whether it is up. Nothing
// is read.
func serverFirst(conn, up *net.TCPConn) bool {
	_ = conn.SetReadDeadline(time.Time{})
	client, server := make(chan error, 1), make(chan error, 1)
	go func() { client <- readable(conn) }()
	go func() { server <- readable(up) }()
	var first bool
	select {
	case <-server:
		first = true
		_ = conn.SetReadDeadline(past)
		<-client
	case <-client:
		_ = up.SetReadDeadline(past)
		<-server
	}
	_ = conn.SetReadDeadline(time.Time{})
	_ = up.SetReadDeadline(time.Time{})
	return first
}

// readable waits until c has something to read, or has ended.
func readable(c *net.TCPConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Read(func(fd uintptr) bool { return polled(fd, unix.POLLIN) != 0 })
}

// hungUp reports whether the other end of c sends nothing any more.
func hungUp(c *net.TCPConn) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return true
	}
	var events int16
	err = raw.Control(func(fd uintptr) { events = polled(fd, unix.POLLRDHUP) })
	return err != nil || events != 0
}

// polled returns what fd is ready for now, of the given events and of errors.
func polled(fd uintptr, events int16) int16 {
	p := []unix.PollFd{{Fd: int32(fd), Events: events}}
	if _, err := unix.Poll(p, 0); err != nil {
		return 0
	}
	return p[0].Revents
}

// cause returns the last and plainest reason in err.
func cause(err error) string {
	var errno syscall.Errno
	switch {
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "no answer in time"
	}
	return err.Error()
}
