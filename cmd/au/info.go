// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"strings"

	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
)

type infoCmd struct {
	agentFlag
	JSON bool `name:"json" help:"Print JSON."`
}

// Run shows the agent. provision.Health (provision/info.go) has what is checked.
func (c *infoCmd) Run(a *app) error {
	human, known, err := a.humanAndConfig()
	if err != nil {
		return err
	}
	info, facts, err := a.examine(human, known, c.Agent)
	if err != nil {
		return err
	}
	drafts, unread := a.draftsOf(human)
	if unread != nil {
		a.say(unread) // the agent can be shown all the same
	}
	info.Drafts = append(info.Drafts, drafts[c.Agent]...)
	this := []start.Listed{{Name: c.Agent}}
	a.tryRuns(this, human)
	info.Runs = append(info.Runs, this[0].Runs...)
	a.warn(human, known)
	a.warnRival(human)
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

func (a *app) printInfo(i agentInfo, f provision.Facts) {
	a.printAccount(i, f)
	if i.Limits != nil {
		fmt.Fprintf(a.out, "  limits: %s\n  in use: %s\n", i.Limits.summary(), i.Limits.Use.summary())
	}
	if len(i.Runs) > 0 {
		fmt.Fprintf(a.out, "  runs:\n")
		start.PrintRuns(a.out, "    - ", i.Runs)
	}
	a.printHumans(i.Humans)
	a.printMounts(i.Mounts)
	a.printPath(i.Path)
	a.printLeft(i.Drafts)
	if len(i.Older) > 0 {
		fmt.Fprintf(a.out, "  from an older au:\n")
		a.printEach(i.Older)
	}
	if i.Outdated != nil {
		fmt.Fprintf(a.out, "  network: %s\n      %s\n", i.Outdated.Problem, hintLine(a.host, i.Outdated.Hint))
	}
	a.printIssues(i.Issues)
}

// printAccount says who the agent is on this machine.
func (a *app) printAccount(i agentInfo, f provision.Facts) {
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
		fmt.Fprintf(a.out, "    - %s -> %s [%s]\n", p.Yellow(show(string(m.Source))), p.Yellow(show(string(m.Target))), mark(config.Mount{ReadOnly: m.ReadOnly, Draft: m.Draft, TargetOnly: !m.SamePath, Hide: m.Hide, ShowSecrets: m.Secrets}))
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

func (a *app) printLeft(drafts []start.ListedDraft) {
	if len(drafts) > 0 {
		fmt.Fprintf(a.out, "  not kept yet:\n")
	}
	for _, d := range drafts {
		fmt.Fprintf(a.out, "    - %s\n", d.Text())
	}
}

func (a *app) printIssues(issues []issue) {
	if len(issues) > 0 {
		fmt.Fprintf(a.out, "  %s:\n", a.paint().Red("issues"))
	}
	a.printEach(issues)
}

func (a *app) printEach(issues []issue) {
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
	agents, known, human, err := a.listed()
	if err != nil {
		return err
	}
	drafts, err := a.draftsOf(human)
	if err != nil {
		a.say(err) // the agents can be listed all the same
	}
	a.tryRuns(agents, human)
	for i := range agents {
		agents[i].Drafts = drafts[agents[i].Name]
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
