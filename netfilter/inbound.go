// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"fmt"
	"strings"
)

// InboundTable returns the name of the table of InboundRules.
func (p *Policy) InboundTable() string { return p.Table() + "_in" }

// InboundRules returns rules for packets from outside to a socket that was opened in a cgroup (v2). They refuse them as a port on
// which nobody listens does. The socket's own answers do not leave, so the kernel's answers would otherwise tell it from a closed
// port. The path is below /sys/fs/cgroup, of the agent's slice. Other firewalls come first: a port that they keep silent about
// stays so. To be loaded by nft -f; it fails where there is no such cgroup, and before Linux 5.13.
func (p *Policy) InboundRules(path string) string {
	match := fmt.Sprintf(`iifname != "lo" socket cgroupv2 level 2 %q `, path)
	table := p.InboundTable()
	rules := []string{
		"ct state established accept",
		match + "meta l4proto tcp counter reject with tcp reset",
		match + "counter reject with icmpx port-unreachable",
	}
	lines := append([]string{Removal(table) + "table inet " + table + " {"}, nftChain("closed", "type filter hook input priority 300; policy accept;", rules)...)
	return strings.Join(lines, "\n") + "\n}\n"
}
