// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/a4u2/au/internal/tree"
	"github.com/a4u2/au/netfilter"
	netkernel "github.com/a4u2/au/netfilter/kernel"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/step"
	"golang.org/x/sys/unix"
)

// checkAgent looks at one agent: what `au info` looks at, and more.
func (a *app) checkAgent(d *diagnosis, human provision.User, known *config.Config, agent string) error {
	entry := known.Agent(agent)
	info, facts, err := a.examine(human, known, agent)
	if err != nil {
		return err
	}
	for _, i := range info.Issues {
		d.advise(a.host, agent, i.ID, i.Problem, i.Hint)
	}
	if facts.Policy == nil {
		return nil
	}
	for _, i := range info.Older {
		d.advise(a.host, agent, i.ID, i.Problem, i.Hint)
	}
	if info.Outdated != nil {
		d.advise(a.host, agent, info.Outdated.ID, info.Outdated.Problem, info.Outdated.Hint)
	}
	if info.Limits != nil {
		for _, word := range sortedWords(info.Limits.Limits) {
			if l := info.Limits.Limits[word]; l.Held != "" {
				d.advise(a.host, agent, "limit-unheld", fmt.Sprintf("limit %s is %s, and the kernel holds %s", word, l.Text, l.Held), "au limits show --agent "+agent)
			}
		}
	}
	a.checkUnits(d, facts)
	a.checkRights(d, facts)
	a.checkSetID(d, facts)
	a.checkNet(d, facts, info.Healthy)
	return a.checkShares(d, human, agent, entry)
}

// checkUnits looks for files by which somebody else changes what systemd has of the agent.
func (a *app) checkUnits(d *diagnosis, f provision.Facts) {
	var net *netfilter.Policy
	if p, err := a.host.NetPolicy(f.Name); err == nil {
		net = &p
	}
	for _, unit := range provision.HeldUnits(f.Name, f.Policy.UID, net) {
		added := a.host.AddedTo(unit, f.Declared)
		for _, file := range slices.Sorted(maps.Keys(added)) {
			remove := step.Root("sh", "-c", `rm -- "$1" && systemctl daemon-reload`, "sh", file)
			d.advise(a.host, f.Name, "unit-added", show(added[file]), remove.Shell([]string{"sudo"}))
		}
	}
}

// checkRights looks for rights that the agent's account has outside of its walls.
func (a *app) checkRights(d *diagnosis, f provision.Facts) {
	groups, err := a.host.AllGroups()
	if err != nil {
		return
	}
	for _, name := range provision.StrongGroups(groups, f.Name) {
		d.advise(a.host, f.Name, "group-strong", fmt.Sprintf("the agent is a member of %q", name), fmt.Sprintf("sudo gpasswd --delete %s %s", f.Name, name))
	}
	if a.host.UID() != 0 {
		d.needsRoot("what sudoers gives agents")
	} else if rules := a.host.SudoRules(f.Name); rules != "" {
		d.advise(a.host, f.Name, "sudo-rule", "sudoers lets the agent run: "+show(rules), "sudo visudo")
	}
}

func (d *diagnosis) needsRoot(what string) {
	if !slices.Contains(d.NeedsRoot, what) {
		d.NeedsRoot = append(d.NeedsRoot, what)
	}
}

// checkNet looks at the layers of a restricted agent's network.
func (a *app) checkNet(d *diagnosis, f provision.Facts, healthy bool) {
	p, err := a.host.NetPolicy(f.Name)
	if err != nil || !f.Ours() {
		return
	}
	units, silent := a.host.NetUnits(p)
	all := layers(a.host, p, units, silent)
	for _, l := range all {
		if !l.Up && !l.unknown && l.Name != "slice" {
			problem, mend, _ := strings.Cut(l.State, ": ")
			d.advise(a.host, f.Name, "net-down", fmt.Sprintf("the network's layer %q is down: %s", l.Name, problem), mend)
		}
	}
	for _, warning := range netWarnings(a.host, p, *f.Policy, a.host.NoSlice(), a.host.NoSeal()) {
		d.advise(a.host, f.Name, "net-warning", warning, "")
	}
	if healthy {
		a.tryNet(d, p, all)
	}
}

// tryNet has packets try to get out, as `au net status --verify` does: as the agent, and, for root, in its slice as another user.
func (a *app) tryNet(d *diagnosis, p netfilter.Policy, all []layerView) {
	var attempts []netkernel.Attempt
	var err error
	if a.host.UID() == 0 {
		attempts, err = a.escapeInSlice(p, all, io.Discard)
	} else {
		attempts, err = a.escapeAsAgent(p, io.Discard)
		d.needsRoot("whether the slices of restricted agents let other users' packets out")
	}
	if err != nil {
		d.cut(fmt.Sprintf("the network of agent %s: %s", p.Agent, show(err.Error())))
	}
	for _, attempt := range attempts {
		if attempt.Open {
			d.advise(a.host, p.Agent, "net-open", fmt.Sprintf("%s: %s", attempt.What, attempt.Said), p.Again())
			return // one way out is enough to know it
		}
	}
}

// checkSetID looks for set-id files in the agent's home. A run can make one that is set-gid, to the agent's own group: chmod(1)
// passes that bit along on folders, so the system call filter lets it through. With --unlock userns a run can make set-uid ones.
func (a *app) checkSetID(d *diagnosis, f provision.Facts) {
	home := f.Policy.Home
	files, err := tree.Open(a.host.Root+home, true)
	if err != nil {
		return
	}
	defer files.Close()
	ctx, cancel := context.WithTimeout(context.Background(), a.host.ReportTime)
	defer cancel()
	var mu sync.Mutex
	first, found := "", 0
	err = files.Walk(ctx, func(e tree.Entry) error {
		if e.In == nil || e.Stat.Mode&unix.S_IFMT != unix.S_IFREG || e.Stat.Mode&(unix.S_ISUID|unix.S_ISGID) == 0 {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		if path := home + "/" + e.Path(); found == 0 || path < first {
			first = path
		}
		found++
		return nil
	}, func(string, error) {})
	if found > 0 {
		problem := show(first) + " is set-uid or set-gid"
		if found > 1 {
			problem = fmt.Sprintf("%s and %d more are set-uid or set-gid", show(first), found-1)
		}
		d.advise(a.host, f.Name, "home-setid", problem, pasted("run", "--agent", f.Name, "--directory", home, "--no-shares", "--",
			a.host.OfMachine("find"), home, "-xdev", "-type", "f", "-perm", "/6000", "-exec", a.host.OfMachine("chmod"), "ug-s", "--", "{}", "+"))
	}
	if err != nil {
		d.cut(fmt.Sprintf("%s, which has more than %d files", show(home), files.Visited.Load()))
	}
}
