// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/a4u2/au/cmd/au/host"
	"golang.org/x/sys/unix"
)

// folderOf makes files below a new folder; a text that begins with "-> " makes a link, and a name that ends in "!" a program.
func folderOf(t *testing.T, files map[string]string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	fill(t, root, files)
	return root
}

func fill(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		mode := os.FileMode(0o644)
		if name[len(name)-1] == '!' {
			name, mode = name[:len(name)-1], 0o755
		}
		path := filepath.Join(root, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if err == nil && len(text) > 3 && text[:3] == "-> " {
			err = os.Symlink(text[3:], path)
		} else if err == nil {
			err = os.WriteFile(path, []byte(text), mode)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// repo is what git needs to take a folder for a repository.
func repo(at string, files map[string]string) map[string]string {
	all := map[string]string{at + "/HEAD": "ref: refs/heads/main\n", at + "/objects/x": "", at + "/refs/x": "", at + "/config": "[core]\n\tbare = false\n"}
	for name, text := range files {
		all[at+"/"+name] = text
	}
	return all
}

func TestInspect(t *testing.T) {
	me := map[string]string{"file": "x", "Makefile": "x", "inside": "-> file", "sub/up": "-> ../file", "system": "-> /etc/passwd", ".envrc/x": "a folder"}
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  []string // kind and path
	}{
		{"ordinary", me, nil},
		{"repository", repo(".git", map[string]string{"hooks/pre-commit.sample!": "", "hooks/pre-push": "not executable", "hooks/d/x": ""}), nil},
		{"hook", repo(".git", map[string]string{"hooks/pre-commit!": ""}), []string{"git-hook .git/hooks/pre-commit"}},
		{"hooks_elsewhere", repo(".git", map[string]string{"hooks": "-> ../h", "../h/pre-commit!": ""}), []string{"git-hook .git/hooks/pre-commit"}},
		{"config", repo(".git", map[string]string{"config": "[core]\nfsmonitor=./x\n"}), []string{"git-config .git/config"}},
		{"config_behind_a_link", repo(".git", map[string]string{"config": "-> ../c", "../c": "[core]\nfsmonitor=./x\n"}), []string{"git-config .git/config"}},
		{"repository_behind_a_link", repo("r", map[string]string{"../.git": "-> r", "config": "[alias]\nx=!y\n"}), []string{"git-config r/config"}},
		{"submodule_config", repo(".git", repo("modules/x", map[string]string{"config": "[alias]\nx=!y\n"})), []string{"git-config .git/modules/x/config"}},
		{"bare_in_a_tree", repo(".git", map[string]string{"../b/HEAD": "", "../b/objects/x": "", "../b/refs/x": ""}), []string{"git-nested b"}},
		{"submodule_named", repo(".git", map[string]string{"../.gitmodules": "[submodule \"s\"]\npath = s\n", "../s/.git/HEAD": "", "../s/.git/objects/x": "", "../s/.git/refs/x": ""}), nil},
		{"common_folder", map[string]string{"r/HEAD": "", "r/commondir": "../c\n", "c/objects/x": "", "c/config": "[core]\nfsmonitor=x"}, []string{"git-config r/commondir"}},
		{"git_file_elsewhere", map[string]string{"s/.git": "gitdir: /somewhere/else\n"}, []string{"git-nested s/.git"}},
		{"git_file", repo(".git", map[string]string{"../s/.git": "gitdir: ../.git/modules/s\n"}), nil},
		{"envrc", map[string]string{"a/.envrc": ""}, []string{"runs a/.envrc"}},
		{"envrc_behind_a_link", map[string]string{"a/.envrc": "-> ../x", "x": "x"}, []string{"runs a/.envrc"}},
		{"folder_behind_a_link", map[string]string{".vscode": "-> v", "v/tasks.json": "folderOpen"}, []string{"runs .vscode/tasks.json"}},
		{"leaves", map[string]string{"a": "-> ../x", "b": "-> sub/../../x", "c": "-> /home", "d": "-> nowhere"}, []string{"symlink a", "symlink b"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			result, err := inspectShare(host.Real(""), folderOf(t, tt.files), io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range result.Findings {
				if f.Kind != "owner" {
					got = append(got, f.Kind+" "+f.Path)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("found %q, not %q", got, tt.want)
			}
		})
	}
}

func TestInspectCountsNames(t *testing.T) {
	root := folderOf(t, map[string]string{"in/a": "", "in/b": "", "c": ""})
	os.Link(root+"/in/a", root+"/in/a2")
	os.Link(root+"/in/b", root+"/out")
	result, err := inspectShare(host.Real(""), root+"/in", io.Discard)
	if err != nil || len(result.Findings) != 1 || result.Findings[0].Path != "b" || result.Findings[0].Kind != "hard-link" {
		t.Errorf("found %v, %v: want b alone, which has a name outside", result.Findings, err)
	}
}

func TestInspectFindsSetID(t *testing.T) {
	root := folderOf(t, map[string]string{"u!": "", "g!": "", "d/x": ""})
	unix.Chmod(root+"/u", 0o4755)
	unix.Chmod(root+"/g", 0o2755)
	unix.Chmod(root+"/d", 0o2755)
	unix.Mkfifo(root+"/p", 0o600)
	result, err := inspectShare(host.Real(""), root, io.Discard)
	var got []string
	for _, f := range result.Findings {
		got = append(got, f.Path+" "+f.Detail)
	}
	if want := []string{"g mode 2755", "p FIFO", "u mode 4755"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("found %q, %v, not %q", got, err, want)
	}
}
