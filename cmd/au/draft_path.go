// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
)

type draftPathCmd struct {
	agentFlag
	Draft []string `arg:"" optional:"" help:"The draft, where the folder has more than one."`
}

// marksMean says how the files of a draft are read.
const marksMean = `A file there is new, or replaces yours of that name. A device 0/0 says that yours is gone. A folder is one of yours, in which only what is listed
differs, unless root's attribute trusted.overlay.opaque says that it was made anew, or trusted.overlay.redirect where it was.`

func (c *draftPathCmd) Run(a *app) error {
	m, err := a.meant(c.Agent, c.Draft, isLive)
	if err != nil {
		return err
	}
	defer m.close()
	if len(m.paths) > 0 {
		return errors.New("draft path: want the name of a draft, and no path")
	}
	fmt.Fprintln(a.out, show(m.State()+"/upper"))
	fmt.Fprintln(a.err, marksMean)
	return nil
}
