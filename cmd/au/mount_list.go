// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"

	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
)

type mountListCmd struct {
	agentFlag
	JSON bool `name:"json" help:"Print JSON."`
}

// mountView is a share in `au mount list --json`.
type mountView struct {
	Source   config.Path `json:"source"`
	Target   config.Path `json:"target"`
	ReadOnly bool        `json:"read_only"`
	ACL      bool        `json:"acl"`
	Draft    bool        `json:"draft"`
	Hide     []string    `json:"hide"`
	Secrets  bool        `json:"show_secrets"`
	SamePath bool        `json:"same_path"`
	Missing  bool        `json:"missing"`
	File     bool        `json:"file"`
}

func (c *mountListCmd) Run(a *app) error {
	if err := provision.CheckName(c.Agent); err != nil {
		return err
	}
	human, known, err := a.humanAndConfig()
	if err != nil {
		return err
	}
	if err := a.host.WithDeclared(known, c.Agent, human); err != nil {
		return err
	}
	entry := known.Agent(c.Agent)
	if entry == nil && !a.host.Exists(csrc.PolicyPath(c.Agent)) {
		return a.host.NoSuchAgent(c.Agent)
	}
	views := a.mountViews(entry)
	if c.JSON {
		return a.printJSON(views)
	}
	for _, v := range views {
		a.printMount(v)
	}
	if len(views) == 0 {
		fmt.Fprintf(a.out, "Nothing is shared with agent %s.\n", c.Agent)
	}
	return nil
}

// mountViews returns the shares of an agent; nil is one that the config does not have.
func (a *app) mountViews(entry *config.Agent) []mountView {
	views := []mountView{}
	if entry == nil {
		return views
	}
	for _, m := range entry.Mounts {
		v := mountView{Source: config.Path(m.Source), Target: config.Path(m.Target), ReadOnly: m.ReadOnly, ACL: m.ACL, Draft: m.Draft, SamePath: !m.TargetOnly, Hide: append([]string{}, m.Hide...), Secrets: m.ShowSecrets}
		if a.host.UID() != 0 { // for root, a file system that does not answer is not asked
			kind := start.KindOf(m.Source)
			v.Missing, v.File = kind == start.Gone, kind == start.File
		}
		views = append(views, v)
	}
	return views
}

func (a *app) printMount(v mountView) {
	missing, marked := "", mark(config.Mount{ReadOnly: v.ReadOnly, ACL: v.ACL, Draft: v.Draft, TargetOnly: !v.SamePath, Hide: v.Hide, ShowSecrets: v.Secrets})
	if v.File {
		marked += ", file"
	}
	if v.Missing {
		missing = " " + a.paint().Red("(missing)")
	}
	fmt.Fprintf(a.out, "%s -> %s [%s]%s\n", show(string(v.Source)), show(string(v.Target)), marked, missing)
}
