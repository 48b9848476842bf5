// SPDX-License-Identifier: GPL-3.0-or-later

package tree

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
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
	tree, err := Open(root, false)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	var mu sync.Mutex
	var got []string
	err = tree.Walk(t.Context(), func(e Entry) error {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, e.Path())
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
	if _, err := Open(root+"/link", false); !errors.Is(err, unix.ELOOP) {
		t.Errorf("a link was opened as a tree: %v", err)
	}
}

// dig makes a tree and returns how many files it has. It goes where paths do not lead: at(fd) is called for the folder at each
// level.
func dig(t *testing.T, root string, depth int, name string, at func(fd int)) {
	t.Helper()
	fd, err := unix.Open(root, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	for range depth {
		if err == nil && at != nil {
			at(fd)
		}
		if err == nil {
			err = unix.Mkdirat(fd, name, 0o755)
		}
		next := -1
		if err == nil {
			next, err = unix.Openat(fd, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		}
		unix.Close(fd)
		fd = next
	}
	unix.Close(fd)
	if err != nil {
		t.Fatal(err)
	}
}

// inMemory returns a folder in which thousands of folders are made at once.
func inMemory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "au-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { bury(t, dir) })
	return dir
}

// bury removes what dig made, in which os.RemoveAll takes a descriptor a level.
func bury(t *testing.T, root string) {
	t.Helper()
	if out, err := exec.Command("rm", "-rf", root).CombinedOutput(); err != nil {
		t.Errorf("rm: %v: %s", err, out)
	}
}

func TestWalkTakesTheTimeOfItsFiles(t *testing.T) {
	twigs := func(fd int) {
		unix.Mkdirat(fd, "a", 0o755)
		unix.Mkdirat(fd, "z", 0o755)
		unix.Mkdirat(fd, "z/z", 0o755)
	}
	for _, tt := range []struct {
		situation string
		each      int // files a level
		at        func(fd int)
	}{{"a_chain", 1, nil}, {"a_comb", 4, twigs}} {
		t.Run(tt.situation, func(t *testing.T) {
			const depth = 600
			for _, name := range []string{"m", strings.Repeat("m", 255)} {
				root := filepath.Join(inMemory(t), "tree")
				if err := os.Mkdir(root, 0o755); err != nil {
					t.Fatal(err)
				}
				dig(t, root, depth, name, tt.at)
				tree, err := Open(root, false)
				if err != nil {
					t.Fatal(err)
				}
				shown := 0
				err = tree.Walk(t.Context(), func(e Entry) error {
					if e.Name == name { // one at a time: there is only one at each level
						shown = max(shown, len(e.Path()))
					}
					return nil
				}, func(path string, err error) { t.Errorf("%s cannot be read: %v", path, err) })
				tree.Close()
				bury(t, root)
				if err != nil || tree.Visited.Load() != int64(tt.each*depth) {
					t.Errorf("visited %d files, not %d: %v", tree.Visited.Load(), tt.each*depth, err)
				}
				if passed := tree.passed.Load(); passed > int64(3*tt.each*depth) {
					t.Errorf("the kernel resolved %d names for %d folders", passed, tt.each*depth)
				}
				if shown > longest || len(name) > 1 && shown < tailLength {
					t.Errorf("a path was shown with %d bytes", shown)
				}
			}
		})
	}
}

func TestPathsThatNobodyCanTakeAreCut(t *testing.T) {
	f := &Folder{}
	for i := range 3000 {
		e := Entry{In: f, Name: fmt.Sprintf("d%04d", i)}
		f = e.Folder()
		whole := f.length <= longest
		path := f.Path()
		if len(path) > longest || strings.Contains(path, "…") == whole || !strings.HasPrefix(path, "d0000/") && path != "d0000" || !strings.HasSuffix(path, e.Name) {
			t.Fatalf("level %d is shown as %s", i, path)
		}
	}
	if want := "d0000/"; !strings.HasPrefix(f.Path(), want) || !strings.Contains(f.Path(), "/d0082/…/d28") {
		t.Errorf("shown as %s", f.Path())
	}
}

// A folder that is moved while it is walked leads the walk nowhere else, not even upwards.
func TestWalkDoesNotLeaveByWhatIsMoved(t *testing.T) {
	top := t.TempDir()
	for _, dir := range []string{"root/a/b/c/d", "root/z", "elsewhere/secret"} {
		if err := os.MkdirAll(filepath.Join(top, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 50 {
		os.Mkdir(fmt.Sprintf("%s/root/a/f%02d", top, i), 0o755)
		os.Mkdir(fmt.Sprintf("%s/root/a/b/f%02d", top, i), 0o755)
	}
	tree, err := Open(top+"/root", false)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	var mu sync.Mutex
	err = tree.Walk(t.Context(), func(e Entry) error {
		mu.Lock()
		defer mu.Unlock()
		if e.Name == "d" {
			os.Rename(top+"/root/a/b/c", top+"/elsewhere/c")
		}
		if e.Name == "secret" {
			t.Errorf("the walk came to %s", e.Path())
		}
		return nil
	}, func(string, error) {})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWalkStops(t *testing.T) {
	root := t.TempDir()
	for i := range 100 {
		os.Mkdir(fmt.Sprintf("%s/%d", root, i), 0o755)
	}
	tree, err := Open(root, false)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	broken := errors.New("broken")
	err = tree.Walk(t.Context(), func(e Entry) error {
		if e.Path() != "." {
			return broken
		}
		return nil
	}, func(string, error) {})
	if !errors.Is(err, broken) {
		t.Errorf("a visit failed, and the walk says %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(broken)
	if err = tree.Walk(ctx, func(Entry) error { return nil }, func(string, error) {}); err != nil && !errors.Is(err, broken) {
		t.Errorf("the walk was cancelled, and says %v", err)
	}
}
