// SPDX-License-Identifier: GPL-3.0-or-later

package share

import (
	"slices"
	"strings"
	"testing"
)

func TestParseMountinfo(t *testing.T) {
	got := ParseMountinfo("36 35 98:0 /mnt1 /mnt\\0402 rw,noatime,idmapped master:1 - ext4 /dev/root rw\nbroken\n37 36 0:3 / /x rw - fuse.sshfs a@b: rw\n")
	if len(got) != 2 || got[0].Point != "/mnt 2" || got[0].Type != "ext4" || got[0].Options[2] != "idmapped" || got[1].Type != "fuse.sshfs" {
		t.Errorf("ParseMountinfo returns %v", got)
	}
}

func TestPrivateMounts(t *testing.T) {
	for line, want := range map[string]bool{
		"37 36 0:3 / /x rw - fuse.sshfs a@b: rw,user_id=1000,group_id=1000":             true,
		"37 36 0:3 / /x rw - fuse.sshfs a@b: rw,user_id=1000,group_id=1000,allow_other": false,
		"37 36 0:3 / /x rw - fuse bindfs rw,user_id=0,group_id=0,default_permissions":   true,
		"37 36 8:1 / /x rw - fuseblk /dev/sda1 rw,user_id=0,group_id=0,allow_other":     false,
		"37 36 8:1 / /x rw - fusectl fusectl rw":                                        false,
		"37 36 8:1 / /x rw - ext4 /dev/sda1 rw":                                         false,
	} {
		if got := ParseMountinfo(line + "\n"); len(got) != 1 || got[0].Private != want {
			t.Errorf("of %q comes %+v, want Private %v", line, got, want)
		}
	}
}

func TestMountsOf(t *testing.T) {
	all := []MountPoint{{Point: "/", Type: "ext4"}, {Point: "/home", Type: "xfs"}, {Point: "/home/alice/p/q", Type: "9p"}, {Point: "/home", Type: "overlay"}}
	got := MountsOf("/home/alice/p", all)
	if len(got) != 2 || got[0].Type != "overlay" || got[1].Type != "9p" {
		t.Errorf("MountsOf returns %v: want the newest that holds the path, then what is inside", got)
	}
}

func TestOtherPlaces(t *testing.T) {
	mount := func(device, root, point, options string) MountPoint {
		return MountPoint{Device: device, Root: root, Point: point, Type: "ext4", Options: strings.Split(options, ",")}
	}
	all := []MountPoint{
		mount("8:1", "/", "/", "rw"), mount("8:2", "/", "/home", "rw"),
		mount("8:2", "/alice/proj", "/srv/www", "rw"), mount("8:2", "/", "/mnt/disk", "rw"), mount("8:2", "/alice/proj/sub", "/srv/sub", "ro"),
		mount("8:2", "/alice/proj", "/srv/inert", "rw,nosuid"), mount("8:2", "/alice/proj", "/srv/noexec", "noexec"),
		mount("8:1", "/alice/proj", "/other/disk", "rw"), mount("8:2", "/alice/proj2", "/srv/proj2", "rw"), mount("8:2", "/bob", "/srv/bob", "rw"),
	}
	for path, want := range map[string][]OtherPlace{
		"/home/alice/proj":     {{"/srv/www", "/srv/www"}, {"/mnt/disk/alice/proj", "/mnt/disk"}, {"/srv/sub", "/srv/sub"}},
		"/home/alice/proj/sub": {{"/srv/www/sub", "/srv/www"}, {"/mnt/disk/alice/proj/sub", "/mnt/disk"}, {"/srv/sub", "/srv/sub"}},
		"/home/alice/else":     {{"/mnt/disk/alice/else", "/mnt/disk"}},
		"/srv/www/x":           {{"/home/alice/proj/x", "/home"}, {"/mnt/disk/alice/proj/x", "/mnt/disk"}},
	} {
		if got := OtherPlaces(path, all); !slices.Equal(got, want) {
			t.Errorf("%s is at %v, want %v", path, got, want)
		}
	}
	if got := OtherPlaces("/x", nil); got != nil {
		t.Errorf("without mounts: %v", got)
	}
}
