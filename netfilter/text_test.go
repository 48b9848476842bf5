// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// golden compares text with testdata/name.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		must(t, os.MkdirAll("testdata", 0o755))
		must(t, os.WriteFile(path, []byte(text), 0o644))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if text != string(want) {
		t.Errorf("%s has changed (go test -update writes it anew); now:\n%s", path, text)
	}
}

func humansProxy() Policy {
	p := sample()
	p.Proxy, p.DNS, p.Allow, p.Deny, p.Human = 0, 0, entries("localhost:3000"), nil, HumanProxy{3128, 3129}
	p.Resolve[0], p.Resolve[1] = addrPort("203.0.113.53:53"), addrPort("[2001:db8:2::53]:53")
	return p
}

// The words of iptables-save where the agent's rules are, and are not in the first place.
const savedBefore = `*filter
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:au-net-1001 - [0:0]
:au-net-1001-x - [0:0]
:au-net-10010 - [0:0]
-A OUTPUT -p tcp -m tcp --dport 9998 -j ACCEPT
-A OUTPUT -m comment --comment "au net: agent agent2" -j au-net-10010
-A OUTPUT -m comment --comment "au net: agent agent" -j au-net-1001
-A au-net-1001 -m owner --uid-owner 1001 -j au-net-1001-x
-A au-net-10010 -m owner --uid-owner 10010 -j REJECT
COMMIT
`

func TestGoldenRules(t *testing.T) {
	p := sample()
	golden(t, "rules.nft", p.Ruleset(noon))
	golden(t, "proxy.nft", ptr(humansProxy()).Ruleset(noon))
	golden(t, "rules.v4", p.IptablesRules(IPv4, noon, savedBefore))
	golden(t, "rules.v6", p.IptablesRules(IPv6, noon, ""))
	golden(t, "proxy.v4", ptr(humansProxy()).IptablesRules(IPv4, noon, ""))
	golden(t, "inbound.nft", p.InboundRules("user.slice/user-1001.slice"))
	golden(t, "removal.v4", p.IptablesRemoval(savedBefore))
	if text := p.IptablesRemoval(""); text != "" {
		t.Errorf("where nothing is, this would be removed:\n%s", text)
	}
}

// A word that a printer does not know would be a rule for everything.
func TestBothPrintersKnowEveryWord(t *testing.T) {
	words := map[string]packets{"tcp": {protocol: tcp}, "udp": {protocol: udp}, "a port": {protocol: tcpOrUDP, port: 1}, "ports": {protocol: tcp, ports: []uint16{1, 2}}}
	for place := anywhere + 1; place < places; place++ {
		words[fmt.Sprint("place ", place)] = packets{to: destination{place, addrPort("192.0.2.1:1").Addr()}}
	}
	for state := anyState + 1; state < states; state++ {
		words[fmt.Sprint("state ", state)] = packets{state: state}
	}
	for name, word := range words {
		for i, printed := range [][]string{word.nft(), word.iptables(IPv4)} {
			if len(printed) == 0 || slices.Contains(printed, "") {
				t.Errorf("%s is %q for %s", name, printed, []Backend{NFT, Iptables}[i])
			}
		}
	}
	nft, iptables := map[string]action{}, map[string]action{}
	for do := pass; do < actions; do++ {
		nft[verdict{do: do}.nft()], iptables[strings.Join(ptr(sample()).iptablesStep(IPv4, "", step{verdict: verdict{do: do}}), ";")] = do, do
	}
	if len(nft) != int(actions) || len(iptables) != int(actions) {
		t.Errorf("of %d verdicts nft knows %v, iptables %v", actions, nft, iptables)
	}
}

func TestExpiredLocalPortIsClosed(t *testing.T) {
	p := sample()
	p.Allow[2].Until = noon
	golden(t, "expired.nft", p.Ruleset(noon))
}

func TestIptablesIntact(t *testing.T) {
	p := sample()
	if p.IptablesIntact(savedBefore) {
		t.Error("a jump behind somebody's ACCEPT, and three tables without one, count as intact")
	}
	whole := ""
	for _, table := range iptablesTables {
		whole += "*" + table.name + "\n:au-net-1001 - [0:0]\n-A " + table.hook + " -m comment --comment \"x\" -j au-net-10010\n-A " +
			table.hook + " -m comment --comment \"au net: agent agent\" -j au-net-1001\n-A " + table.hook + " -j ACCEPT\nCOMMIT\n"
	}
	if !p.IptablesIntact(whole) {
		t.Errorf("these count as broken:\n%s", whole)
	}
}

func TestUIDs(t *testing.T) {
	for want, ranges := range map[string][]Range{
		"1001":                       nil,
		"1001,100000-165535":         {{100000, 165535}},
		"1001-1100":                  {{1002, 1100}},
		"1001,2000-4000":             {{3000, 4000}, {2000, 3500}},
		"1000-2000":                  {{1000, 2000}},
		"1001,4294900000-4294967294": {{4294900000, 4294967294}},
	} {
		p := Policy{UID: 1001, SubUIDs: ranges}
		var texts []string
		for _, ids := range p.UIDs() {
			texts = append(texts, ids.short())
		}
		if got := strings.Join(texts, ","); got != want {
			t.Errorf("1001 and %v are %s, want %s", ranges, got, want)
		}
	}
}
