// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"

	"github.com/a4u2/au/cmd/au/draft"
	"github.com/a4u2/au/provision"
	"golang.org/x/term"
)

// draftsLeft asks what becomes of an agent's drafts, of one folder or of all, when the agent or the share goes. They are kept unless somebody at a terminal says that they
// are to go; -y keeps them. It returns what there is to do once the rest is done.
func (a *app) draftsLeft(human provision.User, agent, folder string, yes, dryRun bool) (then func() error, err error) {
	nothing := func() error { return nil }
	if a.host.UID() == 0 || dryRun || !draft.Holds(human.Home, ".local/state/au/drafts") {
		return nothing, nil
	}
	store, err := draft.Open(human.Home, human.UID, a.draftMarks)
	if err != nil {
		return nil, err
	}
	all, err := store.All(folder)
	if err != nil {
		return nil, err
	}
	var left []*draft.Draft
	for _, d := range all {
		if d.Agent == agent && !d.Ended && !d.IsEmpty() {
			left = append(left, d)
		}
	}
	if len(left) == 0 {
		return nothing, nil
	}
	for _, d := range left {
		fmt.Fprintf(a.out, "Not kept yet: draft %s of %s\n", d.Name, show(string(d.Folder)))
	}
	if yes || !term.IsTerminal(0) || !a.ask(a.out, "Throw these drafts away?") {
		return func() error {
			for _, d := range left {
				fmt.Fprintf(a.out, "Draft %s of %s is left in %s\n", d.Name, show(string(d.Folder)), show(d.State()))
			}
			if folder == "" {
				fmt.Fprintf(a.out, "To keep a draft you need an agent called %s\n", agent)
				a.hint(pasted("new", "--agent", agent))
			}
			return nil
		}, nil
	}
	return func() error { return dropAll(store, left) }, nil
}

// dropAll throws drafts away.
func dropAll(store *draft.Store, all []*draft.Draft) error {
	for _, d := range all {
		unlock, err := d.Lock()
		if err != nil {
			return err
		}
		err = d.Drop(store)
		unlock()
		if err != nil {
			return err
		}
	}
	return nil
}
