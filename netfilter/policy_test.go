// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func entries(rules ...string) []Entry {
	var list []Entry
	for _, text := range rules {
		rule, err := ParseRule(text)
		if err != nil {
			panic(err)
		}
		list = append(list, Entry{Rule: rule})
	}
	return list
}

func sample() Policy {
	return Policy{
		Version: Version, Agent: "agent", UID: 1001, SubUIDs: []Range{{100000, 165535}}, Backend: NFT, Proxy: 61001, DNS: 61002,
		Resolve: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.53:53"), netip.MustParseAddrPort("[2001:db8::53]:53")},
		Allow: append(entries("github.com", "*.example.com:22", "localhost:3000"),
			Entry{Rule: Rule{Kind: Name, Host: "a.test"}, Until: noon, Reason: "a \"quoted\" reason", Preset: "go"}),
		Deny: entries("10.1.0.0/16"),
	}
}

func TestPolicyRoundTrip(t *testing.T) {
	human := sample()
	human.Proxy, human.DNS, human.Human, human.Allow, human.Deny = 0, 0, HumanProxy{3128, 3129}, entries("localhost:3000"), nil
	learning := sample()
	learning.Learn, learning.NoECH, learning.SubUIDs, learning.Backend = noon, true, nil, Iptables
	for _, p := range []Policy{sample(), human, learning} {
		text, err := p.Text()
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParsePolicy([]byte(text))
		if err != nil || !reflect.DeepEqual(back, p) {
			t.Errorf("policy came back as %+v, %v\nwant %+v\nfrom\n%s", back, err, p, text)
		}
	}
	p := sample()
	text, _ := p.Text()
	if strings.Contains(text, "0001-01-01") || strings.Contains(text, "human-proxy") {
		t.Errorf("what is not set stands in the file:\n%s", text)
	}
}

func TestParsePolicyRefuses(t *testing.T) {
	good, err := ptr(sample()).Text()
	if err != nil {
		t.Fatal(err)
	}
	change := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("no %q in\n%s", old, good)
		}
		return strings.Replace(good, old, new, 1)
	}
	for text, want := range map[string]string{
		change("version = 1", "version = 2"):           "network policy: version 2: a newer au than this one wrote it",
		change("version = 1", "version = 2\nport = 3"): "network policy: version 2: a newer au than this one wrote it",
		change("version = 1", "version = 0"):           "version 0: want 1",
		change("uid = 1001", "uid = 1001\nport = 3"):   `unknown key "port"`,
		change("uid = 1001", "uid = 0"):                "uid 0",
		change("uid = 1001", "uid = 65534"):            "uid 65534",
		change("uid = 1001", "uid = \"1001; flush\""):  "line ",
		change("'agent'", "'a;b'"):                     `agent "a;b"`,
		change("'nft'", "'ipfw'"):                      `backend "ipfw"`,
		change("'100000-165535'", "'165535-100000'"):   "range of user ids",
		change("'100000-165535'", "'0-165535'"):        "above 1000",
		change("'192.0.2.53:53'", "'192.0.2.53'"):      "line ",
		change("'192.0.2.53:53'", "'0.0.0.0:53'"):      "dns ",
		change("proxy-port = 61001", "proxy-port = 0"): "want proxy-port and dns-port",
		change("dns-port = 61002", "dns-port = 61001"): "both 61001",
		change("'github.com'", "'*'"):                  "everything",
		change("'github.com'", "'*.com'"):              "anybody can register",
		good + "[human-proxy]\nhttp = 3128\nhttps=1\n": "human-proxy and proxy-port",
		"": "version 0",
	} {
		_, err := ParsePolicy([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParsePolicy refused with %v, want %q; policy:\n%s", err, want, text)
		}
	}
}

func TestDecisions(t *testing.T) {
	p := sample()
	p.Allow = append(entries("github.com", "*.github.com", "ssh.test:22", "198.51.100.0/24", "203.0.113.9:8080", "localhost:3000", "bad.test", "10.0.0.0/8"),
		Entry{Rule: entries("old.test")[0].Rule, Until: noon}, Entry{Rule: entries("soon.test")[0].Rule, Until: noon.Add(time.Second)})
	p.Deny = append(entries("bad.test", "evil.github.com", "github.com:80", "198.51.100.66", "10.1.0.0/16"), Entry{Rule: entries("soon.test")[0].Rule, Until: noon},
		Entry{Rule: entries("api.github.com")[0].Rule, From: noon.Add(time.Second)}, Entry{Rule: entries("www.github.com")[0].Rule, From: noon})
	for _, c := range []struct {
		what string
		got  Verdict
		code Code
	}{
		{"an allowed name on 443", p.Name("github.com", 443, noon), Allowed},
		{"an allowed name, one port denied", p.Name("github.com", 80, noon), DeniedByRule},
		{"an allowed name on ssh", p.Name("github.com", 22, noon), WrongPort},
		{"a wildcard's name", p.Name("api.github.com", 443, noon), Allowed},
		{"a wildcard's name two below", p.Name("a.b.github.com", 443, noon), Allowed},
		{"a suspended denial, when it holds again", p.Name("api.github.com", 443, noon.Add(time.Second)), DeniedByRule},
		{"a denial at the end of its suspension", p.Name("www.github.com", 443, noon), DeniedByRule},
		{"a name that only ends alike", p.Name("evilgithub.com", 443, noon), NotAllowed},
		{"deny wins over a wildcard", p.Name("evil.github.com", 443, noon), DeniedByRule},
		{"deny wins over the same rule", p.Name("bad.test", 443, noon), DeniedByRule},
		{"a name on its one port", p.Name("ssh.test", 22, noon), Allowed},
		{"a name off its one port", p.Name("ssh.test", 443, noon), WrongPort},
		{"a question for it", p.Name("ssh.test", 0, noon), Allowed},
		{"a question for a name with one port denied", p.Name("github.com", 0, noon), Allowed},
		{"a question for a denied name", p.Name("bad.test", 0, noon), DeniedByRule},
		{"a rule at its end", p.Name("old.test", 443, noon), Expired},
		{"a rule before its end, a deny after", p.Name("soon.test", 443, noon), Allowed},
		{"an unknown name", p.Name("other.test", 443, noon), NotAllowed},
		{"a network on any port", p.Addr(netip.MustParseAddrPort("198.51.100.7:5432"), noon), Allowed},
		{"the same, mapped into IPv6", p.Addr(netip.MustParseAddrPort("[::ffff:198.51.100.7]:5432"), noon), Allowed},
		{"one address of it denied", p.Addr(netip.MustParseAddrPort("198.51.100.66:443"), noon), DeniedByRule},
		{"the same, mapped", p.Addr(netip.MustParseAddrPort("[::ffff:198.51.100.66]:443"), noon), DeniedByRule},
		{"an address off its port", p.Addr(netip.MustParseAddrPort("203.0.113.9:443"), noon), WrongPort},
		{"an unknown address", p.Addr(netip.MustParseAddrPort("203.0.113.10:443"), noon), NotAllowed},
		{"an allowed local port", p.Local(3000, noon), Allowed},
		{"another local port", p.Local(5432, noon), NotLocal},
	} {
		if c.got.Code != c.code || c.got.OK != (c.code == Allowed) {
			t.Errorf("%s: %+v, want %s", c.what, c.got, c.code)
		}
	}
	p.Learn = noon.Add(time.Minute)
	if v := p.Name("other.test", 443, noon); !v.OK || v.Code != Learned {
		t.Errorf("while learning, an unknown name: %+v", v)
	}
	if v := p.Name("bad.test", 443, noon); v.OK {
		t.Errorf("while learning, a denied name: %+v", v)
	}
	if v := p.Local(5432, noon); v.OK {
		t.Errorf("while learning, the human's own server: %+v", v)
	}
	if v := p.Name("other.test", 443, p.Learn); v.OK {
		t.Errorf("at the end of learning: %+v", v)
	}
}

func TestAnswerable(t *testing.T) {
	p := sample()
	p.Allow, p.Deny = entries("10.0.0.0/8", "fd00:1::/32"), entries("10.1.0.0/16", "203.0.113.66")
	for addr, want := range map[string]bool{
		"203.0.113.7": true, "2001:db8::1": true, "203.0.113.66": false,
		"10.2.0.1": true, "10.1.0.1": false, "::ffff:10.2.0.1": true, "::ffff:192.168.0.1": false,
		"192.168.1.1": false, "172.16.0.1": false, "172.32.0.1": true, "100.64.0.1": false, "169.254.169.254": false,
		"127.0.0.1": false, "0.0.0.0": false, "224.0.0.1": false, "255.255.255.255": false, "::1": false, "::": false,
		"fd00:1::5": true, "fd00:2::5": false, "fe80::1": false, "fec0::1": false, "ff02::1": false,
		"64:ff9b::a02:1": true, "64:ff9b::a01:1": false, "64:ff9b::c0a8:1": false, "64:ff9b::5db8:d822": true, "64:ff9b::cb00:7142": false, "2002:a00:1::1": false, "2001::1": false,
	} {
		if got := p.Answerable(netip.MustParseAddr(addr), noon); got != want {
			t.Errorf("Answerable(%s) = %v, want %v", addr, got, want)
		}
	}
}

// A policy from when hidden names had to be asked for can be read, and says the default.
func TestOldWordIsRead(t *testing.T) {
	text, err := ptr(sample()).Text()
	must(t, err)
	p, err := ParsePolicy([]byte(strings.Replace(text, "uid = 1001", "uid = 1001\nech = true", 1)))
	if err != nil || p.NoECH {
		t.Errorf("it is read as %+v, %v", p, err)
	}
	if again, err := p.Text(); err != nil || strings.Contains(again, "ech") {
		t.Errorf("it is written as\n%s%v", again, err)
	}
}

func addrPort(text string) netip.AddrPort { return netip.MustParseAddrPort(text) }

// ptr returns where v is.
func ptr[T any](v T) *T { return &v }

func TestNextChange(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	in := func(left time.Duration) time.Time { return now.Add(left) }
	p := Policy{}
	if next := p.NextChange(now); !next.IsZero() {
		t.Errorf("nothing ends, and the next change is %v", next)
	}
	p = Policy{
		Learn: in(9 * time.Second), Allow: []Entry{{Until: in(-time.Second)}, {Until: in(5 * time.Second)}},
		Deny: []Entry{{From: in(3 * time.Second), Until: in(7 * time.Second)}},
	}
	for _, want := range []time.Duration{3, 5, 7, 9} {
		want *= time.Second
		if next := p.NextChange(now); !next.Equal(in(want)) {
			t.Errorf("the next change is %v, want %v", next, in(want))
		}
		now = in(want)
		in = func(left time.Duration) time.Time { return time.Unix(1_000_000, 0).Add(left) }
	}
}

// A policy without rules, suspensions and learning that are over; the others stay.
func TestAtLeavesOutWhatIsOver(t *testing.T) {
	now := time.Unix(2_000_000_000, 0)
	past, future := now.Add(-time.Hour), now.Add(time.Hour)
	a, b, c := Rule{Kind: Name, Host: "a.test"}, Rule{Kind: Name, Host: "b.test"}, Rule{Kind: Name, Host: "c.test"}
	p := Policy{Learn: past, Allow: []Entry{{Rule: a, Until: past}, {Rule: b, Until: future}, {Rule: c}}, Deny: []Entry{{Rule: a, From: past}, {Rule: b, From: future}}}
	got := p.At(now)
	want := Policy{Allow: []Entry{{Rule: b, Until: future}, {Rule: c}}, Deny: []Entry{{Rule: a}, {Rule: b, From: future}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("it is %+v", got)
	}
	if p.Learn = future; !p.At(now).Learn.Equal(future) || p.Deny[0].From != past || len(p.Allow) != 3 {
		t.Errorf("it is %+v, of %+v", p.At(now), p)
	}
}
