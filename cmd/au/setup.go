// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"

	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/setup"
)

type setupCmd struct {
	agentFlag
	AsMe        bool   `help:"With git: the agent commits under your name and address."`
	CommitterMe bool   `help:"With git: you are the committer of the agent's commits, and the agent is the author."`
	Name        string `placeholder:"NAME" help:"With git: the agent commits under this name."`
	Email       string `placeholder:"ADDRESS" help:"With git: the agent commits under this address."`
	Node        string `enum:"auto,machine,own" default:"auto" help:"Where its Node comes from: auto (what the agent finds, or one from npm if that is too old), machine (what the agent finds), own (one from npm)."`
	LoginFrom   string `placeholder:"FILE" help:"Copy the login in this file of yours for the agent, after a question that --yes does not answer."`
	JSON        bool   `name:"json" help:"Print JSON; the lines that run go to standard error."`
	Yes         bool   `short:"y" help:"Do not ask."`
	planFlags
	Program string `arg:"" optional:"" help:"The program; git: the name under which the agent commits; without it, list the programs."`
}

func (c *setupCmd) Run(a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	var programs []setup.Program
	switch c.Program {
	case setup.Git:
	case "":
		all, err := setup.Programs()
		if err != nil {
			return err
		}
		programs = all
	default:
		p, err := setup.Find(c.Program)
		if err != nil {
			return err
		}
		if c.LoginFrom != "" && p.Credentials == "" {
			return fmt.Errorf("--login-from: %s keeps no login in a file that is known: log it in as the agent", p.Name)
		}
		programs = []setup.Program{p}
	}
	s, err := a.sharing(c.Agent)
	if err != nil {
		return err
	}
	w := &setupWork{asAgent: asAgent{s, a}, cmd: c, out: a.out}
	if c.JSON {
		w.out = a.err
	}
	if w.facts, err = w.look(setup.Look(c.Program != "", programs...)); err != nil {
		return err
	}
	switch c.Program {
	case "":
		return w.list(programs)
	case setup.Git:
		return w.git()
	}
	return w.program(programs[0])
}

// forGit says whether the human has chosen whom git names.
func (c *setupCmd) forGit() bool { return c.AsMe || c.CommitterMe || c.Name != "" || c.Email != "" }

// check refuses options that say nothing about what is set up.
func (c *setupCmd) check() error {
	switch {
	case c.forGit() && c.Program != setup.Git:
		return errors.New("--as-me, --committer-me, --name and --email are about git alone: want au setup git")
	case c.AsMe && (c.CommitterMe || c.Name != "" || c.Email != ""):
		return errors.New("--as-me makes you author and committer: want it, or --committer-me, --name and --email")
	case c.Node != string(provision.NodeAuto) && (c.Program == "" || c.Program == setup.Git):
		return errors.New("--node is about one program: want au setup PROGRAM --node WHERE")
	case c.LoginFrom != "" && (c.Program == "" || c.Program == setup.Git):
		return errors.New("--login-from is about one program: want au setup PROGRAM --login-from FILE")
	}
	return nil
}

// programView is a program as JSON has it.
type programView struct {
	setup.Program
	Agent     string           `json:"agent"`
	Installed *setup.Installed `json:"installed"` // null where the agent does not find it
}

func (w *setupWork) view(p setup.Program) programView {
	v := programView{Program: p, Agent: w.policy.Name}
	if there, ok := w.facts.Installed[p.Name]; ok {
		v.Installed = &there
	}
	return v
}

// list shows all programs, and which of them the agent finds.
func (w *setupWork) list(all []setup.Program) error {
	if w.cmd.JSON {
		views := []programView{}
		for _, p := range all {
			views = append(views, w.view(p))
		}
		return w.a.printJSON(views)
	}
	table := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
	for _, p := range all {
		fmt.Fprintf(table, "%s\t%s\t%s\n", p.Name, w.state(p), p.About)
	}
	err := table.Flush()
	fmt.Fprintf(w.out, "To install one as agent %s: %s\n", w.policy.Name, w.again("PROGRAM"))
	return err
}

// state says whether the agent finds a program.
func (w *setupWork) state(p setup.Program) string {
	there, ok := w.facts.Installed[p.Name]
	switch {
	case !ok:
		return "-"
	case there.Version == "":
		return "installed"
	}
	return show(there.Version)
}

// again is the command that sets up something for this agent.
func (w *setupWork) again(words ...string) string {
	return pasted(slices.Concat([]string{"setup"}, w.named(), words)...)
}

// options returns those that choose what is set up, as they were given.
func (c *setupCmd) options() (words []string) {
	switch {
	case c.AsMe:
		words = append(words, "--as-me")
	case c.CommitterMe:
		words = append(words, "--committer-me")
	}
	for _, o := range [][2]string{{"--name", c.Name}, {"--email", c.Email}, {"--login-from", c.LoginFrom}} {
		if o[1] != "" {
			words = append(words, o[:]...)
		}
	}
	if c.Node != string(provision.NodeAuto) {
		words = append(words, "--node", c.Node)
	}
	return words
}
