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
	"time"

	"golang.org/x/sys/unix"
)

// told returns the changes and the conflicts of a draft, a line each.
func (b *bench) told() string {
	b.t.Helper()
	r, err := b.d.Report()
	b.ok(err)
	var lines []string
	for _, c := range r.Changes {
		line := fmt.Sprintf("%c %s", c.Kind, c.Path)
		if c.Kind == 'R' {
			line += " < " + c.Old
		}
		if c.Dir {
			line += "/"
		}
		lines = append(lines, line)
	}
	for _, c := range r.Conflicts {
		lines = append(lines, fmt.Sprintf("! %s %s", c.Kind, c.Path))
	}
	for _, c := range r.Doubts {
		lines = append(lines, fmt.Sprintf("? %s %s", c.Kind, c.Path))
	}
	return strings.Join(lines, "\n")
}

// Each thing that the agent can do is told as what it is, and each of the human that meets it is a conflict.
func TestChangesAndConflicts(t *testing.T) {
	t.Parallel()
	const lower = "mkdir -p d/e; echo f >f; echo g >g; echo h >d/h; echo i >d/e/i; ln -s f l; chmod 640 g"
	for name, c := range map[string]struct{ agent, human, want string }{
		"nothing":                        {"", "", ""},
		"opened_for_writing_only":        {": >>f; : >>d/h", "", ""},
		"added":                          {"echo n >n; mkdir m; mkdir -p o/p; echo q >o/p/q", "", "A m/\nA n\nA o/p/q"},
		"modified":                       {"echo x >>f; echo y >d/h", "", "M d/h\nM f"},
		"deleted":                        {"rm f; rm -r d", "", "D d/e/i\nD d/h\nD f"},
		"an_empty_folder_deleted":        {"mkdir z; rmdir z; rm -r d/e; mkdir d/e", "", "D d/e/i"},
		"mode_changed":                   {"chmod 600 g; chmod 711 d", "", "M d/\nM g"},
		"another_kind":                   {"rm f; ln -s g f; rm l; mkdir l; echo k >l/k", "", "T f\nD l\nA l/k"},
		"a_file_renamed":                 {"mv f f2; mv d/h h", "", "R f2 < f\nR h < d/h"},
		"a_file_renamed_and_its_folder":  {"mv d/h h; rm -r d", "", "D d/e/i\nR h < d/h"},
		"a_folder_renamed":               {"mv d d2; echo x >d2/e/i", "", "R d2 < d/\nM d2/e/i"},
		"folders_exchanged":              {"mkdir c; echo c >c/c; mv d t; mv c d; mv t c", "", "R c < d/\nA d/c"},
		"a_folder_made_anew":             {"rm -r d; mkdir d; echo h >d/h; echo n >d/n", "", "D d/e/i\nA d/n"},
		"special_files":                  {"mkfifo p; mknod s p", "", "A p\nA s"},
		"the_human_edited_another_file":  {"echo x >>f", "echo y >>g", "M f"},
		"the_human_edited_the_same":      {"echo x >>f", "echo y >>f", "M f\n! changed f"},
		"the_same_edit_on_both_sides":    {"echo x >>f", "echo x >>f", ""},
		"the_human_set_the_time_back":    {"echo x >>f", "echo y >>f; touch -d 2001-01-01 f", "M f\n! changed f"},
		"the_human_replaced_it":          {"echo x >>f", "echo y >f.new; mv f.new f", "M f\n! changed f"},
		"the_human_removed_it":           {"echo x >>f", "rm f", "A f\n! gone f"},
		"the_human_renamed_it":           {"echo x >>f", "mv f f9", "A f\n! gone f"},
		"both_removed_it":                {"rm f", "rm f", ""},
		"the_human_edited_a_deleted_one": {"rm -r d", "echo y >>d/e/i", "D d/e/i\nD d/h\n! changed d/e/i"},
		"the_human_added_to_a_deleted":   {"rm -r d", "echo y >d/e/new", "D d/e/i\nD d/e/new\nD d/h\n! changed d/e\n! changed d/e/new"},
		"both_added_it":                  {"echo a >n", "echo b >n", "M n\n! changed n"},
		"the_human_renamed_its_folder":   {"echo x >>d/h", "mv d d9", "A d/h\n! gone d"},
		"another_folder_is_in_its_place": {"echo x >>d/h", "mv d d9; cp -r d9 d", "M d/h\n! folder d\n! changed d/h"},
		"an_older_folder_in_its_place":   {"echo x >>d/h", "mv d d9; mv old d", "M d/h\n! folder d"},
		"both_renamed_the_folder":        {"mv d d2", "mv d d3", "! gone d2"},
		"new_where_the_human_was":        {"echo n >n", "echo m >m", "A n\n? perhaps n"},
		"saved_by_rename":                {"echo x >f.new; mv f.new f", "", "M f"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.in(b.folder, lower)
			if strings.Contains(c.human, "old") {
				b.in(b.folder, "cp -r d old")
			}
			b.begin()
			b.drafted(c.agent)
			ticked()
			b.in(b.folder, c.human)
			if got := b.told(); got != c.want {
				t.Errorf("told was\n%s\nwant\n%s", got, c.want)
			}
			before := dump(t, b.folder, true, true)
			_, err := b.d.Keep(nil, Refuse)
			var refused *Conflicted
			if errors.As(err, &refused) != strings.Contains(c.want, "!") {
				t.Errorf("keep: %v", err)
			}
			if refused != nil {
				differ(t, "the folder after a keep that was refused", dump(t, b.folder, true, true), before)
			}
		})
	}
}

// Folders that the agent renamed, in a folder that the human has removed or renamed since, are told, kept and dropped.
func TestRenamedInWhatWent(t *testing.T) {
	t.Parallel()
	for _, human := range []string{"mv d d9", "rm -r d"} {
		b := newBench(t)
		b.in(b.folder, "mkdir -p d/e d/f/g; echo h >d/e/h; echo i >d/f/g/i")
		b.begin()
		b.drafted("mv d/e d/x; echo n >d/x/n; mv d/f/g d/f/y; echo o >d/f/y/o")
		b.in(b.folder, human)
		if got, want := b.told(), "A d/f/y/o\nA d/x/n\n! gone d\n! gone d/f/y\n! gone d/x"; got != want {
			t.Errorf("%s: told was\n%s\nwant\n%s", human, got, want)
		}
		before := dump(t, b.folder, true, false)
		_, err := b.d.Keep(nil, Theirs)
		b.ok(err)
		if got := b.in(b.folder, "cat d/x/n d/f/y/o; find d -type f | wc -l"); got != "n\no\n2\n" {
			t.Errorf("%s: kept is %q", human, got)
		}
		_, err = b.d.Undo()
		b.ok(err)
		differ(t, "the folder after undo", dump(t, b.folder, true, false), before)
		b.ok(b.d.DropPaths([]string{"d/x"}))
		b.ok(b.d.DropPaths([]string{"d"}))
		if got := b.told(); got != "" {
			t.Errorf("%s: left is\n%s", human, got)
		}
	}
}

// Where the agent has renamed a folder, and the human has put a file in its place, what the agent has put there meets that.
func TestRenamedAndReplaced(t *testing.T) {
	t.Parallel()
	for answer, want := range map[Answer]string{Ours: "mine\nm\n", Theirs: "agent\nm\nn\n"} {
		b := newBench(t)
		b.in(b.folder, "mkdir d; echo h >d/h")
		b.begin()
		b.drafted("mv d z; echo n >z/n; echo agent >d; echo m >m")
		b.in(b.folder, "rm -r d; echo mine >d")
		before := dump(t, b.folder, true, false)
		if got, want := b.told(), "M d\nA m\nA z/n\n! changed d\n! gone z\n? perhaps m"; got != want {
			t.Errorf("told was\n%s\nwant\n%s", got, want)
		}
		_, err := b.d.Keep(nil, answer)
		b.ok(err)
		if got := b.in(b.folder, "cat d m; cat z/n 2>/dev/null || true"); got != want {
			t.Errorf("the folder holds %q, want %q", got, want)
		}
		_, err = b.d.Undo()
		b.ok(err)
		differ(t, "the folder after undo", dump(t, b.folder, true, false), before)
	}
}

// Of a draft, some paths can be kept: the rest stays in it, and the draft looks as it did.
func TestKeepPaths(t *testing.T) {
	t.Parallel()
	const lower = "mkdir -p d/e s; echo f >f; echo h >d/h; echo i >d/e/i; echo s >s/s"
	const agent = "echo x >>f; rm d/h; echo n >d/n; mkdir -p new/a; echo 1 >new/1; echo 2 >new/a/2; mv s t; rm -r d/e; mkdir d/e; echo j >d/e/j"
	for _, paths := range []string{"f", "d", "d/h", "d/n", "new", "new/1", "new/a", "t", "d/e", "d/e/j", "f new/1 d/h", "new/a/2"} {
		t.Run(strings.ReplaceAll(paths, "/", "-"), func(t *testing.T) {
			b := newBench(t)
			b.in(b.folder, lower)
			b.begin()
			b.drafted(agent)
			b.mount()
			merged := dump(t, b.mounted, false, false)
			b.unmount()
			before := dump(t, b.folder, true, false)
			_, err := b.d.Keep(strings.Fields(paths), Refuse)
			b.ok(err)
			for _, p := range strings.Fields(paths) {
				got, want := b.in(b.folder, "ls -R "+p+" 2>&1 || true"), ""
				b.mount()
				want = b.in(b.mounted, "ls -R "+p+" 2>&1 || true")
				b.unmount()
				if got != want && p != "d/e/j" {
					t.Errorf("%s is\n%s\nin the folder, and\n%s\nin the draft", p, got, want)
				}
			}
			b.mount()
			differ(t, "the draft after a part was kept", dump(t, b.mounted, false, false), merged)
			b.unmount()
			if told := b.told(); strings.Contains(told, "!") {
				t.Errorf("conflicts with what was kept:\n%s", told)
			}
			_, err = b.d.Undo()
			b.ok(err)
			differ(t, "the folder after undo", dump(t, b.folder, true, false), before)
			b.mount()
			differ(t, "the draft after undo", dump(t, b.mounted, false, false), merged)
			b.unmount()
			_, err = b.d.Keep(nil, Refuse)
			b.ok(err)
			differ(t, "all of it, kept", dump(t, b.folder, false, false), merged)
		})
	}
}

// Where the human's side of a conflict stays, the rest is kept whole, and the draft holds the conflict alone.
func TestKeepOurs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.in(b.folder, "mkdir -p old d; echo o >old/o; echo f >f; echo h >d/h")
	b.begin()
	b.drafted("echo agent >>f; mv old moved; echo n >n; rm -r d; mkdir d; echo i >d/i; mkdir m; echo k >m/k")
	b.in(b.folder, "echo human >>f; echo mine >old/mine")
	_, err := b.d.Keep(nil, Ours)
	b.ok(err)
	if got, want := b.told(), "M f\n! changed f"; got != want {
		t.Errorf("left is\n%s\nwant\n%s", got, want)
	}
	_, err = b.d.Keep(nil, Theirs)
	b.ok(err)
	if got := b.in(b.folder, "cat f moved/o moved/mine n d/i m/k; ls"); got != "f\nagent\no\nmine\nn\ni\nk\nd\nf\nm\nmoved\nn\n" {
		t.Errorf("the folder holds %q", got)
	}
}

// The human's side stays, whatever the agent has made of the folders above it.
func TestKeepOursInFoldersThatWent(t *testing.T) {
	t.Parallel()
	const lower = "mkdir -p d/e/g d/h; echo i >d/e/i; echo j >d/e/g/j; echo k >d/h/k; chmod 500 d/e"
	for agent, want := range map[string]string{
		"chmod 700 d/e; rm -r d":                             "d/e/i n",
		"chmod 700 d/e; rm -r d; mkdir d; echo l >d/l":       "d/e/i d/l n",
		"chmod 700 d/e; rm -r d; echo d >d":                  "d/e/g/j d/e/i d/h/k n",
		"mv d z; echo x >>z/e/i":                             "d/e/g/j d/e/i d/h/k n",
		"chmod 700 d/e; rm -r d; mkdir -p z/e; mv z d":       "d/e/i n",
		"chmod 700 d/e; rm -r d/e; mkdir d/e; echo x >d/e/i": "d/e/i d/h/k n",
	} {
		b := newBench(t)
		b.in(b.folder, lower)
		b.begin()
		b.drafted(agent + "; echo n >n")
		b.in(b.folder, "echo mine >>d/e/i")
		before := dump(t, b.folder, true, false)
		_, err := b.d.Keep(nil, Ours)
		b.ok(err)
		if got := strings.Join(strings.Fields(b.in(b.folder, "find . -type f -printf '%P\n' | sort")), " "); got != want {
			t.Errorf("%s: the folder holds %s, want %s", agent, got, want)
		}
		b.in(b.folder, `test "$(tail -n 1 d/e/i)" = mine`)
		if got := b.told(); !strings.Contains(got, "! ") {
			t.Errorf("%s: the draft is told as %q", agent, got)
		}
		_, err = b.d.Undo()
		b.ok(err)
		differ(t, "the folder after undo of "+agent, dump(t, b.folder, true, false), before)
	}
}

// A part of a folder that the agent has removed can be kept; the draft looks as it did.
func TestKeepSomeOfWhatWent(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.in(b.folder, "mkdir -p d/e; echo h >d/h; echo i >d/e/i; echo j >d/e/j; chmod 500 d/e")
	b.begin()
	b.drafted("chmod 700 d/e; rm -r d")
	before := dump(t, b.folder, true, false)
	for paths, want := range map[string]string{"d/h": "d/e/i d/e/j", "d/e/i": "d/e/j d/h", "d/e d/e/i": "d/h", "d/h d/h": "d/e/i d/e/j", "d/h d/e/j": "d/e/i", "d/none": "d/e/i d/e/j d/h"} {
		n, err := b.d.Keep(strings.Fields(paths), Refuse)
		b.ok(err)
		if got := strings.Join(strings.Fields(b.in(b.folder, "find . -type f -printf '%P\n' | sort; [ ! -e d/e ] || [ $(stat -c %a d/e) = 500 ]")), " "); got != want {
			t.Errorf("%s: the folder holds %s, want %s", paths, got, want)
		}
		if n == 0 {
			continue
		}
		if got := b.told(); strings.Contains(got, "!") {
			t.Errorf("%s: the draft is told as %q", paths, got)
		}
		_, err = b.d.Undo()
		b.ok(err)
		differ(t, "the folder after undo of "+paths, dump(t, b.folder, true, false), before)
	}
}

// A thing that is not in the draft by itself cannot be dropped by itself, and au says so before anything has changed.
func TestDropOfNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.in(b.folder, "mkdir d e; echo h >d/h; echo i >e/i; echo f >f")
	b.begin()
	b.drafted("rm -r d; rm -r e; mkdir e; echo n >n")
	for path, want := range map[string]string{"f": "nothing there", "none": "nothing there", "d/h": "removed d: drop that", "e/i": "anew: drop e"} {
		if err := b.d.DropPaths([]string{"n", path}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("drop %s: %v", path, err)
		}
	}
	if got, want := b.told(), "D d/h\nD e/i\nA n"; got != want {
		t.Errorf("told was\n%s\nwant\n%s", got, want)
	}
	b.ok(b.d.DropPaths([]string{"n", "d", "e"}))
	if got := b.told(); got != "" {
		t.Errorf("left is\n%s", got)
	}
}

// A file with several names of which some are kept is not the human's and the draft's at once: what the agent writes later stays in
// the draft.
func TestKeepSomeNames(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.in(b.folder, "echo f >f; echo g >g")
	b.begin()
	b.drafted("echo n >a; ln a b; ln f h; echo g2 >>g; ln g i; echo m >c; ln c d")
	for _, paths := range []string{"a", "h", "g", "c d"} {
		_, err := b.d.Keep(strings.Fields(paths), Refuse)
		b.ok(err)
	}
	b.ok(b.prepare())
	b.drafted("for n in a b f h g i c d; do echo evil >>$n; done")
	if got := b.in(b.folder, "cat a f g h c d; test c -ef d"); got != "n\nf\ng\ng2\nf\nm\nm\n" {
		t.Errorf("what the agent wrote after a part was kept is in the folder: %q", got)
	}
	b = newBench(t)
	b.in(b.folder, "echo f >f")
	b.begin()
	b.drafted("ln f h")
	_, err := b.d.Keep(nil, Refuse)
	b.ok(err)
	b.in(b.folder, "test f -ef h")
}

// A part that hangs on another one is refused, and nothing has changed.
func TestKeepNotAlone(t *testing.T) {
	t.Parallel()
	for paths, want := range map[string]string{"a/s": "b/t was a/s", "b/t": "", "a": "b/t was a/s", "a b": "", "f/n": "f: you have something else of that name", "f": "", "c": "z was c/y/x"} {
		b := newBench(t)
		b.in(b.folder, "mkdir -p a/s b c/y/x; echo s >a/s/s; echo f >f; echo x >c/y/x/x")
		b.begin()
		b.drafted("mv a/s b/t; rm f; mkdir f; echo n >f/n; mv c/y/x z; rm -r c")
		before := dump(t, b.folder, true, true)
		_, err := b.d.Keep(strings.Fields(paths), Refuse)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("keep %s: %v, want %q", paths, err, want)
		}
		if want != "" {
			differ(t, "the folder after a keep that was refused", dump(t, b.folder, true, true), before)
		}
	}
}

// A hidden file is not there for the agent, and stays where it is whatever the agent does around it.
func TestHiddenStays(t *testing.T) {
	t.Parallel()
	const lower = "mkdir -p d/e k; echo secret >.env; echo secret >d/.env; echo e >.env.example; echo o >d/o; echo key >k/x.pem; echo u >k/u"
	for name, c := range map[string]struct{ agent, check string }{
		"nothing":                {"test ! -e .env; test ! -e d/.env; test ! -e k/x.pem; cat .env.example", "cat .env d/.env k/x.pem"},
		"its_folder_removed":     {"rm -r d", "cat d/.env; test ! -e d/o; test ! -e d/e"},
		"its_folder_made_anew":   {"rm -r d; mkdir d; echo n >d/n", "cat d/.env d/n; test ! -e d/o"},
		"its_folder_renamed":     {"mv d z; echo n >z/n", "cat z/.env z/n z/o; test ! -e d"},
		"made_and_removed_again": {"echo mine >.env; rm .env", "grep secret .env"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.in(b.folder, lower)
			before := dump(t, b.folder, true, false)
			b.begin()
			names, _, err := b.d.Prepare(Wanted{})
			b.ok(err)
			if want := []string{".env", "d/.env", "k/x.pem"}; !slices.Equal(names, want) {
				t.Fatalf("hidden are %q, want %q", names, want)
			}
			b.drafted(c.agent)
			_, err = b.d.Keep(nil, Refuse)
			b.ok(err)
			b.in(b.folder, c.check)
			_, err = b.d.Undo()
			b.ok(err)
			differ(t, "the folder after undo", dump(t, b.folder, true, false), before)
		})
	}
	b := newBench(t)
	b.in(b.folder, lower)
	b.begin()
	_, _, err := b.d.Prepare(Wanted{})
	b.ok(err)
	b.drafted("echo agent >.env")
	if got := b.told(); !strings.Contains(got, "! hidden .env") {
		t.Errorf("an .env of the agent's is told as %q", got)
	}
	for _, agent := range []string{"rm -r d; ln -s / d", "rm -r d; mv k d"} {
		b := newBench(t)
		b.in(b.folder, lower)
		b.begin()
		b.ok(b.prepare())
		b.drafted(agent + "; echo n >n")
		if got := b.told(); !strings.Contains(got, "! hidden d") {
			t.Errorf("%s is told as %q", agent, got)
		}
		before := dump(t, b.folder, true, true)
		if _, err := b.d.Keep(nil, Refuse); err == nil {
			t.Errorf("%s was kept", agent)
		}
		if _, err := b.d.Keep(nil, Theirs); !errors.Is(err, errInTheWay) {
			t.Errorf("%s: %v", agent, err)
		}
		differ(t, "the folder after keeps that were refused", dump(t, b.folder, true, true), before)
		_, err = b.d.Keep(nil, Ours)
		b.ok(err)
		b.in(b.folder, "cat d/.env d/o n; cat k/x.pem")
	}
}

// The names, links and special files that the agent makes lead keep nowhere else, and hold nothing up.
func TestPlants(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	outside := filepath.Join(b.home, "outside")
	b.ok(os.MkdirAll(outside, 0o755))
	b.ok(os.WriteFile(filepath.Join(outside, "f"), []byte("mine"), 0o644))
	b.in(b.folder, "mkdir d s; echo f >d/f; echo g >g")
	b.begin()
	b.drafted(fmt.Sprintf(`rm -r d; ln -s %s d; rm g; mkfifo g; printf x >"$(printf 'a\nau: hint: b\033[31m')"; truncate -s 8E big 2>/dev/null || truncate -s 15T big
		printf y >s/y; chmod u+s s/y; ln -s .. s/up; mkdir z; python3 -c "import os;[os.setxattr(f,'user.overlay.redirect',b'/x') for f in ('s/y', 'z')]"`, outside))
	done := make(chan string)
	go func() { done <- b.told() }()
	select {
	case told := <-done:
		if strings.Contains(told, "!") {
			t.Errorf("told was %s", told)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("a report of plants does not end")
	}
	r, err := b.d.Report()
	b.ok(err)
	_, left, err := b.d.Lay(r.Changes)
	b.ok(errors.Join(err, b.d.Unlay()))
	for _, name := range []string{"big", "g", "z"} {
		if !slices.ContainsFunc(left, func(c Change) bool { return c.Path == name }) {
			t.Errorf("%s is laid out for a diff", name)
		}
	}
	_, err = b.d.Keep(nil, Refuse)
	b.ok(err)
	if text, err := os.ReadFile(filepath.Join(outside, "f")); err != nil || string(text) != "mine" {
		t.Errorf("outside the folder is %q, %v", text, err)
	}
	for _, name := range []string{"s/y", "z"} {
		if n, err := unix.Getxattr(filepath.Join(b.folder, name), "user.overlay.redirect", make([]byte, 10)); err == nil {
			t.Errorf("an overlay's attribute of %d bytes was kept at %s", n, name)
		}
	}
}

// A path that no system call takes is named, and can be dropped.
func TestTooLongAPath(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.begin()
	b.drafted(`python3 -c "import os
for n in range(3000): os.mkdir('d'); os.chdir('d')"`)
	if _, err := b.report(); err == nil || !strings.Contains(err.Error(), "d/d: the path is too long to be kept: drop it") {
		t.Errorf("the report of it: %v", err)
	}
	if err := powerless(func() error { return do(b.d, "keep") }); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("the keep of it: %v", err)
	}
	b.ok(powerless(func() error { return b.d.Drop(b.store) }))
}

// A folder of the human that becomes a link while a keep runs takes nothing out of the folder, and nothing is lost.
func TestSwappedWhileKept(t *testing.T) {
	t.Parallel()
	for name, swap := range map[string]string{
		"a_link_for_a_folder": "mv d d.was; ln -s ../outside d", "an_edit": "echo edited >d/y", "a_replaced_file": "echo other >d/o; mv d/o d/y", "a_removed_file": "rm d/y",
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.in(b.home, "mkdir outside; echo mine >outside/y")
			b.in(b.folder, "mkdir d; echo x >a; echo y >d/y; echo z >d/z")
			b.begin()
			b.drafted("echo agent >a; echo agent >d/y; echo agent >d/z; echo n >d/n")
			n := 0
			b.d.hook = func() {
				if n++; n == 4 {
					b.in(b.folder, swap)
				}
			}
			_, err := b.d.Keep(nil, Refuse)
			if err == nil {
				t.Error("kept as if nothing had happened")
			}
			b.in(b.home, "grep -q mine outside/y; test ! -e outside/n")
			all := b.in(b.home, "cat p/a; cat p/d*/z; cat p/d*/y .local/state/au/drafts/*/upper/d/y 2>/dev/null || true")
			for _, want := range []string{"x", "z"} {
				if !strings.Contains(all, want+"\n") {
					t.Errorf("%s is lost: %s: %v", want, all, err)
				}
			}
			if strings.Contains(swap, "edited") && !strings.Contains(all, "edited") {
				t.Errorf("the edit is lost: %s: %v", all, err)
			}
		})
	}
}

// A file that the human makes while a keep runs is not taken for the agent's, whatever file systems the two are on: both stay.
func TestMadeWhileKept(t *testing.T) {
	t.Parallel()
	for _, across := range []bool{false, true} {
		b := newBenchOn(t, across)
		b.begin()
		b.drafted("echo agent >n")
		n := 0
		b.d.hook = func() {
			if n++; n == 2 {
				b.in(b.folder, "echo mine >n")
			}
		}
		if _, err := b.d.Keep(nil, Refuse); !errors.Is(err, unix.EEXIST) {
			t.Errorf("across %v: %v", across, err)
		}
		if got := b.in(b.folder, "cat n") + b.in(b.d.State(), "cat upper/n"); got != "mine\nagent\n" {
			t.Errorf("across %v, there are %q", across, got)
		}
	}
}

// Whenever a folder of the human's becomes a link, nothing is made where that leads.
func TestSwappedAtAnyStep(t *testing.T) {
	t.Parallel()
	for step := range 12 {
		b := newBench(t)
		b.in(b.home, "mkdir -p outside/e; echo mine >outside/e/y")
		b.in(b.folder, "mkdir -p d/e; echo y >d/e/y")
		b.begin()
		b.drafted("echo n >d/e/n; mkdir d/e/m; echo o >d/e/m/o")
		n := 0
		b.d.hook = func() {
			if n++; n == step {
				b.in(b.folder, "mv d d.was; ln -s ../outside d")
			}
		}
		_, err := b.d.Keep(nil, Refuse)
		if got := b.in(b.home, "ls outside/e"); got != "y\n" {
			t.Errorf("swapped at step %d, there is %q outside: %v", step, got, err)
		}
	}
}

// A draft that a run has mounted is nobody else's.
func TestLock(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.begin()
	unlock, err := b.d.Lock()
	b.ok(err)
	other, err := b.store.open(b.d.Key)
	b.ok(err)
	defer other.Close()
	var busy *Busy
	if _, err := other.Lock(); !errors.As(err, &busy) || !strings.HasPrefix(busy.Hint(), "au stop ") || !strings.Contains(busy.Another(), "--as NAME") {
		t.Errorf("a draft in use: %v", err)
	}
	unlock()
	unlock, err = other.Lock()
	b.ok(err)
	unlock()
}

// A draft is begun by one au at a time, and by none while another command has what a keep has left of it.
func TestBeginAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.begin()
	want := Wanted{Name: "agent", Agent: "agent", Folder: b.folder, Now: time.Unix(1e9, 0)}
	b.drafted("echo n >n")
	b.ok(b.store.make(want)) // another au, which found no draft before
	if got := b.told(); got != "A n" {
		t.Errorf("the draft of the other is told as %q", got)
	}
	b.d.hook = func() {
		if _, err := b.store.Begin(want); !errors.As(err, new(*Busy)) {
			t.Errorf("begun while it is kept: %v", err)
		}
	}
	b.ok(do(b.d, "keep"))
	b.d.hook = nil
	d, err := b.store.open(b.d.Key)
	b.ok(err)
	defer d.Close()
	unlock, err := d.Lock()
	b.ok(err)
	if _, err := b.store.Begin(want); !d.Ended || !errors.As(err, new(*Busy)) {
		t.Errorf("begun while another command has the last keep: %v", err)
	}
	unlock()
	_, err = b.store.Begin(want)
	b.ok(err)
	want.Agent = "other"
	if _, err := b.store.Begin(want); err == nil || !strings.Contains(err.Error(), `is agent "agent"'s`) {
		t.Errorf("begun for another agent: %v", err)
	}
}

// No draft that is kept across file systems touches the copies that another one makes in the folder.
func TestKeptAtOnce(t *testing.T) {
	t.Parallel()
	b := newBenchOn(t, true)
	b.in(b.folder, "echo f >f; echo g >g; mkdir d; for i in $(seq 0 30); do echo other >.au-$i.new; mkdir .au-agent-$i .au-$i.gone; done")
	b.begin()
	b.drafted("echo x >>f; rm g; echo n >n; echo n >d/n")
	_, err := b.d.Keep(nil, Refuse)
	b.ok(err)
	if got := strings.Fields(b.in(b.folder, "ls -d .au-* | wc -l")); !slices.Equal(got, []string{"93"}) {
		t.Errorf("of what the other had there are %q", got)
	}
}

// The first word is a draft's name, or a path, and never both.
func TestChoose(t *testing.T) {
	t.Parallel()
	agent, second := &Draft{Info: Info{Name: "agent"}}, &Draft{Info: Info{Name: "second"}}
	path := func(word string) bool { return word == "src" || word == "second" }
	for _, c := range []struct {
		all    []*Draft
		words  string
		before int
		want   *Draft
		rest   string
		fails  string
	}{
		{[]*Draft{agent, second}, "", -1, agent, "", ""},
		{[]*Draft{agent, second}, "src", -1, agent, "src", ""},
		{[]*Draft{agent, second}, "agent src", -1, agent, "src", ""},
		{[]*Draft{agent, second}, "second src", -1, nil, "", "is a draft and a path"},
		{[]*Draft{agent, second}, "second", 0, agent, "second", ""},
		{[]*Draft{agent, second}, "second src", 1, second, "src", ""},
		{[]*Draft{agent, second}, "second src", 2, nil, "", "is a draft and a path"},
		{[]*Draft{agent, second}, "src second", 1, agent, "src second", ""},
		{[]*Draft{second}, "src", -1, second, "src", ""},
		{[]*Draft{second, {Info: Info{Name: "third"}}}, "src", -1, nil, "", "more than one draft"},
		{[]*Draft{second, {Info: Info{Name: "third"}}}, "third", -1, nil, "", ""},
		{nil, "src", -1, nil, "", "no draft"},
	} {
		d, rest, err := Choose(c.all, strings.Fields(c.words), c.before, "agent", path)
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%q: %v, want %q", c.words, err, c.fails)
			}
			continue
		}
		if err != nil || c.want != nil && d != c.want || strings.Join(rest, " ") != c.rest {
			t.Errorf("%q: %v %q %v", c.words, d, rest, err)
		}
	}
	for _, words := range [][]string{{""}, {"src", ""}, {"agent", ""}} {
		if _, _, err := Choose([]*Draft{agent}, words, -1, "agent", path); err == nil || !strings.Contains(err.Error(), "is no path") {
			t.Errorf("%q: %v", words, err)
		}
	}
}
