// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Where there is no room for the copies of a keep or an undo across file systems, nothing has changed, no copy is left, and the
// last keep can be taken back still.
func TestNoRoomAcross(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"keep", "undo"} {
		b := newBench(t)
		b.ok(unix.Mount("tmpfs", b.folder, "tmpfs", 0, "mode=755,size=4m"))
		t.Cleanup(func() { _ = unix.Unmount(b.folder, unix.MNT_DETACH) })
		b.in(b.folder, "echo f >f; head -c 1000000 /dev/urandom >h; touch -d @5 fill")
		before := dump(t, b.folder, true, false)
		b.begin()
		b.drafted("echo x >>f; echo s >s; rm h; head -c 2500000 /dev/urandom >big")
		paths := []string{"f"}
		if verb == "undo" {
			paths = []string{"f", "h"}
		}
		_, err := b.d.Keep(paths, Refuse)
		b.ok(err)
		b.in(b.folder, "head -c 5000000 /dev/zero >fill 2>/dev/null || truncate -s -500000 fill")
		told, kept := b.told(), dump(t, b.folder, true, false)
		if err := do(b.d, verb); !errors.Is(err, unix.ENOSPC) || strings.Contains(err.Error(), "\n") || b.d.Unfinished() {
			t.Errorf("%s: %v, begun: %v", verb, err, b.d.Unfinished())
		}
		differ(t, "the folder after a "+verb+" without room", dump(t, b.folder, true, false), kept)
		if got := b.told(); got != told {
			t.Errorf("the draft is told as\n%s\nand was as\n%s", got, told)
		}
		b.in(b.folder, ": >fill; touch -d @5 fill")
		if verb == "keep" {
			b.ok(do(b.d, "keep"))
		}
		b.ok(do(b.d, "undo"))
		if verb == "undo" {
			differ(t, "the folder after undo", dump(t, b.folder, true, false), before)
		}
	}
}

// A staging folder that a kill has left is removed from the folder in which it was made, and from no other that has its place by
// now.
func TestSweptWhereItWasMade(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ok(unix.Mount("tmpfs", b.home+"/.local/state/au/drafts", "tmpfs", 0, "mode=700"))
	t.Cleanup(func() { _ = unix.Unmount(b.home+"/.local/state/au/drafts", unix.MNT_DETACH) })
	var err error
	b.store.close()
	b.store, err = Open(b.home, direct)
	b.ok(err)
	b.begin()
	b.drafted("echo n >n; echo m >m")
	if !b.child("keep", 2, 0) || Holds(b.d.State(), "undo") {
		t.Fatal("it was not killed while the copies were made")
	}
	left := b.in(b.folder, "ls -d .au-*")
	b.in(b.home, "mv p q; cp -a q p")
	b.ok(withLock(b.d, b.d.sweep))
	if got := b.in(b.folder, "ls -d .au-*"); got != left {
		t.Errorf("in another folder there is %q, and was %q", got, left)
	}
	b.in(b.home, "rm -r p; mv q p")
	b.ok(withLock(b.d, b.d.sweep))
	if got := b.in(b.folder, "ls -A"); got != "" {
		t.Errorf("it is left: %q", got)
	}
}

// Links between files of the agent are kept across file systems, and those of the draft and of the human after undo.
func TestLinksAcross(t *testing.T) {
	t.Parallel()
	b := newBenchOn(t, true)
	b.in(b.folder, "echo f >f; mkdir d; echo h >d/h; echo i >d/i; ln d/i d/j")
	before := dump(t, b.folder, true, false)
	b.begin()
	b.drafted("echo x >>f; ln f g; mkdir -p m/m; echo n >m/n; ln m/n m/m/o; mv d e; echo y >>e/h; rm e/i e/j")
	told, upper := b.told(), dump(t, b.d.State()+"/upper", true, false)
	for range 2 {
		b.ok(do(b.d, "keep"))
		b.in(b.folder, "test f -ef g; test m/n -ef m/m/o; test $(stat -c %h f) = 2; ! ls -d .au-* 2>/dev/null")
		b.ok(do(b.d, "undo"))
		differ(t, "the folder after undo", dump(t, b.folder, true, false), before)
		b.in(b.folder, "test d/i -ef d/j")
		differ(t, "the draft after undo", dump(t, b.d.State()+"/upper", true, false), upper)
		b.in(b.d.State()+"/upper", "test f -ef g")
		if got := b.told(); got != told {
			t.Errorf("the draft is told as\n%s\nand was as\n%s", got, told)
		}
	}
}

// After an undo was killed at its very end, a keep starts again with new copies; one that is killed then goes on with those.
func TestKilledAsItIsKeptAgain(t *testing.T) {
	t.Parallel()
	for n, m, killed := 1, 0, true; killed; {
		b := newBenchOn(t, true)
		b.in(b.folder, "echo f >f; echo g >g")
		before := dump(t, b.folder, true, false)
		b.begin()
		b.drafted("echo x >>f; rm g; echo m >m")
		b.ok(do(b.d, "keep"))
		want := dump(t, b.folder, false, false)
		if !b.child("undo", n, 0) {
			t.Fatal("no undo was killed at its end")
		}
		if m == 0 && (b.in(b.folder, "ls -A") != "f\ng\n" || !b.d.Unfinished()) {
			n++
			continue
		}
		m++
		killed = b.child("keep", m, 0)
		if d, err := b.store.open(b.d.Key); err != nil || d.Unfinished() {
			b.settleWith("keep")
		}
		differ(t, fmt.Sprint("kept again, killed at ", m), dump(t, b.folder, false, false), want)
		b.settleWith("undo")
		differ(t, fmt.Sprint("taken back, killed at ", m), dump(t, b.folder, true, false), before)
	}
}

// A keep and an undo that are killed by turns, at each step, end as the last one says.
func TestKilledByTurnsAcross(t *testing.T) {
	t.Parallel()
	for n, killed := 1, true; killed; n++ {
		b := newBenchOn(t, true)
		b.in(b.folder, "mkdir d; echo h >d/h; echo f >f; echo g >g")
		before := dump(t, b.folder, true, false)
		b.begin()
		b.drafted("echo x >>f; mv d e; echo n >e/n; rm g; echo m >m")
		b.ok(do(b.d, "keep"))
		want := dump(t, b.folder, false, false)
		killed = b.child("undo", n, 0)
		half := func() bool {
			d, err := b.store.open(b.d.Key)
			b.ok(err)
			defer d.Close()
			return d.Unfinished()
		}
		for m := 1; half() && m < 9; m += 3 {
			if b.child("keep", m, 0) && half() {
				b.child("undo", 2*m, 0)
			}
		}
		if half() {
			b.settleWith("keep")
			differ(t, fmt.Sprint("kept again, killed at ", n), dump(t, b.folder, false, false), want)
		}
		if Holds(b.d.State(), "undo") {
			b.settleWith("undo")
		}
		b.ok(withLock(b.d, b.d.sweep))
		differ(t, fmt.Sprint("taken back, killed at ", n), dump(t, b.folder, true, false), before)
	}
}
