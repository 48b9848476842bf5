// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
)

// listAgents returns the agents that the human has.
func listAgents(h *host.Host, known *config.Config, human provision.User) ([]start.Listed, error) {
	return h.ForRun().List(known, human.UID, declaredFor(h, human))
}

// declaredFor says what the NixOS configuration says of an agent to a human.
func declaredFor(h *host.Host, human provision.User) func(agent string) start.Declared {
	return func(agent string) start.Declared {
		return start.Declared{Agent: h.IsDeclared(agent), Admits: h.DeclaredFor(agent, human.Name)}
	}
}

// listed returns the caller's agents, and whose they are.
func (a *app) listed() (agents []start.Listed, known *config.Config, human provision.User, err error) {
	if human, known, err = a.humanAndConfig(); err == nil {
		agents, err = listAgents(a.host, known, human)
	}
	return agents, known, human, err
}

// addRuns adds what runs now to the human's agents.
func (a *app) addRuns(agents []start.Listed, human provision.User) error {
	err := a.host.ForRun().AddRuns(agents, human.UID, declaredFor(a.host, human))
	if errors.Is(err, start.ErrHidden) {
		err = hintError{err, "sudo au list"}
	}
	return err
}

// tryRuns does the same where the rest can be shown without them.
func (a *app) tryRuns(agents []start.Listed, human provision.User) {
	if err := a.addRuns(agents, human); err != nil {
		a.status(err, statusFailed)
	}
}

// runs returns all runs of the caller's agents.
func (a *app) runs() (all []start.Run, err error) {
	agents, _, human, err := a.listed()
	if err != nil {
		return nil, err
	}
	err = a.addRuns(agents, human)
	for _, g := range agents {
		all = append(all, g.Runs...)
	}
	return all, err
}
