// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"strings"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
)

type infoCmd struct {
	agentFlag
	JSON bool `name:"json" help:"Print JSON."`
}

// agentInfo is what `au info --json` prints.
type agentInfo struct {
	Name       string      `json:"name"`
	Made       string      `json:"made"` // "au", "nixos" (declared there), "agent-as-unix-user" or "missing"
	Healthy    bool        `json:"healthy"`
	UID        uint32      `json:"uid"`
	Home       string      `json:"home"`
	Group      string      `json:"group"`
	Entrypoint string      `json:"entrypoint"`
	Unit       string      `json:"unit,omitempty"`
	Humans     []string    `json:"humans"`
	Mounts     []infoPath  `json:"mounts"`
	Path       []pathView  `json:"path"` // what the human has put there
	Issues     []issue     `json:"issues"`
	Limits     *limitsView `json:"limits,omitempty"`   // nil: no systemd to ask
	Outdated   *issue      `json:"outdated,omitempty"` // what sees to the network is of another au
}

type infoPath struct {
	Source   config.Path `json:"source"`
	Target   config.Path `json:"target"`
	ReadOnly bool        `json:"read_only"`
	SamePath bool        `json:"same_path"`
}

type issue struct {
	Problem string `json:"problem"`
	Hint    string `json:"hint,omitempty"`
}

func (c *infoCmd) Run(a *app) error {
	human, err := a.human()
	if err != nil {
		return err
	}
	known, err := a.load(human)
	if err != nil {
		return err
	}
	facts, err := a.host.Observe(c.Agent, human)
	if err != nil {
		return err
	}
	if err := a.host.WithDeclared(known, c.Agent, human); err != nil {
		return err
	}
	entry := known.Agent(c.Agent)
	if entry == nil && facts.Policy == nil && facts.PolicyErr == nil {
		return a.host.NoSuchAgent(c.Agent)
	}
	a.warn(human, known)
	a.warnRival(human)
	info := describe(a.host, facts, entry)
	if err := info.addReached(a.host, human, known, entry); err != nil {
		return err
	}
	if info.Healthy {
		if why := trial(a.host, facts); why != nil {
			info.Healthy, info.Issues = false, append(info.Issues, issue{Problem: fmt.Sprintf("a run was tried, and failed: %v", why)})
		}
	}
	if facts.Ours() && facts.Unit.Systemd && facts.Unit.Err == nil {
		if view, err := observeLimits(a.host, *facts.Policy); err == nil {
			info.Limits = &view
		}
	}
	if p, err := a.host.NetPolicy(c.Agent); err == nil && facts.Ours() && facts.Unit.Err == nil {
		units, _ := a.host.NetUnits(p)
		if old := a.host.OutdatedNet(p, units); old != "" {
			info.Outdated = &issue{old, p.Again()}
		}
	}
	if c.JSON {
		err = a.printJSON(info)
	} else {
		a.printInfo(info, facts)
	}
	if err == nil && !info.Healthy {
		return exitError(statusFailed)
	}
	return err
}

// describe puts facts and config together.
func describe(h *host.Host, f provision.Facts, entry *config.Agent) agentInfo {
	info := agentInfo{
		Name: f.Name, Made: "au", Home: csrc.HomePath(f.Name), Group: provision.GroupName(f.Name), Entrypoint: h.EntrypointPath(f.Name),
		Humans: []string{}, Mounts: []infoPath{}, Path: []pathView{}, Issues: []issue{},
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
			info.Mounts = append(info.Mounts, infoPath{config.Path(m.Source), config.Path(m.Target), m.ReadOnly, !m.TargetOnly})
		}
	}
	if f.Policy == nil && f.PolicyErr == nil && entry != nil && entry.Entrypoint != info.Entrypoint {
		info.Made, info.Group, info.Entrypoint = "agent-as-unix-user", entry.Group, entry.Entrypoint
		info.Issues = append(info.Issues, issue{
			"made by agent-as-unix-user 2.x: its entrypoint lets the agent become root, so `au run` refuses it",
			advised(h, "au new --agent "+f.Name),
		})
		return info
	}
	for _, i := range provision.Health(f) {
		info.Issues = append(info.Issues, issue{i.Problem, advised(h, i.Hint)})
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
			i.Issues = append(i.Issues, issue{fmt.Sprintf("share %q is read-only in runs: %s", m.Source, provision.ReachedAt(place)), provision.Inert(place)})
		}
	}
	i.Healthy = len(i.Issues) == 0
	return err
}

func (a *app) printInfo(i agentInfo, f provision.Facts) {
	p := a.paint()
	state := ""
	if !i.Healthy {
		state = " (" + p.Red("BROKEN") + ")"
	}
	if f.Declared {
		state = " (declared in the NixOS configuration)" + state
	}
	fmt.Fprintf(a.out, "%s%s\n", p.Green(i.Name), state)
	fmt.Fprintf(a.out, "  user: uid %d\n", i.UID)
	fmt.Fprintf(a.out, "  home: %s\n", p.Yellow(i.Home))
	group := ""
	switch {
	case f.Group == nil || provision.SessionHasGroup(f):
	case f.Declared:
		group = " (not in this session yet: log in again, or run newgrp " + i.Group + ")"
	default:
		group = " (not in this session yet; nothing needs it)"
	}
	fmt.Fprintf(a.out, "  group: %s%s\n", p.Yellow(i.Group), group)
	fmt.Fprintf(a.out, "  entrypoint: %s\n", p.Yellow(i.Entrypoint))
	switch {
	case i.Unit != "":
		fmt.Fprintf(a.out, "  unit: %s\n", p.Yellow(i.Unit))
	case !f.Unit.Systemd:
		fmt.Fprintf(a.out, "  unit: none (no systemd here: no limits)\n")
	}
	if i.Limits != nil {
		fmt.Fprintf(a.out, "  limits: %s\n  in use: %s\n", i.Limits.summary(), i.Limits.Use.summary())
	}
	a.printHumans(i.Humans)
	a.printMounts(i.Mounts)
	a.printPath(i.Path)
	if i.Outdated != nil {
		fmt.Fprintf(a.out, "  network: %s\n      %s\n", i.Outdated.Problem, hintLine(a.host, i.Outdated.Hint))
	}
	a.printIssues(i.Issues)
}

func (a *app) printHumans(humans []string) {
	if len(humans) > 0 {
		fmt.Fprintf(a.out, "  humans: %s\n", strings.Join(humans, ", "))
	}
}

func (a *app) printMounts(mounts []infoPath) {
	p := a.paint()
	if len(mounts) == 0 {
		fmt.Fprintf(a.out, "  mounts: none\n")
		return
	}
	fmt.Fprintf(a.out, "  mounts:\n")
	for _, m := range mounts {
		fmt.Fprintf(a.out, "    - %s -> %s [%s]\n", p.Yellow(show(string(m.Source))), p.Yellow(show(string(m.Target))), mark(config.Mount{ReadOnly: m.ReadOnly, TargetOnly: !m.SamePath}))
	}
}

func (a *app) printPath(folders []pathView) {
	if len(folders) > 0 {
		fmt.Fprintf(a.out, "  path:\n")
	}
	for _, v := range folders {
		fmt.Fprintf(a.out, "    - %s\n", v.text(a.paint()))
	}
}

func (a *app) printIssues(issues []issue) {
	if len(issues) > 0 {
		fmt.Fprintf(a.out, "  %s:\n", a.paint().Red("issues"))
	}
	for _, s := range issues {
		fmt.Fprintf(a.out, "    - %s\n", s.Problem)
		if s.Hint != "" {
			fmt.Fprintf(a.out, "      %s\n", hintLine(a.host, s.Hint))
		}
	}
}

// warn says what weakens every agent: a home that others can enter. The original's switch silences it.
func (a *app) warn(human provision.User, c *config.Config) {
	open, err := a.host.ForRun().HomeOpenings(human, c)
	if err != nil || len(open) == 0 {
		return
	}
	fmt.Fprintf(a.err, "au: warning: others can enter %s (%s), and so can agents\n", show(human.Home), open[0].Who())
	a.hint(open[0].Shut(human.Home))
	fmt.Fprintf(a.err, "au: (disable_home_access_check = true in %s silences this)\n", show(a.configPath(human)))
}

type listCmd struct {
	Nix  bool `xor:"form" help:"Print the lines that declare the agents in a NixOS configuration."`
	JSON bool `name:"json" xor:"form" help:"Print JSON."`
}

func (c *listCmd) Run(a *app) error {
	human, err := a.human()
	if err != nil {
		return err
	}
	known, err := a.load(human)
	if err != nil {
		return err
	}
	agents, err := listAgents(a.host, known, human)
	if err != nil {
		return err
	}
	switch {
	case c.JSON:
		return a.printJSON(agents)
	case c.Nix:
		return a.printNix(agents, known, human)
	}
	start.PrintList(a.out, agents)
	return nil
}
