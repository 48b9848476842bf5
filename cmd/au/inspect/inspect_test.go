// SPDX-License-Identifier: GPL-3.0-or-later

package inspect

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

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

// fill makes files below a folder, which is SHARE in their texts.
func fill(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		text = strings.ReplaceAll(text, "SHARE", root)
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
		{"config_included", repo(".git", map[string]string{"config": "[include]\npath=../c/d\n", "../c/d": "[includeIf \"onbranch:x\"]\npath = e\n", "../c/e": "[core]\npager = x\n[include]\npath = d\n"}),
			[]string{"git-config .git/config", "git-config c/d", "git-config c/e", "git-config c/e"}},
		{"config_included_behind_a_link", repo(".git", map[string]string{"config": "[include]\npath=../c/d\n", "../c": "-> l", "../l/d": "[core]\npager = x\n"}), []string{"git-config .git/config", "git-config c/d"}},
		{"config_included_by_its_path", repo(".git", map[string]string{"config": "[include]\npath=SHARE/d\n", "../d": "[core]\nfsmonitor = x\n"}), []string{"git-config .git/config", "git-config d"}},
		{"config_included_twice", repo("r", map[string]string{"config": "[include]\npath=../d\n", "../d": "[core]\nfsmonitor = x\n", "../s/HEAD": "", "../s/objects/x": "", "../s/refs/x": "", "../s/config": "[include]\npath=../d\n"}),
			[]string{"git-config d", "git-config r/config", "git-config s/config"}},
		{"config_included_from_outside", repo(".git", map[string]string{"config": "[include]\npath=../../x\n[include]\npath=../nowhere\n[include]\npath=../out\n", "../out": "-> ../x"}),
			[]string{"git-config .git/config", "git-config .git/config", "git-config .git/config", "git-config out", "symlink out"}},
		{"hooks_of_a_config_included", repo(".git", map[string]string{"config": "[core]\nhooksPath = no\n[include]\npath=../d\n", "../d": "[core]\nhooksPath = h\n", "../h/pre-commit!": "", "../no/pre-push!": ""}),
			[]string{"git-config .git/config", "git-config .git/config", "git-config d", "git-hook h/pre-commit"}},
		{"hooks_of_a_config_included_on_a_condition", repo(".git", map[string]string{"config": "[core]\nhooksPath = g\n[includeIf \"onbranch:x\"]\npath=../d\n", "../d": "[core]\nhooksPath = h\n", "../h/pre-commit!": "", "../g/pre-push!": ""}),
			[]string{"git-config .git/config", "git-config .git/config", "git-config d", "git-hook g/pre-push", "git-hook h/pre-commit"}},
		{"config_included_by_a_long_path", repo(".git", map[string]string{"config": "[include]\npath=../" + strings.Repeat("./", mostShown) + "d\n", "../d": "[core]\nhooksPath = " + strings.Repeat("./", mostShown) + "h\n", "../h/pre-commit!": ""}),
			[]string{"git-config .git/config", "git-config d", "git-hook h/pre-commit"}},
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
			result, err := Folder(t.Context(), os.Getuid(), folderOf(t, tt.files))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range result.Found {
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

// A config that many include is looked at for each of them, and there is an end to that.
func TestConfigsIncludeEachOther(t *testing.T) {
	files := repo(".git", map[string]string{"config": "[include]\npath=0\n"})
	for i := range 2 * mostIncluded {
		files[fmt.Sprintf(".git/%d", i)] = fmt.Sprintf("[include]\npath=%d\npath=%d\n", i+1, i)
	}
	result, err := Folder(t.Context(), os.Getuid(), folderOf(t, files))
	of := func(kind string) (n int) {
		for _, f := range result.Found {
			if f.Kind == kind {
				n++
			}
		}
		return n
	}
	if err != nil || of("unreadable") == 0 || of("git-config") < mostIncluded || of("git-config") > 3*mostIncluded {
		t.Errorf("%v: found %d settings, and %d times too much", err, of("git-config"), of("unreadable"))
	}
}

// Paths that are too long may be shown alike. The config at each of them is named.
func TestConfigsTooDeepAreNamedEach(t *testing.T) {
	path := folderOf(t, nil)
	root, err := os.OpenRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, differs := range []string{"x", "y"} {
		deep := strings.Repeat(strings.Repeat("d", 250)+"/", 9) + differs + strings.Repeat("/"+strings.Repeat("d", 250), 9)
		err := errors.Join(root.MkdirAll(deep+"/refs", 0o755), root.Mkdir(deep+"/objects", 0o755))
		for name, text := range map[string]string{"HEAD": "", "config": "[core]\nfsmonitor = " + differs + "\n"} {
			err = errors.Join(err, root.WriteFile(deep+"/"+name, []byte(text), 0o644))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	result, err := Folder(t.Context(), os.Getuid(), path)
	if err != nil || len(result.Found) != 2 || result.Found[0].Path != result.Found[1].Path {
		t.Errorf("found %v, %v: want two configs that are shown at one path", result.Found, err)
	}
}

func TestInspectCountsNames(t *testing.T) {
	root := folderOf(t, map[string]string{"in/a": "", "in/b": "", "c": ""})
	os.Link(root+"/in/a", root+"/in/a2")
	os.Link(root+"/in/b", root+"/out")
	result, err := Folder(t.Context(), os.Getuid(), root+"/in")
	if err != nil || len(result.Found) != 1 || result.Found[0].Path != "b" || result.Found[0].Kind != "hard-link" {
		t.Errorf("found %v, %v: want b alone, which has a name outside", result.Found, err)
	}
}

func TestInspectFindsSetID(t *testing.T) {
	root := folderOf(t, map[string]string{"u!": "", "g!": "", "d/x": ""})
	unix.Chmod(root+"/u", 0o4755)
	unix.Chmod(root+"/g", 0o2755)
	unix.Chmod(root+"/d", 0o2755)
	unix.Mkfifo(root+"/p", 0o600)
	result, err := Folder(t.Context(), os.Getuid(), root)
	var got []string
	for _, f := range result.Found {
		got = append(got, f.Path+" "+f.Detail)
	}
	if want := []string{"g mode 2755", "p FIFO", "u mode 4755"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("found %q, %v, not %q", got, err, want)
	}
}
