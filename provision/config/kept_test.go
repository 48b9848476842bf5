// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// The configs that earlier versions wrote are read, and keep what is not ours when they are edited.
func TestKeptConfigs(t *testing.T) {
	files, _ := filepath.Glob("../testdata/0.1/*/home/*/.config/agent-as-unix-user.toml")
	if len(files) < 2 {
		t.Fatalf("there are only %q", files)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c, err := Parse(file, text)
		if err != nil || len(c.Unknown) > 0 || len(c.Agents) == 0 {
			t.Errorf("%s: %v, unknown %v, %d agents", file, err, c.Unknown, len(c.Agents))
			continue
		}
		for _, a := range c.Agents {
			if a.UserName == "" || a.Group != "su-as-"+a.UserName || !strings.HasSuffix(a.Entrypoint, "/"+a.UserName+"/su_as_agent") || len(a.EntrypointSHA256) != 64 || a.EntrypointStamp == "" || !a.Bootstrapped {
				t.Errorf("%s: agent %+v lacks something", file, a)
			}
		}
		others := "theme = \"dark\" # mine\n" + strings.ReplaceAll(string(text), "\nuser_name = ", "\nnote = 1\nuser_name = ") + "\n[editor]\ntabs = 8\n"
		before, err := Parse(file, []byte(others))
		if err != nil || len(before.Unknown) < 3 {
			t.Errorf("%s: with others' keys: %v, %v", file, err, before)
			continue
		}
		want := *before
		want.Agents = append([]Agent(nil), before.Agents...)
		want.Agents[0].Bootstrapped = false
		edited, err := edit(file, []byte(others), &want)
		after, err2 := Parse(file, edited)
		if err != nil || err2 != nil || !reflect.DeepEqual(agentEntries(after.Agents), agentEntries(want.Agents)) ||
			strings.Replace(string(edited), "bootstrapped = false", "bootstrapped = true", 1) != others {
			t.Errorf("%s: edited: %v, %v\n%s", file, err, err2, edited)
		}
	}
}

// All keys that au writes are in one of them, so that each is seen to be read as it was meant.
func TestKeptConfigsHaveEveryKey(t *testing.T) {
	files, _ := filepath.Glob("../testdata/0.1/*/home/*/.config/agent-as-unix-user.toml")
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString("\n" + string(text))
	}
	for _, s := range []schema{topSchema, agentSchema, mountSchema} {
		for _, w := range s.keys {
			if w.key != "acl" && w.key != s.list && !strings.Contains(all.String(), "\n"+w.key+" = ") {
				t.Errorf("no kept config has %s %s: a version that writes it gets a folder of its own", w.key, s.place)
			}
		}
	}
}
