// SPDX-License-Identifier: GPL-3.0-or-later

package csrc

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The policies that earlier versions wrote are accepted by both halves, which mean the same by them.
func TestKeptPolicies(t *testing.T) {
	files, _ := filepath.Glob("../provision/testdata/0.1/*/etc/au/agents/*")
	var texts []string
	versions, unlocked := map[int]int{}, 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p, err := ParsePolicy(text)
		if err != nil || p.Text() != string(text) {
			t.Errorf("%s: %v; it reads as\n%s", file, err, p.Text())
		}
		if p.Name != filepath.Base(file) || len(p.Humans) == 0 || len(p.Hide) == 0 || len(p.Cgroups) == 0 || len(p.SHA256) != 64 {
			t.Errorf("%s: it is read as %+v", file, p)
		}
		texts = append(texts, string(text))
		versions[p.Version]++
		if len(p.Allow) > 0 {
			unlocked++
		}
	}
	for version := 2; version <= PolicyVersion; version++ {
		if versions[version] == 0 {
			t.Errorf("there is no kept policy of version %d: a version that writes it gets a folder of its own", version)
		}
	}
	if len(texts) < 4 || unlocked < 1 {
		t.Errorf("there are %d, and %d with switches", len(texts), unlocked)
	}
	for i, answer := range askC(t, 'p', texts) {
		if strings.HasPrefix(answer, "refused: ") || answer != texts[i] {
			t.Errorf("the entrypoint reads\n%s\nas\n%s", texts[i], answer)
		}
	}
}
