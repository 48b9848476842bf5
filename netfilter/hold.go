// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"fmt"
	"net/netip"
)

// Held is what a table holds back that belongs to a process, so that nobody else can flush or delete it: what the agent sends by
// any device but lo. Packets that Ruleset diverts stay on lo, so that both together are as Ruleset alone. If Ruleset's table was
// flushed, nothing leaves. (ruleset.go, wireSteps: the same for both, as a test holds.)
type Held struct {
	Table   string
	UIDs    []Range          // whose packets are held back
	Servers []netip.AddrPort // but for those to these, over TCP and UDP
}

// HeldTable returns the name of the table of Held.
func (p *Policy) HeldTable() string { return fmt.Sprintf("au_held_%d", p.UID) }

// Held returns what is to be held back for this policy.
func (p *Policy) Held() Held {
	held := Held{Table: p.HeldTable(), UIDs: p.UIDs()}
	for _, server := range p.resolvers() {
		held.Servers = append(held.Servers, netip.AddrPortFrom(server.to.addr, server.port))
	}
	return held
}
