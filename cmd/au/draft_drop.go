// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"

	"github.com/a4u2/au/cmd/au/draft"
)

type draftDropCmd struct {
	agentFlag
	Yes   bool     `short:"y" help:"Ask no question."`
	Undo  bool     `help:"Give up what undo would bring back, and nothing else."`
	Words []string `arg:"" optional:"" name:"draft|path" help:"The draft, where the folder has more than one, and what of it (default: all)."`
}

func (c *draftDropCmd) Run(a *app) error {
	m, letGo, err := a.held(c.Agent, c.Words, func(d *draft.Draft) bool { return !d.Ended || c.Undo })
	if err != nil {
		return err
	}
	defer letGo()
	if c.Undo {
		return c.forget(m)
	}
	what := "all of it"
	if len(m.paths) > 0 {
		what = fmt.Sprintf("%d paths of it", len(m.paths))
		if len(m.paths) == 1 {
			what = show(m.paths[0])
		}
	}
	lost := "The work of the agent there is lost."
	if len(m.paths) == 0 && m.DropForgets() {
		lost += " Its last keep cannot be taken back after that."
	}
	if err := a.confirm(fmt.Sprintf("Throw away %s, %s? %s", m.named(), what, lost), c.Yes); err != nil {
		return err
	}
	if len(m.paths) > 0 {
		err = m.DropPaths(m.paths)
	} else {
		err = m.Drop(m.store)
	}
	if err != nil {
		return m.refused(err)
	}
	fmt.Fprintf(a.out, "Dropped. %s is as it was.\n", show(string(m.Folder)))
	return nil
}

// forget gives up the way back from the last keep.
func (c *draftDropCmd) forget(m *meantDraft) error {
	if m.Unfinished() {
		return &draft.HalfKept{Name: m.Name, Folder: string(m.Folder)}
	}
	if len(m.paths) > 0 {
		return errors.New("draft drop --undo: want the name of a draft, and no path")
	}
	if m.KeptAt() == 0 {
		return &draft.NothingToUndo{Name: m.Name, Folder: string(m.Folder)}
	}
	if err := m.confirm(fmt.Sprintf("Give up what was kept of %s as it was before?", m.named()), c.Yes); err != nil {
		return err
	}
	if err := m.ForgetUndo(); err != nil {
		return err
	}
	fmt.Fprintln(m.out, "The last keep cannot be taken back any more.")
	return nil
}
