// SPDX-License-Identifier: GPL-3.0-or-later

package rootside

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/netfilter"
	netkernel "github.com/a4u2/au/netfilter/kernel"
	sd "github.com/coreos/go-systemd/v22/daemon"
)

// WatchRules puts the rules back until it is ended. A policy that cannot be read leaves what is in force.
func (r *Root) WatchRules(agent string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	changes, err := netkernel.Changes(ctx)
	if err != nil {
		return host.NetError(agent, err)
	}
	every := time.NewTicker(2 * time.Second)
	defer every.Stop()
	w := watcher{Root: r, agent: agent, holder: holder{Root: r}}
	w.look(true)
	_, _ = sd.SdNotify(false, sd.SdNotifyReady)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changes:
			w.look(true)
		case <-every.C:
			w.look(false)
		}
	}
}

// watcher knows what it loaded and how the machine showed it then.
type watcher struct {
	*Root
	agent        string
	loaded, seen string
	sure         bool // two loads in a row were shown alike: nobody changed anything between the load and the look
	said         string
	holder       holder
	closed       string // for which cgroup the rules of InboundRules were loaded, and how the machine showed them then
}

// close has the agent's sockets seem closed to the outside, while its slice is there and nft can say so. Where it cannot, what they
// answer is dropped all the same.
func (w *watcher) close(p netfilter.Policy, changed bool) {
	path, inode := w.sliceGroup(p)
	is := fmt.Sprint(path, inode, " ")
	if path == "" || !changed && strings.HasPrefix(w.closed, is) {
		return
	}
	show := func() string {
		text, _ := w.feed("", "nft", "-n", "-s", "list", "table", "inet", p.InboundTable())
		return text
	}
	if shown := show(); shown != "" && w.closed == is+shown {
		return
	}
	if _, err := w.feed(p.InboundRules(path), "nft", "-f", "-"); err != nil {
		w.closed = is // not again before something changes
		return
	}
	w.closed = is + show()
}

// look puts the rules back where they are not as they were loaded, or are to be others by now. The rules of nftables can only have
// changed when the kernel said so.
func (w *watcher) look(changed bool) {
	err := w.alone(func() error { return w.mend(changed) })
	if text := fmt.Sprint(err); err != nil && text != w.said {
		w.said = text
		fmt.Fprintf(w.err, "au: %v\n", host.NetError(w.agent, err))
	}
}

func (w *watcher) mend(changed bool) error {
	p, err := w.enforceable(w.agent)
	if err != nil {
		return err
	}
	held := w.holder.hold(p)
	w.close(p, changed)
	want := p.Ruleset(w.host.Now()) + string(p.Backend)
	known := want == w.loaded && w.sure
	if known && (p.Backend == netfilter.NFT && !changed || w.seen == w.shown(p)) {
		return held
	}
	if err := w.loadRules(p); err != nil {
		return errors.Join(held, err)
	}
	if known {
		fmt.Fprintf(w.err, "au: somebody changed the rules of agent %q; they are back\n", w.agent)
	}
	seen := w.shown(p)
	w.sure = want == w.loaded && seen != "" && seen == w.seen
	w.loaded, w.seen = want, seen
	if held == nil {
		w.said = ""
	}
	return held
}
