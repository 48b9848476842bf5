// SPDX-License-Identifier: GPL-3.0-or-later

package step

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSetLineLeavesALargeFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lines")
	for size, fits := range map[int]bool{maxLines: true, maxLines + 1: false} {
		text := strings.Repeat("x", size-1) + "\n"
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		err := SetLine(path, "line", true)
		if fits != (err == nil) || err != nil && !strings.HasSuffix(err.Error(), "is larger than 1 MiB") {
			t.Errorf("a file of %d bytes: %v", size, err)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if has := strings.HasSuffix(string(got), "\nline\n"); has != fits || !fits && string(got) != text {
			t.Errorf("a file of %d bytes has the line: %t", size, has)
		}
	}
}
