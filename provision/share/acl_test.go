// SPDX-License-Identifier: GPL-3.0-or-later

package share

import (
	"reflect"
	"testing"
)

// effective returns what the entry really gives.
func effective(a ACL, tag uint16, id uint32) uint16 {
	i := a.Find(tag, id)
	if i < 0 {
		return 0
	}
	if j := a.Find(ACLMask, 0); j >= 0 && tag != ACLOwner && tag != ACLOther {
		return a[i].Perm & a[j].Perm
	}
	return a[i].Perm
}

var masked = ACL{{ACLOwner, 6, 0}, {ACLUser, 6, 1001}, {ACLOwnerGroup, 6, 0}, {ACLGroup, 7, 100}, {ACLMask, 4, 0}, {ACLOther, 0, 0}}

func TestGrantWidensForNobodyElse(t *testing.T) {
	for _, a := range []ACL{ModeACL(0o600), ModeACL(0o644), ModeACL(0o755), ModeACL(0), masked} {
		b := a.Grant(1003, 7)
		if got := effective(b, ACLUser, 1003); got != 7 {
			t.Errorf("%v: the agent has %o", a, got)
		}
		for _, e := range a {
			if e.Tag == ACLMask {
				continue
			}
			if before, after := effective(a, e.Tag, e.ID), effective(b, e.Tag, e.ID); before != after {
				t.Errorf("%v: entry %v gave %o and gives %o", a, e, before, after)
			}
		}
	}
}

func TestShareEndsAsItBegan(t *testing.T) {
	def := ACL{{ACLOwner, 7, 0}, {ACLUser, 5, 1001}, {ACLOwnerGroup, 5, 0}, {ACLMask, 5, 0}, {ACLOther, 0, 0}}
	own := ACL{{ACLOwner, 7, 0}, {ACLUser, 7, 1000}, {ACLOwnerGroup, 5, 0}, {ACLMask, 7, 0}, {ACLOther, 0, 0}}
	for _, share := range []ACLShare{{Agent: 1003, Human: 1000}, {Agent: 1003, Human: 1000, Writable: true}} {
		for _, tt := range []struct {
			name         string
			access, def  ACL
			folder, kept bool
		}{
			{"file", ModeACL(0o600), nil, false, false},
			{"program", ModeACL(0o755), nil, false, false},
			{"folder", ModeACL(0o755), nil, true, false},
			{"masked", masked, nil, false, true},
			{"folder_with_default", ModeACL(0o750), def, true, true},
			{"folder_that_names_the_human", own, own, true, true},
		} {
			access, after := share.Access(tt.access, tt.folder), ACL(nil)
			if tt.folder {
				after = share.Default(tt.def, tt.access)
			}
			var saved *SavedACL
			if tt.kept {
				saved = &SavedACL{Path: "odd name\n\\", Dev: 7, Ino: 9, Access: tt.access, Default: tt.def}
				all, err := ParseSavedACLs([]byte(saved.Text()))
				if err != nil || len(all) != 1 || !reflect.DeepEqual(all[0], *saved) {
					t.Fatalf("%s: %q came back as %v, %v", tt.name, saved.Text(), all, err)
				}
				saved = &all[0]
			}
			gotAccess, gotDef := share.Before(access, after, tt.folder, saved)
			if !reflect.DeepEqual(gotAccess, tt.access) || !reflect.DeepEqual(gotDef, tt.def) {
				t.Errorf("%s: was %v and %v, ends as %v and %v", tt.name, tt.access, tt.def, gotAccess, gotDef)
			}
		}
	}
}

func TestShareEndsAlsoWhereItChanged(t *testing.T) {
	share := ACLShare{Agent: 1003, Human: 1000, Writable: true}
	changed := share.Access(masked, false).Grant(1005, 4)
	got, _ := share.Before(changed, nil, false, &SavedACL{Access: masked})
	if got.Find(ACLUser, 1003) >= 0 || got.Find(ACLUser, 1005) < 0 || got.Find(ACLUser, 1001) < 0 {
		t.Errorf("%v became %v: want the agent gone and the others kept", changed, got)
	}
}

func TestACLValue(t *testing.T) {
	got, err := ParseACL(masked.Value())
	if err != nil || !reflect.DeepEqual(got, masked) {
		t.Errorf("%v came back as %v, %v", masked, got, err)
	}
	for _, bad := range [][]byte{nil, {2, 0, 0}, {1, 0, 0, 0}, {2, 0, 0, 0, 1}} {
		if _, err := ParseACL(bad); err == nil {
			t.Errorf("ParseACL takes %v", bad)
		}
	}
}

func TestParseSavedACLsRefuses(t *testing.T) {
	for _, bad := range []string{"user::rwx\n", "# file: x\nuser:bob:rwx\n", "# file: x\nuser::rw\n", "# file: x\nmask:5:rwx\n", "# file: x\n# inode: x\n"} {
		if got, err := ParseSavedACLs([]byte(bad)); err == nil {
			t.Errorf("ParseSavedACLs takes %q as %v", bad, got)
		}
	}
}

// A mask that has been narrowed, by chmod, is not widened by what ends.
func TestWithoutOpensNothing(t *testing.T) {
	for _, a := range []ACL{masked, listed(0o670, 0, ACLEntry{ACLUser, 6, 1003}), listed(0o640, 4, ACLEntry{ACLUser, 6, 1003}, ACLEntry{ACLGroup, 7, 1004})} {
		for _, b := range []ACL{a.Without(ACLUser, 1003), a.Without(ACLGroup, 100, 1004), a.Without(ACLUser, 1001).Without(ACLGroup, 100)} {
			for _, e := range b {
				if before, after := effective(a, e.Tag, e.ID), effective(b, e.Tag, e.ID); e.Tag != ACLMask && before < after {
					t.Errorf("%v became %v: entry %v gave %o and gives %o", a, b, e, before, after)
				}
			}
		}
	}
}
