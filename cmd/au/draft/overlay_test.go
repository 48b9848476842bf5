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
	flag.Parse()
	_ = flag.Set("test.parallel", "6") // a draft waits for disks and for other programs
	for key, value := range map[string]string{
		"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b",
		"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "maintenance.auto", "GIT_CONFIG_VALUE_0": "false", // it looks after each commit whether there is something to tidy
	} {
		_ = os.Setenv(key, value)
	}
	forget := onDiskInMemory()
	plants.top, _ = os.MkdirTemp("", "plants")
	status := m.Run()
	_ = os.RemoveAll(plants.top)
	forget()
	os.Exit(status)
}

// onDiskInMemory puts what the tests make on an ext4 in memory, where root may mount one. On a real disk, drafts would wait for it
// thousands of times.
func onDiskInMemory() (forget func()) {
	none := func() {}
	if os.Getenv("IN_OWN_MOUNTS") == "" {
		return none
	}
	top, err := os.MkdirTemp("", "drafts")
	if err != nil {
		return none
	}
	forget = func() { // the last one to unmount it takes the loop device, too
		_ = unix.Unmount(filepath.Join(top, "disk"), unix.MNT_DETACH)
		_ = unix.Unmount(top, unix.MNT_DETACH)
		_ = os.Remove(top)
	}
	out, err := exec.Command("sh", "-ec", `mount -t tmpfs -o mode=0755 drafts "$0"; cd "$0"; truncate -s 2G image; mkfs.ext4 -q image; mkdir disk
		mount -o loop,discard image disk; chmod 1777 disk`, top).CombinedOutput()
	if err != nil {
		fmt.Printf("the tests are on this machine's disk, and slow: %v %s\n", err, out)
		forget()
		return none
	}
	_ = os.Setenv("TMPDIR", filepath.Join(top, "disk"))
	return forget
}

// ticked waits until a file that changes has a later time than all that have changed until now.
func ticked() {
	var now unix.Timespec
	for begun := time.Now().UnixNano(); unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &now) == nil && now.Nano() <= begun; {
		time.Sleep(time.Millisecond)
	}
}

// unmount unmounts something. A program that another test has just started may have a file of it open for a moment.
func unmount(at string) error {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if err := unix.Unmount(at, 0); err != unix.EBUSY || time.Now().After(end) {
			return err
		}
	}
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
	b.store, err = Open(b.home, direct)
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
	ticked()
	var err error
	b.d, err = b.store.Begin(Wanted{Name: "agent", Agent: "agent", Folder: b.folder, Now: time.Unix(1e9, 0)})
	b.ok(err)
	ticked()
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
	b.ok(unmount(b.mounted))
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
