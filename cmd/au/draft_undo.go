// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"

	"github.com/a4u2/au/cmd/au/draft"
)

type draftUndoCmd struct {
	agentFlag
	Yes   bool     `short:"y" help:"Ask no question."`
	Draft []string `arg:"" optional:"" help:"The draft (default: what was kept last in this folder)."`
}

// Run takes back the last keep.
func (c *draftUndoCmd) Run(a *app) error {
	m, err := c.last(a)
	if err != nil {
		return err
	}
	defer m.close()
	unlock, err := m.Hold()
	if err != nil {
		return err
	}
	defer unlock()
	if err := a.confirm(fmt.Sprintf("Take back what was kept of %s?", m.named()), c.Yes); err != nil {
		return err
	}
	if _, err := m.Undo(); err != nil {
		return m.refused(err)
	}
	fmt.Fprintf(a.out, "%s is as it was before. The draft is there again: au draft diff\n", show(string(m.Folder)))
	return nil
}

// last finds the draft that was kept last in the folder, or the one that is named.
func (c *draftUndoCmd) last(a *app) (*meantDraft, error) {
	kept := func(d *draft.Draft) bool { return d.KeptAt() != 0 }
	if len(c.Draft) > 0 {
		m, err := a.meant(c.Agent, c.Draft, kept)
		if err == nil && len(m.paths) > 0 {
			m.close()
			err = errors.New("draft undo: want the name of a draft, and no path: a keep is taken back whole")
		}
		return m, err
	}
	d, err := a.drafts()
	if err != nil {
		return nil, err
	}
	all, err := d.ofHere(c.Agent)
	if err != nil {
		return nil, err
	}
	var newest *draft.Draft
	for _, one := range all {
		if at := one.KeptAt(); at != 0 && (newest == nil || at > newest.KeptAt()) {
			newest = one
		}
	}
	if newest == nil {
		return nil, fmt.Errorf("nothing was kept in %q: there is nothing to take back", d.here)
	}
	return &meantDraft{drafts: d, Draft: newest}, nil
}
