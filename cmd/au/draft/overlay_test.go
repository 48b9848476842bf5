// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var (
	operations = flag.Int("operations", 600, "how many random operations are done in drafts")
	kills      = flag.Int("kills", 30, "how often a keep or an undo is killed")
	across     = flag.Bool("across", false, "the folder is on another file system than the drafts")
	seed       = flag.Uint64("seed", 1, "of the random operations")
)

// TestMain runs the tests in a mount namespace of their own, where there are the rights for one.
func TestMain(m *testing.M) {
	if os.Getuid() == 0 && os.Getenv("IN_OWN_MOUNTS") == "" {
		if unshare, err := exec.LookPath("unshare"); err == nil {
			argv := append([]string{"unshare", "-m", "--propagation", "private", "--", "/proc/self/exe"}, os.Args[1:]...)
			self, err := os.Executable()
			if err == nil {
				argv[5] = self
				_ = unix.Exec(unshare, argv, append(os.Environ(), "IN_OWN_MOUNTS=1"))
			}
		}
	}
	unix.Umask(0o022)
	if len(os.Args) > 1 && os.Args[1] == "keep-and-undo" {
		os.Exit(keepAndUndo(os.Args[2:]))
	}
	os.Exit(m.Run())
}

// bench is a folder with a draft over it.
type bench struct {
	t                     *testing.T
	home, folder, mounted string
	store                 *Store
	d                     *Draft
}

// newBench makes one; it skips where no overlay can be mounted.
func newBench(t *testing.T) *bench { t.Helper(); return newBenchOn(t, *across) }

// newBenchOn makes one, with the folder on another file system than the drafts where across is.
func newBenchOn(t *testing.T, across bool) *bench {
	t.Helper()
	if os.Getenv("IN_OWN_MOUNTS") == "" {
		t.Skip("want root, for overlays in a mount namespace")
	}
	top := t.TempDir()
	b := &bench{t: t, home: filepath.Join(top, "home"), folder: filepath.Join(top, "home/p"), mounted: filepath.Join(top, "mounted")}
	for _, dir := range []string{b.home, b.folder, b.mounted} {
		b.ok(os.MkdirAll(dir, 0o755))
	}
	if across {
		b.ok(unix.Mount("tmpfs", b.folder, "tmpfs", 0, "mode=755"))
		t.Cleanup(func() { _ = unix.Unmount(b.folder, unix.MNT_DETACH) })
	}
	var err error
	b.store, err = Open(b.home, 0, direct)
	b.ok(err)
	t.Cleanup(func() { _ = unix.Unmount(b.mounted, unix.MNT_DETACH); b.store.close() })
	return b
}

func (b *bench) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// begin begins a draft, after what was done before is in the past.
func (b *bench) begin() {
	b.t.Helper()
	time.Sleep(15 * time.Millisecond)
	var err error
	b.d, err = b.store.Begin(Wanted{Name: "agent", Agent: "agent", Folder: b.folder, Now: time.Unix(1e9, 0)})
	b.ok(err)
	time.Sleep(15 * time.Millisecond)
}

func (b *bench) mount() {
	b.t.Helper()
	lower := b.folder
	if _, err := os.Stat(b.d.State() + "/hide"); err == nil {
		lower = b.d.State() + "/hide:" + b.folder
	}
	err := unix.Mount("overlay", b.mounted, "overlay", unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("lowerdir=%s,upperdir=%s/upper,workdir=%s/work,redirect_dir=on,metacopy=off,index=off,xino=off",
		lower, b.d.State(), b.d.State()))
	if err != nil {
		b.t.Skipf("mount an overlay: %v", err)
	}
}

func (b *bench) unmount() {
	b.t.Helper()
	b.ok(unix.Unmount(b.mounted, 0))
}

// in runs a shell script in a folder.
func (b *bench) in(dir, script string) string {
	b.t.Helper()
	cmd := exec.Command("sh", "-ec", script)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

// drafted runs a script of the agent's in a draft.
func (b *bench) drafted(script string) {
	b.t.Helper()
	b.mount()
	b.in(b.mounted, script)
	b.unmount()
}

// dump tells all of a tree that is to be the same; times as well where they are asked for, and what no copy has where exact is.
func dump(t *testing.T, top string, times, exact bool) string {
	t.Helper()
	p, err := openPlace(top)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	var lines []string
	err = filepath.WalkDir(top, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(name, &st); err != nil {
			return err
		}
		rel, _ := filepath.Rel(top, name)
		line := fmt.Sprintf("%q %o", rel, st.Mode)
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			text, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %d %x", len(text), sha256.Sum256(text))
		case unix.S_IFLNK:
			to, _ := os.Readlink(name)
			line += " -> " + to
		}
		at := rel
		if at == "." {
			at = ""
		}
		attrs, err := p.attributes(at)
		if err != nil {
			return err
		}
		line += fmt.Sprint(attrs)
		if times && st.Mode&unix.S_IFMT != unix.S_IFLNK {
			line += fmt.Sprint(" ", st.Mtim.Nano())
		}
		if exact {
			line += fmt.Sprint(" ", st.Ino, st.Ctim.Nano())
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

// differ fails with the lines that only one of two dumps has.
func differ(t *testing.T, what, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	one, other := map[string]bool{}, map[string]bool{}
	for l := range strings.SplitSeq(got, "\n") {
		one[l] = true
	}
	var out []string
	for l := range strings.SplitSeq(want, "\n") {
		if other[l] = true; !one[l] {
			out = append(out, "want "+l)
		}
	}
	for l := range one {
		if !other[l] {
			out = append(out, "got  "+l)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i][5:] < out[j][5:] })
	t.Fatalf("%s:\n%s", what, strings.Join(out[:min(len(out), 40)], "\n"))
}

// generator does the same random operations in several folders.
type generator struct {
	r    *rand.Rand
	tops []string
	n    int
}

// some returns a path that is there, or not, below a folder that is.
func (g *generator) some(fresh bool) string {
	var all []string
	_ = filepath.WalkDir(g.tops[0], func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == g.tops[0] {
			return err
		}
		if rel, _ := filepath.Rel(g.tops[0], name); !fresh || d.IsDir() {
			all = append(all, rel)
		}
		return nil
	})
	if !fresh {
		if len(all) == 0 {
			return "none"
		}
		return all[g.r.IntN(len(all))]
	}
	all = append(all, ".")
	g.n++
	return filepath.Join(all[g.r.IntN(len(all))], fmt.Sprintf("n%d", g.r.IntN(12)))
}

// step does one operation everywhere, with the same outcome.
func (g *generator) step(t *testing.T) {
	t.Helper()
	a, c := g.some(false), g.some(g.r.IntN(3) > 0)
	kind, text, mode := g.r.IntN(15), strings.Repeat(fmt.Sprint(g.r.IntN(1000)), g.r.IntN(300)), g.mode()
	var first error
	for i, top := range g.tops {
		err := operate(kind, filepath.Join(top, a), filepath.Join(top, c), a, text, mode)
		if i == 0 {
			first = err
		} else if (err == nil) != (first == nil) {
			t.Fatalf("operation %d with %s and %s: %v in the draft, and %v in the copy", kind, a, c, err, first)
		}
	}
}

// mode returns any that a file can have; one in four closes it to its owner.
func (g *generator) mode() os.FileMode {
	if g.r.IntN(4) == 0 {
		return os.FileMode(g.r.IntN(0o1000))
	}
	return os.FileMode(0o700 | g.r.IntN(0o100))
}

func operate(kind int, a, c, rel, text string, mode os.FileMode) error {
	switch kind {
	case 0, 1:
		return os.WriteFile(c, []byte(text), mode)
	case 2, 3:
		f, err := os.OpenFile(a, os.O_WRONLY|os.O_APPEND|unix.O_NOFOLLOW, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = f.WriteString(text)
		return err
	case 4:
		if st, err := os.Lstat(a); err != nil || !st.Mode().IsRegular() {
			return os.ErrInvalid
		}
		return os.Truncate(a, int64(len(text)))
	case 5, 6, 7:
		return unix.Rename(a, c)
	case 8:
		return unix.Link(a, c)
	case 9:
		return unix.Unlink(a)
	case 10:
		return os.Mkdir(c, mode)
	case 11:
		if st, err := os.Lstat(a); err != nil || !st.IsDir() {
			return os.ErrInvalid
		}
		if err := os.RemoveAll(a); err != nil {
			return err
		}
		if len(text)%2 == 0 {
			return os.Mkdir(a, mode)
		}
		return nil
	case 12:
		if st, err := os.Lstat(a); err != nil || st.Mode()&fs.ModeSymlink != 0 {
			return os.ErrInvalid
		}
		return os.Chmod(a, mode)
	case 13:
		if st, err := os.Lstat(a); err != nil || st.Mode()&fs.ModeSymlink != 0 {
			return os.ErrInvalid
		}
		return unix.Setxattr(a, "user.k"+fmt.Sprint(len(text)%3), []byte(text[:min(len(text), 30)]), 0)
	}
	return os.Symlink(rel, c)
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

// What random operations make of a draft, keep makes of the folder; undo brings back what was there, and drop leaves it alone.
func TestKeepIsTheSameAsWithoutADraft(t *testing.T) {
	const round = 60
	for n := 0; n < *operations; n += round {
		s := *seed + uint64(n)
		t.Run(fmt.Sprint("seed-", s), func(t *testing.T) {
			b := newBenchOn(t, *across || n/round%3 == 2)
			plain := filepath.Join(filepath.Dir(b.home), "plain")
			b.ok(os.Mkdir(plain, 0o755))
			g := &generator{r: rand.New(rand.NewPCG(s, 0)), tops: []string{b.folder, plain}}
			g.plant(t, 40)
			before := dump(t, b.folder, true, false)
			b.begin()
			exact := dump(t, b.folder, true, true)
			g.tops = []string{b.mounted, plain}
			b.mount()
			for i := range round {
				g.step(t)
				if i == round/2 { // another run of the same draft
					b.unmount()
					b.mount()
				}
			}
			merged := dump(t, b.mounted, false, false)
			b.unmount()
			differ(t, "the draft", merged, dump(t, plain, false, false))
			differ(t, "the folder under a draft", dump(t, b.folder, true, true), exact)
			report, err := b.report()
			b.ok(err)
			if len(report.Conflicts) > 0 {
				t.Fatalf("conflicts: %q", report.Conflicts)
			}
			want := dump(t, plain, false, false)
			for range 2 {
				b.ok(powerless(func() error { return do(b.d, "keep") }))
				differ(t, "what was kept", dump(t, b.folder, false, false), want)
				b.ok(powerless(func() error { return do(b.d, "undo") }))
				differ(t, "what undo brought back", dump(t, b.folder, true, false), before)
				report, err = b.report()
				b.ok(err)
				if len(report.Conflicts) > 0 {
					t.Fatalf("conflicts after undo: %q", report.Conflicts)
				}
				b.ok(powerless(b.prepare))
				b.mount()
				differ(t, "the draft after undo", dump(t, b.mounted, false, false), merged)
				b.unmount()
			}
			exact = dump(t, b.folder, true, true)
			b.ok(powerless(func() error { return b.d.Drop(b.store) }))
			differ(t, "the folder after drop", dump(t, b.folder, true, true), exact)
			if left, _ := os.ReadDir(Dir(b.home)); len(left) > 0 {
				t.Errorf("drop left %v", left)
			}
		})
	}
}
