// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/a4u2/au/internal/counted"
	"golang.org/x/sys/unix"
)

// TestMain also plays another process, which adds N agents called PREFIX and a
// number, one update each.
func TestMain(m *testing.M) {
	path := os.Getenv("CONFIG_TEST_PATH")
	if path == "" {
		os.Exit(m.Run())
	}
	n, _ := strconv.Atoi(os.Args[2])
	for i := range n {
		err := Update(context.Background(), path, mine, UpdateOptions{}, func(c *Config) error {
			c.Agents = append(c.Agents, Agent{UserName: fmt.Sprint(os.Args[1], i)})
			return nil
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			counted.Exit(1)
		}
	}
	counted.Exit(0)
}

// helper returns a process that adds n agents to the file at path.
func helper(path, prefix string, n int) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", prefix, strconv.Itoa(n))
	cmd.Env = []string{"CONFIG_TEST_PATH=" + path}
	cmd.Stderr = os.Stderr
	return cmd
}

func addAgent(name string) func(*Config) error {
	return func(c *Config) error {
		c.Agents = append(c.Agents, Agent{UserName: name})
		return nil
	}
}

func update(path string, change func(*Config) error) error {
	return Update(context.Background(), path, mine, UpdateOptions{}, change)
}

func TestUpdateMakesFileAndFolderForTheirOwnerAlone(t *testing.T) {
	path := DefaultPath(filepath.Join(t.TempDir(), "home"))
	announced := ""
	opts := UpdateOptions{
		Waiting:  func() { t.Error("waited for nobody") },
		Announce: func(path string, text []byte) { announced = path + "\n" + string(text) },
	}
	if err := Update(context.Background(), path, mine, opts, addAgent("a")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if announced != path+"\n"+string(text) {
		t.Errorf("announced %q, wrote %q", announced, text)
	}
	for name, want := range map[string]fs.FileMode{path: 0o600, filepath.Dir(path): fs.ModeDir | 0o700} {
		if info, err := os.Stat(name); err != nil || info.Mode() != want {
			t.Errorf("%s: mode %v, %v; want %v", name, info.Mode(), err, want)
		}
	}
	announced = ""
	if err := Update(context.Background(), path, mine, opts, func(*Config) error { return nil }); err != nil || announced != "" {
		t.Errorf("no change: %v, announced %q", err, announced)
	}
}

func TestUpdateKeepsModeAndFollowsLinks(t *testing.T) {
	folder := t.TempDir()
	real := filepath.Join(folder, "dotfiles", "au.toml")
	link := filepath.Join(folder, "link.toml")
	via := filepath.Join(folder, "via")
	for _, err := range []error{
		os.Mkdir(filepath.Dir(real), 0o755),
		os.Symlink("dotfiles/au.toml", link),
		os.Symlink("dotfiles", via),
		os.WriteFile(real, []byte(as2), 0o600),
		os.Chmod(real, 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, path := range []string{link, filepath.Join(via, "au.toml"), filepath.Join(via, "..", "link.toml")} {
		if err := update(path, addAgent(fmt.Sprint("a", i))); err != nil {
			t.Fatal(err)
		}
	}
	if target, err := os.Readlink(link); err != nil || target != "dotfiles/au.toml" {
		t.Errorf("the link became %q, %v", target, err)
	}
	if info, _ := os.Stat(real); info.Mode() != 0o644 {
		t.Errorf("mode became %v", info.Mode())
	}
	if c, err := Load(real, mine); err != nil || len(c.Agents) != 5 {
		t.Errorf("read %+v, %v", c, err)
	}
	names, _ := filepath.Glob(filepath.Join(folder, "*", "*"))
	if len(names) != 2*2 { // file and lock, seen through both folders
		t.Errorf("left behind: %q", names)
	}
	dangling := filepath.Join(folder, "dangling.toml")
	if err := os.Symlink("dotfiles/new.toml", dangling); err != nil {
		t.Fatal(err)
	}
	if err := update(dangling, addAgent("a")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "dotfiles", "new.toml")); err != nil {
		t.Errorf("a link to no file yet: %v", err)
	}
}

func TestUpdateLeavesTheFileWhenItFails(t *testing.T) {
	folder := t.TempDir()
	broken := filepath.Join(folder, "broken.toml")
	write(t, broken, "[[agents]\n")
	good := filepath.Join(folder, "good.toml")
	write(t, good, as2)
	loop := filepath.Join(folder, "loop.toml")
	if err := os.Symlink("loop.toml", loop); err != nil {
		t.Fatal(err)
	}
	failed := errors.New("no")
	for _, c := range []struct {
		path   string
		change func(*Config) error
		want   string
	}{
		{broken, addAgent("a"), broken + ":1:9: expected ']]' to close array table name"},
		{good, func(c *Config) error { c.Agents = nil; return failed }, "no"},
		{good, addAgent("agent"), `agent "agent": want a name that no other entry has`},
		{loop, addAgent("a"), "configuration: open " + loop + ": too many levels of symbolic links"},
		{folder, addAgent("a"), fmt.Sprintf("configuration: %q is a folder: want a file", folder)},
		{filepath.Join(good, "c.toml"), addAgent("a"), "configuration: open " + good + ": not a directory"},
	} {
		before, _ := os.ReadFile(c.path)
		if err := update(c.path, c.change); err == nil || err.Error() != c.want {
			t.Errorf("%s:\n got %v\nwant %s", filepath.Base(c.path), err, c.want)
		}
		if after, _ := os.ReadFile(c.path); string(after) != string(before) {
			t.Errorf("%s became %q", c.path, after)
		}
	}
}

// A file larger than RLIMIT_FSIZE fails to be written half-way, as on a full
// disk.
func TestUpdateOnAFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.toml")
	write(t, path, as2+strings.Repeat("# long\n", 1000))
	before, _ := os.ReadFile(path)
	cmd := exec.Command("sh", "-c", `trap "" XFSZ; ulimit -f 4; exec "$0" x 1`, "/proc/"+strconv.Itoa(os.Getpid())+"/exe")
	cmd.Env = []string{"CONFIG_TEST_PATH=" + path, "PATH=" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.HasPrefix(string(out), "save the configuration: write ") {
		t.Errorf("said %q, %v", out, err)
	}
	if after, _ := os.ReadFile(path); string(after) != string(before) {
		t.Errorf("the file changed: %d bytes, were %d", len(after), len(before))
	}
	if names, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(names) > 0 {
		t.Errorf("left behind: %q", names)
	}
}

func TestUpdateInAFolderThatCannotBeWritten(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root writes everywhere")
	}
	folder := t.TempDir()
	path := filepath.Join(folder, "c.toml")
	write(t, path, as2)
	if err := os.Chmod(folder, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(folder, 0o700)
	if err := update(path, addAgent("a")); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("said %v", err)
	}
}

func TestProcessesThatUpdateAtOnceLoseNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.toml")
	var helpers []*exec.Cmd
	for _, prefix := range []string{"x", "y", "z"} {
		h := helper(path, prefix, 8)
		if err := h.Start(); err != nil {
			t.Fatal(err)
		}
		helpers = append(helpers, h)
	}
	for _, h := range helpers {
		if err := h.Wait(); err != nil {
			t.Error(err)
		}
	}
	if c, err := Load(path, mine); err != nil || len(c.Agents) != 24 {
		t.Errorf("%d agents of 24, %v", len(c.Agents), err)
	}
}

func TestKilledProcessLeavesAWholeFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.toml")
	whole, life := 0, 3*time.Millisecond
	for i := range 40 {
		h := helper(path, fmt.Sprint("r", i, "n"), 1000)
		if err := h.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(life)
		h.Process.Kill()
		h.Wait()
		c, err := Load(path, mine)
		if err != nil {
			t.Fatalf("after kill %d: %v", i, err)
		}
		if len(c.Agents) < whole {
			t.Fatalf("after kill %d: %d agents, were %d", i, len(c.Agents), whole)
		}
		// On a busy machine it begins late. Its life goes on to be about as long as it takes until it has saved something.
		if life = life * 5 / 4; len(c.Agents) > whole {
			life = life * 7 / 10
		}
		whole = len(c.Agents)
	}
	if whole == 0 {
		t.Error("no process came to saving before it was killed")
	}
	if err := update(path, addAgent("last")); err != nil {
		t.Errorf("an update after all kills: %v", err)
	}
}

func TestUpdateWaitsForTheLockAndCanBeCancelled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.toml")
	holder, err := os.Create(path + ".lock")
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	if err := unix.Flock(int(holder.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	waited := 0
	opts := UpdateOptions{Waiting: func() {
		if waited++; waited == 2 {
			cancel()
		}
	}}
	if err := Update(ctx, path, mine, opts, addAgent("a")); !errors.Is(err, context.Canceled) || waited != 2 {
		t.Errorf("cancelled: %v after waiting %d times", err, waited)
	}
	if _, err := os.Stat(path); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("a cancelled update wrote: %v", err)
	}
	opts.Waiting = func() { unix.Flock(int(holder.Fd()), unix.LOCK_UN) }
	if err := Update(context.Background(), path, mine, opts, addAgent("a")); err != nil {
		t.Errorf("after the lock was given back: %v", err)
	}
}
