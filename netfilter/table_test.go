// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"strings"
	"testing"
)

func TestDeleteTable(t *testing.T) {
	inLab(t, func(l *lab) {
		must(t, sample().DeleteTable()) // there is none
		l.feed("table inet others {\n\tchain out { type filter hook output priority 0; policy accept; }\n}\n", "nft", "-f", "-")
		l.nftOn(sample())
		if said := l.as(agent, "dial", "203.0.113.66:443"); !strings.HasPrefix(said, `"DAEMON`) {
			t.Fatalf("with the rules the agent saw %s", said)
		}
		must(t, sample().DeleteTable())
		if text := l.must("nft", "list", "tables"); text != "table inet others\n" {
			t.Errorf("after the agent's table was deleted there is %q", text)
		}
		if said := l.as(agent, "dial", "203.0.113.66:443"); !strings.HasPrefix(said, `"INTERNET`) {
			t.Errorf("without the rules the agent saw %s", said)
		}
		must(t, sample().DeleteTable())
	})
}
