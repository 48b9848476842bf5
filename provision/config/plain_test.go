// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// written is a file as au writes it, with every key.
const written = `# of alice
disable_home_access_check = false
silence = ["home-open", "shares:agent"]

[[agents]]
user_name = "agent"
su_as_agent_group = "su-as-agent"
entrypoint = "/usr/local/libexec/au/agent/su_as_agent"
entrypoint_sha256 = "00"
entrypoint_stamp = "1 2 3.4"
bootstrapped = true
keep_env = ["EDITOR"]
set_env = ["A=b c", "EMPTY="]
path = ["/home/alice/bin"]
[[agents.mounts]]
source = "/home/alice/café"
target = "/home/agent/café"
read_only = true
hide = [".env", "*.key"]
[[agents.mounts]]
source = "file:///home/alice/d%E9"
target = "/home/agent/d"
read_only = true
draft = true
show_secrets = true
same_path = false

[[agents.mounts]]
source = "/home/alice/e"
target = "/home/agent/e"
read_only = false
same_path = false
[[agents.mounts]]
source = "/home/alice/f"
target = "/home/agent/f"
read_only = true

[[agents]]
user_name = "second"
`

func TestWhatAuWritesIsPlain(t *testing.T) {
	c, ok := parsePlain([]byte(written))
	want, err := parse("f", []byte(written))
	if !ok || err != nil || !reflect.DeepEqual(c, want) {
		t.Errorf("it is read as %+v, %v: want %+v, %v", c, ok, want, err)
	}
	edited, err := edit("f", nil, want)
	if _, ok := parsePlain(edited); !ok || err != nil {
		t.Errorf("au wrote %q, %v, which is not plain", edited, err)
	}
}

// Each of these is a mistake, or for the other reader to understand.
func TestWhatIsNotPlain(t *testing.T) {
	for _, change := range [][2]string{
		{`user_name = "second"`, `user_name = "agent"`},
		{`user_name = "second"`, `group = "second"`},
		{`user_name = "second"`, ``},
		{`user_name = "second"`, `user_name = ""`},
		{`user_name = "second"`, `user_name = "sec\u006fnd"`},
		{`user_name = "second"`, `user_name = "second" # a friend`},
		{`user_name = "second"`, `user_name = "second"x`},
		{`user_name = "second"`, `user_name = "second`},
		{`user_name = "second"`, `user_name = """second"""`},
		{`user_name = "second"`, `user_name = 'second'`},
		{`user_name = "second"`, `user_name = second`},
		{`user_name = "second"`, `user_name = "second` + "\x01" + `"`},
		{`user_name = "second"`, `user_name = "second` + "\xff" + `"`},
		{`user_name = "second"`, "user_name = \"second\"\r"},
		{`user_name = "second"`, "user_name = \"second\"\nuser_name = \"third\""},
		{`user_name = "second"`, "user_name = \"second\"\nmounts = []"},
		{`user_name = "second"`, "user_name = \"second\"\nuser_name.first = true"},
		{`user_name = "second"`, "user_name = \"second\"\n[[agents.others]]"},
		{`source = "/home/alice/e"`, `source = "/home/alice/"e"`},
		{`source = "/home/alice/e"`, `source = ""`},
		{`source = "/home/alice/e"`, `source = "file:///home/alice/e%"`},
		{`target = "/home/agent/f"`, `target = "/home/agent/f" # there`},
		{`target = "/home/agent/f"`, `target = /home/agent/f`},
		{"read_only = false\nsame_path = false", "read_only = false\nsame_path = no"},
		{"read_only = false\nsame_path = false", "read_only = maybe\nsame_path = false"},
		{"read_only = false\nsame_path = false", "read_only = false\n\nhide = [\"x\"]"},
		{"read_only = false\nsame_path = false", "read_only = false\nread_only = false"},
		{"# of alice", "# of\talice"},
		{"# of alice", "[[agents.mounts]]"},
		{"[[agents]]\nuser_name = \"agent\"", "[[agents.mounts]]\nsource = \"/a\"\ntarget = \"/b\"\nread_only = true\n[[agents]]\nuser_name = \"agent\""},
		{"# of alice", "agents = []"},
		{"# of alice", "\ufeff"},
		{`bootstrapped = true`, `bootstrapped = yes`},
		{`bootstrapped = true`, `bootstrapped = "true"`},
		{`bootstrapped = true`, ` bootstrapped = true`},
		{`["EDITOR"]`, `["EDITOR",]`},
		{`["EDITOR"]`, `["EDITOR"`},
		{`["EDITOR"]`, `["EDITOR", 3]`},
		{`["EDITOR"]`, `["EDITOR" "TZ"]`},
		{`["EDITOR"]`, `[["EDITOR"]]`},
		{`"EMPTY="`, `"EMPTY"`},
		{`".env"`, `"../env"`},
		{`source = "/home/alice/café"`, ``},
		{`%E9`, `%E`},
		{"draft = true", "acl = true\ndraft = true"},
		{`[[agents.mounts]]`, `[agents.mounts]`},
	} {
		text := strings.Replace(written, change[0], change[1], 1)
		if text == written {
			t.Fatalf("%q is not there", change[0])
		}
		if c, ok := parsePlain([]byte(text)); ok {
			t.Errorf("with %q for %q it is plain: %+v", change[1], change[0], c)
		}
		if c, ok := readPlain(strings.NewReader(text), 400, len(text), keepAll); ok {
			t.Errorf("with %q for %q it is plain by pieces: %+v", change[1], change[0], c)
		}
	}
}

// The reader that knows TOML finds the same in every plain text.
func FuzzPlain(f *testing.F) {
	for _, text := range []string{"", "\n", as2, human, written, "[[agents]]\nuser_name = \"a\"\nkeep_env = []\n", "silence = [\"a\", \"b\"]"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, ok := parsePlain([]byte(text))
		all := [2]*Config{c}
		all[1], _ = readPlain(strings.NewReader(text), 100, len(text), keepAll)
		if all[1] != nil && !ok {
			t.Fatalf("%q is plain by pieces alone", text)
		}
		want, err := parse("f", []byte(text))
		for _, c := range all {
			if c != nil && (err != nil || !reflect.DeepEqual(c, want)) {
				t.Fatalf("%q is read as %+v: want %+v, %v", text, c, want, err)
			}
		}
	})
}

func keepAll(string, Mount) bool { return true }

// By pieces of any size a text is what it is as a whole, where the largest of its tables is not larger.
func TestPlainByPieces(t *testing.T) {
	want, err := parse("f", []byte(written))
	if err != nil {
		t.Fatal(err)
	}
	largest := 0
	for _, table := range strings.Split(written, "\n[[") {
		largest = max(largest, len("[["+table+"\n[["))
	}
	for size := range len(written) + 2 {
		c, ok := readPlain(iotest.OneByteReader(strings.NewReader(written)), size, len(written), keepAll)
		if ok != (size >= largest) || ok && !reflect.DeepEqual(c, want) {
			t.Errorf("by pieces of %d it is read as %+v, %v: want %+v", size, c, ok, want)
		}
	}
	if c, ok := readPlain(strings.NewReader(written), 400, len(written)-1, keepAll); ok {
		t.Errorf("a file that is too large is read as %+v", c)
	}
	if c, ok := readPlain(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(written))), 400, len(written), keepAll); ok {
		t.Errorf("a file that cannot be read to its end is read as %+v", c)
	}
}

// For a run of one agent others have those shares alone in which they can write, one of each folder; every mistake still counts.
func TestLoadForAnAgent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	load := func(text string) (*Config, error) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return LoadFor("second", path, mine)
	}
	text := written + `[[agents.mounts]]
source = "/home/alice/g"
target = "/home/second/g"
read_only = true
[[agents.mounts]]
source = "/home/alice/e"
target = "/home/second/e"
read_only = false
[[agents]]
user_name = "third"
[[agents.mounts]]
source = "/home/alice/e"
target = "/home/third/e"
read_only = false
[[agents.mounts]]
source = "/home/alice/h"
target = "/home/third/h"
read_only = false
`
	c, err := load(text)
	if err != nil {
		t.Fatal(err)
	}
	want, err := parse(path, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	want.Way, want.Agents[0].Mounts, want.Agents[2].Mounts = c.Way, want.Agents[0].Mounts[2:3], want.Agents[2].Mounts[1:]
	if !reflect.DeepEqual(c, want) || len(c.Way) == 0 {
		t.Errorf("it is read as %+v: want %+v", c, want)
	}
	for _, change := range [][2]string{{"read_only = false", "read_only = no"}, {`bootstrapped = true`, `bootstrapped = true # yes`}} {
		c, err := load(strings.Replace(text, change[0], change[1], 1))
		whole, wholeErr := Load(path, mine)
		if fmt.Sprint(err) != fmt.Sprint(wholeErr) || !reflect.DeepEqual(c, whole) {
			t.Errorf("with %q it is read as %+v, %v: want %+v, %v", change[1], c, err, whole, wholeErr)
		}
	}
}

// A file of many pieces is what it is as a whole.
func TestLoadForAnAgentAmongMany(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config")
	var text strings.Builder
	for a := range 500 {
		fmt.Fprintf(&text, "# für %s\n[[agents]]\nuser_name = \"a%d\"\nset_env = [\"A=[[agents]]\"]\n", strings.Repeat("é", a%97), a)
		for i, readOnly := range []bool{true, false, true} {
			fmt.Fprintf(&text, "[[agents.mounts]]\nsource = \"/home/alice/%d/%d\"\ntarget = \"/home/a%[1]d/%[2]d\"\nread_only = %[3]v\n", a, i, readOnly)
		}
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := LoadFor("a321", path, mine)
	if err != nil {
		t.Fatal(err)
	}
	want, err := Load(path, mine)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want.Agents {
		if i != 321 {
			want.Agents[i].Mounts = want.Agents[i].Mounts[1:2]
		}
	}
	if text.Len() < 5*pieceSize || !reflect.DeepEqual(c, want) {
		t.Errorf("%d bytes are read as %+v: want %+v", text.Len(), c, want)
	}
}

// Eight bytes at a time are what they are one by one.
func TestSimpleInEveryPlace(t *testing.T) {
	for a := range 256 {
		for b := range 256 {
			for place := range 9 {
				text := []byte("ab\ncd ef\nghi")
				text[place], text[place+1] = byte(a), byte(b)
				if want := !isSpecial(byte(a)) && !isSpecial(byte(b)); isSimple(text) != want {
					t.Fatalf("of %q it is said to be %v", text, !want)
				}
			}
		}
	}
}
