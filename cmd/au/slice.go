// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"

	"github.com/a4u2/au/cmd/au/rootside"
)

// sliceCmd is the half of `au limits` that runs as root: it changes the agent's slice and remembers what was there before.
type sliceCmd struct {
	Set     sliceSetCmd     `cmd:"" help:"Set properties of the agent's slice."`
	Restore sliceRestoreCmd `cmd:"" help:"Give properties of the agent's slice back as they were before au."`
}

type sliceSetCmd struct {
	agentFlag
	Words []string `arg:"" name:"property" help:"NAME=NUMBER, as D-Bus has it."`
}

type sliceRestoreCmd struct {
	agentFlag
	Names []string `arg:"" name:"property" help:"NAME, as D-Bus has it."`
}

// inSlice lets root in to what is done with an agent's slice.
func (a *app) inSlice(do func(*rootside.Root) error) error {
	r, err := rootside.Enter(a.host, a.out, a.err, errors.New("only root changes a slice: want `au limits`, which asks for it"))
	if err != nil {
		return err
	}
	return do(r)
}

func (c *sliceSetCmd) Run(a *app) error {
	return a.inSlice(func(r *rootside.Root) error { return r.SetSlice(c.Agent, c.Words) })
}

func (c *sliceRestoreCmd) Run(a *app) error {
	return a.inSlice(func(r *rootside.Root) error { return r.RestoreSlice(c.Agent, c.Names) })
}
