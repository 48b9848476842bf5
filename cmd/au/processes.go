// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"errors"

	"github.com/a4u2/au/cmd/au/rootside"
)

// processesCmd is the half of `au stop` and `au delete` that looks as root at what still runs.
type processesCmd struct {
	UID uint32 `arg:""`
}

func (c *processesCmd) Run(a *app) error {
	r, err := rootside.Enter(a.host, a.out, a.err, errors.New("processes: only root can see them all"))
	if err != nil {
		return err
	}
	return json.NewEncoder(a.out).Encode(r.Processes(c.UID))
}
