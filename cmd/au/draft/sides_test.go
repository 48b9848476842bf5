// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// conflictsOrNothing keeps where there is no conflict; else nothing has changed.
func (r *trial) conflictsOrNothing(answer Answer) bool {
	r.t.Helper()
	exact := dump(r.t, r.folder, true, true)
	err := powerless(func() error { return withLock(r.d, func() error { _, err := r.d.Keep(nil, answer); return err }) })
	if errors.As(err, new(*Conflicted)) {
		differ(r.t, "the folder after a keep that was refused", dump(r.t, r.folder, true, true), exact)
		return false
	}
	if err != nil {
		r.t.Fatalf("keep: %v", err)
	}
	return true
}

// oursStays keeps the rest, and sees that what the human has changed is as it was; then it takes that back.
func (r *trial) oursStays(before, told string) {
	r.t.Helper()
	var lows []string
	r.ok(powerless(func() error {
		all, err := r.d.told()
		if err == nil {
			lows = all.lowsOf(all.conflicts)
			all.close()
		}
		return err
	}))
	if err := powerless(func() error { return withLock(r.d, func() error { _, err := r.d.Keep(nil, Ours); return err }) }); err != nil {
		r.t.Fatalf("keep: %v, where\n%s", err, told)
	}
	now := strings.Split(dump(r.t, r.folder, true, false), "\n")
	for line := range strings.SplitSeq(before, "\n") {
		for _, low := range lows {
			if isFile := !strings.Contains(line, " 4"); isFile && strings.HasPrefix(line, fmt.Sprintf("%q ", low)) && !slices.Contains(now, line) {
				r.t.Fatalf("the human's %s is not there any more, where\n%s", line, told)
			}
		}
	}
	if r.d.KeptAt() == 0 {
		return
	}
	if err := powerless(func() error { return do(r.d, "undo") }); err != nil {
		r.t.Fatalf("undo: %v", err)
	}
	differ(r.t, "what undo brought back", dump(r.t, r.folder, true, false), before)
	r.conflictsAre(told)
}

// conflictsAre compares the conflicts after an undo with those before. A copy from another file system has lost where it came from:
// nobody knows then that the human has removed that.
func (r *trial) conflictsAre(told string) {
	r.t.Helper()
	of := func(told string) (all []string) {
		for line := range strings.SplitSeq(told, "\n") {
			if strings.HasPrefix(line, "! ") && !(r.across && strings.HasPrefix(line, "! gone ")) {
				all = append(all, line)
			}
		}
		return all
	}
	if now := r.told(); !slices.Equal(of(now), of(told)) {
		r.t.Fatalf("after undo the draft is told as\n%s\nand was before\n%s", now, told)
	}
}

// view returns what the next run would see.
func (r *trial) view() string {
	r.t.Helper()
	r.ok(powerless(r.prepare))
	r.mount()
	defer r.unmount()
	return dump(r.t, r.mounted, false, false)
}

// For all that both sides can do, the agent's version is what the next run would see, and undo brings back the human's.
func TestTheirsIsWhatTheAgentSees(t *testing.T) {
	t.Parallel()
	begun, drafts, met := time.Now(), 0, 0
	for left := *operations; left > 0; left -= *perDraft {
		n, s := min(left, *perDraft), *seed+uint64(drafts)
		drafts++
		t.Run(fmt.Sprint("seed-", s), func(t *testing.T) {
			r := newTrial(t, s, n, *across || s%3 == 0, false)
			r.work(n)
			ticked()
			renames := s%2 == 0 // the kernel may show one of two files alone if one was copied up and the human has renamed the other since
			human := generator{r: rand.New(rand.NewPCG(s, 1)), tops: []string{r.folder}, before: true, noLinks: true, noRenames: !renames}
			for range max(n/20, 5) {
				human.step(t)
			}
			before, told := dump(t, r.folder, true, false), r.told()
			if !strings.Contains(told, "! ") {
				return
			}
			met++
			want := ""
			if !renames {
				want = r.view()
			}
			if r.conflictsOrNothing(Refuse) {
				t.Fatalf("it was kept, in spite of\n%s", told)
			}
			r.oursStays(before, told)
			for range 2 {
				if err := powerless(func() error { return withLock(r.d, func() error { _, err := r.d.Keep(nil, Theirs); return err }) }); err != nil {
					t.Fatalf("keep: %v, where\n%s", err, told)
				}
				if !renames {
					differ(t, "what was kept", dump(t, r.folder, false, false), want)
				}
				if err := powerless(func() error { return do(r.d, "undo") }); err != nil {
					t.Fatalf("undo: %v, where\n%s", err, told)
				}
				differ(t, "what undo brought back", dump(t, r.folder, true, false), before)
				if !renames {
					differ(t, "the draft after undo", r.view(), want)
				}
				r.conflictsAre(told)
			}
			r.drop()
		})
	}
	t.Logf("%d operations and %d of the human's in %d drafts, of which %d met, with the seeds from %d on: %s", *operations, *operations/20, drafts, met, *seed, time.Since(begun).Round(time.Second))
}

// edited returns lines of which every fourth, from one on, may have a word more.
func edited(g *rand.Rand, lines []string, from int, word string) []string {
	all := slices.Clone(lines)
	for at := from; at < len(all); at += 4 {
		if g.IntN(5) == 0 {
			all[at] += word
		}
	}
	return all
}

// both returns lines that each side has changed in other places.
func both(base, one, other []string) []string {
	all := slices.Clone(one)
	for at := range all {
		if other[at] != base[at] {
			all[at] = other[at]
		}
	}
	return all
}

// For any lines that both sides change, git puts them together, or nothing is kept; undo brings back the human's.
func TestMergeOfRandomLines(t *testing.T) {
	t.Parallel()
	begun, drafts, merges := time.Now(), 0, 0
	for left := *operations; left > 0; left -= *perDraft {
		s := *seed + uint64(drafts)
		drafts++
		t.Run(fmt.Sprint("seed-", s), func(t *testing.T) {
			g := rand.New(rand.NewPCG(s, 2))
			b := newBenchOn(t, *across || s%3 == 0)
			write := func(top, name string, lines []string) {
				b.ok(os.MkdirAll(filepath.Join(top, filepath.Dir(name)), 0o755))
				b.ok(os.WriteFile(filepath.Join(top, name), []byte(strings.Join(lines, "\n")+"\n"), 0o644))
			}
			base := strings.Split(strings.TrimSpace(b.in(b.home, "seq -f 'line %g' 40")), "\n")
			agent, human := map[string][]string{}, map[string][]string{}
			for i := range 1 + g.IntN(20) {
				name := fmt.Sprintf("d%d/f%d", i%3, i)
				agent[name], human[name] = edited(g, base, 0, " of the agent"), edited(g, base, 2, " of the human")
				write(b.folder, name, base)
			}
			clash := g.IntN(4) == 0
			if clash {
				agent["d0/f0"][5] += " of the agent"
				human["d0/f0"][5] += " of the human"
			}
			b.in(b.folder, "git init -q -b main .; git add .; git -c user.name=a -c user.email=a@b commit -qm one")
			b.begin()
			b.mount()
			for name, lines := range agent {
				write(b.mounted, name, lines)
			}
			moved := "d0"
			if g.IntN(3) == 0 {
				moved = "e"
				b.in(b.mounted, "mv d0 e; echo n >e/n")
			}
			b.unmount()
			ticked()
			for name, lines := range human {
				write(b.folder, name, lines)
			}
			before := dump(t, b.folder, true, false)
			err := powerless(func() error { return withLock(b.d, func() error { _, err := b.d.Keep(nil, Merge); return err }) })
			if refused := errors.As(err, new(*Conflicted)); refused != clash || err != nil && !refused {
				t.Fatalf("keep: %v, where they have changed one line: %v", err, clash)
			}
			if !clash {
				merges++
				for name := range agent {
					text, err := os.ReadFile(filepath.Join(b.folder, strings.Replace(name, "d0", moved, 1)))
					b.ok(err)
					differ(t, name, string(text), strings.Join(both(base, agent[name], human[name]), "\n")+"\n")
				}
				b.ok(powerless(func() error { return do(b.d, "undo") }))
			}
			differ(t, "the folder", dump(t, b.folder, true, false), before)
		})
	}
	t.Logf("%d drafts, of which %d were merged, with the seeds from %d on: %s", drafts, merges, *seed, time.Since(begun).Round(time.Second))
}
