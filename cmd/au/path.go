// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/provision/config"
)

type pathCmd struct {
	Add    pathAddCmd    `cmd:"" help:"Put a folder on the PATH of the agent's runs, behind the agent's own."`
	Remove pathRemoveCmd `cmd:"" help:"Take a folder off the PATH of the agent's runs."`
	List   pathListCmd   `cmd:"" help:"List the folders that au put on the PATH of the agent's runs."`
}

type pathAddCmd struct {
	agentFlag
	Planned bool     `hidden:"" help:"With --dry-run: the agent is not made yet."`
	Sharing []string `hidden:"" sep:"none" placeholder:"FOLDER" help:"With --dry-run: this is shared by then."`
	planFlags
	Folder string `arg:"" help:"A folder in a share, one of the agent's own, or one that only root can write."`
}

type pathRemoveCmd struct {
	agentFlag
	planFlags
	Folder string `arg:"" help:"The folder."`
}

type pathListCmd struct {
	agentFlag
	JSON bool `name:"json" help:"Print JSON."`
}

// maxOnPath bounds the list: a PATH is searched at each start of a program.
const maxOnPath = 64

// errNoFolder is where the word is empty.
var errNoFolder = fmt.Errorf("path %q: %w", "", start.ErrNoPath)

func (c *pathAddCmd) Run(a *app) error {
	if c.Folder == "" {
		return errNoFolder
	}
	s, err := a.sharingPlanned(c.Agent, c.Planned && c.DryRun)
	if err != nil {
		return err
	}
	if err := a.host.WithDeclared(s.known, c.Agent, s.human); err != nil {
		return err
	}
	folder, there, unfit := a.onPath(s, c.Folder, c.toCome()...)
	if unfit != nil {
		folder = a.host.Absolute(c.Folder)
	}
	entry := s.known.Agent(c.Agent)
	switch is := entry != nil && slices.Contains(entry.Path, folder); {
	case is && unfit != nil:
		fmt.Fprintf(a.out, "%s is on the PATH of agent %s already, and left out of runs: %v; nothing to do\n", show(folder), c.Agent, unfit)
		return nil
	case is:
		fmt.Fprintf(a.out, "%s is on the PATH of agent %s already; nothing to do\n", show(folder), c.Agent)
		return nil
	case unfit != nil:
		return fmt.Errorf("path %q: %w", c.Folder, unfit)
	case entry != nil && len(entry.Path) >= maxOnPath:
		return fmt.Errorf("path %q: agent %q has %d folders on its PATH, as many as there can be", c.Folder, c.Agent, maxOnPath)
	}
	return a.changePath(s, c.DryRun, pathChange{Add: config.Path(folder)}, "gets", func() {
		fmt.Fprintf(a.out, "Agent %s finds the programs in %s from its next run on\n", c.Agent, show(there))
	})
}

// toCome returns the shares that are there once the command is carried out.
func (c *pathAddCmd) toCome() (shares []config.Mount) {
	for _, folder := range c.Sharing {
		if c.DryRun {
			shares = append(shares, config.Mount{Source: folder, Target: folder, ReadOnly: true})
		}
	}
	return shares
}

// onPath returns the folder that a person means, and where the agent finds it. A name through a link is kept as it is where
// it is in a share: what a link such as current leads to may change.
func (a *app) onPath(s sharing, word string, shares ...config.Mount) (folder, there string, err error) {
	folder = a.host.Absolute(word)
	if entry := s.known.Agent(s.policy.Name); entry != nil {
		shares = append(shares, start.Shown(entry.Mounts, s.policy)...)
	}
	if there, err = a.host.ForRun().OnPath(folder, s.policy, shares); err == nil {
		return folder, there, nil
	}
	real, otherwise := a.host.RealPath(folder)
	if otherwise == nil && real != folder {
		if there, otherwise := a.host.ForRun().OnPath(real, s.policy, shares); otherwise == nil {
			return real, there, nil
		}
	}
	return "", "", err
}

func (c *pathRemoveCmd) Run(a *app) error {
	if c.Folder == "" {
		return errNoFolder
	}
	s, err := a.sharing(c.Agent)
	if err != nil {
		return err
	}
	folder := a.host.Absolute(c.Folder)
	has := func(entry *config.Agent) bool { return entry != nil && slices.Contains(entry.Path, folder) }
	typed := []string{c.Folder, "~" + strings.TrimPrefix(folder, s.human.Home)} // into the config, by hand
	if i := slices.IndexFunc(typed, func(word string) bool { return s.entry != nil && slices.Contains(s.entry.Path, word) }); i >= 0 && !has(s.entry) {
		folder = typed[i]
	}
	if !has(s.entry) {
		if err := a.host.WithDeclared(s.known, c.Agent, s.human); err != nil {
			return err
		}
		if has(s.known.Agent(c.Agent)) {
			return fmt.Errorf("path %q is declared in the NixOS configuration of this machine: change security.au.agents.%s.path there", c.Folder, c.Agent)
		}
		fmt.Fprintf(a.out, "%s is not on the PATH of agent %s; nothing to do\n", show(folder), c.Agent)
		return nil
	}
	return a.changePath(s, c.DryRun, pathChange{Remove: config.Path(folder)}, "loses", func() {
		fmt.Fprintf(a.out, "Not on the PATH of agent %s any more: %s\n", c.Agent, show(folder))
	})
}

// changePath saves a change, or says what it would be.
func (a *app) changePath(s sharing, dryRun bool, wanted pathChange, verb string, done func()) error {
	wanted.Entry = s.newEntry(a.host)
	return a.changeConfig(s, dryRun, record{Path: &wanted}, verb, show(string(wanted.Add+wanted.Remove))+" on the path of", done)
}

func (c *pathListCmd) Run(a *app) error {
	s, err := a.sharing(c.Agent)
	if err != nil {
		return err
	}
	if err := a.host.WithDeclared(s.known, c.Agent, s.human); err != nil {
		return err
	}
	views := pathViews(a.host, s.known.Agent(c.Agent), s.policy)
	if c.JSON {
		return a.printJSON(views)
	}
	for _, v := range views {
		fmt.Fprintln(a.out, v.text(a.paint()))
	}
	if len(views) == 0 {
		fmt.Fprintf(a.out, "Nothing but the usual is on the PATH of agent %s: %s\n", c.Agent, strings.ReplaceAll(s.policy.SearchPath(), ":", " "))
	}
	return nil
}
