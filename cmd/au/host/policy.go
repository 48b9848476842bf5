// SPDX-License-Identifier: GPL-3.0-or-later

package host

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/near"
	"github.com/a4u2/au/provision"
)

// AgentPolicy returns the policy of an agent that au made on this machine.
func (h *Host) AgentPolicy(agent string) (csrc.Policy, error) {
	p, err := h.ReadPolicy(agent)
	if errors.Is(err, fs.ErrNotExist) {
		return p, h.NoSuchAgent(agent)
	}
	return p, err
}

// NoSuchAgent says that au has made no agent of that name, and which was probably meant.
func (h *Host) NoSuchAgent(name string) error {
	names, _ := h.AgentNames()
	meant := near.Asked(name, names)
	if meant == "" {
		return hinted{fmt.Errorf("%s: no such agent", name), "au new --agent " + name}
	}
	return hinted{fmt.Errorf("%s: no such agent%s", name, meant), "au list"}
}

// ReadPolicy reads the policy of an agent.
func (h *Host) ReadPolicy(agent string) (csrc.Policy, error) {
	if err := provision.CheckName(agent); err != nil {
		return csrc.Policy{}, err
	}
	return h.ForRun().Policy(agent)
}

// Policies returns those of all agents that au made on this machine. One that cannot be read is left out: `au info` says why.
func (h *Host) Policies() ([]csrc.Policy, error) {
	names, err := h.AgentNames()
	if err != nil {
		return nil, err
	}
	var all []csrc.Policy
	for _, name := range names {
		if p, err := h.ReadPolicy(name); err == nil {
			all = append(all, p)
		}
	}
	return all, nil
}

// AgentNames returns the names of all agents that au made on this machine, whether their policies can be read or not.
func (h *Host) AgentNames() (names []string, err error) {
	entries, err := h.ReadDir(h.Root + csrc.PolicyDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range entries {
		if csrc.IsName(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}
