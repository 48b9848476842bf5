// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"net/netip"
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
		{netfilter.Record{}, ""},
	} {
		if got := ruleFor(c.record); got != c.want {
			t.Errorf("for %+v the rule %q is suggested, want %q", c.record, got, c.want)
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
	for _, text := range []string{"", "2", "-2h", "0s", "99999d", "2 h", "forever"} {
		var s span
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q passes as %v", text, time.Duration(s))
		}
	}
}
