// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/internal/programs"
	"github.com/a4u2/au/netfilter"
	netkernel "github.com/a4u2/au/netfilter/kernel"
	sd "github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// What the agent's network units run as root. They trust only what root wrote: /etc/au, and the accounts.

type netLoadCmd struct {
	Agent string `arg:""`
}

type netUnloadCmd struct {
	Agent string `arg:""`
}

type netWatchCmd struct {
	Agent string `arg:""`
}

type netCutCmd struct {
	Agent string `arg:""`
}

type netProbeCmd struct {
	Slice bool `help:"Only what the slice's filter stops."`
}

func (c *netLoadCmd) Run(a *app) error {
	p, err := enforceable(a.host, c.Agent)
	if err != nil {
		return host.NetError(c.Agent, err)
	}
	return host.NetError(c.Agent, alone(func() error {
		if err := netkernel.PinPrograms(p); err != nil && !errors.Is(err, netkernel.ErrNoBPF) {
			fmt.Fprintf(a.err, "au: warning: the second layer does not hold: %v\n", err)
		}
		return loadRules(a.host, p)
	}))
}

// enforceable returns the network policy of an agent whose uid is still its own. Whoever has the uid by now stays restricted, and does
// not get its slice, until somebody has looked: au net off.
func enforceable(h *host.Host, agent string) (netfilter.Policy, error) {
	p, err := h.NetPolicy(agent)
	if err != nil {
		return p, err
	}
	owner, found, err := h.LookupUser(fmt.Sprint(p.UID))
	switch {
	case err != nil:
		return p, err
	case !found:
		return p, nil // rules for a uid that nobody has harm nobody, and wait for it
	case owner.Name != agent:
		return p, hintError{fmt.Errorf("uid %d belongs to user %q now", p.UID, owner.Name), "au net off --agent " + agent}
	}
	return h.WithSubUIDs(p)
}

// alone runs change while no other process of au's changes rules: the watcher sees a new policy when the human's command does.
func alone(change func() error) error {
	// In /run and closed to all but root: anyone who can open a file can hold a lock on it.
	lock, err := os.OpenFile("/run/au.lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return err
	}
	return change()
}

// loadRules puts the rules in force with the backend of the policy, and takes those of the other away afterwards.
func loadRules(h *host.Host, p netfilter.Policy) error {
	now := h.Now()
	if p.Backend == netfilter.NFT {
		if _, err := feed(p.Ruleset(now), "nft", "-f", "-"); err != nil {
			return err
		}
		return unloadIptables(h, p)
	}
	for _, family := range []netfilter.Family{netfilter.IPv4, netfilter.IPv6} {
		if err := loadIptables(p, family, now); err != nil {
			if family == netfilter.IPv6 && !h.HasIPv6() {
				continue
			}
			return err
		}
	}
	return unloadNFT(h, p.Table())
}

// loadIptables asks what is there and replaces it, again when somebody changed it in between.
func loadIptables(p netfilter.Policy, family netfilter.Family, now time.Time) (err error) {
	for range 5 {
		var saved string
		if saved, err = feed("", family.Save()...); err != nil {
			return err
		}
		if _, err = feed(p.IptablesRules(family, now, saved), family.Restore()...); err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

func unloadNFT(h *host.Host, tables ...string) error {
	if _, err := h.FindProgram("nft"); err != nil {
		return netkernel.DeleteTables(tables...)
	}
	_, err := feed(netfilter.Removal(tables...), "nft", "-f", "-")
	return err
}

func unloadIptables(h *host.Host, p netfilter.Policy) error {
	removed := false
	for _, family := range []netfilter.Family{netfilter.IPv4, netfilter.IPv6} {
		if _, err := h.FindProgram(family.Save()[0]); err != nil {
			continue
		}
		saved, err := feed("", family.Save()...)
		if err != nil {
			return err
		}
		if text := p.IptablesRemoval(saved); text != "" {
			if _, err := feed(text, family.Restore()...); err != nil {
				return err
			}
			removed = true
		}
	}
	if !removed {
		return nil
	}
	return netkernel.DeleteEmptyTables()
}

// feed runs a command with text on its standard input, and returns what it printed.
func feed(text string, argv ...string) (string, error) {
	cmd := programs.Command(argv...)
	cmd.Stdin = strings.NewReader(text)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("run %q: %w: %s", strings.Join(argv, " "), err, strings.TrimSpace(said.String()))
	}
	return string(out), nil
}

func (c *netUnloadCmd) Run(a *app) error {
	agent, err := a.host.AgentPolicy(c.Agent)
	if err != nil {
		return err
	}
	return host.NetError(c.Agent, alone(func() error { return unloadRules(a.host, netfilter.Policy{Agent: c.Agent, UID: agent.UID}) }))
}

// unloadRules takes away all that is in force of an agent's rules, whatever loaded it.
func unloadRules(h *host.Host, p netfilter.Policy) error {
	return errors.Join(unloadNFT(h, p.Table(), p.InboundTable()), unloadIptables(h, p), netkernel.UnpinPrograms(p))
}

// Run puts the rules back until it is ended. A policy that cannot be read leaves what is in force.
func (c *netWatchCmd) Run(a *app) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	changes, err := netkernel.Changes(ctx)
	if err != nil {
		return host.NetError(c.Agent, err)
	}
	every := time.NewTicker(2 * time.Second)
	defer every.Stop()
	w := watcher{agent: c.Agent, app: a}
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
	agent        string
	app          *app
	loaded, seen string
	sure         bool // two loads in a row were shown alike: nobody changed anything between the load and the look
	said         string
	holder       holder
	closed       string // for which cgroup the rules of InboundRules were loaded, and how the machine showed them then
}

// close has the agent's sockets seem closed to the outside, while its slice is there and nft can say so. Where it cannot, what they answer is
// dropped all the same.
func (w *watcher) close(p netfilter.Policy, changed bool) {
	path, inode := sliceGroup(w.app.host, p)
	is := fmt.Sprint(path, inode, " ")
	if path == "" || !changed && strings.HasPrefix(w.closed, is) {
		return
	}
	show := func() string {
		text, _ := feed("", "nft", "-n", "-s", "list", "table", "inet", p.InboundTable())
		return text
	}
	if shown := show(); shown != "" && w.closed == is+shown {
		return
	}
	if _, err := feed(p.InboundRules(path), "nft", "-f", "-"); err != nil {
		w.closed = is // not again before something changes
		return
	}
	w.closed = is + show()
}

// sliceGroup returns the cgroup (v2) of the agent's slice, as a path below /sys/fs/cgroup, and its inode number; an empty path where there is none.
func sliceGroup(h *host.Host, p netfilter.Policy) (path string, inode uint64) {
	for _, root := range []string{"", "unified/"} {
		path := root + "user.slice/" + p.SliceName()
		var st unix.Stat_t
		if h.Exists("/sys/fs/cgroup/"+root+"cgroup.procs") && unix.Stat(h.Root+"/sys/fs/cgroup/"+path, &st) == nil {
			return path, st.Ino
		}
	}
	return "", 0
}

// look puts the rules back where they are not as they were loaded, or are to be others by now. The rules of nftables can only have changed
// when the kernel said so.
func (w *watcher) look(changed bool) {
	err := alone(func() error { return w.mend(changed) })
	if text := fmt.Sprint(err); err != nil && text != w.said {
		w.said = text
		fmt.Fprintf(w.app.err, "au: %v\n", host.NetError(w.agent, err))
	}
}

func (w *watcher) mend(changed bool) error {
	p, err := enforceable(w.app.host, w.agent)
	if err != nil {
		return err
	}
	held := w.holder.hold(w.app.host, p)
	w.close(p, changed)
	want := p.Ruleset(w.app.host.Now()) + string(p.Backend)
	known := want == w.loaded && w.sure
	if known && (p.Backend == netfilter.NFT && !changed || w.seen == shown(w.app.host, p)) {
		return held
	}
	if err := loadRules(w.app.host, p); err != nil {
		return errors.Join(held, err)
	}
	if known {
		fmt.Fprintf(w.app.err, "au: somebody changed the rules of agent %q; they are back\n", w.agent)
	}
	seen := shown(w.app.host, p)
	w.sure = want == w.loaded && seen != "" && seen == w.seen
	w.loaded, w.seen = want, seen
	if held == nil {
		w.said = ""
	}
	return held
}

// shown returns what the machine says of the agent's rules, counters apart; empty where something is missing.
func shown(h *host.Host, p netfilter.Policy) string {
	if p.Backend == netfilter.NFT {
		text, _ := feed("", "nft", "-n", "-s", "list", "table", "inet", p.Table())
		return text
	}
	var all strings.Builder
	for _, family := range []netfilter.Family{netfilter.IPv4, netfilter.IPv6} {
		saved, err := feed("", family.Save()...)
		if err != nil && family == netfilter.IPv6 && !h.HasIPv6() {
			continue
		}
		if !p.IptablesIntact(saved) {
			return ""
		}
		all.WriteString(p.IptablesOwn(saved))
	}
	return all.String()
}

func (c *netCutCmd) Run(a *app) error {
	p, err := a.host.NetPolicy(c.Agent)
	if err != nil {
		return host.NetError(c.Agent, err)
	}
	n, err := netkernel.EndConnections(p.UIDs(), sliceCgroups(a.host, p))
	if err == nil && n > 0 {
		fmt.Fprintf(a.out, "Ended %d open connections of agent %s\n", n, c.Agent)
	}
	return host.NetError(c.Agent, err)
}

// sliceCgroups returns the inode numbers of the cgroups v2 in the agent's slice.
func sliceCgroups(h *host.Host, p netfilter.Policy) []uint64 {
	var inodes []uint64
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		if !h.Exists(root + "/cgroup.procs") {
			continue
		}
		_ = filepath.WalkDir(h.Root+root+"/user.slice/"+p.SliceName(), func(_ string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return nil
			}
			if info, err := d.Info(); err == nil {
				if st, ok := info.Sys().(*syscall.Stat_t); ok && !slices.Contains(inodes, st.Ino) {
					inodes = append(inodes, st.Ino)
				}
			}
			return nil
		})
	}
	return inodes
}

func (c *netProbeCmd) Run(a *app) error {
	attempts := netkernel.Probe
	if c.Slice {
		attempts = netkernel.ProbeSlice
	}
	return json.NewEncoder(a.out).Encode(attempts())
}
