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
	"golang.org/x/sys/unix"
)

// The commands of the agent's network units. It trusts only what root wrote: /etc/au, and the accounts.

// LoadRules puts the agent's rules in force.
func (r *Root) LoadRules(agent string) error {
	p, err := r.enforceable(agent)
	if err != nil {
		return host.NetError(agent, err)
	}
	return host.NetError(agent, r.alone(func() error {
		if err := netkernel.PinPrograms(p); err != nil && !errors.Is(err, netkernel.ErrNoBPF) {
			fmt.Fprintf(r.err, "au: warning: the second layer does not hold: %v\n", err)
		}
		return r.loadRules(p)
	}))
}

// enforceable returns the network policy of an agent whose uid is still its own. The present owner of the uid stays restricted, and
// does not get its slice, until somebody has looked: au net off.
func (r *Root) enforceable(agent string) (netfilter.Policy, error) {
	p, err := r.host.NetPolicy(agent)
	if err != nil {
		return p, err
	}
	owner, found, err := r.host.LookupUser(fmt.Sprint(p.UID))
	switch {
	case err != nil:
		return p, err
	case !found:
		return p, nil // rules for a uid that nobody has harm nobody, and wait for it
	case owner.Name != agent:
		return p, host.WithHint(fmt.Errorf("uid %d belongs to user %q now", p.UID, owner.Name), "au net off --agent "+agent)
	}
	return r.host.WithSubUIDs(p)
}

// loadRules puts the rules in force with the backend of the policy, and takes those of the other away afterwards.
func (r *Root) loadRules(p netfilter.Policy) error {
	now := r.host.Now()
	if p.Backend == netfilter.NFT {
		if _, err := r.feed(p.Ruleset(now), "nft", "-f", "-"); err != nil {
			return err
		}
		return r.unloadIptables(p)
	}
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

func (r *Root) unloadIptables(p netfilter.Policy) error {
	removed := false
	for _, family := range []netfilter.Family{netfilter.IPv4, netfilter.IPv6} {
		if _, err := r.host.FindProgram(family.Save()[0]); err != nil {
			continue
		}
		saved, err := r.feed("", family.Save()...)
		if err != nil {
			return err
		}
		if text := p.IptablesRemoval(saved); text != "" {
			if _, err := r.feed(text, family.Restore()...); err != nil {
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

// shown returns what the machine says of the agent's rules, counters apart; empty where something is missing.
func (r *Root) shown(p netfilter.Policy) string {
	if p.Backend == netfilter.NFT {
		text, _ := r.feed("", "nft", "-n", "-s", "list", "table", "inet", p.Table())
		return text
	}
	var all strings.Builder
	for _, family := range []netfilter.Family{netfilter.IPv4, netfilter.IPv6} {
		saved, err := r.feed("", family.Save()...)
		if err != nil && family == netfilter.IPv6 && !r.host.HasIPv6() {
			continue
		}
		if !p.IptablesIntact(saved) {
			return ""
		}
		all.WriteString(p.IptablesOwn(saved))
	}
	return all.String()
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
