// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"reflect"
	"testing"
)

func TestCheckHide(t *testing.T) {
	for word, right := range map[string]bool{
		".env": true, "*.key": true, "deploy/private": true, "./top": true, "keys/": true, "a..b": true, "[ab]": true,
		"": false, ".": false, "./": false, "/etc": false, "..": false, "a/../b": false, "[a": false, "\xff": false,
	} {
		if err := CheckHide(word); (err == nil) != right {
			t.Errorf("hide %q: %v", word, err)
		}
	}
}

// A list of names to hide is written as it is read, by the bytes and by JSON, and a share that hides something else is another one.
func TestHideStays(t *testing.T) {
	text := "[[agents]]\nuser_name = \"a\"\n[[agents.mounts]]\nsource = \"/s\"\ntarget = \"/t\"\n"
	have, err := Parse("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	m := have.Agents[0].Mounts[0]
	m.Draft, m.Hide, m.ShowSecrets = true, []string{".env", `a"*\\`}, true
	if m.Equal(have.Agents[0].Mounts[0]) || !m.Equal(m) || m.HidesAs(have.Agents[0].Mounts[0]) {
		t.Error("what is hidden makes no difference")
	}
	want := *have
	want.Agents = []Agent{have.Agents[0]}
	want.Agents[0].Mounts = []Mount{m}
	edited, err := edit("f", []byte(text), &want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse("f", edited)
	if err != nil || !reflect.DeepEqual(got.Agents[0].Mounts[0], m) {
		t.Errorf("%s\nreads as %+v, %v", edited, got, err)
	}
}
