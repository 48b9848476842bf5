// SPDX-License-Identifier: GPL-3.0-or-later

package bounded

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadRefusesWhatIsLarger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(strings.Repeat("x", 2048)), 0o600); err != nil {
		t.Fatal(err)
	}
	for limit, want := range map[int64]string{2048: "", 4096: "", 2047: `file" is larger than 1 KiB`, 1024: `file" is larger than 1 KiB`} {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := Read(f, limit)
		f.Close()
		if want == "" && (err != nil || len(text) != 2048) || want != "" && (err == nil || !strings.HasSuffix(err.Error(), want)) {
			t.Errorf("%d bytes of 2048: %d, %v, want %q", limit, len(text), err, want)
		}
	}
	if got := len(Start(path, 10)); got != 10 {
		t.Errorf("the first 10 bytes are %d", got)
	}
	if got := len(Start(path, 4096)); got != 2048 {
		t.Errorf("all bytes are %d, want 2048", got)
	}
}

// TestEndless reads files that never end.
func TestEndless(t *testing.T) {
	f, err := os.Open("/dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := Read(f, 3<<20); err == nil || err.Error() != `"/dev/zero" is larger than 3 MiB` {
		t.Errorf("/dev/zero: %v", err)
	}
	if got := len(Start("/dev/zero", 512)); got != 512 {
		t.Errorf("the first 512 bytes are %d", got)
	}
}
