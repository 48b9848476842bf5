// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
)

type draftRefreshCmd struct {
	agentFlag
	Draft []string `arg:"" optional:"" help:"The draft, where the folder has more than one."`
}

// Run looks again for what is to be hidden.
func (c *draftRefreshCmd) Run(a *app) error {
	m, letGo, err := a.held(c.Agent, c.Draft, isLive)
	if err != nil {
		return err
	}
	defer letGo()
	if len(m.paths) > 0 {
		return errors.New("draft refresh: want the name of a draft, and no path")
	}
	fresh, err := m.Refresh()
	if err != nil {
		return err
	}
	for _, name := range fresh {
		fmt.Fprintf(a.out, "Hidden from the next run on: %s\n", show(name))
	}
	if len(fresh) == 0 {
		fmt.Fprintln(a.out, "Nothing more is to be hidden.")
	}
	return nil
}
