// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"net/netip"
	"slices"
)

// translated are the networks in which an IPv6 address can only stand for an IPv4 one: the well-known prefix (RFC 6052), and the
// one for a network's own (RFC 8215), below which a prefix has to be learned.
var translated = prefixes("64:ff9b::/96", "64:ff9b:1::/48")

// embedded returns the IPv4 address that addr means, by the well-known prefix or by one of p.NAT64.
func (p *Policy) embedded(addr netip.Addr) (netip.Addr, bool) {
	for _, prefix := range append([]netip.Prefix{translated[0]}, p.NAT64...) {
		if prefix.Contains(addr) {
			return embeddedBelow(prefix, addr)
		}
	}
	return netip.Addr{}, false
}

// embeddedBelow reads the IPv4 address behind a prefix, as RFC 6052, 2.2 has it: the ninth byte is left out.
func embeddedBelow(prefix netip.Prefix, addr netip.Addr) (netip.Addr, bool) {
	if !slices.Contains([]int{32, 40, 48, 56, 64, 96}, prefix.Bits()) || !addr.Is6() {
		return netip.Addr{}, false
	}
	bytes, v4 := addr.As16(), [4]byte{}
	at := prefix.Bits() / 8
	for i := range v4 {
		if at == 8 {
			at++
		}
		v4[i] = bytes[at]
		at++
	}
	return netip.AddrFrom4(v4), true
}

// TranslationPrefixes returns the prefixes below which a network reaches IPv4, from what it answers for ipv4only.arpa (RFC 7050):
// that name has two IPv4 addresses and no other, so that any further one was made from them.
func TranslationPrefixes(answered []netip.Addr) []netip.Prefix {
	var found []netip.Prefix
	for _, addr := range answered {
		for _, bits := range []int{96, 64, 56, 48, 40, 32} {
			prefix := netip.PrefixFrom(addr, bits).Masked()
			v4, ok := embeddedBelow(prefix, addr)
			if ok && slices.Contains(ipv4Only, v4) && !slices.Contains(found, prefix) && len(found) < maxTranslations {
				found = append(found, prefix)
				break
			}
		}
	}
	return found
}

// FitTranslations returns those of the prefixes that TranslationPrefixes could have returned.
func FitTranslations(prefixes []netip.Prefix) []netip.Prefix {
	var fit []netip.Prefix
	for _, prefix := range prefixes {
		if _, ok := embeddedBelow(prefix, prefix.Addr()); ok && prefix == prefix.Masked() && len(fit) < maxTranslations {
			fit = append(fit, prefix)
		}
	}
	return fit
}

// A network has one or two.
const maxTranslations = 8

var ipv4Only = []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 0, 170}), netip.AddrFrom4([4]byte{192, 0, 0, 171})}

// Inside says whether addr is on this machine or its networks rather than on the Internet. An address that means an IPv4 one is
// inside where that one is. A prefix that was learned says so of no other address: who answers for it could else open what is
// inside.
func (p *Policy) Inside(addr netip.Addr) bool {
	addr = addr.WithZone("") // no network holds an address with one
	v4, stands := p.embedded(addr.Unmap())
	if !stands {
		return inside(addr)
	}
	return inside(v4) || inside(addr) && !onlyTranslated(addr)
}

func onlyTranslated(addr netip.Addr) bool {
	return slices.ContainsFunc(translated, func(prefix netip.Prefix) bool { return prefix.Contains(addr) })
}

// denies says whether a deny rule for a network means addr: as it is written, or the IPv4 address behind it.
func (p *Policy) denies(r Rule, addr netip.Addr) bool {
	v4, stands := p.embedded(addr)
	return r.Kind == Network && (r.Prefix.Contains(addr) || stands && r.Prefix.Contains(v4))
}

// allows says whether an allow rule for a network means addr. One for a whole network of translated addresses opens none of those
// that stand for an address inside; one that names the address does, and so does one for the IPv4 address, where addr can stand for
// nothing else.
func (p *Policy) allows(r Rule, addr netip.Addr) bool {
	if r.Kind != Network {
		return false
	}
	v4, stands := p.embedded(addr)
	if stands && onlyTranslated(addr) && r.Prefix.Contains(v4) {
		return true
	}
	return r.Prefix.Contains(addr) && (!stands || !inside(v4) || r.Prefix.IsSingleIP())
}
