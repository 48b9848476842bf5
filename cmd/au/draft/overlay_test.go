// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"io/fs"
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
	kills  = flag.Int("kills", 30, "how often a keep or an undo is killed")
	across = flag.Bool("across", false, "the folder is on another file system than the drafts")
	seed   = flag.Uint64("seed", 1, "of the random operations")
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
	if len(os.Args) > 1 && os.Args[1] == "step-by-step" {
		os.Exit(stepByStep(os.Args[2:]))
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

// drafted runs a script of the agent in a draft.
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

// needGit skips a test where there is no git.
func needGit(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is missing")
	}
}
