// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"os"
)

// endRunsCmd is root's part of it: the human's processes that wait for a run are another user's.
type endRunsCmd struct {
	AgentUID uint32 `name:"agent-uid" required:""`
	HumanUID uint32 `name:"human-uid" required:""`
}

func (c *endRunsCmd) Run(a *app) error {
	if os.Geteuid() != 0 {
		return errors.New("end runs: only root can")
	}
	if c.AgentUID < 1000 || c.HumanUID == 0 || c.AgentUID == c.HumanUID {
		return fmt.Errorf("end runs: want the uid of an agent and that of a human, not %d and %d", c.AgentUID, c.HumanUID)
	}
	ended := 0
	for _, run := range runsOf(c.AgentUID, c.HumanUID) {
		done, err := run.end(c.AgentUID, c.HumanUID)
		if err != nil {
			return err
		}
		ended += done
	}
	fmt.Fprintf(a.out, "# %d runs ended\n", ended)
	return nil
}
