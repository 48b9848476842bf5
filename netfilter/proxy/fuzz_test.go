// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/a4u2/au/netfilter"
)

// FuzzHello is that a hello reads the same however it arrives, and that all of it
// is kept.
func FuzzHello(f *testing.F) {
	plain := helloOf(f, &tls.Config{ServerName: "allowed.example"})
	f.Add(plain)
	f.Add(fragment(plain, 9))
	f.Add(helloOf(f, &tls.Config{ServerName: "a.example", MaxVersion: tls.VersionTLS12}))
	f.Add(helloOf(f, &tls.Config{ServerName: "s.example", EncryptedClientHelloConfigList: echConfig(f, "a.example")}))
	f.Fuzz(func(t *testing.T, msg []byte) {
		h, seen, err := readHello(bytes.NewReader(msg), nil, always)
		slow, slowSeen, slowErr := readHello(iotest.OneByteReader(bytes.NewReader(msg)), nil, always)
		if h != slow || (err == nil) != (slowErr == nil) {
			t.Fatalf("at once %+v, %v; byte by byte %+v, %v", h, err, slow, slowErr)
		}
		if !bytes.HasPrefix(msg, seen) || !bytes.HasPrefix(seen, slowSeen) || len(seen) > maxHello+1<<15 {
			t.Fatalf("%d and %d bytes of %d are kept, or they are others", len(seen), len(slowSeen), len(msg))
		}
	})
}

// FuzzRequest is that a request which is passed on reads the same to net/http,
// host and length above all, and once more to us.
func FuzzRequest(f *testing.F) {
	for _, text := range []string{
		get("allowed.example", ""), get("allowed.example:80", "Content-Length: 5\r\n") + "hello",
		"POST http://a.example/x?y#z HTTP/1.1\r\nHost: b.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"CONNECT [2606::1]:443 HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.0\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: a.example\r\nUpgrade: h2c\r\n\r\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		h, err := readHead(bufio.NewReader(bytes.NewReader(msg)), true, always)
		if err != nil {
			return
		}
		q, err := parseRequest(h)
		if err != nil || q.method == "CONNECT" {
			return
		}
		q.forOrigin()
		var out bytes.Buffer
		w := bufio.NewWriter(&out)
		q.write(w)
		w.Flush()
		sameToUs(t, q, out.Bytes())
		sameToHTTP(t, q, out.Bytes())
	})
}

func sameToUs(t *testing.T, q request, sent []byte) {
	h, err := readHead(bufio.NewReader(bytes.NewReader(sent)), true, always)
	if err != nil {
		t.Fatalf("what is sent cannot be read: %v\n%q", err, sent)
	}
	again, err := parseRequest(h)
	if err != nil || again.host != q.host || again.addr != q.addr || again.body != q.body {
		t.Fatalf("read again: %v, %+v\n%+v\n%q", err, again, q, sent)
	}
}

func sameToHTTP(t *testing.T, q request, sent []byte) {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(sent)))
	if err != nil {
		return // stricter still
	}
	host, _, err := splitAuthority(r.Host)
	if err != nil {
		t.Fatalf("the host is %q to net/http: %v", r.Host, err)
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Unmap() != q.addr {
			t.Fatalf("the host is %q to net/http, and %q here", r.Host, q.addr)
		}
	} else if name, err := netfilter.CanonicalName(host); host != "" && (err != nil || name != q.host) {
		t.Fatalf("the host is %q to net/http, and %q here", r.Host, q.host)
	}
	if n := map[bodyKind]int64{sizedBody: q.body.length, chunkedBody: -1}[q.body.kind]; r.ContentLength != n {
		t.Fatalf("the length is %d to net/http, and %d here: %q", r.ContentLength, n, sent)
	}
}

// FuzzResponse is that a server can send what it likes.
func FuzzResponse(f *testing.F) {
	for _, text := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.0 200\nX: y\n folded\n\nrest",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: v\r\n\r\n", "HTTP/1.1 101 Switching\r\n\r\n",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		r := bufio.NewReader(bytes.NewReader(msg))
		h, err := readHead(r, false, always)
		if err != nil {
			return
		}
		status, err := h.status()
		if err != nil {
			return
		}
		b, err := responseBody(&h, "GET", status)
		if err != nil || b.kind != chunkedBody && b.kind != sizedBody {
			return
		}
		if b.kind == sizedBody {
			b.length = min(b.length, direct-1) // more would go from connection to connection
		} else if tooLarge.Match(msg) {
			return
		}
		var out bytes.Buffer
		w := bufio.NewWriter(&out)
		if sent := copyBody(w, nil, r, nil, b); sent.err == nil && b.kind == chunkedBody {
			again, err := http.ReadResponse(bufio.NewReader(io.MultiReader(strings.NewReader("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), &out)), nil)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, again.Body); n != sent.n {
				t.Fatalf("%d bytes in chunks read as %d, %v", sent.n, n, err)
			}
		}
	})
}

// tooLarge finds what could be the size of a chunk from direct on.
var tooLarge = regexp.MustCompile("[0-9a-fA-F]{4}")

// FuzzPolicy is that any file is a policy or an error, and never ends the daemon.
func FuzzPolicy(f *testing.F) {
	f.Add("version = 1\nagent = 'agent'\nuid = 1001\nbackend = 'nft'\nproxy-port = 3\ndns-port = 4\ndns = ['8.8.8.8:53']\n[[allow]]\nrule = 'a.example'\n")
	f.Add("[[allow]]\nrule = '*'\n")
	f.Add("version = 1\nagent = 'agent'\nuid = 1001\nbackend = 'iptables'\ndns = []\nech = true\nlearn = 2026-01-02T03:04:05Z\n[[deny]]\nrule = '10.0.0.0/8:22'\nuntil = 2026-01-02T03:04:05Z\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := netfilter.ParsePolicy([]byte(text))
		if err != nil {
			if strings.ContainsAny(oneLine(err), "\n\r\x00") {
				t.Fatalf("an error of several lines: %q", err)
			}
			return
		}
		back, err := p.Text()
		if err != nil {
			t.Fatalf("a policy that was read cannot be written: %v", err)
		}
		if _, err := netfilter.ParsePolicy([]byte(back)); err != nil {
			t.Fatalf("a policy that was written cannot be read: %v", err)
		}
	})
}

// always gives all the room that is asked for.
func always() error { return nil }
