// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/a4u2/au/netfilter"
)

// The tests that follow need neither root nor a network.

// judgeBehind returns a judge whose policy has an upstream and these rules.
func judgeBehind(t *testing.T, url string, rules ...string) *judge {
	t.Helper()
	p := netfilter.Policy{Version: netfilter.Version, Agent: "agent", UID: agentUID, Backend: netfilter.NFT, Proxy: proxyPort, DNS: dnsPort, Upstream: netfilter.Upstream{URL: url}}
	for _, word := range rules {
		rule, err := netfilter.ParseRule(word)
		if err != nil {
			t.Fatal(err)
		}
		p.Allow = append(p.Allow, netfilter.Entry{Rule: rule})
	}
	none := filepath.Join(t.TempDir(), "none")
	return newJudge(&p, none, none)
}

func TestTheUpstreamIsAskedForWhatIsAllowed(t *testing.T) {
	j := judgeBehind(t, "http://10.0.0.7:3128", "far.example", "93.184.0.10", "10.0.0.0/8", "far.example:22")
	far := (&netfilter.Policy{}).Made("far.example")
	for _, c := range []struct {
		t    target
		want string
	}{
		{target{name: "far.example", dst: netip.AddrPortFrom(far, 443)}, "far.example:443"},
		{target{name: "far.example", dst: netip.AddrPortFrom(far, 22)}, "far.example:22"},
		{target{name: "far.example", dst: netip.AddrPortFrom(netip.Addr{}, 80)}, "far.example:80"},
		{target{name: "far.example", dst: netip.MustParseAddrPort("93.184.0.66:443")}, "far.example:443"},
		{target{name: "attacker.example", dst: netip.MustParseAddrPort("93.184.0.10:443")}, "93.184.0.10:443"},
		{target{dst: netip.MustParseAddrPort("93.184.0.10:443")}, "93.184.0.10:443"},
		{target{name: "far.example", dst: netip.MustParseAddrPort("10.1.2.3:443")}, ""},
		{target{name: "localhost", dst: netip.AddrPortFrom(netip.Addr{}, 443)}, ""},
	} {
		if got := j.through(c.t); got != c.want {
			t.Errorf("for %+v the upstream is asked for %q, want %q", c.t, got, c.want)
		}
	}
	for _, dst := range []string{"10.0.0.7:3128", "10.0.0.7:22"} {
		if v := j.static(target{dst: netip.MustParseAddrPort(dst)}); v.OK {
			t.Errorf("the upstream at %s is %+v", dst, v)
		}
	}
	if v := j.static(target{dst: netip.MustParseAddrPort("10.0.0.8:3128")}); !v.OK {
		t.Errorf("an address beside the upstream is %+v", v)
	}
	// The address of a proxy that is called by a name, as it was looked up.
	j = judgeBehind(t, "http://proxy.example:3128", "10.0.0.0/8")
	o := j.outlet()
	o.addrs, o.until = []netip.Addr{netip.MustParseAddr("10.0.0.7")}, time.Now().Add(time.Minute)
	for dst, open := range map[string]bool{"10.0.0.7:3128": false, "10.0.0.7:22": false, "10.0.0.8:22": true} {
		if v := j.static(target{dst: netip.MustParseAddrPort(dst)}); v.OK != open {
			t.Errorf("%s is %+v", dst, v)
		}
	}
}

func TestRequestsToAProxyAreWrittenAnew(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"GET /a?b HTTP/1.1\r\nHost: other.example:3128\r\nProxy-Authorization: mine\r\nMax-Forwards: 0\r\n\r\n",
			"GET http://far.example/a?b HTTP/1.1\r\nHost: far.example\r\nProxy-Authorization: ours\r\n\r\n"},
		{"GET http://far.example/a#b HTTP/1.1\r\nHost: other.example\r\n\r\n", "GET http://far.example/a HTTP/1.1\r\nHost: far.example\r\nProxy-Authorization: ours\r\n\r\n"},
		{"OPTIONS * HTTP/1.1\r\nHost: far.example\r\n\r\n", "OPTIONS http://far.example HTTP/1.1\r\nHost: far.example\r\nProxy-Authorization: ours\r\n\r\n"},
	} {
		h, err := readHead(bufio.NewReader(strings.NewReader(c.in)), true, nil)
		if err != nil {
			t.Fatal(err)
		}
		q, err := parseRequest(h)
		if err != nil {
			t.Fatal(err)
		}
		q.forOrigin()
		q.forProxy("far.example:80", "ours")
		var out strings.Builder
		w := bufio.NewWriter(&out)
		q.write(w)
		w.Flush()
		if out.String() != c.want {
			t.Errorf("%q became\n%q, want\n%q", c.in, out.String(), c.want)
		}
	}
	for _, method := range []string{"TRACE", "trace", "TRACK"} {
		if !isTrace(method) {
			t.Errorf("%s is sent to a proxy", method)
		}
	}
}

// socketPair returns both ends of a connection.
func socketPair(t *testing.T) (a, b net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if a, err = net.Dial("tcp", ln.Addr().String()); err == nil {
		b, err = ln.Accept()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// Not a byte behind the proxy's answer is taken from the tunnel, and no answer is read for ever.
func TestATunnelBeginsBehindTheAnswer(t *testing.T) {
	o := newOutlet(netfilter.Upstream{URL: "http://proxy.example:3128"}, &netfilter.Login{User: "alice", Password: "word"})
	for answer, want := range map[string]string{
		"HTTP/1.1 200 OK\r\nVia: x\r\n\r\nHELLO": "", "HTTP/1.0 200 OK\n\nHELLO": "", "HTTP/1.1 403 No\r\n\r\n": "refuses it", "HTTP/1.1 407 No\r\n\r\n": "wants a login",
		"HTTP/1.1 502 No\r\n\r\n": "gets no connection", "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: "+strings.Repeat("x", 200)+"\r\n", 100) + "\r\n": "no answer that can be read", "SSH-2.0-x\r\n\r\n": "is no proxy",
	} {
		near, far := socketPair(t)
		far.Write([]byte(answer))
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		err := o.open(ctx, near, "far.example:443")
		cancel()
		if want == "" {
			buf := make([]byte, 16)
			near.SetReadDeadline(time.Now().Add(5 * time.Second))
			if n, _ := near.Read(buf); err != nil || string(buf[:n]) != "HELLO" {
				t.Errorf("after %.40q: %v, and the tunnel begins with %q", answer, err, buf[:n])
			}
		} else if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "word") {
			t.Errorf("after %.40q: %v, want %q", answer, err, want)
		}
		buf := make([]byte, 4096)
		n, _ := far.Read(buf)
		if want := "CONNECT far.example:443 HTTP/1.1\r\nHost: far.example:443\r\nProxy-Authorization: Basic YWxpY2U6d29yZA==\r\n\r\n"; string(buf[:n]) != want {
			t.Errorf("the proxy was asked %q", buf[:n])
		}
	}
}

// An https proxy is held to its CA and to its name.
func TestAProxyByTLSIsHeldToItsCA(t *testing.T) {
	dir := t.TempDir()
	var cas []*authority
	for _, name := range []string{"a.pem", "b.pem"} {
		ca, err := newAuthority(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		cas = append(cas, ca)
	}
	for _, c := range []struct {
		signs, counts *authority
		name, want    string
	}{
		{cas[0], cas[0], "", ""}, {cas[1], cas[0], "", "is not trusted: certificate signed by unknown authority"}, {cas[0], cas[0], "other.example", "is not trusted: certificate is valid for other.example"},
	} {
		pem, err := os.ReadFile(c.counts.file)
		if err != nil {
			t.Fatal(err)
		}
		o := newOutlet(netfilter.Upstream{URL: "https://proxy.example:3129", CA: string(pem)}, nil)
		near, far := socketPair(t)
		config := &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if c.name != "" {
				h.ServerName = c.name
			}
			return c.signs.certificate(h)
		}}
		go func() { _ = tls.Server(far, config).Handshake() }()
		d := &daemon{secure: make(chan struct{}, 1)}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		conn, err := d.secured(ctx, o, near.(*net.TCPConn), "")
		cancel()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
		if conn != nil {
			conn.Close()
		}
	}
}
