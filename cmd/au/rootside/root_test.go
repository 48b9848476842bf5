// SPDX-License-Identifier: GPL-3.0-or-later

package rootside

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/a4u2/au/cmd/au/host"
)

// as returns a machine of files where those are the caller's uids.
func as(t *testing.T, uid, effective int) *host.Host {
	h := host.Real("")
	h.Root = t.TempDir()
	h.UID, h.EffectiveUID = func() int { return uid }, func() int { return effective }
	if err := os.Mkdir(filepath.Join(h.Root, "run"), 0o755); err != nil {
		t.Fatal(err)
	}
	return h
}

func TestOnlyRootEnters(t *testing.T) {
	refusal := errors.New("only root can")
	for _, c := range []struct {
		uid, effective int
		in             bool
	}{{0, 0, true}, {1000, 1000, false}, {1000, 0, false}, {0, 1000, false}} {
		r, err := Enter(as(t, c.uid, c.effective), io.Discard, io.Discard, refusal)
		if (err == nil) != c.in || (r != nil) != c.in || err != nil && err != refusal {
			t.Errorf("uid %d, effective %d: %v, %v", c.uid, c.effective, r, err)
		}
	}
}

// One at a time changes slices or rules, and a link in the place of the lock is not followed.
func TestOneLock(t *testing.T) {
	h := as(t, 0, 0)
	r, err := Enter(h, io.Discard, io.Discard, nil)
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := r.lock()
	if err != nil {
		t.Fatal(err)
	}
	entered := make(chan error, 1)
	go func() { entered <- r.alone(func() error { return nil }) }()
	select {
	case <-entered:
		t.Error("a second one did not wait")
	case <-time.After(100 * time.Millisecond):
	}
	unlock()
	if err := <-entered; err != nil {
		t.Error(err)
	}
	lock := filepath.Join(h.Root, "run/au.lock")
	if err := os.Remove(lock); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(h.Root, "elsewhere"), lock); err != nil {
		t.Fatal(err)
	}
	if _, err := r.lock(); err == nil {
		t.Error("a link was followed")
	}
}
