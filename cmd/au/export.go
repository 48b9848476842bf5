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
	if err := c.areReadable(a, configs[human.Name]); err != nil {
		return err
	}
	all, err := c.agents(a, human, everybody, configs)
	if err != nil {
		return err
	}
	var left []string
	if len(c.Agent) == 0 {
		if left, err = a.originals(configs); err != nil {
			return err
		}
	}
	return c.print(a, all, left)
}

// agents returns the human's agents, or those of everybody, as they are, and reads the configs that say so.
func (c *exportCmd) agents(a *app, human provision.User, everybody bool, configs map[string]*config.Config) (all []provision.Stated, err error) {
	policies, err := a.host.Policies()
	if err != nil {
		return nil, err
	}
	for _, p := range policies {
		if len(c.Agent) > 0 && !slices.Contains(c.Agent, p.Name) || !everybody && !p.Admits(human.UID) || a.host.IsDeclared(p.Name) {
			continue
		}
		for _, h := range p.Humans {
			if everybody || a.host.UID() == 0 || h.UID == human.UID {
				if err := a.knownTo(h.Name, configs); err != nil {
					return nil, err
				}
			}
		}
		s, err := a.stated(p, configs)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// areReadable refuses an agent of which nobody can say how it is: one that was asked for, one of the human's config, or, where that
// is nil, any. A file that is silent about it would be taken for all that there is.
func (c *exportCmd) areReadable(a *app, known *config.Config) error {
	for _, name := range c.Agent {
		if _, err := a.host.AgentPolicy(name); err != nil {
			return err
		}
	}
	if len(c.Agent) > 0 {
		return nil
	}
	names, err := a.host.AgentNames()
	if err != nil {
		return err
	}
	for _, name := range names {
		if known != nil && known.Agent(name) == nil {
			continue
		}
		if _, err := a.host.ReadPolicy(name); err != nil {
			return err
		}
	}
	return nil
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
	configs[name], err = a.load(u)
	return err
}

func (c *exportCmd) print(a *app, all []provision.Stated, left []string) error {
	f, notes := desired.Of(all...)
	notes = append(notes, left...)
	var head strings.Builder
	head.WriteString("# Agents of au, for au apply. It leaves out logins and files in their homes,\n# drafts, and runs.\n")
	for _, note := range notes {
		fmt.Fprintf(&head, "# Left out: %s\n", show(note))
	}
	_, err := fmt.Fprintf(a.out, "%s\n%s", head.String(), f.Text())
	return err
}
