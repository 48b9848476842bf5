// SPDX-License-Identifier: GPL-3.0-or-later

package share

import (
	"slices"
	"testing"
)

func TestWhatMayNotAnswerInAFolder(t *testing.T) {
	line := func(point, kind string) string { return "9 8 0:7 / " + point + " rw - " + kind + " x rw\n" }
	for situation, c := range map[string]struct {
		mounts, folder string
		want           []string
	}{
		"nothing":                    {line("/", "ext4") + line("/home", "ext4"), "/home/a/p", nil},
		"below":                      {line("/", "ext4") + line("/home/a/p/r", "fuse.sshfs") + line("/home/a/q", "nfs4"), "/home/a/p", []string{"/home/a/p/r"}},
		"the_folder_itself":          {line("/", "ext4") + line("/home/a/p", "fuse"), "/home/a/p", []string{"/home/a/p"}},
		"what_it_is_on":              {line("/", "ext4") + line("/home", "nfs"), "/home/a/p", []string{"/home"}},
		"covered":                    {line("/", "ext4") + line("/home", "nfs") + line("/home/a", "ext4"), "/home/a/p", nil},
		"mounted_over":               {line("/", "ext4") + line("/home", "nfs") + line("/home", "ext4"), "/home/a/p", nil},
		"a_name_that_only_begins_so": {line("/", "ext4") + line("/home/a/p2", "nfs"), "/home/a/p", nil},
		"a_space":                    {line("/", "ext4") + line(`/home/a/p/far\040away`, "nfs"), "/home/a/p", []string{"/home/a/p/far away"}},
	} {
		if got := RemoteAt([]byte(c.mounts), c.folder); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, not %q", situation, got, c.want)
		}
	}
}

func TestWhatIsOnThisMachineAlone(t *testing.T) {
	line := func(point, kind string) string { return "9 8 0:7 / " + point + " rw - " + kind + " x rw\n" }
	root := line("/", "overlay") + line("/home", "ext4")
	for situation, c := range map[string]struct {
		mounts string
		want   bool
	}{
		"a_disk":                {root, true},
		"memory_in_it":          {root + line("/home/a/p/t", "tmpfs"), true},
		"the_kernels_elsewhere": {root + line("/proc", "proc") + line("/sys/fs/cgroup", "cgroup2"), true},
		"a_trap_elsewhere":      {root + line("/proc/sys/fs/binfmt_misc", "autofs"), true},
		"all_but_homes_far":     {line("/", "nfs") + line("/home", "ext4"), true},
		"a_users_own":           {root + line("/run/user/1000/gvfs", "fuse.gvfsd-fuse"), true},
		"a_link_leads_there":    {root + line("/srv", "nfs4"), false},
		"or_there":              {root + line("/mnt/far", "fuse.sshfs"), false},
		"a_server_in_it":        {root + line("/home/a/p/r", "fuse.sshfs"), false},
		"a_trap_in_it":          {root + line("/home/a/p/r", "autofs"), false},
		"a_server_above":        {root + line("/home", "nfs") + line("/home/a", "ext4"), false},
		"a_server_at_it":        {root + line("/home/a/p", "fuse"), false},
		"a_kind_unknown":        {root + line("/home/a", "newfs"), false},
		"all_on_an_overlay":     {line("/", "overlay"), false},
		"nothing_is_known":      {"", false},
	} {
		if got := IsLocal([]byte(c.mounts), "/home/a/p"); got != c.want {
			t.Errorf("%s: %v", situation, got)
		}
	}
}
