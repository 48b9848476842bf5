// SPDX-License-Identifier: GPL-3.0-or-later

package share

import (
	"path/filepath"
	"strings"
	"testing"
)

// Paths are compared, with the result of filepath.Rel.
func TestWithinIsAsByRel(t *testing.T) {
	paths := []string{"/", "/a", "/a/", "/a/b", "/a/../b", "/ab", "/a/b/c", "//a//b", "/..", "/a/..", "/a/..b", ".", "..", "a", "a/b", "../a", ""}
	for _, folder := range paths {
		for _, path := range paths {
			want, err := filepath.Rel(folder, path)
			inside := err == nil && want != ".." && !strings.HasPrefix(want, "../")
			if !inside {
				want = ""
			}
			if rel, ok := Within(folder, path); rel != want || ok != inside {
				t.Errorf("Within(%q, %q) is %q, %v: want %q, %v", folder, path, rel, ok, want, inside)
			}
		}
	}
}
