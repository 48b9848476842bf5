// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"strings"
	"testing"
)

func TestEditOfNothingWritesWhatTheOriginalDoes(t *testing.T) {
	got, err := edit("configuration", nil, twoAgents())
	if err != nil {
		t.Fatal(err)
	}
	// The one difference: characters beyond ASCII are written as they are.
	if want := strings.ReplaceAll(as2, `\u00e9`, "é"); string(got) != want {
		t.Errorf("wrote:\n%s\nwant:\n%s", got, want)
	}
}

func TestEditKeepsABytesThatSayTheSame(t *testing.T) {
	for _, text := range []string{"", "\n\n", "# no newline", as2, "agents = []"} {
		c, err := Parse("f", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := edit("configuration", []byte(text), c); err != nil || string(got) != text {
			t.Errorf("edit(%q) without a change came back as %q, %v", text, got, err)
		}
	}
}

// human is what a person made of the file.
const human = `# my agents
theme = "dark"  # not ours

# the main one
[[agents]]
  user_name = 'agent'   # keep
  entrypoint_sha256 = "old" # why
  note = "unknown"

# shares
[[agents.mounts]]
source = "/s"
target = "/t"
depth = 3
# read_only = false

[agents.ui]
colour = "red"

# the other one
[[agents]]
user_name = "b"
mounts = [{ source = "/x", target = "/y", z = 1 }, # first
  { source = "/v", target = "/w" }, ]
# the end
`

func TestEdit(t *testing.T) {
	mount := Mount{Source: "/new", Target: "/n", ReadOnly: true}
	for _, c := range []struct {
		name   string
		text   string
		change func(*Config)
		old    string // must be in text, and become:
		new    string
	}{
		{"a value", human, func(c *Config) { c.Agents[0].EntrypointSHA256 = "new" },
			`entrypoint_sha256 = "old" # why`, `entrypoint_sha256 = "new" # why`},
		{"a key that was absent", human, func(c *Config) { c.Agents[0].Bootstrapped = true },
			"note = \"unknown\"\n", "note = \"unknown\"\nbootstrapped = true\n"},
		{"a key of a share", human, func(c *Config) { c.Agents[0].Mounts[0].ReadOnly = false },
			"depth = 3\n", "depth = 3\nread_only = false\n"},
		{"a key of an inline share", human, func(c *Config) { c.Agents[1].Mounts[0].ACL = true },
			"z = 1 }", "z = 1, acl = true }"},
		{"the top key beside another", human, func(c *Config) { c.DisableHomeAccessCheck = true },
			"# not ours\n", "# not ours\ndisable_home_access_check = true\n"},
		{"the top key above a comment", "# a\n\n# b\n[[agents]]\nuser_name = \"a\"\n", func(c *Config) { c.DisableHomeAccessCheck = true },
			"\n# b\n", "\ndisable_home_access_check = true\n\n# b\n"},
		{"the top key, taken back", as2, func(c *Config) { c.DisableHomeAccessCheck = false },
			"access_check = true", "access_check = false"},
		{"an agent added", human, func(c *Config) { c.Agents = append(c.Agents, Agent{UserName: "c", KeepEnv: []string{"TZ"}}) },
			"# the end\n", "# the end\n\n[[agents]]\nuser_name = \"c\"\nsu_as_agent_group = \"\"\nentrypoint = \"\"\nentrypoint_sha256 = \"\"\nbootstrapped = false\nkeep_env = [\"TZ\"]\n"},
		{"an agent added without a last newline", "x = 1", func(c *Config) { c.Agents = []Agent{{UserName: "c"}} },
			"x = 1", "x = 1\n\n[[agents]]\nuser_name = \"c\"\nsu_as_agent_group = \"\"\nentrypoint = \"\"\nentrypoint_sha256 = \"\"\nbootstrapped = false\n"},
		{"the first agent removed", human, func(c *Config) { c.Agents = c.Agents[1:] },
			human[strings.Index(human, "[[agents]]"):strings.Index(human, "\n# the other")], ""},
		{"the last agent removed", as2, func(c *Config) { c.Agents = c.Agents[:1] },
			as2[strings.Index(as2, "\n[[agents]]\nuser_name = \"second\""):], ""},
		{"a share added", human, func(c *Config) { c.Agents[0].Mounts = append(c.Agents[0].Mounts, mount) },
			"# read_only = false\n", "# read_only = false\n[[agents.mounts]]\nsource = \"/new\"\ntarget = \"/n\"\nread_only = true\n"},
		{"a first share", as2, func(c *Config) { c.Agents[1].Mounts = []Mount{mount} },
			"bootstrapped = false\n", "bootstrapped = false\n[[agents.mounts]]\nsource = \"/new\"\ntarget = \"/n\"\nread_only = true\n"},
		{"a share added in front", as2, func(c *Config) { c.Agents[0].Mounts = append([]Mount{mount}, c.Agents[0].Mounts...) },
			"bootstrapped = true\n", "bootstrapped = true\n[[agents.mounts]]\nsource = \"/new\"\ntarget = \"/n\"\nread_only = true\n"},
		{"a share removed", as2, func(c *Config) { c.Agents[0].Mounts = c.Agents[0].Mounts[1:] },
			as2[strings.Index(as2, "[[agents.mounts]]"):strings.Index(as2, "[[agents.mounts]]\nsource = \"/home/alice/p")], ""},
		{"all shares removed", as2, func(c *Config) { c.Agents[0].Mounts = nil },
			as2[strings.Index(as2, "[[agents.mounts]]"):strings.Index(as2, "\n[[agents]]\nuser_name = \"second\"")], ""},
		{"an inline share added", human, func(c *Config) { c.Agents[1].Mounts = append(c.Agents[1].Mounts, mount) },
			`target = "/w" }, ]`, `target = "/w" }, { source = "/new", target = "/n", read_only = true }, ]`},
		{"the first inline share removed", human, func(c *Config) { c.Agents[1].Mounts = c.Agents[1].Mounts[1:] },
			"{ source = \"/x\", target = \"/y\", z = 1 }, # first\n  ", ""},
		{"the last inline share removed", human, func(c *Config) { c.Agents[1].Mounts = c.Agents[1].Mounts[:1] },
			", # first\n  { source = \"/v\", target = \"/w\" }", ""},
		{"a share for an inline agent", `agents = [{ user_name = "a" }]` + "\n", func(c *Config) { c.Agents[0].Mounts = []Mount{mount} },
			`"a" }`, `"a", mounts = [{ source = "/new", target = "/n", read_only = true }] }`},
		{"Windows line ends", "x = 1\r\n[[agents]]\r\nuser_name = \"a\"\r\n", func(c *Config) { c.Agents[0].Group = "g" },
			"\"a\"\r\n", "\"a\"\r\nsu_as_agent_group = \"g\"\r\n"},
		{"characters that need quoting", as2, func(c *Config) { c.Agents[1].Group = "a\"b\\c\n\x7f\u00e9" },
			`"su-as-second"`, `"a\"b\\c\u000A\u007Fé"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			config, err := Parse("f", []byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			c.change(config)
			if strings.Count(c.text, c.old) == 0 {
				t.Fatalf("%q is not in the text", c.old)
			}
			want := strings.Replace(c.text, c.old, c.new, 1)
			got, err := edit("configuration", []byte(c.text), config)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != want {
				t.Errorf("became:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func TestEditRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want *Config
	}{
		"a broken file":          {"[[agents]\n", twoAgents()},
		"a name twice":           {"", &Config{Agents: []Agent{{UserName: "a"}, {UserName: "a"}}}},
		"no name":                {"", &Config{Agents: []Agent{{}}}},
		"a path that no text is": {"", &Config{Agents: []Agent{{UserName: "a", Entrypoint: "/\xff"}}}},
		"a share of nothing":     {"", &Config{Agents: []Agent{{UserName: "a", Mounts: []Mount{{Target: "/x"}}}}}},
	} {
		if got, err := edit("configuration", []byte(c.text), c.want); err == nil {
			t.Errorf("%s: became %q", name, got)
		}
	}
}
