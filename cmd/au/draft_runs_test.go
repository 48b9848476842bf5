// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/a4u2/au/cmd/au/draft"
	"golang.org/x/sys/unix"
)

// A file that runs by itself is told by its name, where nothing in the draft makes it run.
func TestRunsByName(t *testing.T) {
	const file, link, folder = unix.S_IFREG | 0o644, unix.S_IFLNK | 0o777, unix.S_IFDIR | 0o755
	r := &draft.Report{Repositories: map[string]bool{".git": true, "x/.git": true, "bare": true}, AlongIsWhole: true}
	for _, c := range []struct {
		change draft.Change
		want   string
	}{
		{draft.Change{Path: "x/.git/config", Kind: 'M', Mode: file, Was: file}, "git-config x/.git/config"},
		{draft.Change{Path: ".git/commondir", Kind: 'A', Mode: file}, "git-config .git/commondir"},
		{draft.Change{Path: "src/config", Kind: 'A', Mode: file}, ""},
		{draft.Change{Path: ".git/config", Kind: 'D', Was: file}, ""},
		{draft.Change{Path: ".git/hooks", Kind: 'T', Mode: link, Was: folder}, "git-hook .git/hooks"},
		{draft.Change{Path: ".git/hooks", Old: "tools", Kind: 'R', Dir: true, Mode: folder, Was: folder}, "git-hook .git/hooks"},
		{draft.Change{Path: ".git/hooks", Kind: 'A', Dir: true, Mode: folder}, ""},
		{draft.Change{Path: "x/.git/hooks/pre-commit", Kind: 'A', Mode: unix.S_IFREG | 0o755}, "git-hook x/.git/hooks/pre-commit"},
		{draft.Change{Path: "x/.git/hooks/pre-commit.sample", Kind: 'A', Mode: unix.S_IFREG | 0o755}, ""},
		{draft.Change{Path: "src/hooks/x", Kind: 'A', Mode: unix.S_IFREG | 0o755}, ""},
		{draft.Change{Path: "bare/HEAD", Kind: 'A', Mode: file}, "git-nested bare/HEAD"},
		{draft.Change{Path: ".git/HEAD", Kind: 'M', Mode: file, Was: file}, ""},
		{draft.Change{Path: "y/.git", Old: "z", Kind: 'R', Dir: true, Mode: folder, Was: folder}, "git-nested y/.git"},
		{draft.Change{Path: ".envrc", Kind: 'A', Mode: link}, "runs .envrc"},
		{draft.Change{Path: ".vscode", Kind: 'A', Mode: link}, "runs .vscode"},
		{draft.Change{Path: "notes", Kind: 'A', Mode: link}, ""},
		{draft.Change{Path: ".envrc", Kind: 'A', Mode: unix.S_IFREG | 0o044}, "runs .envrc"},
		{draft.Change{Path: "notes", Kind: 'A', Mode: unix.S_IFREG}, ""},
	} {
		r.Changes = []draft.Change{c.change}
		var got []string
		for _, f := range byName(r, nil) {
			got = append(got, f.Kind+" "+f.Path)
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%c %s is %q, want %q", c.change.Kind, c.change.Path, got, c.want)
		}
	}
}

// Hooks and configs that the human's own git config names are told, though the draft does not hold that one.
func TestRunsByConfig(t *testing.T) {
	const file, program = unix.S_IFREG | 0o644, unix.S_IFREG | 0o755
	r := &draft.Report{ConfigsAreWhole: true, GitConfigs: map[string][]byte{
		"":    []byte("[core]\n\thooksPath = tools/hooks\n[include]\n\tpath = ../.gitconfig\n"),
		"at":  []byte("[core]\n\thooksPath = ~/p/at/.h\n[include]\n\tpath = ~alice/p/inc\n"),
		"out": []byte("[core]\n\thooksPath = /etc/h\n"),
		"sub": []byte("[core]\n\thooksPath = /home/alice/p/sub/.h\n[includeIf \"gitdir:x\"]\n\tpath = more\n"),
	}}
	for _, c := range []struct {
		change draft.Change
		want   string
	}{
		{draft.Change{Path: "tools/hooks/pre-commit", Kind: 'M', Mode: program, Was: program}, "git-hook tools/hooks/pre-commit"},
		{draft.Change{Path: "tools/hooks/pre-commit", Kind: 'M', Mode: file, Was: file}, ""},
		{draft.Change{Path: "tools/hooks/pre-commit", Kind: 'D', Was: program}, ""},
		{draft.Change{Path: "tools/hooks/pre-push.sample", Kind: 'A', Mode: program}, ""},
		{draft.Change{Path: "tools/hooks", Kind: 'T', Mode: unix.S_IFLNK | 0o777}, "git-hook tools/hooks"},
		{draft.Change{Path: "tools/hooks", Old: "x", Kind: 'R', Dir: true, Mode: unix.S_IFDIR | 0o755}, "git-hook tools/hooks"},
		{draft.Change{Path: "tools/other", Kind: 'A', Mode: program}, ""},
		{draft.Change{Path: "sub/.h/pre-commit", Kind: 'A', Mode: program}, "git-hook sub/.h/pre-commit"},
		{draft.Change{Path: "at/.h/pre-push", Kind: 'M', Mode: program, Was: program}, "git-hook at/.h/pre-push"},
		{draft.Change{Path: "inc", Kind: 'A', Mode: file}, "git-config inc"},
		{draft.Change{Path: "out/etc/h/pre-push", Kind: 'A', Mode: program}, ""},
		{draft.Change{Path: ".gitconfig", Kind: 'M', Mode: file, Was: file}, "git-config .gitconfig"},
		{draft.Change{Path: "sub/.git/more", Kind: 'A', Mode: file}, "git-config sub/.git/more"},
		{draft.Change{Path: "sub/.gitconfig", Kind: 'A', Mode: file}, ""},
	} {
		r.Changes = []draft.Change{c.change}
		var got []string
		for _, f := range byConfig(r, "/home/alice/p") {
			got = append(got, f.Kind+" "+f.Path)
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%c %s is %q, want %q", c.change.Kind, c.change.Path, got, c.want)
		}
	}
}

// A config with many settings does not hold up a look at many changes.
func TestRunsByLargeConfig(t *testing.T) {
	text := "[include]\n" + strings.Repeat("path=a\n", 50_000) + "[core]\n" + strings.Repeat("hookspath=h\n", 20_000)
	r := &draft.Report{GitConfigs: map[string][]byte{"": []byte(text)}, ConfigsAreWhole: true}
	for i := range 20_000 {
		r.Changes = append(r.Changes, draft.Change{Path: fmt.Sprintf("h/%d", i), Kind: 'A', Mode: unix.S_IFREG | 0o755})
	}
	done := make(chan int, 1)
	go func() { done <- len(byConfig(r, "/home/alice/p")) }()
	select {
	case n := <-done:
		if n != 20_000 {
			t.Errorf("it found %d of 20000 hooks", n)
		}
	case <-time.After(20 * time.Second):
		t.Error("20,000 changes beside a config of 70,000 settings take more than 20 seconds")
	}
	if len(byConfig(&draft.Report{}, "/home/alice/p")) != 1 {
		t.Error("it does not say that there are more configs")
	}
}

func TestRunsThatCameAlong(t *testing.T) {
	r := &draft.Report{Along: []draft.Along{{Path: ".vscode/tasks.json", Old: "editor/tasks.json"}, {Path: "b/package.json", Old: "a/package.json"}, {Path: "b/x", Old: "a/x"}}}
	all := cameAlong(r)
	if len(all) != 2 || all[0].Path != ".vscode/tasks.json" || all[1].Kind != "unreadable" {
		t.Errorf("along came %q", all)
	}
}
