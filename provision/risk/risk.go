// SPDX-License-Identifier: GPL-3.0-or-later

// Package risk says which files in a folder act on the human's side without being asked for.
package risk

import (
	"bytes"
	"encoding/json"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision/config"
)

// Finding is something in a share that the human should know of.
type Finding struct {
	Path   string // below the share's source
	Kind   string // one of Kinds
	Detail string
}

// MarshalJSON keeps the bytes of a path that is not UTF-8, and of a detail: that is then as a shell reads it back, and so is one
// that looks like it.
func (f Finding) MarshalJSON() ([]byte, error) {
	detail := f.Detail
	if !utf8.ValidString(detail) || strings.HasPrefix(detail, "$'") {
		detail = quote.Word(detail)
	}
	return json.Marshal(struct {
		Path   config.Path `json:"path"`
		Kind   string      `json:"kind"`
		Detail string      `json:"detail,omitempty"`
	}{config.Path(f.Path), f.Kind, detail})
}

// Kind is what a finding is about.
type Kind struct{ Name, Word, Title string }

// Kinds of findings, the gravest first.
var Kinds = []Kind{
	{"set-id", "set-id", "set-uid and set-gid files: whoever runs them becomes you"},
	{"git-config", "git config", "git settings that name programs: git runs them on your side"},
	{"git-hook", "git hook", "git hooks: git runs them on your side"},
	{"git-nested", "repository", "repositories inside others: git obeys their config when you are in them"},
	{"runs", "", "files that run by themselves, or name what does"},
	{"symlink", "link", "symbolic links that leave the share: your writes to them go elsewhere"},
	{"hard-link", "hard link", "files with names outside the share: the agent's changes reach those too"},
	{"special", "", "FIFOs and devices: a program that reads them may wait for ever"},
	{"owner", "owner", "files that are not yours: the agent has no rights to them but those of all others"},
	{"unreadable", "unreadable", "folders that you cannot read: not looked into"},
}

// KindWord returns a word for a kind of finding; empty where its detail says enough.
func KindWord(name string) string {
	for _, k := range Kinds {
		if k.Name == name {
			return k.Word
		}
	}
	return name
}

// Rule is a file that is obeyed by a program without the human asking for it.
type Rule struct {
	Path string                   // its last components; in the last one a * matches any characters
	Why  string                   // who obeys it, and when
	look func(text []byte) string // what in it does so; empty where nothing does. nil: it always may
	Page string                   // where that is
}

// rules is a short list on purpose: what runs only when its human names it, a Makefile or a test, is no surprise. Each names the
// page that it is from; each was held against that page, or against the manual page that the program's package brings. Of those
// that are marked second-hand only a page that quotes it was read.
var rules = sync.OnceValue(func() []Rule {
	return append(lefthooks(), []Rule{
		{".envrc", "direnv runs it when you enter the folder", nil, "https://direnv.net/man/direnv.1.html"},
		{".mise.toml", "mise obeys it when you enter the folder", nil, "https://mise.jdx.dev/hooks.html"},
		{"mise.toml", "mise obeys it when you enter the folder", nil, "https://mise.jdx.dev/hooks.html"},
		{".mise.local.toml", "mise obeys it when you enter the folder", nil, "https://mise.jdx.dev/hooks.html"},
		{"mise.local.toml", "mise obeys it when you enter the folder", nil, "https://mise.jdx.dev/hooks.html"},
		{"mise/config.toml", "mise obeys it when you enter the folder", nil, "https://mise.jdx.dev/hooks.html"},
		{".mise/config.toml", "mise obeys it when you enter the folder", nil, "https://mise.jdx.dev/hooks.html"},
		{".tool-versions", "asdf runs programs of the folder that it names", contains("path:"), "https://asdf-vm.com/manage/configuration.html"},
		{".autoenv.zsh", "autoenv runs it when you enter the folder", nil, "https://github.com/Tarrasch/zsh-autoenv"},
		{".autoenv_leave.zsh", "autoenv runs it when you leave the folder", nil, "https://github.com/Tarrasch/zsh-autoenv"},
		{".vscode/tasks.json", "VS Code can run its tasks when the folder is opened", contains("folderOpen"), "https://code.visualstudio.com/docs/editor/workspace-trust"},
		{".vscode/settings.json", "VS Code starts the programs that it names", contains("executable", "Path\"", "path\"", "command", "Command", "interpreter", "shell", "automationProfile", "allowAutomaticTasks", "env."), "https://code.visualstudio.com/docs/editor/workspace-trust"},
		{".vscode/mcp.json", "VS Code starts its servers", contains("command", "Command"), "https://code.visualstudio.com/docs/copilot/chat/mcp-servers"},
		{"*.code-workspace", "VS Code obeys its settings and tasks when it is opened", contains("folderOpen", "executable", "Path\"", "command", "Command", "interpreter", "shell"), "https://github.com/microsoft/vscode/wiki/Adopting-Multi-Root-Workspace-APIs"},
		{".idea/startup.xml", "JetBrains programs run its tasks when the project is opened", nil, "https://www.jetbrains.com/help/idea/settings-tools-startup-tasks.html"},
		{".idea/watcherTasks.xml", "JetBrains programs run its tasks when a file is saved", nil, "https://www.jetbrains.com/help/idea/using-file-watchers.html"},
		{".idea/runConfigurations/*.xml", "JetBrains programs run it at the Run button", nil, "https://www.jetbrains.com/help/idea/run-debug-configurations-dialog.html"},
		{".idea/workspace.xml", "JetBrains programs run its configurations at the Run button", contains("RunManager"), "https://www.jetbrains.com/help/idea/run-debug-configurations-dialog.html"},
		{".run/*.run.xml", "JetBrains programs run it at the Run button", nil, "https://www.jetbrains.com/help/idea/run-debug-configurations-dialog.html"},
		{".devcontainer/devcontainer.json", "its initializeCommand runs on this machine", contains("initializeCommand"), "https://github.com/devcontainers/spec/blob/main/docs/specs/devcontainerjson-reference.md"},
		{".devcontainer/*/devcontainer.json", "its initializeCommand runs on this machine", contains("initializeCommand"), "https://github.com/devcontainers/spec/blob/main/docs/specs/devcontainerjson-reference.md"},
		{".devcontainer.json", "its initializeCommand runs on this machine", contains("initializeCommand"), "https://github.com/devcontainers/spec/blob/main/docs/specs/devcontainerjson-reference.md"},
		{".helix/languages.toml", "Helix starts the language servers that it names", contains("command"), "https://docs.helix-editor.com/languages.html"},
		{".helix/config.toml", "Helix obeys it when started here", contains("shell", ":sh", "pipe", ":run", "keys"), "https://docs.helix-editor.com/configuration.html"},
		{".zed/settings.json", "Zed starts the programs that it names", contains("binary", "command", "path\"", "shell", "external", "context_servers"), "https://zed.dev/docs/worktree-trust"},
		{".claude/settings.json", "its hooks run when you start claude here", contains("hooks", "apiKeyHelper", "statusLine", "awsAuthRefresh", "awsCredentialExport", "otelHeadersHelper", "\"env\"", "enableAllProjectMcpServers", "enabledMcpjsonServers"), "https://docs.anthropic.com/en/docs/claude-code/settings"},
		{".claude/settings.local.json", "its hooks run when you start claude here", contains("hooks", "apiKeyHelper", "statusLine", "awsAuthRefresh", "awsCredentialExport", "otelHeadersHelper", "\"env\"", "enableAllProjectMcpServers", "enabledMcpjsonServers"), "https://docs.anthropic.com/en/docs/claude-code/settings"},
		{".mcp.json", "coding agents that you start here start its servers", contains("command", "Command"), "https://code.claude.com/docs/en/mcp"}, // second-hand: https://www.developersdigest.tech/mcp-servers/clients/claude-code
		{".cursor/mcp.json", "Cursor starts its servers", contains("command", "Command"), "https://cursor.com/docs/mcp"},                            // second-hand: https://www.developersdigest.tech/mcp-servers/clients/cursor
		{".cursor/hooks.json", "Cursor runs its hooks", contains("command", "Command"), "https://cursor.com/docs/agent/hooks"},
		{".gemini/settings.json", "gemini starts its servers and hooks", contains("command", "Command"), "https://geminicli.com/docs/reference/configuration.md"},
		{".codex/config.toml", "codex starts its servers, and runs its hooks", contains("command", "Command", "notify", "hooks"), "https://developers.openai.com/codex/config-reference"},
		{".codex/hooks.json", "codex runs its hooks", contains("command", "Command"), "https://developers.openai.com/codex/hooks.md"},
		{"opencode.json", "opencode starts its servers and plugins", contains("command", "plugin"), "https://opencode.ai/docs/config"},
		{"opencode.jsonc", "opencode starts its servers and plugins", contains("command", "plugin"), "https://opencode.ai/docs/config"},
		{".opencode/plugin/*.ts", "opencode runs it when started here", nil, "https://opencode.ai/v2/docs/plugins/"},
		{".opencode/plugin/*.js", "opencode runs it when started here", nil, "https://opencode.ai/v2/docs/plugins/"},
		{".opencode/plugins/*.ts", "opencode runs it when started here", nil, "https://opencode.ai/v2/docs/plugins/"},
		{".opencode/plugins/*.js", "opencode runs it when started here", nil, "https://opencode.ai/v2/docs/plugins/"},
		{"package.json", "npm install runs its scripts", packageScripts, "https://docs.npmjs.com/cli/v11/using-npm/scripts"},
		{".pnpmfile.cjs", "pnpm install runs it", nil, "https://pnpm.io/pnpmfile"},
		{".pnpmfile.mjs", "pnpm install runs it", nil, "https://pnpm.io/pnpmfile"},
		{"binding.gyp", "npm install builds it with node-gyp, which runs what it names", nil, "https://docs.npmjs.com/cli/v11/using-npm/scripts"},
		{".npmrc", "npm starts the programs that it names", contains("script-shell", "git=", "git =", "node-options", "onload-script", "globalconfig", "editor", "viewer", "browser"), "https://docs.npmjs.com/cli/v11/configuring-npm/npmrc"},
		{".yarnrc.yml", "yarn is replaced by the program that it names", contains("yarnPath", "plugins"), "https://yarnpkg.com/configuration/yarnrc"},
		{".yarnrc", "yarn is replaced by the program that it names", contains("yarn-path"), "https://classic.yarnpkg.com/en/docs/yarnrc/"},
		{"bunfig.toml", "bun runs what it preloads", contains("preload"), "https://bun.sh/docs/runtime/bunfig"},
		{".pre-commit-config.yaml", "pre-commit runs its hooks at each commit", nil, "https://pre-commit.com/"},
		{".husky/*", "git runs it where husky is installed", nil, "https://typicode.github.io/husky/get-started.html"},
		{".hg/hgrc", "Mercurial runs its hooks, and the programs and extensions that it names", contains("hooks", "extensions", "alias", "!", "diff", "merge-tools", "ui", "fsmonitor"), "https://man7.org/linux/man-pages/man5/hgrc.5.html"},
		{".cargo/config.toml", "cargo starts the programs that it names", contains("runner", "wrapper", "linker", "credential", "rustc", "alias", "rustdoc", "rustflags", "browser", "include", "env"), "https://doc.rust-lang.org/cargo/reference/config.html"},
		{".cargo/config", "cargo starts the programs that it names", contains("runner", "wrapper", "linker", "credential", "rustc", "alias", "rustdoc", "rustflags", "browser", "include", "env"), "https://doc.rust-lang.org/cargo/reference/config.html"},
		{"rust-toolchain.toml", "cargo is replaced by the one below the path that it names", contains("path"), "https://rust-lang.github.io/rustup/overrides.html"},
		{"rust-toolchain", "cargo is replaced by the one below the path that it names", contains("path"), "https://rust-lang.github.io/rustup/overrides.html"},
		{".gdbinit", "gdb can run it when started here", nil, "https://sourceware.org/gdb/download/onlinedocs/gdb.html/Init-File-in-the-Current-Directory.html"},
		{".lldbinit", "lldb can run it when started here", nil, "https://manpages.debian.org/lldb-19/lldb-19.1.en.html"},
		{".pdbrc", "the Python debugger runs it when started here", nil, "https://docs.python.org/3/library/pdb.html"},
		{".exrc", "vi can run it when started here", nil, "https://vimhelp.org/options.txt.html#'exrc'"},
		{".gvimrc", "gvim can run it when started here", nil, "https://vimhelp.org/options.txt.html#'exrc'"},
		{".vimrc", "vim can run it when started here", nil, "https://vimhelp.org/options.txt.html#'exrc'"},
		{".nvimrc", "nvim can run it when started here", nil, "https://neovim.io/doc/user/news-0.9.html"},
		{".nvim.lua", "nvim can run it when started here", nil, "https://neovim.io/doc/user/news-0.9.html"},
		{".dir-locals.el", "emacs can run what it evaluates", contains("eval"), "https://www.gnu.org/software/emacs/manual/html_node/emacs/Directory-Variables.html"},
		{".dir-locals-2.el", "emacs can run what it evaluates", contains("eval"), "https://www.gnu.org/software/emacs/manual/html_node/emacs/Directory-Variables.html"},
		{".Rprofile", "R runs it when started here", nil, "https://stat.ethz.ch/R-manual/R-devel/library/base/html/Startup.html"},
		{".Renviron", "R takes its environment from it when started here", nil, "https://stat.ethz.ch/R-manual/R-devel/library/base/html/Startup.html"},
		{".RData", "R loads it when started here, and runs its .First", nil, "https://stat.ethz.ch/R-manual/R-devel/library/base/html/Startup.html"},
		{".irbrc", "irb runs it when started here", nil, "https://ruby.github.io/irb/Configurations_md.html"},
		{".pryrc", "pry runs it when started here", nil, "https://github.com/pry/pry/wiki/Pry-rc"},
		{".octaverc", "Octave runs it when started here", nil, "https://gnu.org/software/octave/doc/interpreter/Startup-Files.html"},
		{".ghci", "GHCi runs it when started here", nil, "https://downloads.haskell.org/ghc/latest/docs/users_guide/ghci.html"},
		{".iex.exs", "IEx runs it when started here", nil, "https://manpages.debian.org/elixir/iex.1.en.html"},
		{".bashrc", "bash runs it where the share is a home", nil, "https://www.gnu.org/software/bash/manual/html_node/Bash-Startup-Files.html"},
		{".bash_profile", "a login runs it where the share is a home", nil, "https://www.gnu.org/software/bash/manual/html_node/Bash-Startup-Files.html"},
		{".bash_login", "a login runs it where the share is a home", nil, "https://www.gnu.org/software/bash/manual/html_node/Bash-Startup-Files.html"},
		{".bash_logout", "the end of a login runs it where the share is a home", nil, "https://www.gnu.org/software/bash/manual/html_node/Bash-Startup-Files.html"},
		{".profile", "a login runs it where the share is a home", nil, "https://www.gnu.org/software/bash/manual/html_node/Bash-Startup-Files.html"},
		{".zshrc", "zsh runs it where the share is a home", nil, "https://zsh.sourceforge.io/Doc/Release/Files.html"},
		{".zshenv", "zsh runs it where the share is a home", nil, "https://zsh.sourceforge.io/Doc/Release/Files.html"},
		{".zprofile", "a login of zsh runs it where the share is a home", nil, "https://zsh.sourceforge.io/Doc/Release/Files.html"},
		{".zlogin", "a login of zsh runs it where the share is a home", nil, "https://zsh.sourceforge.io/Doc/Release/Files.html"},
		{".zlogout", "a login of zsh runs it where the share is a home", nil, "https://zsh.sourceforge.io/Doc/Release/Files.html"},
	}...)
})

// lefthooks are all the names that lefthook looks for.
func lefthooks() (all []Rule) {
	for _, name := range []string{"lefthook", ".lefthook", "lefthook-local", ".lefthook-local"} {
		for _, format := range []string{"yml", "yaml", "toml", "json", "jsonc"} {
			all = append(all, Rule{name + "." + format, "lefthook runs its commands at each commit", nil, "https://lefthook.dev/configuration/"})
		}
	}
	return all
}

// dependencies is a folder of others' packages, where each has files such as package.json that only its own authors' tools obey.
const dependencies = "node_modules"

// Folded returns a name in lower case. FAT finds a file by its name in any case, and so does ext4 in some folders: programs obey it
// there.
func Folded(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf || 'A' <= r && r <= 'Z' }) {
		return strings.ToLower(strings.ToUpper(name))
	}
	return name
}

// index has the rules by the last component of their path, folded, and those with a * in it by the one before.
type index struct{ byName, byFolder map[string][]*Rule }

// known is made where somebody asks: a run that ends with nothing to look at does not wait for it.
var known = sync.OnceValue(func() index {
	all := index{map[string][]*Rule{}, map[string][]*Rule{}}
	rules := rules()
	for i := range rules {
		r := &rules[i]
		folder, base := path.Split(Folded(r.Path))
		switch {
		case folder == "" && strings.HasPrefix(base, "*"):
			all.byName[base] = append(all.byName[base], r)
		case strings.Contains(base, "*"):
			all.byFolder[path.Base(folder)] = append(all.byFolder[path.Base(folder)], r)
		default:
			all.byName[base] = append(all.byName[base], r)
		}
	}
	return all
})

// candidates takes folded names.
func candidates(folder, name string) []*Rule {
	all := known()
	return slices.Concat(all.byName[name], all.byName["*"+path.Ext(name)], all.byFolder[folder])
}

// MayRun is a quick look at whether SelfRunning could say yes: to rel, in a folder of that name.
func MayRun(folder, rel string) bool {
	if dir := path.Dir(rel); dir != "." {
		folder = path.Base(dir)
	}
	all, name := known(), Folded(path.Base(rel))
	return len(all.byName[name]) > 0 || len(all.byFolder[Folded(folder)]) > 0 || len(all.byName["*"+path.Ext(name)]) > 0
}

// SelfRunning returns the rule for a file, by its path below the share, that is obeyed without being asked for.
func SelfRunning(rel string) (*Rule, bool) {
	names := strings.Split(rel, "/")
	if slices.Contains(names, dependencies) {
		return nil, false
	}
	for _, r := range candidates(Folded(path.Base(path.Dir(rel))), Folded(path.Base(rel))) {
		if want := r.names(); len(want) <= len(names) && match(want, names[len(names)-len(want):]) {
			return r, true
		}
	}
	return nil, false
}

// SelfRunningIn returns, for a folder by its path, the rest of the paths of the rules that begin there. The last component of one
// may have a *.
func SelfRunningIn(folder string) []string {
	names := strings.Split(folder, "/")
	var all []string
	for _, rule := range rules() {
		want := rule.names()
		for n := 1; n < len(want) && n <= len(names); n++ {
			if match(want[:n], names[len(names)-n:]) {
				all = append(all, strings.Join(want[n:], "/"))
			}
		}
	}
	return all
}

func (r *Rule) names() []string { return strings.Split(r.Path, "/") }

func match(patterns, names []string) bool {
	for i, p := range patterns {
		// As in a shell, * does not stand for what is hidden.
		if ok, _ := path.Match(Folded(p), Folded(names[i])); !ok || strings.HasPrefix(p, "*") && strings.HasPrefix(names[i], ".") {
			return false
		}
	}
	return true
}

// Reads reports whether it matters what is in the file.
func (r *Rule) Reads() bool { return r.look != nil }

// Found returns what in a text is obeyed; empty where nothing is.
func (r *Rule) Found(text []byte) string {
	return r.look(text)
}

// contains returns a look that finds any of the words; a text is not parsed, so that what a parser would stumble over hides
// nothing.
func contains(words ...string) func([]byte) string {
	return func(text []byte) string {
		plain := unescaped(text)
		for _, w := range words {
			if bytes.Contains(text, []byte(w)) || bytes.Contains(plain, []byte(w)) {
				return w
			}
		}
		return ""
	}
}

// unescaped returns text with the characters for which JSON, YAML and TOML have \xNN, \uNNNN and \UNNNNNNNN.
func unescaped(text []byte) []byte {
	if !bytes.Contains(text, []byte(`\`)) {
		return text
	}
	var out bytes.Buffer
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) {
			digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[text[i+1]]
			code, err := strconv.ParseUint(string(text[min(i+2, len(text)):min(i+2+digits, len(text))]), 16, 32)
			if i++; err == nil {
				out.WriteRune(rune(code))
				i += digits
				continue
			}
		}
		out.WriteByte(text[i])
	}
	return out.Bytes()
}

// atInstall are the scripts of a package that npm runs when it installs or packs.
var atInstall = []string{"preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare", "dependencies"}

// packageScripts names the scripts of a package.json that npm runs at install, and the program that takes its place.
func packageScripts(text []byte) string {
	var p struct {
		Scripts        map[string]any `json:"scripts"`
		PackageManager any            `json:"packageManager"`
	}
	var found []string
	if json.Unmarshal(bytes.TrimPrefix(text, []byte("\ufeff")), &p) != nil {
		// Nested too deep, cut, or no JSON at all: npm may read it where we do not.
		plain := unescaped(text)
		for _, name := range atInstall {
			if bytes.Contains(plain, []byte(`"`+name+`"`)) {
				found = append(found, name)
			}
		}
		return strings.Join(found, ", ")
	}
	for _, name := range atInstall {
		if _, ok := p.Scripts[name]; ok {
			found = append(found, name)
		}
	}
	if manager, ok := p.PackageManager.(string); ok && strings.Contains(manager, "://") {
		found = append(found, "packageManager")
	}
	return strings.Join(found, ", ")
}
