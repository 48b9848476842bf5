// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var (
	operations = flag.Int("operations", 600, "how many random operations are done in drafts")
	perDraft   = flag.Int("per-draft", 100, "how many of them in one draft")
	parts      = flag.Bool("parts", true, "some paths are kept by themselves before all are")
)

// generator does the same random operations in several folders.
type generator struct {
	r       *rand.Rand
	tops    []string // where a walk reads the last one
	before  bool     // it is the human who works, before there is a draft: what they have they can read
	noLinks bool     // no file gets a second name

	noRenames bool // nothing gets another name
}

// some walks down to something that is there, or, where it is to be fresh, to any name in a folder that is. The walk reads a few
// folders: a list of the whole tree for each operation would take nearly all of the time.
func (g *generator) some(fresh bool) string {
	for at := ""; ; {
		all, _ := os.ReadDir(filepath.Join(g.tops[len(g.tops)-1], at))
		if fresh {
			all = slices.DeleteFunc(all, func(d fs.DirEntry) bool { return !d.IsDir() })
		}
		down := len(all) > 0 && (at == "" && !fresh || g.r.IntN(4) > 0)
		switch {
		case fresh && !down:
			return join(at, fmt.Sprintf("n%d", g.r.IntN(12)))
		case !down && at == "":
			return "none"
		case !down:
			return at
		}
		d := all[g.r.IntN(len(all))]
		if at = join(at, d.Name()); !d.IsDir() {
			return at
		}
	}
}

// step does one operation everywhere, with the same outcome.
func (g *generator) step(t *testing.T) {
	t.Helper()
	o := operation{g.r.IntN(kinds), g.some(false), g.some(g.r.IntN(3) > 0), strings.Repeat(fmt.Sprint(g.r.IntN(1000)), g.r.IntN(300)), g.mode()}
	if g.noLinks && o.kind == 8 || g.noRenames && (o.kind >= 5 && o.kind <= 7 || o.kind == 17) {
		o.kind = 0
	}
	if g.before {
		o.mode |= 0o500
	}
	var first error
	for i, top := range g.tops {
		err := o.do(filepath.Join(top, o.a), filepath.Join(top, o.c))
		if i == 0 {
			first = err
		} else if (err == nil) != (first == nil) {
			t.Fatalf("operation %d with %s and %s: %v in %s, and %v in %s", o.kind, o.a, o.c, first, g.tops[0], err, top)
		}
	}
}

// mode returns any that a file can have; one in four closes it to its owner.
func (g *generator) mode() uint32 {
	switch g.r.IntN(8) {
	case 0, 1:
		return uint32(g.r.IntN(0o1000))
	case 2:
		return uint32(0o700 | g.r.IntN(0o10000))
	}
	return uint32(0o700 | g.r.IntN(0o100))
}

// kinds is how many kinds of operations there are.
const kinds = 19

// operation is one of them: a is mostly there, and c mostly not.
type operation struct {
	kind int
	a, c string
	text string
	mode uint32
}

func (o operation) do(a, c string) error {
	switch o.kind {
	case 0, 1:
		return put(c, unix.O_CREAT|unix.O_TRUNC, o.mode, o.text, 0)
	case 2, 3:
		return put(a, unix.O_APPEND|unix.O_NOFOLLOW, 0, o.text, 0)
	case 4:
		if !is(a, unix.S_IFREG) {
			return os.ErrInvalid
		}
		return os.Truncate(a, int64(len(o.text)))
	case 5, 6, 7:
		return unix.Rename(a, c)
	case 8:
		return unix.Link(a, c)
	case 9:
		return unix.Unlink(a)
	case 10:
		return unix.Mkdir(c, o.mode)
	case 11:
		return o.again(a)
	case 14:
		return os.Symlink(o.a, c)
	case 16:
		return unix.Mkfifo(c, o.mode)
	case 17:
		return unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, c, unix.RENAME_EXCHANGE)
	case 18:
		return put(a, unix.O_NOFOLLOW, 0, o.text, int64(len(o.text)*37%70000))
	}
	if is(a, unix.S_IFLNK) {
		return os.ErrInvalid
	}
	key := fmt.Sprint("user.k", len(o.text)%3)
	switch o.kind {
	case 12:
		return unix.Chmod(a, o.mode)
	case 13:
		return unix.Setxattr(a, key, []byte(o.text[:min(len(o.text), 30)]), 0)
	}
	return unix.Removexattr(a, key)
}

// again removes a folder with all that is in it, and mostly makes it anew.
func (o operation) again(a string) error {
	if !is(a, unix.S_IFDIR) {
		return os.ErrInvalid
	}
	if err := os.RemoveAll(a); err != nil || len(o.text)%3 == 0 {
		return err
	}
	return unix.Mkdir(a, o.mode)
}

func is(name string, kind uint32) bool {
	var st unix.Stat_t
	return unix.Lstat(name, &st) == nil && st.Mode&unix.S_IFMT == kind
}

// put writes text to a file; a FIFO that nobody reads is an error.
func put(name string, flags int, mode uint32, text string, at int64) error {
	fd, err := unix.Open(name, unix.O_WRONLY|unix.O_NONBLOCK|flags, mode)
	if err != nil {
		return err
	}
	_, err = unix.Pwrite(fd, []byte(text), at)
	return errors.Join(err, unix.Close(fd))
}

// plant makes a tree to begin with.
func (g *generator) plant(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		c := g.some(true)
		for _, top := range g.tops {
			if i%3 == 0 {
				_ = os.Mkdir(filepath.Join(top, c), 0o755)
			} else {
				_ = os.WriteFile(filepath.Join(top, c), []byte(c+strings.Repeat("x", i)), 0o644)
			}
		}
	}
}

// trial is a draft with random operations in it, and what they make of a copy.
type trial struct {
	*bench
	g      *generator
	plain  string
	before string // the folder, with its times
	exact  string // the folder while the draft is open
	merged string // the draft
	want   string // what is to be kept
	across bool   // the folder is on another file system than the draft
	times  map[string]int64
	links  string
}

// newTrial plants a folder, and begins a draft of it. In a linked one the folder has files with several names: a write to one of
// them breaks the link, so nothing is compared with a copy.
func newTrial(t *testing.T, seed uint64, n int, across, linked bool) *trial {
	t.Helper()
	r := &trial{bench: newBenchOn(t, across), across: across, g: &generator{r: rand.New(rand.NewPCG(seed, 0)), before: true, noLinks: !linked}}
	if r.g.tops = []string{r.folder}; !linked {
		r.plain = filepath.Join(filepath.Dir(r.home), "plain")
		r.ok(os.Mkdir(r.plain, 0o755))
		r.g.tops = append(r.g.tops, r.plain)
	}
	r.g.plant(t, 40)
	for range n / 10 {
		r.g.step(t)
	}
	r.g.before, r.g.noLinks = false, false
	r.before = dump(t, r.folder, true, false)
	r.begin()
	r.exact = dump(t, r.folder, true, true)
	r.g.tops[0] = r.mounted
	return r
}

// work does n operations in the draft, which four runs have one after another.
func (r *trial) work(n int) {
	r.t.Helper()
	for i := range n {
		if i*4%n < 4 {
			if i > 0 {
				r.unmount()
				r.ok(powerless(r.prepare))
			}
			r.mount()
		}
		r.g.step(r.t)
	}
	r.merged = dump(r.t, r.mounted, false, false)
	r.times, r.links = timesAndLinks(r.t, r.mounted)
	r.unmount()
	if r.want = r.merged; r.plain != "" {
		r.want = dump(r.t, r.plain, false, false)
		differ(r.t, "the draft", r.merged, r.want)
	}
	differ(r.t, "the folder under a draft", dump(r.t, r.folder, true, true), r.exact)
	r.noConflicts("after the work")
}

// timesAndLinks returns when what is in a tree was changed, and which names in it are one file's.
func timesAndLinks(t *testing.T, top string) (map[string]int64, string) {
	t.Helper()
	times, first, lines := map[string]int64{}, map[[2]uint64]string{}, []string{}
	err := filepath.WalkDir(top, func(name string, _ fs.DirEntry, err error) error {
		var st unix.Stat_t
		if err := errors.Join(err, unix.Lstat(name, &st)); err != nil {
			return err
		}
		rel, _ := filepath.Rel(top, name)
		if kind := st.Mode & unix.S_IFMT; kind == unix.S_IFREG || kind == unix.S_IFDIR && rel != "." {
			times[rel] = st.Mtim.Nano()
		}
		if st.Mode&unix.S_IFMT == unix.S_IFDIR {
			return nil
		}
		key := [2]uint64{st.Dev, st.Ino}
		if one, ok := first[key]; ok {
			lines = append(lines, rel+" is "+one)
		} else {
			first[key] = rel
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return times, strings.Join(lines, "\n")
}

func (r *trial) noConflicts(when string) []Change {
	r.t.Helper()
	report, err := r.report()
	if err != nil {
		r.t.Fatalf("the report %s: %v", when, err)
	}
	if len(report.Conflicts) > 0 {
		r.t.Fatalf("conflicts %s: %q", when, report.Conflicts)
	}
	return report.Changes
}

// looksAsItDid mounts the draft again.
func (r *trial) looksAsItDid(when string) {
	r.t.Helper()
	r.ok(powerless(r.prepare))
	r.mount()
	differ(r.t, "the draft "+when, dump(r.t, r.mounted, false, false), r.merged)
	r.unmount()
}

// keepAndUndo keeps all, and takes it back.
func (r *trial) keepAndUndo() {
	r.t.Helper()
	if err := powerless(func() error { return do(r.d, "keep") }); err != nil {
		r.t.Fatalf("keep: %v", err)
	}
	differ(r.t, "what was kept", dump(r.t, r.folder, false, false), r.want)
	times, links := timesAndLinks(r.t, r.folder)
	if !r.across {
		differ(r.t, "files with several names", links, r.links)
	}
	for name, at := range times {
		if was := r.times[name]; at != was && !strings.Contains(r.before, fmt.Sprint(" ", at)) {
			r.t.Errorf("%s is of %d, and of %d in the draft", name, at, was)
		}
	}
	r.undo()
}

func (r *trial) undo() {
	r.t.Helper()
	if err := powerless(func() error { return do(r.d, "undo") }); err != nil {
		r.t.Fatalf("undo: %v", err)
	}
	differ(r.t, "what undo brought back", dump(r.t, r.folder, true, false), r.before)
	r.noConflicts("after undo")
	r.looksAsItDid("after undo")
}

// somePaths returns some of what has changed, or folders above it; nothing where nothing has.
func (r *trial) somePaths() (paths []string) {
	r.t.Helper()
	all := r.noConflicts("before a part is kept")
	for n := 1 + r.g.r.IntN(5); n > 0 && len(all) > 0; n-- {
		name := all[r.g.r.IntN(len(all))].Path
		for r.g.r.IntN(2) == 0 && strings.Contains(name, "/") {
			name, _ = split(name)
		}
		paths = append(paths, name)
	}
	return paths
}

// keepSome keeps some paths, where that can be done: the rest stays in the draft, which looks as it did.
func (r *trial) keepSome() {
	r.t.Helper()
	paths := r.somePaths()
	if len(paths) == 0 {
		return
	}
	exact := dump(r.t, r.folder, true, true)
	err := powerless(func() error { return withLock(r.d, func() error { _, err := r.d.Keep(paths, Refuse); return err }) })
	if err != nil {
		if !strings.Contains(err.Error(), "kept whole or not at all") {
			r.t.Log(r.told())
			r.t.Fatalf("keep %q: %v", paths, err)
		}
		differ(r.t, "the folder after a keep that was refused", dump(r.t, r.folder, true, true), exact)
		return
	}
	r.noConflicts(fmt.Sprintf("with what was kept of %q", paths))
	r.looksAsItDid(fmt.Sprintf("after %q was kept", paths))
	if r.d.KeptAt() != 0 {
		r.undo()
	}
}

func withLock(d *Draft, f func() error) error {
	unlock, err := d.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	return f()
}

// drop throws the draft away.
func (r *trial) drop() {
	r.t.Helper()
	exact := dump(r.t, r.folder, true, true)
	r.ok(powerless(func() error { return r.d.Drop(r.store) }))
	differ(r.t, "the folder after drop", dump(r.t, r.folder, true, true), exact)
	if left, _ := os.ReadDir(Dir(r.home)); len(left) > 0 {
		r.t.Errorf("drop left %v", left)
	}
}

// When random operations have made a draft, keep makes the folder the same. Undo brings back the files from before, and drop leaves
// the folder alone.
func TestKeepIsTheSameAsWithoutADraft(t *testing.T) {
	t.Parallel()
	begun, drafts := time.Now(), 0
	for left := *operations; left > 0; left -= *perDraft {
		n, s := min(left, *perDraft), *seed+uint64(drafts)
		across, linked := *across || s%3 == 0, s%4 == 0
		drafts++
		t.Run(fmt.Sprint("seed-", s), func(t *testing.T) {
			r := newTrial(t, s, n, across, linked)
			r.work(n)
			if *parts && !(across && linked) { // to copy one name of a file to another file system changes the others
				r.keepSome()
			}
			for range 2 {
				r.keepAndUndo()
			}
			r.drop()
		})
	}
	t.Logf("%d operations in %d drafts, with the seeds from %d on: %s", *operations, drafts, *seed, time.Since(begun).Round(time.Second))
}
