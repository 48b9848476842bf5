// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"bytes"
	"encoding/json"
	"path"
	"slices"
	"strconv"
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

// Rule is a file that is obeyed by a program without the human asking for it.
type Rule struct {
	Path string                   // its last components; in the last one a * stands for any characters
	Why  string                   // who obeys it, and when
	look func(text []byte) string // what in it does so; empty where nothing does. nil: it always may
}

// rules is a short list on purpose: what runs only when its human names it, a Makefile or a test, is no surprise.
var rules = []Rule{
	{".envrc", "direnv runs it when you enter the folder", nil},
	{".mise.toml", "mise obeys it when you enter the folder", nil},
	{"mise.toml", "mise obeys it when you enter the folder", nil},
	{".autoenv.zsh", "autoenv runs it when you enter the folder", nil},
	{".vscode/tasks.json", "VS Code can run its tasks when the folder is opened", contains("folderOpen")},
	{".vscode/settings.json", "VS Code starts the programs that it names", contains("executable", "Path\"", "path\"", "command", "Command", "interpreter", "shell", "automationProfile", "allowAutomaticTasks", "env.")},
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

// byName are the rules by the last component of their path, and byFolder those with a * in it by the one before.
var byName, byFolder = func() (names, folders map[string][]*Rule) {
	names, folders = map[string][]*Rule{}, map[string][]*Rule{}
	for i := range rules {
		r := &rules[i]
		folder, base := path.Split(r.Path)
		if strings.Contains(base, "*") {
			folders[path.Base(folder)] = append(folders[path.Base(folder)], r)
		} else {
			names[base] = append(names[base], r)
		}
	}
	return names, folders
}()

func candidates(folder, name string) []*Rule {
	return slices.Concat(byName[name], byFolder[folder])
}

// MayRun is a quick look whether SelfRunning could say yes: to rel, in a folder of that name.
func MayRun(folder, rel string) bool {
	if dir := path.Dir(rel); dir != "." {
		folder = path.Base(dir)
	}
	return len(byName[path.Base(rel)]) > 0 || len(byFolder[folder]) > 0
}

// SelfRunning returns the rule for a file, by its path below the share, that is obeyed without being asked for.
func SelfRunning(rel string) (*Rule, bool) {
	names := strings.Split(rel, "/")
	if slices.Contains(names, dependencies) {
		return nil, false
	}
	for _, r := range candidates(path.Base(path.Dir(rel)), path.Base(rel)) {
		if want := r.names(); len(want) <= len(names) && match(want, names[len(names)-len(want):]) {
			return r, true
		}
	}
	return nil, false
}

// SelfRunningIn returns, for a folder by its path, the rest of the paths of the rules that begin there. The last component of one may have a *.
func SelfRunningIn(folder string) []string {
	names := strings.Split(folder, "/")
	var all []string
	for i := range rules {
		want := rules[i].names()
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
		if ok, _ := path.Match(p, names[i]); !ok || strings.HasPrefix(p, "*") && strings.HasPrefix(names[i], ".") {
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

// contains returns a look that finds any of the words; a text is not parsed, so that what a parser would stumble over hides nothing.
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
