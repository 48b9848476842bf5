// SPDX-License-Identifier: GPL-3.0-or-later

package near

import "testing"

func TestOf(t *testing.T) {
	among := []string{"reviewer", "agent", "agents", "a"}
	for typed, want := range map[string]string{
		"revewer": "reviewer", "agnt": "agent", "agent": "agent", "agentss": "agents", "b": "", "": "", "xy": "", "nothing": "", "reviewers": "reviewer", "ab": "a",
	} {
		if got := Of(typed, among); got != want {
			t.Errorf("%q is near %q, want %q", typed, got, want)
		}
	}
	if got := Asked("agnt", among); got != `, did you mean "agent"?` {
		t.Error(got)
	}
	if got := Asked("nothing", among); got != "" {
		t.Error(got)
	}
}
