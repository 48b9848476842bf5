// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// No change of the human to a file that was kept is lost, at whatever step of its undo it comes, nor is a file with which the draft
// goes on. Where undo cannot give a change to the draft, it names the file, and goes on once that is elsewhere.
func TestChangedWhileItIsTakenBack(t *testing.T) {
	t.Parallel()
	write := func(_ *os.File, name string) error { return os.WriteFile(name, []byte("mine\n"), 0o644) }
	attribute := func(_ *os.File, name string) error { return unix.Setxattr(name, "user.x", []byte("mine"), 0) }
	mode := func(_ *os.File, name string) error { return os.Chmod(name, 0o751) }
	open := func(f *os.File, _ string) error { _, err := f.WriteString("mine\n"); return err }
	for name, c := range map[string]struct {
		agent, path string
		paths       []string
		across      []bool
		change      func(*os.File, string) error
	}{
		"a_copy_written":     {"mkdir m; echo agent >m/k; echo l >m/l", "m/k", []string{"m/k"}, []bool{false, true}, write},
		"a_copys_attribute":  {"mkdir m; echo agent >m/k; echo l >m/l", "m/k", []string{"m/k"}, []bool{false, true}, attribute},
		"a_copys_mode":       {"mkdir m; echo agent >m/k; echo l >m/l", "m/k", []string{"m/k"}, []bool{false, true}, mode},
		"a_files_mode":       {"echo agent >f; echo n >n", "f", []string{"f"}, []bool{false, true}, mode},
		"a_linked_mode":      {"echo agent >n; ln n o", "n", nil, []bool{true}, mode},
		"a_copy_open":        {"mkdir m; echo agent >m/k; echo l >m/l", "m/k", []string{"m/k"}, []bool{true}, open},
		"a_files_attribute":  {"echo agent >f", "f", nil, []bool{true}, attribute},
		"a_file_open":        {"echo agent >f; echo n >n", "f", []string{"f"}, []bool{true}, open},
		"a_folder_in_place":  {"echo agent >n", "n", nil, []bool{true}, func(_ *os.File, name string) error { return folderWithAttribute(name) }},
		"a_linked_attribute": {"echo agent >n; ln n o", "n", nil, []bool{true}, attribute},
	} {
		for _, across := range c.across {
			for n, at := 1, 0; n <= at+1; n++ {
				b := newBenchOn(t, across)
				b.in(b.folder, "echo f >f")
				b.begin()
				b.drafted(c.agent)
				_, err := b.d.Keep(c.paths, Refuse)
				b.ok(err)
				f, err := os.OpenFile(filepath.Join(b.folder, c.path), os.O_WRONLY|os.O_APPEND, 0)
				b.ok(err)
				changed, opened := false, strings.HasSuffix(name, "open")
				at = 0
				b.d.hook = func() {
					var st unix.Stat_t
					b.ok(unix.Fstat(int(f.Fd()), &st))
					if at++; at == n && (Holds(b.folder, c.path) && !opened || opened && st.Nlink > 0 && !b.isGoing()) {
						changed = c.change(f, filepath.Join(b.folder, c.path)) == nil
					}
				}
				err = do(b.d, "undo")
				b.d.hook = nil
				f.Close()
				if b.d.Unfinished() {
					for _, one := range inTheWay(err, b.folder) {
						b.in(b.folder, "mv "+one+" out")
					}
					b.ok(do(b.d, "undo"))
				}
				all := dump(t, b.folder, false, false) + "\n" + dump(t, b.d.State(), false, false)
				if changed && !strings.Contains(all, "user.x:mine") && !strings.Contains(all, " 100751") && !b.holds("mine") {
					t.Errorf("%s, across %v, at %d: undo: %v; the change is lost:\n%s", name, across, n, err, all)
				}
				if own := b.d.State() + "/upper/m/k"; err == nil && Holds(b.d.State(), "upper/m/k") && b.in(b.home, "cat "+own) != "agent\n" {
					t.Errorf("%s, across %v, at %d: the draft's own file is %q", name, across, n, b.in(b.home, "cat "+own))
				}
			}
		}
	}
}

func folderWithAttribute(name string) error {
	return errors.Join(os.Remove(name), os.Mkdir(name, 0o755), unix.Setxattr(name, "user.x", []byte("mine"), 0))
}

// isGoing reports whether a staging folder is about to be removed: au looks no more into its open files.
func (b *bench) isGoing() bool {
	all, err := filepath.Glob(b.folder + "/.au-*.gone")
	b.ok(err)
	return len(all) > 0
}

// Where the staging folder of a killed keep or undo is elsewhere, undo is refused, and goes on once that is back. Where it is lost,
// an empty one in its place lets undo end.
func TestStagingIsElsewhere(t *testing.T) {
	t.Parallel()
	for to, again := range map[string]string{"elsewhere": "mv elsewhere ", "../lost": "mkdir "} {
		refused := 0
		for _, verb := range []string{"keep", "undo"} {
			for n, killed := 1, true; killed; n++ {
				b := newBenchOn(t, true)
				b.in(b.folder, "mkdir d; echo h >d/h; echo f >f; echo g >g")
				before := dump(t, b.folder, false, false)
				b.begin()
				b.drafted("echo x >>f; rm -r d g; mkdir m; echo n >m/n")
				upper := dump(t, b.d.State()+"/upper", false, false)
				if verb == "undo" {
					b.ok(do(b.d, "keep"))
				}
				killed = b.child(verb, n, 0)
				d, err := b.store.open(b.d.Key)
				b.ok(err)
				left := strings.TrimSpace(b.in(b.folder, "ls -d .au-* 2>/dev/null || true"))
				if !killed || left == "" || !d.Unfinished() || strings.Contains(left, ".gone") {
					continue
				}
				b.in(b.folder, "mv "+left+" "+to)
				if err := do(d, "undo"); err != nil {
					refused++
					if want := strings.TrimSuffix(left, ".out"); !strings.Contains(err.Error(), "an empty folder") || !slices.Equal(inTheWay(err, b.folder), []string{want}) {
						t.Fatalf("%s killed at %d: undo: %v", verb, n, err)
					}
					if err := do(d, "keep"); !errors.Is(err, errStaging) || strings.Contains(err.Error(), "\n") {
						t.Errorf("%s killed at %d: keep: %v", verb, n, err)
					}
					b.in(b.folder, again+left)
					b.ok(do(d, "undo"))
				}
				if d.Unfinished() || Holds(b.folder, "m") {
					t.Fatalf("%s killed at %d: undo has not ended: %v", verb, n, d.Unfinished())
				}
				differ(t, fmt.Sprintf("%s: the draft after undo, where %s was killed at %d", to, verb, n), dump(t, d.State()+"/upper", false, false), upper)
				if b.in(b.folder, "rm -rf elsewhere"); again != "mkdir " {
					differ(t, "the folder after undo", dump(t, b.folder, false, false), before)
				}
			}
		}
		if refused == 0 {
			t.Error("no undo missed it")
		}
	}
}

// A staging folder is swept away only where the state says that nothing is half done: not where nobody can read that.
func TestNotSweptUnread(t *testing.T) {
	t.Parallel()
	b := newBenchOn(t, true)
	b.in(b.folder, "echo g >g; echo h >h")
	b.begin()
	b.drafted("rm g h")
	for n := 1; ; n++ {
		if !b.child("keep", n, 0) {
			t.Fatal("it never was killed half-way")
		}
		if got := b.in(b.folder, "cat .au-*/* 2>/dev/null || true"); got != "" {
			break
		}
	}
	undo := b.d.State() + "/undo"
	b.ok(os.Chmod(undo, 0))
	for _, verb := range []string{"keep", "undo"} {
		if err := powerless(func() error { return do(b.d, verb) }); !errors.Is(err, unix.EACCES) {
			t.Errorf("%s: %v", verb, err)
		}
	}
	b.in(b.folder, "cat .au-*/*")
	b.ok(os.Chmod(undo, 0o700))
	b.settleWith("undo")
	b.in(b.folder, "cat g h")
}

// The copies of an undo that was killed before it began are removed, also where a keep that could not begin had others meanwhile.
func TestSweptAfterAnotherKeep(t *testing.T) {
	b := newBenchOn(t, true)
	b.in(b.folder, "echo f >f; echo g >g")
	b.begin()
	b.drafted("echo x >>f; echo y >>g")
	_, err := b.d.Keep([]string{"f"}, Refuse)
	b.ok(err)
	most := mostSteps
	mostSteps = 1
	if _, err := b.d.Keep([]string{"g"}, Refuse); err == nil {
		t.Error("a keep began")
	}
	mostSteps = most
	met := 0
	for n := 1; b.child("undo", n, 0); n++ {
		if d, err := b.store.open(b.d.Key); err != nil || d.Unfinished() {
			break
		}
		met += len(b.in(b.folder, "ls -d .au-* 2>/dev/null || true"))
		b.ok(withLock(b.d, b.d.sweep))
		if got := b.in(b.folder, "ls -A"); got != "f\ng\n" {
			t.Errorf("killed at %d, it leaves %q", n, got)
		}
	}
	if met == 0 {
		t.Error("there never were copies")
	}
}

// Nothing is lost that the human writes into an open file of the staging folder while that is saved, also where a kill follows.
func TestWrittenBeforeAKillAtTheEnd(t *testing.T) {
	t.Parallel()
	b := newBenchOn(t, true)
	b.in(b.folder, "echo g >g")
	b.begin()
	b.drafted("rm g")
	f, err := os.OpenFile(b.folder+"/g", os.O_WRONLY|os.O_APPEND, 0)
	b.ok(err)
	defer f.Close()
	wrote, killed := false, false
	b.d.hook = func() {
		if !wrote && Holds(b.d.State(), asideFolder) {
			_, err := f.WriteString("mine\n")
			b.ok(err)
			wrote = true
		} else if wrote {
			panic("killed")
		}
	}
	func() {
		defer func() { killed = recover() != nil }()
		_ = do(b.d, "keep")
	}()
	if !killed || !b.d.Unfinished() {
		t.Fatal("it was not killed")
	}
	b.settleWith("keep")
	b.in(b.d.State(), "grep -rq mine undo/aside")
	b.settleWith("undo")
	b.in(b.folder, "grep -q mine g")
}

// No change of the human to a merged file is lost while that is taken back, though the draft never had the file.
func TestMergedChangedWhileItIsTakenBack(t *testing.T) {
	t.Parallel()
	for _, across := range []bool{false, true} {
		for _, change := range []string{"echo mine >>f", "chmod 751 f", ""} {
			refused := 0
			for n, at := 1, 0; n <= at+1; n++ {
				b := twoSides(t, across, "sed -i s/^3$/agent/ f", "sed -i s/^18$/human/ f")
				b.ok(do(b.d, "merge"))
				at = 0
				changed := false
				b.d.hook = func() {
					if at++; at != n || !Holds(b.folder, "f") {
						return
					}
					if changed = true; change == "" {
						b.ok(unix.Setxattr(b.folder+"/f", "user.x", []byte("mine"), 0))
					}
					b.in(b.folder, change)
				}
				err := do(b.d, "undo")
				b.d.hook = nil
				if b.d.Unfinished() {
					refused++
					for _, one := range inTheWay(err, b.folder) {
						b.in(b.folder, "mv "+one+" out")
					}
					b.ok(do(b.d, "undo"))
				}
				all := dump(t, b.folder, false, false) + dump(t, b.d.State(), false, false)
				if changed && !strings.Contains(all, "user.x:mine") && !strings.Contains(all, " 100751") && !b.holds("mine") {
					t.Errorf("across %v, %q at %d: undo: %v; the change is lost", across, change, n, err)
				}
			}
			if refused == 0 {
				t.Errorf("across %v, %q: undo never met it", across, change)
			}
		}
	}
}

// A copy of a file that was written meanwhile is none.
func TestCopyOfWhatWasWrittenMeanwhile(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	p, err := openPlace(top)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	for _, write := range []string{"long text", "other"} {
		if err := os.WriteFile(top+"/f", []byte("short"), 0o644); err != nil {
			t.Fatal(err)
		}
		before, err := p.stat("f")
		if err == nil {
			ticked()
			err = os.WriteFile(top+"/f", []byte(write), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		to := "to-" + write
		if err := (copier{}).file(p, "f", before, p.fd, to); !errors.Is(err, errMoved) {
			t.Errorf("a copy before %q was written: %v", write, err)
		}
	}
}

// A folder that the human makes in the place of one which a keep was to remove is theirs after an undo: no later keep takes it.
func TestMadeAnewBeforeAKill(t *testing.T) {
	t.Parallel()
	met := 0
	for n, at := 1, 0; n <= at+1; n++ {
		b := newBenchOn(t, true)
		b.in(b.folder, "mkdir a; echo h >a/h")
		b.begin()
		b.drafted("rm -r a")
		made := false
		at = 0
		b.d.hook = func() {
			if at++; at == n && Holds(b.folder, "a") {
				b.in(b.folder, "rm -r a; mkdir a; echo mine >a/b")
				made = true
			} else if at == n+2 {
				panic("killed")
			}
		}
		func() {
			defer func() { _ = recover() }()
			_ = do(b.d, "keep")
		}()
		b.d.hook = nil
		if b.d.Unfinished() {
			b.ok(do(b.d, "undo"))
		}
		if !made || b.d.Ended {
			continue
		}
		met++
		if err := do(b.d, "keep"); !errors.As(err, new(*Conflicted)) || !Holds(b.folder, "a/b") {
			t.Errorf("made at %d: the next keep: %v", n, err)
		}
	}
	if met == 0 {
		t.Error("it was never made")
	}
}
