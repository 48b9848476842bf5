// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import "net/netip"

// Sinkhole4 and Sinkhole6 are what a refused name is answered with: addresses
// that belong to nobody, so that the connection which follows is seen, and
// refused with a reason, where "no such name" would read as a failure.
var (
	Sinkhole4 = netip.AddrFrom4([4]byte{192, 0, 2, 1})
	Sinkhole6 = netip.MustParseAddr("100::1")
)

// IsSinkhole reports whether addr is what a refused name was answered with.
func IsSinkhole(addr netip.Addr) bool {
	addr = addr.Unmap()
	return addr == Sinkhole4 || addr == Sinkhole6
}
