// SPDX-License-Identifier: GPL-3.0-or-later

package csrc

import (
	"reflect"
	"slices"
	"testing"
)

func TestARunIsReadBackFromItsArguments(t *testing.T) {
	var all []Share
	for kind := range 64 {
		has := func(bit int) bool { return kind&bit != 0 }
		s := Share{Source: "/home/alice/--", Target: "--", Optional: has(1), ACL: has(2), SamePath: has(4), Hiding: has(8), ReadOnly: has(16)}
		if s.Hiding || has(32) && !s.ReadOnly {
			s.Draft = "/home/alice/state"
		}
		if s.Hiding && !s.ReadOnly && !has(32) {
			continue // what hides is read-only or a draft
		}
		all = append(all, s)
	}
	for _, r := range []Run{
		{Agent: "agent", Command: []string{"true"}},
		{Agent: "agent", Dir: "--", Shares: all, Worktrees: []string{"--", "/w"}, Command: []string{"--", "--dir", "x"}},
	} {
		if got, ok := ReadArgv(r.Argv()); !ok || !reflect.DeepEqual(got, r) {
			t.Errorf("%+v came back as %+v, %v", r, got, ok)
		}
		for n := range len(r.Argv()) - len(r.Command) {
			if got, ok := ReadArgv(r.Argv()[:n+1]); ok && !slices.Equal(got.Command, r.Command[:len(got.Command)]) {
				t.Errorf("the first %d words of %q were taken for %+v", n+1, r.Argv(), got)
			}
		}
	}
	for _, argv := range [][]string{nil, {"x"}, {"x", "agent"}, {"x", "agent", "--"}, {"x", "agent", "--check"}, {"x", "agent", "--rw", "/a", "--", "true"}} {
		if got, ok := ReadArgv(argv); ok {
			t.Errorf("%q was taken for %+v", argv, got)
		}
	}
}
