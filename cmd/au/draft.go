// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/a4u2/au/cmd/au/draft"
	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/internal/programs"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
)

// drafts is where the commands about drafts begin.
type drafts struct {
	*app
	human provision.User
	known *config.Config
	store *draft.Store
	here  string // the folder where the human is; empty where that is not to be known
}

// drafts opens the human's drafts.
func (a *app) drafts() (*drafts, error) {
	if a.host.UID() == 0 {
		if err := a.leaveTerminal(); err != nil {
			return nil, err
		}
		a.Human = ""
	}
	human, err := a.human()
	if err != nil {
		return nil, err
	}
	known, err := a.load(human)
	if err != nil {
		return nil, err
	}
	s, err := draft.Look(human.Home, a.draftMarks, uint32(a.host.UID()), a.host.RootUID)
	if err != nil {
		return nil, err
	}
	return &drafts{a, human, known, s, ""}, nil
}

// marksTime is how long the entrypoint may take to read the marks of a draft.
const marksTime = 10 * time.Minute

// draftMarks has the agent's entrypoint read what of an overlay root alone can.
func (a *app) draftMarks(agent, state string, names func(io.Writer) error) (draft.Marks, error) {
	ctx, stop := context.WithTimeout(context.Background(), marksTime)
	defer stop()
	var out, said bytes.Buffer
	asked, ask := io.Pipe()
	go func() { ask.CloseWithError(names(ask)) }()
	defer asked.Close()
	cmd := programs.CommandContext(ctx, a.host.EntrypointPath(agent))
	cmd.Args, cmd.Env, cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = []string{"su_as_agent", agent, "--draft-marks", state}, []string{}, "/", asked, &out, &said
	cmd.WaitDelay = programs.HeldTime
	err := a.host.Execute(cmd)
	var exit interface{ ExitCode() int }
	if errors.As(err, &exit) && exit.ExitCode() == 1 {
		return nil, draft.ErrStillOpen
	}
	if err != nil { // it leaves nothing behind: what was not read in time is missing
		if text := strings.TrimPrefix(strings.TrimSpace(said.String()), "au: "); text != "" {
			err = errors.New(text)
		}
		return nil, fmt.Errorf("entrypoint of agent %q: %w", agent, err)
	}
	return draft.ParseMarks(&out)
}

// meantDraft is a draft and the paths in it that a person means, below its folder.
type meantDraft struct {
	*drafts
	*draft.Draft
	paths []string
}

// close lets go of the draft.
func (m *meantDraft) close() { m.Draft.Close() }

// beforeDashes returns how many of a command's words are before --; -1 where there is none.
func (a *app) beforeDashes(words []string) int {
	at := slices.Index(a.words, "--")
	if at < 0 {
		return -1
	}
	return len(words) - (len(a.words) - at - 1)
}

// ofHere returns the drafts of the folder where the human is, or of the nearest one above it that has any.
func (d *drafts) ofHere(agent string) ([]*draft.Draft, error) {
	place, err := d.follower(d.human, d.known, agent).Follow(".")
	if err != nil {
		return nil, err
	}
	defer place.Close()
	d.here = place.Path
	return d.store.Of(d.here)
}

// meant finds the draft that the words mean.
func (a *app) meant(agent string, words []string, wanted func(*draft.Draft) bool) (*meantDraft, error) {
	return a.meantBy(agent, words, a.beforeDashes(words), wanted)
}

// meantBy is meant, where before of the words are before --; -1 where there is none.
func (a *app) meantBy(agent string, words []string, before int, wanted func(*draft.Draft) bool) (*meantDraft, error) {
	d, err := a.drafts()
	if err != nil {
		return nil, err
	}
	all, err := d.ofHere(agent)
	if err != nil {
		return nil, err
	}
	live := slices.DeleteFunc(slices.Clone(all), func(one *draft.Draft) bool { return !wanted(one) })
	one, rest, err := draft.Choose(live, words, before, agent, func(word string) bool { return d.isPath(word) })
	var none *draft.None
	var ambiguous *draft.Ambiguous
	switch {
	case errors.As(err, &ambiguous):
		for _, one := range ambiguous.Drafts {
			fmt.Fprintf(a.err, "%s of agent %s, since %s\n", one.Name, one.Agent, one.Since.Local().Format("2 Jan 15:04"))
		}
		return nil, err
	case errors.As(err, &none):
		return nil, hintError{&draft.None{Folder: d.here}, "au draft list"}
	case err != nil:
		return nil, err
	}
	m := &meantDraft{drafts: d, Draft: one}
	for _, word := range rest {
		below, err := m.below(word)
		if err != nil {
			return nil, err
		}
		m.paths = append(m.paths, below)
	}
	return m, nil
}

// held is meant, with the draft for this command alone until it lets go of it.
func (a *app) held(agent string, words []string, wanted func(*draft.Draft) bool) (m *meantDraft, letGo func(), err error) {
	if m, err = a.meant(agent, words, wanted); err != nil {
		return nil, nil, err
	}
	unlock, err := m.Hold()
	if err != nil {
		m.close()
		return nil, nil, err
	}
	return m, func() { unlock(); m.close() }, nil
}

// isLive reports whether there is more of a draft than how its keep is undone.
func isLive(d *draft.Draft) bool { return !d.Ended }

// isPath reports whether there is a file of that name where the human is.
func (d *drafts) isPath(word string) bool { return draft.Holds(d.here, word) }

// below returns where in the draft's folder a word leads, with no look at what is there: it may be in the draft alone.
func (m *meantDraft) below(word string) (string, error) {
	full := word
	if !filepath.IsAbs(word) {
		full = filepath.Join(m.here, word)
	}
	rel, err := filepath.Rel(string(m.Folder), filepath.Clean(full))
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return "", fmt.Errorf("%q is not in the draft's folder: want a path below %s", word, show(string(m.Folder)))
	}
	if rel == "." {
		return "", nil
	}
	return rel, nil
}

// report says what has changed at the wanted paths.
func (m *meantDraft) report() (*draft.Report, error) {
	r, err := m.Draft.Report()
	if errors.As(err, new(*draft.HalfKept)) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("draft %q of %q: %w", m.Name, string(m.Folder), err)
	}
	r.Changes = slices.DeleteFunc(r.Changes, func(c draft.Change) bool { return !m.wants(c.Path) && (c.Old == "" || !m.wants(c.Old)) })
	r.Conflicts = slices.DeleteFunc(r.Conflicts, func(c draft.Conflict) bool { return !m.wants(c.Path) })
	r.Doubts = slices.DeleteFunc(r.Doubts, func(c draft.Conflict) bool { return !m.wants(c.Path) })
	r.Along = slices.DeleteFunc(r.Along, func(f draft.Along) bool { return !m.wants(f.Path) })
	r.Stripped = slices.DeleteFunc(r.Stripped, func(name string) bool { return !m.wants(name) })
	return r, nil
}

func (m *meantDraft) wants(name string) bool {
	return len(m.paths) == 0 || slices.ContainsFunc(m.paths, func(p string) bool { return p == "" || p == name || strings.HasPrefix(name, p+"/") })
}

// sayConflicts names each.
func (a *app) sayConflicts(all []draft.Conflict) {
	for _, c := range all {
		fmt.Fprintf(a.err, "au: conflict: %s: %s\n", shownPath(c.Path), c.Why)
	}
}

// shownPath is a path below a draft's folder as a person reads it.
func shownPath(name string) string { return show(cmp.Or(name, ".")) }

// sayDoubts names what may be, or have in it, what the human has removed.
func (a *app) sayDoubts(all []draft.Conflict) {
	for _, c := range all {
		fmt.Fprintf(a.out, "%s: %s\n", show(c.Path), c.Why)
	}
}

// refused words an error of a draft.
func (m *meantDraft) refused(err error) error {
	var conflicted *draft.Conflicted
	if errors.As(err, &conflicted) {
		m.sayConflicts(conflicted.Conflicts)
	}
	if errors.Is(err, fs.ErrNotExist) && m.gone() {
		return fmt.Errorf("folder %q of the draft is not there any more", string(m.Folder))
	}
	return err
}

func (m *meantDraft) gone() bool { return start.Vanished(string(m.Folder)) }

// named is the draft as a person reads it.
func (m *meantDraft) named() string {
	return fmt.Sprintf("draft %s of %s", m.Name, quote.Name(string(m.Folder)))
}
