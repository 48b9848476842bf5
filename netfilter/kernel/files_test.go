// SPDX-License-Identifier: GPL-3.0-or-later

package kernel

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestWatchFiles(t *testing.T) {
	dir := t.TempDir()
	late := filepath.Join(dir, "late")
	f, err := WatchFiles(t.Context(), map[string]func(string) bool{
		dir: func(name string) bool { return name == "this" }, late: func(string) bool { return true },
	})
	if err != nil {
		t.Fatal(err)
	}
	tells := func(what string, want bool, change func() error) {
		t.Helper()
		if err := change(); err != nil {
			t.Fatal(err)
		}
		wait := 5 * time.Second
		if !want {
			wait = 200 * time.Millisecond
		}
		told := false
		select {
		case <-f.Told:
			told = true
		case <-time.After(wait):
		}
		if told != want {
			t.Errorf("%s: told %v", what, told)
		}
		for told { // several changes may be told one after the other
			select {
			case <-f.Told:
			case <-time.After(100 * time.Millisecond):
				told = false
			}
		}
	}
	write := func(name string) func() error {
		return func() error { return os.WriteFile(filepath.Join(dir, name), nil, 0o600) }
	}
	if f.Again() {
		t.Error("a folder that is not there is watched")
	}
	tells("another name", false, write("that"))
	tells("a file", true, write("this"))
	tells("one in its place", true, func() error { return os.Rename(filepath.Join(dir, "that"), filepath.Join(dir, "this")) })
	tells("none", true, func() error { return os.Remove(filepath.Join(dir, "this")) })
	tells("a folder that comes later, before it is looked for", false, func() error { return os.Mkdir(late, 0o700) })
	for range 2 {
		if !f.Again() {
			t.Error("a folder that is there by now is not watched")
		}
	}
	tells("a folder in it", true, func() error { return os.Mkdir(filepath.Join(late, "x"), 0o700) })
	tells("none in it", true, func() error { return os.Remove(filepath.Join(late, "x")) })
	tells("the folder itself", true, func() error { return os.Remove(late) })
	if f.Again() {
		t.Error("a folder that is gone is watched")
	}
	tells("the other one still", true, write("this"))
}
