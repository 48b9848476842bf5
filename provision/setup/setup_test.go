// SPDX-License-Identifier: GPL-3.0-or-later

package setup

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	word          = regexp.MustCompile(`^[a-z][a-z-]*$`)
	npmName       = regexp.MustCompile(`^(@[a-z-]+/)?[a-z-]+$`)
	variable      = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
	day           = regexp.MustCompile(`^\d{4}-\d\d-\d\d$`)
	pythonVersion = regexp.MustCompile(`^3\.\d+$`)
	inHome        = regexp.MustCompile(`^\.[a-z][a-z0-9_./-]*$`)
)

func isPage(page string) bool {
	u, err := url.Parse(page)
	return err == nil && u.Scheme == "https" && u.Host != ""
}

func TestPrograms(t *testing.T) {
	all, err := Programs()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{"git": true}
	for _, p := range all {
		switch {
		case !word.MatchString(p.Name) || seen[p.Name] || !word.MatchString(p.Command):
			t.Errorf("program %q: a name that is taken, or none", p.Name)
		case p.About == "" || strings.Contains(p.About, "\n"):
			t.Errorf("program %q does not say in a line what it is", p.Name)
		case !isPage(p.Page) || p.LoginPage != "" && !isPage(p.LoginPage):
			t.Errorf("program %q: want a page for each fact", p.Name)
		case (len(p.Keys) > 0) != (p.KeysPage != "") || p.KeysPage != "" && !isPage(p.KeysPage):
			t.Errorf("program %q: want a page for its keys", p.Name)
		case p.Compared != "" && (!day.MatchString(p.Compared) || p.LoginPage == ""):
			t.Errorf("program %q was compared with no page, or on no day: %q", p.Name, p.Compared)
		case p.NPM == "" && p.Python == "" && p.Native == "" || p.Python != "" && !npmName.MatchString(p.Python) || p.NPM != "" && !npmName.MatchString(p.NPM):
			t.Errorf("program %q cannot be installed", p.Name)
		case len(p.Login) != 2 || len(p.Presets) == 0 && p.Hosts == "":
			t.Errorf("program %q: want two lines on the login, and its hosts", p.Name)
		case p.Newest != "" && (p.Python == "" || !pythonVersion.MatchString(p.Newest)):
			t.Errorf("program %q asks for Python %q", p.Name, p.Newest)
		case p.Credentials != "" && !inHome.MatchString(p.Credentials):
			t.Errorf("program %q keeps its login in %q", p.Name, p.Credentials)
		}
		seen[p.Name] = true
		for _, s := range p.Settings {
			if !inHome.MatchString(s.File) || s.Text == "" || s.Why == "" || s.Lost == "" || (s.Unless == "") != (s.Instead == "") || !isPage(s.Page) {
				t.Errorf("program %q: the setting in %q does not say all", p.Name, s.File)
			}
		}
		for _, pair := range append(slices.Clone(p.Env), p.Keys...) {
			if key, _, _ := strings.Cut(pair, "="); !variable.MatchString(key) {
				t.Errorf("program %q: %q is no variable", p.Name, pair)
			}
		}
		if lines := p.LoginLines("x"); (len(lines) == 4) != p.Callback || !strings.Contains(lines[2], "open a link") {
			t.Errorf("program %q does not say how to open a link, or where its page comes back to: %q", p.Name, lines)
		}
		for _, line := range p.LoginLines("au run -a x") {
			if strings.ContainsAny(line, "{}") {
				t.Errorf("program %q: %q", p.Name, line)
			}
		}
	}
	for _, name := range []string{"claude", "codex", "gemini", "opencode", "copilot", "qwen", "cline", "amp", "aider", "goose", "cursor"} {
		if !seen[name] {
			t.Errorf("no program %q", name)
		}
	}
}

func TestFind(t *testing.T) {
	for _, name := range []string{"cursor", "cursor-agent"} {
		if p, err := Find(name); err != nil || p.Name != "cursor" {
			t.Errorf("%s finds %q, %v", name, p.Name, err)
		}
	}
	if p, err := Find("agent"); err == nil {
		t.Errorf("a command that many programs may have is %q", p.Name)
	}
	if _, err := Find("claud"); err == nil || !strings.Contains(err.Error(), "claude") {
		t.Errorf("a mistyped name: %v", err)
	}
}

// The command is tried by a shell of this machine, in a home of its own.
func TestLookAndRead(t *testing.T) {
	home := t.TempDir()
	put := func(name, text string) {
		path := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	put("bin/node", "#!/bin/sh\necho v22.1.0\n")
	put(".nvm/versions/node/v24.3.0/bin/node", "#!/bin/sh\necho v24.3.0\n")
	put(".nvm/versions/node/v24.3.0/bin/npm", "#!/bin/sh\n")
	put(".local/share/fnm/node-versions/v20.1.0/installation/bin/node", "#!/bin/sh\necho v20.1.0\n")
	put("bin/cursor-agent", "#!/bin/sh\n")
	put("bin/npm", "#!/bin/sh\n[ \"$*\" = 'prefix --global' ] && echo \"$HOME/.local\"\n")
	put("bin/git", "#!/bin/sh\n[ -e mail ] || [ \"$3\" = user.name ] && echo 'A  B'\n")
	put("bin/uv", "#!/bin/sh\n")
	put("bin/python3", "#!/bin/sh\necho 3.13\n")
	put("bin/claude", "#!/bin/sh\n")
	put("bin/ssh-keygen", "#!/bin/sh\n[ \"$1 $3\" = '-F -f' ] && [ \"$4\" = \"$HOME/.ssh/known_hosts\" ] && grep -q \"^$2 \" \"$4\"\n")
	put(".ssh/known_hosts", "gitlab.com ssh-rsa x\n")
	put("lib/node_modules/@anthropic-ai/claude-code/package.json", "{\n  \"name\": \"x\",\n  \"version\": \"1.2.3\"\n}\n")
	put(".codex/config.toml", "model = \"x\"\nsandbox_mode = \"danger-full-access\"\n")
	all, err := Programs()
	if err != nil {
		t.Fatal(err)
	}
	run := func(words []string) Facts {
		cmd := exec.Command(words[0], words[1:]...)
		cmd.Dir, cmd.Env = home, []string{"HOME=" + home, "PATH=" + home + "/bin:/usr/bin:/bin"}
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return Read(out)
	}
	look := func(one bool, some ...Program) Facts { return run(Look(one, some...)) }
	codex, err := Find("codex")
	if err != nil {
		t.Fatal(err)
	}
	if f := look(true, codex); f.Author != "" {
		t.Errorf("an author without an address: %q", f.Author)
	}
	put("mail", "")
	f := look(true, codex)
	if !f.UV || f.Pipx || f.Venv != "3.13" || f.NodeMajor() != 22 || !f.NPM || !f.OwnPrefix || !f.Git || f.Author != "A  B A  B" || !f.SSH || !f.Known["gitlab.com"] || f.Known["github.com"] {
		t.Errorf("read %+v", f)
	}
	for _, want := range []Node{{"v24.3.0", home + "/.nvm/versions/node/v24.3.0/bin", true}, {"v20.1.0", home + "/.local/share/fnm/node-versions/v20.1.0/installation/bin", false}} {
		if !slices.Contains(f.Others, want) {
			t.Errorf("of %+v no %+v", f.Others, want)
		}
	}
	if slices.ContainsFunc(f.Others, func(n Node) bool { return n.Folder == home+"/bin" }) || f.Machine == "" {
		t.Errorf("the first node is among the others, or the processor has no name: %+v", f)
	}
	if f := run(LookForForges()); !f.SSH || !f.Known["gitlab.com"] || f.Known["github.com"] || f.Git || f.NPM {
		t.Errorf("of the forges: %+v", f)
	}
	if f := look(true, all...); f.NPM || f.OwnPrefix || !f.Git {
		t.Errorf("npm is asked about what is installed: %+v", f)
	}
	f = look(false, all...)
	if got := f.Installed["claude"]; got != (Installed{home + "/bin/claude", "1.2.3"}) {
		t.Errorf("claude is %+v", got)
	}
	if got := f.Installed["cursor"]; got != (Installed{home + "/bin/cursor-agent", ""}) {
		t.Errorf("cursor is %+v", got)
	}
	if _, there := f.Installed["gemini"]; there || !f.There[".codex/config.toml"] || !f.Holds[".codex/config.toml"] || f.There[".npmrc"] {
		t.Errorf("read %+v", f)
	}
	if f.Node != "" || f.NPM || f.Git || f.Installed["claude"].Version != "1.2.3" {
		t.Errorf("a list asks for more than it needs: %+v", f)
	}
}

// The agent may print what it likes.
func FuzzRead(f *testing.F) {
	f.Add([]byte("node\tv20\npath x\t/bin/x\nthere\t.npmrc\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if facts := Read(text); facts.NodeMajor() < 0 && !strings.HasPrefix(facts.Node, "v-") && !strings.HasPrefix(facts.Node, "-") {
			t.Errorf("node %q", facts.Node)
		}
	})
}
