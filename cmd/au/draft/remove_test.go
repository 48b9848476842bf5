// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A removal that ends half-way leaves nothing beside what it was to remove, however deep that is; done again, it removes all.
func TestRemoveLeavesNothingBeside(t *testing.T) {
	t.Parallel()
	if os.Getenv("IN_OWN_MOUNTS") == "" {
		t.Skip("want root, for a mount that nobody can remove")
	}
	top := folderWith(t, "a/b/c/d/busy", "a/b/c/e/f/g", "a/.removed-1/x", "other")
	deep := filepath.Join(top, "a/b/c/e", strings.Repeat("long/", 30))
	busy := filepath.Join(top, "a/b/c/d/busy")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Dir(deep), 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(busy, busy, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	mounted := true
	defer func() {
		if mounted {
			_ = unix.Unmount(busy, unix.MNT_DETACH)
		}
	}()
	p, err := openPlace(top)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	names := func() (all []string) {
		list, err := p.list("")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range list {
			all = append(all, f.name)
		}
		return all
	}
	if err := p.removeTree("a"); err == nil {
		t.Error("what is mounted on was removed")
	}
	if got := names(); !slices.Equal(got, []string{"a", "other"}) {
		t.Errorf("half-way there are %q", got)
	}
	list, err := p.list("a")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		_ = unmount(filepath.Join(top, "a", f.name, "busy"))
	}
	mounted = false
	if err := p.removeTree("a"); err != nil {
		t.Error(err)
	}
	if got := names(); !slices.Equal(got, []string{"other"}) {
		t.Errorf("at the end there are %q", got)
	}
}
