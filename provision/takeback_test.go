// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"fmt"
	"io/fs"
	"testing"

	"github.com/a4u2/au/provision/share"
)

// shown writes what a file is, and its ACLs where they say more than its mode.
func shown(f Inode) string {
	text := fmt.Sprintf("%v %d:%d", f.Mode, f.UID, f.GID)
	if f.Access.Extended() {
		text += " " + fmt.Sprint(f.Access)
	}
	if f.Default != nil {
		text += " default " + fmt.Sprint(f.Default)
	}
	return text
}

// with returns the ACL of that mode with more in it.
func with(mode uint32, mask uint16, named ...share.ACLEntry) share.ACL {
	a := append(share.ModeACL(mode), share.ACLEntry{Tag: share.ACLMask, Perm: mask, ID: 0})
	return append(a, named...).Sorted()
}

func TestTakeBackAfter(t *testing.T) {
	project := TakeBack{Agent: 1003, Group: 1004, Human: 1000, HumanGroup: 1000, Since: 50}
	const folder, setGID = fs.ModeDir, fs.ModeDir | fs.ModeSetgid
	group, bob := share.ACLEntry{Tag: share.ACLGroup, Perm: 7, ID: 1004}, share.ACLEntry{Tag: share.ACLUser, Perm: 4, ID: 1001}
	of := func(uid, gid uint32, mode fs.FileMode, access, def share.ACL, born int64) Inode {
		return Inode{UID: uid, GID: gid, Mode: mode, Access: access, Default: def, Born: born}
	}
	passed := Lost{SetGID: true, Default: with(0o755, 7, group)}
	for _, c := range []struct {
		situation string
		was       Inode
		above     Lost
		top       bool
		want      Inode
		lost      Lost
	}{
		{"the_top", of(1000, 1000, setGID|0o775, with(0o755, 7, group), with(0o755, 7, group), 10), Lost{}, true,
			of(1000, 1000, folder|0o755, share.ModeACL(0o755), nil, 0), passed},
		{"a_file_of_before", of(1000, 1000, 0o674, with(0o644, 7, group), nil, 10), passed, false,
			of(1000, 1000, 0o644, share.ModeACL(0o644), nil, 0), Lost{}},
		{"a_closed_file", of(1000, 1000, 0o600, with(0o650, 0, group), nil, 60), passed, false,
			of(1000, 1000, 0o600, share.ModeACL(0o600), nil, 0), Lost{}},
		{"the_agents", of(1003, 1000, 0o664, with(0o654, 6, group), nil, 60), passed, false,
			of(1000, 1000, 0o644, share.ModeACL(0o644), nil, 0), Lost{}},
		{"the_agents_group", of(1000, 1004, 0o664, share.ModeACL(0o664), nil, 60), passed, false,
			of(1000, 1000, 0o664, share.ModeACL(0o664), nil, 0), Lost{}},
		{"bobs", of(1001, 1001, 0o674, with(0o644, 7, group), nil, 60), passed, false,
			of(1001, 1001, 0o644, share.ModeACL(0o644), nil, 0), Lost{}},
		{"roots_top", of(0, 900, setGID|0o775, with(0o775, 7, group), with(0o775, 7, group), 10), Lost{}, true,
			of(0, 900, setGID|0o775, share.ModeACL(0o775), nil, 0), Lost{Default: with(0o775, 7, group)}},
		{"others_named", of(1000, 1000, 0o674, with(0o604, 7, group, bob), nil, 10), passed, false,
			of(1000, 1000, 0o644, with(0o604, 4, bob), nil, 0), Lost{}},
		{"made_below", of(1003, 1000, setGID|0o775, with(0o755, 7, group), with(0o755, 7, group), 60), passed, false,
			of(1000, 1000, folder|0o755, share.ModeACL(0o755), nil, 0), passed},
		{"made_below_and_closed", of(1000, 1000, setGID|0o700, with(0o750, 0, group), with(0o755, 7, group), 60), passed, false,
			of(1000, 1000, folder|0o700, share.ModeACL(0o700), nil, 0), passed},
		{"a_teams_top", of(1000, 900, setGID|0o775, with(0o775, 7, group), with(0o775, 7, group), 10), Lost{}, true,
			of(1000, 900, setGID|0o775, share.ModeACL(0o775), nil, 0), Lost{Default: with(0o775, 7, group)}},
		{"a_bit_of_before", of(1000, 1000, setGID|0o775, with(0o755, 7, group), with(0o755, 7, group), 10), passed, false,
			of(1000, 1000, setGID|0o755, share.ModeACL(0o755), nil, 0), Lost{Default: with(0o755, 7, group)}},
		{"a_bit_that_nothing_above_had", of(1000, 1000, setGID|0o775, with(0o755, 7, group), nil, 60), Lost{}, false,
			of(1000, 1000, setGID|0o755, share.ModeACL(0o755), nil, 0), Lost{}},
		{"a_bit_of_the_agents", of(1003, 1004, setGID|0o775, with(0o755, 7, group), nil, 60), Lost{}, false,
			of(1000, 1000, folder|0o755, share.ModeACL(0o755), nil, 0), Lost{SetGID: true}},
		{"a_default_for_others", of(1000, 1000, folder|0o775, with(0o755, 7, group), with(0o755, 7, group, bob), 10), Lost{}, false,
			of(1000, 1000, folder|0o755, share.ModeACL(0o755), with(0o755, 5, bob), 0), Lost{}},
		{"a_default_of_the_humans", of(1000, 1000, folder|0o775, with(0o755, 7, group), with(0o770, 7, group), 10), Lost{}, false,
			of(1000, 1000, folder|0o755, share.ModeACL(0o755), share.ModeACL(0o770), 0), Lost{}},
		{"no_share", of(1000, 1000, setGID|0o755, share.ModeACL(0o755), share.ModeACL(0o700), 10), Lost{}, false,
			of(1000, 1000, setGID|0o755, share.ModeACL(0o755), share.ModeACL(0o700), 0), Lost{}},
	} {
		got, lost := project.After(c.was, c.above, c.top)
		if got.Mode = got.Mode&^0o777 | modeOf(got.Access); shown(got) != shown(c.want) {
			t.Errorf("%s: %s\nbecame %s\n  want %s", c.situation, shown(c.was), shown(got), shown(c.want))
		}
		if fmt.Sprint(lost) != fmt.Sprint(c.lost) {
			t.Errorf("%s: lost %v, want %v", c.situation, lost, c.lost)
		}
	}
}

// modeOf is what a mode shows of an ACL.
func modeOf(a share.ACL) fs.FileMode {
	group := a.Perm(share.ACLOwnerGroup)
	if i := a.Find(share.ACLMask, 0); i >= 0 {
		group = a[i].Perm
	}
	return fs.FileMode(a.Perm(share.ACLOwner))<<6 | fs.FileMode(group)<<3 | fs.FileMode(a.Perm(share.ACLOther))
}

func TestTakeBackHome(t *testing.T) {
	project := TakeBack{Agent: 1003, Group: 1004, Human: 1000, HumanGroup: 1000}
	group := share.ACLEntry{Tag: share.ACLGroup, Perm: 7, ID: 1004}
	got := project.HomeAfter(Inode{UID: 1000, GID: 1004, Mode: 0o660, Access: with(0o670, 6, group), Default: with(0o770, 7, group)})
	both := []share.ACLEntry{{Tag: share.ACLUser, Perm: 7, ID: 1003}, {Tag: share.ACLUser, Perm: 7, ID: 1000}}
	want := Inode{UID: 1000, GID: 1004, Mode: 0o660, Access: with(0o670, 6, both...), Default: with(0o770, 7, both...)}
	if shown(got) != shown(want) {
		t.Errorf("became %s\n  want %s", shown(got), shown(want))
	}
	plain := Inode{UID: 1003, GID: 1004, Mode: 0o644, Access: share.ModeACL(0o644)}
	if got := project.HomeAfter(plain); shown(got) != shown(plain) {
		t.Errorf("a file without the group became %s", shown(got))
	}
}
