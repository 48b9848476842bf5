// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/a4u2/au/netfilter"
)

func TestWhyTarget(t *testing.T) {
	for text, want := range map[string]string{
		"github.com": "github.com 443", "github.com:22": "github.com 22", "https://GitHub.com/a4u2/au?x=1": "github.com 443",
		"http://example.com": "example.com 80", "ssh://git@github.com/a": "github.com 22", "http://example.com:8080/": "example.com 8080",
		"192.0.2.7": "192.0.2.7 443", "192.0.2.7:22": "192.0.2.7 22", "2001:db8::1": "2001:db8::1 443", "[2001:db8::1]:22": "2001:db8::1 22",
		"git@github.com:a4u2/au": "github.com 22", "git@github.com:22": "github.com 22", "user:pw@github.com": "github.com 443", "https://user:pw@github.com:8443/": "github.com 8443",
		"http://[fe80::1%25eth0]/": "fe80::1 80", "10.0.0.0/8": "error", "https://[2001:db8::1]/a:b": "2001:db8::1 443",
		"localhost:3000": "localhost 3000", "bücher.example": "xn--bcher-kva.example 443",
		"github.com:0": "error", "a b": "error", "": "error", "ftp://example.com": "error", "a..b": "error",
	} {
		host, port, err := target(text)
		got := "error"
		if err == nil {
			got = netip.AddrPortFrom(netip.IPv4Unspecified(), port).String()
			got = host + " " + got[strings.LastIndex(got, ":")+1:]
		}
		if got != want {
			t.Errorf("target(%q) = %s (%v), want %s", text, got, err, want)
		}
	}
}

func TestSuggestedRule(t *testing.T) {
	for _, c := range []struct {
		record netfilter.Record
		want   string
	}{
		{netfilter.Record{Name: "github.com", Port: 443}, "github.com"},
		{netfilter.Record{Name: "github.com", Type: "A"}, "github.com"},
		{netfilter.Record{Name: "github.com", Port: 22}, "github.com:22"},
		{netfilter.Record{Addr: "192.0.2.7", Port: 22}, "192.0.2.7:22"},
		{netfilter.Record{Addr: "192.0.2.7:22", Port: 22}, "192.0.2.7:22"},
		{netfilter.Record{Addr: "127.0.0.1", Port: 3000}, "localhost:3000"},
		{netfilter.Record{Addr: "[2001:db8::7]:22", Port: 22}, "[2001:db8::7]:22"},
		{netfilter.Record{Name: "$(reboot).com", Port: 443}, ""},
		{netfilter.Record{Name: "evil.com\nau net off", Port: 443}, ""},
		{netfilter.Record{Addr: "[100::1]:22", Port: 22}, ""},
		{netfilter.Record{Addr: "192.0.2.1", Port: 22}, ""},
		{netfilter.Record{Name: "au.invalid", Type: "A"}, ""},
		{netfilter.Record{}, ""},
	} {
		if got := ruleFor(c.record); got != c.want {
			t.Errorf("for %+v the rule %q is suggested, want %q", c.record, got, c.want)
		}
	}
}

// What is suggested allows all that was refused, and no more than that; nothing where all of it is allowed by now.
func TestSuggest(t *testing.T) {
	denied := func(name string, port uint16) netfilter.Record {
		return netfilter.Record{Code: netfilter.NotAllowed, Name: name, Port: port}
	}
	for _, c := range []struct {
		allowed string
		records []netfilter.Record
		want    string
	}{
		{"", []netfilter.Record{denied("a.test", 0), denied("a.test", 443)}, "a.test"},
		{"", []netfilter.Record{denied("a.test", 0)}, "a.test"},
		{"", []netfilter.Record{denied("a.test", 0), denied("a.test", 22)}, "a.test:22"},
		{"", []netfilter.Record{denied("a.test", 22), denied("a.test", 80)}, "a.test:22 a.test"},
		{"a.test:22", []netfilter.Record{denied("a.test", 443)}, "a.test"},
		{"a.test:443", []netfilter.Record{denied("a.test", 443)}, ""},
		{"a.test", []netfilter.Record{denied("a.test", 443), denied("a.test", 22)}, "a.test:22"},
		{"192.0.2.7:80", []netfilter.Record{{Code: netfilter.NotAllowed, Addr: "192.0.2.7", Port: 80}}, ""},
		{"", []netfilter.Record{{Code: netfilter.Unreachable, Name: "a.test", Port: 22}}, ""},
	} {
		root := t.TempDir()
		defer func(old string) { hostRoot = old }(hostRoot)
		hostRoot = root
		p := netfilter.Policy{Agent: "agent"}
		if c.allowed != "" {
			rule, err := netfilter.ParseRule(c.allowed)
			if err != nil {
				t.Fatal(err)
			}
			p.Allow = []netfilter.Entry{{Rule: rule}}
		}
		var text []byte
		for _, r := range c.records {
			text = append(text, r.Line()...)
		}
		dir := filepath.Join(root, p.LogDir())
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "net.jsonl"), text, 0o644)); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		err := (&netLogCmd{agentFlag: agentFlag{Agent: "agent"}}).suggest(&app{out: &out}, p)
		got := strings.TrimSpace(strings.TrimPrefix(out.String(), "au net allow --agent agent"))
		if strings.HasPrefix(got, "Nothing to suggest") {
			got = ""
		}
		if err != nil || got != c.want {
			t.Errorf("with %q allowed, %+v: suggested is %q (%v), want %q", c.allowed, c.records, got, err, c.want)
		}
	}
}

// What is allowed and failed is not called denied.
func TestFailureIsNoDenial(t *testing.T) {
	for code, want := range map[netfilter.Code]string{
		netfilter.NotResolved: "failed", netfilter.Unreachable: "failed", netfilter.NotAllowed: "denied", netfilter.NoName: "denied",
	} {
		if text := recordText(netfilter.Record{Code: code, Kind: "tcp", Name: "a.test", Port: 443}); !strings.Contains(text, "  "+want+" ") {
			t.Errorf("%s is shown as %q, want %s", code, text, want)
		}
	}
}

func TestRecordCannotSteerTheTerminal(t *testing.T) {
	text := recordText(netfilter.Record{Time: time.Now(), Kind: "tls", Name: "a\x1b[2J\r\n.com\u202e", Detail: "\x07", Port: 443})
	if strings.ContainsAny(text, "\x1b\r\n\x07\u202e") {
		t.Errorf("%q reaches the terminal", text)
	}
}

func TestSpan(t *testing.T) {
	for text, want := range map[string]time.Duration{"90s": 90 * time.Second, "2h": 2 * time.Hour, "7d": 168 * time.Hour, "1h30m": 90 * time.Minute} {
		var s span
		if err := s.UnmarshalText([]byte(text)); err != nil || time.Duration(s) != want {
			t.Errorf("%q is %v, %v", text, time.Duration(s), err)
		}
	}
	for _, text := range []string{"", "2", "-2h", "0s", "99999d", "2 h", "213504d", "forever"} {
		var s span
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q passes as %v", text, time.Duration(s))
		}
	}
}
