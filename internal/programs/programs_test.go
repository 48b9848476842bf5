// SPDX-License-Identifier: GPL-3.0-or-later

package programs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// plant puts a program of that name into a new folder, which the caller names first on PATH.
func plant(t *testing.T, name string) string {
	t.Helper()
	folder := t.TempDir()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho planted\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+":.:"+os.Getenv("PATH"))
	t.Chdir(folder)
	return path
}

// A process that a program leaves behind may hold its output. Nobody waits for that, and it is no error.
func TestNobodyWaitsForWhatIsLeftBehind(t *testing.T) {
	began := time.Now()
	out, err := Output("sh", "-c", "echo said; sleep 60 & exit 0")
	if took := time.Since(began); err != nil || string(out) != "said\n" || took > 30*time.Second {
		t.Errorf("after %s: %q, %v", took, out, err)
	}
	if _, err := Output("sh", "-c", "sleep 60 & exit 3"); err == nil || err.Error() != "exit status 3" {
		t.Errorf("it failed: %v", err)
	}
}

func TestThePathOfTheCallerSaysNothing(t *testing.T) {
	planted := plant(t, "cat")
	path, err := Find("cat")
	if err != nil || path == planted {
		t.Fatalf("cat is %s, %v", path, err)
	}
	out, err := Output("cat", "/proc/sys/kernel/ostype")
	if err != nil || string(out) != "Linux\n" {
		t.Errorf("cat says %q, %v", out, err)
	}
	plant(t, "au-planted")
	if path, err := Find("au-planted"); err == nil {
		t.Errorf("what stands in the caller's PATH alone is found: %s", path)
	}
	if err := Command("au-planted").Run(); err == nil || !strings.Contains(err.Error(), "au-planted: not in /") {
		t.Errorf("starting it says %v", err)
	}
}

func TestTheEnvironmentIsFixed(t *testing.T) {
	for _, name := range []string{"POSIXLY_CORRECT", "LD_PRELOAD", "LC_MESSAGES", "HOME", "TMPDIR", "SUDO_ASKPASS", "DBUS_SYSTEM_BUS_ADDRESS", "GETCONF_DIR", "CPATH"} {
		t.Setenv(name, "/planted")
	}
	t.Setenv("LC_ALL", "de_DE.UTF-8")
	t.Setenv("TERM", "vt100")
	t.Setenv("NO_COLOR", "1")
	t.Setenv("SSH_AUTH_SOCK", "/run/keys")
	want := []string{"PATH=" + strings.Join(trusted(), ":"), "LC_ALL=C", "TERM=vt100", "NO_COLOR=1", "SSH_AUTH_SOCK=/run/keys"}
	if got := Environ(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	out, err := Output("env")
	if err != nil || strings.Contains(string(out), "planted") || !strings.Contains(string(out), "LC_ALL=C\n") {
		t.Errorf("a program gets %q, %v", out, err)
	}
	if len(trusted()) == 0 || slices.ContainsFunc(trusted(), func(f string) bool { return !filepath.IsAbs(f) }) {
		t.Errorf("programs are looked for in %q", trusted())
	}
}

// Folders, programs and lists of folders count only where nobody but root can write them.
func TestWhatOthersCanWriteIsNotTrusted(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can make what is root's")
	}
	folder := t.TempDir()
	program := filepath.Join(folder, "program")
	if err := os.WriteFile(program, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := find(program); err != nil {
		t.Fatalf("what is root's alone: %v", err)
	}
	if _, err := readOfRoot(program); err != nil {
		t.Fatalf("reading what is root's alone: %v", err)
	}
	for situation, spoil := range map[string]func() error{
		"the folder is everybody's": func() error { return os.Chmod(folder, 0o777) },
		"the folder is a group's":   func() error { return os.Chmod(folder, 0o775) },
		"the folder is another's":   func() error { return os.Chown(folder, 1000, 0) },
		"the program is another's":  func() error { return os.Chown(program, 1000, 0) },
		"the program is a group's":  func() error { return os.Chmod(program, 0o775) },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if path, err := find(program); err == nil {
			t.Errorf("%s: %s is trusted", situation, path)
		}
		if _, err := readOfRoot(program); err == nil {
			t.Errorf("%s: what it says is believed", situation)
		}
		for _, err := range []error{os.Chown(folder, 0, 0), os.Chmod(folder, 0o755), os.Chown(program, 0, 0), os.Chmod(program, 0o755)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A program that a package of au brings along is au's to run, and nothing that root's own commands and units find.
func TestWhatAPackageBringsIsNotOnTheMachine(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can make what is root's")
	}
	folder, before := t.TempDir(), trusted
	t.Cleanup(func() { trusted = before })
	all := append(trusted(), folder)
	trusted = func() []string { return all }
	if err := os.WriteFile(filepath.Join(folder, "au-brought"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	if path, err := Find("au-brought"); err != nil || path != filepath.Join(folder, "au-brought") {
		t.Errorf("au finds %s, %v", path, err)
	}
	if path, err := FindOnHost("au-brought"); err == nil {
		t.Errorf("root finds %s", path)
	}
	if one, err := FindOnHost("cat"); err != nil || one == "" {
		t.Errorf("cat is %q, %v", one, err)
	}
}
