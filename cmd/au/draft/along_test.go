// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"slices"
	"strings"
	"testing"
)

// The new names of a renamed folder tell what it brings along, without what the agent removed, replaced or moved on, or never saw.
// A repository is one wherever its parts lie.
func TestAlong(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.in(b.folder, "mkdir -p d/e/f x/objects; echo 1 >d/a; echo 2 >d/e/b; echo 3 >d/e/c; echo 4 >d/e/f/g; echo 5 >d/.env; echo 6 >x/HEAD; echo 7 >d/r")
	b.begin()
	b.ok(b.prepare())
	b.drafted("mv d z; rm z/e/c z/r; echo r >z/r; mv z/e y; rm -r y/f; mkdir y/f; echo n >y/f/n; mv x q; echo n >q/config; echo n >z/config; mkdir -p new/hooks; echo >new/HEAD; echo >new/hooks/h")
	r, err := b.report()
	b.ok(err)
	slices.SortFunc(r.Along, func(x, y Along) int { return slices.Compare([]byte(x.Path), []byte(y.Path)) })
	if want := []Along{{"q/HEAD", "x/HEAD"}, {"y/b", "d/e/b"}, {"z/a", "d/a"}}; !slices.Equal(r.Along, want) || !r.AlongIsWhole {
		t.Errorf("along came %q, want %q", r.Along, want)
	}
	for dir, want := range map[string]bool{"q": true, "z": false, "new": true, "x": false, "d": false} {
		if r.Repositories[dir] != want {
			t.Errorf("%s is a repository: %v, want %v", dir, r.Repositories[dir], want)
		}
	}
}

// Git's configs are those that the agent has, of each repository in which something changed.
func TestGitConfigs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.in(b.folder, "for d in . a a/b c; do mkdir -p $d/.git; echo $d >$d/.git/config; done; mkdir -p a/b/x")
	b.begin()
	b.drafted("echo n >a/b/x/n; echo changed >a/.git/config")
	r, err := b.report()
	b.ok(err)
	var got []string
	for at, text := range r.GitConfigs {
		got = append(got, at+"="+strings.TrimSpace(string(text)))
	}
	slices.Sort(got)
	if want := []string{"=.", "a/b=a/b", "a=changed"}; !slices.Equal(got, want) {
		t.Errorf("the configs are %q, want %q", got, want)
	}
}

// Where there are too many names, the folders beside are not read, either.
func TestAlongEnds(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.in(b.folder, "mkdir -p d/a d/b; touch d/a/1 d/a/2 d/a/3 d/b/4")
	b.begin()
	b.ok(b.prepare())
	b.drafted("mv d z")
	v, err := b.d.view()
	b.ok(err)
	defer v.close()
	for most, want := range map[int]int{6: 4, 4: 0} {
		all, whole, err := v.along(most)
		if err != nil || len(all) != want || whole != (want == 4) {
			t.Errorf("of %d names at most %q came along, and that is all: %v, %v", most, all, whole, err)
		}
	}
	w := &walkAlong{view: v, most: 4}
	if err := w.node(v.detached["d"]); err != nil || w.looked != 5 {
		t.Errorf("%d names were looked at: %v", w.looked, err)
	}
}
