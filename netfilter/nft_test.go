// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"slices"
	"testing"
)

func TestRulesOf(t *testing.T) {
	p := Policy{UID: 1003, Agent: "agent"}
	for name, c := range map[string]struct {
		listed string
		want   []uint32
	}{
		"nothing":      {"", nil},
		"others":       {"table inet filter\ntable ip au_net_1003\ntable inet my_au_net_1003\ntable inet au_net_x\n", nil},
		"nft":          {"table inet filter\ntable inet " + p.Table() + "\ntable inet " + p.InboundTable() + "\n", []uint32{1003, 1003}},
		"iptables":     {"*filter\n:INPUT ACCEPT [0:0]\n:" + p.chain() + " - [0:0]\n-A OUTPUT -j " + p.chain() + "\nCOMMIT\n", []uint32{1003}},
		"too_large":    {"table inet au_net_99999999999\n", nil},
		"one_and_more": {"table inet au_net_1\ntable inet au_net_2\n", []uint32{1, 2}},
	} {
		if got := RulesOf(c.listed); !slices.Equal(got, c.want) {
			t.Errorf("%s: rules of %v, want %v", name, got, c.want)
		}
	}
}
