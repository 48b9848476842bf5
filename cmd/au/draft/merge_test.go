// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// twoSides is a repository in which the agent and the human have each changed f since the draft began.
func twoSides(t *testing.T, across bool, agent, human string) *bench {
	t.Helper()
	needGit(t)
	b := newBenchOn(t, across)
	b.plant("git init -q -b main .; seq 20 >f; mkdir d; seq 20 >d/g; git add .; git -c user.name=a -c user.email=a@b commit -qm one")
	b.begin()
	b.drafted(agent)
	ticked()
	b.in(b.folder, human)
	return b
}

// Files that both sides changed are put together where git has the version that they began from, and undo brings back the human's.
func TestMerge(t *testing.T) {
	t.Parallel()
	const agent, human = "sed -i s/^3$/agent/ f; echo n >n", "sed -i s/^18$/human/ f"
	both := strings.NewReplacer("\n3\n", "\nagent\n", "\n18\n", "\nhuman\n")
	for name, c := range map[string]struct {
		agent, human string
		paths        []string
		mode         string
		left         string
	}{
		"all":                    {agent, human, nil, "644", ""},
		"a_part":                 {agent, human, []string{"f"}, "644", "A n"},
		"rights_of_the_human":    {agent, human + "; chmod 600 f", nil, "600", ""},
		"rights_of_the_agent":    {agent + "; chmod 755 f", human + "; chmod 640 f", nil, "750", ""},
		"in_a_repository":        {agent, human + "; cd ..; git init -q .; git config merge.conflictStyle none", nil, "644", ""},
		"closed_by_the_agent":    {agent + "; chmod 0 f", human, nil, "644", ""},
		"in_a_folder_that_moved": {"sed -i s/^3$/agent/ d/g; mv d e", "sed -i s/^18$/human/ d/g; cp d/g f", nil, "644", ""},
	} {
		for _, across := range []bool{false, true} {
			t.Run(fmt.Sprint(name, across), func(t *testing.T) {
				b := twoSides(t, across, c.agent, c.human)
				before, told := dump(t, b.folder, true, false), b.told()
				_, err := b.d.Keep(c.paths, Merge)
				b.ok(err)
				at := "f"
				if strings.Contains(c.agent, "mv") {
					at = "e/g"
				}
				if got, want := b.in(b.folder, "cat "+at), both.Replace(b.in(b.folder, "seq 20")); got != want {
					t.Errorf("the lines of both are\n%s", got)
				}
				if got := strings.TrimSpace(b.in(b.folder, "stat -c %a "+at)); got != c.mode {
					t.Errorf("the mode is %s, want %s", got, c.mode)
				}
				if got := b.told(); got != c.left {
					t.Errorf("left is %q, want %q", got, c.left)
				}
				_, err = b.d.Undo()
				b.ok(err)
				differ(t, "the folder after undo", dump(t, b.folder, true, false), before)
				if got := b.told(); got != told {
					t.Errorf("after undo the draft is told as\n%s\nwant\n%s", got, told)
				}
			})
		}
	}
}

// A file that git cannot merge is a conflict, and nothing has changed.
func TestMergeRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string][2]string{
		"the_same_line":     {"sed -i s/^3$/agent/ f", "sed -i s/^3$/human/ f"},
		"nothing_in_git":    {"echo agent >>new", "echo human >new"},
		"no_text":           {`printf '\0a' >f`, `printf '\0b' >f`},
		"removed_by_one":    {"rm f", "echo human >>f"},
		"removed_by_other":  {"echo agent >>f", "rm f"},
		"several_names":     {"sed -i s/^3$/agent/ f; ln f h", "sed -i s/^18$/human/ f"},
		"another_kind":      {"rm f; ln -s d f", "echo human >>f"},
		"too_large":         {"seq 3000000 >f", "echo human >>f"},
		"only_one_of_two":   {"sed -i s/^3$/agent/ f d/g", "sed -i s/^18$/human/ f; sed -i s/^3$/human/ d/g"},
		"another_folder":    {"sed -i s/^3$/agent/ d/g", "cp -r d e; mv d x; mv e d; sed -i s/^18$/human/ d/g"},
		"unreadable_object": {"sed -i s/^3$/agent/ f", "sed -i s/^18$/human/ f; rm -rf .git/objects/$(git rev-parse HEAD:f | sed 's,..,&/,')"},
	} {
		t.Run(name, func(t *testing.T) {
			b := twoSides(t, *across, c[0], c[1])
			before := dump(t, b.folder, true, true)
			_, err := b.d.Keep(nil, Merge)
			var refused *Conflicted
			if !errors.As(err, &refused) {
				t.Errorf("kept: %v", err)
			}
			differ(t, "the folder after a keep that was refused", dump(t, b.folder, true, true), before)
		})
	}
}

// A merge that is killed at any step is finished by any keep, or taken back.
func TestMergeKilledAtEachStep(t *testing.T) {
	t.Parallel()
	for n, killed := 1, true; killed; n++ {
		for _, verb := range []string{"keep", "undo"} {
			b := twoSides(t, n%2 == 0, "sed -i s/^3$/agent/ f", "sed -i s/^18$/human/ f")
			before := dump(t, b.folder, true, false)
			killed = b.child("merge", n, 0)
			if killed && !Holds(b.d.State(), "undo") {
				b.ok(withLock(b.d, b.d.sweep))
				differ(t, fmt.Sprint("killed at ", n), dump(t, b.folder, true, false), before)
				continue
			}
			if b.settleWith(verb); verb == "keep" {
				b.in(b.folder, "grep -qx agent f; grep -qx human f")
				b.settleWith("undo")
			}
			differ(t, fmt.Sprint("killed at ", n, " and taken back"), dump(t, b.folder, true, false), before)
		}
	}
}

// Changes that the human makes after git has merged are not lost.
func TestMergedWhileKept(t *testing.T) {
	t.Parallel()
	b := twoSides(t, *across, "sed -i s/^3$/agent/ f", "sed -i s/^18$/human/ f")
	done := false
	b.d.hook = func() {
		if !done {
			b.in(b.folder, "echo later >>f")
		}
		done = true
	}
	if _, err := b.d.Keep(nil, Merge); !errors.Is(err, errMoved) {
		t.Errorf("kept: %v", err)
	}
	b.in(b.folder, "grep -qx later f; grep -qx human f; ! grep -qx agent f")
}

// A merged file has the owner's, the group's and the others' rights of the human's file, and its attributes: the agent's are none.
func TestMergeHasTheRightsOfTheHuman(t *testing.T) {
	t.Parallel()
	b := twoSides(t, false, `sed -i s/^3$/agent/ f; chmod 777 f; python3 -c "import os; os.setxattr('f', 'user.agent', b'x')"`,
		`sed -i s/^18$/human/ f; chgrp 4321 f; chmod 6640 f; python3 -c "import os; os.setxattr('f', 'user.human', b'x')"`)
	_, err := b.d.Keep(nil, Merge)
	b.ok(err)
	if got := b.in(b.folder, `stat -c '%a %g' f; python3 -c "import os; print(*os.listxattr('f'))"`); got != "750 4321\nuser.human\n" {
		t.Errorf("it has %q", got)
	}
}

// In a folder that the agent made anew a part of it stays in the draft: nothing is merged that a later keep would overwrite.
func TestMergeOfAPart(t *testing.T) {
	t.Parallel()
	for _, across := range []bool{false, true} {
		b := twoSides(t, across, "rm -r d; mkdir d; seq 20 | sed s/^3$/agent/ >d/g; echo n >d/n", "sed -i s/^18$/human/ d/g")
		before := dump(t, b.folder, true, true)
		var refused *Conflicted
		if _, err := b.d.Keep([]string{"d/g"}, Merge); !errors.As(err, &refused) {
			t.Errorf("kept: %v", err)
		}
		differ(t, "the folder after a keep that was refused", dump(t, b.folder, true, true), before)
		_, err := b.d.Keep(nil, Merge)
		b.ok(err)
		b.in(b.folder, "grep -qx agent d/g; grep -qx human d/g; cat d/n")
	}
}
