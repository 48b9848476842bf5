// SPDX-License-Identifier: GPL-3.0-or-later

package kernel

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/a4u2/au/netfilter"
)

func TestFlushedRulesLetNothingOutWhileATableIsHeld(t *testing.T) {
	eachBackend(t, func(t *testing.T, l *lab, on, off func(netfilter.Policy)) {
		ways := []struct {
			uid  uint32
			argv string
		}{
			{agent, "203.0.113.66:443"}, {agent, "[2001:db8:2::66]:443"}, {agent, "203.0.113.66:443 proto=udp"}, {agent, "203.0.113.66:53 proto=udp"},
			{agent, "203.0.113.66:443 dev=up0"}, {subAgent, "203.0.113.66:443"}, {subAgent, "[2001:db8:2::66]:443 proto=udp"},
		}
		left := func(uid uint32, argv string) []string {
			return l.left(func() { l.as(uid, unanswered(argv)...) })
		}
		on(sample())
		l.must("nft", "flush", "ruleset")
		off(sample())
		for _, way := range ways {
			if len(left(way.uid, way.argv)) == 0 {
				t.Errorf("%s is no way out without rules", way.argv)
			}
		}
		var holder Holder
		defer holder.Close()
		held, other := ptr(sample()).Held(), ptr(sample()).Held()
		other.UIDs = append(other.UIDs, netfilter.Range{First: 500000, Last: 565535})
		for _, one := range []netfilter.Held{other, held} { // the second takes the place of the first
			must(t, holder.Hold(one))
		}
		table := func() string { return l.must("sh", "-c", "nft list table inet "+held.Table+" 2>/dev/null || true") }
		on(sample())
		if said := l.as(agent, "dial", "203.0.113.66:443"); !strings.HasPrefix(said, `"DAEMON`) {
			t.Errorf("with both tables the agent saw %s", said)
		}
		l.must("nft", "flush", "ruleset")
		off(sample())
		for _, way := range ways {
			if packets := left(way.uid, way.argv); len(packets) > 0 {
				t.Errorf("%s: with all rules flushed this left: %q", way.argv, packets)
			}
		}
		if said := l.as(human, "dial", "203.0.113.66:443"); !strings.HasPrefix(said, `"INTERNET`) {
			t.Errorf("the human saw %s", said)
		}
		l.must("sh", "-c", "nft delete table inet "+held.Table+" 2>/dev/null || true")
		if text := table(); strings.Count(text, "drop") != len(ptr(sample()).UIDs()) {
			t.Errorf("after two of them and somebody's delete it should be there, once for each range of ids: %q", text)
		}
		must(t, holder.Release(held.Table))
		if table() != "" {
			t.Error("the table that was taken away is there")
		}
		must(t, holder.Hold(held))
		if holder.Close(); table() != "" {
			t.Error("the table outlives the socket that it belongs to")
		}
		must(t, holder.Hold(held))
		if table() == "" {
			t.Error("after a socket that was closed the table does not come again")
		}
	})
}

// With a socket that breaks all tables go. The others come again at once, whatever it was that broke it.
func TestABrokenSocketTakesNoOthersTable(t *testing.T) {
	inLab(t, func(l *lab) {
		var holder Holder
		defer holder.Close()
		one, other := ptr(sample()).Held(), ptr(humansProxy()).Held()
		other.Table = "au_held_1"
		table := func(held netfilter.Held) string {
			return l.must("sh", "-c", "nft list table inet "+held.Table+" 2>/dev/null || true")
		}
		null, err := os.Open(os.DevNull)
		must(t, err)
		defer null.Close()
		must(t, holder.Hold(one))
		must(t, holder.Hold(other))
		must(t, unix.Dup3(int(null.Fd()), holder.c.fd, unix.O_CLOEXEC))
		if table(one)+table(other) != "" {
			t.Fatal("the socket is not broken")
		}
		if err := holder.Release(one.Table); err == nil || table(one) != "" || table(other) == "" {
			t.Errorf("the other table is not there: %v", err)
		}
		must(t, holder.Hold(one))
		if table(one) == "" || table(other) == "" {
			t.Error("the next table does not come, or takes the other away")
		}
	})
}

// The held table has the rules of the chain wire. We say them to the kernel ourselves, and nft says the same there.
func TestHeldIsTheWireOfTheRules(t *testing.T) {
	inLab(t, func(l *lab) {
		for _, p := range []netfilter.Policy{sample(), humansProxy()} {
			var holder Holder
			l.feed(p.Ruleset(noon), "nft", "-f", "-")
			must(t, holder.Hold(p.Held()))
			chain := func(table string) string {
				_, rules, _ := strings.Cut(l.must("nft", "-n", "list", "chain", "inet", table, "wire"), "wire")
				return rules
			}
			both := regexp.MustCompile(`(?m)^(.*)meta l4proto \{ (?:tcp, udp|6, 17) \} th (dport .*)$`)
			if want, got := both.ReplaceAllString(chain(p.Table()), "${1}tcp ${2}\n${1}udp ${2}"), chain(p.HeldTable()); want != got {
				t.Errorf("the rules have%s\nwhat is held has%s", want, got)
			}
			if shown := l.must("nft", "-n", "list", "chain", "inet", p.HeldTable(), "translate"); !regexp.MustCompile(`ct state (established|0x2) accept`).MatchString(shown) {
				t.Errorf("nothing looks at what is tracked: %s", shown)
			}
			holder.Close()
		}
	})
}
