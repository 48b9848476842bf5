// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"sort"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

// FuzzEdit changes the configuration that a text holds at random. The edited
// text must hold the change, and every unknown key of what was not removed.
func FuzzEdit(f *testing.F) {
	inline := `agents = [{user_name = "a", k = 1, mounts = [{source = "/s", target = "/t", q = 2}, {source="/u",target="/v"},]}, {user_name = "b"}]`
	for _, text := range []string{"", "\n", "x=1", as2, human, inline, strings.ReplaceAll(human, "\n", "\r\n"),
		"[[agents]]\nuser_name='a'\n\n\n[[agents]]\nuser_name='b'\n\n[o]\n[agents.x]\nk=1\n[[agents.mounts]]\nsource='s'\ntarget='t'\n[p]\n[agents.mounts.d]\nv=1\n"} {
		for seed := range uint64(20) {
			f.Add([]byte(text), seed)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte, seed uint64) {
		want, err := Parse("f", text)
		if err != nil {
			return
		}
		before := unknown(t, text)
		r := rand.New(rand.NewPCG(seed, 1))
		kept := mutate(r, want)
		edited, err := edit("configuration", text, want)
		if err != nil {
			t.Fatalf("edit(%q, %+v): %v", text, want, err)
		}
		got, err := Parse("f", edited)
		if err != nil {
			t.Fatalf("edit(%q) is broken: %v in %q", text, err, edited)
		}
		if !same(got, want) {
			t.Fatalf("edit(%q) to %+v came back as %+v from %q", text, want, got, edited)
		}
		after := unknown(t, edited)
		for _, key := range before {
			if !kept(key) {
				continue
			}
			if i := sort.SearchStrings(after, key); i == len(after) || after[i] != key {
				t.Fatalf("edit(%q) lost %s:\n%q", text, key, edited)
			}
		}
		if again, err := edit("configuration", edited, want); err != nil || string(again) != string(edited) {
			t.Fatalf("a second Edit of %q changed it to %q, %v", edited, again, err)
		}
	})
}

// mutate changes c and returns whether an unknown key, as unknown writes it,
// must still be there.
func mutate(r *rand.Rand, c *Config) (kept func(string) bool) {
	gone := map[string]bool{}
	for range 1 + r.IntN(4) {
		n := len(c.Agents)
		if n == 0 || r.IntN(6) == 0 {
			at := r.IntN(n + 1)
			c.Agents = append(c.Agents[:at:at], append([]Agent{{UserName: fmt.Sprintf("new%d", r.Uint32())}}, c.Agents[at:]...)...)
			continue
		}
		i := r.IntN(n)
		a := &c.Agents[i]
		switch r.IntN(8) {
		case 0:
			gone[a.UserName] = true
			c.Agents = append(c.Agents[:i:i], c.Agents[i+1:]...)
		case 1:
			c.DisableHomeAccessCheck = !c.DisableHomeAccessCheck
		case 2:
			a.Group += "\"\\x\t é\U0001F600"
		case 3:
			a.Bootstrapped, a.EntrypointSHA256 = !a.Bootstrapped, "x"
		case 4:
			a.KeepEnv, a.SetEnv = append(a.KeepEnv, "TZ"), append(a.SetEnv, "A=\"x\\")
		default:
			mutateMounts(r, a, gone)
		}
	}
	return func(key string) bool {
		for id := range gone {
			if strings.HasPrefix(key, "agent "+id+" ") || strings.Contains(key, " mount "+id+" ") {
				return false
			}
		}
		return true
	}
}

func mutateMounts(r *rand.Rand, a *Agent, gone map[string]bool) {
	n := len(a.Mounts)
	if n == 0 || r.IntN(3) == 0 {
		at := r.IntN(n + 1)
		m := Mount{Source: "/new", Target: fmt.Sprint("/", r.Uint32()), ReadOnly: r.IntN(2) == 0, ACL: r.IntN(2) == 0, TargetOnly: r.IntN(2) == 0}
		a.Mounts = append(a.Mounts[:at:at], append([]Mount{m}, a.Mounts[at:]...)...)
		return
	}
	i := r.IntN(n)
	switch r.IntN(3) {
	case 0:
		a.Mounts[i].ReadOnly, a.Mounts[i].ACL = !a.Mounts[i].ReadOnly, !a.Mounts[i].ACL
	case 1:
		gone[a.Mounts[i].Source] = true
		a.Mounts = append(a.Mounts[:i:i], a.Mounts[i+1:]...)
	case 2: // changing the place makes it another mount
		gone[a.Mounts[i].Source] = true
		a.Mounts[i].Source += "x"
	}
}

// unknown returns what a text says beyond our keys, sorted.
func unknown(t *testing.T, text []byte) []string {
	var all map[string]any
	if err := toml.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	var keys []string
	add := func(prefix string, s *schema, m map[string]any) {
		for k, v := range m {
			if s.find(k) == nil {
				keys = append(keys, fmt.Sprintf("%s %q = %v", prefix, k, v))
			}
		}
	}
	add("top", &topSchema, all)
	for _, a := range tables(all["agents"]) {
		id := fmt.Sprint("agent ", a["user_name"])
		add(id, &agentSchema, a)
		for _, m := range tables(a["mounts"]) {
			add(fmt.Sprint(id, " mount ", m["source"]), &mountSchema, m)
		}
	}
	sort.Strings(keys)
	return keys
}

func tables(v any) []map[string]any {
	var all []map[string]any
	items, _ := v.([]any)
	for _, item := range items {
		all = append(all, item.(map[string]any))
	}
	return all
}

func TestAlignKeepsAsManyAsItCan(t *testing.T) {
	for _, c := range []struct {
		have, want string
		kept       []int
	}{
		{"abc", "abc", []int{0, 1, 2}},
		{"abc", "", []int{}},
		{"", "ab", []int{-1, -1}},
		{"abc", "ac", []int{0, 2}},
		{"abc", "cab", []int{-1, 0, 1}},
		{"abcd", "axcbd", []int{0, -1, 2, -1, 3}},
	} {
		kept := align(named(c.have), named(c.want))
		if len(kept) != len(c.want) || len(kept) > 0 && !reflect.DeepEqual(kept, c.kept) {
			t.Errorf("align(%q, %q) = %v, want %v", c.have, c.want, kept, c.kept)
		}
	}
}

func named(ids string) []entry {
	var entries []entry
	for _, id := range ids {
		entries = append(entries, entry{id: string(id)})
	}
	return entries
}
