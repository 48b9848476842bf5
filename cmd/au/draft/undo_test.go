// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Where a run has changed again in the draft what a part of it was kept of, undo is refused before anything has changed.
func TestUndoMeetsTheDraft(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ agent, path, again string }{
		"a_file_again":    {"echo x >>f; echo n >n", "f", "echo y >>f"},
		"a_new_file":      {"echo n >n; echo x >>f", "n", "echo m >>n"},
		"a_removed_file":  {"rm f; echo n >n", "f", "echo m >f"},
		"a_folder":        {"mv d e; echo n >n", "e", "echo y >>e/h"},
		"in_a_folder":     {"mkdir m; echo k >m/k; echo n >n", "m", "echo l >m/l"},
		"a_removed_again": {"echo x >>f; echo n >n", "f", "rm f"},
	} {
		for _, across := range []bool{false, true} {
			b := newBenchOn(t, across)
			b.in(b.folder, "mkdir d; echo f >f; echo h >d/h")
			b.begin()
			b.drafted(c.agent)
			_, err := b.d.Keep([]string{c.path}, Refuse)
			b.ok(err)
			b.drafted(c.again)
			before, told := dump(t, b.folder, true, true), b.told()
			var refused *Conflicted
			if _, err := b.d.Undo(); !errors.As(err, &refused) {
				t.Errorf("%s, across %v: undo: %v", name, across, err)
			}
			differ(t, name+": the folder after an undo that was refused", dump(t, b.folder, true, true), before)
			if got := b.told(); got != told {
				t.Errorf("%s: the draft is told as %q, and was as %q", name, got, told)
			}
		}
	}
}

// A file that the human had changed is a conflict again once undo has brought it back.
func TestUndoBringsTheConflictBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		agent, human string
		paths        []string
	}{
		"all":             {"echo x >>f; echo n >n", "echo y >>f", nil},
		"a_part":          {"echo x >>f; echo n >n", "echo y >>f", []string{"f"}},
		"removed":         {"rm f; rm -r d", "echo y >>f; echo y >>d/h", nil},
		"a_folders_mode":  {"chmod 711 d", "chmod 700 d", nil},
		"renamed_and_new": {"mv d e; echo x >>e/h; echo m >m", "echo y >>d/h; echo n >m", nil},
	} {
		for _, across := range []bool{false, true} {
			b := newBenchOn(t, across)
			b.in(b.folder, "mkdir d; echo f >f; echo h >d/h")
			b.begin()
			b.drafted(c.agent)
			b.in(b.folder, c.human)
			before, told := dump(t, b.folder, true, false), b.told()
			if !strings.Contains(told, "! changed") {
				t.Fatalf("%s is told as %q", name, told)
			}
			for range 2 {
				_, err := b.d.Keep(c.paths, Theirs)
				b.ok(err)
				_, err = b.d.Undo()
				b.ok(err)
				differ(t, name+": the folder after undo", dump(t, b.folder, true, false), before)
				if got := b.told(); got != told {
					t.Errorf("%s, across %v: after undo the draft is told as\n%s\nwant\n%s", name, across, got, told)
				}
			}
		}
	}
}

// After undo a draft tells of a file that it did not have before whether the human has changed that since the draft first began.
func TestUndoKnowsWhenTheDraftBegan(t *testing.T) {
	t.Parallel()
	for human, conflict := range map[string]bool{"true": false, "echo y >>g": true} {
		b := newBench(t)
		b.in(b.folder, "echo f >f; echo g >g")
		b.begin()
		b.drafted("echo x >>f")
		b.in(b.folder, human)
		b.ok(do(b.d, "keep"))
		b.ok(do(b.d, "undo"))
		b.drafted("echo x >>g")
		if told := b.told(); strings.Contains(told, "! changed") != conflict {
			t.Errorf("after %q and undo, the draft is told as %q", human, told)
		}
	}
}

// Between two mounts of one file system nothing can be renamed.
func TestTwoMountsOfOneFileSystem(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.in(b.folder, "mkdir d; echo f >f; echo h >d/h; echo g >g")
	b.ok(unix.Mount(b.folder, b.folder, "", unix.MS_BIND, ""))
	t.Cleanup(func() { _ = unix.Unmount(b.folder, unix.MNT_DETACH) })
	before := dump(t, b.folder, true, false)
	b.begin()
	b.drafted("echo x >>f; mv d e; echo i >e/i; rm g; echo n >n")
	b.mount()
	merged := dump(t, b.mounted, false, false)
	b.unmount()
	for range 2 {
		_, err := b.d.Keep(nil, Refuse)
		b.ok(err)
		differ(t, "what was kept", dump(t, b.folder, false, false), merged)
		_, err = b.d.Undo()
		b.ok(err)
		differ(t, "what was taken back", dump(t, b.folder, true, false), before)
	}
}

// Undo takes no attributes that the human gave a folder since the keep.
func TestUndoMeetsTheFoldersOfTheHuman(t *testing.T) {
	t.Parallel()
	for _, agent := range []string{"echo n >d/n", "chmod 711 d", "mv d e; echo n >e/n; mkdir d", "mkdir x; mv d x/d; echo n >x/d/n"} {
		b := newBench(t)
		b.in(b.folder, "mkdir d; echo h >d/h")
		b.begin()
		b.drafted(agent)
		_, err := b.d.Keep(nil, Refuse)
		b.ok(err)
		b.in(b.folder, "mkdir -p d; chmod 700 $(dirname $(find . -name h))")
		before := dump(t, b.folder, true, true)
		if _, err := b.d.Undo(); !errors.As(err, new(*Conflicted)) {
			t.Errorf("%s: undo: %v", agent, err)
		}
		differ(t, "the folder after an undo that was refused", dump(t, b.folder, true, true), before)
	}
}

// Two conflicts at one path, of what was there and of the folder that was put there, are both there again after an undo.
func TestUndoBringsBothConflictsBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.in(b.folder, "mkdir one two; echo f >one/f")
	b.begin()
	b.drafted("rm -r one; mv two one; chmod 711 one")
	b.in(b.folder, "echo g >one/g; chmod 700 two")
	told := b.told()
	if n := strings.Count(told, "! changed one\n"); n != 2 {
		t.Fatalf("told was\n%s", told)
	}
	_, err := b.d.Keep(nil, Theirs)
	b.ok(err)
	_, err = b.d.Undo()
	b.ok(err)
	if now := b.told(); now != told {
		t.Errorf("after undo it is told as\n%s\nand was before\n%s", now, told)
	}
}

// Folders that the agent has exchanged, or made where others were, are as the keep left them: undo meets nothing.
func TestUndoOfExchangedFolders(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.in(b.folder, "mkdir -p a/s c; chmod 700 a/s; echo i >a/s/i; echo c >c/c")
	before := dump(t, b.folder, true, false)
	b.begin()
	b.drafted("echo n >a/s/n; mv a t; mv c a; mv t c; mkdir a/s; chmod 711 a/s")
	_, err := b.d.Keep(nil, Refuse)
	b.ok(err)
	_, err = b.d.Undo()
	b.ok(err)
	differ(t, "the folder after undo", dump(t, b.folder, true, false), before)
}

// The human did not remove what a keep of a part has taken from its place: a file that came from there is no conflict.
func TestKeepOfWhatAnotherCameFrom(t *testing.T) {
	t.Parallel()
	for _, across := range []bool{false, true} {
		for _, paths := range []string{"d", "f", "f d"} {
			b := newBenchOn(t, across)
			b.in(b.folder, "mkdir d; echo h >d/h; echo f >f")
			b.begin()
			b.drafted("echo x >>d/h; mv d/h h2; rm -r d; mv f x; echo n >f")
			_, err := b.d.Keep(strings.Fields(paths), Refuse)
			b.ok(err)
			if got := b.told(); strings.Contains(got, "! ") || !strings.Contains(got, " x") {
				t.Errorf("%s: told was\n%s", paths, got)
			}
			_, err = b.d.Undo()
			b.ok(err)
			if got := b.told(); strings.Contains(got, "! ") {
				t.Errorf("%s: after undo told was\n%s", paths, got)
			}
			_, err = b.d.Keep(nil, Refuse)
			b.ok(err)
			if got := b.in(b.folder, "cat h2 x f; ls"); got != "h\nx\nf\nn\nf\nh2\nx\n" {
				t.Errorf("%s: kept is %q", paths, got)
			}
		}
	}
}

// A renamed folder does not go out of a new one that stays in the draft.
func TestKeepOutOfANewFolder(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.in(b.folder, "mkdir a n; echo i >a/i; echo f >n/f; echo g >g")
	b.begin()
	b.drafted("rm -r n; mkdir n; mv a n/a; echo x >n/x; echo y >>g")
	before := dump(t, b.folder, true, true)
	if _, err := b.d.Keep([]string{"n/a"}, Refuse); err == nil || !strings.Contains(err.Error(), "n/a: a renamed folder in a new one, n, is kept whole or not at all") {
		t.Errorf("kept: %v", err)
	}
	differ(t, "the folder after a keep that was refused", dump(t, b.folder, true, true), before)
	b.in(b.folder, "echo mine >n/f")
	_, err := b.d.Keep(nil, Ours)
	b.ok(err)
	b.in(b.folder, "cat a/i; test ! -e n/a; grep y g; grep mine n/f")
}

// A part of a folder that the agent made where a renamed one was is not kept without that one.
func TestKeepOfWhatTookAPlace(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.in(b.folder, "mkdir a; echo i >a/i")
	b.begin()
	b.drafted("mv a b; mkdir -p a/c; echo n >a/c/n; echo m >a/m")
	before := dump(t, b.folder, true, true)
	for _, path := range []string{"a/c", "a/m"} {
		if _, err := b.d.Keep([]string{path}, Refuse); err == nil || !strings.Contains(err.Error(), "b was a: a renamed folder is kept whole or not at all") {
			t.Errorf("%s was kept: %v", path, err)
		}
	}
	differ(t, "the folder after a keep that was refused", dump(t, b.folder, true, true), before)
	_, err := b.d.Keep([]string{"a/c", "b"}, Refuse)
	b.ok(err)
	b.in(b.folder, "cat a/c/n b/i; test ! -e a/m")
}

// A renamed folder does not go to where another one was that stays there.
func TestKeepWhereAnotherStays(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.in(b.folder, "mkdir a c; echo i >a/i; echo c >c/c")
	b.begin()
	b.drafted("mv a b; mv c a")
	before := dump(t, b.folder, true, true)
	if _, err := b.d.Keep([]string{"a"}, Refuse); err == nil || !strings.Contains(err.Error(), "b was a: a renamed folder is kept whole or not at all") {
		t.Errorf("kept: %v", err)
	}
	differ(t, "the folder after a keep that was refused", dump(t, b.folder, true, true), before)
	_, err := b.d.Keep([]string{"a", "b"}, Refuse)
	b.ok(err)
	b.in(b.folder, "cat a/c b/i; test ! -e c")
}

// Where a draft of that name has begun again after it was kept whole, undo throws neither of the two away.
func TestUndoMeetsAnotherDraft(t *testing.T) {
	t.Parallel()
	for _, second := range []string{"echo two >two", "", "killed"} {
		b := newBench(t)
		b.in(b.folder, "echo f >f; rm -f one")
		before := dump(t, b.folder, true, false)
		b.begin()
		b.drafted("echo one >one; rm f")
		told := b.told()
		_, err := b.d.Keep(nil, Refuse)
		b.ok(err)
		if second == "killed" {
			b.ok(b.d.state.fresh(unix.Stat_t{Mode: 0o755}))
		} else {
			b.begin()
			b.drafted(second)
		}
		if strings.Contains(second, "two") {
			exact := dump(t, b.folder, true, true)
			if _, err := b.d.Undo(); !errors.As(err, new(*Anew)) {
				t.Errorf("undo: %v", err)
			}
			differ(t, "the folder after an undo that was refused", dump(t, b.folder, true, true), exact)
			if got := b.told(); got != "A two" {
				t.Errorf("the second draft is told as %q", got)
			}
			if b.d.DropForgets() {
				t.Error("to drop the second draft is said to forget the keep of the first")
			}
			b.ok(b.d.Drop(b.store))
		}
		b.d, err = b.store.open(b.d.Key)
		b.ok(err)
		_, err = b.d.Undo()
		b.ok(err)
		differ(t, "the folder after undo", dump(t, b.folder, true, false), before)
		b.d, err = b.store.open(b.d.Key)
		b.ok(err)
		if got := b.told(); got != told {
			t.Errorf("after %q the first draft is told as %q, want %q", second, got, told)
		}
		b.ok(b.d.Drop(b.store))
		if left := b.in(Dir(b.home), "ls -A"); left != "" {
			t.Errorf("drop left %q", left)
		}
	}
}

// An undo of a draft is killed at any step while another one, which holds nothing, is in its place.
func TestUndoKilledWithAnotherDraft(t *testing.T) {
	t.Parallel()
	for n, killed := 1, true; killed; n++ {
		b := newBench(t)
		b.in(b.folder, "echo f >f")
		before := dump(t, b.folder, true, false)
		b.begin()
		b.drafted("echo one >one; rm f")
		told := b.told()
		_, err := b.d.Keep(nil, Refuse)
		b.ok(err)
		b.begin()
		if killed = b.child("undo", n, 0); killed && Holds(b.d.State(), "undo") {
			b.settleWith("undo")
		}
		differ(t, fmt.Sprint("killed at ", n), dump(t, b.folder, true, false), before)
		b.d, err = b.store.open(b.d.Key)
		b.ok(err)
		if got := b.told(); got != told {
			t.Errorf("killed at %d the draft is told as %q, want %q", n, got, told)
		}
	}
}

// Where the draft has lost the folder to which undo brings something back, that folder is made again; where it has something else
// there, undo is refused before anything has changed.
func TestUndoMeetsWhatTheDraftLost(t *testing.T) {
	t.Parallel()
	const refused = "refused"
	for _, c := range []struct{ agent, path, again, drop, want string }{
		{"mkdir m; echo k >m/k; echo l >m/l", "m/k", "rm -r m", "", refused}, // the copy that was kept is the only one
		{"echo x >>d/h; echo n >n", "d/h", "rm -r d", "", refused},
		{"echo x >>d/h; echo n >d/n", "d/h", "mv d e", "", refused},
		{"rm d/h; echo n >d/n", "d/h", "rm -r d", "", refused},
		{"echo x >>d/e/i; echo n >n", "d/e/i", "true", "d", "M d/e/i\nA n"},
		{"mkdir -p m/o; echo k >m/o/k; echo l >m/l", "m/o/k", "true", "m", "A m/o/k"},
		{"rm d/h; echo n >d/n", "d/h", "true", "d", "D d/h"},
	} {
		for _, across := range []bool{false, true} {
			b := newBenchOn(t, across)
			b.in(b.folder, "mkdir -p d/e; echo h >d/h; echo i >d/e/i; chmod 750 d")
			before := dump(t, b.folder, true, false)
			b.begin()
			b.drafted(c.agent)
			_, err := b.d.Keep([]string{c.path}, Refuse)
			b.ok(err)
			b.ok(b.prepare())
			b.drafted(c.again)
			if c.drop != "" {
				b.ok(b.d.DropPaths([]string{c.drop}))
			}
			exact, told := dump(t, b.folder, true, true), b.told()
			_, err = b.d.Undo()
			if met := errors.As(err, new(*Conflicted)); met != (c.want == refused) || err != nil && !met {
				t.Errorf("%+v: undo: %v", c, err)
			}
			if err != nil {
				differ(t, "the folder after an undo that was refused", dump(t, b.folder, true, true), exact)
				if got := b.told(); got != told {
					t.Errorf("%+v: the draft is told as %q, and was as %q", c, got, told)
				}
				continue
			}
			differ(t, "the folder after undo", dump(t, b.folder, true, false), before)
			if got := b.told(); got != c.want {
				t.Errorf("%+v: the draft is told as %q", c, got)
			}
			_, err = b.d.Keep(nil, Refuse)
			b.ok(err)
		}
	}
}
