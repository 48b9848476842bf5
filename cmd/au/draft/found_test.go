// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// A keep or an undo goes back where the human renames a folder in which it works, at whatever step.
func TestItsFolderIsRenamedMeanwhile(t *testing.T) {
	t.Parallel()
	for i, verb := range []string{"keep", "undo"} {
		for n, at := 1, 0; n <= at+1; n++ {
			b := newBench(t)
			b.in(b.folder, "mkdir -p d/e; echo human-f >d/f; echo human-g >d/e/g")
			b.begin()
			b.drafted("echo agent-f >d/f; echo agent-n >d/n; chmod 700 d; rm d/e/g; mkdir d/m")
			if verb == "undo" {
				b.ok(do(b.d, "keep"))
			}
			at = 0
			b.d.hook = func() {
				if at++; at == n && Holds(b.folder, "d") {
					b.in(b.folder, "mv d z")
				}
			}
			err := do(b.d, verb)
			b.d.hook = nil
			if b.d.Unfinished() {
				t.Errorf("%d at %d: %s: %v, and it is half-way", i, n, verb, err)
			}
			b.hasAll([]string{"human-f", "human-g", "agent-f", "agent-n"}, fmt.Sprintf("%s at %d, %q", verb, n, fmt.Sprint(err)))
		}
	}
}

// The human's changes while something is taken back are theirs: another draft conflicts with them.
func TestWrittenWhileItIsTakenBack(t *testing.T) {
	t.Parallel()
	for _, human := range []string{"echo mine >d/h", "rm -r d; mkdir d; echo mine >d/h"} {
		met := 0
		for n, at := 1, 0; n <= at+1; n++ {
			b := newBench(t)
			b.in(b.folder, "mkdir d; echo h >d/h; echo o >o")
			b.begin()
			b.drafted("echo agent >d/h; rm o")
			b.ok(do(b.d, "keep"))
			at = 0
			b.d.hook = func() {
				if at++; at == n {
					b.in(b.folder, human)
				}
			}
			err := do(b.d, "undo")
			b.d.hook = nil
			if err != nil || b.in(b.folder, "cat d/h") != "mine\n" {
				continue
			}
			met++
			b.drafted("rm -r d")
			if err := do(b.d, "keep"); !errors.As(err, new(*Conflicted)) {
				t.Errorf("%s at %d: keep: %v", human, n, err)
			}
			if got := b.in(b.folder, "cat d/h"); got != "mine\n" {
				t.Errorf("%s at %d: the folder holds %q", human, n, got)
			}
		}
		if met == 0 {
			t.Errorf("%s: it was never there after undo", human)
		}
	}
}

// A file that was kept and that the human has changed is a conflict for undo, until they have moved it elsewhere.
func TestUndoOfWhatWasMovedElsewhere(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.in(b.folder, "echo f >f; echo g >g; mkdir d; echo h >d/h")
	before := dump(t, b.folder, false, false)
	b.begin()
	b.drafted("echo agent >f; mkdir -p m/n; echo n >m/n/n; rm g; chmod 700 d; echo agent >d/h")
	b.ok(do(b.d, "keep"))
	b.in(b.folder, "echo mine >>f; echo mine >>m/n/n; chmod 711 d")
	if err := do(b.d, "undo"); !errors.As(err, new(*Conflicted)) {
		t.Errorf("undo: %v", err)
	}
	b.in(b.folder, "mkdir out; mv f m d out")
	b.ok(do(b.d, "undo"))
	if got := b.in(b.folder, "cat out/f out/m/n/n out/d/h"); got != "agent\nmine\nn\nmine\nagent\n" {
		t.Errorf("what was moved holds %q", got)
	}
	b.in(b.folder, "rm -r out")
	differ(t, "the folder after undo", dump(t, b.folder, false, false), before)
}

// After a keep of a part was killed, undo does not throw away a copy that the human has changed since.
func TestChangedCopyAfterAKill(t *testing.T) {
	t.Parallel()
	refused := false
	for n, killed := 1, true; killed; n++ {
		b := newBench(t)
		b.in(b.folder, "echo f >f")
		b.begin()
		b.drafted("mkdir m; echo k >m/k; echo l >m/l; echo z >z")
		d, err := b.store.open(b.d.Key)
		b.ok(err)
		step := 0
		d.hook = func() {
			if step++; step == n {
				panic("killed")
			}
		}
		killed = func() (killed bool) {
			defer func() { killed = recover() != nil }()
			_, err = d.Keep([]string{"m/k", "z"}, Refuse)
			return false
		}()
		if !killed || !Holds(b.folder, "m/k") || !d.Unfinished() {
			continue
		}
		b.in(b.folder, "echo mine >>m/k")
		d, err = b.store.open(b.d.Key)
		b.ok(err)
		if err := do(d, "undo"); err != nil {
			refused = true
			if !errors.Is(err, errEdited) || !strings.Contains(err.Error(), "m/k") {
				t.Errorf("killed at %d: undo: %v", n, err)
			}
			b.in(b.folder, "grep -q mine m/k; mv m/k mine")
			b.ok(do(d, "undo"))
		}
		b.in(b.home, "grep -rq mine .")
	}
	if !refused {
		t.Error("undo never met the copy")
	}
}

// Undo is refused, before anything has changed, where the human has put something into a folder in whose place a file of theirs
// comes back.
func TestUndoOfAFolderInAPlace(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.in(b.folder, "echo f >f; mkdir d; echo h >d/h")
	before := dump(t, b.folder, false, false)
	b.begin()
	b.drafted("rm f; mkdir -p f/m; echo n >f/m/n; mv d f/d")
	b.ok(do(b.d, "keep"))
	b.in(b.folder, "echo mine >f/m/mine; echo mine >f/d/mine")
	kept := dump(t, b.folder, true, true)
	var refused *Conflicted
	if err := do(b.d, "undo"); !errors.As(err, &refused) || len(refused.Conflicts) != 1 || refused.Conflicts[0].Path != "f/m/mine" {
		t.Errorf("undo: %v", err)
	}
	differ(t, "the folder after an undo that was refused", dump(t, b.folder, true, true), kept)
	b.in(b.folder, "rm f/m/mine")
	b.ok(do(b.d, "undo"))
	b.in(b.folder, "rm d/mine")
	differ(t, "the folder after undo", dump(t, b.folder, false, false), before)
}

// Undo of a part takes back a copy with which the draft went on, and leaves the draft's file as the agent has made it since.
func TestUndoOfACopyThatDiffersInTheDraft(t *testing.T) {
	t.Parallel()
	for _, across := range []bool{false, true} {
		for _, agent := range []string{"chmod 600 m/k", "chmod 0 m/k", `python3 -c 'import os; os.setxattr("m/k", "user.a", b"b")'`, "ln m/k m/n; chmod 755 m/n"} {
			b := newBenchOn(t, across)
			before := dump(t, b.folder, true, false)
			b.begin()
			b.drafted("mkdir m; echo k >m/k; echo l >m/l")
			_, err := b.d.Keep([]string{"m/k"}, Refuse)
			b.ok(err)
			b.drafted(agent)
			upper := dump(t, b.d.State()+"/upper", false, false)
			b.ok(do(b.d, "undo"))
			differ(t, "the folder after undo", dump(t, b.folder, true, false), before)
			differ(t, "the draft after undo", dump(t, b.d.State()+"/upper", false, false), upper)
		}
	}
}

// A file that the human has made or changed since is a conflict also where the agent only gave it another name: it would be
// replaced.
func TestLinkedToWhatTheHumanMade(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.begin()
	b.in(b.folder, "echo mine >f")
	b.drafted(": >>f; ln f x")
	if got, want := b.told(), "A x\n! changed f"; got != want {
		t.Errorf("told was\n%s\nwant\n%s", got, want)
	}
	before, refused := dump(t, b.folder, true, true), &Conflicted{}
	if err := do(b.d, "keep"); !errors.As(err, &refused) || !strings.HasSuffix(refused.Conflicts[0].Why, "has given it another name") { // diff shows no change of it
		t.Errorf("keep: %v, %v", err, refused.Conflicts)
	}
	differ(t, "the folder after a keep that was refused", dump(t, b.folder, true, true), before)
	_, err := b.d.Keep([]string{"f"}, Theirs)
	b.ok(err)
	b.drafted("rm f")
	if got, want := b.told(), "D f\nA x"; got != want { // the human has given it to the agent
		t.Errorf("told was\n%s\nwant\n%s", got, want)
	}
}

// A folder that the human has made in the place of a kept file is a conflict for undo, also where it has the number of that file.
func TestUndoOfAFileThatIsAFolderNow(t *testing.T) { // not beside others: they would take that number
	for _, across := range []bool{false, true} {
		reused := 0
		for range 10 {
			b := newBenchOn(t, across)
			b.in(b.folder, "mkdir d; echo h >d/h")
			b.begin()
			b.drafted("rm -r d; mkdir d; echo k >d/k; echo l >d/l")
			_, err := b.d.Keep([]string{"d/k"}, Refuse)
			b.ok(err)
			numbers := strings.Fields(b.in(b.folder, "stat -c %i d/k; rm d/k; mkdir d/k; stat -c %i d/k; echo mine >d/k/mine"))
			if numbers[0] == numbers[1] {
				reused++
			}
			before := dump(t, b.folder, true, true)
			var refused *Conflicted
			if err := do(b.d, "undo"); !errors.As(err, &refused) || refused.Conflicts[0].Path != "d/k" {
				t.Errorf("across %v: undo: %v", across, err)
			}
			differ(t, "the folder after an undo that was refused", dump(t, b.folder, true, true), before)
			b.in(b.folder, "mv d/k out")
			b.ok(do(b.d, "undo"))
			b.in(b.folder, "cat out/mine d/h")
		}
		t.Logf("across %v, %d of 10 had the number of the file", across, reused)
	}
}

// Git's configs that have a hole or many names take no room on the disk, and no more than so much memory.
func TestManyConfigs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.begin()
	b.drafted("truncate -s 1M config; for i in $(seq 80); do mkdir -p $i/.git; ln config $i/.git/config; done")
	r, err := b.d.Report()
	b.ok(err)
	size := 0
	for _, text := range r.GitConfigs {
		size += len(text)
	}
	if size > mostOfConfigs || r.ConfigsAreWhole {
		t.Errorf("of 80 MB of configs it has %d bytes, all of them: %v", size, r.ConfigsAreWhole)
	}
}
