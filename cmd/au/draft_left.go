// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"slices"

	"github.com/a4u2/au/cmd/au/draft"
	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/provision"
	"golang.org/x/term"
)

// draftsLeft asks what becomes of an agent's drafts, of one folder or of all, when the agent or the share goes. They are kept
// unless somebody at a terminal says that they are to go; -y keeps them, and so does root. It returns what there is to do once the
// rest is done.
func (a *app) draftsLeft(human provision.User, agent, folder string, yes, dryRun bool) (then func() error, err error) {
	nothing := func() error { return nil }
	if dryRun {
		return nothing, nil
	}
	all, err := a.draftsOf(human)
	if err != nil {
		return nothing, fmt.Errorf("%w: want them to be read, or they could be forgotten", err)
	}
	left := slices.DeleteFunc(all[agent], func(d start.ListedDraft) bool { return folder != "" && string(d.Folder) != folder })
	if len(left) == 0 {
		return nothing, nil
	}
	for _, d := range left {
		fmt.Fprintf(a.out, "Not kept yet: %s\n", d.Text())
	}
	if a.host.UID() == 0 || yes || !term.IsTerminal(0) || !a.ask(a.out, "Throw these drafts away?") {
		return func() error { a.sayLeft(human, agent, folder == "", left); return nil }, nil
	}
	return func() error { return a.dropAll(human, left) }, nil
}

// sayLeft says where drafts are.
func (a *app) sayLeft(human provision.User, agent string, deleted bool, left []start.ListedDraft) {
	for _, d := range left {
		state := draft.Dir(human.Home) + "/" + draft.KeyOf(d.Name, string(d.Folder))
		fmt.Fprintf(a.out, "Draft %s of %s is left in %s\n", d.Name, show(string(d.Folder)), show(state))
	}
	if deleted {
		fmt.Fprintf(a.out, "To keep a draft you need an agent called %s\n", agent)
		a.hint(pasted("new", "--agent", agent))
	}
}

// dropAll throws drafts away.
func (a *app) dropAll(human provision.User, all []start.ListedDraft) error {
	store, err := draft.Look(human.Home, a.draftMarks, human.UID, a.host.RootUID)
	if err != nil {
		return err
	}
	for _, one := range all {
		if err := dropOne(store, one); err != nil {
			return err
		}
	}
	return nil
}

func dropOne(store *draft.Store, one start.ListedDraft) error {
	d, err := store.Find(one.Name, string(one.Folder))
	if err != nil {
		return err
	}
	defer d.Close()
	unlock, err := d.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	return d.Drop(store)
}
