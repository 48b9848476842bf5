// SPDX-License-Identifier: GPL-3.0-or-later

package rootside

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/a4u2/au/internal/counted"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/share"
	"github.com/a4u2/au/provision/step"
	"golang.org/x/sys/unix"
)

// TestTakeBackFromOthersFolder is that a share is taken back in a folder of somebody else, too: the agent's files become the
// human's, and its group is in no ACL.
func TestTakeBackFromOthersFolder(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can")
	}
	const agent, group, human, team = 1003, 1004, 1000, 900
	home, shared := t.TempDir(), t.TempDir()
	made := filepath.Join(shared, "made")
	entry := share.ACLEntry{Tag: share.ACLGroup, Perm: 7, ID: group}
	acl := append(share.ModeACL(0o775), share.ACLEntry{Tag: share.ACLMask, Perm: 7}, entry).Sorted()
	for _, c := range []struct {
		path     string
		uid, gid int
	}{{home, human, human}, {shared, 0, team}, {made, agent, team}, {filepath.Join(shared, "roots"), 0, team}} {
		if err := os.MkdirAll(c.path, 0o775); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(c.path, c.uid, c.gid); err != nil {
			t.Fatal(err)
		}
		fd, err := unix.Open(c.path, unix.O_PATH, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{share.ACLAccess, share.ACLDefault} {
			if err := step.WriteXattr(fd, name, acl.Value()); err != nil {
				t.Skip(err)
			}
		}
		unix.Close(fd)
	}
	var out strings.Builder
	who := provision.TakeBack{Agent: agent, Group: group, Human: human, HumanGroup: human}
	if err := (&Root{out: &out}).TakeBack(who, "", []string{shared}, []string{home}); err != nil {
		t.Fatal(err)
	}
	for path, uid := range map[string]uint32{shared: 0, made: human, filepath.Join(shared, "roots"): 0} {
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Sys().(*syscall.Stat_t).Uid; got != uid {
			t.Errorf("%s is uid %d's, want %d", path, got, uid)
		}
		for _, name := range []string{share.ACLAccess, share.ACLDefault} {
			if n, err := unix.Lgetxattr(path, name, nil); err == nil {
				t.Errorf("%s still has an ACL of %d bytes: %s", path, n, name)
			}
		}
	}
	if err := (&Root{out: &out}).TakeBack(who, "", nil, []string{shared}); err == nil || !strings.Contains(err.Error(), "belongs to uid 0") {
		t.Errorf("a folder that is neither a share nor the human's: %v", err)
	}
}

// TestTakeBackOfWhatIsMounted is that a share on a file system of its own is taken back whole, also where it is mounted in a folder
// that is walked before it; and that nothing else which is mounted there is touched.
func TestTakeBackOfWhatIsMounted(t *testing.T) {
	if os.Getenv("IN_OWN_MOUNTS") == "" {
		inOwnMounts(t)
		return
	}
	const agent, group, human = 1003, 1004, 1000
	home := t.TempDir()
	shared, disk := home+"/shared", home+"/disk"
	for _, err := range []error{
		os.Chown(home, human, human), os.Mkdir(shared, 0o755), os.Mkdir(disk, 0o755),
		unix.Mount("tmpfs", shared, "tmpfs", 0, "mode=755,uid=1000"), unix.Mount("tmpfs", disk, "tmpfs", 0, "mode=755,uid=1003"),
		os.Mkdir(shared+"/made", 0o755), os.Chown(shared+"/made", agent, group),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	defer unix.Unmount(shared, unix.MNT_DETACH)
	defer unix.Unmount(disk, unix.MNT_DETACH)
	var out strings.Builder
	who := provision.TakeBack{Agent: agent, Group: group, Human: human, HumanGroup: human}
	if err := (&Root{out: &out}).TakeBack(who, "", []string{shared}, []string{home}); err != nil {
		t.Fatal(err)
	}
	for path, uid := range map[string]uint32{shared + "/made": human, disk: agent} {
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil || st.Uid != uid {
			t.Errorf("%s belongs to uid %d, want %d (%v)\n%s", path, st.Uid, uid, err, out.String())
		}
	}
}

// inOwnMounts runs the test again where it can mount, and nobody sees it.
func inOwnMounts(t *testing.T) {
	if os.Geteuid() != 0 || exec.Command("unshare", "-m", "true").Run() != nil {
		t.Skip("no mounts of its own here")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "-m", "--propagation", "private", self, "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Args = append(cmd.Args, counted.Flags()...)
	cmd.Env = append(os.Environ(), "IN_OWN_MOUNTS=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
