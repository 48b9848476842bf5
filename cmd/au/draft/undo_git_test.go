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
)

// Undo goes on where git still has all objects that it needs. The human may have packed them, or undo may bring them back. Undo
// takes none away that was missing before.
func TestUndoOfWhatGitHasStill(t *testing.T) {
	t.Parallel()
	needGit(t)
	const git = "git -c user.name=a -c user.email=a@b "
	const one = "git init -q -b main .; echo f >f; git add .; " + git + "commit -qm one"
	const long = "git init -q --object-format=sha256 -b main .; echo f >f; git add .; " + git + "commit -qm one"
	const old = one + "; git checkout -q -b old; echo o >o; git add o; " + git + "commit -qm old; git checkout -q main"
	const partly = "mkdir ../r; (cd ../r; " + old + "; git config uploadpack.allowFilter true); git clone -q --filter=blob:none file://$PWD/../r ."
	const fetch = "(cd ../r; git checkout -q old; echo o >>o; " + git + "commit -qam more); git fetch -q"
	const two, tidy, mine = "echo x >>f; " + git + "commit -qam two", "; git gc -q", git + "commit -q --allow-empty -m mine"
	for _, c := range []struct{ begin, agent, mine, human, names string }{
		{one, two, "true", "git pack-refs --all", ""},
		{one, two, mine, "git gc -q", ""},
		{one, two, mine, "git pack-refs --all", ".git/refs/au/agent/heads/main"},
		{old, two + tidy, "true", "git tag t old", ""},
		{old + tidy, two + tidy, "true", "git tag t old", ""},
		{old + tidy, two + tidy, mine, "git tag t old", ""},
		{long, two + tidy, "true", "git tag t HEAD~1", ""},
		{long, two + tidy, "true", "git tag t", ".git/refs/tags/t"},
		{partly, two, mine, fetch, ""},
	} {
		for _, across := range []bool{false, true} {
			b := newBenchOn(t, across)
			b.in(b.folder, c.begin)
			b.begin()
			b.drafted(c.agent)
			ticked()
			b.in(b.folder, c.mine)
			b.ok(do(b.d, "keep"))
			b.in(b.folder, c.human)
			refused := &Conflicted{}
			err := do(b.d, "undo")
			if errors.As(err, &refused); (err == nil) != (c.names == "") || !strings.Contains(fmt.Sprint(refused.Conflicts), c.names) {
				t.Errorf("%s; keep; %s: undo: %v, %v", c.agent, c.human, err, refused.Conflicts)
			}
			b.in(b.folder, "git fsck --no-progress")
		}
	}
}

// A keep goes on, at whatever step git packs what it brings, and undo then takes no object of a name away.
func TestPackedWhileKept(t *testing.T) {
	t.Parallel()
	needGit(t)
	const git = "git -c user.name=a -c user.email=a@b "
	for ref, c := range map[string]struct{ agent, human string }{
		".git/refs/heads/one/two":       {"git checkout -q -b one/two", "true"},
		".git/refs/au/agent/heads/main": {"true", git + "commit -q --allow-empty -m mine"},
	} {
		for i, pack := range []string{"git pack-refs --all", "git gc -q || true", "git pack-refs --all", "git gc -q || true"} { // as long as an object is missing, gc fails
			across := i > 1
			for n, at := 1, 0; n <= at+1; n += 7 {
				b := twoSides(t, across, c.agent+"; echo x >>f; "+git+"commit -qam two", c.human)
				at = 0
				b.d.hook = func() {
					if Holds(b.folder, ref) {
						if at++; at == n {
							b.in(b.folder, pack)
						}
					}
				}
				whole := func(verb string, err error) {
					b.in(b.folder, "git fsck --no-progress || { echo "+fmt.Sprintf("%q, across %v: %q at %d: %s: %q", c.human, across, pack, n, verb, fmt.Sprint(err))+"; exit 1; }")
				}
				kept := do(b.d, "keep")
				b.d.hook = nil
				whole("keep", kept)
				whole("undo", do(b.d, "undo"))
				if kept != nil {
					t.Errorf("across %v: %s at %d: keep: %v", across, pack, n, kept)
				}
			}
		}
	}
}

// Undo says what to do about each file that git writes by itself. That is enough.
func TestUndoOfWhatGitWrites(t *testing.T) {
	t.Parallel()
	needGit(t)
	const git = "git -c user.name=a -c user.email=a@b "
	const elsewhere, itself = "your git has added to it since: want it elsewhere, and undo goes on", "your git has changed it since: leave what was kept, and go back with git"
	for _, c := range []struct{ agent, human, name, why, then string }{
		{"true", "git checkout -q --detach; git checkout -q main", ".git/logs/HEAD", elsewhere, "mv .git/logs/HEAD ../log"},
		{"git branch n", "git branch -m n m; git branch -m m n", ".git/logs/refs/heads/n", elsewhere, ""},
		{"git gc -q", "git branch n HEAD~1; git pack-refs --all", ".git/packed-refs", itself, ""},
		{"true", git + "commit -q --allow-empty -m mine", ".git/refs/heads/main", itself, ""},
		{"git checkout -q -b n", "git checkout -q main; git checkout -q n", ".git/HEAD", itself, ""},
		{"echo mine >.git/description", "echo yours >.git/description", ".git/description", changedByYou, ""},
	} {
		b := twoSides(t, false, "echo x >>f; "+git+"commit -qam two; "+c.agent, "true")
		b.ok(do(b.d, "keep"))
		ticked()
		b.in(b.folder, c.human)
		var refused *Conflicted
		if err := do(b.d, "undo"); !errors.As(err, &refused) || !slices.Contains(refused.Conflicts, Conflict{c.name, Changed, c.why}) {
			t.Errorf("%s: undo: %v, %v", c.human, err, refused)
		}
		if b.in(b.folder, "git fsck --no-progress"); c.then != "" {
			b.in(b.folder, c.then)
			b.ok(do(b.d, "undo"))
			b.in(b.folder, "git fsck --no-progress --no-dangling; grep -c 'moving from main' ../log; ! grep 'moving from main' .git/logs/HEAD")
		}
	}
}

// Git gives an object a new time instead of writing it again. Undo goes on, and takes it.
func TestUndoOfWhatGitMadeNewer(t *testing.T) {
	t.Parallel()
	needGit(t)
	const git = "git -c user.name=a -c user.email=a@b "
	const again = "git hash-object -w --stdin <../seen >/dev/null"
	for name, c := range map[string]struct {
		agent string
		paths []string
		human string
		holds bool // something is in the way
	}{
		"an_object":        {"true", nil, again, false},
		"of_a_pack":        {"git gc -q", nil, again, false},
		"a_pack_again":     {"git gc -q", nil, "git repack -q -a -d -f", false},
		"of_a_clone":       {"git clone -q . sub", []string{".git"}, again, false},
		"another_object":   {"true", nil, "for one in .git/objects/??/*; do chmod u+w $one; echo >>$one; done", true},
		"of_another_clone": {"git clone -q . sub", []string{".git"}, "for one in .git/objects/??/*; do chmod u+w $one; echo >>$one; done", true},
		"a_folder":         {"true", nil, "for one in .git/objects/??/*; do rm -f $one; mkdir $one; done", true},
	} {
		for _, across := range []bool{false, true} {
			b := twoSides(t, across, "echo x >>f; "+git+"commit -qam two; "+c.agent, "true")
			before, told := dump(t, b.folder, true, false), b.told()
			b.in(b.home, "seq 20 >seen; echo x >>seen")
			_, err := b.d.Keep(c.paths, Refuse)
			b.ok(err)
			ticked()
			b.in(b.folder, c.human)
			err = do(b.d, "undo")
			if refused := errors.As(err, new(*Conflicted)); refused != c.holds || err != nil && !refused {
				t.Errorf("%s, across %v: undo: %v", name, across, err)
			} else if !refused {
				differ(t, name+": the folder after undo", dump(t, b.folder, true, false), before)
				if got := b.told(); got != told {
					t.Errorf("%s, across %v: after undo the draft is told as\n%s\nwant\n%s", name, across, got, told)
				}
			}
		}
	}
}

// An undo ends where git waits for a pipe that the agent has put in the place of a file.
func TestUndoWhereGitWaits(t *testing.T) {
	needGit(t)
	defer func(was time.Duration) { longestGit = was }(longestGit)
	longestGit = 100 * time.Millisecond
	for pipe, agent := range map[string]string{
		".git/refs/heads/pipe": "mkfifo .git/refs/heads/pipe",
		".git/packed-refs":     "mkfifo .git/packed-refs",
		".git/pipe":            "git config include.path pipe; mkfifo .git/pipe",
	} {
		b := twoSides(t, false, "echo x >>f; git -c user.name=a -c user.email=a@b commit -qam two; "+agent, "true")
		before := dump(t, b.folder, true, false)
		b.ok(do(b.d, "keep"))
		done := make(chan error, 1)
		go func() { done <- do(b.d, "undo") }()
		select {
		case err := <-done:
			b.ok(err)
			differ(t, "the folder after undo", dump(t, b.folder, true, false), before)
		case <-time.After(20 * time.Second):
			t.Errorf("%s: undo waits", agent)
			b.ok(os.WriteFile(filepath.Join(b.folder, pipe), nil, 0o600)) // git waits no longer
			<-done
		}
	}
}

// An undo that finds git waiting for a pipe does not ask it again for each branch, and takes nothing away that one may need.
func TestUndoWhereGitWaitsForEachBranch(t *testing.T) {
	needGit(t)
	defer func(was time.Duration) { longestGit = was }(longestGit)
	longestGit = 500 * time.Millisecond
	b := twoSides(t, false, "echo x >>f; git -c user.name=a -c user.email=a@b commit -qam two; mkfifo .git/shallow", "true")
	b.ok(do(b.d, "keep"))
	ticked()
	b.in(b.folder, "for i in $(seq 40); do cp .git/refs/heads/main .git/refs/heads/b$i; done")
	begun, refused := time.Now(), &Conflicted{}
	if err := do(b.d, "undo"); !errors.As(err, &refused) || len(refused.Conflicts) < 40 {
		t.Errorf("undo: %v, %v", err, refused.Conflicts)
	}
	asksFew(t, "undo", begun)
}

// An undo that finds git waiting for a pipe does not ask it again for each pack that the agent has made.
func TestUndoWhereGitWaitsForEachPack(t *testing.T) {
	needGit(t)
	defer func(was time.Duration) { longestGit = was }(longestGit)
	longestGit = 500 * time.Millisecond
	const packs = "git gc -q; cd .git/objects/pack; for i in $(seq 40); do cp pack-*[0-9a-f].idx $i.idx; done; cd ../..; rm config; mkfifo config"
	b := twoSides(t, false, "echo x >>f; git -c user.name=a -c user.email=a@b commit -qam two; "+packs, "true")
	before := dump(t, b.folder, true, false)
	b.ok(do(b.d, "keep"))
	begun := time.Now()
	b.ok(do(b.d, "undo"))
	asksFew(t, "undo", begun)
	differ(t, "the folder after undo", dump(t, b.folder, true, false), before)
}

// A keep that merges asks a git that waits once, and not for each file.
func TestMergeWhereGitWaits(t *testing.T) {
	needGit(t)
	defer func(was time.Duration) { longestGit = was }(longestGit)
	const files = "for i in $(seq 30); do seq 20 >m$i; done; git add .; git -c user.name=a -c user.email=a@b commit -qm one"
	b := newBench(t)
	b.in(b.folder, "git init -q -b main .; "+files)
	b.begin()
	b.drafted("sed -i s/^3$/agent/ m*")
	ticked()
	b.in(b.folder, "sed -i s/^18$/human/ m*; o=.git/objects/$(git rev-parse HEAD:m1 | sed s,..,\\&/,); rm -f $o; mkfifo $o")
	longestGit = 500 * time.Millisecond
	begun, refused := time.Now(), &Conflicted{}
	if _, err := b.d.Keep(nil, Merge); !errors.As(err, &refused) || len(refused.Conflicts) < 30 {
		t.Errorf("keep: %v, %v", err, refused.Conflicts)
	}
	asksFew(t, "keep", begun)
}

// asksFew fails where somebody has waited for many gits, of which each waits.
func asksFew(t *testing.T, who string, begun time.Time) {
	t.Helper()
	if took := time.Since(begun); took > 20*longestGit { // with all else that it does, on a busy machine
		t.Errorf("%s took %v, where a git may take %v", who, took, longestGit)
	}
}
