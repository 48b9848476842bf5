// SPDX-License-Identifier: GPL-3.0-or-later

package rootside

import (
	"testing"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/netfilter"
)

// The watcher looks by itself where nobody tells it of changes, or something ends by itself; else never.
func TestWatcherWaits(t *testing.T) {
	now := time.Now()
	machine := &host.Host{Now: func() time.Time { return now }}
	until := func(left time.Duration) []netfilter.Entry { return []netfilter.Entry{{Until: now.Add(left)}} }
	for name, c := range map[string]struct {
		watcher watcher
		want    time.Duration
	}{
		"all_is_well": {watcher{policy: netfilter.Policy{Backend: netfilter.NFT}}, never},
		"iptables":    {watcher{policy: netfilter.Policy{Backend: netfilter.Iptables}}, lookAgain},
		"failed":      {watcher{policy: netfilter.Policy{Backend: netfilter.NFT}, failed: true}, lookAgain},
		"no_policy":   {watcher{}, lookAgain},
		"ends_soon":   {watcher{policy: netfilter.Policy{Backend: netfilter.NFT, Allow: until(5 * time.Second)}}, 5*time.Second + 10*time.Millisecond},
		"ends_later":  {watcher{policy: netfilter.Policy{Backend: netfilter.NFT, Deny: until(2 * time.Hour)}}, time.Minute},
		"is_over":     {watcher{policy: netfilter.Policy{Backend: netfilter.NFT, Allow: until(-time.Second)}}, never},
	} {
		c.watcher.Root = &Root{host: machine}
		if got := c.watcher.wait(); got != c.want {
			t.Errorf("%s: it waits %v, want %v", name, got, c.want)
		}
	}
}
