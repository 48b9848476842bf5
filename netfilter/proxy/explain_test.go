// SPDX-License-Identifier: GPL-3.0-or-later

package proxy

import (
	"strings"
	"testing"

	"github.com/a4u2/au/netfilter"
)

// Where a NixOS configuration declares the policy, the answer names the option that changes it, and no command.
func TestADeclaredPolicyIsChangedByAnOption(t *testing.T) {
	for _, declared := range []bool{false, true} {
		p := netfilter.Policy{Agent: "agent", Declared: declared}
		d := denial{code: netfilter.NotAllowed, what: "x", hint: p.AllowCommand("example.org"), declared: p.Declared}
		for _, text := range []string{d.line(), d.page()} {
			if runs := strings.Contains(text, "run"); runs == declared || strings.Contains(text, "security.au.agents.agent.net.allow") != declared {
				t.Errorf("declared %v: %q", declared, text)
			}
		}
		if strings.Contains(p.ServerOption(), "au net") == declared {
			t.Errorf("declared %v: %q names a server", declared, p.ServerOption())
		}
	}
}
