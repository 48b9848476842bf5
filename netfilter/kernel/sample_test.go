// SPDX-License-Identifier: GPL-3.0-or-later

package kernel

import (
	"net/netip"
	"time"

	"github.com/a4u2/au/netfilter"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// sample is the policy of the lab's agent: port 3000 is open to it.
func sample() netfilter.Policy {
	return netfilter.Policy{
		Version: netfilter.Version, Agent: "agent", UID: agent, SubUIDs: []netfilter.Range{{First: 100000, Last: 165535}},
		Backend: netfilter.NFT, Proxy: 61001, DNS: 61002,
		Allow: []netfilter.Entry{{Rule: netfilter.Rule{Kind: netfilter.Localhost, Port: 3000}}},
	}
}

// humansProxy is sample where a proxy of the human's takes the daemon's place.
func humansProxy() netfilter.Policy {
	p := sample()
	p.Proxy, p.DNS, p.Human = 0, 0, netfilter.HumanProxy{HTTP: 3128, HTTPS: 3129}
	p.Resolve = []netip.AddrPort{netip.MustParseAddrPort("203.0.113.53:53"), netip.MustParseAddrPort("[2001:db8:2::53]:53")}
	return p
}

// ptr returns where v is.
func ptr[T any](v T) *T { return &v }
