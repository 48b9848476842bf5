// SPDX-License-Identifier: GPL-3.0-or-later

package csrc

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const installed = "/usr/local/libexec/au/agent/su_as_agent"

// machine makes a folder that looks like a machine with an entrypoint, whose root is whoever runs the test.
func machine(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	must(t, os.Chmod(root, 0o755))
	must(t, os.MkdirAll(filepath.Join(root, filepath.Dir(installed)), 0o755))
	must(t, os.WriteFile(filepath.Join(root, installed), []byte("entrypoint"), 0o755))
	must(t, unix.Chmod(filepath.Join(root, installed), 0o4755))
	var fs unix.Statfs_t
	must(t, unix.Statfs(root, &fs))
	if fs.Flags&unix.ST_NOSUID != 0 {
		t.Skip("the folder for temporary files is mounted nosuid")
	}
	return root
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestOpen(t *testing.T) {
	root := machine(t)
	f, err := open(root, installed, uint32(os.Getuid()))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sum, err := Fingerprint(f)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%x", sha256.Sum256([]byte("entrypoint"))); sum != want {
		t.Errorf("fingerprint %s, not %s", sum, want)
	}
	must(t, os.Remove(filepath.Join(root, installed)))
	must(t, os.WriteFile(filepath.Join(root, installed), []byte("another"), 0o755))
	if again, _ := Fingerprint(f); again != sum {
		t.Error("what was opened changed when its path got another file")
	}
}

func TestOpenFollowsRootsOwnLinks(t *testing.T) {
	root := machine(t)
	must(t, os.MkdirAll(filepath.Join(root, "run/wrappers"), 0o755))
	must(t, os.Symlink("/usr/local/libexec/au/agent", filepath.Join(root, "run/wrappers/bin")))
	must(t, os.Symlink("bin", filepath.Join(root, "run/wrappers/again")))
	f, err := open(root, "/run/wrappers/again/su_as_agent", uint32(os.Getuid()))
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}

func TestOpenRefuses(t *testing.T) {
	at := func(root, name string) string { return filepath.Join(root, name) }
	cases := map[string]struct {
		change func(root string) error
		want   string
	}{
		"missing":             {func(r string) error { return os.Remove(at(r, installed)) }, "file does not exist"},
		"not_set_uid":         {func(r string) error { return unix.Chmod(at(r, installed), 0o755) }, "want a set-uid file, got mode 0755"},
		"writable_by_group":   {func(r string) error { return unix.Chmod(at(r, installed), 0o4775) }, "su_as_agent: the group GID can write it (mode 4775)"},
		"writable_by_others":  {func(r string) error { return unix.Chmod(at(r, installed), 0o4757) }, "su_as_agent: everybody can write it (mode 4757)"},
		"folder_open_to_all":  {func(r string) error { return os.Chmod(at(r, "usr/local/libexec/au"), 0o777) }, "/usr/local/libexec/au: everybody can write it (mode 0777)"},
		"folder_open_sticky":  {func(r string) error { return unix.Chmod(at(r, "usr"), 0o1777) }, "/usr: everybody can write it (mode 1777)"},
		"root_folder_of_all":  {func(r string) error { return os.Chmod(r, 0o777) }, "/: everybody can write it (mode 0777)"},
		"a_folder_in_place":   {replaceBy(func(name string) error { return os.Mkdir(name, 0o755) }), "want a file, not a folder"},
		"a_fifo_in_place":     {replaceBy(func(name string) error { return unix.Mkfifo(name, 0o4755) }), "want a regular file"},
		"a_link_that_loops":   {replaceBy(func(name string) error { return os.Symlink("su_as_agent", name) }), "too many levels"},
		"a_file_for_a_folder": {func(r string) error { return replaceFolder(at(r, "usr/local/libexec/au/agent")) }, "not a directory"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			root := machine(t)
			must(t, c.change(root))
			f, err := open(root, installed, uint32(os.Getuid()))
			if err == nil {
				f.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), strings.ReplaceAll(c.want, "GID", fmt.Sprint(os.Getgid()))) {
				t.Errorf("it says %q, without %q", err, c.want)
			}
		})
	}
	t.Run("not_roots", func(t *testing.T) {
		if _, err := open(machine(t), installed, uint32(os.Getuid())+1); err == nil || !strings.Contains(err.Error(), "a folder of uid ") {
			t.Errorf("it says %v", err)
		}
	})
	t.Run("relative", func(t *testing.T) {
		if _, err := Open("su_as_agent"); err == nil {
			t.Error("it was opened")
		}
	})
}

func replaceBy(with func(string) error) func(string) error {
	return func(root string) error {
		name := filepath.Join(root, installed)
		if err := os.Remove(name); err != nil {
			return err
		}
		return with(name)
	}
}

func replaceFolder(name string) error {
	if err := os.RemoveAll(name); err != nil {
		return err
	}
	return os.WriteFile(name, nil, 0o644)
}

// TestExecHelper is the process that TestExec replaces.
func TestExecHelper(t *testing.T) {
	if os.Getenv("AU_EXEC") == "" {
		t.Skip("for TestExec alone")
	}
	f, err := os.Open(os.Getenv("AU_EXEC"))
	must(t, err)
	must(t, os.Rename(os.Getenv("AU_EXEC"), os.Getenv("AU_EXEC")+".old"))
	must(t, os.WriteFile(os.Getenv("AU_EXEC"), []byte("#!/bin/sh\necho swapped\n"), 0o755))
	t.Fatal(Exec(f, []string{"sh", "-c", "echo $0 $A $AU_EXEC", "it", "2"}, []string{"A=1"}))
}

func TestExec(t *testing.T) {
	shell, err := os.ReadFile("/bin/sh")
	if err != nil {
		t.Skip("there is no /bin/sh here")
	}
	program := filepath.Join(t.TempDir(), "program")
	must(t, os.WriteFile(program, shell, 0o755))
	cmd := exec.Command(os.Args[0], "-test.run=^TestExecHelper$")
	cmd.Env = []string{"AU_EXEC=" + program}
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "it 1\n" {
		t.Errorf("%v: %q", err, out)
	}
}

func TestRunKeepsValuesOffArgv(t *testing.T) {
	r := Run{Agent: "agent", Env: []string{"TOKEN=s3cret", "B="}, Command: []string{"env"}, After: []string{"/usr/bin/au", "report"}, AfterIf: IfKills}
	if slices.ContainsFunc(r.Argv(), func(s string) bool { return strings.Contains(s, "s3cret") }) {
		t.Errorf("%q shows a value to every user's ps", r.Argv())
	}
	want := []string{"AU_ENV_1=TOKEN=s3cret", "AU_ENV_2=B=", "AU_AFTER_1=/usr/bin/au", "AU_AFTER_2=report", "AU_AFTER_IF=kills"}
	if !slices.Equal(r.Environ(), want) {
		t.Errorf("environment %q, not %q", r.Environ(), want)
	}
}

func TestSourceCompiles(t *testing.T) {
	if _, err := exec.LookPath("cc"); err != nil {
		t.Skip("there is no C compiler here")
	}
	var sums []string
	for range 2 {
		dir := t.TempDir()
		must(t, WriteSource(dir))
		out := filepath.Join(dir, "su_as_agent")
		var err error
		var text []byte
		for _, argv := range BuildCommands(dir, out) {
			if text, err = exec.Command(argv[0], argv[1:]...).CombinedOutput(); err == nil {
				break
			}
		}
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		f, err := os.Open(out)
		must(t, err)
		defer f.Close()
		sum, err := Fingerprint(f)
		must(t, err)
		sums = append(sums, sum)
		got, _ := exec.Command(out, "agent", "--", "true").CombinedOutput()
		if !strings.HasPrefix(string(got), "au: ") {
			t.Errorf("not set-uid, it says %q", got)
		}
	}
	if sums[0] != sums[1] {
		t.Error("two folders gave two different programs")
	}
}

func TestCheckWay(t *testing.T) {
	policies := strings.TrimPrefix(PolicyDir, "/")
	for _, c := range []struct {
		name   string
		change func(root string) error
		names  string // what the error names; empty: there is none
	}{
		{"as it should be", func(string) error { return nil }, ""},
		{"no policies yet", func(root string) error { return os.RemoveAll(filepath.Join(root, "etc")) }, ""},
		{"no entrypoint yet", func(root string) error { return os.RemoveAll(filepath.Join(root, "usr")) }, ""},
		{"the entrypoint itself is another's to check", func(root string) error { return os.Chmod(filepath.Join(root, installed), 0o777) }, ""},
		{"the group writes above the entrypoint", func(root string) error { return os.Chmod(filepath.Join(root, "usr/local"), 0o775) }, "/usr/local"},
		{"all write above the entrypoint", func(root string) error { return os.Chmod(filepath.Join(root, filepath.Dir(installed)), 0o757) }, filepath.Dir(installed)},
		{"all write above, with the sticky bit", func(root string) error { return unix.Chmod(filepath.Join(root, "usr"), 0o1777) }, "/usr"},
		{"all write the root folder", func(root string) error { return os.Chmod(root, 0o777) }, "/"},
		{"the group writes the policies", func(root string) error { return os.Chmod(filepath.Join(root, policies), 0o775) }, PolicyDir},
		{"a link above the entrypoint", func(root string) error { return moved(root, "usr/local") }, ""},
		{"a link above the policies", func(root string) error { return moved(root, "etc") }, "/etc"},
		{"a link for the policies", func(root string) error { return moved(root, policies) }, PolicyDir},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := machine(t)
			must(t, os.MkdirAll(filepath.Join(root, policies), 0o755))
			must(t, c.change(root))
			err := CheckWay(root, installed, uint32(os.Getuid()))
			if (err != nil) != (c.names != "") || err != nil && !strings.HasPrefix(strings.TrimPrefix(err.Error(), root), c.names) {
				t.Errorf("the way is answered with %v, want an error of %q", err, c.names)
			}
			if CheckWay(root, installed, uint32(os.Getuid())+1) == nil {
				t.Error("folders of somebody else are trusted")
			}
		})
	}
}

// moved puts a folder elsewhere, and a link in its place.
func moved(root, name string) error {
	if err := os.Rename(filepath.Join(root, name), filepath.Join(root, "elsewhere")); err != nil {
		return err
	}
	return os.Symlink("/elsewhere", filepath.Join(root, name))
}
