// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/desired"
)

// exportCmd prints the file of `au apply` that changes nothing.
type exportCmd struct {
	Agent  []string `short:"a" placeholder:"NAME" help:"Print only these agents (default: those that the human may enter; for root without --human, all of this machine)."`
	Schema bool     `help:"Print the JSON Schema of such files, for editors."`
}

func (c *exportCmd) Run(a *app) error {
	if c.Schema {
		text, err := desired.Schema()
		if err == nil {
			_, err = a.out.Write(text)
		}
		return err
	}
	human, err := a.human()
	everybody := err != nil && a.host.UID() == 0
	if err != nil && !everybody {
		return err
	}
	configs := map[string]*config.Config{}
	if !everybody {
		if err := a.knownTo(human.Name, configs); err != nil {
			return err
		}
	}
	e := &exporting{app: a, human: human, everybody: everybody, configs: configs}
	if err := e.agents(c.Agent); err != nil {
		return err
	}
	if len(c.Agent) == 0 {
		left, err := a.originals(configs)
		if err != nil {
			return err
		}
		e.left = append(e.left, left...)
	}
	if err := e.print(); err != nil || len(e.odd) == 0 {
		return err
	}
	return exitError(statusFailed)
}

// exporting is an `au export` that goes on.
type exporting struct {
	*app
	human     provision.User
	everybody bool // root writes down the agents of all humans
	configs   map[string]*config.Config
	all       []provision.Stated
	left      []string // notes on what the file leaves out
	odd       []string // agents of which nobody can say how they are
}

// agents reads the agents that are asked for; none: all. A file that is silent about one would be taken for all that there is. So
// it refuses one of which nobody can say how it is, or, among those of everybody, has the file keep that one.
func (e *exporting) agents(asked []string) error {
	for _, name := range asked {
		if _, err := e.host.AgentPolicy(name); err != nil {
			return err
		}
	}
	names, err := e.host.AgentNames()
	if err != nil {
		return err
	}
	for _, name := range names {
		if len(asked) > 0 && !slices.Contains(asked, name) {
			continue
		}
		err := e.agent(name)
		if err != nil && (!e.everybody || len(asked) > 0) {
			return err
		}
		if err != nil {
			e.say(fmt.Errorf("agent %q is left out: %w", name, err))
			e.odd = append(e.odd, name)
			e.left = append(e.left, fmt.Sprintf("%s, which cannot be read: %v", name, err))
		}
	}
	return nil
}

// agent adds an agent as it is, unless the human may not enter it, or the NixOS configuration has it.
func (e *exporting) agent(name string) error {
	known := e.configs[e.human.Name]
	p, err := e.host.ReadPolicy(name)
	switch {
	case err != nil && known != nil && known.Agent(name) == nil: // nobody says that it is the human's
		return nil
	case err != nil:
		return err
	case !e.everybody && !p.Admits(e.human.UID) || e.host.IsDeclared(name):
		return nil
	}
	for _, h := range p.Humans {
		if e.host.UID() == 0 || h.UID == e.human.UID {
			if err := e.knownTo(h.Name, e.configs); err != nil {
				return err
			}
		}
	}
	s, err := e.stated(p, e.configs)
	if err == nil {
		err = s.CheckText()
	}
	if err == nil {
		e.all = append(e.all, s)
	}
	return err
}

// originals returns notes on the agents of those configs that the original made.
func (a *app) originals(configs map[string]*config.Config) (notes []string, err error) {
	for _, name := range slices.Sorted(maps.Keys(configs)) {
		human, ok, err := a.host.UserNamed(name)
		if err != nil || !ok {
			return notes, err
		}
		agents, err := listAgents(a.host, configs[name], human)
		if err != nil {
			return notes, err
		}
		for _, g := range agents {
			if g.Made == "agent-as-unix-user" {
				notes = append(notes, fmt.Sprintf("%s, which agent-as-unix-user 2.x made for %s", g.Name, name))
			}
		}
	}
	return notes, nil
}

// knownTo reads the config of a human, once.
func (a *app) knownTo(name string, configs map[string]*config.Config) error {
	if _, ok := configs[name]; ok {
		return nil
	}
	u, ok, err := a.host.UserNamed(name)
	if err != nil || !ok {
		return err // one who is gone has no config
	}
	known, err := a.load(u)
	if err == nil {
		configs[name] = known
	}
	return err
}

func (e *exporting) print() error {
	f, notes := desired.Of(e.all...)
	for _, name := range e.odd {
		f.Keep = append(f.Keep, desired.Name(name))
	}
	var head strings.Builder
	head.WriteString("# Agents of au, for au apply. It leaves out logins and files in their homes,\n# drafts, and runs.\n")
	for _, note := range append(notes, e.left...) {
		fmt.Fprintf(&head, "# Left out: %s\n", show(note))
	}
	_, err := fmt.Fprintf(e.out, "%s\n%s", head.String(), f.Text())
	return err
}
