// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"fmt"
	"net/netip"
	"strings"
)

// SliceName returns the slice of the agent.
func (p Policy) SliceName() string { return fmt.Sprintf("user-%d.slice", p.UID) }

// SliceDropIn returns the drop-in file of the agent's slice that keeps the second layer over a reboot, and that keeps everything in
// the slice from starting while the rules are not loaded.
func (p Policy) SliceDropIn() string {
	rules := p.RulesUnitName()
	return "[Unit]\n# No rules, no processes of the agent's.\nRequires=" + rules + "\nAfter=" + rules + "\n\n" +
		"[Slice]\n" + p.SliceSetting() + "\n"
}

// SliceSetting returns the second layer as systemctl set-property takes it.
func (p Policy) SliceSetting() string { return "IPEgressFilterPath=" + p.EgressPath() }

// SliceBusctl returns the command that makes the same D-Bus call, until the next boot (signature sba(sv); the property is an array of strings).
func (p Policy) SliceBusctl() string {
	return strings.Join([]string{"busctl", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager",
		"SetUnitProperties", "'sba(sv)'", p.SliceName(), "true", "1", "IPEgressFilterPath", "as", "1", p.EgressPath()}, " ")
}

// outsideResolvers returns the DNS servers that the agent itself asks and that are not on loopback, each once.
func (p Policy) outsideResolvers() []netip.Addr {
	var servers []netip.Addr
	seen := map[netip.Addr]bool{}
	for _, server := range p.Resolve {
		if addr := server.Addr(); !p.HasDaemon() && !addr.IsLoopback() && !seen[addr] {
			seen[addr] = true
			servers = append(servers, addr)
		}
	}
	return servers
}
