// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"bytes"
	"encoding/json"
	"path"
	"slices"
	"strings"

	"github.com/a4u2/au/provision/config"
)

// Finding is something in a share that the human should know of.
type Finding struct {
	Path   string // below the share's source
	Kind   string // one of Kinds
	Detail string
}

// MarshalJSON keeps the bytes of a path that is not UTF-8.
func (f Finding) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Path   config.Path `json:"path"`
		Kind   string      `json:"kind"`
		Detail string      `json:"detail,omitempty"`
	}{config.Path(f.Path), f.Kind, f.Detail})
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
	{"symlink", "link", "symbolic links that leave the share: what you write to them goes elsewhere"},
	{"hard-link", "hard link", "files with names outside the share: what the agent writes changes those too"},
	{"special", "", "FIFOs and devices: what reads them may wait for ever"},
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

// rule is a file that is obeyed by a program without the human asking for it.
type rule struct {
	path string                   // its last components; a * stands for any name
	why  string                   // who obeys it, and when
	look func(text []byte) string // what in it does so; empty where nothing does. nil: it always may
}

// rules is a short list on purpose: what runs only when its human names it, a Makefile or a test, is no surprise.
var rules = []rule{
	{".envrc", "direnv runs it when you enter the folder", nil},
	{".mise.toml", "mise obeys it when you enter the folder", nil},
	{"mise.toml", "mise obeys it when you enter the folder", nil},
	{".autoenv.zsh", "autoenv runs it when you enter the folder", nil},
	{".vscode/tasks.json", "VS Code can run its tasks when the folder is opened", contains("folderOpen")},
	{".vscode/settings.json", "VS Code starts the programs that it names", settingsPrograms},
	{".idea/startup.xml", "JetBrains programs run its tasks when the project is opened", nil},
	{".idea/watcherTasks.xml", "JetBrains programs run its tasks when a file is saved", nil},
	{".devcontainer/devcontainer.json", "its initializeCommand runs on this machine", contains("initializeCommand")},
	{".devcontainer.json", "its initializeCommand runs on this machine", contains("initializeCommand")},
	{".claude/settings.json", "its hooks run when you start claude here", contains("hooks", "apiKeyHelper", "statusLine")},
	{".claude/settings.local.json", "its hooks run when you start claude here", contains("hooks", "apiKeyHelper", "statusLine")},
	{".mcp.json", "coding agents that you start here start its servers", contains("command")},
	{".cursor/mcp.json", "Cursor starts its servers", contains("command")},
	{".gemini/settings.json", "gemini starts its servers", contains("command", "Command")},
	{".codex/config.toml", "codex starts its servers", contains("command")},
	{"package.json", "npm install runs its scripts", packageScripts},
	{".pnpmfile.cjs", "pnpm install runs it", nil},
	{".npmrc", "npm starts the programs that it names", contains("script-shell", "git=", "git =", "node-options", "onload-script")},
	{".yarnrc.yml", "yarn is replaced by the program that it names", contains("yarnPath", "plugins")},
	{".yarnrc", "yarn is replaced by the program that it names", contains("yarn-path")},
	{".pre-commit-config.yaml", "pre-commit runs its hooks at each commit", nil},
	{".husky/*", "git runs it where husky is installed", nil},
	{"lefthook.yml", "lefthook runs its commands at each commit", nil},
	{".cargo/config.toml", "cargo starts the programs that it names", contains("runner", "wrapper", "linker", "credential-provider", "rustc", "alias", "rustdoc")},
	{".cargo/config", "cargo starts the programs that it names", contains("runner", "wrapper", "linker", "credential-provider", "rustc", "alias", "rustdoc")},
	{".gdbinit", "gdb can run it when started here", nil},
	{".exrc", "vi can run it when started here", nil},
	{".vimrc", "vim can run it when started here", nil},
	{".nvim.lua", "nvim can run it when started here", nil},
	{".dir-locals.el", "emacs can run what it evaluates", contains("eval")},
	{".bashrc", "bash runs it where the share is a home", nil},
	{".profile", "a login runs it where the share is a home", nil},
	{".zshrc", "zsh runs it where the share is a home", nil},
}

// dependencies is a folder of others' packages, where each has files such as package.json that only its own authors' tools obey.
const dependencies = "node_modules"

var rulesByName = func() map[string][]rule {
	m := map[string][]rule{}
	for _, r := range rules {
		m[path.Base(r.path)] = append(m[path.Base(r.path)], r)
	}
	return m
}()

// SelfRunning says whether a file, by its path below the share, is obeyed without being asked for; then found(text) says why, and "" where nothing in its
// text does.
func SelfRunning(rel string) (found func(text []byte) string, ok bool) {
	base := path.Base(rel)
	candidates := rulesByName[base]
	if strings.HasPrefix(path.Base(path.Dir(rel)), ".husky") {
		candidates = slices.Concat(candidates, rulesByName["*"])
	}
	for _, r := range candidates {
		if !r.match(rel) || slices.Contains(strings.Split(rel, "/"), dependencies) {
			continue
		}
		return func(text []byte) string {
			if r.look == nil {
				return r.why
			}
			if what := r.look(text); what != "" {
				return r.why + ": " + what
			}
			return ""
		}, true
	}
	return nil, false
}

// SelfRunningIn returns the paths of rules that begin with a folder of that name; with "", those of all rules. Names that only a * stands for are not among them.
func SelfRunningIn(folder string) []string {
	var all []string
	for _, r := range rules {
		first, _, nested := strings.Cut(r.path, "/")
		if nested && (folder == "" || folder == first) && !strings.Contains(r.path, "*") {
			all = append(all, r.path)
		}
	}
	return all
}

func (r rule) match(rel string) bool {
	want, have := strings.Split(r.path, "/"), strings.Split(rel, "/")
	if len(have) < len(want) {
		return false
	}
	for i, w := range want {
		if h := have[len(have)-len(want)+i]; w != h && (w != "*" || strings.HasPrefix(h, ".") || h == "_") {
			return false
		}
	}
	return true
}

// contains returns a look that finds any of the words; a text is not parsed, so that what a parser would stumble over hides nothing.
func contains(words ...string) func([]byte) string {
	return func(text []byte) string {
		for _, w := range words {
			if bytes.Contains(text, []byte(w)) {
				return w
			}
		}
		return ""
	}
}

// settingsPrograms finds settings of an editor that name a program.
func settingsPrograms(text []byte) string {
	for _, word := range []string{"executable", "Path\"", "path\"", "command", "Command", "interpreter", "shell", "automationProfile", "allowAutomaticTasks", "env."} {
		if bytes.Contains(text, []byte(word)) {
			return strings.Trim(word, `"`)
		}
	}
	return ""
}

// packageScripts names the scripts of a package.json that npm runs at install.
func packageScripts(text []byte) string {
	var p struct {
		Scripts map[string]any `json:"scripts"`
	}
	if json.Unmarshal(text, &p) != nil {
		return ""
	}
	var found []string
	for _, name := range []string{"preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare", "dependencies"} {
		if _, ok := p.Scripts[name]; ok {
			found = append(found, name)
		}
	}
	return strings.Join(found, ", ")
}
