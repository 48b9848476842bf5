// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// At whatever step of a keep or an undo the human edits a file, nothing is lost.
func TestEditedAtEachStep(t *testing.T) {
	t.Parallel()
	for i, verb := range []string{"keep", "undo"} {
		for j, edited := range []string{"f", "n", "r"} {
			for n, at := 1, 0; n <= at+1; n++ {
				b := newBenchOn(t, (n+i+j)%3 > 0)
				b.in(b.folder, "echo human-f >f; echo human-r >r")
				b.begin()
				b.drafted("echo agent-f >f; echo agent-n >n; rm r")
				if verb == "undo" {
					b.ok(do(b.d, "keep"))
				}
				at = 0
				texts := []string{"human-f", "human-r", "agent-f", "agent-n"}
				b.d.hook = func() {
					if at++; at == n && Holds(b.folder, edited) {
						b.in(b.folder, "echo mine >>"+edited)
						texts = append(texts, "mine")
					}
				}
				err := do(b.d, verb)
				b.d.hook = nil
				again := error(nil)
				if b.d.Unfinished() {
					again = do(b.d, "undo")
				}
				b.hasAll(texts, fmt.Sprintf("%s of %s at %d, %q, %q", verb, edited, n, fmt.Sprint(err), fmt.Sprint(again)))
			}
		}
	}
}

// After a keep or an undo was killed, nothing is lost of what the human had, where they have made something of that name anew.
func TestMadeAnewAfterAKill(t *testing.T) {
	t.Parallel()
	for i, verbs := range [][2]string{{"keep", "keep"}, {"keep", "undo"}, {"undo", "keep"}, {"undo", "undo"}} {
		for n, killed := 1, true; killed; n++ {
			b := newBenchOn(t, (n+i)%3 > 0)
			b.in(b.folder, "mkdir d; echo human-h >d/h; echo human-r >r")
			b.begin()
			b.drafted("rm -r d r")
			if verbs[0] == "undo" {
				b.ok(do(b.d, "keep"))
			}
			if killed = b.child(verbs[0], n, 0); !killed || !Holds(b.d.State(), "undo") {
				continue
			}
			texts := []string{"human-h", "human-r"}
			if b.in(b.folder, "[ -e r ] || echo mine-r >r; [ -e d ] || { mkdir d; echo mine-d >d/x; }; cat r d/*") != "human-r\nhuman-h\n" {
				texts = append(texts, "mine")
			}
			d, err := b.store.open(b.d.Key)
			b.ok(err)
			err = do(d, verbs[1])
			b.hasAll(texts, fmt.Sprintf("killed at %d, %s, %q", n, verbs, fmt.Sprint(err)))
		}
	}
}

// Undo is refused where the human has edited a file that was kept, while others were being kept.
func TestEditedWhileOthersAreKept(t *testing.T) {
	t.Parallel()
	for _, across := range []bool{false, true} {
		for _, paths := range [][]string{nil, {"f", "n", "z"}} {
			b := newBenchOn(t, across)
			b.in(b.folder, "echo f >f; echo z >z")
			b.begin()
			b.drafted("echo agent >f; echo agent >n; echo agent >z; echo agent >other")
			edited := map[string]bool{}
			b.d.hook = func() {
				for _, name := range []string{"f", "n"} {
					if text, _ := os.ReadFile(filepath.Join(b.folder, name)); string(text) == "agent\n" && Holds(b.folder, "n") && !edited[name] {
						edited[name] = true
						b.in(b.folder, "echo mine >>"+name)
					}
				}
			}
			_, err := b.d.Keep(paths, Refuse)
			b.ok(err)
			b.d.hook = nil
			before := dump(t, b.folder, true, true)
			var refused *Conflicted
			if _, err := b.d.Undo(); !errors.As(err, &refused) || len(refused.Conflicts) != 2 || len(edited) != 2 {
				t.Errorf("across %v, %q: undo: %v, where %v were edited", across, paths, err, edited)
			}
			differ(t, "the folder after an undo that was refused", dump(t, b.folder, true, true), before)
		}
	}
}

// No write to a file of the human is lost while that file is copied to another file system.
func TestWrittenWhileItIsCopied(t *testing.T) {
	t.Parallel()
	for _, agent := range []string{"echo agent >f", "rm f"} {
		for _, wait := range []time.Duration{2, 5, 10, 20} {
			b := newBenchOn(t, true)
			b.in(b.folder, "head -c 60000000 /dev/urandom >f")
			b.begin()
			b.drafted(agent)
			done, begun := make(chan error, 1), false
			b.d.hook = func() {
				if !begun {
					go func() {
						time.Sleep(wait * time.Millisecond)
						done <- put(filepath.Join(b.folder, "f"), unix.O_APPEND, 0, "mine", 0)
					}()
				}
				begun = true
			}
			_, err := b.d.Keep(nil, Refuse)
			if wrote := <-done; wrote == nil {
				b.in(b.home, "tail -qc 4 p/f .local/state/au/drafts/*/undo/aside/* 2>/dev/null | grep -q mine || { echo "+fmt.Sprintf("%q", fmt.Sprint(err))+"; exit 1; }")
			}
		}
	}
}

// Undo is refused, before anything has changed, where the human has made something anew that a keep had removed, while other things
// were kept. Once that is out of the way, it goes on.
func TestMadeWhileOthersAreKept(t *testing.T) {
	t.Parallel()
	for _, across := range []bool{false, true} {
		b := newBenchOn(t, across)
		b.in(b.folder, "mkdir d; echo h >d/h; echo f >f; echo z >z")
		before := dump(t, b.folder, false, false)
		b.begin()
		b.drafted("rm -r d f; echo agent >z")
		b.d.hook = func() {
			if !Holds(b.folder, "d") && !Holds(b.folder, "f") {
				b.in(b.folder, "mkdir d; echo mine >d/mine; echo mine >f")
			}
		}
		_, err := b.d.Keep(nil, Refuse)
		b.ok(err)
		b.d.hook = nil
		kept := dump(t, b.folder, true, true)
		var refused *Conflicted
		if _, err := b.d.Undo(); !errors.As(err, &refused) || len(refused.Conflicts) != 2 {
			t.Errorf("across %v: undo: %v", across, err)
		}
		differ(t, "the folder after an undo that was refused", dump(t, b.folder, true, true), kept)
		b.in(b.folder, "rm -r d f")
		_, err = b.d.Undo()
		b.ok(err)
		differ(t, "the folder after undo", dump(t, b.folder, false, false), before)
	}
}

// Nothing is lost of what the human changes in a folder while that is put aside, as the agent has removed it, and undo
// does not have to be asked for it.
func TestChangedWhileItsFolderIsPutAside(t *testing.T) {
	t.Parallel()
	for _, human := range []string{"echo mine >>d/h", "echo mine >d/mine", "rm -f d/h; echo mine >d/h"} {
		for _, across := range []bool{true, false} {
			stayed := false
			for n, at := 1, 0; n <= at+1; n++ {
				b := newBenchOn(t, across)
				b.in(b.folder, "mkdir d; echo h >d/h")
				b.begin()
				b.drafted("rm -r d")
				changed := false
				at = 0
				b.d.hook = func() {
					if at++; at == n && Holds(b.folder, "d") {
						b.in(b.folder, human)
						changed = true
					}
				}
				_, err := b.d.Keep(nil, Refuse)
				if err != nil && !errors.Is(err, errMoved) {
					t.Errorf("%s at step %d: keep: %v", human, n, err)
				}
				if stayed = stayed || err != nil; changed {
					b.in(b.folder, "grep -rq mine . || { echo "+fmt.Sprintf("taken away at %d: %q", n, fmt.Sprint(err))+"; exit 1; }")
				}
			}
			if !stayed {
				t.Errorf("%s, across %v: nothing was met while it was put aside", human, across)
			}
		}
	}
}

// Nothing is lost of what a program writes that has something open which a keep puts aside, or an undo takes back, on another file
// system.
func TestWrittenToWhatIsPutAside(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"keep", "undo"} {
		for _, name := range []string{"d/h", "f", "d/mine"} {
			for n, at := 1, 0; n <= at+1; n++ {
				b := newBenchOn(t, true)
				b.in(b.folder, "mkdir d; echo h >d/h; echo f >f; chmod 0 d/h")
				b.begin()
				b.drafted("echo agent >f; rm -r d; mkdir d; echo agent >d/h")
				if verb == "undo" {
					b.ok(do(b.d, "keep"))
				}
				dir, err := openPlace(filepath.Join(b.folder, filepath.Dir(name)))
				b.ok(err)
				fd, err := unix.Openat(dir.fd, filepath.Base(name), unix.O_WRONLY|unix.O_APPEND, 0)
				if name != "d/mine" {
					b.ok(err)
				}
				wrote := false
				at = 0
				b.d.hook = func() {
					var st unix.Stat_t
					if at++; at != n {
						return
					}
					if name == "d/mine" {
						fd, _ = unix.Openat(dir.fd, "mine", unix.O_WRONLY|unix.O_CREAT, 0o644)
					}
					if unix.Fstat(fd, &st) == nil && st.Nlink > 0 && !b.isGoing() {
						_, err := unix.Write(fd, []byte("from-the-human\n"))
						b.ok(err)
						wrote = true
					}
				}
				err = do(b.d, verb)
				b.d.hook = nil
				unix.Close(fd)
				dir.close()
				if wrote {
					b.in(b.home, "grep -rq from-the-human . || { echo "+fmt.Sprintf("%s of %s at %d: %q", verb, name, n, fmt.Sprint(err))+"; find .; exit 1; }")
				}
			}
		}
	}
}

// Nothing is lost of what the human puts in the place of their file, after they have changed it, while a keep removes it.
func TestReplacedWhileItIsPutAside(t *testing.T) {
	t.Parallel()
	b := newBenchOn(t, true)
	b.in(b.folder, "echo f >f")
	b.begin()
	b.drafted("rm f")
	step := 0
	b.d.hook = func() {
		if step++; step == 1 {
			b.in(b.folder, "echo first >>f")
		}
		if step > 1 && !Holds(b.folder, "f") {
			b.in(b.folder, "echo second >f")
		}
	}
	if _, err := b.d.Keep(nil, Refuse); !errors.Is(err, errMoved) {
		t.Errorf("keep: %v", err)
	}
	b.in(b.home, "grep -rq first . && grep -rq second p/f")
	b.d.hook = nil
	b.in(b.folder, "rm f")
	b.settleWith("undo")
	if got := b.in(b.folder, "cat f"); got != "f\nfirst\n" {
		t.Errorf("after undo the folder holds %q", got)
	}
}

// A keep is taken back where the folder was on another mount than it is now, or undo goes on once it is there again.
func TestUndoOnAnotherMount(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"keep", "undo"} {
		b := newBenchOn(t, false)
		b.in(b.folder, "echo f >f; echo g >g; mkdir d; echo h >d/h")
		before := dump(t, b.folder, true, false)
		b.begin()
		b.drafted("echo x >>f; rm g; mv d e; echo n >n")
		told := b.told()
		bound := func() { b.ok(unix.Mount(b.folder, b.folder, "", unix.MS_BIND, "")) }
		if verb == "keep" {
			bound()
		}
		b.ok(do(b.d, "keep"))
		if verb == "keep" {
			b.ok(unmount(b.folder))
		} else {
			bound()
			if err := do(b.d, "undo"); !errors.Is(err, unix.EXDEV) || b.d.Unfinished() {
				t.Errorf("undo on another mount: %v, begun: %v", err, b.d.Unfinished())
			}
			b.ok(unmount(b.folder))
		}
		b.settleWith("undo")
		differ(t, "the folder after undo", dump(t, b.folder, true, false), before)
		d, err := b.store.open(b.d.Key)
		b.ok(err)
		if b.d = d; b.told() != told {
			t.Errorf("%s: the draft is told as\n%s\nand was as\n%s", verb, b.told(), told)
		}
	}
}

// The human's file comes back where they have removed what a killed keep had put into the folder.
func TestRemovedAfterAKill(t *testing.T) {
	t.Parallel()
	for n, killed := 1, true; killed; n++ {
		b := newBenchOn(t, n%2 == 0)
		b.in(b.folder, "echo human >f; echo g >g")
		before := dump(t, b.folder, true, false)
		b.begin()
		b.drafted("echo agent >f; mkdir -p m/m; echo n >m/n; echo o >o; echo x >>g; chmod 711 m")
		killed = b.child("keep", n, 0)
		if !killed || b.in(b.folder, "cat f") != "agent\n" || Holds(b.d.State(), keptFile) {
			continue
		}
		b.in(b.folder, "rm -rf f m o")
		b.settleWith("undo")
		differ(t, fmt.Sprint("the folder after undo, killed at ", n), dump(t, b.folder, true, false), before)
	}
}
