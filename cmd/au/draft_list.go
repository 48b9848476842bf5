// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/a4u2/au/internal/quote"
)

type draftListCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (c *draftListCmd) Run(a *app) error {
	d, err := a.drafts()
	if err != nil {
		return err
	}
	all, err := d.store.All("")
	if err != nil {
		return err
	}
	views, failed := []draftView{}, false
	for _, one := range all {
		if one.Ended {
			continue
		}
		view := draftView{Name: one.Name, Folder: one.Folder, Agent: one.Agent, Since: one.Since}
		r, err := one.Report()
		if errors.Is(err, fs.ErrNotExist) {
			err = (&meantDraft{drafts: d, Draft: one}).refused(err)
		}
		if err != nil { // the others can be listed all the same
			fmt.Fprintf(a.err, "au: draft %s of %s: %s\n", one.Name, show(string(one.Folder)), quote.Error(err))
			failed = true
		} else {
			view.Files, view.Bytes, view.Conflicts = r.Files(), r.Bytes(), len(r.Conflicts)
		}
		views = append(views, view)
	}
	if c.JSON {
		err = a.printJSON(views)
	} else {
		a.printDrafts(views)
	}
	if err == nil && failed {
		return exitError(statusFailed)
	}
	return err
}

func (a *app) printDrafts(views []draftView) {
	if len(views) == 0 {
		fmt.Fprintln(a.out, "There is no draft.")
	}
	for _, v := range views {
		conflicts := ""
		if v.Conflicts > 0 {
			conflicts = ", " + a.paint().Red(fmt.Sprintf("%d in conflict", v.Conflicts))
		}
		fmt.Fprintf(a.out, "%s: %s, of agent %s, since %s: %d changed, %d bytes%s\n", show(string(v.Folder)), v.Name, v.Agent, v.Since.Local().Format("2 Jan 2006 15:04"), v.Files, v.Bytes, conflicts)
	}
}
