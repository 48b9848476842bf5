// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

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
		"the_kernels": {func(h string) error {
			return errors.Join(os.Remove(DefaultPath(h)), os.Symlink("/proc/sys/kernel/ostype", DefaultPath(h)))
		}, "is made by the kernel while it is read: want a file that is stored"},
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
		"to_append_to_a_fifo":    {func(f string) error { return errors.Join(os.Remove(f), unix.Mkfifo(f, 0o600)) }, func(o *Own) error { return o.Append([]byte("x")) }, "no such device or address"},
		"its_file_a_fifo_by_now": {func(f string) error { return errors.Join(os.Remove(f), unix.Mkfifo(f, 0o600)) }, (*Own).again, "is no longer a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			file := t.TempDir() + "/f"
			must(t, os.WriteFile(file, []byte("text"), 0o600), os.WriteFile(filepath.Dir(file)+"/other", []byte("other"), 0o600))
			own, err := FindOwn(file, mine)
			must(t, err)
			defer own.Close()
			must(t, c.spoil(file))
			done := make(chan error, 1)
			go func() { done <- c.do(own) }()
			select {
			case err = <-done:
			case <-time.After(10 * time.Second):
				t.Fatal("it waits")
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
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

// somebody returns a reader for whom the test reads, their home, and a folder that root has. As root it makes that folder.
func somebody(t *testing.T) (trust walk.Trust, home, foreign string) {
	t.Helper()
	me := uint32(os.Getuid())
	home, foreign = t.TempDir(), "/etc"
	if me == 0 {
		var err error
		me = 4242
		foreign, err = os.MkdirTemp("/tmp", "foreign") // everybody can come to it; $TMPDIR can be root's own
		must(t, err, os.Chmod(foreign, 0o755), os.Chown(home, int(me), -1), os.WriteFile(foreign+"/passwd", nil, 0o644), os.WriteFile(foreign+"/shadow", nil, 0o600),
			os.Mkdir(foreign+"/shut", 0o700), os.WriteFile(foreign+"/shut/open", nil, 0o644))
		t.Cleanup(func() { os.RemoveAll(foreign) })
	}
	return walk.Trust{Owners: []uint32{0, me}, Shared: true, For: &walk.Reader{UID: me, In: func(uint32) bool { return false }}}, home, foreign
}

// Root reads nothing for somebody that they could not read themselves, unless root alone chose the way to it.
func TestRootReadsNoMoreThanTheHumanCould(t *testing.T) {
	trust, home, foreign := somebody(t)
	for name, want := range map[string]string{"passwd": "", "shadow": "which only others may read", "shut/open": "which only others may read", "none": ""} {
		link := home + "/" + filepath.Base(name)
		if _, err := os.Lstat(foreign + "/" + name); err != nil && want != "" {
			continue // /etc of an ordinary user's machine need not have it; root's folder does
		}
		must(t, os.Symlink(foreign+"/"+name, link))
		own, err := FindOwn(link, trust)
		if err == nil {
			own.Close()
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("a link to %s: %v, want %q", name, err, want)
		}
		if own, err = FindOwn(foreign+"/"+name, trust); err != nil {
			t.Errorf("%s, which root names: %v", name, err)
		} else {
			own.Close()
		}
	}
	must(t, os.WriteFile(home+"/own", []byte("x"), 0), os.Chown(home+"/own", int(trust.For.UID), -1))
	if own, err := FindOwn(home+"/own", trust); err != nil {
		t.Errorf("a file of their own: %v", err)
	} else {
		own.Close()
	}
}

// A lease on a file holds up all who open it, for lease-break-time (proc(5)). Root does not wait for that.
func TestRootWaitsForNoLease(t *testing.T) {
	file := t.TempDir() + "/f"
	must(t, os.WriteFile(file, []byte("text"), 0o600))
	held, err := os.OpenFile(file, os.O_RDWR, 0)
	must(t, err)
	defer held.Close()
	if _, err := unix.FcntlInt(held.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		t.Skip("no leases here: ", err)
	}
	trust := mine
	trust.For = &walk.Reader{UID: uint32(os.Getuid()), In: func(uint32) bool { return true }}
	own, err := FindOwn(file, trust)
	must(t, err)
	defer own.Close()
	began := time.Now()
	if text, err := own.Read(100); !errors.Is(err, unix.EWOULDBLOCK) || time.Since(began) > 10*time.Second {
		t.Errorf("%q, %v after %s", text, err, time.Since(began))
	}
}
