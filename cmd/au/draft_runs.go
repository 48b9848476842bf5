// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/a4u2/au/cmd/au/draft"
	"github.com/a4u2/au/cmd/au/inspect"
	"github.com/a4u2/au/internal/tree"
	"github.com/a4u2/au/provision/risk"
	"golang.org/x/sys/unix"
)

// runs returns what of the changes runs by itself on the human's side, or reaches beyond the folder: what `au mount check` would
// find of it. The draft holds only what changed, so what hangs on a file of the human as well is found by its name.
func (m *meantDraft) runs(r *draft.Report) ([]risk.Finding, error) {
	upper := path.Join(m.State(), "upper")
	files, err := tree.Open(upper, false)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	l, err := inspect.Tree(context.Background(), m.host.UID(), files, string(m.Folder))
	if err != nil {
		return nil, err
	}
	changed := map[string]bool{}
	for _, c := range r.Changes {
		changed[c.Path] = c.Mode != 0
	}
	var all []risk.Finding
	for _, f := range l.Found {
		if changed[f.Path] && f.Kind != "owner" { // all in a draft is the human's
			all = append(all, f.Finding)
		}
	}
	return sortedFindings(slices.Concat(all, byName(r, all), byConfig(r, string(m.Folder)), cameAlong(r), steers(r))), nil
}

func sortedFindings(all []risk.Finding) []risk.Finding {
	slices.SortStableFunc(all, func(x, y risk.Finding) int {
		return cmp.Or(cmp.Compare(x.Path, y.Path), cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Detail, y.Detail))
	})
	return slices.Compact(all)
}

// byName finds what its name alone gives away, and was not found by what is in it.
func byName(r *draft.Report, found []risk.Finding) (all []risk.Finding) {
	known := map[[2]string]bool{}
	for _, f := range found {
		known[[2]string{f.Path, f.Kind}] = true
	}
	for _, c := range r.Changes {
		for _, f := range named(r, c) {
			if key := [2]string{f.Path, f.Kind}; c.Mode != 0 && !known[key] {
				known[key] = true
				all = append(all, f)
			}
		}
	}
	return all
}

// named says what a change's name gives away: what git obeys in a repository of which the draft holds only a part, and a link or a
// folder that brings files of the human to where they are obeyed.
func named(r *draft.Report, c draft.Change) (all []risk.Finding) {
	dir, base := path.Split(c.Path)
	dir = strings.TrimSuffix(dir, "/")
	up, last := path.Split(dir)
	link := c.Mode&unix.S_IFMT == unix.S_IFLNK
	brings := link || c.Dir && c.Kind == 'R'
	switch own := r.Repositories[dir]; {
	case own && slices.Contains([]string{"config", "config.worktree", "commondir"}, base):
		all = append(all, risk.Finding{Path: c.Path, Kind: "git-config", Detail: "changed"})
	case own && base == "hooks" && brings:
		all = append(all, risk.Finding{Path: c.Path, Kind: "git-hook", Detail: "all that is in it"})
	case own && base == "HEAD" && c.Was == 0:
		all = append(all, risk.Finding{Path: c.Path, Kind: "git-nested", Detail: "a repository that was not there"})
	case base == ".git" && brings:
		all = append(all, risk.Finding{Path: c.Path, Kind: "git-nested", Detail: "the repository was elsewhere"})
	case last == "hooks" && c.Mode&0o111 != 0 && !c.Dir && !strings.HasSuffix(base, ".sample") && r.Repositories[strings.TrimSuffix(up, "/")]:
		all = append(all, risk.Finding{Path: c.Path, Kind: "git-hook"})
	}
	if closed := c.Mode&unix.S_IFMT == unix.S_IFREG && c.Mode&0o400 == 0; closed {
		if rule, ok := risk.SelfRunning(c.Path); ok {
			all = append(all, risk.Finding{Path: c.Path, Kind: "runs", Detail: rule.Why + ": it is closed to you, so nobody has looked into it"})
		}
	}
	if !link {
		return all
	}
	if rule, ok := risk.SelfRunning(c.Path); ok {
		all = append(all, risk.Finding{Path: c.Path, Kind: "runs", Detail: rule.Why})
	} else if len(risk.SelfRunningIn(c.Path)) > 0 {
		all = append(all, risk.Finding{Path: c.Path, Kind: "runs", Detail: "programs obey files in a folder of that name, and it is a link"})
	}
	return all
}

// byConfig finds what git obeys because a config says so that the draft may not hold: hooks in a folder of the working tree, and
// more of a config. A config can have as many settings as a draft has changes, so neither is gone through for each of the other.
func byConfig(r *draft.Report, folder string) (all []risk.Finding) {
	included, hooks := map[string]bool{}, map[string]bool{} // what changed, and whether a config names it
	for _, c := range r.Changes {
		if c.Mode != 0 {
			included[c.Path], hooks[c.Path], hooks[path.Dir(c.Path)] = false, false, false
		}
	}
	note := func(names map[string]bool, base, value string) {
		name := risk.GitPathIn(folder, base, value)
		if _, changed := names[name]; changed {
			names[name] = true
		}
	}
	for at, text := range r.GitConfigs {
		for _, s := range risk.GitRuns(string(text)) {
			if s.Includes() {
				note(included, path.Join(at, ".git"), s.Value)
			} else if s.Key == "core.hookspath" {
				note(hooks, at, s.Value)
			}
		}
	}
	for _, c := range r.Changes {
		link := c.Mode&unix.S_IFMT == unix.S_IFLNK
		if c.Mode == 0 {
			continue
		}
		if included[c.Path] {
			all = append(all, risk.Finding{Path: c.Path, Kind: "git-config", Detail: "git's config includes it"})
		}
		if hooks[c.Path] && (link || c.Kind == 'R') {
			all = append(all, risk.Finding{Path: c.Path, Kind: "git-hook", Detail: "all that is in it"})
		} else if hooks[path.Dir(c.Path)] && !c.Dir && (link || c.Mode&0o111 != 0) && !strings.HasSuffix(c.Path, ".sample") {
			all = append(all, risk.Finding{Path: c.Path, Kind: "git-hook"})
		}
	}
	if !r.ConfigsAreWhole {
		all = append(all, risk.Finding{Path: ".", Kind: "unreadable", Detail: "more of git's configs than are looked at"})
	}
	return all
}

// cameAlong finds files of the human that a renamed folder has brought to where a program obeys them.
func cameAlong(r *draft.Report) (all []risk.Finding) {
	for _, f := range r.Along {
		rule, ok := risk.SelfRunning(f.Path)
		was, before := risk.SelfRunning(f.Old)
		if ok && !(before && was == rule) {
			all = append(all, risk.Finding{Path: f.Path, Kind: "runs", Detail: rule.Why + fmt.Sprintf(": it was %s", f.Old)})
		}
	}
	if !r.AlongIsWhole {
		all = append(all, risk.Finding{Path: ".", Kind: "unreadable", Detail: "more files than are looked at came along with renamed folders"})
	}
	return all
}

// steers finds what keep takes off.
func steers(r *draft.Report) (all []risk.Finding) {
	for _, name := range r.Stripped {
		all = append(all, risk.Finding{Path: name, Kind: "runs", Detail: "it has attributes that a rootless overlay obeys: keep takes them off"})
	}
	return all
}

// printRuns prints what runs by itself, the gravest first.
func (a *app) printRuns(found []risk.Finding) {
	for _, kind := range risk.Kinds {
		first := true
		for _, f := range found {
			if f.Kind != kind.Name {
				continue
			}
			if first {
				fmt.Fprintf(a.out, "%s\n", a.paint().Yellow(kind.Title))
			}
			first = false
			fmt.Fprintf(a.out, "    %s%s\n", show(f.Path), detail(f.Detail))
		}
	}
}
