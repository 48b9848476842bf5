// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
)

// folders makes a home with a share, a project and a link in it, and returns it.
func folders(t *testing.T) (home string) {
	t.Helper()
	home, err := filepath.EvalSymlinks(t.TempDir())
	if err == nil {
		err = errors.Join(os.MkdirAll(home+"/shared/sub", 0o755), os.MkdirAll(home+"/apart/sub", 0o755), os.MkdirAll(home+"/project", 0o755), os.Symlink("shared", home+"/link"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return home
}

func TestDirectory(t *testing.T) {
	home := folders(t)
	outside := t.TempDir()
	shares := []config.Mount{{Source: home + "/shared", Target: "/home/agent/there"}, {Source: home + "/apart", Target: "/home/agent/apart", TargetOnly: true}}
	for _, c := range []struct {
		from, wanted string
		dir          string
		elsewhere    *Elsewhere
	}{
		{home + "/shared", "", home + "/shared", nil},
		{home + "/shared/sub", "", home + "/shared/sub", nil},
		{home + "/link/sub", "", home + "/shared/sub", nil},
		{home + "/apart/sub", "", "/home/agent/apart/sub", nil},
		{home, "", "/home/agent", nil},
		{"/", "", "/home/agent", nil},
		{"/usr/share", "", "/home/agent", nil},
		{"/tmp", "", "/home/agent", nil},
		{home + "/project", "", "", &Elsewhere{home + "/project", true}},
		{home, "shared", home + "/shared", nil},
		{home, "link/sub", home + "/shared/sub", nil},
		{home, "/home/agent/there", "/home/agent/there", nil},
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

func TestShown(t *testing.T) {
	ro := func(source, target string) config.Mount {
		return config.Mount{Source: "/home/alice/" + source, Target: "/home/agent/" + target, ReadOnly: true}
	}
	rw := func(source, target string) config.Mount {
		m := ro(source, target)
		m.ReadOnly = false
		return m
	}
	targetOnly := func(m config.Mount) config.Mount {
		m.TargetOnly = true
		return m
	}
	for name, c := range map[string]struct {
		shares  []config.Mount
		version int
		want    []bool
	}{
		"each at its own path":                     {[]config.Mount{ro("a", "a"), rw("b", "x/b"), targetOnly(rw("c", "c"))}, 2, []bool{false, false, true}},
		"an entrypoint of before":                  {[]config.Mount{ro("a", "a")}, 1, []bool{true}},
		"one that says no version":                 {[]config.Mount{ro("a", "a")}, 0, []bool{true}},
		"a folder in a folder, at its place there": {[]config.Mount{ro("a", "a"), rw("a/b", "a/b")}, 2, []bool{false, false}},
		"another covers what is in it":             {[]config.Mount{rw("a", "a"), ro("b", "a/secret"), ro("ab", "ab")}, 2, []bool{true, false, false}},
		"a part of it covers another part":         {[]config.Mount{rw("a", "a"), ro("a/b", "a/c")}, 2, []bool{true, false}},
		"what is read-only is so at its target":    {[]config.Mount{rw("a", "a"), targetOnly(ro("a/b", "a/b"))}, 2, []bool{true, true}},
		"what is read-only is so at both":          {[]config.Mount{rw("a", "a"), ro("a/b", "a/b")}, 2, []bool{false, false}},
	} {
		for i, m := range Shown(c.shares, csrc.Policy{Version: c.version}) {
			if m.TargetOnly != c.want[i] {
				t.Errorf("%s: %s at its target alone is %v", name, m.Source, m.TargetOnly)
			}
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
