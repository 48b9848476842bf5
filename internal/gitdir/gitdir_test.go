// SPDX-License-Identifier: GPL-3.0-or-later

package gitdir

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// git runs git as a person without a configuration would.
func git(t *testing.T, folder string, words ...string) {
	t.Helper()
	cmd := exec.Command("git", words...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", words, err, out)
	}
}

// made returns a folder with a repository, a linked worktree beside it, and another repository with a submodule, made by git
// itself.
func made(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is missing")
	}
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	git(t, top, "init", "-q", "repo")
	git(t, top+"/repo", "commit", "-q", "--allow-empty", "-m", "x")
	git(t, top+"/repo", "worktree", "add", "-q", "../wt")
	git(t, top, "init", "-q", "outer")
	git(t, top+"/outer", "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", top+"/repo", "sub")
	return top
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func finder(uid int) Finder { return Finder{uint32(uid), func(string) bool { return true }} }

func TestOf(t *testing.T) {
	top, me := made(t), os.Getuid()
	for folder, want := range map[string]Link{
		"repo":      {},
		"wt":        {top + "/repo/.git", "a linked worktree"},
		"outer":     {},
		"outer/sub": {top + "/outer/.git/modules/sub", "a submodule"},
		"nosuch":    {},
	} {
		if got, ok := finder(me).Of(filepath.Join(top, folder)); got != want || ok != (want != Link{}) {
			t.Errorf("of %s comes %+v", folder, got)
		}
		if got, ok := finder(me + 1).Of(filepath.Join(top, folder)); ok {
			t.Errorf("of %s, as another's, comes %+v", folder, got)
		}
	}
}

// A git directory that somebody who can write in the folder alone could have written is not believed.
func TestOfBelievesNoOneSide(t *testing.T) {
	for name, change := range map[string]func(top string){
		"another folder that names the worktree's": func(top string) { write(t, top+"/f/.git", "gitdir: "+top+"/repo/.git/worktrees/wt\n") },
		"a repository without a worktree":          func(top string) { write(t, top+"/f/.git", "gitdir: "+top+"/repo/.git\n") },
		"a folder of no git's":                     func(top string) { write(t, top+"/f/.git", "gitdir: "+top+"/plain\n") },
		"one that is not there":                    func(top string) { write(t, top+"/f/.git", "gitdir: /nosuch\n") },
		"two lines":                                func(top string) { write(t, top+"/f/.git", "gitdir: "+top+"/repo/.git/worktrees/wt\nx\n") },
		"a pipe": func(top string) {
			if err := exec.Command("mkfifo", top+"/f/.git").Run(); err != nil {
				t.Fatal(err)
			}
		},
		"a git directory of its own that names another as common": func(top string) {
			own := top + "/mine/worktrees/x"
			if err := os.MkdirAll(own, 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, top+"/f/.git", "gitdir: "+own+"\n")
			write(t, own+"/gitdir", top+"/f/.git\n")
			write(t, own+"/commondir", top+"/repo/.git\n")
		},
		"one behind a link": func(top string) {
			if err := os.Symlink(top+"/repo", top+"/f/link"); err != nil {
				t.Fatal(err)
			}
			write(t, top+"/f/.git", "gitdir: link/.git/worktrees/wt\n")
			write(t, top+"/repo/.git/worktrees/wt/gitdir", top+"/f/.git\n")
		},
		"a submodule of another's folder": func(top string) { write(t, top+"/f/.git", "gitdir: "+top+"/outer/.git/modules/sub\n") },
	} {
		top := made(t)
		if err := os.MkdirAll(top+"/f", 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(top+"/plain", 0o700); err != nil {
			t.Fatal(err)
		}
		change(top)
		if got, ok := finder(os.Getuid()).Of(top + "/f"); ok {
			t.Errorf("%s is believed: %+v", name, got)
		}
	}
}

// A path on a file system that may not answer is not looked at, whichever file names it.
func TestOfAsksWhatAnswers(t *testing.T) {
	top := made(t)
	write(t, top+"/wt/.git", "gitdir: /dead/repo/.git/worktrees/wt\n")
	write(t, top+"/repo/.git/worktrees/wt/commondir", "/dead/repo\n")
	for _, folder := range []string{"/wt", "/outer/sub"} {
		var asked []string
		f := Finder{uint32(os.Getuid()), func(path string) bool { asked = append(asked, path); return false }}
		if got, ok := f.Of(top + folder); ok || len(asked) != 1 {
			t.Errorf("of %s comes %+v after %v", folder, got, asked)
		}
	}
}
