// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestUpstreamsThatCannotBeAreRefused(t *testing.T) {
	for _, c := range []struct{ url, want string }{
		{"http://proxy.example:3128", ""}, {"https://Proxy.Example:443/", ""}, {"http://[2001:db8::1]:3128", ""}, {"http://127.0.0.1:3128", ""},
		{"proxy.example:3128", "want a URL"}, {"socks5://proxy.example:1080", "want a URL"}, {"http://:3128", "want a URL"}, {"", "want a URL"},
		{"http://proxy.example", "want a port"}, {"http://proxy.example:0", "want a port"}, {"http://proxy.example:99999", "want a port"},
		{"http://alice:word@proxy.example:3128", "holds a login"}, {"http://proxy.example:3128/path", "no more than"}, {"http://proxy.example:3128?a", "no more than"},
		{"http://proxy.example%0d%0a:3128", "want a URL"}, {"http://proxy.exam\r\nple:3128", "want a URL"}, {"http://0.0.0.0:3128", "host"}, {"http://pro xy:3128", "want a URL"},
	} {
		u, err := ParseUpstream(c.url)
		if c.want == "" && (err != nil || u.Check() != nil) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q: %+v, %v; want %q", c.url, u, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "word") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
	for _, c := range []struct {
		u    Upstream
		want string
	}{
		{Upstream{CA: "x"}, "without a proxy"}, {Upstream{URL: "http://proxy.example:3128", CA: "x"}, "want an https URL"},
		{Upstream{URL: "https://proxy.example:3128", CA: "x"}, "holds no certificate"},
		{Upstream{URL: "https://proxy.example:3128", CA: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}, "holds a PRIVATE KEY"},
		{Upstream{URL: "https://proxy.example:3128", CA: strings.Repeat("x", MaxCA+1)}, "at most"},
		{Upstream{URL: "http://proxy.example:3128", Login: "login"}, "absolute path"}, {Upstream{URL: "http://proxy.example:3128", Login: "/etc/../login"}, "absolute path"},
		{Upstream{URL: "http://proxy.example:3128", Login: "/etc/a\nExecStart=/bin/sh"}, "absolute path"}, {Upstream{URL: "http://proxy.example:3128", Login: "/etc/%h"}, "absolute path"},
		{Upstream{URL: "HTTP://proxy.example:3128"}, "want http://proxy.example:3128"},
	} {
		if err := c.u.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.80q: %v, want %q", c.u, err, c.want)
		}
	}
}

func TestLoginsAreOneLine(t *testing.T) {
	for text, good := range map[string]bool{
		"alice:word": true, "alice:word\n": true, "alice:a:b\r\n": true, "alice:": true, "": false, "alice\n": false, ":word": false, "alice:a\nb": false,
		"alice:a\r\nX: y\n": false, "alice:\x00": false, "a:" + strings.Repeat("x", MaxLogin): false,
	} {
		if _, err := ParseLogin([]byte(text)); (err == nil) != good || err != nil && strings.Contains(err.Error(), "alice") {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

// The proxy is for the daemon, whatever else is allowed.
func TestNoRuleOpensTheUpstream(t *testing.T) {
	now := time.Now()
	p := Policy{Version: Version, Agent: "agent", UID: 1001, Backend: NFT, Proxy: 61001, DNS: 61002}
	for _, word := range []string{"proxy.corp.example:3128", "*.corp.example", "10.0.0.0/8", "localhost:4000"} {
		rule, err := ParseRule(word)
		if err != nil {
			t.Fatal(err)
		}
		p.Allow = append(p.Allow, Entry{Rule: rule})
	}
	for url, verdict := range map[string]func() Verdict{
		"http://proxy.corp.example:3128": func() Verdict { return p.Name("proxy.corp.example", 3128, now) },
		"http://10.0.0.7:3128":           func() Verdict { return p.Addr(netip.MustParseAddrPort("10.0.0.7:22"), now) },
		"http://localhost:4001":          func() Verdict { return p.Local(4001, now) },
		"http://[::1]:4001":              func() Verdict { return p.Local(4001, now) },
	} {
		p.Upstream = Upstream{URL: url}
		if _, err := p.Text(); err != nil {
			t.Fatal(err)
		}
		if v := verdict(); v.OK || v.Code != DeniedByRule || v.Rule != "--upstream "+url {
			t.Errorf("%s itself is %+v", url, v)
		}
		if v := p.Name("www.corp.example", 443, now); !v.OK {
			t.Errorf("beside %s another name is %+v", url, v)
		}
	}
	for _, url := range []string{"http://localhost:4000", "http://proxy.corp.example:4000"} {
		p.Upstream = Upstream{URL: url}
		if _, err := p.Text(); err == nil || !strings.Contains(err.Error(), "is the port of the upstream") {
			t.Errorf("localhost:4000 beside %s: %v", url, err)
		}
	}
	p.Upstream, p.Resolve = Upstream{URL: "http://10.0.0.7:3128"}, []netip.AddrPort{netip.MustParseAddrPort("192.0.2.53:53")}
	if err := p.Check(); err == nil || !strings.Contains(err.Error(), "dns beside upstream") {
		t.Errorf("DNS servers beside an upstream: %v", err)
	}
}

func TestAPolicyWithAnUpstreamIsReadAsItWasWritten(t *testing.T) {
	p := Policy{Version: Version, Agent: "agent", UID: 1001, Backend: NFT, Proxy: 61001, DNS: 61002}
	p.Upstream = Upstream{URL: "http://proxy.example:3128", Login: "/etc/proxy-login"}
	text, err := p.Text()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParsePolicy([]byte(text))
	if err != nil || again.Upstream != p.Upstream {
		t.Errorf("%v: %+v from\n%s", err, again.Upstream, text)
	}
	if got, want := p.Again(), "au net restrict --agent agent --upstream http://proxy.example:3128 --upstream-login /etc/proxy-login"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestMadeAddressesAreLoopbacksAndTheSameEachTime(t *testing.T) {
	p := Policy{Upstream: Upstream{URL: "http://proxy.example:3128"}}
	a, b := p.Made("a.example"), p.Made("b.example")
	if a == b || a != p.Made("a.example") || !p.IsMade(a) || !a.IsLoopback() || a == netip.MustParseAddr("127.0.0.1") {
		t.Errorf("a.example is %s, b.example %s", a, b)
	}
	if (&Policy{}).IsMade(a) {
		t.Errorf("without an upstream %s stands for a name", a)
	}
}
