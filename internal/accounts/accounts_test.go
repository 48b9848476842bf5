// SPDX-License-Identifier: GPL-3.0-or-later

package accounts

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestParseUserAndGroup(t *testing.T) {
	for line, want := range map[string]bool{
		"alice:x:1000:1000:Alice,,,:/home/alice:/bin/bash": true, "a:x:0:0:::": true,
		"": false, "alice:x:1000:1000": false, "a:x:b:0:::": false, "a:x:0:-1:::": false, "a:x:4294967296:0:::": false,
	} {
		if _, ok := ParseUser(line); ok != want {
			t.Errorf("ParseUser(%q) said %v", line, ok)
		}
	}
	u, _ := ParseUser("alice:x:1000:1001:Alice,,,:/home/alice:/bin/bash\n")
	if u != (User{Name: "alice", UID: 1000, GID: 1001, Comment: "Alice,,,", Home: "/home/alice", Shell: "/bin/bash"}) {
		t.Errorf("got %+v", u)
	}
	g, ok := ParseGroup("sudo:x:27:alice,bob\n")
	if !ok || !reflect.DeepEqual(g, Group{"sudo", 27, []string{"alice", "bob"}}) || !g.Member("bob") || g.Member("ali") {
		t.Errorf("got %+v, %v", g, ok)
	}
	if g, ok := ParseGroup("empty:x:5:"); !ok || len(g.Members) != 0 {
		t.Errorf("a group of nobody: %+v, %v", g, ok)
	}
	if _, ok := ParseGroup("sudo:x:27"); ok {
		t.Error("a line of three fields passed")
	}
}

// machine returns accounts of a machine with these files; what they do not hold is asked for in asked.
func machine(t *testing.T, passwd, group string, asked map[string]string) Files {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{"passwd": passwd, "group": group} {
		if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, "etc", name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return Files{Root: root, Ask: func(database, key string) ([]byte, error) { return []byte(asked[database+" "+key]), nil }}
}

func TestUser(t *testing.T) {
	passwd := "root:x:0:0::/root:/bin/sh\n+::1000:::/evil:\nx:x:1000\n1000:x:5:1000::/five:\nalice:x:1000:1000::/home/./alice/:/bin/sh\nagain:x:1000:1000::/again:\nrel:x:7:7::home:\nnone:x:8:8:::\n"
	f := machine(t, passwd, "", map[string]string{"passwd 2000": "remote:*:2000:2000::/net/remote:/bin/sh\n"})
	for uid, want := range map[uint32]string{0: "/root", 1000: "/home/alice", 5: "/five", 2000: "/net/remote"} {
		if u, err := f.User(uid); err != nil || u.Home != want || u.UID != uid {
			t.Errorf("uid %d: %+v, %v", uid, u, err)
		}
	}
	for uid, want := range map[uint32]string{7: "want an absolute path", 8: "want an absolute path", 9: "uid 9: no such user"} {
		if u, err := f.User(uid); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("uid %d: %+v, %v, without %q", uid, u, err, want)
		}
	}
}

func TestAlone(t *testing.T) {
	alice := User{Name: "alice", UID: 1000, GID: 1000}
	passwd := "alice:x:1000:1000::/home/alice:\nbob:x:1001:1001::/home/bob:\ncarol:x:1002:1005::/home/carol:\n"
	group := "alice:x:1000:\nhers:x:1003:alice\nboth:x:1004:alice,bob\ncarols:x:1005:alice\nnobodys:x:1006:\n"
	f := machine(t, passwd, group, map[string]string{"group 3000": "far:*:3000:alice\n", "group 3001": "far:*:3001:mallory\n"})
	for gid, want := range map[uint32]bool{1000: true, 1003: true, 1004: false, 1005: false, 1006: true, 3000: true, 3001: false, 4000: false} {
		if got := f.Alone(alice, gid); got != want {
			t.Errorf("group %d: alone is %v", gid, got)
		}
	}
}

func TestIn(t *testing.T) {
	alice := User{Name: "alice", UID: 1000, GID: 1000}
	f := machine(t, "", "alice:x:1000:\nboth:x:1004:alice,bob\nbobs:x:1005:bob\n", map[string]string{"group 3000": "far:*:3000:alice\n", "group 3001": "far:*:3001:bob\n"})
	for gid, want := range map[uint32]bool{1000: true, 1004: true, 1005: false, 3000: true, 3001: false, 4000: false} {
		if got := f.In(alice, gid); got != want {
			t.Errorf("group %d: in it is %v", gid, got)
		}
	}
}
