// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"fmt"
	"net/netip"
	"slices"
)

// SliceName returns the slice of the agent.
func (p *Policy) SliceName() string { return fmt.Sprintf("user-%d.slice", p.UID) }

// SliceDropIn returns the drop-in file of the agent's slice that attaches the second layer, which D-Bus cannot set on a loaded
// unit. It also keeps everything in the slice from starting while the rules are not loaded.
func (p *Policy) SliceDropIn() string {
	rules := p.RulesUnitName()
	return "[Unit]\n# No rules, no processes of the agent's.\nRequires=" + rules + "\nAfter=" + rules + "\n\n" +
		"[Slice]\nIPEgressFilterPath=" + p.EgressPath() + "\nBPFProgram=setsockopt:" + p.JoinsPath() + "\n"
}

// outsideResolvers returns the DNS servers that the agent itself asks and that are not on loopback, each once.
func (p *Policy) outsideResolvers() (servers []netip.Addr) {
	for _, server := range p.resolvers() {
		if addr := server.to.addr; !addr.IsLoopback() && !slices.Contains(servers, addr) {
			servers = append(servers, addr)
		}
	}
	return servers
}
