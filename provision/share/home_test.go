// SPDX-License-Identifier: GPL-3.0-or-later

package share

import (
	"io/fs"
	"strings"
	"testing"
)

// listed returns the mode as an ACL with a mask and others named in it.
func listed(mode uint32, mask uint16, named ...ACLEntry) ACL {
	return append(append(ModeACL(mode), named...), ACLEntry{ACLMask, mask, 0})
}

func TestOpenings(t *testing.T) {
	bob := func(perm uint16) ACLEntry { return ACLEntry{ACLUser, perm, 1001} }
	for _, tt := range []struct {
		name      string
		mode      fs.FileMode
		acl       ACL
		alone     bool // in every group
		who, shut string
	}{
		{"closed", 0o700, nil, false, "", ""},
		{"closed_to_others", 0o750, nil, true, "", ""},
		{"readable_only", 0o744, nil, true, "", ""},
		{"open", 0o755, nil, true, "mode 0755", "chmod o-rwx '/home/a b'"},
		{"traversable", 0o711, nil, true, "mode 0711", "chmod o-rwx '/home/a b'"},
		{"shared_group", 0o750, nil, false, "group 100", "chmod g-rwx '/home/a b'"},
		{"open_and_shared", 0o755, nil, false, "mode 0755, group 100", "chmod o-rwx '/home/a b', chmod g-rwx '/home/a b'"},
		{"named", 0o710, listed(0o700, 1, bob(1)), true, "ACL user:1001:--x", "setfacl --remove user:1001 '/home/a b'"},
		{"named_group", 0o750, listed(0o700, 5, ACLEntry{ACLGroup, 5, 44}), true, "ACL group:44:r-x", "setfacl --remove group:44 '/home/a b'"},
		{"named_masked", 0o700, listed(0o700, 0, bob(1)), true, "", ""},
		{"named_readable", 0o740, listed(0o700, 4, bob(4)), true, "", ""},
		{"human_named", 0o770, listed(0o700, 7, ACLEntry{ACLUser, 7, 1000}), true, "", ""},
		{"shared_group_beside_a_name", 0o750, listed(0o750, 5, bob(4)), false, "group 100", "setfacl --modify g::--- '/home/a b'"},
		{"shared_group_masked", 0o740, listed(0o750, 4, bob(4)), false, "", ""},
		{"open_beside_a_name", 0o711, listed(0o701, 1, bob(1)), true, "mode 0711, ACL user:1001:--x", "chmod o-rwx '/home/a b', setfacl --remove user:1001 '/home/a b'"},
	} {
		var who, shut []string
		for _, o := range (Access{Mode: fs.ModeDir | tt.mode, UID: 1000, GID: 100, ACL: tt.acl}).Openings(func(uint32) bool { return tt.alone }) {
			who, shut = append(who, o.Who()), append(shut, o.Shut("/home/a b"))
		}
		if got := strings.Join(who, ", "); got != tt.who {
			t.Errorf("%s: others enter by %q, not %q", tt.name, got, tt.who)
		}
		if got := strings.Join(shut, ", "); got != tt.shut {
			t.Errorf("%s: %q shuts it, not %q", tt.name, got, tt.shut)
		}
	}
}
