// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/netfilter/kernel"
)

// A companyProxy is the proxy of a company: what it was asked, and what it answers where that is not to do so.
type companyProxy struct {
	w     *world
	login string // as Proxy-Authorization has it; empty: it asks for none

	mu     sync.Mutex
	asked  []string // "METHOD TARGET"
	heads  []string // whole requests, as they came
	answer string   // in place of doing as it is asked; "silence" for none
}

const proxyAt = insideAddr + ":3128"

// only it knows these names
var farNames = map[string]string{"far.example": allowedAddr, "www.far.example": allowedAddr, "attacker.example": attackerAddr, "shell.example": sshAddr}

// company starts a proxy at proxyAt until the test ends; config is for TLS, and nil for none.
func (w *world) company(t *testing.T, config *tls.Config) *companyProxy {
	t.Helper()
	ln, err := w.listen(insideAddr, 3128)
	if err != nil {
		t.Fatal(err)
	}
	if config != nil {
		ln = tls.NewListener(ln, config)
	}
	t.Cleanup(func() { ln.Close() })
	c := &companyProxy{w: w}
	go serve(ln, c.serve)
	return c
}

func (c *companyProxy) says(answer string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = answer
}

// seen returns what the proxy was asked since it was last looked at.
func (c *companyProxy) seen() (asked []string, heads string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	asked, heads = c.asked, strings.Join(c.heads, "")
	c.asked, c.heads = nil, nil
	return asked, heads
}

func (c *companyProxy) serve(conn net.Conn) {
	in := bufio.NewReader(conn)
	for {
		q, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		head, _ := httputil.DumpRequest(q, false)
		c.mu.Lock()
		c.asked, c.heads = append(c.asked, q.Method+" "+q.RequestURI), append(c.heads, string(head))
		answer := c.answer
		c.mu.Unlock()
		switch {
		case answer == "silence":
			io.Copy(io.Discard, in)
			return
		case answer != "":
			io.WriteString(conn, answer)
			return
		case c.login != "" && q.Header.Get("Proxy-Authorization") != c.login:
			io.WriteString(conn, "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"company\"\r\nContent-Length: 0\r\n\r\n")
			return
		case q.Method == "CONNECT":
			c.tunnel(conn, in, q.Host)
			return
		case !c.forward(conn, q):
			return
		}
	}
}

func (c *companyProxy) dial(host string) (net.Conn, error) {
	name, port, _ := net.SplitHostPort(host)
	if addr := farNames[name]; addr != "" {
		host = net.JoinHostPort(addr, port)
	}
	var up net.Conn
	err := c.w.inInternet(func() (err error) {
		up, err = net.DialTimeout("tcp", host, 3*time.Second)
		return err
	})
	return up, err
}

func (c *companyProxy) tunnel(conn net.Conn, in *bufio.Reader, host string) {
	up, err := c.dial(host)
	if err != nil {
		io.WriteString(conn, "HTTP/1.1 503 Service Unavailable\r\n\r\n")
		return
	}
	defer up.Close()
	// The server's first words come in the same packet as the answer.
	first := make([]byte, 64)
	up.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	n, _ := up.Read(first)
	up.SetReadDeadline(time.Time{})
	conn.Write(append([]byte("HTTP/1.1 200 OK\r\nVia: company\r\n\r\n"), first[:n]...))
	go func() {
		io.Copy(up, in)
		up.(*net.TCPConn).CloseWrite()
	}()
	io.Copy(conn, up)
}

func (c *companyProxy) forward(conn net.Conn, q *http.Request) bool {
	host := q.URL.Host
	if !strings.Contains(host, ":") {
		host += ":80"
	}
	up, err := c.dial(host)
	if err != nil {
		io.WriteString(conn, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
		return false
	}
	defer up.Close()
	q.Header.Del("Proxy-Authorization")
	q.Write(up)
	r, err := http.ReadResponse(bufio.NewReader(up), q)
	if err != nil {
		return false
	}
	defer r.Body.Close()
	return r.Write(conn) == nil
}

const companyLogin = "alice:s3cret word"

var companyBasic = "Basic " + base64.StdEncoding.EncodeToString([]byte(companyLogin))

// behind starts a daemon that goes through the company's proxy.
func (w *world) behind(t *testing.T, u netfilter.Upstream, rules ...string) *running {
	t.Helper()
	p := w.policy()
	p.Upstream, p.Resolve = u, nil
	login := filepath.Join(t.TempDir(), "login")
	if err := os.WriteFile(login, []byte(companyLogin+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return w.startWith(t, p, login, rules...)
}

var plainUpstream = netfilter.Upstream{URL: "http://" + proxyAt}

// TestUpstream is that what is allowed goes through the upstream proxy, which looks names up, and that nothing else reaches it.
func TestUpstream(t *testing.T) {
	w := needWorld(t)
	need(t, "curl")
	c := w.company(t, nil)
	w.behind(t, plainUpstream, "far.example", "far.example:8443", "shell.example:22")
	for _, way := range []struct{ url, asked string }{
		{"https://far.example/", "CONNECT far.example:443"},
		{"http://far.example/", "GET http://far.example/"},
		{"https://far.example:8443/", "CONNECT far.example:8443"},
	} {
		out, status := w.agent(t, "curl", "-sS", "--max-time", "10", way.url)
		if status != 0 || !strings.Contains(out, "far.example") || !strings.Contains(out, "at "+allowedAddr) {
			t.Errorf("curl %s ended with %d: %s", way.url, status, out)
		}
		if asked, _ := c.seen(); !slices.Equal(asked, []string{way.asked}) {
			t.Errorf("for %s the proxy was asked %q, want %q", way.url, asked, way.asked)
		}
		// The same by the daemon's own port, as a proxy is asked.
		out, status = w.agent(t, "curl", "-sS", "--max-time", "10", "--proxy", fmt.Sprintf("http://127.0.0.1:%d", proxyPort), way.url)
		if status != 0 || !strings.Contains(out, "at "+allowedAddr) {
			t.Errorf("curl %s by the daemon's port ended with %d: %s", way.url, status, out)
		}
		if asked, _ := c.seen(); !slices.Equal(asked, []string{way.asked}) {
			t.Errorf("for %s by the daemon's port the proxy was asked %q, want %q", way.url, asked, way.asked)
		}
	}
	if w.names.askedFor("far.example") {
		t.Error("a name server was asked for a name that the proxy looks up")
	}
	conn := w.dial(t, made("shell.example")+":22")
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || line != "HELLO\n" {
		t.Errorf("a server that speaks first said %q, %v", line, err)
	}
	c.seen()
	for _, url := range []string{"https://attacker.example/", "http://attacker.example/", "https://www.far.example/", "https://" + attackerAddr + "/"} {
		if out, status := w.agent(t, "curl", "-fsSk", "--max-time", "10", url); status == 0 {
			t.Errorf("curl %s ended with 0: %s", url, out)
		}
	}
	if asked, _ := c.seen(); len(asked) > 0 {
		t.Errorf("the proxy was asked for what is not allowed: %q", asked)
	}
}

// made returns the address that stands for a name behind an upstream.
func made(name string) string { return (&netfilter.Policy{}).Made(name).String() }

// TestUpstreamNames is that the proxy is asked for what was judged, and for nothing that a client shows beside it.
func TestUpstreamNames(t *testing.T) {
	w := needWorld(t)
	need(t, "curl")
	c := w.company(t, nil)
	w.behind(t, plainUpstream, "far.example", allowedAddr)
	curl := func(args ...string) (string, int) {
		return w.agent(t, append([]string{"curl", "-sSk", "--max-time", "10"}, args...)...)
	}
	// Another name than that of the address.
	curl("--connect-to", "attacker.example:443:far.example:443", "https://attacker.example/")
	curl("--connect-to", "attacker.example:80:far.example:80", "http://attacker.example/")
	curl("-H", "Host: attacker.example", "http://far.example/")
	curl("--proxy", fmt.Sprintf("http://127.0.0.1:%d", proxyPort), "--proxytunnel", "--connect-to", "::far.example:443", "https://attacker.example/")
	if asked, _ := c.seen(); slices.ContainsFunc(asked, func(q string) bool { return strings.Contains(q, "attacker") }) {
		t.Errorf("the proxy was asked %q", asked)
	}
	// An address that is allowed, whatever name is shown there.
	if out, status := curl("--resolve", "attacker.example:443:"+allowedAddr, "https://attacker.example/"); status != 0 {
		t.Errorf("an allowed address ended with %d: %s", status, out)
	}
	if asked, _ := c.seen(); !slices.Equal(asked, []string{"CONNECT " + allowedAddr + ":443"}) {
		t.Errorf("the proxy was asked %q, want the address", asked)
	}
	curl("--resolve", "attacker.example:80:"+allowedAddr, "http://attacker.example/")
	if asked, heads := c.seen(); !slices.Equal(asked, []string{"GET http://" + allowedAddr + "/"}) || strings.Contains(heads, "attacker") {
		t.Errorf("the proxy was asked %q, want the address: %s", asked, heads)
	}
	// Another port in the Host than the one that was dialled, and more requests than one.
	curl("-H", "Host: far.example:3128", "http://far.example/a", "http://far.example/b")
	if asked, heads := c.seen(); !slices.Equal(asked, []string{"GET http://far.example/a", "GET http://far.example/b"}) || strings.Contains(heads, "3128") {
		t.Errorf("the proxy was asked %q: %s", asked, heads)
	}
	for _, odd := range []string{
		"GET /a HTTP/1.1\r\nHost: far.example\r\n\tattacker.example\r\n\r\n",
		"GET http://far.example@attacker.example/ HTTP/1.1\r\nHost: far.example\r\n\r\n",
		"GET http://far.example%0d%0aX:y/ HTTP/1.1\r\nHost: far.example\r\n\r\n",
		"GET /a\rHost:attacker.example HTTP/1.1\r\nHost: far.example\r\n\r\n",
		"TRACE / HTTP/1.1\r\nHost: far.example\r\nMax-Forwards: 0\r\n\r\n",
	} {
		conn := w.dial(t, made("far.example")+":80")
		io.WriteString(conn, odd)
		if said, _ := io.ReadAll(conn); !strings.HasPrefix(string(said), "HTTP/1.1 40") {
			t.Errorf("%q was answered %q", odd, said)
		}
	}
	for _, name := range []string{"far.example\r\nX: y", "far.example\x00.attacker.example", "far.example:443@attacker.example", "far.example/", "far.example%0d%0a"} {
		conn := w.dial(t, fmt.Sprintf("127.0.0.1:%d", proxyPort))
		fmt.Fprintf(conn, "CONNECT %s:443 HTTP/1.1\r\nHost: far.example\r\n\r\n", name)
		if said, _ := io.ReadAll(conn); !strings.HasPrefix(string(said), "HTTP/1.1 40") {
			t.Errorf("CONNECT to %q was answered %q", name, said)
		}
	}
	if asked, _ := c.seen(); len(asked) > 0 {
		t.Errorf("the proxy was asked %q", asked)
	}
}

// TestUpstreamIsTheDaemons is that the agent reaches the proxy by no rule, address or name.
func TestUpstreamIsTheDaemons(t *testing.T) {
	w := needWorld(t)
	need(t, "curl")
	w.names.set("proxy.corp.example", insideAddr)
	c := w.company(t, nil)
	for _, u := range []string{"http://" + proxyAt, "http://proxy.corp.example:3128"} {
		t.Run(u, func(t *testing.T) { tryProxy(t, w, c, u) })
	}
}

func tryProxy(t *testing.T, w *world, c *companyProxy, u string) {
	{
		w.behind(t, netfilter.Upstream{URL: u}, "*.corp.example:80", "*.corp.example:443", "*.corp.example:3128", "far.example", "10.0.0.0/8")
		for _, through := range []string{proxyAt, "proxy.corp.example:3128"} {
			for _, url := range []string{"https://far.example/", "http://far.example/"} {
				if out, status := w.agent(t, "curl", "-fsSk", "--max-time", "10", "--proxy", "http://"+through, url); status == 0 {
					t.Errorf("upstream %s: curl by %s reached %s: %s", u, through, url, out)
				}
			}
		}
		for _, url := range []string{"http://proxy.corp.example:3128/", "https://" + insideAddr + "/", "http://proxy.corp.example/"} {
			out, status := w.agent(t, "curl", "-fsSk", "--max-time", "10", "--proxy", fmt.Sprintf("http://127.0.0.1:%d", proxyPort), url)
			if named := !strings.Contains(u, "proxy.corp.example") && strings.Contains(url, "proxy.corp.example"); status == 0 && !named {
				t.Errorf("upstream %s: curl %s by the daemon's port ended with 0: %s", u, url, out)
			}
		}
		asked, _ := c.seen()
		for _, q := range asked {
			if strings.Contains(q, "proxy.corp.example") && strings.Contains(u, "proxy.corp.example") || strings.Contains(q, insideAddr) || strings.Contains(q, "far.example") {
				t.Errorf("upstream %s was asked %q", u, q)
			}
		}
	}
}

// TestUpstreamLogin is that the proxy gets the login, and that nobody else does, whatever the proxy or the agent says.
func TestUpstreamLogin(t *testing.T) {
	w := needWorld(t)
	need(t, "curl")
	c := w.company(t, nil)
	c.login = companyBasic
	u := plainUpstream
	u.Login = "/etc/au/proxy-login"
	r := w.behind(t, u, "far.example")
	for _, url := range []string{"https://far.example/", "http://far.example/"} {
		if out, status := w.agent(t, "curl", "-sS", "--max-time", "10", "-H", "Proxy-Authorization: Basic bm9ib2R5Og==", url); status != 0 || !strings.Contains(out, "at "+allowedAddr) {
			t.Errorf("curl %s ended with %d: %s", url, status, out)
		}
	}
	if _, heads := c.seen(); strings.Count(heads, companyBasic) != 2 || strings.Contains(heads, "bm9ib2R5Og==") {
		t.Errorf("the proxy was asked\n%s", heads)
	}
	c.login = "Basic of another"
	out, _ := w.agent(t, "curl", "-sS", "--max-time", "10", "http://far.example/")
	if want := "does not take the login in /etc/au/proxy-login (status 407)"; !strings.Contains(out, want) {
		t.Errorf("curl printed %q, want %q in it", out, want)
	}
	r.wantRecord("http", netfilter.ProxyRefuses, "far.example")
	out, status := w.agent(t, "curl", "-sS", "--max-time", "10", "https://far.example/")
	if status == 0 || !strings.Contains(out, "alert") {
		t.Errorf("curl ended with %d: %s", status, out)
	}
	r.wantRecord("tls", netfilter.ProxyRefuses, "far.example")
	c.login = ""
	leak := "GET http://far.example/ HTTP/1.1 Proxy-Authorization: " + companyBasic
	for _, status := range []int{400, 403, 404, 500, 503} {
		c.says(fmt.Sprintf("HTTP/1.1 %d Odd\r\nX-Why: odd\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s", status, len(leak), leak))
		out, _ = w.agent(t, "curl", "-isS", "--max-time", "10", "http://far.example/")
		if strings.Contains(out, companyBasic) || !strings.Contains(out, fmt.Sprintf("HTTP/1.1 %d Odd", status)) || !strings.Contains(out, "withheld") {
			t.Errorf("of a page that shows the login the agent has %q", out)
		}
	}
	text, _ := os.ReadFile(r.log)
	if strings.Contains(string(text), "s3cret") || strings.Contains(string(text), companyBasic) {
		t.Error("the log has the login in it")
	}
}

// TestUpstreamFails is what is logged, and what the agent sees, where the proxy refuses, fails or is no proxy.
func TestUpstreamFails(t *testing.T) {
	w := needWorld(t)
	need(t, "curl")
	c := w.company(t, nil)
	r := w.behind(t, plainUpstream, "far.example")
	for _, way := range []struct {
		answer string
		code   netfilter.Code
		words  string
	}{
		{"HTTP/1.1 403 Forbidden\r\n\r\n", netfilter.ProxyRefuses, "refuses it (status 403)"},
		{"HTTP/1.1 407 Login\r\n\r\n", netfilter.ProxyRefuses, "wants a login (status 407)"},
		{"HTTP/1.1 503 Down\r\n\r\n", netfilter.Unreachable, "gets no connection (status 503)"},
		{"220 mail.example ESMTP\r\n\r\n", netfilter.ProxyFails, "is no proxy"},
		{"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 100<<10) + "\r\n\r\n", netfilter.ProxyFails, "gave no answer that can be read"},
		{"HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", 10000) + "\r\n", netfilter.ProxyFails, "gave no answer that can be read"},
		{"\x00", netfilter.ProxyFails, "gave no answer that can be read"},
	} {
		c.says(way.answer)
		out, _ := w.agent(t, "curl", "-sS", "--max-time", "10", "--proxy", fmt.Sprintf("http://127.0.0.1:%d", proxyPort), "https://far.example/")
		if !strings.Contains(out, "CONNECT tunnel failed") {
			t.Errorf("after %.30q curl printed %q", way.answer, out)
		}
		w.agent(t, "curl", "-sS", "--max-time", "10", "https://far.example/")
		for _, kind := range []string{"connect", "tls"} {
			r.waitRecords(func(rec netfilter.Record) bool {
				return rec.Kind == kind && rec.Code == way.code && rec.Name == "far.example" && strings.Contains(rec.Detail, way.words)
			})
		}
	}
	c.says("silence")
	began, usual := time.Now(), outletWithin
	outletWithin = time.Second
	defer func() { outletWithin = usual }()
	w.agent(t, "curl", "-sS", "https://far.example/")
	if took := time.Since(began); took > usual {
		t.Errorf("a proxy that says nothing was waited for for %v", took)
	}
	r.waitRecords(func(rec netfilter.Record) bool { return strings.Contains(rec.Detail, "no answer in time") })
}

// TestUpstreamGone is the answer where nobody serves, and where the agent itself serves.
func TestUpstreamGone(t *testing.T) {
	w := needWorld(t)
	need(t, "curl")
	need(t, "python3")
	u := netfilter.Upstream{URL: "http://127.0.0.1:3999", Login: "/etc/au/proxy-login"}
	r := w.behind(t, u, "far.example")
	page, _ := w.agent(t, "curl", "-sS", "--max-time", "10", "http://far.example/")
	if want := "allowed, but the proxy http://127.0.0.1:3999 cannot be reached: connection refused"; !strings.Contains(page, want) {
		t.Errorf("curl printed %q, want %q in it", page, want)
	}
	r.wantRecord("http", netfilter.ProxyFails, "far.example")
	heard := filepath.Join(w.home(t), "heard")
	server := `
import socket, sys
s = socket.create_server(("127.0.0.1", 3999))
print("up", flush=True)
s.settimeout(20)
c, _ = s.accept()
open(sys.argv[1], "wb").write(c.recv(4096))
`
	done := make(chan string)
	go func() {
		out, _ := w.agent(t, "timeout", "15", "python3", "-c", server, heard)
		done <- out
	}()
	for range 100 {
		if own, err := (&kernel.Lookup{}).Listener(netip.MustParseAddrPort("127.0.0.1:3999")); err == nil && own.UID == agentUID {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	page, _ = w.agent(t, "curl", "-sS", "--max-time", "10", "http://far.example/")
	if want := "the agent itself listens there"; !strings.Contains(page, want) {
		t.Errorf("curl printed %q, want %q in it", page, want)
	}
	if conn, err := net.Dial("tcp", "127.0.0.1:3999"); err == nil { // the server takes one connection: this, if the daemon made none
		conn.Close()
	}
	<-done
	if text, _ := os.ReadFile(heard); len(text) > 0 {
		t.Errorf("the agent's server heard %q", text)
	}
}

// TestUpstreamSecure is that an https proxy is held to its name and its CA, and carries what another does.
func TestUpstreamSecure(t *testing.T) {
	w := needWorld(t)
	need(t, "curl")
	w.names.set("secure.example", insideAddr)
	c := w.company(t, &tls.Config{GetCertificate: w.ca.certificate})
	ca, err := os.ReadFile(w.ca.file)
	if err != nil {
		t.Fatal(err)
	}
	u := netfilter.Upstream{URL: "https://secure.example:3128", CA: string(ca)}
	t.Run("trusted", func(t *testing.T) { trySecure(t, w, c, u) })
	t.Run("another_ca", func(t *testing.T) { tryAnotherCA(t, w, c, u) })
}

func trySecure(t *testing.T, w *world, c *companyProxy, u netfilter.Upstream) {
	w.behind(t, u, "far.example", "shell.example:22")
	for _, url := range []string{"https://far.example/big?n=3000000", "http://far.example/big?n=3000000"} {
		if out, status := w.agent(t, "curl", "-sS", "--max-time", "20", "-o", "/dev/null", "-w", "%{size_download}", url); status != 0 || out != "3000000" {
			t.Errorf("curl %s ended with %d: %.200s", url, status, out)
		}
	}
	conn := w.dial(t, made("shell.example")+":22")
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || line != "HELLO\n" {
		t.Errorf("a server that speaks first said %q, %v", line, err)
	}
	c.seen()
}

func tryAnotherCA(t *testing.T, w *world, c *companyProxy, u netfilter.Upstream) {
	other, err := newAuthority(filepath.Join(t.TempDir(), "other.pem"))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(other.file)
	u.CA = string(text)
	r := w.behind(t, u, "far.example")
	page, _ := w.agent(t, "curl", "-sS", "--max-time", "10", "http://far.example/")
	if want := "is not trusted: certificate signed by unknown authority"; !strings.Contains(page, want) {
		t.Errorf("curl printed %q, want %q in it", page, want)
	}
	r.wantRecord("http", netfilter.ProxyFails, "far.example")
	if asked, _ := c.seen(); len(asked) > 0 {
		t.Errorf("a proxy that nobody vouches for was asked %q", asked)
	}
}
