// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"

	"github.com/a4u2/au/cmd/au/rootside"
)

// The commands that the agent's network units run as root.

type netLoadCmd struct {
	Agent string `arg:""`
}

type netUnloadCmd struct {
	Agent string `arg:"" optional:""`
	UID   uint32 `name:"uid" help:"Those for this uid, which no agent has any more."`
}

// Validate refuses what does not say whose rules.
func (c *netUnloadCmd) Validate() error {
	if (c.Agent == "") == (c.UID == 0) {
		return errors.New("want an agent, or --uid with the uid of one that is gone")
	}
	return nil
}

type netWatchCmd struct{}

type netCutCmd struct {
	Agent string `arg:""`
}

type netLoginCmd struct {
	File string `arg:""`
}

type netDepartCmd struct {
	Agent string `arg:""`
	UID   uint32 `name:"uid" help:"Be the process that watches for the end of the policy, for the rules of this uid."`
}

// forNet lets root in to what is done for an agent's network.
func (a *app) forNet(do func(*rootside.Root) error) error {
	r, err := rootside.Enter(a.host, a.out, a.err, errors.New("only root changes the rules of an agent's network: want `au net restrict` or `au net off`, which ask for it"))
	if err != nil {
		return err
	}
	return do(r)
}

func (c *netLoadCmd) Run(a *app) error {
	return a.forNet(func(r *rootside.Root) error { return r.LoadRules(c.Agent) })
}

func (c *netUnloadCmd) Run(a *app) error {
	return a.forNet(func(r *rootside.Root) error {
		if c.UID != 0 {
			return r.UnloadRulesLeft(c.UID)
		}
		return r.UnloadRules(c.Agent)
	})
}

func (c *netWatchCmd) Run(a *app) error {
	return a.forNet(func(r *rootside.Root) error { return r.WatchRules() })
}

func (c *netCutCmd) Run(a *app) error {
	return a.forNet(func(r *rootside.Root) error { return r.CutConnections(c.Agent) })
}

func (c *netLoginCmd) Run(a *app) error {
	return a.forNet(func(r *rootside.Root) error { return r.CheckLogin(c.File) })
}

func (c *netDepartCmd) Run(a *app) error {
	return a.forNet(func(r *rootside.Root) error {
		if c.UID != 0 {
			return r.AwaitDeparture(c.Agent, c.UID)
		}
		return r.LeaveRules(c.Agent)
	})
}
