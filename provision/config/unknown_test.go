// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"slices"
	"strings"
	"testing"
)

func TestUnknownKeysAreNamed(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{as2, nil},
		{"", nil},
		{"[[agents]]\nuser_name = \"a\"\nacl_external_accesses = []\n", nil},
		{"[[agents]]\nuser_name = \"a\"\nkeepenv = [\"TZ\"]\n", []string{`f:3:1: unknown key "keepenv" below [[agents]]: want keep_env below [[agents]]`}},
		{"[[agents]]\nuser_name = \"a\"\nkeep-env = [\"TZ\"]\n", []string{`f:3:1: unknown key "keep-env" below [[agents]]: want keep_env below [[agents]]`}},
		{"[[agents]]\nuser_name = \"a\"\nkepp_emv = [\"TZ\"]\n", []string{`f:3:1: unknown key "kepp_emv" below [[agents]]: want keep_env below [[agents]]`}},
		{"keep_env = [\"TZ\"]\n", []string{`f:1:1: unknown key "keep_env" above all agents: want keep_env below [[agents]]`}},
		{"[[agents]]\nuser_name = \"a\"\nread_only = true\n", []string{`f:3:1: unknown key "read_only" below [[agents]]: want read_only below [[agents.mounts]]`}},
		{"[[agent]]\nuser_name = \"a\"\n", []string{`f:1:3: unknown key "agent" above all agents: want agents above all agents`}},
		{"disable_home_acess_check = true\n", []string{`f:1:1: unknown key "disable_home_acess_check" above all agents: want disable_home_access_check above all agents`}},
		{"[[agents]]\nuser_name = \"a\"\nmounts = [{source = \"/s\", target = \"/t\", readonly = false}]\n",
			[]string{`f:3:42: unknown key "readonly" below [[agents.mounts]]: want read_only below [[agents.mounts]]`}},
		{"[[agents]]\nuser_name = \"a\"\n[[agents.mounts]]\nsource = \"/s\"\ntarget = \"/t\"\ncolour = 1\nx = 2\n",
			[]string{`f:6:1: unknown key "colour" below [[agents.mounts]]`, `f:7:1: unknown key "x" below [[agents.mounts]]`}},
		{"[[agents]]\nuser_name = \"a\"\n[[agents.mounts]]\nsource = \"/s\"\ntarget = \"/t\"\n[agents.mounts.only]\nbelow = 1\n",
			[]string{`f:6:16: unknown key "only" below [[agents.mounts]]`}},
		{"[[agents]]\nuser_name = \"a\"\n[[agents.mount]]\nsource = \"/s\"\n", []string{`f:3:10: unknown key "mount" below [[agents]]: want mounts below [[agents]]`}},
	} {
		got, err := Parse("f", []byte(c.text))
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		if strings.Contains(c.text, "mounts") && c.text != as2 {
			if m := got.Agents[0].Mounts; len(m) != 1 || m[0].Unknown != got.Unknown[len(got.Unknown)-1] {
				t.Errorf("%q: the share does not know of the key", c.text)
			}
		}
		var said []string
		for _, u := range got.Unknown {
			said = append(said, u.Error())
		}
		if !slices.Equal(said, c.want) {
			t.Errorf("%q: named %q, not %q", c.text, said, c.want)
		}
	}
}
