// SPDX-License-Identifier: GPL-3.0-or-later

package rootside

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

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
