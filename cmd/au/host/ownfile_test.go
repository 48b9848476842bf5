// SPDX-License-Identifier: GPL-3.0-or-later

package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/provision/share"
	"golang.org/x/sys/unix"
)

func TestOwnFile(t *testing.T) {
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"home", "share"} {
		if err := os.Mkdir(filepath.Join(top, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	file := func(name, text string) string {
		path := filepath.Join(top, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	link := func(name, to string) string {
		path := filepath.Join(top, name)
		if err := os.Symlink(to, path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pipe := func(path string) string {
		if err := unix.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	mine, shared := file("home/login", "secret"), file("share/login", "planted")
	follow := start.Follower{Agent: "agent", Writable: func() []share.Writable {
		return []share.Writable{{Source: filepath.Join(top, "share"), Agent: "agent"}}
	}}
	h, me := Real(""), uint32(os.Getuid())
	path, text, err := h.OwnFile(follow, mine, me, 100)
	if path != mine || string(text) != "secret" || err != nil {
		t.Errorf("the human's own is %q, %q, %v", path, text, err)
	}
	if path, _, err := h.OwnFile(follow, link("home/link", mine), me, 100); path != mine || err != nil {
		t.Errorf("by a link of the human's it is %q, %v", path, err)
	}
	for name, c := range map[string]struct{ word, want string }{
		"a file in a share":           {shared, "can write in"},
		"a link of the human's to it": {link("home/to-share", shared), "can write in"},
		"a link of the agent's":       {link("share/link", mine), "may have put it there"},
		"a pipe":                      {pipe(filepath.Join(top, "home/pipe")), "want a file of your own"},
		"what the kernel makes":       {fmt.Sprintf("/proc/%d/status", os.Getpid()), "want a file of your own"},
		"a folder":                    {filepath.Join(top, "home"), "is a directory"},
		"nothing":                     {filepath.Join(top, "home/none"), "no such file"},
	} {
		if _, text, err := h.OwnFile(follow, c.word, me, 100); err == nil || !strings.Contains(err.Error(), c.want) || text != nil {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	if _, _, err := h.OwnFile(follow, mine, me+1, 100); err == nil || !strings.Contains(err.Error(), "want a file of your own") {
		t.Errorf("somebody else's: %v", err)
	}
	if _, _, err := h.OwnFile(follow, mine, me, 3); err == nil {
		t.Error("one that is larger than it may be is read")
	}
}
