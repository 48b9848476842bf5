// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"slices"
	"strings"
	"testing"

	"github.com/a4u2/au/provision/step"
)

// halves returns the half-made files that a command makes, fills or moves.
func halves(c step.Command) (files []string) {
	for _, word := range c.Argv {
		if c.Argv[0] != "rm" && strings.HasPrefix(word, "/") && strings.HasSuffix(word, ".new") {
			files = append(files, word)
		}
	}
	return files
}

// A command that fails half-way, as on a full disk, leaves no half-made file behind: its step says which one is to go.
func TestNoHalfMadeFileIsLeft(t *testing.T) {
	m := systemd(t)
	fresh := PlanNew(want, m.facts())
	m.make(want)
	net, err := PlanNetRestrict(netSample())
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, s := range slices.Concat(fresh, PlanGrant(m.facts(), bob), PlanRevoke(m.facts(), bob), net) {
		for _, c := range append([]step.Command{s.Do}, s.Undo...) {
			for _, file := range halves(c) {
				seen++
				if c.Temp != file {
					t.Errorf("%q fails and leaves %s, it says %q", c.Argv, file, c.Temp)
				}
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d commands have to do with half-made files", seen)
	}
}
