// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// pair returns both ends of a connection.
func pair(t *testing.T) (a, b *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	one, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	other, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { one.Close(); other.Close() })
	return one.(*net.TCPConn), other.(*net.TCPConn)
}

// TestQuickWriter is that what there is no room for waits until there is, that a
// deadline ends the wait, and that a connection which is over is an error and no
// signal.
func TestQuickWriter(t *testing.T) {
	here, there := pair(t)
	w, err := newQuickWriter(here)
	if err != nil {
		t.Fatal(err)
	}
	sent := bytes.Repeat([]byte("0123456789abcde\n"), 1<<20) // more than both sockets hold
	got := make(chan []byte, 1)
	go func() {
		time.Sleep(50 * time.Millisecond)
		all, _ := io.ReadAll(there)
		got <- all
	}()
	if n, err := w.Write(sent); n != len(sent) || err != nil {
		t.Errorf("%d of %d bytes written, %v", n, len(sent), err)
	}
	here.CloseWrite()
	if !bytes.Equal(<-got, sent) {
		t.Error("something else arrived")
	}

	here, there = pair(t)
	if w, err = newQuickWriter(here); err != nil {
		t.Fatal(err)
	}
	here.SetWriteDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := w.Write(sent); n == 0 || n >= len(sent) || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("with nobody reading, %d bytes were written, %v", n, err)
	}
	here.SetWriteDeadline(time.Time{})
	there.Close() // with bytes unread: a reset
	for range 100 {
		if _, err = w.Write([]byte("x")); err != nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("after the other end was closed: %v", err)
	}
	here.Close()
	if _, err := w.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after the own end was closed: %v", err)
	}
}

// TestManySmall is that messages one after the other come through unchanged, over
// the turns that go otherwise and up to where they are spliced.
func TestManySmall(t *testing.T) {
	client, in := pair(t)
	out, server := pair(t)
	done := make(chan int64, 1)
	go func() {
		there, _ := copyBoth(in, out)
		done <- there
	}()
	message := bytes.Repeat([]byte("m"), 999)
	buf := make([]byte, len(message))
	for i := range 2 * manySmall / len(message) {
		message[0] = byte(i)
		if _, err := client.Write(message); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(server, buf); err != nil || !bytes.Equal(buf, message) {
			t.Fatalf("message %d: %v", i, err)
		}
	}
	client.CloseWrite()
	server.Close()
	if n, want := <-done, int64(2*manySmall/len(message)*len(message)); n != want {
		t.Errorf("%d bytes were counted, want %d", n, want)
	}
}
