// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/a4u2/au/netfilter"
)

// talk sends text on a new connection to addr and returns all that comes back.
func (w *world) talk(t *testing.T, addr, text string) string {
	t.Helper()
	conn := w.dial(t, addr)
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	out, _ := io.ReadAll(conn) // a reset is an end as well
	return string(out)
}

func get(host, more string) string {
	return "GET / HTTP/1.1\r\nHost: " + host + "\r\n" + more + "\r\n"
}

// TestEveryRequestIsJudged is that a connection which was good for one request
// is not good for another host's.
func TestEveryRequestIsJudged(t *testing.T) {
	w := needWorld(t)
	r := w.start(t, "allowed.example", "other.example")
	w.knows(t, "allowed.example")
	before := w.hitsOf("attacker.example", allowedAddr)
	out := w.talk(t, allowedAddr+":80", get("allowed.example", "")+get("allowed.example", "")+get("attacker.example", "")+get("allowed.example", ""))
	if n := strings.Count(out, "allowed.example at "+allowedAddr); n != 2 {
		t.Errorf("%d of the two requests before the refused one were answered:\n%s", n, out)
	}
	if strings.Count(out, "HTTP/1.1 403 ") != 1 || !strings.HasSuffix(out, "au net allow --agent agent attacker.example\n") {
		t.Errorf("the third request was not refused, or not as the last:\n%s", out)
	}
	if n := w.hitsOf("attacker.example", allowedAddr) - before; n != 0 {
		t.Error("a request for a host that is not allowed reached the server")
	}
	r.wantRecord("http", netfilter.NotAllowed, "attacker.example")
	// An allowed name on a connection to another allowed name's address.
	if out := w.talk(t, allowedAddr+":80", get("other.example", "")); !strings.Contains(out, "Au-Reason: address-mismatch\r\n") {
		t.Errorf("an allowed name at another's address was answered:\n%s", out)
	}
}

// TestLongResponse is that a response goes on for longer than a connection has to show what it wants.
func TestLongResponse(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for ten seconds")
	}
	w := needWorld(t)
	w.start(t, "allowed.example")
	w.knows(t, "allowed.example")
	conn := w.dial(t, allowedAddr+":80")
	began := time.Now()
	conn.SetDeadline(began.Add(2 * showWithin))
	io.WriteString(conn, "GET /slow HTTP/1.1\r\nHost: allowed.example\r\n\r\n")
	for r := bufio.NewReader(conn); time.Since(began) < showWithin+time.Second; {
		if _, err := r.ReadString('\n'); err != nil {
			t.Fatalf("after %v: %v", time.Since(began), err)
		}
	}
}

// TestNoSmuggling is that what two readers could take differently goes nowhere.
func TestNoSmuggling(t *testing.T) {
	w := needWorld(t)
	w.start(t, "allowed.example")
	w.knows(t, "allowed.example")
	hidden := "GET /hidden HTTP/1.1\r\nHost: attacker.example\r\n\r\n"
	cases := map[string]string{
		"two_hosts":         "GET / HTTP/1.1\r\nHost: allowed.example\r\nHost: attacker.example\r\n\r\n",
		"no_host":           "GET / HTTP/1.1\r\n\r\n",
		"both_lengths":      "POST / HTTP/1.1\r\nHost: allowed.example\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + hidden,
		"two_lengths":       "POST / HTTP/1.1\r\nHost: allowed.example\r\nContent-Length: 0\r\nContent-Length: 60\r\n\r\n" + hidden,
		"plus_length":       "POST / HTTP/1.1\r\nHost: allowed.example\r\nContent-Length: +0\r\n\r\n" + hidden,
		"odd_encoding":      "POST / HTTP/1.1\r\nHost: allowed.example\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + hidden,
		"name_with_space":   "POST / HTTP/1.1\r\nHost: allowed.example\r\nContent-Length : 60\r\n\r\n" + hidden,
		"folded":            "GET / HTTP/1.1\r\nHost: allowed.example\r\nX: a\r\n Host: attacker.example\r\n\r\n",
		"bare_lf":           "GET / HTTP/1.1\nHost: allowed.example\n\n",
		"bare_cr":           "GET / HTTP/1.1\r\nHost: allowed.example\r\nX: a\rHost: attacker.example\r\n\r\n",
		"nul":               "GET / HTTP/1.1\r\nHost: allowed.example\x00\r\n\r\n",
		"user_in_host":      "GET / HTTP/1.1\r\nHost: attacker.example@allowed.example\r\n\r\n",
		"user_in_url":       "GET http://attacker.example@allowed.example/ HTTP/1.1\r\nHost: allowed.example\r\n\r\n",
		"port_in_port":      "GET / HTTP/1.1\r\nHost: allowed.example:80:80\r\n\r\n",
		"h2":                "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"two_spaces":        "GET  / HTTP/1.1\r\nHost: allowed.example\r\n\r\n",
		"connect_elsewhere": "CONNECT attacker.example:443 HTTP/1.1\r\nHost: allowed.example\r\n\r\n",
		"connect_through":   "CONNECT allowed.example:443 HTTP/1.1\r\nHost: allowed.example\r\n\r\n",
		"large":             "GET / HTTP/1.1\r\nHost: allowed.example\r\nX: " + strings.Repeat("x", 70000) + "\r\n\r\n",
		"many":              "GET / HTTP/1.1\r\nHost: allowed.example\r\n" + strings.Repeat("X: y\r\n", 300) + "\r\n",
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			out := w.talk(t, allowedAddr+":80", text)
			// The server would refuse some of them as well: it must be the daemon who does.
			if !strings.HasPrefix(out, "HTTP/1.1 40") || !strings.Contains(out, "\r\nAu-Reason: ") {
				t.Errorf("not refused:\n%.600s", out)
			}
		})
	}
	t.Run("bad_chunk", func(t *testing.T) {
		out := w.talk(t, allowedAddr+":80", "POST /echo HTTP/1.1\r\nHost: allowed.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloGET /\r\n\r\n"+hidden)
		if strings.Contains(out, "hidden") {
			t.Errorf("a chunk longer than its size was sent on: %s", out)
		}
	})
	if n := w.hitsOf("attacker.example", allowedAddr); n != 0 {
		t.Errorf("%d hidden requests reached the server", n)
	}
}

// TestBodies is that bodies of all kinds arrive whole, both ways, on one
// connection.
func TestBodies(t *testing.T) {
	w := needWorld(t)
	w.start(t, "allowed.example")
	w.knows(t, "allowed.example")
	conn := w.dial(t, allowedAddr+":80")
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	r := bufio.NewReader(conn)
	for _, n := range []int{0, 1, 4095, 4096, 70_000, 3_000_000} {
		for _, chunked := range []bool{false, true} {
			body := strings.Repeat("0123456789", n/10+1)[:n]
			req, _ := http.NewRequest("POST", "http://allowed.example/echo", io.NopCloser(strings.NewReader(body)))
			req.ContentLength = int64(n)
			if chunked {
				req.ContentLength = -1
			}
			go req.Write(conn)
			resp, err := http.ReadResponse(r, req)
			if err != nil {
				t.Fatalf("%d bytes, chunked %v: %v", n, chunked, err)
			}
			got, err := io.ReadAll(resp.Body)
			if err != nil || string(got) != body {
				t.Fatalf("%d bytes, chunked %v: %d came back, %v", n, chunked, len(got), err)
			}
		}
	}
	for _, path := range []string{"/big?n=5000000", "/big?n=5000000&chunked=1"} {
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: allowed.example\r\n\r\n", path)
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, resp.Body); n != 5_000_000 || err != nil {
			t.Errorf("%s: %d bytes, %v", path, n, err)
		}
	}
	fmt.Fprint(conn, "HEAD /big?n=100 HTTP/1.1\r\nHost: allowed.example\r\n\r\n"+
		"POST / HTTP/1.1\r\nHost: allowed.example\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok"+get("allowed.example", "Connection: close\r\n"))
	rest, err := io.ReadAll(r)
	if err != nil || strings.Count(string(rest), " 200 OK") != 3 || !strings.Contains(string(rest), "100 Continue") {
		t.Errorf("HEAD, Expect and close: %v\n%s", err, rest)
	}
}

// TestUpgrade is that a protocol both sides agree on passes, and h2c is not one.
func TestUpgrade(t *testing.T) {
	w := needWorld(t)
	w.start(t, "allowed.example")
	w.knows(t, "allowed.example")
	conn := w.dial(t, allowedAddr+":80")
	io.WriteString(conn, "GET /upgrade HTTP/1.1\r\nHost: allowed.example\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nearly ")
	r := bufio.NewReader(conn)
	for line := ""; line != "\r\n"; {
		var err error
		if line, err = r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	io.WriteString(conn, "late")
	got := make([]byte, 10)
	if _, err := io.ReadFull(r, got); err != nil || string(got) != "early late" {
		t.Errorf("after the upgrade %q came back, %v", got, err)
	}
	q, err := parseRequest(mustHead(t, get("a.example", "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nConnection: Upgrade, HTTP2-Settings\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	q.forOrigin()
	if len(q.values("Upgrade"))+len(q.values("HTTP2-Settings")) != 0 {
		t.Errorf("h2c would be asked for: %+v", q.fields)
	}
}

// TestUpgradeBeforeTheBody is that a server which changes the protocol while the
// body of the request is still to come gets that body, and then what follows.
func TestUpgradeBeforeTheBody(t *testing.T) {
	w := needWorld(t)
	w.names.set("a.idle.example", sshAddr)
	w.start(t, "a.idle.example")
	ln, err := w.listen(sshAddr, 80)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	got := make(chan string, 1)
	go serve(ln, func(conn net.Conn) {
		in := bufio.NewReader(conn)
		for line := ""; line != "\r\n"; {
			if line, err = in.ReadString('\n'); err != nil {
				return
			}
		}
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
		time.Sleep(200 * time.Millisecond)
		all, _ := io.ReadAll(in)
		got <- string(all)
	})
	w.knows(t, "a.idle.example")
	var body strings.Builder
	for i := range 1 << 20 {
		fmt.Fprintf(&body, "%07x\n", i)
	}
	conn := w.dial(t, sshAddr+":80")
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: a.idle.example\r\nUpgrade: echo\r\nConnection: Upgrade\r\nContent-Length: %d\r\n\r\n", body.Len())
	io.WriteString(conn, body.String())
	io.WriteString(conn, "after")
	conn.CloseWrite()
	select {
	case all := <-got:
		if want := body.String() + "after"; all != want {
			i := 0
			for i < min(len(all), len(want)) && all[i] == want[i] {
				i++
			}
			t.Errorf("%d bytes came, want %d; they differ from byte %d on", len(all), len(want), i)
		}
	case <-time.After(10 * time.Second):
		t.Error("the server did not get what was sent")
	}
}

// TestTunnelAfterARequest is that a tunnel goes where it was asked to go, and not
// over the connection that a request before it was sent on.
func TestTunnelAfterARequest(t *testing.T) {
	w := needWorld(t)
	w.start(t, "allowed.example", "ssh.example:22")
	w.knows(t, "ssh.example")
	conn := w.dial(t, "127.0.0.1:41000")
	io.WriteString(conn, "GET http://allowed.example/ HTTP/1.1\r\nHost: allowed.example\r\n\r\n")
	r := bufio.NewReader(conn)
	resp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	io.WriteString(conn, "CONNECT "+sshAddr+":22 HTTP/1.1\r\nHost: x\r\n\r\n")
	if resp, err = http.ReadResponse(r, &http.Request{Method: "CONNECT"}); err != nil || resp.StatusCode != 200 {
		t.Fatalf("the tunnel was answered %v, %v", resp, err)
	}
	// Bytes that are no HTTP to the daemon may be to a server.
	io.WriteString(conn, "get / HTTP/1.1\r\nHost: attacker.example\r\n\r\n")
	if line, err := r.ReadString('\n'); line != "HELLO\n" {
		t.Errorf("in the tunnel the server said %q, %v", line, err)
	}
	if w.hitsOf("attacker.example", allowedAddr)+w.hitsOf("attacker.example", allowedAddr6) != 0 {
		t.Error("a request for a host that is not allowed reached the server of the request before")
	}
}

func mustHead(t *testing.T, text string) head {
	t.Helper()
	h, err := readHead(bufio.NewReader(strings.NewReader(text)), true, always)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestServerLeaves is that a client sees its idle connection end when the server
// ends it, and is not left to send a request into nothing.
func TestServerLeaves(t *testing.T) {
	w := needWorld(t)
	w.start(t, "allowed.example", "other.example:8080")
	w.knows(t, "allowed.example")
	if out := w.talk(t, allowedAddr+":80", "GET / HTTP/1.0\r\nHost: allowed.example\r\n\r\n"); !strings.Contains(out, "allowed.example at") {
		t.Errorf("HTTP/1.0: %s", out)
	}
	ln, err := w.listen("93.184.0.11", 8080)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		bufio.NewReader(conn).ReadString('x')
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		time.Sleep(200 * time.Millisecond)
		conn.Close()
	}()
	w.knows(t, "other.example")
	conn := w.dial(t, "93.184.0.11:8080")
	io.WriteString(conn, "GET /x HTTP/1.1\r\nHost: other.example:8080\r\n\r\n")
	began := time.Now()
	out, err := io.ReadAll(conn)
	if err != nil || !strings.HasSuffix(string(out), "ok") || time.Since(began) > 3*time.Second {
		t.Errorf("after %v: %v\n%s", time.Since(began), err, out)
	}
}

// client returns a TLS client configuration that trusts the Internet's authority.
func (w *world) client(name string) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(w.ca.cert)
	return &tls.Config{ServerName: name, RootCAs: pool}
}

// TestChunks is that chunks which two readers could take differently are not sent
// on, and that those which are sent have sizes of our own writing.
func TestChunks(t *testing.T) {
	for name, c := range map[string]struct{ in, out string }{
		"plain":              {"5\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n"},
		"leading_zeros":      {"0005\r\nhello\r\n00\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n"},
		"extension":          {"5;a=b\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n"},
		"longer":             {"5\r\nhelloGET / HTTP/1.1\r\n0\r\n\r\n", ""},
		"shorter":            {"5\r\nhell\r\n0\r\n\r\n", ""},
		"signed":             {"+5\r\nhello\r\n0\r\n\r\n", ""},
		"prefixed":           {"0x5\r\nhello\r\n0\r\n\r\n", ""},
		"too_large":          {"10000000000000005\r\nhello\r\n0\r\n\r\n", ""},
		"negative":           {"-1\r\nhello\r\n0\r\n\r\n", ""},
		"no_size":            {"\r\nhello\r\n0\r\n\r\n", ""},
		"bare_line_feed":     {"5\nhello\r\n0\r\n\r\n", ""},
		"long_size":          {strings.Repeat("0", 2000) + "5\r\nhello\r\n0\r\n\r\n", ""},
		"nameless_trailer":   {"5\r\nhello\r\n0\r\nHost attacker\r\n\r\n", ""},
		"control_in_trailer": {"5\r\nhello\r\n0\r\nX: a\rb\r\n\r\n", ""},
	} {
		var out bytes.Buffer
		w := bufio.NewWriter(&out)
		sent := copyBody(w, nil, bufio.NewReader(strings.NewReader(c.in)), nil, body{kind: chunkedBody})
		if (sent.err == nil) != (c.out != "") || sent.err == nil && out.String() != c.out {
			t.Errorf("%s: %q becomes %q, %v", name, c.in, out.String(), sent.err)
		}
	}
}

// TestServersConnectionEndsWithItsClient is that no connection to a server outlives the client that it was made for.
func TestServersConnectionEndsWithItsClient(t *testing.T) {
	w := needWorld(t)
	w.names.set("a.plain.example", sshAddr)
	w.start(t, "a.plain.example")
	ln, err := w.listen(sshAddr, 80)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	ended := make(chan error, 1)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		in := bufio.NewReader(conn)
		if _, err := http.ReadRequest(in); err == nil {
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain")
		}
		conn.SetReadDeadline(time.Now().Add(time.Second))
		_, err = in.ReadByte()
		ended <- err
	}()
	conn := w.dial(t, sshAddr+":80")
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a.plain.example\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	conn.Close()
	if err := <-ended; err != io.EOF {
		t.Errorf("a second after its client the server's connection said %v, want its end", err)
	}
}
