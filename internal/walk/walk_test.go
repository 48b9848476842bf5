// SPDX-License-Identifier: GPL-3.0-or-later

package walk

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// tree makes a folder that is taken for a root folder: names that end with / are folders, NAME -> TARGET links, the others files.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	root := t.TempDir()
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		var err error
		if link, target, ok := strings.Cut(name, " -> "); ok {
			err = os.Symlink(target, filepath.Join(root, link))
		} else if strings.HasSuffix(name, "/") {
			err = os.MkdirAll(filepath.Join(root, name), 0o755)
		} else {
			err = os.WriteFile(filepath.Join(root, name), []byte(name), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func anything(Step) error { return nil }

func TestToGoesWhereTheKernelGoes(t *testing.T) {
	root := tree(t, "a/b/", "a/f", "c/", "l -> a/b", "up -> l/../f", "abs -> /c", "far -> abs/../a", "nowhere -> a/none/x", "above -> ../../../c")
	for name, want := range map[string]string{
		"/": "/", "/a/b": "/a/b", "/a/./b/": "/a/b", "//a//f": "/a/f", "/l": "/a/b", "/l/..": "/a", "/up": "/a/f", "/abs": "/c", "/far/f": "/a/f",
		"/../../a": "/a", "/above": "/c", "/a/none": "/a/none", "/a/none/x/y": "/a/none/x/y", "/nowhere": "/a/none/x", "/nowhere/y": "/a/none/x/y",
	} {
		p, err := To(root, name, anything)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var st, folder unix.Stat_t
		if err := unix.Fstat(p.Folder, &folder); err != nil || p.Path != want {
			t.Errorf("%s leads to %s, %v; want %s", name, p.Path, err, want)
		}
		if missing := strings.Contains(want, "none"); missing != (len(p.Missing) > 0) {
			t.Errorf("%s: missing %q", name, p.Missing)
		} else if !missing {
			if err := unix.Lstat(filepath.Join(root, want), &st); err != nil || st.Ino != p.Stat.Ino {
				t.Errorf("%s: another file was opened", name)
			}
		}
		p.Close()
	}
	for name, want := range map[string]error{"/a/f/x": unix.ENOTDIR, "/loop": unix.ELOOP} {
		if name == "/loop" {
			if err := os.Symlink("loop", filepath.Join(root, "loop")); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := To(root, name, anything); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	if _, err := To(root, "a", anything); err == nil {
		t.Error("a relative path passed")
	}
}

func TestToShowsEveryStep(t *testing.T) {
	root := tree(t, "a/b/", "a/b/f", "l -> a/b")
	var seen []string
	p, err := To(root, "/l/f", func(s Step) error {
		seen = append(seen, s.Path+s.Link)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
	if want := []string{"/", "/la/b", "/a", "/a/b", "/a/b/f"}; !slices.Equal(seen, want) {
		t.Errorf("saw %q, want %q", seen, want)
	}
	stop := errors.New("stop")
	for _, at := range seen {
		if _, err := To(root, "/l/f", func(s Step) error {
			if s.Path+s.Link == at {
				return stop
			}
			return nil
		}); err != stop {
			t.Errorf("a judge who stops at %s: %v", at, err)
		}
	}
}

// Every descriptor is closed again, however a walk ends.
func TestToLeavesNothingOpen(t *testing.T) {
	root := tree(t, "a/b/", "a/b/f", "l -> a/b")
	open := func() int {
		names, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	walks := func() {
		for _, name := range []string{"/l/f", "/l", "/none", "/a/b/f/x"} {
			if p, err := To(root, name, anything); err == nil {
				p.Close()
			}
			stopped, err := To(root, name, func(s Step) error {
				if s.Path == "/a/b" {
					return fs.ErrPermission
				}
				return nil
			})
			if err == nil {
				stopped.Close()
			}
		}
	}
	walks() // Go itself opens some files when it first does
	before := open()
	walks()
	if after := open(); after != before {
		t.Errorf("%d files are open, %d were", after, before)
	}
}

func TestTrust(t *testing.T) {
	const me, other, private, shared = 1000, 1001, 500, 501
	folder := func(uid, gid, mode uint32) unix.Stat_t {
		return unix.Stat_t{Uid: uid, Gid: gid, Mode: unix.S_IFDIR | mode}
	}
	file := func(uid, mode uint32) unix.Stat_t {
		return unix.Stat_t{Uid: uid, Gid: private, Mode: unix.S_IFREG | mode}
	}
	link := func(uid uint32) unix.Stat_t { return unix.Stat_t{Uid: uid, Mode: unix.S_IFLNK | 0o777} }
	trust := Trust{Owners: []uint32{0, me}, Alone: func(gid uint32) bool { return gid == private }, Shared: true}
	plain, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	for name, c := range map[string]struct {
		st   unix.Stat_t
		want string // "" where it is trusted
		mend string
	}{
		"roots":                  {folder(0, 0, 0o755), "", ""},
		"mine":                   {folder(me, private, 0o700), "", ""},
		"my_own_groups":          {folder(me, private, 0o775), "", ""},
		"my_file":                {file(me, 0o644), "", ""},
		"my_own_groups_file":     {file(me, 0o664), "", ""},
		"my_link":                {link(me), "", ""},
		"roots_link":             {link(0), "", ""},
		"tmp":                    {folder(0, 0, 0o1777), "", ""},
		"nix_store":              {folder(0, shared, 0o1775), "", ""},
		"anothers":               {folder(other, private, 0o755), "a folder of uid 1001's", ""},
		"anothers_file":          {file(other, 0o644), "a file of uid 1001's", ""},
		"anothers_link":          {link(other), "a symbolic link of uid 1001's", ""},
		"everybodys":             {folder(me, private, 0o777), "everybody can write it (mode 0777)", "chmod o-w '/a b'"},
		"my_sticky":              {folder(me, private, 0o1777), "everybody can write it", "chmod o-w '/a b'"},
		"roots_not_sticky":       {folder(0, 0, 0o777), "everybody can write it", "chmod o-w '/a b'"},
		"everybodys_file":        {file(me, 0o666), "everybody can write it", "chmod o-w '/a b'"},
		"a_sticky_file_of_roots": {file(0, 0o1666), "everybody can write it", "chmod o-w '/a b'"},
		"a_group_with_others":    {folder(me, shared, 0o775), "the group 501 can write it (mode 0775)", "chmod g-w '/a b'"},
		"roots_group":            {folder(0, shared, 0o775), "the group 501 can write it", "chmod g-w '/a b'"},
	} {
		t.Run(name, func(t *testing.T) {
			err := trust.Judge(Step{FD: int(plain.Fd()), Path: "/a b", Stat: c.st})
			var d *Distrust
			switch {
			case c.want == "" && err != nil:
				t.Errorf("not trusted: %v", err)
			case c.want != "" && (!errors.As(err, &d) || !strings.HasPrefix(d.Why, c.want) || d.Hint() != c.mend):
				t.Errorf("says %#v; want %q, %q", err, c.want, c.mend)
			}
		})
	}
	strict := Trust{Owners: []uint32{0}}
	for _, st := range []unix.Stat_t{folder(0, 0, 0o1777), folder(0, 0, 0o775), folder(me, private, 0o755), link(me)} {
		if strict.Judge(Step{FD: int(plain.Fd()), Path: "/x", Stat: st}) == nil {
			t.Errorf("what is not root's alone is trusted: %+v", st)
		}
	}
}

// acl returns an ACL as the kernel takes it: tag, permissions, id.
func acl(entries ...[3]uint32) []byte {
	value := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range entries {
		value = binary.LittleEndian.AppendUint16(value, uint16(e[0]))
		value = binary.LittleEndian.AppendUint16(value, uint16(e[1]))
		value = binary.LittleEndian.AppendUint32(value, e[2])
	}
	return value
}

func TestTrustReadsACLs(t *testing.T) {
	me, none := uint32(os.Getuid()), ^uint32(0)
	trust := Trust{Owners: []uint32{me}, Alone: func(gid uint32) bool { return gid == 500 }}
	base := func(mask uint32, more ...[3]uint32) []byte {
		all := append([][3]uint32{{1, 7, none}}, more...)
		return acl(append(all, [3]uint32{0x10, mask, none}, [3]uint32{0x20, 5, none})...)
	}
	user := func(perm, id uint32) [3]uint32 { return [3]uint32{2, perm, id} }
	group := func(perm, id uint32) [3]uint32 { return [3]uint32{8, perm, id} }
	owners := func(perm uint32) [3]uint32 { return [3]uint32{4, perm, none} }
	for name, c := range map[string]struct {
		value []byte
		want  string
	}{
		"read_only":            {base(5, user(7, 4242), owners(5)), ""},
		"masked":               {base(5, owners(7)), ""},
		"myself":               {base(7, user(7, me), owners(5)), ""},
		"another_reads":        {base(7, user(5, 4242), owners(5)), ""},
		"another_writes":       {base(7, user(7, 4242), owners(5)), "uid 4242 can write it by its ACL"},
		"my_group":             {base(7, owners(5), group(7, 500)), ""},
		"a_group_writes":       {base(7, owners(5), group(7, 4243)), "the group 4243 can write it by its ACL"},
		"the_owners_group_too": {base(7, owners(7), group(5, 500)), "can write it by its ACL"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			if err := unix.Setxattr(folder, "system.posix_acl_access", c.value, 0); err != nil {
				t.Skip("no ACLs here: ", err)
			}
			fd, err := unix.Open(folder, unix.O_PATH|unix.O_DIRECTORY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(fd)
			s := Step{FD: fd, Path: folder}
			if err := unix.Fstat(fd, &s.Stat); err != nil {
				t.Fatal(err)
			}
			err = trust.Judge(s)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("says %v, want %q", err, c.want)
			}
		})
	}
}

func TestWhatTheKernelMakesIsNotStored(t *testing.T) {
	empty, full := t.TempDir()+"/empty", t.TempDir()+"/full"
	if err := errors.Join(os.WriteFile(empty, nil, 0o600), os.WriteFile(full, []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		empty: true, full: true, "/etc/passwd": true,
		"/proc/self/status": false, "/proc/self/environ": false, "/proc/kmsg": false, "/proc/sys/kernel/ostype": false, "/sys/kernel/mm/transparent_hugepage/enabled": false,
		"/sys/fs/cgroup/cgroup.procs": false, "/sys/kernel/tracing/trace_pipe": false, "/sys/kernel/security/lsm": false,
	} {
		fd, err := unix.Open(name, unix.O_PATH, 0)
		if err != nil {
			if want || strings.HasPrefix(name, "/proc/self/") {
				t.Errorf("%s: %v", name, err)
			}
			continue // not every kernel has it
		}
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			t.Fatal(err)
		}
		if got, err := IsStored(fd, st); got != want || err != nil {
			t.Errorf("%s: stored is %v, %v", name, got, err)
		}
		unix.Close(fd)
	}
}

func TestReaderOpensWhatTheKernelWouldLetThemOpen(t *testing.T) {
	const me, mine, other, none = 4242, 500, 501, ^uint32(0)
	r := &Reader{UID: me, In: func(gid uint32) bool { return gid == mine }}
	named := func(perm, mask, id uint32) []byte {
		return acl([3]uint32{1, 6, none}, [3]uint32{2, perm, id}, [3]uint32{4, 0, none}, [3]uint32{0x10, mask, none}, [3]uint32{0x20, 0, none})
	}
	group := func(perm, mask, id, others uint32) []byte {
		return acl([3]uint32{1, 6, none}, [3]uint32{4, 0, none}, [3]uint32{8, perm, id}, [3]uint32{0x10, mask, none}, [3]uint32{0x20, others, none})
	}
	for name, c := range map[string]struct {
		uid, gid, mode uint32
		acl            []byte
		want           bool
	}{
		"their_own":              {me, other, unix.S_IFREG, nil, true},
		"everybodys":             {0, other, unix.S_IFREG | 0o644, nil, true},
		"roots":                  {0, other, unix.S_IFREG | 0o640, nil, false},
		"their_groups":           {0, mine, unix.S_IFREG | 0o640, nil, true},
		"not_their_groups":       {0, mine, unix.S_IFREG | 0o604, nil, false},
		"a_folder":               {0, other, unix.S_IFDIR | 0o711, nil, true},
		"a_folder_to_list":       {0, other, unix.S_IFDIR | 0o744, nil, false},
		"by_acl":                 {0, other, unix.S_IFREG, named(4, 4, me), true},
		"masked":                 {0, other, unix.S_IFREG, named(4, 0, me), false},
		"by_acl_for_another":     {0, other, unix.S_IFREG, named(4, 4, me+1), false},
		"not_by_acl":             {0, other, unix.S_IFREG | 0o604, named(0, 4, me), false},
		"their_group_by_acl":     {0, other, unix.S_IFREG, group(4, 4, mine, 0), true},
		"another_group_by_acl":   {0, other, unix.S_IFREG, group(4, 4, other, 0), false},
		"not_their_group_by_acl": {0, other, unix.S_IFREG | 0o604, group(0, 4, mine, 4), false},
	} {
		t.Run(name, func(t *testing.T) {
			file := t.TempDir() + "/f"
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if c.acl != nil {
				if err := unix.Setxattr(file, "system.posix_acl_access", c.acl, 0); err != nil {
					t.Skip("no ACLs here: ", err)
				}
			}
			fd, err := unix.Open(file, unix.O_PATH, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(fd)
			if got := r.Opens(Step{FD: fd, Path: file, Stat: unix.Stat_t{Uid: c.uid, Gid: c.gid, Mode: c.mode}}); got != c.want {
				t.Errorf("opens is %v", got)
			}
		})
	}
}
