// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"fmt"

	"github.com/a4u2/au/cmd/au/draft"
	"github.com/a4u2/au/cmd/au/start"
)

// sayDrafts says where what the run did is to be seen, and what of the human's side it cannot have seen.
func (c *afterCmd) sayDrafts(a *app) {
	var had []start.Draft
	human, err := a.human()
	if err != nil || json.Unmarshal([]byte(c.Drafts), &had) != nil {
		return
	}
	store, err := draft.Open(human.Home, a.draftMarks, human.UID, a.host.RootUID)
	if err != nil {
		return
	}
	for _, h := range had {
		if h.Name == "" {
			_ = store.Uncover(h.State) // what is left of it, a later run removes
			continue
		}
		d, err := store.Find(h.Name, string(h.Folder))
		if err != nil {
			continue
		}
		if now := d.GitHead(); now != h.Head {
			fmt.Fprintf(a.err, "au: warning: git's HEAD of %s has moved since the run began: the agent may have seen a mixture of both, in .git as well\n", show(string(h.Folder)))
		}
		if !d.IsEmpty() {
			fmt.Fprintf(a.err, "au: what the agent did to %s is in draft %s: au draft diff shows it, au draft keep takes it over\n", show(string(h.Folder)), d.Name)
		}
		d.Close()
	}
}
