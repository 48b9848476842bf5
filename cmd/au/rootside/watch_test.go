// SPDX-License-Identifier: GPL-3.0-or-later

package rootside

import (
	"io"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision"
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

// Rules that are taken away while the watcher is busy with another agent's do not come back.
func TestWatcherLeavesWhoIsGone(t *testing.T) {
	h, loads := as(t, 0, 0), 0
	h.FindProgram = func(string) (string, error) { return "", fs.ErrNotExist }
	h.Execute = func(cmd *exec.Cmd) error {
		if slices.Contains(cmd.Args, "-f") {
			loads++
		}
		return nil
	}
	p := netfilter.Policy{Version: netfilter.Version, Agent: "agent", UID: 1001, Backend: netfilter.NFT, Proxy: 61001, DNS: 61002}
	text, err := p.Text()
	if err != nil {
		t.Fatal(err)
	}
	mark := h.Root + netfilter.WatchedFolder + "/agent"
	for _, err := range []error{
		os.MkdirAll(h.Root+provision.NetDir, 0o755), os.WriteFile(h.Root+provision.NetPath("agent"), []byte(text), 0o644), os.MkdirAll(mark, 0o755),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	r := &Root{host: h, out: io.Discard, err: io.Discard}
	w := &watcher{Root: r, agent: "agent", holder: &holder{Root: r}}
	if w.look(true); loads != 1 || w.failed {
		t.Fatalf("who is watched over has its rules loaded %d times, failed: %v", loads, w.failed)
	}
	if err := os.Remove(mark); err != nil {
		t.Fatal(err)
	}
	if w.look(true); loads != 1 {
		t.Error("rules of an agent that is watched over no more were loaded")
	}
}
