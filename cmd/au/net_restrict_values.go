// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"net/netip"

	"github.com/a4u2/au/netfilter"
)

// dnsServer is a DNS server, with a port unless it is 53.
type dnsServer netip.AddrPort

// UnmarshalText reads 192.0.2.53, 192.0.2.53:5353, 2001:db8::53 or [2001:db8::53]:5353.
func (u *dnsServer) UnmarshalText(text []byte) error {
	if addr, err := netip.ParseAddr(string(text)); err == nil && addr.Zone() == "" && !addr.IsUnspecified() {
		*u = dnsServer(netip.AddrPortFrom(addr.Unmap(), 53))
		return nil
	}
	at, err := netip.ParseAddrPort(string(text))
	if err != nil || at.Port() == 0 || at.Addr().Zone() != "" || at.Addr().IsUnspecified() {
		return fmt.Errorf("DNS server %q: want an address such as 192.0.2.53 or [2001:db8::53]:5353", text)
	}
	*u = dnsServer(netip.AddrPortFrom(at.Addr().Unmap(), at.Port()))
	return nil
}

// upstreamURL is --upstream.
type upstreamURL netfilter.Upstream

// UnmarshalText reads http://HOST:PORT or https://HOST:PORT.
func (u *upstreamURL) UnmarshalText(text []byte) error {
	read, err := netfilter.ParseUpstream(string(text))
	*u = upstreamURL(read)
	return err
}

// humanProxy is --proxy: one port for both, or HTTP,HTTPS.
type humanProxy netfilter.HumanProxy

// UnmarshalText reads what netfilter.ParseHumanProxy does.
func (h *humanProxy) UnmarshalText(text []byte) error {
	read, err := netfilter.ParseHumanProxy(string(text))
	*h = humanProxy(read)
	return err
}
