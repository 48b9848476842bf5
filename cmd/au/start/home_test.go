// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/a4u2/au/internal/accounts"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
)

var alice = accounts.User{Name: "alice", UID: 1000, GID: 1000, Home: "/home/alice"}

// folder is what lstat(2) says of one.
type folder struct {
	uid, gid uint32
	mode     fs.FileMode
}

func (f folder) Name() string       { return "" }
func (f folder) Size() int64        { return 0 }
func (f folder) Mode() fs.FileMode  { return fs.ModeDir | f.mode }
func (f folder) ModTime() time.Time { return time.Time{} }
func (f folder) IsDir() bool        { return true }
func (f folder) Sys() any           { return &syscall.Stat_t{Uid: f.uid, Gid: f.gid} }

// with returns a machine with these folders and ACLs, on which bob is in the group 100 and remote, whom no file names, has 5000 as
// their own.
func with(folders map[string]folder, acls map[string]share.ACL) Machine {
	return Machine{
		Lstat: func(path string) (fs.FileInfo, error) {
			if f, ok := folders[path]; ok {
				return f, nil
			}
			return nil, fs.ErrNotExist
		},
		ACL: func(path string) (share.ACL, error) { return acls[path], nil },
		Ask: func(database, key string) ([]byte, error) {
			switch database + " " + key {
			case "group 1000":
				return []byte("alice:x:1000:\n"), nil
			case "group 100":
				return []byte("users:x:100:bob\n"), nil
			case "group 5000":
				return []byte("domain:x:5000:\n"), nil
			case "passwd ":
				return []byte("alice:x:1000:1000::/home/alice:\nremote:x:5001:5000::/home/remote:\n"), nil
			}
			return nil, nil
		},
		Root: "/nosuch-root",
	}
}

func TestHomeOpenings(t *testing.T) {
	named := append(share.ModeACL(0o700), share.ACLEntry{Tag: share.ACLUser, Perm: 1, ID: 1001}, share.ACLEntry{Tag: share.ACLMask, Perm: 1})
	for name, c := range map[string]struct {
		home folder
		acl  share.ACL
		want string
	}{
		"closed":                      {folder{1000, 1000, 0o700}, nil, ""},
		"their_own_group":             {folder{1000, 1000, 0o750}, nil, ""},
		"a_group_with_another":        {folder{1000, 100, 0o750}, nil, "group 100"},
		"a_group_that_another_is_of":  {folder{1000, 5000, 0o750}, nil, "group 5000"},
		"a_group_that_nobody_knows":   {folder{1000, 6000, 0o750}, nil, "group 6000"},
		"everybody":                   {folder{1000, 1000, 0o711}, nil, "mode 0711"},
		"an_ACL":                      {folder{1000, 1000, 0o710}, named, "ACL user:1001:--x"},
		"an_ACL_behind_a_closed_mask": {folder{1000, 1000, 0o700}, named, ""},
	} {
		m := with(map[string]folder{"/home/alice": c.home}, map[string]share.ACL{"/home/alice": c.acl})
		open, err := m.HomeOpenings(alice, &config.Config{})
		got := ""
		if len(open) > 0 {
			got = open[0].Who()
		}
		if err != nil || got != c.want {
			t.Errorf("%s: others enter by %q, not %q: %v", name, got, c.want, err)
		}
		if open, err := m.HomeOpenings(alice, &config.Config{DisableHomeAccessCheck: true}); err != nil || open != nil {
			t.Errorf("%s: the config says that this is wanted, and yet: %v, %v", name, open, err)
		}
	}
	if open, err := with(nil, nil).HomeOpenings(alice, &config.Config{}); err == nil {
		t.Errorf("a home that is not there is open to %v", open)
	}
}

func TestShutAbove(t *testing.T) {
	named := append(share.ModeACL(0o700), share.ACLEntry{Tag: share.ACLUser, Perm: 1, ID: 1003}, share.ACLEntry{Tag: share.ACLMask, Perm: 1})
	for name, c := range map[string]struct {
		above folder
		acl   share.ACL
		want  bool
	}{
		"the_humans": {folder{1000, 7, 0o700}, nil, true}, "roots": {folder{0, 7, 0o700}, nil, true}, "their_group": {folder{1000, 1000, 0o750}, nil, true},
		"a_group": {folder{1000, 7, 0o750}, nil, false}, "open": {folder{0, 7, 0o755}, nil, false}, "anothers": {folder{1001, 7, 0o700}, nil, false},
		"an_acl": {folder{1000, 7, 0o710}, named, false},
	} {
		m := with(map[string]folder{"/x": c.above, "/x/y": {1000, 1000, 0o700}}, map[string]share.ACL{"/x": c.acl})
		if got := m.shutAbove("/x/y", alice); got != c.want {
			t.Errorf("%s: shut is %v", name, got)
		}
	}
	if with(nil, nil).shutAbove("/x/y", alice) {
		t.Error("a folder that is not there is shut")
	}
}

// A folder above a share outside the home is the human's or root's, and nobody else's to write; a run looks again.
func TestWayToAShareOutsideTheHome(t *testing.T) {
	open, shut := folder{0, 0, 0o755}, folder{1000, 1000, 0o700}
	for name, c := range map[string]struct {
		above        folder
		unfit, write string // what a run says of a share that is read-only, and of one that is written
	}{
		"shut":             {shut, "", ""},
		"open":             {open, "", "others can reach it now"},
		"anothers":         {folder{1001, 7, 0o755}, "belongs to uid 1001 by now", "belongs to uid 1001 by now"},
		"that_others_fill": {folder{0, 7, 0o777}, "can be written by others", "can be written by others"},
		"of_a_group":       {folder{0, 100, 0o775}, "can be written by others", "can be written by others"},
	} {
		m := with(map[string]folder{"/": open, "/srv": c.above, "/srv/x": shut}, nil)
		for _, readOnly := range []bool{true, false} {
			want := c.unfit
			if !readOnly {
				want = c.write
			}
			err := m.checkWays(Order{Human: alice, Known: &config.Config{}}, []config.Mount{{Source: "/srv/x", Target: "/home/agent/x", ReadOnly: readOnly}})
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s, read-only %v: the run says %v, want %q", name, readOnly, err, want)
			}
		}
	}
}

func TestReadACL(t *testing.T) {
	folder := t.TempDir()
	if acl, err := readACL(folder); acl != nil || err != nil {
		t.Errorf("a folder with only its mode: %v, %v", acl, err)
	}
	want := share.ModeACL(0o700).Grant(1003, 1)
	if err := syscall.Setxattr(folder, share.ACLAccess, want.Value(), 0); err != nil {
		t.Skip("no ACLs here:", err)
	}
	if acl, err := readACL(folder); err != nil || len(acl) != len(want) || acl[1] != want[1] {
		t.Errorf("%v is read as %v, %v", want, acl, err)
	}
	if acl, err := readACL(folder + "/nosuch"); err == nil || !os.IsNotExist(err) && acl != nil {
		t.Errorf("a folder that is not there: %v, %v", acl, err)
	}
}
