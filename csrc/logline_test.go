// SPDX-License-Identifier: GPL-3.0-or-later

package csrc

import (
	"reflect"
	"testing"
)

func TestReadLogLine(t *testing.T) {
	for text, want := range map[string]LogLine{
		`alice (uid 1000) ran "true" as agent: exit 0`:                         {Human: 1000, Command: "true", Agent: "agent"},
		`uid 7 ran "a?b" as x-1: exit 137`:                                     {Human: 7, Command: "a?b", Agent: "x-1", Status: 137},
		`a runs "b (uid 1) ran "sh" as agent: killed with its waiter`:          {},
		`DOMAIN\al ice (uid 1000) ran "x" as agent: killed with its waiter`:    {Human: 1000, Command: "x", Agent: "agent", Killed: true},
		`alice (uid 1000) runs "x" as agent: guard 7, in "/a, b"`:              {Human: 1000, Command: "x", Agent: "agent", Begins: true, Guard: 7, Dir: "/a, b"},
		`alice (uid 1000) runs "x" as agent: guard 7, began 18446744, in "/a"`: {Human: 1000, Command: "x", Agent: "agent", Begins: true, Guard: 7, Began: 18446744, Dir: "/a"},
		`alice (uid 1000) runs "x" as agent: guard 7, in "", read-only "/a\n\042, draft \042/b\\ü", draft "/c", read-write "/d", 12 more`: {
			Human: 1000, Command: "x", Agent: "agent", Begins: true, Guard: 7, More: 12,
			Shares: []LoggedShare{{"/a\n\", draft \"/b\\ü", "read-only"}, {"/c", "draft"}, {"/d", "read-write"}},
		},
		``: {}, `alice ran "true" as agent: exit 0`: {}, `alice (uid 1000) ran "true" as agent`: {}, `alice (uid 1000) ran "true" as ../x: exit 0`: {},
		`alice (uid 1000) ran "true" as agent: exit`: {}, `alice (uid 1000) ran "true" as agent: exit x`: {}, `uid 99999999999 ran "x" as agent: exit 0`: {},
		`alice (uid 1000) runs "x" as agent: guard y`: {}, `alice (uid 1000) runs "x" as agent: guard 7, began -1, in "/a"`: {}, `alice (uid 1000) runs "x" as agent: in /a`: {}, `alice (uid 1000) runs "x" as agent: read-only 'a'`: {},
		`alice (uid 1000) runs "x" as agent: other "/a"`: {}, "alice (uid 1000) runs \"x\" as agent: in `/a`": {}, `uid 1000) ran "x" as agent: exit 0`: {},
	} {
		got, ok := ReadLogLine(text)
		if ok != (want.Command != "") || ok && !reflect.DeepEqual(got, want) {
			t.Errorf("%q is read as %+v, %v", text, got, ok)
		}
	}
}
