// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
)

// variablesCmd sets what the config says of the variables of an agent's runs, which it reads from standard input: their values are
// nobody else's to see.
type variablesCmd struct {
	agentFlag
	planFlags
}

func (c *variablesCmd) Run(a *app) error {
	var want variables
	if err := json.NewDecoder(os.Stdin).Decode(&want); err != nil {
		return fmt.Errorf("read the variables: %w", err)
	}
	s, err := a.sharing(c.Agent)
	if err != nil {
		return err
	}
	change := record{Variables: &variablesChange{Entry: s.newEntry(a.host), variables: want}}
	if s.entry != nil && want.hold(s.entry.KeepEnv, s.entry.SetEnv) {
		fmt.Fprintf(a.out, "Agent %s has these variables already; nothing to do\n", c.Agent)
		return nil
	}
	return a.changeConfig(s, c.DryRun, change, "gets", "other variables for", func() {
		fmt.Fprintf(a.out, "Agent %s gets the new variables from its next run on\n", c.Agent)
	})
}

// hold reports whether the lists are as wanted.
func (v variables) hold(keep, set []string) bool {
	return (v.Keep == nil || slices.Equal(*v.Keep, keep)) && (v.Set == nil || slices.Equal(*v.Set, set))
}
