// SPDX-License-Identifier: GPL-3.0-or-later

package step

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/a4u2/au/internal/counted"
	"github.com/a4u2/au/internal/tree"
	"golang.org/x/sys/unix"
)

// rooted returns a folder that stands for one of root alone.
func rooted(t *testing.T) string {
	t.Helper()
	rootUID = uint32(os.Getuid())
	t.Cleanup(func() { rootUID = 0 })
	folder := memory(t)
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}

// memory returns a folder of the test, in memory where there is such a file system: what is made here is more than a disk does in
// a moment.
func memory(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("/dev/shm", "au-test")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}

// chain makes so many folders, one in the other, each with a file beside the next.
func chain(t *testing.T, top string, levels int) {
	t.Helper()
	if err := os.Mkdir(top, 0o755); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(top, unix.O_PATH|unix.O_DIRECTORY, 0)
	for range levels {
		if err == nil {
			err = unix.Mkdirat(fd, "d", 0o755)
		}
		if err == nil {
			err = unix.Symlinkat("/etc", fd, "link")
		}
		var next int
		if err == nil {
			next, err = unix.Openat(fd, "d", unix.O_PATH|unix.O_DIRECTORY, 0)
		}
		unix.Close(fd)
		fd = next
	}
	unix.Close(fd)
	if err != nil {
		t.Fatal(err)
	}
}

// A tree far deeper than a path can be is walked, taken over and removed in time that grows with the tree.
func TestDeepTreesTakeLinearTime(t *testing.T) {
	folder := rooted(t)
	spent := map[int]time.Duration{}
	for _, levels := range []int{1000, 50000} {
		top := filepath.Join(folder, "deep")
		chain(t, top, levels)
		begin := time.Now()
		who := known{func(uint32) bool { return true }}
		if done, err := TakeOver(t.Context(), top, 1001, 1002, who); err != nil || done.Changed != 0 {
			t.Fatal(done, err)
		}
		if err := Remove(t.Context(), top); err != nil {
			t.Fatal(err)
		}
		spent[levels] = time.Since(begin)
		if _, err := os.Lstat(top); !os.IsNotExist(err) {
			t.Errorf("%d levels: %v", levels, err)
		}
	}
	if spent[50000] > 400*spent[1000] {
		t.Errorf("1,000 levels take %v, 50,000 take %v", spent[1000], spent[50000])
	}
}

func TestRemoveWideTreesAndWhatIsNoFolder(t *testing.T) {
	folder := rooted(t)
	top := filepath.Join(folder, "top")
	for d := range 300 {
		dir := fmt.Sprintf("%s/%d/%d", top, d, d)
		os.MkdirAll(dir, 0o755)
		for f := range 20 {
			os.WriteFile(fmt.Sprintf("%s/%d", dir, f), nil, 0o600)
		}
	}
	for _, name := range []string{"top", "file", "link", "nothing"} {
		os.WriteFile(folder+"/file", nil, 0o600)
		os.Symlink(t.TempDir(), folder+"/link")
		if err := Remove(t.Context(), filepath.Join(folder, name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Lstat(filepath.Join(folder, name)); !os.IsNotExist(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Remove(t.Context(), folder+"/no/such"); err != nil {
		t.Error(err)
	}
}

func TestRemoveFollowsNoLink(t *testing.T) {
	folder, outside := rooted(t), memory(t)
	os.WriteFile(outside+"/precious", nil, 0o600)
	os.Mkdir(folder+"/top", 0o755)
	os.Symlink(outside, folder+"/top/link")
	if err := Remove(t.Context(), folder+"/top"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(outside + "/precious"); err != nil {
		t.Error(err)
	}
}

// A folder that others can write in is no place to remove something by its name.
func TestRemoveWantsAFolderOfRoots(t *testing.T) {
	folder := rooted(t)
	os.Mkdir(folder+"/top", 0o755)
	for _, mode := range []os.FileMode{0o777, 0o775, os.ModeSticky | 0o777} {
		os.Chmod(folder, mode)
		if err := Remove(t.Context(), folder+"/top"); err == nil || !strings.Contains(err.Error(), "only root can write") {
			t.Errorf("mode %v: %v", mode, err)
		}
	}
	os.Chmod(folder, 0o755)
	rootUID++
	if err := Remove(t.Context(), folder+"/top"); err == nil {
		t.Error("a folder of somebody else's was taken")
	}
}

// While the tree is removed somebody swaps its folders for links to another one, and moves them there.
func TestRemoveWhileFoldersAreSwapped(t *testing.T) {
	folder, outside := rooted(t), memory(t)
	var precious []string
	for i := range 20 {
		os.MkdirAll(fmt.Sprintf("%s/d/%d", outside, i), 0o755)
		precious = append(precious, fmt.Sprintf("%s/d/%d/precious", outside, i))
		os.WriteFile(precious[i], nil, 0o600)
	}
	for round := range 5 {
		top := filepath.Join(folder, "top")
		for i := range 200 {
			os.MkdirAll(fmt.Sprintf("%s/%d/d/d/d/%d", top, i%20, i), 0o755)
		}
		var over atomic.Bool
		swapped := make(chan struct{})
		go func() {
			defer close(swapped)
			for i := 0; !over.Load(); i++ {
				dir := fmt.Sprintf("%s/%d/d", top, i%20)
				os.Rename(dir, fmt.Sprintf("%s/away%d.%d", outside, round, i))
				os.Symlink(outside, dir)
			}
		}()
		_ = Remove(t.Context(), top) // it may say that it changes too fast
		over.Store(true)
		<-swapped
		if err := Remove(t.Context(), top); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range precious {
		if _, err := os.Stat(name); err != nil {
			t.Error(err)
		}
	}
}

// known says the same of users and groups.
type known struct{ is func(uint32) bool }

func (k known) User(uid uint32) (bool, error)  { return k.is(uid), nil }
func (k known) Group(gid uint32) (bool, error) { return k.is(gid), nil }

// strangers makes files of uids and gids that nobody has; only root can.
func strangers(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	home := memory(t) + "/home"
	for _, dir := range []string{"", "/sub", "/shared", "/theirs"} {
		os.Mkdir(home+dir, 0o755)
	}
	for _, f := range []string{"/sub/file", "/sub/suid", "/sub/sgid", "/one", "/elsewhere", "/theirs/file"} {
		os.WriteFile(home+f, nil, 0o644)
	}
	os.Link(home+"/one", home+"/sub/two")
	os.Link(home+"/elsewhere", filepath.Dir(home)+"/elsewhere")
	os.Symlink("/etc/shadow", home+"/link")
	for _, f := range []string{"/sub", "/shared", "/sub/file", "/sub/suid", "/sub/sgid", "/one", "/elsewhere", "/link"} {
		os.Lchown(home+f, 4711, 4712)
	}
	os.Lchown(home+"/theirs", 4711, 0)
	os.Chmod(home+"/sub/suid", os.ModeSetuid|0o755)
	os.Chmod(home+"/sub/sgid", os.ModeSetgid|0o644)
	os.Chmod(home+"/shared", os.ModeSetgid|0o770)
	return home
}

func stat(t *testing.T, name string) string {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Lstat(name, &st); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d:%d %04o", st.Uid, st.Gid, st.Mode&0o7777)
}

func TestTakeOver(t *testing.T) {
	home := strangers(t)
	before := stat(t, "/etc/shadow")
	done, err := TakeOver(context.Background(), home, 1001, 1002, known{func(id uint32) bool { return id < 4000 }})
	if err != nil || len(done.Left) != 1 || done.Left[0] != "elsewhere" {
		t.Errorf("%+v, %v", done, err)
	}
	for name, want := range map[string]string{
		"": "0:0 0755", "/sub": "1001:1002 0755", "/shared": "1001:1002 2770", "/sub/file": "1001:1002 0644", "/sub/suid": "1001:1002 0755",
		"/sub/sgid": "1001:1002 0644", "/one": "1001:1002 0644", "/sub/two": "1001:1002 0644", "/elsewhere": "4711:4712 0644",
		"/link": "1001:1002 0777", "/theirs": "1001:0 0755", "/theirs/file": "0:0 0644",
	} {
		if got := stat(t, home+name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if stat(t, "/etc/shadow") != before {
		t.Error("what a link leads to has changed")
	}
}

// Just when a file has been looked at, its folder becomes a link to another one. By its path that other file would be given away;
// it is not.
func TestTakeOverIsLedNowhere(t *testing.T) {
	home := strangers(t)
	outside := memory(t)
	os.WriteFile(outside+"/file", nil, 0o600)
	os.Lchown(outside+"/file", 4713, 4713)
	swapped := false
	who := known{func(id uint32) bool {
		if id == 4711 && !swapped && exists(home+"/sub/two") {
			os.Rename(home+"/sub", home+"/was")
			os.Symlink(outside, home+"/sub")
			swapped = true
		}
		return id < 4000
	}}
	if _, err := TakeOver(context.Background(), home, 1001, 1002, who); err != nil || !swapped {
		t.Fatal(err, swapped)
	}
	if got := stat(t, outside+"/file"); got != "4713:4713 0600" {
		t.Errorf("the file outside is %s", got)
	}
	os.Chown(home+"/sub/file", 1001, 1002)
	if got := stat(t, outside+"/file"); got != "1001:1002 0600" {
		t.Errorf("by its path it stayed %s, so the link leads nowhere", got)
	}
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// While a home is taken over somebody in it swaps folders for links: nothing outside is changed, ever.
func TestTakeOverWhileFoldersAreSwapped(t *testing.T) {
	home := strangers(t)
	outside := memory(t)
	for i := range 50 {
		os.Mkdir(fmt.Sprintf("%s/d%d", home, i), 0o777)
		name := fmt.Sprintf("%s/f%d", outside, i)
		os.WriteFile(name, nil, 0o600)
		os.Lchown(name, 4713, 4713) // nobody's as well: following the link would give it away
		for f := range 50 {
			os.WriteFile(fmt.Sprintf("%s/d%d/f%d", home, i, f), nil, 0o600)
		}
	}
	for range 5 {
		var over atomic.Bool
		swapped := make(chan struct{})
		go func() {
			defer close(swapped)
			for i := 0; !over.Load(); i++ {
				dir := fmt.Sprintf("%s/d%d", home, i%50)
				os.Rename(dir, dir+".was")
				os.Symlink(outside, dir)
				os.Remove(dir)
				os.Rename(dir+".was", dir)
			}
		}()
		_, err := TakeOver(context.Background(), home, 1001, 1002, known{func(id uint32) bool { return id < 4000 }})
		over.Store(true)
		<-swapped
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 50 {
		if got := stat(t, fmt.Sprintf("%s/f%d", outside, i)); got != "4713:4713 0600" {
			t.Fatalf("a file outside became %s", got)
		}
	}
}

// A mount below a folder is another tree: a folder or a file, on the same file system or another one. Not even its top
// changes hands.
func TestMountsAreLeftOut(t *testing.T) {
	if os.Getenv("IN_OWN_MOUNTS") == "" {
		inOwnMounts(t)
		return
	}
	const agent, human, group = 4711, 4001, 4712
	home, beside := memory(t), memory(t)
	mustDo(t, os.Chown(home, human, human))
	for _, folder := range []string{beside + "/bound", beside + "/disk", home + "/bound", home + "/disk"} {
		mustDo(t, os.Mkdir(folder, 0o755))
	}
	for _, file := range []string{beside + "/file", beside + "/suid", home + "/file", home + "/suid", home + "/plain"} {
		mustDo(t, os.WriteFile(file, nil, 0o644))
	}
	mustDo(t, os.Chown(beside+"/suid", 0, group))
	mustDo(t, unix.Chmod(beside+"/suid", 0o4750))
	mustDo(t, unix.Mount("tmpfs", home+"/disk", "tmpfs", 0, "mode=755"))
	defer unix.Unmount(home+"/disk", unix.MNT_DETACH)
	for _, name := range []string{"/bound", "/file", "/suid"} {
		mustDo(t, unix.Mount(beside+name, home+name, "", unix.MS_BIND, ""))
		defer unix.Unmount(home+name, unix.MNT_DETACH)
	}
	mounted := []string{home + "/bound", home + "/disk", home + "/file"}
	for _, name := range append(mounted, home+"/plain") {
		mustDo(t, os.Chown(name, agent, group))
	}
	found, err := Disarm(t.Context(), home, group)
	if err != nil || len(found) > 0 || stat(t, beside+"/suid") != "0:4712 4750" {
		t.Errorf("disarmed %q, %v: %s", found, err, stat(t, beside+"/suid"))
	}
	done, err := GiveBack(t.Context(), home, agent, human, human)
	if err != nil || done.Changed != 1 || len(done.Left) != len(mounted) {
		t.Errorf("given back: %+v, %v", done, err)
	}
	mustDo(t, os.Chown(home+"/plain", agent, group))
	done, err = TakeOver(t.Context(), home, 1001, 1002, known{func(id uint32) bool { return id < 4000 }})
	if err != nil || done.Changed != 1 {
		t.Errorf("taken over: %+v, %v", done, err)
	}
	for _, name := range mounted {
		if got := stat(t, name); !strings.HasPrefix(got, "4711:4712 ") {
			t.Errorf("%s is %s", name, got)
		}
	}
}

// A file that is another one at the second look stays, and nobody says that it is gone.
func TestDisarmLooksTwice(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives a file away")
	}
	const group = 4712
	home := memory(t)
	files, err := tree.Open(home, true)
	mustDo(t, err)
	defer files.Close()
	mustDo(t, os.WriteFile(home+"/other", nil, 0o755))
	mustDo(t, os.WriteFile(home+"/suid", nil, 0o755))
	mustDo(t, os.Chown(home+"/suid", 0, group))
	mustDo(t, unix.Chmod(home+"/suid", 0o4750))
	mustDo(t, files.Walk(t.Context(), func(e tree.Entry) error {
		if e.Name != "suid" {
			return nil
		}
		mustDo(t, os.Rename(home+"/suid", home+"/away"))
		mustDo(t, os.Rename(home+"/other", home+"/suid"))
		if removed, err := disarm(e, group); err != nil || removed {
			t.Errorf("it says of another file: removed %v, %v", removed, err)
		}
		return nil
	}, func(string, error) {}))
	if _, err := os.Stat(home + "/suid"); err != nil {
		t.Error("another file is gone")
	}
	if found, err := Disarm(t.Context(), home, group); err != nil || len(found) != 1 || found[0] != "away" {
		t.Errorf("disarmed %q, %v", found, err)
	}
}

func mustDo(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// inOwnMounts runs the test again where it can mount, and nobody sees it.
func inOwnMounts(t *testing.T) {
	if os.Geteuid() != 0 || exec.Command("unshare", "-m", "true").Run() != nil {
		t.Skip("no mounts of its own here")
	}
	self, err := os.Executable()
	mustDo(t, err)
	cmd := exec.Command("unshare", "-m", "--propagation", "private", self, "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Args = append(cmd.Args, counted.Flags()...)
	cmd.Env = append(os.Environ(), "IN_OWN_MOUNTS=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestClear(t *testing.T) {
	home := strangers(t)
	os.Mkdir(home+"/sub/deep", 0o755)
	os.Lchown(home+"/sub/deep", 4711, 4712)
	unix.Mkfifo(home+"/sub/deep/pipe", 0o644)
	os.Lchown(home+"/sub/deep/pipe", 4711, 4712)
	if n, err := Clear(context.Background(), home, 4711); err != nil || n != 11 {
		t.Errorf("%d removed, %v", n, err)
	}
	for name, there := range map[string]bool{"/sub": false, "/shared": false, "/link": false, "/theirs/file": true, "/theirs": true, "/sub/file": false, "/one": false, "/sub/two": false} {
		if _, err := os.Lstat(home + name); (err == nil) != there {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Clear(context.Background(), home, 0); err == nil {
		t.Error("root's files are cleared")
	}
}
