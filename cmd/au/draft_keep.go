// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"

	"github.com/a4u2/au/cmd/au/draft"
	"github.com/a4u2/au/internal/quote"
)

type draftKeepCmd struct {
	agentFlag
	Yes    bool     `short:"y" help:"Ask no question. A conflict is still refused."`
	Ours   bool     `xor:"side" help:"Where you have changed the same: keep yours, and leave the agent's in the draft."`
	Theirs bool     `xor:"side" help:"Where you have changed the same: take the agent's; undo brings yours back."`
	Merge  bool     `xor:"side" help:"Where you have changed the same: let git merge the lines of both; if it cannot, nothing is kept."`
	Words  []string `arg:"" optional:"" name:"draft|path" help:"The draft, where the folder has more than one, and what of it (default: all)."`
}

func (c *draftKeepCmd) Run(a *app) error {
	m, letGo, err := a.held(c.Agent, c.Words, func(d *draft.Draft) bool { return !d.Ended || d.Unfinished() })
	if err != nil {
		return err
	}
	defer letGo()
	if m.Unfinished() {
		fmt.Fprintf(a.out, "The keep of %s that was begun is finished.\n", m.named())
		return c.keep(m, draft.Refuse)
	}
	answer, err := c.ask(m)
	if err != nil {
		return err
	}
	return c.keep(m, answer)
}

// ask shows what would run by itself, and asks the one question.
func (c *draftKeepCmd) ask(m *meantDraft) (draft.Answer, error) {
	r, err := m.report()
	if err != nil {
		return draft.Refuse, m.refused(err)
	}
	answer := draft.Refuse
	switch {
	case c.Ours:
		answer = draft.Ours
	case c.Theirs:
		answer = draft.Theirs
	case c.Merge:
		answer = draft.Merge
		m.sayMerged(r.Conflicts)
	case len(r.Conflicts) > 0:
		m.sayConflicts(r.Conflicts)
		return answer, hintError{&draft.Conflicted{Conflicts: r.Conflicts}, "au draft keep --merge, --ours, or --theirs"}
	}
	found, err := m.runs(r)
	if err != nil {
		return answer, err
	}
	m.printRuns(found)
	m.sayDoubts(r.Doubts)
	for _, ref := range r.Refs {
		fmt.Fprintf(m.out, "You have worked with git, too: HEAD, index and branch stay yours, and the agent's commits are at %s\n", show(ref))
	}
	return answer, m.confirm(fmt.Sprintf("Keep %s in %s (%d bytes)?", changesIn(len(r.Changes)), quote.Name(string(m.Folder)), r.Bytes()), c.Yes)
}

// sayMerged names what nobody has read yet as it will be.
func (a *app) sayMerged(all []draft.Conflict) {
	for _, c := range all {
		fmt.Fprintf(a.out, "%s: git tries to merge the lines of both\n", shownPath(c.Path))
	}
}

// changesIn counts changes.
func changesIn(n int) string {
	if n == 1 {
		return "1 change"
	}
	return fmt.Sprintf("%d changes", n)
}

func (c *draftKeepCmd) keep(m *meantDraft, answer draft.Answer) error {
	n, err := m.Keep(m.paths, answer)
	if errors.As(err, new(*draft.Conflicted)) && answer == draft.Merge {
		return hintError{m.refused(err), "au draft keep --ours, or --theirs"}
	}
	if err != nil {
		return m.refused(err)
	}
	if n == 0 {
		fmt.Fprintln(m.out, "There is nothing to keep.")
		return nil
	}
	fmt.Fprintf(m.out, "Kept in %s. To take it back: %s\n", show(string(m.Folder)), pasted("draft", "undo", m.Name))
	return nil
}
