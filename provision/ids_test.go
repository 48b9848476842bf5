// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"testing"
)

func TestChooseIDs(t *testing.T) {
	user := func(uid, gid uint32) User { return User{UID: uid, GID: gid} }
	group := func(gid uint32) Group { return Group{GID: gid} }
	all := Range{1000, 60000}
	for _, c := range []struct {
		situation string
		users     []User
		groups    []Group
		uids      Range
		gids      Range
		want      IDs
		err       string
	}{
		{"nobody_yet", nil, nil, all, all, IDs{1000, 1000, 1001}, ""},
		{"one_human", []User{user(0, 0), user(1000, 1000)}, []Group{group(0), group(1000)}, all, all, IDs{1001, 1001, 1002}, ""},
		{"ids_outside_the_range_do_not_count", []User{user(65534, 65534), user(999, 999)}, nil, all, all, IDs{1000, 1000, 1001}, ""},
		{"above_the_highest_not_in_a_gap", []User{user(1000, 1000), user(1005, 1005)}, nil, all, all, IDs{1006, 1006, 1007}, ""},
		{"gid_of_that_number_is_taken", []User{user(1000, 1000)}, []Group{group(1001)}, all, all, IDs{1001, 1002, 1003}, ""},
		{"a_primary_group_without_an_entry_is_taken", []User{user(1000, 1001)}, nil, all, all, IDs{1001, 1002, 1003}, ""},
		{"gids_are_elsewhere", nil, nil, all, Range{5000, 6000}, IDs{1000, 5000, 5001}, ""},
		{"the_top_is_taken_so_a_gap_is_used", []User{user(1000, 1000), user(1003, 1003)}, nil, Range{1000, 1003}, all, IDs{1001, 1001, 1004}, ""},
		{"no_uid_is_free", []User{user(1000, 1000)}, nil, Range{1000, 1000}, all, IDs{}, "choose a uid: no id is free between 1000 and 1000"},
		{"no_gid_is_free", nil, []Group{group(1000)}, all, Range{1000, 1000}, IDs{}, "choose a gid: no id is free between 1000 and 1000"},
		{"one_gid_is_free", nil, nil, all, Range{1000, 1000}, IDs{}, "choose a gid: no id is free between 1000 and 1000"},
	} {
		got, err := ChooseIDs(c.users, c.groups, c.uids, c.gids)
		if saysExactly(t, c.situation, err, c.err); err == nil && got != c.want {
			t.Errorf("%s: got %v, want %v", c.situation, got, c.want)
		}
	}
}

func TestParseLoginDefs(t *testing.T) {
	for _, c := range []struct {
		situation, text string
		uids            Range
		userGroups      bool
	}{
		{"none", "", Range{1000, 60000}, false},
		{"debian", "# UID_MIN 5\nUID_MIN\t\t 1000\nUID_MAX\t\t60000\nSYS_UID_MIN 101\nUSERGROUPS_ENAB yes\n", Range{1000, 60000}, true},
		{"own", "UID_MIN 2000\nUID_MAX 2999\nGID_MIN 7\nUSERGROUPS_ENAB no\n", Range{2000, 2999}, false},
		{"nonsense", "UID_MIN\nUID_MAX many\nUSERGROUPS_ENAB\n", Range{1000, 60000}, false},
	} {
		if got := ParseLoginDefs(c.text, "UID"); got != c.uids {
			t.Errorf("%s: got %v, want %v", c.situation, got, c.uids)
		}
		if got := ParseUserGroups(c.text); got != c.userGroups {
			t.Errorf("%s: user groups: got %v", c.situation, got)
		}
	}
	if got := ParseLoginDefs("UID_MIN 1\nGID_MIN 7\n", "GID"); got.Min != 7 {
		t.Errorf("GID_MIN was read as %d", got.Min)
	}
}
