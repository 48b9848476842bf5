// SPDX-License-Identifier: GPL-3.0-or-later

package rootside

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/netfilter"
	netkernel "github.com/a4u2/au/netfilter/kernel"
	"github.com/a4u2/au/provision"
	sd "github.com/coreos/go-systemd/v22/daemon"
)

// lookAgain is how often the watcher looks where nobody tells it of changes.
const lookAgain = 2 * time.Second

const never = time.Duration(1<<63 - 1)

// WatchRules puts back the rules of all agents that are watched over, until it is ended. A policy that cannot be read leaves what
// is in force.
func (r *Root) WatchRules() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := os.MkdirAll(r.host.Root+netfilter.WatchedFolder, 0o755); err != nil {
		return err
	}
	changes, err := netkernel.HearChanges(ctx)
	if err != nil {
		return err
	}
	files, err := netkernel.WatchFiles(ctx, r.watched())
	if err != nil {
		return err
	}
	w := watch{Root: r, files: files, agents: map[string]*watcher{}}
	defer w.holder.Close()
	// It is ready once it has looked at all. A first look that takes long is not cut off: systemd waits for 90 seconds.
	ready := func() { _, _ = sd.SdNotify(false, sd.SdNotifyReady) }
	late := time.AfterFunc(30*time.Second, ready)
	w.look(netkernel.AllTables())
	if late.Stop() {
		ready()
	}
	for {
		debug.FreeOSMemory() // of what a look took: it may be the last one for a long time
		timer := w.timer()
		select {
		case <-ctx.Done():
			return nil
		case <-changes.Told:
			w.look(changes.Since())
		case <-files.Told:
			w.look(netkernel.Tables{})
		case <-timer.C:
			w.look(netkernel.Tables{})
		}
		timer.Stop()
	}
}

// watched returns the folders in which a change of a file may change what holds, each with the names that count.
func (r *Root) watched() map[string]func(string) bool {
	all := func(string) bool { return true }
	folders := map[string]func(string) bool{
		r.host.Root + netfilter.WatchedFolder: all,
		r.host.Root + provision.NetDir:        func(name string) bool { return strings.HasSuffix(name, ".toml") },
		r.host.Root + "/etc":                  func(name string) bool { return name == "subuid" || name == "au" },
	}
	if groups := r.groups(); groups != "" {
		folders[r.host.Root+groups+"user.slice"] = all
	}
	return folders
}

// watch watches over the rules of all agents.
type watch struct {
	*Root
	files  *netkernel.Files
	whole  bool // all folders are watched
	agents map[string]*watcher
	holder netkernel.Holder
}

// look looks at the agents that are watched over by now, and at what the machine shows of those tables of theirs that may have
// changed.
func (w *watch) look(changed netkernel.Tables) {
	w.whole = w.files.Again()
	folders, err := os.ReadDir(w.host.Root + netfilter.WatchedFolder)
	if err != nil {
		fmt.Fprintf(w.err, "au: %v\n", err)
		w.whole = false // those that are known stay known, and what has changed of them is looked for again
		for _, one := range w.agents {
			one.failed = true
		}
		return
	}
	gone := maps.Clone(w.agents)
	for _, folder := range folders {
		name := folder.Name()
		delete(gone, name)
		if w.agents[name] == nil {
			w.agents[name] = &watcher{Root: w.Root, agent: name, holder: &w.holder}
		}
		w.agents[name].look(changed)
	}
	for name, one := range gone {
		_ = w.holder.Release(one.held) // it is gone with this process, whatever the kernel says
		delete(w.agents, name)
	}
}

// timer returns when to look though nobody has told of anything: while something is not as it should be, or changes without a word,
// or ends by itself. Else it never fires.
func (w *watch) timer() *time.Timer {
	wait := never
	for _, one := range w.agents {
		wait = min(wait, one.wait())
	}
	if !w.whole {
		wait = min(wait, lookAgain)
	}
	return time.NewTimer(wait)
}

// watcher knows what it loaded of one agent's rules and how the machine showed it then.
type watcher struct {
	*Root
	agent        string
	loaded, seen string
	sure         bool // two loads in a row were shown alike: nobody changed anything between the load and the look
	said         string
	holder       *netkernel.Holder
	held         string           // the holder's table for it
	failed       bool             // the last look failed
	policy       netfilter.Policy // at the last look
	closed       string           // for which cgroup the rules of InboundRules were loaded, and how the machine showed them then
}

// wait returns how long nobody has to look. Clocks are set, and timers stand still while a machine sleeps: so it is a minute at
// most where something ends by itself.
func (w *watcher) wait() time.Duration {
	if w.failed || w.policy.Backend != netfilter.NFT {
		return lookAgain
	}
	next := w.policy.NextChange(w.host.Now())
	if next.IsZero() {
		return never
	}
	return max(0, min(next.Sub(w.host.Now())+10*time.Millisecond, time.Minute))
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
		return remembered(text)
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

// hold keeps the agent's packets on the machine while somebody flushes the rules. Where the slice's filter holds it is not needed,
// and not there: what a human saves of the rule set could not be loaded again beside it. Without nft there is none.
func (w *watcher) hold(p netfilter.Policy) error {
	if _, err := w.host.FindProgram("nft"); err != nil || w.host.NoSlice() == "" {
		return nil
	}
	return w.holder.Hold(p.Held())
}

// remembered is what is kept of a text to know it again: the texts of a hundred agents are some megabytes.
func remembered(text string) string {
	if text == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(text))
	return string(sum[:])
}

// look puts the rules back where they are not as they were loaded, or are to be others by now. The rules of nftables can only have
// changed when the kernel said so, even to a look that failed.
func (w *watcher) look(changed netkernel.Tables) {
	err := w.alone(func() error { return w.mend(changed) })
	w.failed = err != nil
	if text := fmt.Sprint(err); err != nil && text != w.said {
		w.said = text
		fmt.Fprintf(w.err, "au: %v\n", host.NetError(w.agent, err))
	}
}

func (w *watcher) mend(tables netkernel.Tables) error {
	// Looked at under the lock under which they are taken away: rules that have gone meanwhile, with all else, would stay for ever.
	if !w.host.Exists(netfilter.WatchedFolder + "/" + w.agent) {
		w.loaded = "" // nobody looks at what becomes of them now
		return nil
	}
	p, err := w.enforceable(w.agent)
	if err != nil {
		return err
	}
	if w.held != p.HeldTable() { // another agent of that name, with another uid
		_ = w.holder.Release(w.held)
	}
	w.policy, w.held = p, p.HeldTable()
	changed := w.failed || w.loaded == "" || tables.Has(p.Table(), p.InboundTable())
	held := w.hold(p)
	w.close(p, changed)
	want := remembered(p.Ruleset(w.host.Now()) + string(p.Backend))
	known := want == w.loaded && w.sure
	if known && (p.Backend == netfilter.NFT && !changed || w.seen == remembered(w.shown(p))) {
		return held
	}
	if err := w.loadRules(p); err != nil {
		return errors.Join(held, err)
	}
	if known {
		fmt.Fprintf(w.err, "au: somebody changed the rules of agent %q; they are back\n", w.agent)
	}
	seen := remembered(w.shown(p))
	w.sure = want == w.loaded && seen != "" && seen == w.seen
	w.loaded, w.seen = want, seen
	if held == nil {
		w.said = ""
	}
	return held
}
