// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
	"golang.org/x/sys/unix"
)

// record writes what git has on record of worktrees: NAME/gitdir with each text.
func record(t *testing.T, folder string, texts map[string]string) {
	t.Helper()
	for name, text := range texts {
		err := errors.Join(os.MkdirAll(filepath.Join(folder, name), 0o700), os.WriteFile(filepath.Join(folder, name, "gitdir"), []byte(text), 0o600))
		if err != nil {
			t.Fatal(err)
		}
	}
}

func worktreesOf(t *testing.T, kind string, shares ...config.Mount) []string {
	t.Helper()
	o := Order{mounts: func() ([]share.MountPoint, error) { return []share.MountPoint{{Point: "/", Type: kind}}, nil }}
	got, err := o.worktrees(shares)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// waiting leaves a text in a FIFO until what it returns is closed.
func waiting(t *testing.T, fifo, text string) *os.File {
	t.Helper()
	reader, err := os.OpenFile(fifo, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(fifo, []byte(text), 0); err != nil {
		t.Fatal(err)
	}
	return reader
}

func TestWorktrees(t *testing.T) {
	top := t.TempDir()
	repo := config.Mount{Source: top + "/repo", Target: "/home/agent/repo"}
	record(t, top+"/repo/.git/worktrees", map[string]string{
		"a": "/home/alice/a/.git\n", "again": "/home/alice/a/.git\n", "b": "/home/alice/b/.git", "in": top + "/repo/in/.git\n", "in2": top + "/wt/.git\n",
		"relative": "../x/.git\n", "dots": "/home/alice/../x/.git\n", "other": "/home/alice/x\n", "root": "/.git\n", "empty": "",
		"nul": "/home/\x00/.git\n", "lines": "/home/alice/x\ny/.git\n", "long": "/" + strings.Repeat("x/", 3000) + ".git\n",
	})
	// No git made these: FIFOs, one with a path waiting in it, and links to a file and to a folder that name paths of their own.
	worktrees := top + "/repo/.git/worktrees/"
	if err := errors.Join(unix.Mkfifo(worktrees+"pipe", 0o600), os.Mkdir(worktrees+"pipe2", 0o700), unix.Mkfifo(worktrees+"pipe2/gitdir", 0o600), os.Mkdir(worktrees+"link", 0o700),
		os.WriteFile(worktrees+"a/aside", []byte("/home/alice/by-a-link/.git\n"), 0o600), os.Symlink("../a/aside", worktrees+"link/gitdir"),
		os.Symlink("../../../elsewhere/linked", worktrees+"linked")); err != nil {
		t.Fatal(err)
	}
	record(t, top+"/elsewhere", map[string]string{"linked": "/home/alice/by-another/.git\n"})
	defer waiting(t, worktrees+"pipe2/gitdir", "/home/alice/piped/.git\n").Close()
	wt := config.Mount{Source: top + "/wt", Target: "/home/agent/wt"}
	want := []string{"/home/alice/a", "/home/alice/b", "/home/alice/x\ny"}
	got := worktreesOf(t, "ext4", repo, wt)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("worktrees are %q, want %q", got, want)
	}

	// Where the agent cannot write, where it sees the share at its target alone, and on what may not answer, nothing is looked at.
	readOnly, targetOnly := repo, repo
	readOnly.ReadOnly, targetOnly.TargetOnly = true, true
	for _, none := range [][]string{worktreesOf(t, "ext4", readOnly), worktreesOf(t, "ext4", targetOnly), worktreesOf(t, "fuse.sshfs", repo), worktreesOf(t, "nfs4", repo)} {
		if none != nil {
			t.Errorf("worktrees are %q, want none", none)
		}
	}

	// A git directory that is shared by itself.
	if got := worktreesOf(t, "ext4", config.Mount{Source: top + "/repo/.git", Target: "/home/agent/git"}); !slices.Contains(got, "/home/alice/a") {
		t.Errorf("worktrees of a git directory are %q", got)
	}
}

func TestWorktreesAreBounded(t *testing.T) {
	top, many := t.TempDir(), map[string]string{}
	for i := range 500 {
		many[fmt.Sprint(i)] = fmt.Sprintf("/home/alice/%d/.git\n", i)
	}
	record(t, top+"/.git/worktrees", many)
	if got := worktreesOf(t, "xfs", config.Mount{Source: top, Target: "/home/agent/x"}); len(got) != csrc.MaxWorktrees {
		t.Errorf("there are %d worktrees", len(got))
	}
}
