// SPDX-License-Identifier: GPL-3.0-or-later

package step

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// walked returns what a walk visits, sorted.
func walked(t *testing.T, root string) []string {
	t.Helper()
	tree, err := OpenTree(root, false)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	var mu sync.Mutex
	var got []string
	err = tree.Walk(t.Context(), func(e TreeEntry) error {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, e.Path)
		return nil
	}, func(path string, err error) { t.Errorf("%s cannot be read: %v", path, err) })
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	return got
}

func TestWalkVisitsEverythingOnce(t *testing.T) {
	root := t.TempDir()
	want := []string{"."}
	for d := range 40 {
		dir := fmt.Sprintf("d%02d/x", d)
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		want = append(want, filepath.Dir(dir), dir)
		for f := range 20 {
			name := fmt.Sprintf("%s/f%02d", dir, f)
			if err := os.WriteFile(filepath.Join(root, name), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			want = append(want, name)
		}
	}
	slices.Sort(want)
	if got := walked(t, root); !slices.Equal(got, want) {
		t.Errorf("the walk visited %d files, not %d", len(got), len(want))
	}
}

func TestWalkFollowsNoLink(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	os.WriteFile(outside+"/secret", nil, 0o600)
	os.Symlink(outside, root+"/link")
	if got := walked(t, root); !slices.Equal(got, []string{".", "link"}) {
		t.Errorf("the walk visited %q", got)
	}
	if _, err := OpenTree(root+"/link", false); !errors.Is(err, unix.ELOOP) {
		t.Errorf("a link was opened as a tree: %v", err)
	}
}

func TestWalkGoesDeeperThanAPath(t *testing.T) {
	root := t.TempDir()
	here, err := os.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	fd := int(here.Fd())
	name := strings.Repeat("d", 200)
	const depth = 60
	for range depth {
		if err := unix.Mkdirat(fd, name, 0o755); err != nil {
			t.Fatal(err)
		}
		if fd, err = unix.Openat(fd, name, unix.O_PATH|unix.O_DIRECTORY, 0); err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
	}
	if got := walked(t, root); len(got) != depth+1 {
		t.Errorf("the walk visited %d folders, not %d", len(got), depth+1)
	}
}

func TestWalkStops(t *testing.T) {
	root := t.TempDir()
	for i := range 100 {
		os.Mkdir(fmt.Sprintf("%s/%d", root, i), 0o755)
	}
	tree, err := OpenTree(root, false)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	broken := errors.New("broken")
	err = tree.Walk(t.Context(), func(e TreeEntry) error {
		if e.Path != "." {
			return broken
		}
		return nil
	}, func(string, error) {})
	if !errors.Is(err, broken) {
		t.Errorf("a visit failed, and the walk says %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(broken)
	if err = tree.Walk(ctx, func(TreeEntry) error { return nil }, func(string, error) {}); err != nil && !errors.Is(err, broken) {
		t.Errorf("the walk was cancelled, and says %v", err)
	}
}

func TestGiveBackRefuses(t *testing.T) {
	for _, tt := range []struct{ from, to uint32 }{{0, 1000}, {999, 1000}, {1001, 0}, {1001, 1001}} {
		if _, err := GiveBack(t.Context(), t.TempDir(), tt.from, tt.to, 1000); err == nil {
			t.Errorf("GiveBack takes files of uid %d for uid %d", tt.from, tt.to)
		}
	}
}
