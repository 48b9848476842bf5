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
	"slices"
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
	said   string
}

// look looks at the agents that are watched over by now, and puts the rules back where they are not as they were loaded, or are to
// be others by now. It looks at all of them under the lock under which rules are taken away: rules that have gone meanwhile, with
// all else, would stay for ever.
func (w *watch) look(changed netkernel.Tables) {
	w.whole = w.files.Again()
	err := w.alone(func() error { return w.mend(changed) })
	w.complain(&w.said, err)
	if err != nil { // those that are known stay known, and what has changed of them is looked for again
		w.whole = false
		for _, one := range w.agents {
			one.failed = true
		}
	}
}

// complain says what is wrong, once.
func (r *Root) complain(said *string, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != *said && text != "" {
		fmt.Fprintf(r.err, "au: %s\n", text)
	}
	*said = text
}

// mend looks at those of all agents' rules that may have changed. nft looks at all tables on the machine whenever it runs: so it
// runs once for all.
func (w *watch) mend(changed netkernel.Tables) error {
	folders, err := os.ReadDir(w.host.Root + netfilter.WatchedFolder)
	if err != nil {
		return err
	}
	gone, names := maps.Clone(w.agents), []string(nil)
	for _, folder := range folders {
		name := folder.Name()
		names = append(names, name)
		delete(gone, name)
		if w.agents[name] == nil {
			w.agents[name] = &watcher{}
		}
	}
	for name, one := range gone {
		_ = w.holder.Release(one.held) // it is gone with this process, whatever the kernel says
		delete(w.agents, name)
	}
	var stale []*watcher
	policies, errs := w.enforceable(names...)
	for i, name := range names {
		one := w.agents[name]
		if one.err = errs[i]; one.err == nil && w.take(one, policies[i], changed) {
			stale = append(stale, one)
		}
	}
	w.mendStale(stale)
	for _, name := range names {
		one := w.agents[name]
		one.failed = one.err != nil
		w.complain(&one.said, host.NetError(name, one.err))
	}
	return nil
}

// timer returns when to look though nobody has told of anything: while something is not as it should be, or changes without a word,
// or ends by itself. Else it never fires.
func (w *watch) timer() *time.Timer {
	wait := never
	for _, one := range w.agents {
		wait = min(wait, one.wait(w.host.Now()))
	}
	if !w.whole {
		wait = min(wait, lookAgain)
	}
	return time.NewTimer(wait)
}

// watcher knows what was loaded of one agent's rules and how the machine showed it then.
type watcher struct {
	loaded, seen string
	sure         bool // two loads in a row were shown alike: nobody changed anything between the load and the look
	said         string
	held         string           // the holder's table for it
	failed       bool             // the last look failed
	policy       netfilter.Policy // at the last look
	closed       string           // for which cgroup the rules of InboundRules were loaded, and how the machine showed them then

	// Of the present look:
	err         error
	changed     bool   // nobody knows how its tables are
	want        string // what is to be loaded
	path, group string // of its slice's cgroup, where it has one, and which one that is
}

// wait returns how long nobody has to look. Clocks are set, and timers stand still while a machine sleeps: so it is a minute at
// most where something ends by itself.
func (o *watcher) wait(now time.Time) time.Duration {
	if o.failed || o.policy.Backend != netfilter.NFT {
		return lookAgain
	}
	next := o.policy.NextChange(now)
	if next.IsZero() {
		return never
	}
	return max(0, min(next.Sub(now)+10*time.Millisecond, time.Minute))
}

// known says whether the rules that are to be in force were loaded, and were seen so.
func (o *watcher) known() bool { return o.want == o.loaded && o.sure }

// opens says whether nobody knows that the agent's sockets seem closed to the outside, in the cgroup that its slice has by now.
func (o *watcher) opens() bool {
	return o.path != "" && (o.changed || !strings.HasPrefix(o.closed, o.group))
}

// take takes over the agent's policy, and reports whether there is anything to look at. The rules of nftables can only have changed
// when the kernel said so, even to a look that failed.
func (w *watch) take(one *watcher, p netfilter.Policy, changed netkernel.Tables) bool {
	if one.held != p.HeldTable() { // another agent of that name, with another uid
		_ = w.holder.Release(one.held)
	}
	one.policy, one.held = p, p.HeldTable()
	one.changed = one.failed || one.loaded == "" || changed.Has(p.Table(), p.InboundTable())
	one.want = remembered(p.Ruleset(w.host.Now()) + string(p.Backend))
	path, inode := w.sliceGroup(p)
	one.path, one.group = path, fmt.Sprint(path, inode, " ")
	one.err = w.hold(p)
	return one.changed || !one.known() || one.opens() || p.Backend != netfilter.NFT
}

// hold keeps the agent's packets on the machine while somebody flushes the rules. Where the slice's filter holds it is not needed,
// and not there: what a human saves of the rule set could not be loaded again beside it. Without nft there is none.
func (w *watch) hold(p netfilter.Policy) error {
	if _, err := w.host.FindProgram("nft"); err != nil || w.host.NoSlice() == "" {
		return nil
	}
	return w.holder.Hold(p.Held())
}

// mendStale looks at the rules of agents, and loads those that are not as they are to be.
func (w *watch) mendStale(stale []*watcher) {
	before := w.seen(stale)
	opens, loads := []*watcher(nil), []*watcher(nil)
	for _, one := range stale {
		if shown := before[one.policy.InboundTable()]; one.opens() && (shown == "" || one.closed != one.group+shown) {
			opens = append(opens, one)
		}
		if !one.known() || one.seen != before[one.policy.Table()] {
			loads = append(loads, one)
		}
	}
	opens, loads = w.close(opens), w.load(loads)
	after := w.seen(slices.Concat(opens, loads))
	for _, one := range opens {
		one.closed += after[one.policy.InboundTable()]
	}
	for _, one := range loads {
		seen := after[one.policy.Table()]
		one.sure = one.want == one.loaded && seen != "" && seen == one.seen
		one.loaded, one.seen = one.want, seen
	}
}

// seen returns what the machine shows of agents' rules, as shown does.
func (w *watch) seen(all []*watcher) map[string]string {
	if len(all) == 0 {
		return nil
	}
	var policies []netfilter.Policy
	for _, one := range all {
		policies = append(policies, one.policy)
	}
	shown, err := w.shown(policies)
	for _, one := range all {
		if one.err == nil {
			one.err = err
		}
	}
	return shown
}

// close has agents' sockets seem closed to the outside, while their slices are there and nft can say so. Where it cannot, what they
// answer is dropped all the same. It returns those whose rules were loaded.
func (w *watch) close(all []*watcher) (closed []*watcher) {
	var texts []string
	for _, one := range all {
		texts = append(texts, one.policy.InboundRules(one.path))
	}
	for i, err := range w.feedNFT(texts) {
		all[i].closed = all[i].group // where it failed not again before something changes
		if err == nil {
			closed = append(closed, all[i])
		}
	}
	return closed
}

// load loads agents' rules, and returns those whose rules were loaded.
func (w *watch) load(all []*watcher) (loaded []*watcher) {
	var policies []netfilter.Policy
	for _, one := range all {
		policies = append(policies, one.policy)
	}
	for i, err := range w.loadRules(policies...) {
		one := all[i]
		if err != nil {
			one.err = errors.Join(one.err, err)
			continue
		}
		if one.known() {
			fmt.Fprintf(w.err, "au: somebody changed the rules of agent %q; they are back\n", one.policy.Agent)
		}
		loaded = append(loaded, one)
	}
	return loaded
}

// remembered is what is kept of a text to know it again: the texts of a hundred agents are some megabytes.
func remembered(text string) string {
	if text == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(text))
	return string(sum[:])
}
