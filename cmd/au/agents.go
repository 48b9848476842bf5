// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
)

// listAgents returns the agents that the human has.
func listAgents(h *host.Host, known *config.Config, human provision.User) ([]start.Listed, error) {
	return h.ForRun().List(known, human.UID, func(agent string) start.Declared {
		return start.Declared{Agent: h.IsDeclared(agent), Admits: h.DeclaredFor(agent, human.Name)}
	})
}

// listed returns the caller's agents, and whose they are.
func (a *app) listed() (agents []start.Listed, known *config.Config, human provision.User, err error) {
	if human, known, err = a.humanAndConfig(); err == nil {
		agents, err = listAgents(a.host, known, human)
	}
	return agents, known, human, err
}
