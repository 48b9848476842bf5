// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Changes of the human and of git to a repository are told apart: times that git looked at anew are no conflict, and commits of
// both sides go beside each other.
func TestCommits(t *testing.T) {
	t.Parallel()
	needGit(t)
	const lower = "git init -q -b main .; echo f >f; echo g >g; git add .; git commit -qm one"
	for name, c := range map[string]struct{ agent, human, check string }{
		"a_status":        {"echo x >>f; git commit -qam two", "touch f g; git status >/dev/null", `test "$(git log --format=%s | tr '\n' .)" = two.one.; test -z "$(git status --porcelain)"`},
		"a_mode":          {"echo x >>f; git commit -qam two", "chmod 600 f", `test "$(git log --format=%s | tr '\n' .)" = two.one.`},
		"commits_of_both": {"echo x >>f; git commit -qam two", "echo y >>g; git commit -qam mine", `test "$(git log --format=%s | tr '\n' .)" = mine.one.; test "$(git log --format=%s refs/au/agent/heads/main | tr '\n' .)" = two.one.; git fsck --strict; grep -q x f; grep -q y g`},
		"and_merged":      {"echo x >>f; echo n >n; git add .; git commit -qam two", "echo y >>g; git commit -qam mine", `! git merge -q -m both refs/au/agent/heads/main; git add .; git commit -qam kept; git merge -q -m both refs/au/agent/heads/main; test -z "$(git status --porcelain)"`},
		"after_gc":        {"git commit -q --amend -m other; git branch side; git reflog expire --expire=now --all; git gc -q --prune=now", "echo y >>g; git commit -qam mine", `test "$(git log --format=%s | tr '\n' .)" = mine.one.; test "$(git log --format=%s refs/au/agent/heads/main | tr '\n' .)" = other.; git log side; git fsck --strict`},
		"no_branch":       {"git checkout -q --detach; echo x >>f; git commit -qam two", "echo y >>g; git commit -qam mine", `test "$(git log --format=%s | tr '\n' .)" = mine.one.; test "$(git log --format=%s refs/au/agent/HEAD | tr '\n' .)" = two.one.`},
		"logs_elsewhere":  {"echo x >>f; git commit -qam two; rm -r .git/logs; echo n >.git/logs", "echo y >>g; git commit -qam mine", `git log refs/au/agent/heads/main; git reflog | grep "commit: mine"`},
		"no_logs":         {"echo x >>f; git commit -qam two; rm -r .git/logs", "echo y >>g; git commit -qam mine", `test "$(git log --format=%s | tr '\n' .)" = mine.one.; git log refs/au/agent/heads/main; git reflog | grep 'commit: mine'`},
		"a_branch_in_one": {"git checkout -q --detach; git branch -qD main; git checkout -qb main/x; echo x >>f; git commit -qam two", "echo y >>g; git commit -qam mine", `test "$(git log --format=%s | tr '\n' .)" = mine.one.; test "$(git log --format=%s refs/au/agent/heads/main/x | tr '\n' .)" = two.one.`},
		"a_name_of_au":    {"echo x >>f; git commit -qam two; git update-ref refs/au/agent/heads/main HEAD", "echo y >>g; git commit -qam mine", `test "$(git log --format=%s | tr '\n' .)" = mine.one.; test "$(git log --format=%s refs/au/agent/heads/main | tr '\n' .)" = two.one.`},
		"staged":          {"echo x >>f; git commit -qam two", "echo y >>g; git add g", `test "$(git log --format=%s | tr '\n' .)" = one.; test "$(git log --format=%s refs/au/agent/heads/main | tr '\n' .)" = two.one.; test "$(git diff --cached --name-only)" = g`},
		"fetched":         {"git fetch -q .; echo x >>f; git commit -qam two; git pack-refs --all", "git fetch -q . main", `test "$(git log --format=%s | tr '\n' .)" = one.; test "$(git log --format=%s refs/au/agent/heads/main | tr '\n' .)" = two.one.; git diff --cached --quiet`},
		"in_the_middle":   {"git checkout -qb side; echo x >f; git commit -qam two; git checkout -q main; echo z >f; git commit -qam three; ! git rebase -q side 2>/dev/null; test -e .git/rebase-merge", "echo y >>g; git commit -qam mine", `test ! -e .git/rebase-merge; test "$(git log --format=%s | tr '\n' .)" = mine.one.; test "$(git log --format=%s refs/au/agent/heads/main | tr '\n' .)" = three.one.; git log refs/au/agent/HEAD side; git fsck --strict`},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.plant(lower)
			b.begin()
			b.drafted(c.agent)
			b.in(b.folder, c.human)
			before := dump(t, b.folder, true, false)
			_, err := b.d.Keep(nil, Refuse)
			if err != nil {
				t.Fatalf("%v\n%s", err, b.told())
			}
			b.in(b.folder, c.check)
			if strings.Contains(c.check, "merge") {
				return // undo would take files back of which commits were made since
			}
			_, err = b.d.Undo()
			b.ok(err)
			if !strings.Contains(c.check, "status") { // which writes the index
				differ(t, "the folder after undo", dump(t, b.folder, true, false), before)
			}
		})
	}
}

// Keep takes no object away that the human has given a name since the draft began: the agent's git may have removed it.
func TestKeepOfWhatGitNeeds(t *testing.T) {
	t.Parallel()
	needGit(t)
	const git = "git -c user.name=a -c user.email=a@b "
	for _, human := range []string{"git tag t old", "git branch new old", "git reset -q --hard old", "git checkout old -- o", "git worktree add -q --detach ../w old", "true"} {
		for _, across := range []bool{false, true} {
			b := newBenchOn(t, across)
			b.plant("git init -q -b main .; echo f >f; git add .; " + git + "commit -qm one; git checkout -q -b old; echo o >o; git add .; " + git + "commit -qm old; git checkout -q main")
			b.begin()
			b.drafted("git branch -qD old; git reflog expire --expire=now --all; git gc -q --prune=now")
			ticked()
			b.in(b.folder, human)
			before, loose := dump(t, b.folder, true, false), b.in(b.folder, "git count-objects")
			b.ok(do(b.d, "keep"))
			if left := b.in(b.folder, "git fsck --no-progress --no-reflogs --unreachable; git count-objects"); (human == "true") != strings.Contains("\n"+left, "\n0 objects") {
				t.Errorf("%s: there were %sand after keep is %s", human, loose, left)
			}
			b.ok(do(b.d, "undo"))
			differ(t, human+": the folder after undo", dump(t, b.folder, true, false), before)
		}
	}
}

// The human's git may pack its objects while the agent works, or as keep begins: the folders in which they were are no conflict.
func TestKeepAfterPacking(t *testing.T) {
	t.Parallel()
	needGit(t)
	const git = "git -c user.name=a -c user.email=a@b "
	const mine = "for i in $(seq 20); do " + git + "commit -q --allow-empty -m mine$i; done"
	for _, c := range []struct{ human, meanwhile string }{{"git gc -q", "true"}, {"git gc -q; " + mine, "true"}, {mine, "git gc -q"}} {
		for _, across := range []bool{false, true} {
			b := newBenchOn(t, across)
			b.plant("git init -q -b main .; for i in $(seq 20); do echo $i >f; git add .; " + git + "commit -qm $i; done")
			b.begin()
			b.drafted("git checkout -q -b side; for i in $(seq 8); do echo $i >n; git add .; " + git + "commit -qm two; done; touch .git/objects/??/*")
			ticked()
			b.in(b.folder, c.human)
			before := dump(t, b.folder, true, false)
			at := 0
			b.d.hook = func() {
				if at++; at == 1 {
					b.in(b.folder, c.meanwhile)
				}
			}
			b.ok(do(b.d, "keep"))
			b.d.hook = nil
			if got := b.in(b.folder, "git fsck --no-progress --no-dangling; git log --format=%s side | sort | uniq -c"); !strings.Contains(got, "8 two\n") {
				t.Errorf("%v: the agent's branch has %q", c, got)
			}
			b.ok(do(b.d, "undo"))
			if b.in(b.folder, "git fsck --no-progress --no-dangling"); c.meanwhile == "true" {
				differ(t, c.human+": the folder after undo", dump(t, b.folder, true, false), before)
			}
		}
	}
}

// Undo takes no object away that git needs for what the human has made since.
func TestUndoOfWhatGitNeeds(t *testing.T) {
	t.Parallel()
	needGit(t)
	const git = "git -c user.name=a -c user.email=a@b "
	for _, c := range []struct{ agent, mine, human, back, names string }{
		{"true", "true", "git tag t", "git tag -d t", ".git/refs/tags/t"},
		{"git gc -q", "true", "git branch side", "git branch -D side", ".git/refs/heads/side"},
		{"true", "true", "git checkout -q --detach", "git checkout -q main", ".git/HEAD"},
		{"true", git + "commit -q --allow-empty -m mine", git + "commit -qam kept; " + git + "merge -q -m both refs/au/agent/heads/main", "git reset -q --hard HEAD~2", ".git/refs/heads/main"},
		{"true", git + "commit -q --allow-empty -m mine", "git add f", "git reset -q f", ".git/index"},
		{"git gc -q", "true", "git tag t HEAD~1; git branch side HEAD~1", "true", ""},
	} {
		for _, across := range []bool{false, true} {
			b := twoSides(t, across, "echo x >>f; "+git+"commit -qam two; "+c.agent, c.mine)
			b.ok(do(b.d, "keep"))
			b.in(b.folder, c.human)
			before := dump(t, b.folder, true, true)
			var refused *Conflicted
			if err := do(b.d, "undo"); c.names != "" && (!errors.As(err, &refused) || !strings.Contains(fmt.Sprint(refused.Conflicts), c.names+" ")) {
				t.Errorf("%s: undo: %v, %v", c.human, err, refused)
			} else if c.names == "" {
				b.ok(err)
			} else {
				differ(t, "the folder after an undo that was refused", dump(t, b.folder, true, true), before)
			}
			if b.in(b.folder, "git fsck --no-progress"); c.names == "" {
				continue
			}
			b.in(b.folder, c.back)
			refused = &Conflicted{}
			if err := do(b.d, "undo"); err != nil && (!errors.As(err, &refused) || strings.Contains(fmt.Sprint(refused.Conflicts), "git needs")) {
				t.Errorf("%s: undo: %v, %v", c.back, err, refused)
			}
		}
	}
}

// A commit of the agent that the human did not merge keeps its name when more is kept, also where git has packed it.
func TestCommitsOfTwoDrafts(t *testing.T) {
	t.Parallel()
	const git = "git -c user.name=a -c user.email=a@b "
	for _, pack := range []string{"true", "git pack-refs --all"} {
		for _, human := range []string{"true", "git pack-refs --all"} {
			b := twoSides(t, false, "echo x >>f; "+git+"commit -qam two", "echo y >>f; "+git+"commit -qam mine")
			_, err := b.d.Keep(nil, Ours)
			b.ok(err)
			b.ok(b.d.Drop(b.store))
			b.in(b.folder, human)
			b.begin()
			b.drafted("echo x >>f; " + git + "commit -qam three; " + pack)
			b.in(b.folder, "echo y >>f; "+git+"commit -qam mine")
			r, err := b.d.Report()
			b.ok(err)
			if got := strings.Join(r.Refs, " "); got != "refs/au/agent-2/heads/main" {
				t.Errorf("said is %q", got)
			}
			before := dump(t, b.folder, true, false)
			_, err = b.d.Keep(nil, Ours)
			b.ok(err)
			if got := b.in(b.folder, "git log -1 --format=%s refs/au/agent/heads/main; git log -1 --format=%s refs/au/agent-2/heads/main; git log -1 --format=%s"); got != "two\nthree\nmine\n" {
				t.Errorf("%s, %s: the commits are %q", pack, human, got)
			}
			_, err = b.d.Undo()
			b.ok(err)
			differ(t, "the folder after undo", dump(t, b.folder, true, false), before)
		}
	}
}

// A commit that lists files without end, as one with the same folder in folders does, is taken for none: the human's edit is a
// conflict, and nobody waits.
func TestCommitThatListsWithoutEnd(t *testing.T) {
	defer func(most int) { mostListed = most }(mostListed)
	mostListed = 1 << 20
	b := newBench(t)
	b.in(b.folder, `git init -q -b main .; echo f >f; git add .; t=$(git write-tree)
		for level in 1 2 3 4 5 6 7 8 9 10 11 12; do t=$(for n in 0 1 2 3 4 5 6 7 8 9; do printf '040000 tree %s\t%s\n' $t $n; done | git mktree); done
		t=$( (git ls-tree $(git write-tree); printf '040000 tree %s\td\n' $t) | git mktree)
		git update-ref HEAD $(git -c user.name=a -c user.email=a@b commit-tree -m one $t)`)
	b.begin()
	b.drafted("echo x >>f")
	b.in(b.folder, "touch f")
	done := make(chan string)
	go func() { done <- b.told() }()
	select {
	case got := <-done:
		if got != "M f\n! changed f" {
			t.Errorf("told was\n%s", got)
		}
	case <-time.After(time.Minute):
		t.Fatal("it lists without end")
	}
}

// A branch that only packed-refs have does not move below an index that stays: that is a conflict.
func TestPackedBranchMoves(t *testing.T) {
	t.Parallel()
	const git = "git -c user.name=a -c user.email=a@b "
	b := newBench(t)
	b.in(b.folder, "git init -q -b main .; echo f >f; echo g >g; git add .; "+git+"commit -qm one; git pack-refs --all")
	b.begin()
	b.drafted("echo x >>f; " + git + "commit -qam two; git pack-refs --all")
	b.in(b.folder, "echo y >>g; git add g")
	before := dump(t, b.folder, true, true)
	if _, err := b.d.Keep(nil, Refuse); !errors.As(err, new(*Conflicted)) {
		t.Errorf("keep: %v", err)
	}
	differ(t, "the folder", dump(t, b.folder, true, true), before)
}

// A folder of the human does not go where the human's side of git stays.
func TestRenamedIntoWhatStays(t *testing.T) {
	t.Parallel()
	const git = "git -c user.name=a -c user.email=a@b "
	for _, to := range []string{".git/rebase-merge", ".git/refs/au"} {
		b := twoSides(t, false, "mkdir -p $(dirname "+to+"); mv d "+to+"; "+git+"commit -qam two", git+"commit -q --allow-empty -m mine")
		before := dump(t, b.folder, true, true)
		if _, err := b.d.Keep(nil, Refuse); err == nil || !strings.Contains(err.Error(), "kept whole or not at all") {
			t.Errorf("%s: %v", to, err)
		}
		differ(t, "the folder after "+to, dump(t, b.folder, true, true), before)
	}
}

// Another repository in the place of the human, in which they have made a commit meanwhile, is a conflict.
func TestAnotherRepository(t *testing.T) {
	t.Parallel()
	const git = "git -c user.name=a -c user.email=a@b "
	for _, agent := range []string{"rm -rf .git; git init -q .; git add .; " + git + "commit -qm other", "rm -rf .git", "rm -rf .git/objects"} {
		b := twoSides(t, false, agent, "echo y >>f; "+git+"commit -qam mine")
		before := dump(t, b.folder, true, true)
		if _, err := b.d.Keep(nil, Refuse); !errors.As(err, new(*Conflicted)) {
			t.Errorf("%s: %v", agent, err)
		}
		differ(t, "the folder after "+agent, dump(t, b.folder, true, true), before)
	}
}

// Where the clock was set back, what the human has changed since is a conflict all the same: whether they or the agent were the
// first to do something afterwards.
func TestTheClockWasSetBack(t *testing.T) {
	defer func() { now = time.Now }()
	for _, first := range []string{"human", "agent"} {
		b := newBench(t)
		b.in(b.folder, "echo f >f; echo g >g")
		b.begin()
		b.in(b.folder, "echo mine >>f")
		ticked()
		if first == "human" {
			st, err := b.d.state.stat("stamp")
			b.ok(err)
			b.ok(b.d.state.write("stamp", strconv.AppendInt(nil, time.Now().UnixNano(), 10)))
			now = func() time.Time { return time.Unix(0, st.Ctim.Nano()) }
			ticked()
		}
		b.drafted("echo agent >>f; rm g")
		if first == "agent" {
			now = time.Now
			st, err := b.d.state.stat("upper/f")
			b.ok(err)
			b.ok(b.d.state.write("stamp", strconv.AppendInt(nil, st.Ctim.Nano()+1, 10)))
		}
		if got, want := b.told(), "M f\nD g\n! changed f\n! changed g"; got != want {
			t.Errorf("the %s: told was\n%s\nwant\n%s", first, got, want)
		}
	}
}

// Attributes that the human gave a folder since are not taken from it silently, whether something in it is hidden or not. Those
// that the agent gave it are a change.
func TestAttributesOfFolders(t *testing.T) {
	t.Parallel()
	const acl = `struct.pack("<I" + 5 * "HHI", 2, 1, 7, 2**32 - 1, 2, 7, 12, 4, 5, 2**32 - 1, 16, 7, 2**32 - 1, 32, 5, 2**32 - 1)`
	setAttribute := func(key, value, name string) string {
		return fmt.Sprintf("python3 -c 'import os, struct; os.setxattr(\"%s\", \"%s\", %s)'", name, key, value)
	}
	for _, human := range []string{setAttribute("user.k", `b"v"`, "d"), setAttribute("system.posix_acl_default", acl, "d"), "chmod 700 d"} {
		for _, secret := range []string{"", "echo s >d/.env; "} {
			b := newBench(t)
			b.in(b.folder, "mkdir d e; "+secret+"echo f >d/f")
			b.begin()
			b.ok(b.prepare())
			b.drafted("echo n >d/n; " + setAttribute("user.a", `b"v"`, "e"))
			b.in(b.folder, human)
			if got, want := b.told(), "M d/\nA d/n\nM e/\n! changed d\n? perhaps d/n"; got != want {
				t.Errorf("%s%s: told was\n%s\nwant\n%s", secret, human, got, want)
			}
			before := dump(t, b.folder, true, false)
			_, err := b.d.Keep(nil, Theirs)
			b.ok(err)
			_, err = b.d.Undo()
			b.ok(err)
			differ(t, "the folder after undo", dump(t, b.folder, true, false), before)
		}
	}
}

// A file that the human had changed when the draft began, and has put back to what git has, is named. One of which only the mode
// has changed is not.
func TestPutBackToWhatGitHas(t *testing.T) {
	t.Parallel()
	needGit(t)
	const git = "git -c user.name=a -c user.email=a@b "
	b := newBench(t)
	b.in(b.folder, "git init -q -b main .; for f in f g h; do echo $f >$f; done; git add .; "+git+"commit -qm one; echo mine >>f; echo mine >>g")
	b.begin()
	b.drafted("echo agent >>f; rm g; echo agent >>h")
	ticked()
	b.in(b.folder, "git checkout -q f g; chmod 600 h")
	if got, want := b.told(), "M f\nD g\nM h\n? perhaps f\n? perhaps g"; got != want {
		t.Errorf("told was\n%s\nwant\n%s", got, want)
	}
	before := dump(t, b.folder, true, false)
	_, err := b.d.Keep(nil, Refuse)
	b.ok(err)
	_, err = b.d.Undo()
	b.ok(err)
	differ(t, "the folder after undo", dump(t, b.folder, true, false), before)
}

// A linked worktree is at a commit, too.
func TestLinkedWorktree(t *testing.T) {
	t.Parallel()
	needGit(t)
	const git = "git -c user.name=a -c user.email=a@b "
	b := newBench(t)
	b.in(b.home, "git init -q r; cd r; seq 20 >f; echo g >g; git add .; "+git+"commit -qm one; git worktree add -q ../p")
	b.begin()
	b.drafted("sed -i s/^3$/agent/ f; echo agent >>g")
	ticked()
	b.in(b.folder, "sed -i s/^18$/human/ f; touch g")
	if got, want := b.told(), "M f\nM g\n! changed f\n? perhaps g"; got != want {
		t.Errorf("told was\n%s\nwant\n%s", got, want)
	}
	_, err := b.d.Keep(nil, Merge)
	b.ok(err)
	if got := b.in(b.folder, "sed -n '3p;18p' f"); got != "agent\nhuman\n" {
		t.Errorf("the lines of both are %q", got)
	}
	if was := b.d.GitHead(); was == "" || was != b.d.Head || b.in(b.folder, git+"commit -qam two") != "" || b.d.GitHead() == was {
		t.Errorf("the worktree was at %q when the draft began, at %q before a commit and at %q afterwards", b.d.Head, was, b.d.GitHead())
	}
}
