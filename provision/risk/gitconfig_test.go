// SPDX-License-Identifier: GPL-3.0-or-later

package risk

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestGitPathIn(t *testing.T) {
	for value, want := range map[string]string{
		"h": "sub/h", "../h": "h", "/home/alice/p/h": "h", "/home/alice/p": ".", "/home/alice/q/h": "", "/h": "", "~/p/h": "h", "~alice/p/h": "h",
		"~/h": "", "~": "", "~/p": ".", "~/../alice/p/h": "h", "~/q/../p/h/": "h",
	} {
		if got := GitPathIn("/home/alice/p", "sub", value); got != want {
			t.Errorf("%s is %q, want %q", value, got, want)
		}
	}
}

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
		{"mail", "[sendemail]\nsmtpServer = /x\n[sendemail \"a\"]\ntoCmd = x\n", []string{"sendemail.smtpserver", "sendemail.a.tocmd"}},
		{"lfs_transfer", "[lfs \"customtransfer.x\"]\npath = ./x\n", []string{"lfs.customtransfer.x.path"}},
		{"another_server", "[url \"ext::x \"]\ninsteadOf = https://x\n[http]\nproxy = x\n[http \"https://x\"]\nproxy = y\n", []string{"url.ext::x .insteadof", "http.proxy", "http.https://x.proxy"}},
		{"a_command_to_come", "[core]\nsomeNewCommand = x\n", []string{"core.somenewcommand"}},
		{"condition", "[includeIf \"hasconfig:remote.*.url:x\"]\npath = y\n", []string{"includeif.hasconfig:remote.*.url:x.path"}},
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
		{".vscode/mcp.json", `{"servers":{"x":{"comm\u0061nd":"y"}}}`, true}, {".vscode/tasks.json", `{"runOn": "folder\u004fpen"}`, true}, {".vscode/mcp.json", `{}`, false},
		{".cursor/hooks.json", `{"hooks":{"stop":[{"command":"x"}]}}`, true}, {".helix/languages.toml", "[language-server.x]\ncommand = 'y'", true}, {".helix/languages.toml", "", false},
		{".Rprofile", "", true}, {".irbrc", "", true}, {".pryrc", "", true}, {".octaverc", "", true}, {".hg/hgrc", "[hooks]\ncommit = x", true}, {".hg/hgrc", "[paths]\ndefault = x", false},
		{".idea/runConfigurations/x.xml", "", true}, {".idea/x.xml", "", false}, {".devcontainer/a/devcontainer.json", `{"initializeCommand":"x"}`, true}, {"x.code-workspace", "folderOpen", true},
		{"package.json", "\ufeff" + `{"scripts":{"postinstall":"x"}}`, true}, {"package.json", strings.Repeat("[", 20000) + `{"scripts":{"postinstall":"x"}}`, true},
		{"package.json", `{"packageManager":"yarn@https://x/y.js"}`, true}, {"package.json", `{"packageManager":"yarn@4.0.0"}`, false},
		{".claude/settings.json", `{"hooks":{}}`, true}, {".claude/settings.json", `{}`, false}, {"Makefile", "", false},
		{"lefthook-local.toml", "", true}, {".config/lefthook.jsonc", "", true}, {"a/binding.gyp", "", true}, {".pnpmfile.mjs", "", true}, {".dir-locals-2.el", "(eval)", true},
		{"rust-toolchain", "[toolchain]\npath = \"/x\"", true}, {"rust-toolchain", "stable", false}, {".codex/hooks.json", `{"command":""}`, true}, {".gvimrc", "", true},
		{".cargo/config.toml", `include = ["x"]`, true}, {".cargo/config.toml", "[net]\noffline = true", false}, {".zlogin", "", true}, {".bash_login", "", true},
		{".ENVRC", "", true}, {".Hus\u212ay/Pre-commit", "", true}, {".IDEA/runconfigurations/X.XML", "", true}, {"a/rust-TOOLCHAIN", "[toolchain]\npath = \"/x\"", true},
	} {
		rule, ok := SelfRunning(tt.path)
		got := ok && (!rule.Reads() || rule.Found([]byte(tt.text)) != "")
		if got != tt.want {
			t.Errorf("SelfRunning(%q) with %q is %v, not %v", tt.path, tt.text, got, tt.want)
		}
	}
}

func TestEveryRuleNamesItsPage(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range rules() {
		if !strings.HasPrefix(r.Page, "https://") || strings.Contains(r.Page, " ") || r.Why == "" || seen[r.Path] {
			t.Errorf("rule %s: %q, %q, or it is there twice", r.Path, r.Why, r.Page)
		}
		seen[r.Path] = true
		if found, ok := SelfRunning("a/" + strings.ReplaceAll(r.Path, "*", "x")); !ok || found.Path != r.Path {
			t.Errorf("no file is found by the rule %s", r.Path)
		}
	}
}

// spent is the processor's time that this thread has had: how busy the machine is does not matter.
func spent() time.Duration {
	var u unix.Rusage
	unix.Getrusage(unix.RUSAGE_THREAD, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Twice the text takes twice the time, not four times: an agent can write as much of it as it likes.
func TestLooksAreLinear(t *testing.T) {
	looks := map[string]func(string){
		"git_section": func(s string) { GitRuns("[" + s + "]\n") }, "git_subsection": func(s string) { GitRuns("[a \"" + s + "\"]\nb=c\n") },
		"git_many_in_a_long_section": func(s string) { GitRuns("[alias \"" + s[:len(s)/2] + "\"]\n" + strings.Repeat("x=!y\n", len(s)/10)) },
		"git_lines":                  func(s string) { GitRuns(strings.Repeat("a\n", len(s)/2)) }, "git_value": func(s string) { GitRuns("[a]\nb=" + s) },
		"git_quotes": func(s string) { GitRuns("[a]\nb=" + strings.Repeat("\\\"", len(s)/2)) }, "git_sections": func(s string) { GitRuns(strings.Repeat("[", len(s))) },
		"git_modules": func(s string) { GitSubmodules(strings.Repeat("[submodule \"a\"]\npath=b\n", len(s)/25)) },
		"json_nested": func(s string) { packageScripts([]byte(strings.Repeat("[", len(s)))) }, "json_string": func(s string) { packageScripts([]byte("\"" + s)) },
		"escapes": func(s string) { contains("x")([]byte(strings.Repeat(`\u0061`, len(s)/6))) },
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for name, look := range looks {
		least := func(n int) time.Duration {
			text, best := strings.Repeat("a", n), time.Hour
			for range 2 {
				start := spent()
				look(text)
				best = min(best, spent()-start)
			}
			return best
		}
		small := least(1 << 17)
		if small > time.Second {
			t.Errorf("%s: 128 KiB take %v", name, small)
			continue
		}
		most, large := 32*small+100*time.Millisecond, least(1<<20) // of 8 times the text; 64 times as much would be quadratic
		for try := 1; try < 5 && large > most; try++ {             // the thread may have had to help the garbage collector
			large = min(large, least(1<<20))
		}
		if large > most {
			t.Errorf("%s: 128 KiB take %v, 1 MiB %v", name, small, large)
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
