// SPDX-License-Identifier: GPL-3.0-or-later

package inspect

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a4u2/au/internal/walk"
	"github.com/a4u2/au/provision/config"
	"golang.org/x/sys/unix"
)

var trees = flag.Int("trees", 40, "how many generated trees a report is held against a check in")

// gardener changes a tree at random, as a run may.
type gardener struct {
	*rand.Rand
	root string
	in   *os.Root
	did  []string
}

// The parts of what programs know.
var (
	partNames = []string{
		".git", "HEAD", "objects", "refs", "config", "config.worktree", "commondir", "hooks", "pre-commit", "modules", "worktrees", ".gitmodules", "sub", "a", "b",
		"node_modules", ".envrc", ".vscode", "tasks.json", ".husky", "package.json", "x",
	}
	partTexts = []string{
		"", "[core]\n\tfsmonitor = ./x\n", "[core]\n\thooksPath = hooks\n", "[include]\n\tpath = ../x\n[include]\n\tpath = sub/a\n", "[includeIf \"onbranch:x\"]\n\tpath = x\n", "[user]\n\tname = x\n", "[core]\n\tworktree = ../../../../..\n",
		"[submodule \"s\"]\n\tpath = sub\n", "[submodule \"s\"]\n\tpath = a/b\n", "ref: refs/heads/main\n", "gitdir: ../b\n", "gitdir: /nowhere\n", "../..\n", "../b\n",
		`{"runOn": "folderOpen"}`, `{"scripts": {"postinstall": "x"}}`,
	}
)

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// there returns the paths of all that is in the tree, the folders alone if wanted.
func (g *gardener) there(folders bool) []string {
	var all []string
	fs.WalkDir(g.in.FS(), ".", func(path string, e fs.DirEntry, err error) error {
		if err == nil && (!folders || e.IsDir()) {
			all = append(all, path)
		}
		return nil
	})
	return all
}

// place returns a new or an old name in some folder.
func (g *gardener) place() string {
	return filepath.Join(pick(g.Rand, g.there(true)), pick(g.Rand, partNames))
}

// repository makes what git takes for one, or all of it but a part.
func (g *gardener) repository() {
	at := g.place()
	g.in.MkdirAll(at+"/hooks", 0o755)
	for _, part := range []string{"HEAD", "objects", "refs", "config"} {
		switch {
		case g.IntN(5) == 0:
		case part == "HEAD" || part == "config":
			g.in.WriteFile(at+"/"+part, []byte(pick(g.Rand, partTexts)), 0o644)
		case g.IntN(6) == 0:
			g.in.Symlink("../"+pick(g.Rand, partNames), at+"/"+part)
		default:
			g.in.Mkdir(at+"/"+part, 0o755)
		}
	}
}

// change does one thing, and what does not succeed is none. It may run as root, and its links lead anywhere: nothing is done but
// through an os.Root, which follows none out of the tree.
func (g *gardener) change() {
	from, to := pick(g.Rand, g.there(false)), g.place()
	what := g.IntN(12)
	g.did = append(g.did, fmt.Sprintf("%d %s %s", what, from, to))
	switch what {
	case 0:
		g.in.MkdirAll(to, 0o755)
	case 1, 2:
		g.in.WriteFile(to, []byte(pick(g.Rand, partTexts)), 0o644) // in place, where it is there
	case 3, 4, 5:
		g.in.Rename(from, to)
	case 6:
		unix.Renameat2(unix.AT_FDCWD, g.root+"/"+from, unix.AT_FDCWD, g.root+"/"+to, unix.RENAME_EXCHANGE) // of the links themselves
	case 7:
		if from != "." && g.IntN(3) == 0 {
			g.in.RemoveAll(from)
		}
	case 8:
		relative, _ := filepath.Rel(filepath.Dir(to), from)
		g.in.Symlink(pick(g.Rand, []string{relative, g.root + "/" + from, "../" + pick(g.Rand, partNames), "/nowhere/else", filepath.Dir(g.root) + "/outside"}), to)
	case 9:
		g.in.Link(from, to)
	case 10:
		g.in.Chmod(from, pick(g.Rand, []os.FileMode{0o755, 0o755, 0o755 | fs.ModeSetgid}))
		g.in.Chtimes(from, time.Unix(1, 0), time.Unix(1, 0))
	case 11:
		g.repository()
	}
}

// sums returns what a look found, each with the files that it is about as they were.
func (l Result) sums() map[string]string {
	all := map[string]string{}
	for _, f := range l.Found {
		all[f.sum()] = f.Kind + " " + f.Path + " " + f.Detail
	}
	return all
}

// tick waits until the kernel's clock for files has gone on.
func tick() int64 {
	time.Sleep(10 * time.Millisecond)
	now := time.Now().UnixNano()
	time.Sleep(10 * time.Millisecond)
	return now
}

// own is a file of whoever runs the tests.
func own(path string) (*config.Own, error) {
	return config.FindOwn(path, walk.Trust{Owners: []uint32{0, uint32(os.Getuid())}, Shared: true})
}

func lookAt(t *testing.T, root string) Result {
	t.Helper()
	l, err := Folder(t.Context(), os.Getuid(), root)
	if err != nil || !l.Whole {
		t.Fatalf("look into %s: %v", root, err)
	}
	return l
}

func TestAReportNamesNothingElse(t *testing.T) {
	for _, tt := range []struct {
		name   string
		before map[string]string
		after  map[string]string
		want   []string
	}{
		{"nothing", map[string]string{".envrc": ""}, nil, nil},
		{"ordinary_files", nil, map[string]string{"main.go": "", "sub/x": ""}, nil},
		{"envrc", nil, map[string]string{".envrc": ""}, []string{"runs .envrc"}},
		{"nested_rule", nil, map[string]string{".vscode/tasks.json": "folderOpen"}, []string{"runs .vscode/tasks.json"}},
		{"husky", map[string]string{".husky/a": ""}, map[string]string{".husky/b": ""}, []string{"runs .husky/b"}},
		{"hook", repo(".git", map[string]string{"hooks/a!": ""}), map[string]string{".git/hooks/b!": ""}, []string{"git-hook .git/hooks/b"}},
		{"config_harmless", repo(".git", nil), map[string]string{".git/config": "[user]\nname=x\n"}, nil},
		{"config", repo(".git", nil), map[string]string{".git/config": "[core]\npager=x\n"}, []string{"git-config .git/config"}},
		{"config_was_so", repo(".git", map[string]string{"config": "[core]\npager=x\n"}), nil, nil},
		{"nested", repo(".git", nil), repo("sub/.git", nil), []string{"git-nested sub/.git"}},
		{"nested_in_no_repository", nil, repo("sub/.git", nil), nil},
		{"nested_config", repo("sub/.git", nil), map[string]string{"sub/.git/config": "[core]\npager=x\n"}, []string{"git-config sub/.git/config"}},
		{"link", nil, map[string]string{"l": "-> ../x"}, []string{"symlink l"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			root := folderOf(t, tt.before)
			record := t.TempDir() + "/record/x"
			readRecord(own, record).Keep(lookAt(t, root))
			since := tick()
			fill(t, root, tt.after)
			var got []string
			for _, f := range readRecord(own, record).Changed(lookAt(t, root), since) {
				if f.Kind != "owner" {
					got = append(got, f.Kind+" "+f.Path)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("reports %q, not %q", got, tt.want)
			}
		})
	}
}

// A run can prepare something that nothing obeys, and the next one may bring it into force by little.
func TestAReportNamesWhatWasPrepared(t *testing.T) {
	bad, pagers := map[string]string{"config": "[core]\nfsmonitor=./x\n"}, strings.Repeat("[pager]\nx=./x\n", mostSettings)
	move := func(from, to string) func(string) error {
		return func(root string) error { return os.Rename(root+"/"+from, root+"/"+to) }
	}
	write := func(name, text string) func(string) error {
		return func(root string) error { return os.WriteFile(root+"/"+name, []byte(text), 0o644) }
	}
	for _, tt := range []struct {
		situation string
		prepared  map[string]string
		run       func(root string) error
		want      string
	}{
		{"a_config_is_renamed", repo(".git", map[string]string{"conf": "[core]\nfsmonitor=./x\n"}), move(".git/conf", ".git/config"), "git-config .git/config"},
		{"a_submodules_config", repo(".git", repo("modules/sub", nil)), write(".git/modules/sub/config", bad["config"]), "git-config .git/modules/sub/config"},
		{"a_worktrees_config", repo(".git", map[string]string{"worktrees/w/HEAD": "", "worktrees/w/commondir": "../..\n"}), write(".git/worktrees/w/config.worktree", bad["config"]), "git-config .git/worktrees/w/config.worktree"},
		{"a_repository_gets_its_head", map[string]string{"b/objects/x": "", "b/refs/x": "", "b/config": bad["config"]}, write("b/HEAD", "ref: refs/heads/main\n"), "git-config b/config"},
		{"a_folder_becomes_objects", map[string]string{"b/HEAD": "", "b/o/x": "", "b/refs/x": "", "b/config": bad["config"]}, move("b/o", "b/objects"), "git-config b/config"},
		{"a_folder_leaves_what_is_passed_over", map[string]string{"node_modules/d/.envrc": "evil", "sub/x": ""}, move("node_modules/d", "sub/d"), "runs sub/d/.envrc"},
		{"a_folder_takes_the_place_of_another", map[string]string{"node_modules/d/.envrc": "evil", "sub/.envrc": "good"}, func(root string) error {
			return unix.Renameat2(unix.AT_FDCWD, root+"/node_modules/d", unix.AT_FDCWD, root+"/sub", unix.RENAME_EXCHANGE)
		}, "runs sub/.envrc"},
		{"a_link_gets_an_end", map[string]string{"a/.envrc": "-> ../b/x", "b/y": ""}, write("b/x", ""), "runs a/.envrc"},
		{"a_link_gets_an_end_in_a_folder", map[string]string{"a/.envrc": "-> ../b/c/x", "b/d/x": ""}, move("b/d", "b/c"), "runs a/.envrc"},
		{"the_end_of_a_link_changes", map[string]string{"a/.envrc": "-> ../b/x", "b/x": ""}, write("b/x", "evil"), "runs a/.envrc"},
		{"a_linked_folder_gets_a_file", map[string]string{"a/.vscode": "-> ../b/c", "b/c/y": ""}, write("b/c/tasks.json", "folderOpen"), "runs a/.vscode/tasks.json"},
		{"a_linked_folder_gets_hooks", repo(".git", map[string]string{"hooks": "-> ../h/i", "../h/i/pre-push": ""}), func(root string) error { return os.Chmod(root+"/h/i/pre-push", 0o755) }, "git-hook .git/hooks/pre-push"},
		{"a_named_folder_gets_hooks", repo(".git", map[string]string{"config": "[core]\nhooksPath=h/i\n", "../h/i/pre-push": ""}), func(root string) error { return os.Chmod(root+"/h/i/pre-push", 0o755) }, "git-hook h/i/pre-push"},
		{"a_folder_below_the_home_gets_hooks", repo(".git", map[string]string{"config": "[core]\nhooksPath=~/001/h/i\n", "../h/i/pre-push": ""}), func(root string) error { return os.Chmod(root+"/h/i/pre-push", 0o755) }, "git-hook h/i/pre-push"},
		{"an_included_config_changes", repo(".git", map[string]string{"config": "[include]\npath=../c/d\n", "../c/d": "[user]\nname=x\n"}), write("c/d", bad["config"]), "git-config c/d"},
		{"an_included_config_is_there_by_now", repo(".git", map[string]string{"config": "[includeIf \"gitdir:x\"]\npath=../c/d/e\n", "../c/o/e": bad["config"]}), move("c/o", "c/d"), "git-config c/d/e"},
		{"an_included_config_includes_another", repo(".git", map[string]string{"config": "[include]\npath=d\n", "d": "", "e": bad["config"]}), write(".git/d", "[include]\npath=e\n"), "git-config .git/d"},
		{"an_included_config_names_hooks", repo(".git", map[string]string{"config": "[include]\npath=d\n", "d": "[core]\nhooksPath=h\n", "../h/pre-push": ""}), func(root string) error { return os.Chmod(root+"/h/pre-push", 0o755) }, "git-hook h/pre-push"},
		{"a_config_changes_behind_what_is_told_apart", repo(".git", map[string]string{"config": pagers + "[core]\nfsmonitor=./x\n"}), write(".git/config", pagers+"[core]\nfsmonitor=./y\n"), "git-config .git/config"},
		{"an_included_config_changes_behind_what_is_told_apart", repo(".git", map[string]string{"config": pagers + "[include]\npath=d\n", "d": ""}), write(".git/d", bad["config"]), "git-config .git/d"},
		{"a_config_changes_behind_what_is_read", repo(".git", map[string]string{"config": strings.Repeat("#\n", readable)}), write(".git/config", strings.Repeat("#\n", readable)+bad["config"]), "git-config .git/config"},
		{"a_link_leads_out_by_another", map[string]string{"a/l": "-> ../b/c", "b/c": ""}, func(root string) error {
			return errors.Join(os.Symlink("/home", root+"/b/d"), os.Rename(root+"/b/d", root+"/b/c"))
		}, "symlink a/l"},
		{"a_submodule_is_named_no_longer", repo(".git", repo("../s/t/.git", map[string]string{"../../../.gitmodules": "[submodule \"s\"]\npath = s/t\n"})), write(".gitmodules", ""), "git-nested s/t/.git"},
		{"a_repository_gets_one_around_it", repo("s/t/.git", map[string]string{"../../../.git/HEAD": "", "../../../.git/objects/x": ""}), func(root string) error { return os.Mkdir(root+"/.git/refs", 0o755) }, "git-nested s/t/.git"},
	} {
		t.Run(tt.situation, func(t *testing.T) {
			t.Parallel()
			root := folderOf(t, tt.prepared)
			record := t.TempDir() + "/record/x"
			readRecord(own, record).Keep(lookAt(t, root))
			since := tick()
			if err := tt.run(root); err != nil {
				t.Fatal(err)
			}
			var told []string
			for _, f := range readRecord(own, record).Changed(lookAt(t, root), since) {
				told = append(told, f.Kind+" "+f.Path)
			}
			if !slices.Contains(told, tt.want) {
				t.Errorf("the report names %q, not %s", told, tt.want)
			}
		})
	}
}

// The report on a run names what a check finds that the run changed, and nothing that was so before.
func TestAReportNamesWhatACheckFinds(t *testing.T) {
	for seed := range *trees {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			dir, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			g := &gardener{Rand: rand.New(rand.NewPCG(1, uint64(seed))), root: dir + "/share"}
			if err := os.Mkdir(g.root, 0o755); err != nil {
				t.Fatal(err)
			}
			if g.in, err = os.OpenRoot(g.root); err != nil {
				t.Fatal(err)
			}
			defer g.in.Close()
			for range 20 {
				g.change()
			}
			record := dir + "/record/x"
			readRecord(own, record).Keep(lookAt(t, g.root))
			for run := range 12 {
				byHuman := g.IntN(3) * (run % 2)
				for range byHuman {
					g.change()
				}
				since := tick()
				was := lookAt(t, g.root).sums()
				g.did = nil
				for range 1 + g.IntN(4) {
					g.change()
				}
				after := lookAt(t, g.root)
				last := readRecord(own, record)
				told := Result{Found: last.Changed(after, since)}.sums()
				last.Keep(after)
				for sum, what := range after.sums() {
					if was[sum] == "" && told[sum] == "" {
						t.Fatalf("run %d: a check finds %q, which the report does not name, after %q", run, what, g.did)
					}
				}
				for sum, what := range told {
					if byHuman == 0 && was[sum] != "" {
						t.Fatalf("run %d: %q was so before, and the report names it, after %q", run, what, g.did)
					}
				}
			}
		})
	}
}

// A record is as new as the last look, also where that has found the same as before, or nothing.
func TestALookIsRemembered(t *testing.T) {
	root, record := folderOf(t, nil), t.TempDir()+"/record/x"
	var last os.FileInfo
	for i, planted := range []string{"", "", ".envrc", ""} {
		if planted != "" {
			fill(t, root, map[string]string{planted: "x"})
		}
		_ = os.Chtimes(record, time.Time{}, time.Unix(1, 0)) // there is none the first time
		readRecord(own, record).Keep(lookAt(t, root))
		st, err := os.Stat(record)
		if err != nil || time.Since(st.ModTime()) > time.Minute {
			t.Fatalf("with %q new the look is not remembered: %v, %v", planted, st, err)
		}
		if i%2 == 1 && !os.SameFile(st, last) {
			t.Error("what is as before was written anew")
		}
		last = st
	}
}

// In a tmpfs a file that is read by a mapping, and then written by it, keeps its ctime.
func TestAReportTrustsNoTimeInMemory(t *testing.T) {
	files := map[string]string{
		".git/config":           "#core]\npager=x\n[include]\npath=../included\n",
		".git/hooks/pre-commit": "#!/bin/sh\n",
		"included":              "#core]\npager=y\n",
		"sub/.git":              "#itdir: /elsewhere\n",
		".envrc":                "#true\n",
		"setgid":                "#!/bin/sh\n",
		".vscode/settings.json": "{\"git.path\": \"x\"}" + strings.Repeat(" ", readable) + "#",
	}
	for changed := range files {
		root := inMemory(t)
		fill(t, root, repo(".git", nil))
		fill(t, root, files)
		for name, mode := range map[string]os.FileMode{".git/hooks/pre-commit": 0o755, "setgid": 0o755 | os.ModeSetgid} {
			if err := os.Chmod(filepath.Join(root, name), mode); err != nil {
				t.Fatal(err)
			}
		}
		record := t.TempDir() + "/record/x"
		readRecord(own, record).Keep(lookAt(t, root))
		since := tick()
		to := byte('[')
		if changed == "sub/.git" {
			to = 'g'
		}
		writeByMapping(t, filepath.Join(root, changed), to)
		got := readRecord(own, record).Changed(lookAt(t, root), since)
		if !slices.ContainsFunc(got, func(f Found) bool { return f.Path == changed }) {
			t.Errorf("after a change of %s the report names %v", changed, got)
		}
	}
}

func inMemory(t *testing.T) string {
	root, err := os.MkdirTemp("/dev/shm", "report")
	var on unix.Statfs_t
	if err != nil || unix.Statfs(root, &on) != nil || on.Type != unix.TMPFS_MAGIC {
		t.Skip("there is no tmpfs")
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	return root
}

// writeByMapping replaces the only # in a file, and not its times.
func writeByMapping(t *testing.T, path string, to byte) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	text, err := unix.Mmap(int(file.Fd()), 0, int(info.Size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	text[bytes.IndexByte(text, '#')] = to
}

// A clock that is set back makes what a run changes look older than the run.
func TestTheRunBeganByTheClockAsItIsNow(t *testing.T) {
	now, booted := clock(unix.CLOCK_REALTIME), clock(unix.CLOCK_BOOTTIME)
	const hour = int64(time.Hour)
	for situation, c := range map[string]struct{ since, want int64 }{
		"untouched":   {now, now},
		"set_back":    {now + hour, now},
		"set_forward": {now - hour, now - hour},
	} {
		got := Began(c.since, booted)
		if got < c.want-int64(time.Second) || got > c.want+int64(time.Second) {
			t.Errorf("%s: it began %v from where it should", situation, time.Duration(got-c.want))
		}
	}
	if got := Began(now+hour, 0); got != now+hour {
		t.Errorf("without the time since the start of the machine it is %d", got)
	}
}

// Times of whole seconds are those of ext3, and of ext4 with small inodes.
func TestAChangeOnAFileSystemWithCoarseTimes(t *testing.T) {
	const second = int64(time.Second)
	for _, c := range []struct {
		change, moment int64
		want           bool
	}{
		{7*second + 1, 7*second + 2, true},
		{7*second + 2, 7*second + 2, false},
		{7 * second, 7*second + 2, false},
		{6 * second, 7*second + 2, false},
		{5 * second, 7*second + 2, true},
		{5 * second, 7 * second, true},
		{5*second + 1, 5*second + 2, true},
		{Always, 7*second + 2, false},
	} {
		if got := isBefore(c.change, c.moment); got != c.want {
			t.Errorf("a change at %d is before %d: %v", c.change, c.moment, got)
		}
	}
}

func TestPass(t *testing.T) {
	want := []*Looked{{Folder: 0, Err: "it is gone"}, {Folder: 1, Result: Result{Files: 7, Found: []Found{{Finding: finding("d\xe9", "runs", "x"), Changed: Always, ID: "1 2"}}}}}
	fd, ok := Pass(want)
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); !ok || err != nil || flags&unix.FD_CLOEXEC != 0 {
		t.Fatalf("the next program does not inherit it: %v, %v", ok, err)
	}
	if got, ok := Passed(fd, 2); !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("it came back as %+v, %v", got, ok)
	}
	for situation, found := range map[string][]*Looked{"two folders for one": want, "a folder without an answer": {nil}} {
		fd, ok := Pass(found)
		if _, passed := Passed(fd, 1); !ok || passed {
			t.Errorf("%s: %v, %v", situation, ok, passed)
		}
	}
	if _, ok := Pass(nil); ok {
		t.Error("nothing is passed")
	}
	if _, ok := Passed(99999, 1); ok {
		t.Error("what is not there is read")
	}
}

// A look takes names without case, as some file systems do.
func TestALookTakesNamesWithoutCase(t *testing.T) {
	root := t.TempDir()
	fill(t, root, map[string]string{".GIT/Head": "ref: refs/heads/main\n", ".GIT/objects/x": "", ".GIT/refs/x": "", ".GIT/config": "[core]\npager=x\nhooksPath=h\n", "h/pre-commit!": "#!/bin/sh\n", ".ENVRC": "", "sub/.Git": "gitdir: /elsewhere\n"})
	var got []string
	for _, f := range lookAt(t, root).Found {
		got = append(got, f.Path+" "+f.Kind)
	}
	for _, want := range []string{".GIT/config git-config", "h/pre-commit git-hook", ".ENVRC runs", "sub/.Git git-nested"} {
		if !slices.Contains(got, want) {
			t.Errorf("a look found %q, and no %q", got, want)
		}
	}
}
