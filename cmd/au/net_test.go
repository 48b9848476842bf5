// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision"
)

func TestWhyTarget(t *testing.T) {
	for text, want := range map[string]string{
		"github.com": "github.com:443 tls", "github.com:22": "github.com:22", "https://GitHub.com/a4u2/au?x=1": "github.com:443 tls",
		"http://example.com": "example.com:80", "ssh://git@github.com/a": "github.com:22", "http://example.com:8080/": "example.com:8080",
		"192.0.2.7": "192.0.2.7:443 tls", "192.0.2.7:22": "192.0.2.7:22", "2001:db8::1": "[2001:db8::1]:443 tls", "[2001:db8::1]:22": "[2001:db8::1]:22",
		"git@github.com:a4u2/au": "github.com:22", "git@github.com:22": "github.com:22", "user:pw@github.com": "github.com:443 tls", "https://user:pw@github.com:8443/": "github.com:8443 tls",
		"http://[fe80::1%25eth0]/": "[fe80::1]:80", "10.0.0.0/8": "error", "https://[2001:db8::1]/a:b": "[2001:db8::1]:443 tls",
		"localhost:3000": "localhost:3000 tls", "bücher.example": "xn--bcher-kva.example:443 tls", "redis://db.example:6379/0": "db.example:6379",
		"quic://github.com": "github.com:443 udp", "h3://github.com:8443": "github.com:8443 udp", "github.com:443/udp": "github.com:443 udp", "udp://8.8.8.8:53": "8.8.8.8:53 udp",
		"ntp://pool.example": "pool.example:123 udp", "udp://github.com": "error", "github.com/udp": "error",
		"github.com:0": "error", "a b": "error", "": "error", "ftp://example.com": "error", "a..b": "error",
	} {
		q, err := askedFor(text)
		got := q.text()
		for word, is := range map[string]bool{" tls": q.tls, " udp": q.udp} {
			if is {
				got += word
			}
		}
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q is %s (%v), want %s", text, got, err, want)
		}
	}
}

// The words of au net why; in hosts there are names that lead to what is inside, outside, and to this machine.
func TestWhy(t *testing.T) {
	root := t.TempDir()
	h := host.Real("")
	h.Root = root
	const hosts = "203.0.113.7 git.test\n10.1.2.3 wiki.corp\n0.0.0.0 ads.test\n10.9.9.9 denied.test\n"
	if err := errors.Join(os.Mkdir(filepath.Join(root, "etc"), 0o755), os.WriteFile(filepath.Join(root, "etc/hosts"), []byte(hosts), 0o644),
		os.WriteFile(filepath.Join(root, "etc/resolv.conf"), []byte("nameserver 127.0.0.1\nsearch corp\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	plain := netfilter.Policy{Version: netfilter.Version, Agent: "agent", UID: 61001, Backend: netfilter.NFT, Proxy: 1, DNS: 2}
	for _, rule := range []string{"git.test", "git.test:22", "wiki.corp", "ads.test", "denied.test", "203.0.113.9:443", "198.51.100.0/24:53", "localhost:5353"} {
		plain.Allow = append(plain.Allow, rulesOf(t, rule, time.Now())...)
	}
	plain.Deny = rulesOf(t, "10.9.0.0/16", time.Now())
	noECH := plain
	noECH.NoECH = true
	const ech = ", unless it is TLS that hides its name, or looks as if it did (ECH, as browsers send it): --no-ech refuses that\nhint: au net restrict --agent agent --ech\n"
	for _, c := range []struct {
		policy      netfilter.Policy
		text        string
		allowed     bool
		says, hints string
	}{
		{plain, "git.test", true, "git.test:443: allowed by the rule git.test\n", ""},
		{plain, "git.test:22", true, "git.test:22: allowed by the rule git.test:22\n", ""},
		{plain, "git.test:8443", false, "git.test:8443: not allowed on this port: the rule is git.test\n", "git.test:8443"},
		{plain, "quic://git.test", false, "git.test:443: not allowed: only TCP", ""},
		{plain, "git.test:443/udp", false, "git.test:443: not allowed: only TCP", ""},
		{plain, "wiki.corp", false, "not allowed: an address inside, where a name opens nothing: it leads to 10.1.2.3\n", "10.1.2.3:443"},
		{plain, "ssh://wiki.corp", false, "not allowed on this port: the rule is wiki.corp\n", "wiki.corp:22"},
		{plain, "wiki", false, "not allowed: an address inside, where a name opens nothing: it leads to 10.1.2.3\n", "10.1.2.3:443"},
		{plain, "http://ads.test", false, "it leads to 0.0.0.0\n", "localhost:80"},
		{plain, "denied.test", false, "denied by the rule 10.9.0.0/16: it leads to 10.9.9.9\n", ""},
		{plain, "other.test", false, "other.test:443: not allowed: no rule covers it\n", "other.test"},
		{plain, "203.0.113.9", true, "203.0.113.9:443: allowed by the rule 203.0.113.9:443\n", ""},
		{plain, "203.0.113.9:80", false, "not allowed on this port", "203.0.113.9:80"},
		{plain, "203.0.113.8", false, "203.0.113.8:443: not allowed: no rule covers it\n", "203.0.113.8:443"},
		{plain, "http://[2001:db8::7]", false, "[2001:db8::7]:80: not allowed: no rule covers it\n", "[2001:db8::7]:80"},
		{plain, "203.0.113.7:22", true, "203.0.113.7:22: allowed by the rule git.test:22\n", ""},
		{plain, "198.51.100.7:53", false, "198.51.100.7:53: nobody there gets a question", ""},
		{plain, "udp://198.51.100.7:53", false, "198.51.100.7:53: nobody there gets a question", ""},
		{plain, "git.test:53", false, "git.test:53: nobody there gets a question", ""},
		{plain, "localhost:5353", true, "localhost:5353: allowed by the rule localhost:5353\n", ""},
		{plain, "udp://127.0.0.1:5353", true, "127.0.0.1:5353: allowed by the rule localhost:5353\n", ""},
		{plain, "localhost:3000", false, "localhost:3000: not allowed, unless the agent's own server listens there\n", "localhost:3000"},
		{plain, "udp://[::1]:3000", false, "[::1]:3000: not allowed, unless the agent's own server listens there\n", "localhost:3000"},
		{noECH, "git.test", true, "git.test:443: allowed by the rule git.test" + ech, ""},
		{noECH, "http://git.test", true, "git.test:80: allowed by the rule git.test\n", ""},
		{noECH, "git.test:22", true, "git.test:22: allowed by the rule git.test:22\n", ""},
		{noECH, "203.0.113.9", true, "203.0.113.9:443: allowed by the rule 203.0.113.9:443\n", ""},
	} {
		q, err := askedFor(c.text)
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		err = sayWhy(h, &out, c.policy, q)
		said, hint, _ := strings.Cut(out.String(), "hint: au net allow --agent agent ")
		if (err == nil) != c.allowed || !strings.Contains(said, c.says) || strings.TrimSpace(hint) != c.hints {
			t.Errorf("why %s (%v):\n%swant %q and the hint %q", c.text, err, out.String(), c.says, c.hints)
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
		{netfilter.Record{Addr: "192.0.2.7", Port: 443}, "192.0.2.7:443"},
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
		rule, ok := netfilter.Opening(netfilter.NotAllowed, c.record.Target())
		if got := rule.String(); ok != (c.want != "") || ok && got != c.want {
			t.Errorf("for %+v the rule %q is suggested (%v), want %q", c.record, got, ok, c.want)
		}
	}
}

// The suggestion allows all that was refused, and no more than that. There is none where all of it is allowed by now.
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
		{"", []netfilter.Record{{Code: netfilter.NotAllowed, Addr: "192.0.2.7", Port: 80}, {Code: netfilter.NoName, Name: "a.test", Addr: "192.0.2.7", Port: 443}}, "192.0.2.7:80 192.0.2.7:443"},
		{"a.test", []netfilter.Record{{Code: netfilter.Private, Name: "a.test"}, {Code: netfilter.Private, Name: "a.test", Addr: "10.0.0.7", Port: 443}}, "10.0.0.7:443"},
		{"10.0.0.7:443", []netfilter.Record{{Code: netfilter.Private, Name: "a.test", Addr: "10.0.0.7", Port: 443}}, ""},
		{"", []netfilter.Record{{Code: netfilter.Unreachable, Name: "a.test", Port: 22}}, ""},
	} {
		root := t.TempDir()
		h := host.Real("")
		h.Root = root
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
		err := (&netLogCmd{agentFlag: agentFlag{Agent: "agent"}}).suggest(&app{host: h, out: &out}, p)
		got := strings.TrimSpace(strings.TrimPrefix(out.String(), "au net allow --agent agent"))
		if strings.HasPrefix(got, "Nothing to suggest") {
			got = ""
		}
		if err != nil || got != c.want {
			t.Errorf("with %q allowed, %+v: suggested is %q (%v), want %q", c.allowed, c.records, got, err, c.want)
		}
	}
}

// A request that is allowed and failed is not called denied.
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

// As long as everything is let through, au says so.
func TestLearningThatHasEndedIsNotSaid(t *testing.T) {
	h := host.Real("")
	h.Root = t.TempDir()
	for later, want := range map[time.Duration]bool{time.Hour: true, -time.Hour: false} {
		var said bytes.Buffer
		p := netfilter.Policy{Version: netfilter.Version, Agent: "agent", UID: 61001, Backend: netfilter.NFT, Proxy: 1, DNS: 2, Learn: h.Now().Add(later)}
		(&app{host: h, out: &said, err: io.Discard, globals: &globals{}}).sayRestricted(p, provision.NetFacts{Agent: csrc.Policy{Name: "agent", UID: 61001}})
		if strings.Contains(said.String(), "everything is let through") != want {
			t.Errorf("with learning that ends in %s:\n%s", later, &said)
		}
	}
}
