// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// keptSome keeps some of the changes, where that can be done.
func (r *trial) keptSome() (paths []string) {
	r.t.Helper()
	if paths = r.somePaths(); len(paths) == 0 {
		return nil
	}
	err := powerless(func() error { return withLock(r.d, func() error { _, err := r.d.Keep(paths, Refuse); return err }) })
	if err != nil && !strings.Contains(err.Error(), "kept whole or not at all") {
		r.t.Fatalf("keep %q: %v\n%s", paths, err, r.told())
	}
	return paths
}

// Runs and keeps of parts, one after another, make of the folder what the same makes of a copy; undo takes the last one back.
func TestPartsAreKeptBetweenRuns(t *testing.T) {
	t.Parallel()
	begun, drafts := time.Now(), 0
	for left := *operations; left > 0; left -= *perDraft {
		n, s := min(left, *perDraft), *seed+uint64(drafts)
		drafts++
		t.Run(fmt.Sprint("seed-", s), func(t *testing.T) {
			r := newTrial(t, s, n, *across || s%3 == 0, false)
			r.g.noLinks, r.g.before = true, true // a copy of one name that was kept is another file, and what is closed cannot be compared
			for phase := range 4 {
				r.ok(powerless(r.prepare))
				r.mount()
				for range max(n/4, 1) {
					r.g.step(t)
				}
				r.merged = dump(t, r.mounted, false, false)
				r.unmount()
				r.want = dump(t, r.plain, false, false)
				differ(t, fmt.Sprint("the draft in run ", phase), r.merged, r.want)
				if phase < 3 {
					paths := r.keptSome()
					r.noConflicts(fmt.Sprintf("with what was kept of %q", paths))
					r.looksAsItDid(fmt.Sprintf("after %q was kept", paths))
				}
			}
			r.before = dump(t, r.folder, true, false)
			r.noConflicts("before all is kept")
			for range 2 {
				if err := powerless(func() error { return do(r.d, "keep") }); err != nil {
					t.Fatalf("keep: %v", err)
				}
				differ(t, "what was kept", dump(t, r.folder, false, false), r.want)
				r.undo()
			}
			r.drop()
		})
	}
	t.Logf("%d operations in %d drafts, with the seeds from %d on: %s", *operations, drafts, *seed, time.Since(begun).Round(time.Second))
}

// After a keep of a part, what the human does is nothing that the rest of the draft takes from them silently.
func TestTheHumanAfterAPart(t *testing.T) {
	t.Parallel()
	for left, drafts := *operations, 0; left > 0; left -= *perDraft {
		n, s := min(left, *perDraft), *seed+uint64(drafts)
		drafts++
		t.Run(fmt.Sprint("seed-", s), func(t *testing.T) {
			r := newTrial(t, s, n, *across || s%3 == 0, false)
			r.g.before = true
			r.work(n)
			r.keptSome()
			ticked()
			var marks []string
			h := rand.New(rand.NewPCG(s, 3))
			_ = filepath.WalkDir(r.folder, func(name string, d os.DirEntry, err error) error {
				if err == nil && d.Type().IsRegular() && h.IntN(3) == 0 {
					mark := fmt.Sprintf("mark-%d-", len(marks))
					if f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0); err == nil {
						_, _ = f.WriteString(mark)
						_ = f.Close()
						marks = append(marks, mark)
					}
				}
				return nil
			})
			told := r.told()
			before := dump(t, r.folder, true, false)
			for _, answer := range []Answer{Refuse, Ours} {
				part := r.d.KeptAt()
				if answer == Refuse && !r.conflictsOrNothing(answer) {
					continue
				}
				if answer == Ours {
					if err := powerless(func() error { return withLock(r.d, func() error { _, err := r.d.Keep(nil, Ours); return err }) }); err != nil {
						t.Fatalf("keep: %v, where\n%s", err, told)
					}
				}
				all := r.in(r.folder, "find . -type f -exec cat {} +")
				for _, mark := range marks {
					if !strings.Contains(all, mark) {
						t.Fatalf("%s is lost after answer %d, where\n%s", mark, answer, told)
					}
				}
				if r.d.KeptAt() == part {
					return // there was nothing more to keep
				}
				if err := powerless(func() error { return do(r.d, "undo") }); err != nil {
					t.Fatalf("undo: %v", err)
				}
				differ(t, "what undo brought back", dump(t, r.folder, true, false), before)
			}
		})
	}
}
