// SPDX-License-Identifier: GPL-3.0-or-later

package rootside

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/netfilter"
	netkernel "github.com/a4u2/au/netfilter/kernel"
	"github.com/a4u2/au/provision"
	"golang.org/x/sys/unix"
)

// The commands of the agent's network units. It trusts only what root wrote: /etc/au, and the accounts.

// LoadRules puts the agent's rules in force.
func (r *Root) LoadRules(agent string) error {
	policies, errs := r.enforceable(agent)
	if errs[0] != nil {
		return host.NetError(agent, errs[0])
	}
	p := policies[0]
	return host.NetError(agent, r.alone(func() error {
		if err := netkernel.PinPrograms(p); err != nil && !errors.Is(err, netkernel.ErrNoBPF) {
			fmt.Fprintf(r.err, "au: warning: the second layer does not hold: %v\n", err)
		}
		return r.loadRules(p)[0]
	}))
}

// enforceable returns the network policies of agents whose uid is still their own, and why there is none. The present owner of the
// uid stays restricted, and does not get its slice, until somebody has looked: au net off.
func (r *Root) enforceable(agents ...string) ([]netfilter.Policy, []error) {
	policies, errs, uids, owners := make([]netfilter.Policy, len(agents)), make([]error, len(agents)), []string(nil), map[uint32]string{}
	for i, agent := range agents {
		if policies[i], errs[i] = r.host.NetPolicy(agent); errs[i] == nil {
			uids = append(uids, fmt.Sprint(policies[i].UID))
		}
	}
	var unknown error
	if len(uids) > 0 {
		var users []provision.User
		users, unknown = r.host.Users(uids...)
		for _, u := range users {
			owners[u.UID] = u.Name
		}
	}
	for i, agent := range agents {
		owner, found := owners[policies[i].UID]
		switch {
		case errs[i] != nil:
		case unknown != nil:
			errs[i] = unknown
		case !found: // rules for a uid that nobody has harm nobody, and wait for it
		case owner != agent:
			errs[i] = host.WithHint(fmt.Errorf("uid %d belongs to user %q now", policies[i].UID, owner), "au net off --agent "+agent)
		default:
			policies[i], errs[i] = r.host.WithSubUIDs(policies[i])
		}
	}
	return policies, errs
}

// loadRules puts the rules in force with the backend of each policy, and takes those of the other away afterwards. It returns an
// error for each.
func (r *Root) loadRules(all ...netfilter.Policy) []error {
	now, errs := r.host.Now(), make([]error, len(all))
	var texts []string
	var which []int
	for i, p := range all {
		if p.Backend != netfilter.NFT {
			errs[i] = r.loadBoth(p, now)
			continue
		}
		texts, which = append(texts, p.Ruleset(now)), append(which, i)
	}
	var loaded []netfilter.Policy
	for n, err := range r.feedNFT(texts) {
		if errs[which[n]] = err; err == nil {
			loaded = append(loaded, all[which[n]])
		}
	}
	if err := r.unloadIptables(loaded...); err != nil {
		for _, i := range which {
			errs[i] = errors.Join(errs[i], err)
		}
	}
	return errs
}

// nftAtOnce is how many agents' rules nft loads in one transaction: what it needs of memory grows with them.
const nftAtOnce = 100

// feedNFT loads rules by nft, those of many agents in one transaction. It returns an error for each text: one that nft refuses does
// not hold up the others.
func (r *Root) feedNFT(texts []string) (errs []error) {
	for some := range slices.Chunk(texts, nftAtOnce) {
		_, err := r.feed(strings.Join(some, ""), "nft", "-f", "-")
		for _, text := range some {
			alone := err
			if err != nil && len(some) > 1 {
				_, alone = r.feed(text, "nft", "-f", "-")
			}
			errs = append(errs, alone)
		}
	}
	return errs
}

// loadBoth puts the rules in force by iptables, for IPv4 and IPv6.
func (r *Root) loadBoth(p netfilter.Policy, now time.Time) error {
	for _, family := range []netfilter.Family{netfilter.IPv4, netfilter.IPv6} {
		if err := r.loadIptables(p, family, now); err != nil {
			if family == netfilter.IPv6 && !r.host.HasIPv6() {
				continue
			}
			return err
		}
	}
	return r.unloadNFT(p.Table())
}

// loadIptables asks what is there and replaces it, again when somebody changed it in between.
func (r *Root) loadIptables(p netfilter.Policy, family netfilter.Family, now time.Time) (err error) {
	for range 5 {
		var saved string
		if saved, err = r.feed("", family.Save()...); err != nil {
			return err
		}
		if _, err = r.feed(p.IptablesRules(family, now, saved), family.Restore()...); err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return err
}

func (r *Root) unloadNFT(tables ...string) error {
	if _, err := r.host.FindProgram("nft"); err != nil {
		return netkernel.DeleteTables(tables...)
	}
	_, err := r.feed(netfilter.Removal(tables...), "nft", "-f", "-")
	return err
}

func (r *Root) unloadIptables(all ...netfilter.Policy) error {
	removed := false
	for _, family := range []netfilter.Family{netfilter.IPv4, netfilter.IPv6} {
		if _, err := r.host.FindProgram(family.Save()[0]); err != nil || len(all) == 0 {
			continue
		}
		saved, err := r.feed("", family.Save()...)
		if err != nil {
			return err
		}
		var text strings.Builder
		for _, p := range all {
			text.WriteString(p.IptablesRemoval(saved))
		}
		if text.Len() > 0 {
			if _, err := r.feed(text.String(), family.Restore()...); err != nil {
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

// UnloadRules takes the agent's rules away.
func (r *Root) UnloadRules(agent string) error {
	policy, err := r.host.AgentPolicy(agent)
	if err != nil {
		return err
	}
	return host.NetError(agent, r.alone(func() error { return r.unloadRules(netfilter.Policy{Agent: agent, UID: policy.UID}) }))
}

// UnloadRulesLeft takes away the rules of an agent that is gone. It looks under the lock under which those of a new agent that has
// the uid would be loaded.
func (r *Root) UnloadRulesLeft(uid uint32) error {
	return r.alone(func() error {
		left, err := r.host.RulesLeft()
		if err != nil {
			return err
		}
		if !slices.Contains(left, uid) {
			return fmt.Errorf("rules for uid %d: there are none, or an agent has that uid: `au net off` ends its restriction", uid)
		}
		return r.unloadRules(netfilter.Policy{UID: uid})
	})
}

// unloadRules takes away all that is in force of an agent's rules, whatever loaded it.
func (r *Root) unloadRules(p netfilter.Policy) error {
	return errors.Join(r.unloadNFT(p.Table(), p.InboundTable()), r.unloadIptables(p), netkernel.UnpinPrograms(p))
}

// groups returns where the groups of cgroup v2 are, with a slash at the end; empty where there is no such hierarchy.
func (r *Root) groups() string {
	for _, at := range []string{"/sys/fs/cgroup/", "/sys/fs/cgroup/unified/"} {
		if r.host.Exists(at + "cgroup.procs") {
			return at
		}
	}
	return ""
}

// sliceGroup returns the cgroup (v2) of the agent's slice, as a path below /sys/fs/cgroup, and its inode number; an empty path
// where there is none.
func (r *Root) sliceGroup(p netfilter.Policy) (path string, inode uint64) {
	at := r.groups()
	var st unix.Stat_t
	if at == "" || unix.Stat(r.host.Root+at+"user.slice/"+p.SliceName(), &st) != nil {
		return "", 0
	}
	return strings.TrimPrefix(at, "/sys/fs/cgroup/") + "user.slice/" + p.SliceName(), st.Ino
}

// shown returns fingerprints of what the machine shows of rules, counters apart, by the names of the policies' tables. Those of
// which something is missing have none.
func (r *Root) shown(all []netfilter.Policy) (map[string]string, error) {
	var tables []string
	var others []netfilter.Policy
	for _, p := range all {
		tables = append(tables, p.InboundTable())
		if p.Backend == netfilter.NFT {
			tables = append(tables, p.Table())
		} else {
			others = append(others, p)
		}
	}
	shown, err := r.host.ShownTables(tables...)
	if err != nil {
		shown = map[string]string{}
	}
	if len(others) > 0 {
		r.shownByIptables(others, shown)
	}
	if len(others) == len(all) {
		err = nil // they may be on a machine without nftables
	}
	return shown, err
}

// shownByIptables adds what iptables shows.
func (r *Root) shownByIptables(all []netfilter.Policy, shown map[string]string) {
	missing, own := map[string]bool{}, map[string]string{}
	for _, family := range []netfilter.Family{netfilter.IPv4, netfilter.IPv6} {
		saved, err := r.feed("", family.Save()...)
		if err != nil && family == netfilter.IPv6 && !r.host.HasIPv6() {
			continue
		}
		for _, p := range all {
			missing[p.Table()] = missing[p.Table()] || !p.IptablesIntact(saved)
			own[p.Table()] += p.IptablesOwn(saved)
		}
	}
	for table, text := range own {
		if !missing[table] {
			shown[table] = remembered(text)
		}
	}
}

// CutConnections ends the agent's open connections.
func (r *Root) CutConnections(agent string) error {
	p, err := r.host.NetPolicy(agent)
	if err != nil {
		return host.NetError(agent, err)
	}
	n, err := netkernel.EndConnections(p.UIDs(), r.sliceCgroups(p))
	if err == nil && n > 0 {
		fmt.Fprintf(r.out, "Ended %d open connections of agent %s\n", n, agent)
	}
	return host.NetError(agent, err)
}

// sliceCgroups returns the inode numbers of the cgroups v2 in the agent's slice.
func (r *Root) sliceCgroups(p netfilter.Policy) []uint64 {
	var inodes []uint64
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		if !r.host.Exists(root + "/cgroup.procs") {
			continue
		}
		_ = filepath.WalkDir(r.host.Root+root+"/user.slice/"+p.SliceName(), func(_ string, d fs.DirEntry, err error) error {
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
