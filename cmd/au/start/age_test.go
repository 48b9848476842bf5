// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"errors"
	"strings"
	"testing"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision/config"
)

// known returns the config of a human who shares a folder with the agent, with these lines below the share's own.
func known(t *testing.T, lines string) *config.Config {
	t.Helper()
	text := "[[agents]]\nuser_name = \"agent\"\n[[agents.mounts]]\nsource = \"/srv/x\"\ntarget = \"/home/agent/x\"\n" + lines
	c, err := config.Parse("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A share may be less by a key that this au does not know, so that no run begins.
func TestAShareWithAnUnknownKeyIsRefused(t *testing.T) {
	m := Real
	m.Root = t.TempDir()
	for lines, refused := range map[string]bool{"": false, "read_only = true\n": false, "only_below = \"src\"\n": true} {
		_, _, err := m.shares(Order{Known: known(t, lines)}, csrc.Policy{Version: csrc.PolicyVersion, Name: "agent", Home: "/home/agent"}, nil)
		var unknown *UnknownKeyError
		if errors.As(err, &unknown) != refused || err != nil && !refused {
			t.Errorf("%q: %v", lines, err)
		}
		if refused && !strings.Contains(err.Error(), `f:6:1: unknown key "only_below" below [[agents.mounts]]`) {
			t.Errorf("%q: it says %v", lines, err)
		}
	}
}

func TestAnOldEntrypointHasNoDrafts(t *testing.T) {
	draft, plain := config.Mount{Source: "/srv/x", ReadOnly: true, Draft: true}, config.Mount{Source: "/srv/y"}
	hides := config.Mount{Source: "/srv/z", ReadOnly: true, Hide: []string{".env"}}
	for _, c := range []struct {
		version int
		mounts  []config.Mount
		refused string
	}{
		{1, []config.Mount{plain}, ""}, {1, []config.Mount{plain, draft}, "/srv/x"}, {1, []config.Mount{hides}, "/srv/z"},
		{2, []config.Mount{plain, draft, hides}, ""},
	} {
		err := checkAge(c.mounts, csrc.Policy{Version: c.version, Name: "agent"})
		var old *OldEntrypointError
		if errors.As(err, &old) != (c.refused != "") || old != nil && old.Source != c.refused {
			t.Errorf("version %d, %v: %v", c.version, c.mounts, err)
		}
	}
}
