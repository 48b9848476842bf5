// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"slices"
	"testing"
)

func TestGitRuns(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"ordinary", "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n[remote \"origin\"]\n\turl = https://x\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n", nil},
		{"fsmonitor", "[core]\nfsmonitor = ./x", []string{"core.fsmonitor"}},
		{"fsmonitor_builtin", "[core]\nfsmonitor = true\n", nil},
		{"case", "[CORE]\nFSMonitor=./x\n", []string{"core.fsmonitor"}},
		{"on_the_section_line", "[core] hooksPath = x\n", []string{"core.hookspath"}},
		{"after_a_comment", "# [x\n; y\n[core] # z\nsshCommand = x\n", []string{"core.sshcommand"}},
		{"filter", "[filter \"a.b\"]\nclean = x\n\tsmudge=\"y\"\n", []string{"filter.a.b.clean", "filter.a.b.smudge"}},
		{"old_subsection", "[filter.a]\nprocess = x\n", []string{"filter.a.process"}},
		{"escaped_subsection", "[diff \"a\\\"]\\\\b\"]\ntextconv = x\n", []string{"diff.a\"]\\b.textconv"}},
		{"lfs", "[filter \"lfs\"]\nclean = git-lfs clean -- %f\nprocess = git-lfs filter-process\n", nil},
		{"continued", "[core]\nuser = a\\\n\npager = le\\\nss x\n", []string{"core.pager"}},
		{"quoted_newline", "[core]\nx = \"a\n[core]\npager = b\"\neditor = c\n", []string{"core.editor"}},
		{"alias", "[alias]\na = log\nb = !sh\nc = \"!x\"\n", []string{"alias.b", "alias.c"}},
		{"include", "[include]\npath = ../x\n[includeIf \"gitdir:/\"]\npath = y\n", []string{"include.path", "includeif.gitdir:/.path"}},
		{"helper", "[credential]\nhelper = !x\n[credential \"https://x\"]\nhelper = store\n", []string{"credential.helper"}},
		{"ext", "[remote \"o\"]\nurl = ext::sh -c x\npushurl=ext::y\n", []string{"remote.o.url", "remote.o.pushurl"}},
		{"submodule", "[submodule \"x\"]\nupdate = !sh\nactive = true\n[submodule \"y\"]\nupdate = merge\n", []string{"submodule.x.update"}},
		{"worktree", "[core]\nworktree = ../../../sub\n", []string{"core.worktree"}},
		{"worktree_elsewhere", "[core]\nworktree = /home/alice\n", []string{"core.worktree"}},
		{"windows_lines", "[core]\r\npager = x\r\n", []string{"core.pager"}},
		{"unfinished", "[core", nil},
		{"unfinished_line", "[core]\npager", []string{"core.pager"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, s := range GitRuns(tt.text) {
				got = append(got, s.Key)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("GitRuns finds %q, not %q", got, tt.want)
			}
		})
	}
}

func FuzzGitRuns(f *testing.F) {
	f.Add("[core \"x\\\"\"] a = \"b\\\nc\" # d\n")
	f.Fuzz(func(t *testing.T, text string) { GitRuns(text) }) // ends, and does not panic
}

func TestSelfRunning(t *testing.T) {
	for _, tt := range []struct {
		path, text string
		want       bool
	}{
		{".envrc", "", true}, {"a/b/.envrc", "", true}, {"envrc", "", false}, {"x.envrc", "", false},
		{".vscode/tasks.json", `{"runOn": "folderOpen"}`, true}, {".vscode/tasks.json", `{}`, false}, {"tasks.json", "folderOpen", false}, {"x.vscode/tasks.json", "folderOpen", false},
		{"package.json", `{"scripts":{"test":"x"}}`, false}, {"package.json", `{"scripts":{"postinstall":"x"}}`, true},
		{"node_modules/x/package.json", `{"scripts":{"postinstall":"x"}}`, false}, {"node_modules/.envrc", "", false},
		{".husky/pre-commit", "", true}, {".husky/_/husky.sh", "", false}, {".husky/.gitignore", "", false}, {"husky/pre-commit", "", false},
		{".claude/settings.json", `{"hooks":{}}`, true}, {".claude/settings.json", `{}`, false}, {"Makefile", "", false},
	} {
		rule, ok := SelfRunning(tt.path)
		got := ok && (!rule.Reads() || rule.Found([]byte(tt.text)) != "")
		if got != tt.want {
			t.Errorf("SelfRunning(%q) with %q is %v, not %v", tt.path, tt.text, got, tt.want)
		}
	}
}

func TestEveryKindHasATitle(t *testing.T) {
	for _, k := range Kinds {
		if k.Name == "" || k.Title == "" {
			t.Errorf("kind %+v lacks something", k)
		}
	}
}
