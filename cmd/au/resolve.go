// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/a4u2/au/provision/config"
)

// resolveCmd says to which folder of the human's each word leads, as `au mount add` finds it. It reads and prints JSON lists. A
// word that leads nowhere, or over a link that an agent could have put there, stays as it is.
type resolveCmd struct {
	agentFlag
}

func (c *resolveCmd) Run(a *app) error {
	var places []config.Path
	if err := json.NewDecoder(os.Stdin).Decode(&places); err != nil {
		return fmt.Errorf("read the folders: %w", err)
	}
	s, err := a.sharing(c.Agent) // who is the human from here on
	if err != nil {
		return err
	}
	follow := a.follower(s.human, s.known, c.Agent)
	for i, word := range places {
		if real, err := resolveSource(string(word), follow); err == nil {
			places[i] = config.Path(real)
		}
	}
	return a.printJSON(places)
}
