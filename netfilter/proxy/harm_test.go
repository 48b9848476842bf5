// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// An attack is what an agent does to its daemon, and what may be expected of the
// daemon beside it.
type attack struct {
	rules []string
	do    func(t *testing.T, w *world)
	full  bool // the agent has taken all places there are: it waits for itself
}

// TestHarm is that whatever an agent does, its daemon stays below 25 MB, the
// human's connections are as ever, and the agent's own are served where it left a
// place.
func TestHarm(t *testing.T) {
	w := needWorld(t)
	if testing.Short() || underRace {
		t.Skip("takes seconds, and measures memory")
	}
	need(t, "curl")
	slowHeads(t, w)
	for i := range 20_000 {
		w.names.set(fmt.Sprintf("%d.many.example", i), allowedAddr, "93.184.0.11")
	}
	for name, a := range map[string]attack{
		"unfinished_heads":    {do: func(t *testing.T, w *world) { w.unfinished(t, maxUndecided-20) }},
		"connections_open":    {do: func(t *testing.T, w *world) { w.keepAlive(t, maxOpen+100, "") }, full: true},
		"large_requests_kept": {do: func(t *testing.T, w *world) { w.keepAlive(t, maxOpen, "X-Large: "+strings.Repeat("x", 30_000)+"\r\n") }, full: true},
		"tunnels":             {do: func(t *testing.T, w *world) { w.tunnels(t, maxOpen) }, full: true},
		"all_at_once": {do: func(t *testing.T, w *world) {
			w.keepAlive(t, maxOpen, "")
			w.unfinished(t, maxUndecided-20)
			w.askFlood(t, 5_000)
		}, full: true},
		"slow_readers":     {do: func(t *testing.T, w *world) { w.slowReaders(t, maxOpen) }, full: true},
		"slow_servers":     {do: func(t *testing.T, w *world) { w.slowServers(t, maxOpen) }, full: true},
		"bodies_unsent":    {do: func(t *testing.T, w *world) { w.unsent(t, maxOpen) }, full: true},
		"questions_by_tcp": {do: func(t *testing.T, w *world) { w.questionsUnsent(t, maxOpen) }, full: true},
		"many_names":       {rules: []string{"*.many.example"}, do: func(t *testing.T, w *world) { w.askMany(t, 20_000, "%d.many.example") }},
		"many_long_names": {do: func(t *testing.T, w *world) {
			w.askMany(t, 10_000, "%d."+strings.Repeat(strings.Repeat("x", 60)+".", 3)+"example")
		}},
		"refused_unread":  {do: func(t *testing.T, w *world) { w.refusedUnread(t, 10_000) }},
		"connect_refused": {do: func(t *testing.T, w *world) { w.connectRefused(t, 10_000) }},
	} {
		t.Run(name, func(t *testing.T) {
			cmd, _ := w.process(t, append(a.rules, "allowed.example", "slow.example:8081")...)
			w.knows(t, "allowed.example")
			idle, _ := memory(t, cmd.Process.Pid)
			a.do(t, w)
			time.Sleep(300 * time.Millisecond)
			now, peak := memory(t, cmd.Process.Pid)
			t.Logf("resident: %d kB before, %d kB now, %d kB at its highest", idle, now, peak)
			if peak > maxMemory {
				t.Errorf("%d kB were resident, want less than %d", peak, maxMemory)
			}
			// A SYN that the full loopback drops is sent again after 1, 3 and 7 seconds.
			if out, status := w.as(t, humanUID, "curl", "-sS", "--max-time", "10", "--resolve", "allowed.example:443:"+allowedAddr, "https://allowed.example/"); status != 0 {
				t.Errorf("the human's request beside it ended with %d: %s", status, out)
			}
			if a.full {
				return
			}
			out := ""
			for tries := 0; tries < 3 && !strings.Contains(out, "allowed.example at"); tries++ { // a busy machine may be late with an answer
				out, _ = w.agent(t, "curl", "-sS", "--max-time", "15", "https://allowed.example/")
			}
			if !strings.Contains(out, "allowed.example at") {
				t.Errorf("the agent's own beside it: %s", out)
			}
		})
	}
}

// slowHeads serves, on slow.example:8081, responses whose heads never end.
func slowHeads(t *testing.T, w *world) {
	w.names.set("slow.example", "93.184.0.11")
	ln, err := w.listen("93.184.0.11", 8081)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go serve(ln, func(conn net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
			return
		}
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 30_000))
		io.Copy(io.Discard, conn)
	})
}

// unfinished opens n connections that show a large hello or head without its end.
func (w *world) unfinished(t *testing.T, n int) {
	hello := fragment(append([]byte{22, 3, 1, 0, 0, 1, 0, 0x7f, 0xff, 3, 3}, make([]byte, 20_000)...), 250)
	head := get("allowed.example", "")[:20] + strings.Repeat("X: y\r\n", 10) + strings.Repeat("x", 31_000)
	w.hold(t, n, func(i int) string { return allowedAddr + []string{":443", ":80"}[i%2] }, func(i int, conn net.Conn) {
		conn.SetWriteDeadline(time.Now().Add(time.Second))
		if i%2 == 0 {
			conn.Write(hello)
		} else {
			io.WriteString(conn, head)
		}
	})
}

// keepAlive makes a request on each of n connections, and keeps them.
func (w *world) keepAlive(t *testing.T, n int, header string) {
	w.hold(t, n, func(int) string { return allowedAddr + ":80" }, func(i int, conn net.Conn) {
		io.WriteString(conn, get("allowed.example", header))
		resp, err := bufio.NewReaderSize(conn, 512).ReadString('\n')
		if !strings.Contains(resp, " 200 ") && !(strings.Contains(resp, " 503 ") && i >= maxOpen) {
			t.Errorf("connection %d: %q, %v", i, resp, err)
		}
	})
}

// tunnels opens n tunnels by CONNECT requests of 30 KB, with a TLS hello in each.
func (w *world) tunnels(t *testing.T, n int) {
	hello := helloOf(t, &tls.Config{ServerName: "allowed.example"})
	w.hold(t, n, func(int) string { return "127.0.0.1:41000" }, func(i int, conn net.Conn) {
		io.WriteString(conn, "CONNECT allowed.example:443 HTTP/1.1\r\nHost: a\r\nX: "+strings.Repeat("x", 30_000)+"\r\n\r\n")
		buf := make([]byte, 64)
		if n, _ := conn.Read(buf); !strings.Contains(string(buf[:n]), " 200 ") {
			t.Errorf("tunnel %d: %q", i, buf[:n])
		}
		conn.Write(hello)
		conn.Read(buf)
	})
}

// slowReaders ask for much on n connections, and read none of it.
func (w *world) slowReaders(t *testing.T, n int) {
	w.hold(t, n, func(int) string { return allowedAddr + ":80" }, func(i int, conn net.Conn) {
		io.WriteString(conn, "GET /big?n=100000000&chunked="+[]string{"", "1"}[i%2]+" HTTP/1.1\r\nHost: allowed.example\r\n\r\n")
	})
}

// slowServers makes n requests to a server whose answers stop in the head.
func (w *world) slowServers(t *testing.T, n int) {
	w.knows(t, "slow.example")
	w.hold(t, n, func(int) string { return "93.184.0.11:8081" }, func(_ int, conn net.Conn) { io.WriteString(conn, get("slow.example:8081", "")) })
}

// unsent begins n bodies, and does not go on.
func (w *world) unsent(t *testing.T, n int) {
	w.hold(t, n, func(int) string { return allowedAddr + ":80" }, func(i int, conn net.Conn) {
		framing := []string{"Content-Length: 100000000\r\n\r\nx", "Transfer-Encoding: chunked\r\n\r\nfffffff\r\nx"}[i%2]
		io.WriteString(conn, "POST /echo HTTP/1.1\r\nHost: allowed.example\r\n"+framing)
	})
}

// questionsUnsent begins n questions over TCP, and does not go on.
func (w *world) questionsUnsent(t *testing.T, n int) {
	w.hold(t, n, func(int) string { return dnsAddr + ":53" }, func(_ int, conn net.Conn) { conn.Write([]byte{0x0f, 0xff, 0}) })
}

// askMany asks n questions without waiting for the answers.
func (w *world) askMany(t *testing.T, n int, format string) {
	asking(t, func(conn net.Conn) {
		go io.Copy(io.Discard, conn)
		for i := range n {
			conn.Write(question(fmt.Sprintf(format, i)))
			if i%20 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
	})
}

// refusedUnread opens n connections that are refused, eight at a time, and waits
// for none to be told so.
func (w *world) refusedUnread(t *testing.T, n int64) {
	hello := helloOf(t, &tls.Config{ServerName: "attacker.example"})
	w.each(n, attackerAddr+":443", func(conn net.Conn) { conn.Write(hello) })
}

// connectRefused asks for n tunnels that are refused.
func (w *world) connectRefused(t *testing.T, n int64) {
	var told atomic.Int64
	w.each(n, "127.0.0.1:41000", func(conn net.Conn) {
		io.WriteString(conn, "CONNECT attacker.example:443 HTTP/1.1\r\nHost: a\r\n\r\n")
		buf := make([]byte, 64)
		if n, _ := conn.Read(buf); strings.Contains(string(buf[:n]), " 403 ") {
			told.Add(1)
		}
	})
	if told.Load() != n {
		t.Errorf("%d of %d were told why", told.Load(), n)
	}
}

// each opens n connections as the agent, eight at a time, and calls f with each.
func (w *world) each(n int64, addr string, f func(net.Conn)) {
	var left atomic.Int64
	left.Store(n)
	at := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(addr))
	asAgent(8, func() {
		for left.Add(-1) >= 0 {
			conn, err := net.DialTCP("tcp", nil, at)
			if err != nil {
				continue // the queue is full: the agent's own loss
			}
			conn.SetDeadline(time.Now().Add(10 * time.Second))
			f(conn)
			conn.Close()
		}
	})
}
