// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a4u2/au/netfilter"
)

const plainAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain"

// A scripted server answers as its test says, and remembers what it was asked on
// which of its connections.
type scripted struct {
	answer func(nth int, path string, out net.Conn) bool // nth on its connection; false: it ends the connection

	mu    sync.Mutex
	asked []asked
	conns int
	open  int
}

// An asked is a request that a server got.
type asked struct {
	conn, nth int
	host      string
	path      string
}

// script serves any name below idle.example.
func (w *world) script(t *testing.T, answer func(nth int, path string, out net.Conn) bool) *scripted {
	t.Helper()
	ln, err := w.listen(sshAddr, 80)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	s := &scripted{answer: answer}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return s
}

func (s *scripted) serve(conn net.Conn) {
	defer conn.Close()
	s.mu.Lock()
	s.conns++
	s.open++
	n := s.conns
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.open--
	}()
	in := bufio.NewReader(conn)
	for nth := 1; ; nth++ {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		io.Copy(io.Discard, req.Body)
		s.mu.Lock()
		s.asked = append(s.asked, asked{n, nth, req.Host, req.URL.Path})
		s.mu.Unlock()
		if !s.answer(nth, req.URL.Path, conn) {
			return
		}
	}
}

func (s *scripted) all() []asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// last returns what the server was asked last.
func (s *scripted) last() asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.asked) == 0 {
		return asked{}
	}
	return s.asked[len(s.asked)-1]
}

func (s *scripted) openNow() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

// plainly answers every request, and lets the connection be kept.
func plainly(_ int, _ string, out net.Conn) bool {
	_, err := io.WriteString(out, plainAnswer)
	return err == nil
}

// visit makes a request on a connection of its own, which it ends, and returns
// the answer. The daemon has a moment to see the end.
func (w *world) visit(t *testing.T, text string) string {
	t.Helper()
	conn := w.dial(t, sshAddr+":80")
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(text, " ")
	out := answerOn(conn, method)
	conn.Close()
	time.Sleep(50 * time.Millisecond)
	return out
}

// answerOn returns the status and the body of the response that comes, after
// interim ones; as far as it goes.
func answerOn(conn net.Conn, method string) string {
	in := bufio.NewReader(conn)
	for {
		resp, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return err.Error()
		}
		if resp.StatusCode < 200 {
			continue
		}
		body, _ := io.ReadAll(resp.Body)
		return fmt.Sprint(resp.StatusCode, " ", string(body))
	}
}

func getOf(host, path string, more ...string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n" + strings.Join(more, "") + "\r\n"
}

// again visits host until it has the connection that the visit before it had.
func (s *scripted) again(t *testing.T, w *world, host string) {
	t.Helper()
	for range 20 {
		if out := w.visit(t, getOf(host, "/")); out != "200 plain" {
			t.Fatalf("%s said %q", host, out)
		}
		if s.last().nth > 1 {
			return
		}
	}
	t.Fatalf("%s got a new connection for every client: %v", host, s.all())
}

// TestIdle is that the next client has the connection to the server that another
// left, for a moment; that it is no way to a name that is not allowed, nor to
// another one; and that a change of policy ends it.
func TestIdle(t *testing.T) {
	w := needWorld(t)
	for _, name := range []string{"a.idle.example", "b.idle.example"} {
		w.names.set(name, sshAddr)
	}
	s := w.script(t, plainly)
	r := w.start(t, "a.idle.example", "b.idle.example", "other.example")
	s.again(t, w, "a.idle.example")
	s.again(t, w, "b.idle.example")
	s.again(t, w, "a.idle.example")
	if out := w.visit(t, getOf("c.idle.example", "/")); !strings.HasPrefix(out, "403 ") {
		t.Errorf("a name that is not allowed was answered %q", out)
	}
	hosts := map[int]string{}
	for _, a := range s.all() {
		if before := hosts[a.conn]; before != "" && before != a.host || a.host == "c.idle.example" {
			t.Errorf("%s was asked for on a connection of %q", a.host, before)
		}
		hosts[a.conn] = a.host
	}
	s.wantOpen(t, 0, idleFor+time.Second)

	s.again(t, w, "a.idle.example")
	s.again(t, w, "b.idle.example")
	r.rules("a.idle.example")
	r.reload()
	s.wantOpen(t, 0, idleFor/4)
	if out := w.visit(t, getOf("b.idle.example", "/")); !strings.HasPrefix(out, "403 ") {
		t.Errorf("a name that is no longer allowed was answered %q", out)
	}
	s.again(t, w, "a.idle.example")
}

// wantOpen fails the test unless the server has n connections, soon.
func (s *scripted) wantOpen(t *testing.T, n int, within time.Duration) {
	t.Helper()
	for end := time.Now().Add(within); s.openNow() != n && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	if got := s.openNow(); got != n {
		t.Errorf("the server has %d connections, want %d", got, n)
	}
}

// TestIdleBound is that only so many are kept.
func TestIdleBound(t *testing.T) {
	w := needWorld(t)
	w.names.set("a.idle.example", sshAddr)
	s := w.script(t, plainly)
	w.start(t, "a.idle.example")
	var conns []net.Conn
	for range 2 * maxIdle {
		conn := w.dial(t, sshAddr+":80")
		io.WriteString(conn, getOf("a.idle.example", "/"))
		if out := answerOn(conn, "GET"); out != "200 plain" {
			t.Fatalf("the server said %q", out)
		}
		conns = append(conns, conn)
	}
	s.wantOpen(t, 2*maxIdle, 0)
	for _, conn := range conns {
		conn.Close()
	}
	s.wantOpen(t, maxIdle, idleFor/2)
	time.Sleep(50 * time.Millisecond)
	s.wantOpen(t, maxIdle, 0)
}

// TestNotKept is that a connection is not kept, and none that was is used, where
// one client's doings might be the next one's.
func TestNotKept(t *testing.T) {
	w := needWorld(t)
	s := w.script(t, func(_ int, path string, out net.Conn) bool {
		text, late, _ := strings.Cut(answers[path], "LATE")
		if text == "" {
			text = plainAnswer
		}
		if _, err := io.WriteString(out, text); err != nil {
			return false
		}
		if late != "" {
			time.Sleep(20 * time.Millisecond)
			io.WriteString(out, late)
		}
		return !strings.Contains(path, "until-close")
	})
	w.start(t, "*.idle.example")
	w.names.set("other.idle.example", sshAddr)
	requests := map[string]string{
		"post":        "POST /x HTTP/1.1\r\nHost: HOST\r\nContent-Length: 2\r\n\r\nhi",
		"empty-post":  "POST /x HTTP/1.1\r\nHost: HOST\r\n\r\n",
		"head":        "HEAD /x HTTP/1.1\r\nHost: HOST\r\n\r\n",
		"old":         "GET /x HTTP/1.0\r\nHost: HOST\r\nConnection: keep-alive\r\n\r\n",
		"closes":      getOf("HOST", "/x", "Connection: close\r\n"),
		"logs-in":     getOf("HOST", "/x", "Authorization: NTLM TlRMTVNTUAAB\r\n"),
		"length":      getOf("HOST", "/x", "Content-Length: 0\r\n"),
		"body":        getOf("HOST", "/x", "Content-Length: 2\r\n") + "hi",
		"chunks":      getOf("HOST", "/x", "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n",
		"expects":     getOf("HOST", "/x", "Expect: 100-continue\r\n"),
		"upgrades":    getOf("HOST", "/x", "Connection: Upgrade\r\nUpgrade: echo\r\n"),
		"large":       getOf("HOST", "/x", "Cookie: "+strings.Repeat("x", maxPlain)+"\r\n"),
		"url":         getOf("HOST", "http://HOST/x"),
		"two-names":   getOf("other.idle.example", "/x") + getOf("HOST", "/x"),
		"post-before": "POST /x HTTP/1.1\r\nHost: HOST\r\nContent-Length: 2\r\n\r\nhi" + getOf("HOST", "/x"),
	}
	for path := range answers {
		requests["answer-"+path[1:]] = getOf("HOST", path)
	}
	for name, text := range requests {
		t.Run(name, func(t *testing.T) {
			host := name + ".idle.example"
			w.names.set(host, sshAddr)
			text = strings.ReplaceAll(text, "HOST", host)
			w.visit(t, text)
			was := s.last()
			if was.host != host {
				t.Fatalf("it did not reach the server, which was last asked %v", was)
			}
			if out := w.visit(t, getOf(host, "/plain")); out != "200 plain" || s.last().conn == was.conn {
				t.Errorf("the next client had its connection, and was told %q", out)
			}
			if strings.HasPrefix(name, "answer-") {
				return
			}
			s.again(t, w, host)
			was = s.last()
			w.visit(t, text)
			if now := s.last(); now.path != "/x" || now.conn == was.conn {
				t.Errorf("it had the connection of the client before it: %v and %v", was, now)
			}
		})
	}
}

// answers are those after which a connection is not kept, by the path that they
// are the answer to. What stands behind LATE comes a moment later.
var answers = map[string]string{
	"/old":           "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nplain",
	"/closes":        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nplain",
	"/until-close":   "HTTP/1.1 200 OK\r\n\r\nplain",
	"/both":          "HTTP/1.1 200 OK\r\nContent-Length: 15\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nplain\r\n0\r\n\r\n",
	"/two-lengths":   "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nplain",
	"/odd-encoding":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity, chunked\r\n\r\n5\r\nplain\r\n0\r\n\r\n",
	"/odd-name":      "HTTP/1.1 200 OK\r\nContent-Length : 9\r\nContent-Length: 5\r\n\r\nplain",
	"/no-name":       "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nand more\r\n\r\nplain",
	"/interim":       "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain",
	"/empty-length":  "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
	"/login":         "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM\r\nContent-Length: 5\r\n\r\nplain",
	"/upgradable":    "HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nplain",
	"/too-much":      plainAnswer + "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned",
	"/too-much-late": plainAnswer + "LATEHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned",
}

// TestIdleEnds is that a request is sent anew where the server ended a kept
// connection rather than answer, and never once it began to.
func TestIdleEnds(t *testing.T) {
	w := needWorld(t)
	w.names.set("a.idle.example", sshAddr)
	s := w.script(t, func(nth int, path string, out net.Conn) bool {
		switch {
		case nth > 1 && path == "/gone":
			return false
		case nth > 1 && path == "/begun":
			io.WriteString(out, plainAnswer[:12])
			return false
		}
		return plainly(nth, path, out)
	})
	w.start(t, "a.idle.example")
	for path, want := range map[string]string{"/gone": "200 plain", "/begun": "502 "} {
		var out string
		var before []asked
		for range 20 {
			s.again(t, w, "a.idle.example")
			before = s.all()
			out = w.visit(t, getOf("a.idle.example", path))
			if s.all()[len(before)].nth > 1 {
				break
			}
		}
		got := s.all()[len(before):]
		if tries := map[string]int{"/gone": 2, "/begun": 1}[path]; len(got) != tries || got[0].nth == 1 || got[tries-1].nth > 1 && tries > 1 {
			t.Errorf("%s: the server was asked %v", path, got)
		}
		if !strings.HasPrefix(out, want) {
			t.Errorf("%s was answered %q, want %q", path, out, want)
		}
	}
}

// TestIdleDenied is that a request which waits on a kept connection, as a denial
// ends it, is not sent anew.
func TestIdleDenied(t *testing.T) {
	w := needWorld(t)
	w.names.set("a.idle.example", sshAddr)
	s := w.script(t, func(nth int, path string, out net.Conn) bool {
		if path == "/waits" {
			time.Sleep(5 * time.Second)
		}
		return plainly(nth, path, out)
	})
	r := w.start(t, "a.idle.example")
	var conn net.Conn
	for range 20 {
		s.again(t, w, "a.idle.example")
		conn = w.dial(t, sshAddr+":80")
		io.WriteString(conn, getOf("a.idle.example", "/waits"))
		for s.last().path != "/waits" {
			time.Sleep(5 * time.Millisecond)
		}
		if s.last().nth > 1 {
			break
		}
	}
	s.mu.Lock()
	before := s.conns
	s.mu.Unlock()
	r.rules("other.example")
	r.reload()
	if _, err := io.ReadAll(conn); err == nil {
		t.Error("the client was answered, or told of no failure")
	}
	time.Sleep(100 * time.Millisecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns != before {
		t.Errorf("the server was connected to %d times after the denial", s.conns-before)
	}
}

// TestHoldLooksAgain is that what a policy allowed which is over by the time that
// the server is reached is not held.
func TestHoldLooksAgain(t *testing.T) {
	policy := func(text string) *netfilter.Policy {
		rule, err := netfilter.ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		return &netfilter.Policy{Version: netfilter.Version, Agent: "agent", Allow: []netfilter.Entry{{Rule: rule}}}
	}
	l, err := openLog("", "agent")
	if err != nil {
		t.Fatal(err)
	}
	d := newDaemon(policy("a.idle.example"), l, "/dev/null", "/dev/null")
	held := &link{target: target{name: "a.idle.example", dst: netip.MustParseAddrPort("93.184.0.22:80")}, kind: "http", code: netfilter.Allowed}
	if !d.hold(held) {
		t.Error("what is allowed is not held")
	}
	d.release(held)
	d.judge.policy.Store(policy("other.example"))
	if d.hold(held) {
		t.Error("what is no longer allowed is held")
	}
	other := held.target
	other.name = "other.example"
	if !d.retarget(held, other) {
		t.Error("a connection is not used for another name, which is allowed")
	}
	if other.name = "a.idle.example"; d.retarget(held, other) {
		t.Error("a connection is used for another name that is no longer allowed")
	}
}
