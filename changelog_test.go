// SPDX-License-Identifier: GPL-3.0-or-later

package au_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Debian's changelog has each item of CHANGELOG.md, whole and in its order, below its title.
func TestThePackagesChangelogHasEachItemWhole(t *testing.T) {
	text, err := os.ReadFile("CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(text), "# Changelog\n\n## 2 (2030-01-02)\n\nWords.\n\n### A\n\n- one two\n  three: - four\n- five.\n\n### B\n\n- six\n\n## 1 (2029-01-02)\n\n- seven\n"} {
		cmd := exec.Command("packaging/changelog", "1893456000", "9")
		cmd.Stdin = strings.NewReader(text)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		want, got := itemsOf(text, "### ", "- "), itemsOf(string(out), "  [ ", "  * ")
		if len(want) < 4 || !slices.Equal(got, want) {
			for i, item := range want {
				if i >= len(got) || got[i] != item {
					t.Errorf("item %d of %d should be %q, and these are the package's from there on: %q", i, len(want), item, got[min(i, len(got)):min(i+2, len(got))])
					break
				}
			}
			t.Errorf("the package's changelog has %d items, want %d", len(got), len(want))
		}
		for line := range strings.Lines(string(out)) {
			if len([]rune(line)) > 80 && len(strings.Fields(line)) > 2 && !strings.HasPrefix(line, " -- ") {
				t.Errorf("a line is too long: %q", line)
			}
		}
	}
}

// itemsOf returns the titles and the items of a changelog, each as its words.
func itemsOf(text, title, item string) (all []string) {
	in := false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if rest, ok := strings.CutPrefix(line, title); ok {
			all, in = append(all, strings.TrimSuffix(rest, " ]")), false
		} else if rest, ok := strings.CutPrefix(line, item); ok {
			all, in = append(all, rest), true
		} else if in && strings.HasPrefix(line, "  ") {
			all[len(all)-1] += " " + line
		} else {
			in = false
		}
	}
	for i := range all {
		all[i] = strings.Join(strings.Fields(all[i]), " ")
	}
	return all
}
