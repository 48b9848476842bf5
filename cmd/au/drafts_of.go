// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/a4u2/au/cmd/au/draft"
	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/internal/bounded"
	"github.com/a4u2/au/internal/programs"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
)

// A process of the human that lists their drafts for root may take so long, and print so many bytes.
const (
	listTime = 30 * time.Second
	listMost = 16 << 20
)

// draftView is a draft in `au draft list --json`.
type draftView struct {
	Name      string      `json:"name"`
	Folder    config.Path `json:"folder"`
	Agent     string      `json:"agent"`
	Since     time.Time   `json:"since"`
	Files     int         `json:"files"`
	Bytes     int64       `json:"bytes"`
	Conflicts int         `json:"conflicts"`
	Failed    bool        `json:"-"` // it may hold more than these
}

// draftsOf returns the human's drafts that something is in, by agent. Root looks at nothing of the human by itself: a process of
// theirs does.
func (a *app) draftsOf(human provision.User) (map[string][]start.ListedDraft, error) {
	all := map[string][]start.ListedDraft{}
	add := func(d draftView) {
		all[d.Agent] = append(all[d.Agent], start.ListedDraft{Name: d.Name, Folder: d.Folder, Since: d.Since})
	}
	if a.host.UID() == 0 {
		views, err := a.draftsAsHuman(human)
		for _, d := range views {
			if d.Files != 0 || d.Failed {
				add(d)
			}
		}
		return all, err
	}
	store, err := draft.Look(human.Home, a.draftMarks, human.UID, a.host.RootUID)
	if err != nil {
		return all, err
	}
	list, err := store.All("")
	for _, d := range list {
		if !d.Ended && !d.IsEmpty() {
			add(draftView{Name: d.Name, Folder: d.Folder, Agent: d.Agent, Since: d.Since})
		}
		d.Close()
	}
	return all, err
}

// draftsAsHuman has `au draft list` say what there is. Its status is 1 where it could not look into one of them, which it names.
func (a *app) draftsAsHuman(human provision.User) (views []draftView, err error) {
	ctx, stop := context.WithTimeout(context.Background(), listTime)
	defer stop()
	cmd := programs.CommandContext(ctx, "/proc/self/exe", "draft", "list", "--json")
	cmd.Dir = "/"
	if cmd.SysProcAttr, err = as(a.host, human); err != nil {
		return nil, err
	}
	said, complaint := bounded.Buffer{Limit: listMost}, bounded.Buffer{Limit: saidMost}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &said, &complaint, time.Second
	failed := programs.Ended(cmd.Run())
	if text := lastLine(complaint.String()); failed != nil && text != "" {
		failed = errors.New(strings.TrimPrefix(text, "au: "))
	}
	if err = json.Unmarshal(said.Bytes(), &views); err != nil && failed != nil {
		err = failed
	}
	if err != nil {
		return nil, fmt.Errorf("drafts of %q: %w", human.Name, err)
	}
	for i := range views {
		views[i].Failed = failed != nil
	}
	return views, nil
}
