// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"

	"github.com/a4u2/au/cmd/au/rootside"
)

// endRunsCmd is root's part of it: the human's processes that wait for a run are another user's.
type endRunsCmd struct {
	AgentUID uint32 `name:"agent-uid" required:""`
	HumanUID uint32 `name:"human-uid" required:""`
	Only     string `name:"run"`
}

func (c *endRunsCmd) Run(a *app) error {
	r, err := rootside.Enter(a.host, a.out, a.err, errors.New("end runs: only root can"))
	if err != nil {
		return err
	}
	return r.EndRuns(c.AgentUID, c.HumanUID, c.Only)
}

// endEnteringCmd is root's, too.
type endEnteringCmd struct {
	Agent string `arg:""`
}

func (c *endEnteringCmd) Run(a *app) error {
	r, err := rootside.Enter(a.host, a.out, a.err, errors.New("end entering: only root can"))
	if err != nil {
		return err
	}
	return r.EndEntering(c.Agent)
}
