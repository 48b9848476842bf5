// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"strings"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/internal/advice"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/setup"
)

// refuseDeclared refuses to change an agent that the NixOS configuration declares: the next switch would take it back.
func refuseDeclared(h *host.Host, command, agent string) error {
	if advice.Changing(strings.Fields(command)...) == "" || !h.IsDeclared(agent) {
		return nil
	}
	return fmt.Errorf("agent %q is declared in the NixOS configuration of this machine: change security.au.agents.%s there", agent, agent)
}

// refuseNixOS refuses to make an agent where NixOS would take it away again, or has no place for its unit, and says what declares
// it instead.
func (a *app) refuseNixOS(want provision.StanzaAgent) error {
	if !a.host.Exists("/etc/NIXOS") {
		return nil
	}
	why := a.host.NoPlace()
	if why == "" {
		fmt.Fprintf(a.err, "au: warning: this is NixOS, where what is declared stays: see security.au\n")
		return nil
	}
	fmt.Fprint(a.err, "# In the NixOS configuration, with the flake's nixosModules.au:\n"+provision.Stanza(want))
	return fmt.Errorf("agent %q: %s; nothing was changed. Declare it instead, as above", want.Name, why)
}

// printNix prints the module's lines for all agents that au made for the human.
func (a *app) printNix(agents []start.Listed, known *config.Config, human provision.User) error {
	var all []provision.StanzaAgent
	for _, g := range agents {
		if g.Made != "au" {
			continue
		}
		p, err := a.host.ReadPolicy(g.Name)
		if err != nil {
			return err
		}
		s, err := a.stated(p, map[string]*config.Config{human.Name: known})
		if err == nil {
			err = s.CheckText()
		}
		if err != nil {
			return err
		}
		all = append(all, s.Stanza())
	}
	_, err := fmt.Fprint(a.out, provision.Stanza(all...))
	return err
}

// programHint returns what gives the agent a program: a package, where the NixOS configuration declares the agent and nixpkgs has
// one.
func programHint(h *host.Host, agent string, p setup.Program) string {
	if p.Nixpkgs != "" && h.IsDeclared(agent) {
		return advice.Program(agent, p.Name)
	}
	return pasted("setup", "--agent", agent, p.Name)
}

// advised returns a hint as it can be followed on this machine: where the command in it would be refused because the NixOS
// configuration declares the agent, or would have to, it names what to change there.
func advised(h *host.Host, hint string) string {
	agent := advice.Agent(hint, start.DefaultAgent)
	switch {
	case h.IsDeclared(agent):
		return advice.Declared(hint, agent)
	case strings.HasPrefix(hint, "au new ") && h.NoPlace() != "":
		return "declare security.au.agents." + agent + " in the NixOS configuration"
	}
	return hint
}
