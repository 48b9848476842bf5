// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// recordCmd is the half of save that runs as the human.
type recordCmd struct {
	Brief bool // an app's
}

func (c *recordCmd) Run(a *app) error {
	var change record
	if err := json.NewDecoder(os.Stdin).Decode(&change); err != nil {
		return fmt.Errorf("read the change to the config: %w", err)
	}
	human, err := a.human()
	if err != nil {
		return err
	}
	return update(a.host, a.Config, human, a.out, a.err, c.Brief, change)
}
