// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
)

// made are the addresses that stand for names where an upstream looks these up. They are loopback's, which every machine has a way
// to, also one without a way to anywhere else.
var made = netip.MustParsePrefix("127.64.0.0/10")

// IsMade says whether addr stands for a name.
func (p *Policy) IsMade(addr netip.Addr) bool {
	return p.Upstream.IsSet() && made.Contains(addr.Unmap())
}

// Made returns the address that stands for name where an upstream looks names up: always the same one, so that nobody has to
// remember it. Two names may share one, once in four million pairs. No harm comes of it: a name that is shown decides, and a rule
// with a port decides where none is.
func (p *Policy) Made(name string) netip.Addr {
	sum := sha256.Sum256([]byte(name))
	first := binary.BigEndian.Uint32(made.Addr().AsSlice())
	rest := binary.BigEndian.Uint32(sum[:]) >> made.Bits()
	if rest == 0 {
		rest = 1
	}
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, first|rest)))
}
