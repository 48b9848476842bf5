// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"os"

	"github.com/a4u2/au/cmd/au/rootside"
	"golang.org/x/term"
)

// carryOutCmd is the half of other commands that is root: it carries out one plan, which it reads from standard input.
type carryOutCmd struct{}

func (c *carryOutCmd) Run(a *app) error {
	r, err := rootside.Enter(a.host, a.out, a.err, errors.New("carry-out is the root half of other commands, and they start it"))
	switch {
	case err != nil:
		return err
	case term.IsTerminal(0):
		return errors.New("carry-out reads a plan from standard input, which other commands give it")
	}
	return exitError(r.CarryOut(os.Stdin, version))
}
