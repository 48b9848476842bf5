// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/a4u2/au/internal/walk"
)

// as2 is a file exactly as versions 2.0 to 2.2 of the original write it.
const as2 = `disable_home_access_check = true

[[agents]]
user_name = "agent"
su_as_agent_group = "su-as-agent"
entrypoint = "/home/agent/.local/bin/su_as_agent"
entrypoint_sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
bootstrapped = true
[[agents.mounts]]
source = "/home/alice/caf\u00e9"
target = "/home/agent/caf\u00e9"
read_only = true
[[agents.mounts]]
source = "/home/alice/project"
target = "/home/agent/project"
read_only = false

[[agents]]
user_name = "second"
su_as_agent_group = "su-as-second"
entrypoint = "/home/second/.local/bin/su_as_agent"
entrypoint_sha256 = ""
bootstrapped = false
`

// mine is the trust in what is the tester's or root's.
var mine = walk.Trust{Owners: []uint32{0, uint32(os.Getuid())}, Alone: func(uint32) bool { return true }, Shared: true}

func twoAgents() *Config {
	return &Config{
		DisableHomeAccessCheck: true,
		Agents: []Agent{
			{
				UserName:         "agent",
				Group:            "su-as-agent",
				Entrypoint:       "/home/agent/.local/bin/su_as_agent",
				EntrypointSHA256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
				Bootstrapped:     true,
				Mounts: []Mount{
					{Source: "/home/alice/café", Target: "/home/agent/café", ReadOnly: true},
					{Source: "/home/alice/project", Target: "/home/agent/project"},
				},
			},
			{
				UserName:   "second",
				Group:      "su-as-second",
				Entrypoint: "/home/second/.local/bin/su_as_agent",
			},
		},
	}
}

func TestParseReadsWhatTheOriginalWrote(t *testing.T) {
	got, err := Parse("f", []byte(as2))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, twoAgents()) {
		t.Errorf("read %+v", got)
	}
}

func TestParseForms(t *testing.T) {
	want := &Config{Agents: []Agent{{
		UserName: "a",
		KeepEnv:  []string{"TZ", "LC_ALL"},
		SetEnv:   []string{"A=b c", "B="},
		Mounts: []Mount{
			{Source: "/s", Target: "/t", ReadOnly: true, ACL: true, TargetOnly: true}, {Source: "/s2", Target: "/t2"},
		},
	}}}
	for name, text := range map[string]string{
		"headers": `
[[agents]]
user_name = "a"
keep_env = ["TZ", "LC_ALL"]
set_env = ["A=b c", "B="]
[[agents.mounts]]
source = "/s"
target = "/t"
acl = true
same_path = false
[[agents.mounts]]
source = "/s2"
target = "/t2"
read_only = false`,
		"inline mounts": `
[[agents]]
user_name = 'a'
keep_env = ["TZ", # a comment
  "LC_ALL",]
set_env = ["A=b c", 'B=']
mounts = [{source = "/s", target = "/t", acl = true, same_path = false}, {source = "/s2", target = "/t2", read_only = false}]`,
		"all inline": `agents = [{user_name = """a""", keep_env = ["TZ", "LC_ALL"], set_env = ["A=b c", "B="],
 mounts = [{source = "/s", target = "/t", acl = true, same_path = false}, {source = "/s2", target = "/t2", read_only = false}]}]`,
		"quoted keys, foreign tables, unknown keys": `
"unknown" = 1
[["agents"]]
'user_name' = "a"
colour.of = "red"
[other]
source = 3
[agents.extra]
user_name = false
[[ agents . "mounts" ]]
source = "/s"
target = "/t"
acl = true
same_path = false
[agents.mounts.extra]
source = 7
[[other2]]
[[agents.mounts]]
source = "/s2"
target = "/t2"
read_only = false
[agents.later]
keep_env = 1
`,
	} {
		if name == "quoted keys, foreign tables, unknown keys" {
			text = strings.Replace(text, "colour.of", "keep_env = [\"TZ\", \"LC_ALL\"]\nset_env = [\"A=b c\", \"B=\"]\ncolour.of", 1)
		}
		got, err := Parse("f", []byte(text))
		if err == nil {
			got.Unknown = nil
			for _, agent := range got.Agents {
				for i := range agent.Mounts {
					agent.Mounts[i].Unknown = nil
				}
			}
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: read %+v", name, got)
		}
	}
}

func TestMistakesHavePlaceAndRemedy(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"[[agents]]\nuser_name = agent\n", `f:2:13: unexpected character U+0061 'a' at start of value`},
		{"[[agents]]\nuser_name = 3\n", `f:2:1: user_name is a number: want a name such as "agent"`},
		{"[[agents]]\nuser_name = \"\"\n", `f:2:13: user_name is empty: want a name such as "agent"`},
		{"# é\n[[agents]]\nentrypoint = \"x\"\n", `f:2:1: an agent without user_name: want a name such as "agent"`},
		{"[[agents]]\nuser_name = \"a\"\nbootstrapped = \"yes\"", `f:3:1: bootstrapped is a string: want true or false`},
		{"[[agents]]\nuser_name = \"a\"\nkeep_env = \"TZ\"", `f:3:1: keep_env is a string: want names such as ["EDITOR", "TZ"]`},
		{"[[agents]]\nuser_name = \"a\"\nset_env = [\"A=1\", \"B\"]", `f:3:19: set_env: variable "B": want KEY=VALUE`},
		{"[[agents]]\nuser_name = \"a\"\nset_env = [\"1=x\"]", `f:3:12: set_env: variable "1=x": want KEY=VALUE`},
		{"[[agents]]\nuser_name = \"a\"\nkeep_env = [\"é\", 1]", `f:3:18: keep_env holds a number: want names such as ["EDITOR", "TZ"]`},
		{"[[agents]]\nuser_name = \"a\"\nentrypoint.x = 1", `f:3:1: entrypoint is a table: want a path such as "/usr/local/libexec/au/agent/su_as_agent"`},
		{"[[agents]]\nuser_name = \"a\"\n[agents.entrypoint]", `f:3:9: entrypoint is a table: want a path such as "/usr/local/libexec/au/agent/su_as_agent"`},
		{"[[agents]]\nuser_name = \"a\"\n[agents.mounts]\nx=1", `f:3:9: mounts is a table: want a [[agents.mounts]] line above each share`},
		{"[[agents]]\nuser_name = \"a\"\n[agents.mounts.x]\nx=1", `f:3:9: mounts is a table: want a [[agents.mounts]] line above each share`},
		{"[[agents]]\nuser_name = \"a\"\n[[agents.mounts]]\ntarget=\"/x\"", `f:3:1: a share without source: want a folder such as "/home/alice/project"`},
		{"[[agents]]\nuser_name = \"a\"\n[[agents.mounts]]\nread_only=2026-01-01", `f:4:1: read_only is a date or time: want true or false`},
		{"[[agents]]\nuser_name = \"a\"\n[[agents]]\nuser_name = \"a\"", `f:4:13: agent "a" is here a second time: want one entry for each agent`},
		{"[[agents]]\nuser_name = \"a\"\n[[agents.mounts]]\nsource=\"/s\"\ntarget=\"/t\"\nhide=[\"a\", \"/x\"]", `f:6:12: hide "/x": want a name such as secrets.yml, or a pattern such as *.key, or a path below the folder`},
		{"[[agents]]\nuser_name = \"a\"\n[[agents.mounts]]\nsource=\"/s\"\ntarget=\"/t\"\nread_only=false\nhide=[\"a\"]", "f:7:6: hide: " + ErrNoHiding.Error()},
		{"[[agents]]\nuser_name = \"a\"\n[[agents.mounts]]\nsource=\"/s\"\ntarget=\"/t\"\nacl=true\nhide=[\"a\"]", "f:7:6: hide: " + ErrNoHiding.Error()},
		{"[[agents]]\nuser_name = \"a\"\n[[agents.mounts]]\nsource=\"/s\"\ntarget=\"/t\"\nshow_secrets=true", `f:6:14: show_secrets: only a draft hides them: want draft = true`},
		{"[agents]\nuser_name = \"a\"", `f:1:2: agents is a table: want a [[agents]] line above each agent`},
		{"agents.x = 1", `f:1:1: agents is a table: want a [[agents]] line above each agent`},
		{"[[agents.mounts]]", `f:1:3: agents is a table: want a [[agents]] line above each agent`},
		{"agents = [[1]]", `f:1:1: agents holds an array: want a [[agents]] line above each agent`},
		{"agents = [{user_name = 1}]", `f:1:12: user_name is a number: want a name such as "agent"`},
		{"[disable_home_access_check]", `f:1:2: disable_home_access_check is a table: want true or false`},
		{"a = 1\na = 2", `f:2:1: key a is already defined`},
		{"[[agents]]\nuser_name = \"a\"\nuser_name = \"b\"", `f:3:1: key user_name is already defined`},
		{"agents = []\n[[agents]]\nuser_name = \"a\"", `f:2:3: key agents already exists`},
		{"[[agents]]\nuser_name = \"a\"\nmounts = []\n[[agents.mounts]]\nsource = \"/s\"\ntarget = \"/t\"", `f:4:3: `},
		{"[[agents]]\nuser_name = \"a\"\n[agents.x]\n[[agents.mounts]]\nsource = \"/s\"\ntarget = \"/t\"\n[agents.x]", `f:7:2: `},
		{"[[agents]]\nuser_name = \"a\"\nlater = 2026-02-30", `f:3:17: impossible date`},
		{"é = 1", "f:1:1: "},
		{"x = \"é\" y", "f:1:9: expected newline but got U+0079 'y'"},
	} {
		_, err := Parse("f", []byte(c.text))
		var mistake *Error
		if !errors.As(err, &mistake) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("Parse(%q):\n got %v\nwant %s", c.text, err, c.want)
		}
	}
}

// A config that au wrote is read once, and so is not slow: the library's own reading of it finds no more.
func TestWhatIsWrittenIsPlain(t *testing.T) {
	text, err := edit("configuration", nil, manyAgents(3))
	if err != nil {
		t.Fatal(err)
	}
	for more, want := range map[string]bool{"": true, "[[agents.mounts]]\nsource = '/s'\ntarget = '/t'\nread_only = true\n": true, "other = 1\n": false, "source = '/s'\nsource = '/s'\n": false} {
		d := document{text: append(slices.Clone(text), more...), top: table{schema: &topSchema}}
		r := reader{document: &d, source: string(d.text), open: &d.top}
		if plain, err := r.read(); plain != want || err != nil {
			t.Errorf("with %q: plain is %v, %v; want %v", more, plain, err, want)
		}
	}
}

func TestLoad(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "c.toml")
	if c, err := Load(path, mine); err != nil || len(c.Agents) != 0 {
		t.Errorf("a missing file: %+v, %v", c, err)
	}
	write(t, path, as2)
	if c, err := Load(path, mine); err != nil || c.Agent("second") == nil || c.Agent("third") != nil {
		t.Errorf("the original's file: %+v, %v", c, err)
	}
	if _, err := Load(folder, mine); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Errorf("a folder in its place: %v", err)
	}
	loop := filepath.Join(folder, "loop")
	if err := os.Symlink("loop", loop); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(loop, mine); err == nil || !strings.Contains(err.Error(), "too many levels") {
		t.Errorf("a symlink loop: %v", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
}

// manyAgents returns n agents with 4 mounts each.
func manyAgents(n int) *Config {
	c := &Config{}
	for i := range n {
		a := Agent{
			UserName: fmt.Sprintf("agent%d", i), Group: fmt.Sprintf("su-as-agent%d", i), Bootstrapped: true,
			Entrypoint:       fmt.Sprintf("/usr/local/libexec/au/agent%d/su_as_agent", i),
			EntrypointSHA256: strings.Repeat("0123456789abcdef", 4),
		}
		for j := range 4 {
			a.Mounts = append(a.Mounts, Mount{
				Source: fmt.Sprintf("/home/alice/project%d", j), Target: fmt.Sprintf("/home/agent%d/project%d", i, j), ReadOnly: j%2 == 0,
			})
		}
		c.Agents = append(c.Agents, a)
	}
	return c
}

func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			text, err := edit("configuration", nil, manyAgents(n))
			if err != nil {
				b.Fatal(err)
			}
			path := filepath.Join(b.TempDir(), "c.toml")
			if err := os.WriteFile(path, text, 0o600); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := Load(path, mine); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
