// SPDX-License-Identifier: GPL-3.0-or-later

package bounded

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
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

// TestProgramsThatPrintWithoutEnd runs one: it ends, and next to nothing of it is kept.
func TestProgramsThatPrintWithoutEnd(t *testing.T) {
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	out := Buffer{Limit: 64 << 10}
	cmd := exec.CommandContext(ctx, "cat", "/dev/zero")
	cmd.Stdout = &out
	if err := cmd.Run(); err == nil || ctx.Err() != nil {
		t.Errorf("it ended with %v, %v", err, ctx.Err())
	}
	if n := len(out.Bytes()); n > out.Limit {
		t.Errorf("%d bytes of it are kept", n)
	}
	out = Buffer{Limit: 4}
	cmd = exec.Command("printf", "four")
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil || out.String() != "four" {
		t.Errorf("as much as is taken: %q, %v", out.String(), err)
	}
}
