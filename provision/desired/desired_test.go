// SPDX-License-Identifier: GPL-3.0-or-later

package desired

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	auslices "github.com/a4u2/au/slices"
)

var update = flag.Bool("update", false, "write the schema anew")

// all has every key once.
const all = `humans = ["alice"]
keep = ["kept"]

[[agents]]
user_name = "agent"
humans = ["alice", "bob"]
unlock = ["userns"]
keep_env = ["EDITOR", "LC_*"]
set_env = ["PAGER=cat"]
path = ["~/.cargo/bin"]

[agents.limits]
cpu = "150%"
memory = "16G"
swap = "0"
tasks = "4000"
cpu_weight = "50"
io_weight = "200"

[agents.net]
restricted = true
presets = ["anthropic"]
allow = ["pypi.org", "*.example.com:22"]
deny = ["ads.example.com"]
allow_localhost = [3000]
dns = ["192.0.2.53:53"]
no_ech = true
backend = "nft"

[[agents.mounts]]
human = "bob"
source = "/home/bob/a"
target = "/home/agent/a"
read_only = false
same_path = false

[[agents.mounts]]
source = "~/b"
draft = true
hide = ["*.key"]
show_secrets = true

[[agents.only]]
human = "bob"
keep_env = []
set_env = ["A=b"]
path = ["/opt/bin"]

[[agents]]
user_name = "other"

[agents.net]
upstream = "http://proxy.example:3128"
upstream_ca = "/etc/ca.pem"
upstream_login = "/etc/login"

[[agents]]
user_name = "third"

[agents.net]
dns = ["[2001:db8::53]:5353"]
proxy = "3128,3129"

[[agents.mounts]]
source = "/srv/x"
acl = true
`

func TestAFileIsWrittenAsItWasRead(t *testing.T) {
	f, err := Parse("x.toml", []byte(all))
	if err != nil {
		t.Fatal(err)
	}
	f.Agents[1].Humans, f.Agents[2].Humans = nil, nil // those of the top
	if got := f.Text(); got != all {
		t.Errorf("it became\n%s", got)
	}
	for _, k := range keys(reflect.TypeFor[File]()) {
		if !strings.Contains(all, k+" = ") && !strings.Contains(all, "."+k+"]") && !strings.Contains(all, "["+k+"]") {
			t.Errorf("the key %s is not tried", k)
		}
	}
}

// Text returns what au prints as it is, and Parse reads it back with any characters in it.
func TestAFileIsPrintedAsItIs(t *testing.T) {
	for _, odd := range []string{"two words", "li\nne", "t\tab", `"`, `\`, "'", "${x}", "é", "\u009b", "\x7f", "\x01", "\u00ad", "\u00a0", "\u202e", "\u2028", "\ufeff", "\U000e0041", "\U0001f600", "\ufe0f"} {
		user, path := "u"+strings.ReplaceAll(odd, "\n", ""), "/home/a/x"+odd+"7b"
		f := File{Humans: []User{User(user)}, Agents: []Agent{{
			UserName: "agent", SetEnv: []Pair{Pair("A=" + odd)}, Path: []FolderPath{FolderPath(path), "/d\xe9" + FolderPath(odd)},
			Net:    &Net{Upstream: ptr(Upstream("https://proxy.example:3128")), UpstreamCA: path, UpstreamLogin: path},
			Mounts: []Mount{{Human: ptr(User(user)), Source: FolderPath(path), Target: Target(path), Hide: []Hidden{Hidden("h" + strings.ReplaceAll(odd, `\`, ""))}}, {Source: "/\x9b" + FolderPath(odd)}},
			Only:   []Only{{Human: User(user), SetEnv: []Pair{Pair("B=" + odd)}}},
		}}}
		text := f.Text()
		if got := quote.Text(text); got != text {
			t.Errorf("with %q au prints\n%s", odd, got)
		}
		back, err := Parse("x.toml", []byte(text))
		if err != nil {
			t.Errorf("with %q: %v", odd, err)
			continue
		}
		a, b := f.Agents[0], back.Agents[0]
		if back.Humans[0] != f.Humans[0] || a.SetEnv[0] != b.SetEnv[0] || !slices.Equal(a.Path, b.Path) || a.Net.UpstreamCA != b.Net.UpstreamCA || a.Net.UpstreamLogin != b.Net.UpstreamLogin ||
			*a.Mounts[0].Human != *b.Mounts[0].Human || a.Mounts[0].Source != b.Mounts[0].Source || a.Mounts[0].Target != b.Mounts[0].Target || a.Mounts[0].Hide[0] != b.Mounts[0].Hide[0] ||
			a.Mounts[1].Source != b.Mounts[1].Source || a.Only[0].SetEnv[0] != b.Only[0].SetEnv[0] {
			t.Errorf("with %q it came back as\n%s", odd, back.Text())
		}
	}
}

// keys returns all keys of a table and of those in it.
func keys(t reflect.Type) (all []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		if k := key(f); k != "" {
			all = append(all, k)
		}
		if inner := f.Type; isTable(inner) {
			if inner.Kind() != reflect.Struct {
				inner = inner.Elem()
			}
			if inner != placesType {
				all = append(all, keys(inner)...)
			}
		}
	}
	return all
}

func TestOtherWaysToWriteTheSame(t *testing.T) {
	f, err := Parse("x.toml", []byte(`agents = [
  { user_name = "agent", humans = ["alice"], limits.cpu = 1.5, limits.tasks = 4000, mounts = [{ source = "/a b", hide = [] }] },
]
`))
	if err != nil {
		t.Fatal(err)
	}
	a := f.Agents[0]
	if *a.Limits.CPU != 1_500_000 || *a.Limits.Tasks != 4000 || a.Mounts[0].Source != "/a b" || a.Mounts[0].Hide == nil || a.Unlock != nil {
		t.Errorf("it became %+v", a)
	}
}

// Each mistake is refused where it is, and the message says what would be right.
func TestMistakesHaveTheirPlace(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"[[agents]\n", "x.toml:1:"},
		{"[[agents]]\nuser_name = \"a\"\nuser_name = \"b\"\n", "x.toml:3:"},
		{"[[agents]]\nusername = \"a\"\n", `x.toml:2:1: unknown key "username" in agents: want one of `},
		{"[[agents]]\nusername = \"a\"\n", `did you mean "user_name"?`},
		{"nope = 1\n", `x.toml:1:1: unknown key "nope": want one of agents, humans`},
		{"[nope.x]\ny = 1\n", `x.toml:1:2: unknown key "nope"`},
		{"[[agents]]\nuser_name = \"a\"\nentrypoint = \"/x\"\n", `x.toml:3:1: unknown key "entrypoint": au decides about that by itself: leave it out`},
		{"[[agents]]\nuser_name = 5\n", `x.toml:2:1: user_name is a number: want a string`},
		{"[[agents]]\nuser_name = \"a\"\nhumans = \"alice\"\n", `x.toml:3:1: humans is a string: want an array of strings`},
		{"[[agents]]\nuser_name = \"a\"\nhumans = [\"alice\", 5]\n", `x.toml:3:20: humans is a number: want a string`},
		{"[agents]\nuser_name = \"a\"\n", `x.toml:1:2: agents is a table: want an array of tables`},
		{"[[agents]]\nuser_name = \"a\"\n[agents.limits]\ncpu = true\n", `x.toml:4:1: cpu is a boolean: want a string`},
		{"[[agents]]\nuser_name = \"a\"\n[agents.limits]\n  cpu = \"lots\"\n", `x.toml:4:9: cpu: `},
		{"[[agents]]\nuser_name = \"a\"\n[agents.limits]\nmemory = \"16 GB\"\n", `want a size such as`},
		{"[[agents]]\nuser_name = \"a\"\n[agents.net]\npresets = [\"pypi\", \"antropic\"]\n", `x.toml:4:20: presets: preset "antropic": want one of `},
		{"[[agents]]\nuser_name = \"a\"\n[agents.net]\nallow = [\"http://x\"]\n", `x.toml:4:10: allow: `},
		{"[[agents]]\nuser_name = \"a\"\n[agents.net]\nallow_localhost = [70000]\n", `x.toml:4:20: allow_localhost: want a port from 1 to 65535`},
		{"[[agents]]\nuser_name = \"a\"\nunlock = [\"everything\"]\n", `x.toml:3:11: unlock: switch "everything": want `},
		{"[[agents]]\nuser_name = \"root\"\n", `x.toml:2:13: user_name: agent name "root": that name is reserved`},
		{"[[agents]]\nuser_name = \"Ä\"\n", `x.toml:2:13: user_name: agent name "Ä": want 1 to 25 characters`},
		{"# ä\n[[agents]] # ä\nhumans = [\"alice\"]\n", `x.toml:2:1: an agent lacks user_name`},
		{"[[agents]]\nuser_name = \"a\"\n\n[[agents]]\nhumans = [\"ä\"]\nuser_name = \"a\"\n", `x.toml:6:1: agent "a" is here a second time`},
		{"[[agents]]\nuser_name = \"a\"\nhumans = []\n", `x.toml:3:1: agent "a" has no humans`},
		{"[[agents]]\nuser_name = \"a\"\nhumans = [\"a\"]\n", `x.toml:3:1: agent "a": it cannot be its own human`},
		{"keep = [\"b\", \"a\"]\n[[agents]]\nuser_name = \"a\"\n", `x.toml:1:1: agent "a" is in keep, and among the agents: want it in one of them`},
		{"keep = [\"B\"]\n", `x.toml:1:9: keep: agent name "B": want 1 to 25 characters`},
		{"[[agents]]\nuser_name = \"a\"\n[[agents.mounts]]\nread_only = false\n", `x.toml:3:1: a share lacks source`},
		{"[[agents]]\nuser_name = \"a\"\n[[agents.mounts]]\nsource = \"project\"\n", `x.toml:4:10: source: "project": want an absolute path, or one that begins with ~/`},
		{"[[agents]]\nuser_name = \"a\"\nhumans = [\"b\"]\n[[agents.mounts]]\nsource = \"/x\"\nhuman = \"c\"\n", `x.toml:6:1: human "c" is not one of agent "a"`},
		{"[[agents]]\nuser_name = \"a\"\n[[agents.mounts]]\nsource = \"/x\"\nread_only = false\nhide = [\"*\"]\n", `x.toml:6:1: hide: nothing can be hidden`},
		{"[[agents]]\nuser_name = \"a\"\n[[agents.mounts]]\nsource = \"/x\"\nhide = [\"../x\"]\n", `x.toml:5:9: hide: hide "../x": want a name`},
		{"[[agents]]\nuser_name = \"a\"\n[agents.net]\nrestricted = false\nallow = [\"a.test\"]\n", `x.toml:4:1: restricted = false beside rules`},
		{"[[agents]]\nuser_name = \"a\"\nset_env = [\"x\"]\n", `x.toml:3:12: set_env: variable "x": want KEY=VALUE`},
		{"[[agents]]\nuser_name = \"a\"\nkeep_env = [\"x-y\"]\n", `x.toml:3:13: keep_env: variable "x-y": want a name`},
	} {
		_, err := Parse("x.toml", []byte(c.text))
		var placed *config.Error
		if !errors.As(err, &placed) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q is refused by\n%v, want\n%s", c.text, err, c.want)
		}
	}
}

// A limit that only systemctl sets is left out and named, for au would refuse it.
func TestLimitsThatAuDoesNotSet(t *testing.T) {
	odd, few, whole := auslices.CPU(333_000), auslices.Tasks(5), auslices.Weight(50)
	f, notes := Of(provision.Stated{Name: "agent", Humans: []string{"alice"}, Limits: auslices.Limits{CPU: &odd, Tasks: &few, CPUWeight: &whole}})
	if l := f.Agents[0].Limits; l.CPU != nil || l.Tasks != nil || *l.CPUWeight != 50 {
		t.Errorf("the limits are %+v", l)
	}
	if want := `agent: cpu = "33.3%", which au does not set. It stays where it is set already.`; len(notes) != 2 || notes[0] != want {
		t.Errorf("the notes are %q", notes)
	}
	f, _ = Of(provision.Stated{Name: "agent", Humans: []string{"alice"}, Limits: auslices.Limits{CPU: &odd}})
	if _, err := Parse("x.toml", []byte(f.Text())); err != nil || f.Agents[0].Limits != nil {
		t.Errorf("it is written as\n%s%v", f.Text(), err)
	}
}

// The state of a machine is written so that it is read back.
func TestAgentsAreWritten(t *testing.T) {
	rule := func(text string) netfilter.Rule { return must(netfilter.ParseRule(text)) }
	f, notes := Of(provision.Stated{
		Name: "agent", Home: "/home/agent", Humans: []string{"alice", "bob"}, Allow: []string{"userns"}, Limits: auslices.Limits{Memory: &auslices.Size{Bytes: 16 << 30}},
		Net: &netfilter.Policy{Backend: netfilter.NFT, Allow: []netfilter.Entry{{Rule: rule("pypi.org")}, {Rule: rule("localhost:3000")}, {Rule: rule("a.test"), Until: time.Unix(2e9, 0)}},
			Deny: []netfilter.Entry{{Rule: rule("b.test")}}, Upstream: netfilter.Upstream{URL: "https://p.example:3128", CA: "PEM"}, Learn: time.Unix(1900000000, 0)},
		Of: []provision.Settings{
			{Human: "alice", KeepEnv: []string{"TZ"}, Mounts: []config.Mount{{Source: "/home/alice/d\xe9", Target: "/home/agent/d", Draft: true, ReadOnly: true, Hide: []string{"*.key"}}}},
			{Human: "bob", Mounts: []config.Mount{{Source: "/home/bob/p", Target: "/home/agent/p", TargetOnly: true}}},
		},
	})
	want := `[[agents]]
user_name = "agent"
humans = ["alice", "bob"]
unlock = ["userns"]

[agents.limits]
memory = "16G"

[agents.net]
allow = ["pypi.org"]
deny = ["b.test"]
allow_localhost = [3000]
upstream = "https://p.example:3128"
backend = "nft"

[[agents.mounts]]
human = "alice"
source = "file:///home/alice/d%E9"
target = "/home/agent/d"
draft = true
hide = ["*.key"]

[[agents.mounts]]
human = "bob"
source = "/home/bob/p"
target = "/home/agent/p"
read_only = false
same_path = false

[[agents.only]]
human = "alice"
keep_env = ["TZ"]
`
	if got := f.Text(); got != want {
		t.Errorf("it is written as\n%s", got)
	}
	if len(notes) != 3 || !strings.Contains(notes[0], "a.test") || !strings.Contains(notes[1], "upstream_ca") || !strings.Contains(notes[2], "learning until 2030-03-17T17:46:40Z") {
		t.Errorf("the notes are %q", notes)
	}
	again, err := Parse("x.toml", []byte(f.Text()))
	if err != nil || again.Text() != want {
		t.Errorf("it is read as %v, %+v", err, again)
	}
}

// A human who is gone is named and left out, and so is an agent that has nobody else.
func TestWhoIsGoneIsLeftOut(t *testing.T) {
	f, notes := Of(
		provision.Stated{Name: "shared", Humans: []string{"alice", "bob"}, Gone: []string{"bob"}, Of: []provision.Settings{{Human: "alice", KeepEnv: []string{"TZ"}}}},
		provision.Stated{Name: "orphan", Humans: []string{"bob"}, Gone: []string{"bob"}},
	)
	want := "[[agents]]\nuser_name = \"shared\"\nhumans = [\"alice\"]\nkeep_env = [\"TZ\"]\n"
	if got := f.Text(); got != want {
		t.Errorf("it is written as\n%s\nwant\n%s", got, want)
	}
	named := []string{"shared: human bob, who is not on this machine", "orphan: human bob, who is not on this machine", "orphan, which has no human on this machine"}
	if !slices.Equal(notes, named) {
		t.Errorf("the notes are %q", notes)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// The schema that editors are given is the one of the types.
func TestTheSchemaIsTheTypes(t *testing.T) {
	const path = "../../docs/au-apply.schema.json"
	text, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(have, text) {
		t.Errorf("%s is not what the types say: go test ./provision/desired -update (%v)", path, err)
	}
	for _, k := range keys(reflect.TypeFor[File]()) {
		if !bytes.Contains(text, []byte(`"`+k+`": {`)) {
			t.Errorf("the schema lacks %s", k)
		}
	}
}

// The example on the page is the file that a script tries in a machine.
func TestTheExampleIsTried(t *testing.T) {
	page, script := string(must(os.ReadFile("../../docs/apply.md"))), string(must(os.ReadFile("../../e2e/tests/apply.sh")))
	_, rest, _ := strings.Cut(page, "```toml\n")
	example, _, found := strings.Cut(rest, "```\n")
	if !found || !strings.Contains(script, "<<'END'\n"+example+"END\n") {
		t.Errorf("the script does not try\n%s", example)
	}
	if _, err := Parse("apply.md", []byte(example)); err != nil {
		t.Error(err)
	}
}
