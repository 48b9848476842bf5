// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"fmt"
	"strings"
)

// HeldTable returns the name of the table of HeldRules.
func (p *Policy) HeldTable() string { return fmt.Sprintf("au_held_%d", p.UID) }

// HeldRules returns a line for nft -i, after which a table that belongs to that process drops what the agent sends by any device
// but lo. Nobody else can flush or delete it, and it is gone when that process ends. Packets that Ruleset diverts stay on lo, so
// that both together are as Ruleset alone. If Ruleset's table was flushed, nothing leaves. A second line takes the place of the
// first.
func (p *Policy) HeldRules() string {
	table := p.HeldTable()
	line := []string{
		"add table inet " + table + " { flags owner; }",
		"add chain inet " + table + " wire { type filter hook postrouting priority 0; policy accept; }",
		"flush chain inet " + table + " wire",
		// While some chain translates and some rule asks what is tracked, the kernel goes on with both for the connections there
		// are. The last packets of a closed socket carry no uid, and would otherwise go where the agent meant them to.
		"add chain inet " + table + " translate { type nat hook output priority -100; policy accept; }",
		"flush chain inet " + table + " translate",
		"add rule inet " + table + " translate ct state established accept",
	}
	for _, step := range p.wireSteps() {
		for _, rule := range step.nft(p.UIDs()) {
			line = append(line, "add rule inet "+table+" wire "+rule)
		}
	}
	return strings.Join(line, "; ") + "\n"
}
