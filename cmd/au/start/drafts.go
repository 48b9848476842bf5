// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"path"
	"slices"
	"strings"

	"github.com/a4u2/au/internal/gitdir"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
)

// Draft is one that a run has, or what hides something of a share that is none.
type Draft struct {
	Folder config.Path `json:"folder"`
	Name   string      `json:"name"` // "" of what is no draft
	State  string      `json:"state"`
	Head   string      `json:"head"` // the commit that the folder's git is at when the run begins
	Hiding bool        `json:"-"`    // the state has a layer of what is hidden
}

// DraftName returns the name of the draft whose state is in that folder: package draft calls it NAME-SUM.
func DraftName(state string) string {
	name := path.Base(state)
	return name[:max(strings.LastIndexByte(name, '-'), 0)]
}

// stateOf returns where the draft of a share, or what hides something of it, lies; nothing where there is none.
func stateOf(m config.Mount, drafts []Draft) Draft {
	if i := slices.IndexFunc(drafts, func(d Draft) bool { return string(d.Folder) == m.Source }); i >= 0 {
		return drafts[i]
	}
	return Draft{}
}

// narrowedByDrafts takes from a run what would go round a draft. A writable share in its folder is read-only. One that holds the
// git directory of its folder is a draft, too, as a commit would be in the real one otherwise.
func (m Machine) narrowedByDrafts(o Order, all []config.Mount, say Speaker) error {
	if !slices.ContainsFunc(all, config.Mount.IsLayered) {
		return nil
	}
	if say == nil {
		return errNotPlain
	}
	mounts, err := o.mounts()
	if err != nil {
		return err
	}
	find := gitdir.Finder{UID: o.Human.UID, Answers: func(path string) bool { return answers(path, mounts) }}
	for _, d := range slices.DeleteFunc(slices.Clone(all), func(m config.Mount) bool { return !m.Draft }) {
		for i := range all {
			was := all[i]
			if _, inside := share.Within(d.Source, was.Source); inside && !was.ReadOnly {
				all[i].ReadOnly = true
				say.InDraft(was, all[i], d)
			}
		}
		if !answers(d.Source, mounts) {
			continue
		}
		git, ok := find.Of(d.Source)
		if !ok {
			continue
		}
		holds := slices.IndexFunc(all, func(m config.Mount) bool { in, found := share.Holding(git.Dir, all); return found && m.Equal(in) })
		if holds >= 0 && !all[holds].ReadOnly && !all[holds].ACL {
			was := all[holds]
			all[holds].ReadOnly, all[holds].Draft = true, true
			say.InDraft(was, all[holds], d)
		}
	}
	return nil
}
