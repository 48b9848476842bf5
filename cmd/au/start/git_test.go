// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/a4u2/au/internal/gitdir"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
)

// worktreeBeside makes what git makes: repo/.git, and wt, a worktree of it.
func worktreeBeside(t *testing.T) (top string) {
	t.Helper()
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	entry := top + "/repo/.git/worktrees/wt"
	err = errors.Join(os.MkdirAll(entry, 0o700), os.MkdirAll(top+"/wt/a/b", 0o700), os.Mkdir(top+"/repo/.git/objects", 0o700), os.Mkdir(top+"/repo/.git/refs", 0o700))
	for path, text := range map[string]string{
		top + "/wt/.git": "gitdir: " + entry + "\n", entry + "/gitdir": top + "/wt/.git\n", entry + "/commondir": "../..\n", top + "/repo/.git/HEAD": "ref: refs/heads/main\n",
	} {
		err = errors.Join(err, os.WriteFile(path, []byte(text), 0o600))
	}
	if err != nil {
		t.Fatal(err)
	}
	return top
}

func TestMissingGit(t *testing.T) {
	top := worktreeBeside(t)
	wt, parent := config.Mount{Source: top + "/wt"}, config.Mount{Source: top}
	repo, readOnly := config.Mount{Source: top + "/repo"}, config.Mount{Source: top + "/repo", ReadOnly: true}
	alone := config.Mount{Source: top + "/wt", TargetOnly: true}
	for name, c := range map[string]struct {
		dir    string
		shares []config.Mount
		found  bool
	}{
		"at_the_top":                   {"/wt", []config.Mount{wt}, true},
		"below":                        {"/wt/a/b", []config.Mount{wt}, true},
		"shared_read_only":             {"/wt", []config.Mount{wt, readOnly}, true},
		"both_read_only":               {"/wt", []config.Mount{{Source: top + "/wt", ReadOnly: true}, readOnly}, false},
		"shared":                       {"/wt", []config.Mount{wt, repo}, false},
		"the_repository_at_its_target": {"/wt", []config.Mount{wt, {Source: top + "/repo", TargetOnly: true}}, true},
		"a_folder_that_holds_both":     {"/wt", []config.Mount{parent}, false},
		"at_its_target_alone":          {"/wt", []config.Mount{alone}, false},
		"only_a_part_is_shared":        {"/wt/a/b", []config.Mount{{Source: top + "/wt/a"}}, false},
		"not_in_a_share":               {"/repo", []config.Mount{wt}, false},
	} {
		got, ok := missingGit(top+c.dir, c.shares, uint32(os.Getuid()), []share.MountPoint{{Point: "/", Type: "ext4"}})
		if ok != c.found || ok && (got.Dir != top+"/repo/.git" || got.Folder != top+"/wt") {
			t.Errorf("%s: comes %+v, %v", name, got, ok)
		}
	}
}

// A file system that is dead holds up no run, also where the agent names it.
func TestMissingGitAsksNoServer(t *testing.T) {
	top := worktreeBeside(t)
	shares := []config.Mount{{Source: top + "/wt"}}
	for name, dead := range map[string]string{"the share's": top + "/wt", "the repository's": top + "/repo", "the git directory's": top + "/repo/.git"} {
		mounts := []share.MountPoint{{Point: "/", Type: "ext4"}, {Point: dead, Type: "nfs4"}}
		if got, ok := missingGit(top+"/wt", shares, uint32(os.Getuid()), mounts); ok {
			t.Errorf("on %s: comes %+v", name, got)
		}
	}
	if _, ok := (gitdir.Finder{UID: uint32(os.Getuid()), Answers: func(string) bool { return true }}).Of(top + "/wt"); !ok {
		t.Error("there should be something to find")
	}
}
