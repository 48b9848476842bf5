// SPDX-License-Identifier: GPL-3.0-or-later

package kernel

import (
	"fmt"
	"strings"
	"testing"

	"github.com/a4u2/au/netfilter"
)

// shownOf returns the fingerprint of a table; empty where it is not there.
func shownOf(t *testing.T, table string) string {
	t.Helper()
	all, err := Shown("au_net_1", table)
	must(t, err)
	if _, is := all["au_net_1"]; is {
		t.Error("a table that is not there is shown")
	}
	return all[table]
}

// Rules that were loaded again have the same fingerprint, whatever was counted meanwhile; each change gives them another.
func TestShown(t *testing.T) {
	inLab(t, func(l *lab) {
		for _, p := range []netfilter.Policy{sample(), humansProxy()} {
			table := p.Table()
			load := func() { l.feed(p.Ruleset(noon), "nft", "-f", "-") }
			load()
			first := shownOf(t, table)
			for range 5 {
				l.as(agent, unanswered("203.0.113.66:443 dev=up0")...)
				l.as(agent, "try", "203.0.113.66")
				if counted := shownOf(t, table); counted != first || first == "" {
					t.Fatal("what was counted changes how the rules are shown")
				}
				if load(); shownOf(t, table) != first {
					t.Fatal("loaded again, the rules are shown otherwise")
				}
			}
			seen := map[string]string{first: "nothing", "": "its end"}
			for _, change := range []string{
				"flush chain inet T wire", "flush chain inet T wire; add rule inet T wire counter accept", "insert rule inet T wire accept",
				"add chain inet T zone { policy drop; }", "add table inet T { flags dormant; }", "add chain inet T more",
				"add set inet T more { type inet_service; }", "add set inet T more { type inet_service; elements = { 1 }; }",
				"add set inet T more { type inet_service; elements = { 1, 2 }; }", "add set inet T more { type mark; }",
			} {
				load()
				l.feed(strings.ReplaceAll(change, " T ", " "+table+" "), "nft", "-f", "-")
				again := shownOf(t, table)
				if was, is := seen[again]; is {
					t.Errorf("after %q the table is shown as after %q", change, was)
				}
				seen[again] = change
			}
			l.must("nft", "flush", "ruleset")
			if shownOf(t, table) != "" {
				t.Error("a table that is gone is shown")
			}
		}
	})
}

// Nobody's rules look changed while others change their tables.
func TestShownWhileOthersChange(t *testing.T) {
	inLab(t, func(l *lab) {
		var add, remove strings.Builder
		for i := range 200 {
			fmt.Fprintf(&add, "add chain inet others c%[1]d; add rule inet others c%[1]d accept; add set inet others s%[1]d { type mark; }\n", i)
			fmt.Fprintf(&remove, "flush chain inet others c%[1]d; delete chain inet others c%[1]d; delete set inet others s%[1]d\n", i)
		}
		l.feed("table inet others {}\n"+add.String(), "nft", "-f", "-") // before ours, so that the kernel counts past it
		l.nftOn(sample())
		first, changed := shownOf(t, ptr(sample()).Table()), make(chan bool)
		go func() {
			defer close(changed)
			for range 50 {
				l.feed(remove.String(), "nft", "-f", "-")
				l.feed(add.String(), "nft", "-f", "-")
			}
		}()
		for {
			select {
			case <-changed:
				return
			default:
			}
			if shownOf(t, ptr(sample()).Table()) != first {
				t.Fatal("while others change their tables the rules are shown otherwise")
			}
		}
	})
}
