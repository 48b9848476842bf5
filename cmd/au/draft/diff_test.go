// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"strings"
	"testing"
)

// Attributes that the agent writes say nothing of what a diff shows, though the human's home is a repository, in which git obeys
// them.
func TestDiffSeesNoRepository(t *testing.T) {
	needGit(t)
	b := newBench(t)
	b.in(b.home, "git init -q .")
	b.in(b.folder, "echo f >f; echo g >g")
	b.begin()
	b.drafted(`echo 'f -diff
g ident' >.gitattributes; echo agent >>f; echo '$Id: agent $' >>g`)
	r, err := b.d.Report()
	b.ok(err)
	dir, left, err := b.d.Lay(r.Changes)
	b.ok(err)
	text, err := Diff(dir)
	b.ok(errors.Join(err, b.d.Unlay()))
	if s := string(text); len(left) > 0 || !strings.Contains(s, "\n+agent\n") || !strings.Contains(s, "\n+$Id: agent $\n") {
		t.Errorf("left out is %v, and shown\n%s", left, s)
	}
}
