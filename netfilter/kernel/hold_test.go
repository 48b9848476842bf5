// SPDX-License-Identifier: GPL-3.0-or-later

package kernel

import (
	"io"
	"strings"
	"testing"
	"time"

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
			return l.left(func() { l.as(uid, append([]string{"dial"}, strings.Fields(argv)...)...) })
		}
		on(sample())
		l.must("nft", "flush", "ruleset")
		off(sample())
		for _, way := range ways {
			if len(left(way.uid, way.argv)) == 0 {
				t.Errorf("%s is no way out without rules", way.argv)
			}
		}
		_, in := l.start(0, "sh", "-c", "echo ready; exec nft -i")
		if _, err := io.WriteString(in, ptr(sample()).HeldRules()+ptr(sample()).HeldRules()); err != nil {
			t.Fatal(err)
		}
		table := func() string {
			return l.must("sh", "-c", "nft list table inet "+ptr(sample()).HeldTable()+" 2>/dev/null || true")
		}
		for i := 0; i < 100 && table() == ""; i++ {
			time.Sleep(20 * time.Millisecond)
		}
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
		l.must("sh", "-c", "nft delete table inet "+ptr(sample()).HeldTable()+" 2>/dev/null || true")
		if text := table(); strings.Count(text, "drop") != len(ptr(sample()).UIDs()) {
			t.Errorf("after two lines and somebody's delete it should be there, once for each range of ids: %q", text)
		}
		in.Close()
		for i := 0; i < 100 && table() != ""; i++ {
			time.Sleep(20 * time.Millisecond)
		}
		if table() != "" {
			t.Error("the table outlives the process that it belongs to")
		}
	})
}
