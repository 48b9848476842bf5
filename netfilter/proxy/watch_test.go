// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestWholeFileIsTakenAtOnce is that a file which is put in another's place is not waited for: who is told that a rule holds tries
// it.
func TestWholeFileIsTakenAtOnce(t *testing.T) {
	defer func(old time.Duration) { settleFor = old }(settleFor)
	settleFor = time.Hour
	path := filepath.Join(t.TempDir(), "policy")
	changed := make(chan struct{}, 1)
	if err := watch(t.Context(), path, changed); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".new", []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	select {
	case <-changed:
	case <-time.After(10 * time.Second):
		t.Error("nothing was heard of a file that was put in its place")
	}
}
