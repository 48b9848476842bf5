// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
)

// processesCmd is the half of `au stop` and `au delete` that looks as root at what still runs.
type processesCmd struct {
	UID uint32 `arg:""`
}

func (c *processesCmd) Run(a *app) error {
	return json.NewEncoder(a.out).Encode(a.host.Survivors(c.UID))
}
