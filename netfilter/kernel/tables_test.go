// SPDX-License-Identifier: GPL-3.0-or-later

package kernel

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestDeleteTable(t *testing.T) {
	inLab(t, func(l *lab) {
		must(t, DeleteTables(ptr(sample()).InboundTable(), ptr(sample()).Table())) // there is none
		l.feed("table inet others {\n\tchain out { type filter hook output priority 0; policy accept; }\n}\n", "nft", "-f", "-")
		l.nftOn(sample())
		if said := l.as(agent, "dial", "203.0.113.66:443"); !strings.HasPrefix(said, `"DAEMON`) {
			t.Fatalf("with the rules the agent saw %s", said)
		}
		must(t, DeleteTables(ptr(sample()).InboundTable(), ptr(sample()).Table()))
		if text := l.must("nft", "list", "tables"); text != "table inet others\n" {
			t.Errorf("after the agent's table was deleted there is %q", text)
		}
		if said := l.as(agent, "dial", "203.0.113.66:443"); !strings.HasPrefix(said, `"INTERNET`) {
			t.Errorf("without the rules the agent saw %s", said)
		}
		must(t, DeleteTables(ptr(sample()).InboundTable(), ptr(sample()).Table()))
	})
}

// Tables that iptables made for the agent's rules go with them; those that hold anything that is somebody else's stay, down to a
// set or a policy.
func TestDeleteEmptyTables(t *testing.T) {
	inLab(t, func(l *lab) {
		if !strings.Contains(l.must("iptables", "-V"), "nf_tables") {
			t.Skip("this iptables keeps its tables in the kernel")
		}
		p := sample()
		must(t, DeleteEmptyTables()) // there are none
		l.iptablesOn(p)
		before := l.must("nft", "-s", "list", "ruleset")
		must(t, DeleteEmptyTables())
		if after := l.must("nft", "-s", "list", "ruleset"); after != before {
			t.Errorf("the rules in force were\n%s\nand are\n%s", before, after)
		}
		l.iptablesOff(p)
		must(t, DeleteEmptyTables())
		if text := l.must("nft", "list", "ruleset"); text != "" {
			t.Errorf("there is left\n%s", text)
		}
		for name, rules := range map[string]string{
			"a rule":          "table ip filter { chain OUTPUT { type filter hook output priority 0; tcp dport 9999 reject; }; }",
			"a policy":        "table ip6 filter { chain OUTPUT { type filter hook output priority 0; policy drop; }; }",
			"a chain":         "table ip nat { chain OUTPUT { type nat hook output priority -100; }; chain somebodys { }; }",
			"a hooked chain":  "table ip raw { chain somebodys { type filter hook output priority 0; }; }",
			"a set":           "table ip6 mangle { set somebodys { type inet_service; }; }",
			"an unhooked one": "table ip filter { chain OUTPUT { }; }",
			"another table":   "table ip somebodys { chain OUTPUT { type filter hook output priority 0; }; }",
			"another family":  "table inet filter { chain OUTPUT { type filter hook output priority 0; }; }",
		} {
			l.feed(rules, "nft", "-f", "-")
			before := l.must("nft", "list", "ruleset")
			must(t, DeleteEmptyTables())
			if after := l.must("nft", "list", "ruleset"); after != before {
				t.Errorf("with %s: there was\n%s\nand is\n%s", name, before, after)
			}
			l.must("nft", "flush", "ruleset")
		}
	})
}

// Of rules that have changed since they were looked at nothing is deleted.
func TestDeleteTablesOfAnotherGeneration(t *testing.T) {
	inLab(t, func(l *lab) {
		c, err := converse(unix.NETLINK_NETFILTER)
		must(t, err)
		defer c.close()
		l.must("nft", "add", "table", "ip", "nat")
		generation, empty, err := c.emptyTables()
		must(t, err)
		if len(empty) != 1 || empty[0].name != "nat" {
			t.Fatalf("the empty tables are %v, want nat", empty)
		}
		l.must("nft", "add", "chain", "ip", "nat", "somebodys")
		if err := c.deleteTables(generation, empty); !errors.Is(err, unix.ERESTART) {
			t.Errorf("deleting what has changed: %v, want %v", err, unix.ERESTART)
		}
		l.must("nft", "list", "chain", "ip", "nat", "somebodys")
	})
}
