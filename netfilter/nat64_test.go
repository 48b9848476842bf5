// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"net/netip"
	"slices"
	"testing"
)

// The examples of RFC 6052, 2.4: 192.0.2.33 below a prefix of each length.
func TestEmbedded(t *testing.T) {
	for prefix, addr := range map[string]string{
		"2001:db8::/32": "2001:db8:c000:221::", "2001:db8:100::/40": "2001:db8:1c0:2:21::", "2001:db8:122::/48": "2001:db8:122:c000:2:2100::",
		"2001:db8:122:300::/56": "2001:db8:122:3c0:0:221::", "2001:db8:122:344::/64": "2001:db8:122:344:c0:2:2100::",
		"2001:db8:122:344::/96": "2001:db8:122:344::192.0.2.33", "64:ff9b::/96": "64:ff9b::192.0.2.33",
	} {
		v4, ok := embeddedBelow(netip.MustParsePrefix(prefix), netip.MustParseAddr(addr))
		if want := netip.MustParseAddr("192.0.2.33"); !ok || v4 != want {
			t.Errorf("%s below %s stands for %s, %v; want %s", addr, prefix, v4, ok, want)
		}
	}
	for _, prefix := range []string{"2001:db8::/33", "2001:db8::/128", "2001:db8::/95"} {
		if v4, ok := embeddedBelow(netip.MustParsePrefix(prefix), netip.MustParseAddr("2001:db8::1")); ok {
			t.Errorf("below %s, which is no such prefix, it stands for %s", prefix, v4)
		}
	}
}

func TestTranslationPrefixes(t *testing.T) {
	var answered []netip.Addr
	for _, text := range []string{
		"64:ff9b::192.0.0.170", "64:ff9b::192.0.0.171", "2001:db8:1::192.0.0.171", "2001:db8:122:344:c0:0:aa00:0", // the last one below a /64
		"192.0.0.170", "2001:db8::7", "::ffff:192.0.0.170x",
	} {
		if addr, err := netip.ParseAddr(text); err == nil {
			answered = append(answered, addr)
		}
	}
	want := prefixes("64:ff9b::/96", "2001:db8:1::/96", "2001:db8:122:344::/64")
	if got := TranslationPrefixes(answered); !slices.Equal(got, want) {
		t.Errorf("learned %v, want %v", got, want)
	}
	var many []netip.Addr
	for i := range 100 {
		many = append(many, netip.AddrFrom16([16]byte{0x20, 1, 13: byte(i), 12: 192, 15: 170}))
		many = append(many, netip.AddrFrom16([16]byte{0x20, 1, 2, byte(i), 12: 192, 15: 170}))
	}
	if got := TranslationPrefixes(many); len(got) > maxTranslations {
		t.Errorf("%d prefixes were learned", len(got))
	}
}

// An address is judged by what it means; a prefix that somebody made up opens nothing.
func TestTranslated(t *testing.T) {
	p := Policy{NAT64: prefixes("2001:db8:64::/96", "64:ff9b:1:7::/96", "fd00:64::/96"), Allow: entries("10.9.0.0/16", "198.51.100.0/24:22"), Deny: entries("203.0.113.66")}
	for text, c := range map[string]struct{ inside, answerable bool }{
		"64:ff9b::93.184.216.34":     {false, true},
		"64:ff9b::10.0.0.1":          {true, false},
		"64:ff9b::10.9.0.1":          {true, true},
		"64:ff9b::127.0.0.1":         {true, false},
		"64:ff9b::169.254.169.254":   {true, false},
		"64:ff9b::203.0.113.66":      {false, false},
		"64:ff9b:1:7::93.184.216.34": {false, true},
		"64:ff9b:1:7::10.0.0.1":      {true, false},
		"64:ff9b:1:8::93.184.216.34": {true, false}, // nobody said that this is a prefix
		"2001:db8:64::93.184.216.34": {false, true},
		"2001:db8:64::192.168.1.1":   {true, false},
		"2001:db8:64::10.9.0.1":      {true, false}, // it may be something else: only a rule that names it
		"2001:db8:64::203.0.113.66":  {false, false},
		"2001:db8:65::192.168.1.1":   {false, true},
		"fd00:64::93.184.216.34":     {true, false}, // inside as it is written, whoever says that it stands for something
		"fd00:64::10.9.0.1":          {true, false},
		"2002:5db8:d822::1":          {true, false},
	} {
		addr := netip.MustParseAddr(text)
		if got := p.Inside(addr); got != c.inside {
			t.Errorf("%s is inside: %v, want %v", text, got, c.inside)
		}
		if got := p.Answerable(addr, noon); got != c.answerable {
			t.Errorf("%s may be answered: %v, want %v", text, got, c.answerable)
		}
	}
	if !p.Addr(addrPort("[64:ff9b::c633:6407]:22"), noon).OK {
		t.Error("a rule for an IPv4 address does not mean what can stand for nothing else")
	}
	if v := p.Addr(addrPort("[2001:db8:64::c633:6407]:22"), noon); v.OK {
		t.Error("a prefix that was learned makes a rule for an IPv4 address open an IPv6 one")
	}
}

// An address with an interface is judged as the same one without.
func TestAnAddressWithAnInterface(t *testing.T) {
	p := Policy{NAT64: prefixes("2001:db8:64::/96"), Allow: entries("fe80::1"), Deny: entries("fe80::2", "2001:db8::/32")}
	for text, c := range map[string]struct{ inside, answerable, ok bool }{
		"fe80::1%2": {true, true, true}, "fe80::2%2": {true, false, false}, "fe80::3%2": {true, false, false}, "fd00::1%up0": {true, false, false},
		"2001:db8:64::10.0.0.1%2": {true, false, false}, "2001:db8:1::1%2": {false, false, false}, "2606::1%2": {false, true, false},
	} {
		addr := netip.MustParseAddr(text)
		if p.Inside(addr) != c.inside || p.Answerable(addr, noon) != c.answerable || p.Addr(netip.AddrPortFrom(addr, 443), noon).OK != c.ok {
			t.Errorf("%s is inside: %v, may be answered: %v, is let through: %v", text, p.Inside(addr), p.Answerable(addr, noon), p.Addr(netip.AddrPortFrom(addr, 443), noon))
		}
	}
	p.Deny = entries("fe80::/10")
	if v := p.Addr(addrPort("[fe80::1%2]:443"), noon); v.Code != DeniedByRule {
		t.Errorf("a denial of its network does not hold: %+v", v)
	}
}

// A rule for all translated addresses opens none that stand for an address inside; the rule that a remedy names does.
func TestRuleForTranslated(t *testing.T) {
	wide := Policy{Allow: entries("64:ff9b::/96")}
	inside, outside := addrPort("[64:ff9b::a00:1]:443"), addrPort("[64:ff9b::5db8:d822]:443")
	if wide.Addr(inside, noon).OK || wide.Answerable(inside.Addr(), noon) || !wide.Addr(outside, noon).OK {
		t.Error("a rule for all of them opens what is inside, or not what is outside")
	}
	rule, _ := Opening(Private, Target{Addr: inside.Addr(), Port: inside.Port()})
	if p := (Policy{Allow: []Entry{{Rule: rule}}}); !p.Addr(inside, noon).OK || !p.Answerable(inside.Addr(), noon) || p.Addr(outside, noon).OK {
		t.Errorf("%s does not open what it names, or more", rule)
	}
	if p := (Policy{Deny: entries("64:ff9b::/96"), Allow: entries("93.184.0.0/16")}); p.Addr(outside, noon).OK {
		t.Error("a denial of translated addresses does not hold")
	}
}
