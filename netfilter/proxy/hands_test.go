// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestOwnServerChangesHands is that a connection which was allowed because the
// agent's own server had the port does not end at another's, who takes that port
// before there is a connection.
func TestOwnServerChangesHands(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for ten seconds")
	}
	w := needWorld(t)
	w.start(t)
	for i, c := range []struct{ name, at, ask string }{
		{"diverted", "127.0.0.1:%d", ""},
		{"by_connect", "127.0.0.1:41000", "CONNECT 127.0.0.1:%[1]d HTTP/1.1\r\nHost: 127.0.0.1:%[1]d\r\n\r\n"},
		{"by_name", "127.0.0.1:41000", "CONNECT localhost:%[1]d HTTP/1.1\r\nHost: localhost:%[1]d\r\n\r\n"},
		{"by_proxy", "127.0.0.1:41000", "GET http://127.0.0.1:%[1]d/ HTTP/1.1\r\nHost: 127.0.0.1:%[1]d\r\n\r\n"},
	} {
		at, _, diverted := strings.Cut(c.at, "%d")
		for j, second := range []uint32{agentUID, humanUID} {
			t.Run(fmt.Sprint(c.name, "_to_", map[uint32]string{agentUID: "own", humanUID: "human"}[second]), func(t *testing.T) {
				port := 3100 + 2*i + j
				if diverted {
					at = fmt.Sprintf(c.at, port)
				}
				own, waiting := w.fullListener(t, port)
				conn := w.dial(t, at)
				if c.ask != "" {
					fmt.Fprintf(conn, c.ask, port)
				}
				awaitUnanswered(t, port)
				server, reached := own, new(atomic.Int64)
				if second == humanUID {
					own.Close() // and whoever waits there
					server = listenAs(t, second, port)
				} else {
					waiting.Close()
				}
				go serve(server, func(conn net.Conn) {
					reached.Add(1)
					io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nHELLO")
					conn.(*net.TCPConn).CloseWrite()
					io.Copy(io.Discard, conn)
				})
				var got strings.Builder
				conn.SetReadDeadline(time.Now().Add(3 * time.Second))
				io.Copy(&got, conn) // until the deadline, or the refusal's end
				// The refusal may be quicker than the acceptance.
				for range 100 {
					if reached.Load() > 0 {
						break
					}
					time.Sleep(10 * time.Millisecond)
				}
				if reached.Load() == 0 {
					t.Fatal("nobody connected to the second server: this has shown nothing")
				}
				if saw, want := strings.Contains(got.String(), "HELLO"), second == agentUID; saw != want {
					t.Errorf("the agent read %q", got.String())
				}
			})
		}
	}
}

// fullListener returns a listener of the agent that answers no further
// connection until it accepts the one that waits there.
func (w *world) fullListener(t *testing.T, port int) (net.Listener, net.Conn) {
	t.Helper()
	var listener net.Listener
	var err error
	asAgent(1, func() {
		var fd int
		if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return
		}
		file := os.NewFile(uintptr(fd), "listener")
		defer file.Close()
		if err = unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: port}); err == nil {
			err = unix.Listen(fd, 0) // room for one
		}
		if err == nil {
			listener, err = net.FileListener(file)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	waiting, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { waiting.Close() })
	return listener, waiting
}

// awaitUnanswered waits until a connection to port is being made that is not
// answered.
func awaitUnanswered(t *testing.T, port int) {
	t.Helper()
	const synSent = "02"
	for range 500 {
		text, err := os.ReadFile("/proc/thread-self/net/tcp")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), fmt.Sprintf(" 0100007F:%04X %s ", port, synSent)) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the daemon does not connect")
}

// listenAs returns a listener of another user, on loopback.
func listenAs(t *testing.T, uid uint32, port int) net.Listener {
	t.Helper()
	var listener net.Listener
	var err error
	asUser(uintptr(uid), 1, func() { listener, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}
