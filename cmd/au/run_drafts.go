// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/a4u2/au/cmd/au/draft"
	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
)

// InDraft names a share that would go round a draft.
func (r *runSpeaker) InDraft(was, is, draft config.Mount) {
	if is.Draft {
		fmt.Fprintf(r.err, "au: %s, which holds the git directory of the draft of %s, is a draft in this run, too: keep both\n", show(was.Source), show(draft.Source))
		return
	}
	fmt.Fprintf(r.err, "au: %s is read-only in this run: it is in %s, of which the run has a draft, and no part of that\n", show(was.Source), show(draft.Source))
	r.hint(pasted("run", "--agent", r.order.Agent, "--draft", draft.Source, "--draft", was.Source) + " …")
}

// Drafts makes the drafts of a run ready.
func (r *runSpeaker) Drafts(all []config.Mount) (drafts []start.Draft, err error) {
	mounts, err := r.host.Mounts()
	if err != nil {
		return nil, err
	}
	store, err := draft.Open(r.order.Human.Home, r.draftMarks, r.order.Human.UID, r.host.RootUID)
	if err != nil {
		return nil, err
	}
	for _, m := range all {
		if !m.IsLayered() {
			continue
		}
		for _, inner := range share.MountsOf(m.Source, mounts)[1:] {
			fmt.Fprintf(r.err, "au: %s is mounted in %s, and an empty folder for the agent in this run\n", show(inner.Point), show(m.Source))
		}
		make := r.cover
		if m.Draft {
			make = r.begin
		}
		d, err := make(store, m)
		if err != nil {
			return nil, err
		}
		drafts = append(drafts, d)
	}
	return drafts, nil
}

// cover makes what hides something of a share that is not a draft.
func (r *runSpeaker) cover(store *draft.Store, m config.Mount) (start.Draft, error) {
	state, err := store.Cover(m.Source, m.Hide)
	return start.Draft{Folder: config.Path(m.Source), State: state, Hiding: state != ""}, err
}

// begin makes one draft ready, and begins it where there is none of that name.
func (r *runSpeaker) begin(store *draft.Store, m config.Mount) (start.Draft, error) {
	want := draft.Wanted{Name: cmp.Or(r.as, r.order.Agent), Agent: r.order.Agent, Folder: m.Source, Hide: m.Hide, Shown: m.ShowSecrets, Now: time.Now()}
	d, err := store.Begin(want)
	if err != nil {
		return start.Draft{}, err
	}
	defer d.Close()
	hidden, fresh, err := d.Prepare(want)
	if err != nil {
		return start.Draft{}, err
	}
	r.sayHidden(m.Source, fresh)
	return start.Draft{Folder: config.Path(m.Source), Name: d.Name, State: d.State(), Head: d.GitHead(), Hiding: len(hidden) > 0}, nil
}

// sayHidden names what a draft has begun to hide.
func (r *runSpeaker) sayHidden(folder string, names []string) {
	const most = 3
	shown := make([]string, min(len(names), most))
	for i := range shown {
		shown[i] = show(names[i])
	}
	switch more := len(names) - len(shown); {
	case more > 0:
		fmt.Fprintf(r.err, "au: hidden from the agent in %s: %s and %d more\n", show(folder), strings.Join(shown, ", "), more)
	case len(names) > 0:
		fmt.Fprintf(r.err, "au: hidden from the agent in %s: %s\n", show(folder), strings.Join(shown, ", "))
	}
}
