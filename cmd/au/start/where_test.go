// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
)

// folders makes a home with a share, a project and a link in it, and returns it.
func folders(t *testing.T) (home string) {
	t.Helper()
	home, err := filepath.EvalSymlinks(t.TempDir())
	if err == nil {
		err = errors.Join(os.MkdirAll(home+"/shared/sub", 0o755), os.MkdirAll(home+"/project", 0o755), os.Symlink("shared", home+"/link"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return home
}

func TestDirectory(t *testing.T) {
	home := folders(t)
	outside := t.TempDir()
	shares := []config.Mount{{Source: home + "/shared", Target: "/home/agent/there"}}
	for _, c := range []struct {
		from, wanted string
		dir          string
		elsewhere    *Elsewhere
	}{
		{home + "/shared", "", "/home/agent/there", nil},
		{home + "/shared/sub", "", "/home/agent/there/sub", nil},
		{home + "/link/sub", "", "/home/agent/there/sub", nil},
		{home, "", "/home/agent", nil},
		{"/", "", "/home/agent", nil},
		{"/usr/share", "", "/home/agent", nil},
		{"/tmp", "", "/home/agent", nil},
		{home + "/project", "", "", &Elsewhere{home + "/project", true}},
		{home, "shared", "/home/agent/there", nil},
		{home, "link/sub", "/home/agent/there/sub", nil},
		{home, "project", "", &Elsewhere{home + "/project", true}},
		{home, "nosuch", "", &Elsewhere{home + "/nosuch", true}},
		{home + "/project", home, "/home/agent", nil},
		{home + "/project", "/home/agent", "/home/agent", nil},
		{home + "/project", "/home/agent/x/../y", "/home/agent/y", nil},
		{home + "/project", "/usr", "/usr", nil},
		{home + "/project", outside, outside, nil},
	} {
		t.Chdir(c.from)
		dir, err := Directory(c.wanted, home, "/home/agent", shares, anybody)
		var elsewhere *Elsewhere
		errors.As(err, &elsewhere)
		if dir != c.dir || (elsewhere == nil) != (c.elsewhere == nil) || elsewhere != nil && *elsewhere != *c.elsewhere {
			t.Errorf("in %s, -d %q starts in %q, %v", c.from, c.wanted, dir, err)
		}
	}
}

func TestDirectoryThatIsGone(t *testing.T) {
	home := folders(t)
	t.Chdir(home + "/project")
	if err := os.Remove(home + "/project"); err != nil {
		t.Fatal(err)
	}
	for _, again := range []bool{false, true} { // there may be another one of that name by now
		if again {
			os.Mkdir(home+"/project", 0o755)
		}
		for _, wanted := range []string{"", ".", "sub"} {
			dir, err := Directory(wanted, home, "/home/agent", nil, anybody)
			var elsewhere *Elsewhere
			if !errors.As(err, &elsewhere) || elsewhere.Folder != "" {
				t.Errorf("a deleted folder, -d %q: starts in %q, %v", wanted, dir, err)
			}
		}
		if dir, err := Directory("/home/agent", home, "/home/agent", nil, anybody); err != nil || dir != "/home/agent" {
			t.Errorf("a deleted folder, -d of the agent's home: starts in %q, %v", dir, err)
		}
	}
}

// anybody follows every link.
var anybody = Follower{Writable: func() []share.Writable { return nil }}
