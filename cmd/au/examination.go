// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	auslices "github.com/a4u2/au/slices"
)

// agentInfo is what `au info --json` prints.
type agentInfo struct {
	Name       string     `json:"name"`
	Made       string     `json:"made"` // "au", "nixos" (declared there), "agent-as-unix-user" or "missing"
	Healthy    bool       `json:"healthy"`
	UID        uint32     `json:"uid"`
	Home       string     `json:"home"`
	Group      string     `json:"group"`
	Entrypoint string     `json:"entrypoint"`
	Unit       string     `json:"unit,omitempty"`
	Humans     []string   `json:"humans"`
	Mounts     []infoPath `json:"mounts"`
	Path       []pathView `json:"path"` // what the human has put there
	Issues     []issue    `json:"issues"`

	Runs   []start.Run         `json:"runs"`   // that go on
	Drafts []start.ListedDraft `json:"drafts"` // that hold something which was not kept yet

	Limits   *limitsView `json:"limits,omitempty"`   // nil: no systemd to ask
	Older    []issue     `json:"older"`              // what of the agent this au would write anew
	Outdated *issue      `json:"outdated,omitempty"` // what sees to the network is of another au
}

type infoPath struct {
	Source   config.Path `json:"source"`
	Target   config.Path `json:"target"`
	ReadOnly bool        `json:"read_only"`
	Draft    bool        `json:"draft"`
	SamePath bool        `json:"same_path"`
	Hide     []string    `json:"hide"`
	Secrets  bool        `json:"show_secrets"`
}

type issue struct {
	ID      string `json:"id"` // of provision.Faults
	Problem string `json:"problem"`
	Hint    string `json:"hint,omitempty"`
}

// examine looks at an agent, and tries a run of it where all seems well.
func (a *app) examine(human provision.User, known *config.Config, agent string) (info agentInfo, facts provision.Facts, err error) {
	if facts, err = a.host.Observe(agent, human); err != nil {
		return info, facts, err
	}
	if err := a.host.WithDeclared(known, agent, human); err != nil {
		return info, facts, err
	}
	entry := known.Agent(agent)
	if entry == nil && facts.Policy == nil && facts.PolicyErr == nil {
		return info, facts, a.host.NoSuchAgent(agent)
	}
	info = describe(a.host, facts, entry)
	if err := info.addReached(a.host, human, known, entry); err != nil {
		return info, facts, err
	}
	if info.Healthy {
		if why := trial(a.host, facts); why != nil {
			info.Healthy, info.Issues = false, append(info.Issues, issue{"run-fails", fmt.Sprintf("a run was tried, and failed: %v", why), ""})
		}
	}
	info.Older = append(info.Older, older(a.host, facts)...)
	if facts.Ours() && facts.Unit.Systemd && facts.Unit.Err == nil {
		if view, err := observeLimits(a.host, *facts.Policy); err == nil {
			info.Limits = &view
		}
	}
	if p, err := a.host.NetPolicy(agent); err == nil && facts.Ours() && facts.Unit.Err == nil {
		units, _ := a.host.NetUnits(p)
		if old := a.host.OutdatedNet(p, units); old != "" {
			info.Outdated = &issue{"net-outdated", old, p.Again()}
		}
	}
	return info, facts, nil
}

// older compares the agent's unit, policy and entrypoint with those that this au would install. All works as it did meanwhile.
func older(h *host.Host, f provision.Facts) (all []issue) {
	if f.Policy == nil || f.Declared {
		return nil
	}
	mend := advised(h, "au new --agent "+f.Name)
	if f.Unit.Systemd && provision.KeeperIsOld(f) {
		all = append(all, issue{"unit-old", auslices.KeeperName(f.Name) + " differs from that of this au", mend})
	}
	if provision.LacksManagerLock(f) {
		all = append(all, issue{"manager-old", "systemd would start the agent's services, outside of all walls, if the account's expiry were lost", mend})
	}
	if age := provision.PolicyAge(f); age != "" {
		all = append(all, issue{"policy-old", age, mend})
	}
	if source, build, err := findSource(h); err == nil && !build && f.Policy.SHA256 != "" && source.SHA256 != f.Policy.SHA256 {
		all = append(all, issue{"entrypoint-old", "the agent's entrypoint differs from that of this au", mend})
	}
	return all
}

// describe puts facts and config together.
func describe(h *host.Host, f provision.Facts, entry *config.Agent) agentInfo {
	info := agentInfo{
		Name: f.Name, Made: "au", Home: csrc.HomePath(f.Name), Group: provision.GroupName(f.Name), Entrypoint: h.EntrypointPath(f.Name),
		Humans: []string{}, Mounts: []infoPath{}, Path: []pathView{}, Issues: []issue{}, Older: []issue{}, Drafts: []start.ListedDraft{}, Runs: []start.Run{},
	}
	if f.Declared {
		info.Made = "nixos"
	}
	if f.Unit.Text != "" {
		info.Unit = "au-" + f.Name + ".service"
	}
	if f.Agent != nil {
		info.UID = f.Agent.UID
	}
	if f.Policy != nil {
		info.UID, info.Home = f.Policy.UID, f.Policy.Home
		for _, h := range f.Policy.Humans {
			info.Humans = append(info.Humans, h.Name)
		}
		info.Path = pathViews(h, entry, *f.Policy)
	}
	if entry != nil {
		for _, m := range entry.Mounts {
			info.Mounts = append(info.Mounts, infoPath{config.Path(m.Source), config.Path(m.Target), m.ReadOnly, m.Draft, !m.TargetOnly, append([]string{}, m.Hide...), m.ShowSecrets})
		}
	}
	if f.Policy == nil && f.PolicyErr == nil && entry != nil && entry.Entrypoint != info.Entrypoint {
		info.Made, info.Group, info.Entrypoint = "agent-as-unix-user", entry.Group, entry.Entrypoint
		info.Issues = append(info.Issues, issue{
			"original",
			"made by agent-as-unix-user 2.x: its entrypoint lets the agent become root, so `au run` refuses it",
			advised(h, provision.MendLegacy(f.Name)),
		})
		return info
	}
	for _, i := range provision.Health(f) {
		info.Issues = append(info.Issues, issue{i.ID, i.Problem, advised(h, i.Hint)})
	}
	info.Healthy = len(info.Issues) == 0
	return info
}

// addReached names the shares that runs see read-only, because others reach them by another mount.
func (i *agentInfo) addReached(h *host.Host, human provision.User, known *config.Config, entry *config.Agent) error {
	if entry == nil {
		return nil
	}
	places, err := h.ForRun().Reached(human, known, entry.Mounts)
	for _, m := range entry.Mounts {
		if place, ok := places[m.Source]; ok {
			i.Issues = append(i.Issues, issue{"share-reached", fmt.Sprintf("share %q is read-only in runs: %s", m.Source, provision.ReachedAt(place)), provision.Inert(place)})
		}
	}
	i.Healthy = len(i.Issues) == 0
	return err
}
