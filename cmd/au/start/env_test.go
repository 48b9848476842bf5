// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEnvLinesAreBounded(t *testing.T) {
	read := func(text string) ([]string, error) {
		path := filepath.Join(t.TempDir(), "vars")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		return envLines(f)
	}
	long := "A=" + strings.Repeat("x", 2<<20)
	if got, err := read("# a comment\n\n" + long + "\nB=1"); err != nil || len(got) != 2 || got[0] != long || got[1] != "B=1" {
		t.Errorf("a long line: %d, %v", len(got), err)
	}
	if _, err := read("A=1\n\nB-C=1\n"); err == nil || !strings.Contains(err.Error(), "vars:3: ") {
		t.Errorf("the third line is wrong: %v", err)
	}
	if _, err := read("A=1\n" + strings.Repeat("#", maxEnvFile)); err == nil || !strings.HasSuffix(err.Error(), `vars" is larger than 8 MiB`) {
		t.Errorf("a file that is too large: %v", err)
	}
}
