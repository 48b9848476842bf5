// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/a4u2/au/internal/walk"
	"golang.org/x/sys/unix"
)

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// A config that somebody else could have put there, or could change, is neither read nor written.
func TestWhatOthersCouldHaveWrittenIsNotObeyed(t *testing.T) {
	strict := walk.Trust{Owners: mine.Owners, Shared: true}
	for name, c := range map[string]struct {
		spoil func(home string) error
		want  string
	}{
		"a_folder_for_all":     {func(h string) error { return os.Chmod(h+"/.config", 0o777) }, "/.config: everybody can write it (mode 0777)"},
		"a_folder_above":       {func(h string) error { return os.Chmod(h, 0o757) }, "everybody can write it (mode 0757)"},
		"a_folder_for_a_group": {func(h string) error { return os.Chmod(h+"/.config", 0o775) }, "can write it (mode 0775)"},
		"the_file_for_all":     {func(h string) error { return os.Chmod(DefaultPath(h), 0o666) }, ".toml: everybody can write it (mode 0666)"},
		"the_file_for_a_group": {func(h string) error { return os.Chmod(DefaultPath(h), 0o664) }, "can write it (mode 0664)"},
		"behind_a_link": {func(h string) error {
			return errors.Join(os.Mkdir(h+"/open", 0o700), os.Chmod(h+"/open", 0o777), os.Rename(DefaultPath(h), h+"/open/c"), os.Symlink("../open/c", DefaultPath(h)))
		}, "/open: everybody can write it"},
		"a_fifo": {func(h string) error {
			return errors.Join(os.Remove(DefaultPath(h)), unix.Mkfifo(DefaultPath(h), 0o600))
		}, "is not a regular file: want a file"},
	} {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			path := DefaultPath(home)
			must(t, os.Mkdir(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(as2), 0o600))
			if c, err := Load(path, strict); err != nil || len(c.Agents) != 2 {
				t.Fatalf("before: %v", err)
			}
			must(t, c.spoil(home))
			if _, err := Load(path, strict); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Load says %v, want %q", err, c.want)
			}
			if err := Update(t.Context(), path, strict, UpdateOptions{}, addAgent("x")); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Update says %v, want %q", err, c.want)
			}
			if _, err := os.Lstat(path + ".lock"); err == nil {
				t.Error("a lock was made there")
			}
		})
	}
}

func TestWayIsAllThatWasPassed(t *testing.T) {
	home, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err, os.MkdirAll(home+"/dots/au", 0o700), os.WriteFile(home+"/dots/au/c", []byte(as2), 0o600), os.Symlink("dots", home+"/.config"), os.Symlink("au/c", home+"/dots/agent-as-unix-user.toml"))
	c, err := Load(DefaultPath(home), mine)
	must(t, err)
	want := []string{home, home + "/.config", home + "/dots", home + "/dots/agent-as-unix-user.toml", home + "/dots/au", home + "/dots/au/c"}
	if got := c.Way[len(c.Way)-len(want):]; !slices.Equal(got, want) || c.Way[0] != "/" {
		t.Errorf("the way was %q, want it to end with %q", c.Way, want)
	}
}

// The file is written where the walk led, whatever takes the path's place meanwhile.
func TestReplaceWritesWhereItLooked(t *testing.T) {
	home := t.TempDir()
	must(t, os.Mkdir(home+"/a", 0o700), os.Mkdir(home+"/b", 0o700))
	own, err := FindOwn(home+"/a/f", mine)
	must(t, err)
	defer own.Close()
	must(t, os.Rename(home+"/a", home+"/moved"), os.Symlink("b", home+"/a"), own.Replace([]byte("text")))
	if text, err := os.ReadFile(home + "/moved/f"); string(text) != "text" {
		t.Errorf("the file holds %q, %v", text, err)
	}
	if _, err := os.Lstat(home + "/b/f"); err == nil {
		t.Error("it was written where a link led")
	}
}

// A thing that takes the place of the file or its lock after the walk is judged as the walk judged.
func TestWhatComesAfterTheWalkIsJudgedToo(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(file string) error
		do    func(o *Own) error
		want  string
	}{
		"the_file_for_all":     {func(f string) error { return os.Chmod(f, 0o666) }, (*Own).again, "everybody can write it"},
		"the_file_a_link":      {func(f string) error { return errors.Join(os.Remove(f), os.Symlink("other", f)) }, (*Own).again, "is no longer a regular file"},
		"to_append_to_for_all": {func(f string) error { return os.Chmod(f, 0o666) }, func(o *Own) error { return o.Append([]byte("x")) }, "everybody can write it"},
		"to_append_to_a_link":  {func(f string) error { return errors.Join(os.Remove(f), os.Symlink("other", f)) }, func(o *Own) error { return o.Append([]byte("x")) }, "too many levels of symbolic links"},
		"its_lock_for_all": {func(f string) error {
			return errors.Join(os.WriteFile(f+".lock", nil, 0o600), os.Chmod(f+".lock", 0o666))
		}, lockIt, "everybody can write it"},
		"its_lock_a_link":        {func(f string) error { return os.Symlink("other", f+".lock") }, lockIt, "too many levels of symbolic links"},
		"its_folder_for_all":     {func(f string) error { return os.Chmod(filepath.Dir(f), 0o777) }, func(o *Own) error { return o.Replace([]byte("x")) }, "everybody can write it"},
		"its_file_a_fifo_by_now": {func(f string) error { return errors.Join(os.Remove(f), unix.Mkfifo(f, 0o600)) }, (*Own).again, "is no longer a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			file := t.TempDir() + "/f"
			must(t, os.WriteFile(file, []byte("text"), 0o600), os.WriteFile(filepath.Dir(file)+"/other", []byte("other"), 0o600))
			own, err := FindOwn(file, mine)
			must(t, err)
			defer own.Close()
			must(t, c.spoil(file))
			if err := c.do(own); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("it says %v, want %q", err, c.want)
			}
			if text, err := os.ReadFile(filepath.Dir(file) + "/other"); string(text) != "other" {
				t.Errorf("the other file holds %q, %v", text, err)
			}
		})
	}
}

func lockIt(o *Own) error {
	f, err := o.openLock()
	if err == nil {
		f.Close()
	}
	return err
}
