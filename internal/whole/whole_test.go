// SPDX-License-Identifier: GPL-3.0-or-later

package whole

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

var mine = As{Mode: 0o640, UID: -1, GID: -1}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// only checks that a folder holds that one file, with the text and mode.
func only(t *testing.T, path, text string, mode fs.FileMode) {
	t.Helper()
	got, err := os.ReadFile(path)
	info, err2 := os.Lstat(path)
	must(t, err, err2)
	if string(got) != text || info.Mode() != mode {
		t.Errorf("it holds %q with mode %v, want %q with %v", got, info.Mode(), text, mode)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	if len(entries) != 1 {
		t.Errorf("beside it are %v", entries)
	}
}

func TestAFileIsReplaced(t *testing.T) {
	path := t.TempDir() + "/f"
	defer unix.Umask(unix.Umask(0o077))
	must(t, At(path, []byte("one"), mine))
	only(t, path, "one", 0o640)
	before, err := os.Open(path)
	must(t, err)
	defer before.Close()
	must(t, At(path, []byte("two"), As{Mode: 0o600, UID: os.Getuid(), GID: os.Getgid()}))
	only(t, path, "two", 0o600)
	var old bytes.Buffer
	if _, err := old.ReadFrom(before); err != nil || old.String() != "one" {
		t.Errorf("who had the old one open reads %q, %v", old.String(), err)
	}
}

// Neither the file nor what a killed process left is followed where it is a link, or written into where it has another name.
func TestNoLinkIsFollowed(t *testing.T) {
	other := t.TempDir() + "/other"
	must(t, os.WriteFile(other, []byte("other"), 0o600))
	for _, name := range []string{"f", "f.new"} {
		for how, link := range map[string]func(old, new string) error{"symbolic": os.Symlink, "hard": os.Link} {
			path := t.TempDir() + "/f"
			must(t, link(other, filepath.Dir(path)+"/"+name), At(path, []byte("text"), mine))
			only(t, path, "text", 0o640)
			if text, err := os.ReadFile(other); err != nil || string(text) != "other" {
				t.Errorf("through a %s link at %s was written %q, %v", how, name, text, err)
			}
		}
	}
}

func TestWhatFailsLeavesTheFile(t *testing.T) {
	path := t.TempDir() + "/f"
	must(t, At(path, []byte("one"), mine))
	if err := At(path+"/g", nil, mine); !errors.Is(err, unix.ENOTDIR) || !strings.Contains(err.Error(), path+"/g") {
		t.Errorf("in a file: %v", err)
	}
	var least unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_FSIZE, &least))
	defer unix.Setrlimit(unix.RLIMIT_FSIZE, &least)
	must(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 2, Max: least.Max}))
	err := At(path, []byte("twofold"), mine)
	must(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &least))
	if !errors.Is(err, unix.EFBIG) || strings.Contains(err.Error(), ".new") {
		t.Errorf("past the end of the disk: %v", err)
	}
	only(t, path, "one", 0o640)
}
