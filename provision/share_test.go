// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
)

func shareFacts() ShareFacts {
	return ShareFacts{
		Agent: "agent", AgentHome: "/home/agent", Home: "/home/alice", Human: User{Name: "alice", UID: 1000, GID: 1000, Home: "/home/alice"},
		Config: "/home/alice/.config/agent-as-unix-user.toml", Source: Path{Exists: true, Mode: fs.ModeDir | 0o700, UID: 1000},
		Mounts: []share.MountPoint{{Point: "/", Type: "ext4"}}, Kernel: Kernel{6, 12}, Drafts: "/home/alice/.local/state/au/drafts",
	}
}

func ro(source, target string) config.Mount {
	return config.Mount{Source: "/home/alice/" + source, Target: "/home/agent/" + target, ReadOnly: true}
}

func rw(source, target string) config.Mount {
	m := ro(source, target)
	m.ReadOnly = false
	return m
}

func hiding(m config.Mount) config.Mount {
	m.Hide = []string{"x"}
	return m
}

// A share is no part of another one that shows what it hides.
func TestPartOf(t *testing.T) {
	if inner := ro("a/b", "a/b"); !PartOf(inner, ro("a", "a")) || PartOf(hiding(inner), ro("a", "a")) || PartOf(inner, hiding(ro("a", "a"))) {
		t.Error("what a share hides makes no difference")
	}
}

func TestCheckShare(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*ShareFacts, *config.Mount)
		want   string // part of the error; empty for none
	}{
		{"ordinary", func(*ShareFacts, *config.Mount) {}, ""},
		{"outside", func(f *ShareFacts, m *config.Mount) { m.Source = "/srv/x" }, ""},
		{"outside_exposed", func(f *ShareFacts, m *config.Mount) { m.Source, f.Exposed = "/srv/x", true }, "others can reach it"},
		{"outside_exposed_read_only", func(f *ShareFacts, m *config.Mount) { m.Source, f.Exposed, m.ReadOnly = "/srv/x", true, true }, ""},
		{"outside_exposed_acl", func(f *ShareFacts, m *config.Mount) { m.Source, f.Exposed, m.ACL = "/srv/x", true, true }, ""},
		{"outside_unfit", func(f *ShareFacts, m *config.Mount) { m.Source, f.Unfit = "/srv/x", "/srv, above it, belongs to uid 7" }, "/srv, above it, belongs to uid 7: want each"},
		{"outside_with_homes", func(f *ShareFacts, m *config.Mount) { m.Source, f.Homes = "/data", []string{"/data/people/bob"} }, "it holds the home /data/people/bob"},
		{"a_home", func(f *ShareFacts, m *config.Mount) { m.Source, f.Homes = "/data/bob", []string{"/data/bob"} }, "it holds the home /data/bob"},
		{"systems", func(f *ShareFacts, m *config.Mount) { m.Source = "/usr/local/x" }, "/usr is the system's"},
		{"temporary", func(f *ShareFacts, m *config.Mount) { m.Source = "/tmp/x" }, "/tmp is the system's"},
		{"named_like_systems", func(f *ShareFacts, m *config.Mount) { m.Source = "/usr2/x" }, ""},
		{"root", func(f *ShareFacts, m *config.Mount) { m.Source, f.Homes = "/", []string{"/home/alice"} }, "it holds the home"},
		{"home", func(f *ShareFacts, m *config.Mount) { m.Source = "/home/alice" }, "that is your whole home"},
		{"missing", func(f *ShareFacts, m *config.Mount) { f.Source.Exists = false }, "no such folder"},
		{"file", func(f *ShareFacts, m *config.Mount) { f.Source.Mode, m.ReadOnly = 0o600, true }, ""},
		{"file_to_write", func(f *ShareFacts, m *config.Mount) { f.Source.Mode = 0o600 }, "a file can be shared read-only alone"},
		{"file_acl", func(f *ShareFacts, m *config.Mount) { f.Source.Mode, m.ReadOnly, m.ACL = 0o600, true, true }, "--acl is for folders"},
		{"somebody_elses_file", func(f *ShareFacts, m *config.Mount) { f.Source.Mode, f.Source.UID, m.ReadOnly = 0o600, 7, true }, "want a file that you own: it belongs to uid 7"},
		{"file_outside_unfit", func(f *ShareFacts, m *config.Mount) {
			f.Source.Mode, m.Source, m.ReadOnly, f.Unfit = 0o600, "/srv/x/f", true, "/srv, above it, belongs to uid 7"
		}, "want each to be yours"},
		{"fifo", func(f *ShareFacts, m *config.Mount) { f.Source.Mode, m.ReadOnly = fs.ModeNamedPipe|0o600, true }, "want a folder, or a regular file"},
		{"socket", func(f *ShareFacts, m *config.Mount) { f.Source.Mode, m.ReadOnly = fs.ModeSocket|0o600, true }, "want a folder, or a regular file"},
		{"device", func(f *ShareFacts, m *config.Mount) { f.Source.Mode, m.ReadOnly = fs.ModeDevice|0o600, true }, "want a folder, or a regular file"},
		{"somebody_elses", func(f *ShareFacts, m *config.Mount) { f.Source.UID = 0 }, "it belongs to uid 0"},
		{"open_home", func(f *ShareFacts, m *config.Mount) { f.HomeOpen = (share.Access{Mode: 0o755}).Openings(nobodyElse) }, "can enter your home"},
		{"open_home_read_only", func(f *ShareFacts, m *config.Mount) { f.HomeOpen, m.ReadOnly = []share.Opening{{}}, true }, ""},
		{"open_elsewhere", func(f *ShareFacts, m *config.Mount) {
			f.Open = []share.OtherPlace{{Path: "/srv/www", Point: "/srv/www"}}
		}, "others can reach it at /srv/www as well"},
		{"open_elsewhere_read_only", func(f *ShareFacts, m *config.Mount) { f.Open, m.ReadOnly = []share.OtherPlace{{}}, true }, ""},
		{"open_elsewhere_acl", func(f *ShareFacts, m *config.Mount) { f.Open, m.ACL = []share.OtherPlace{{}}, true }, ""},
		{"config", func(f *ShareFacts, m *config.Mount) { m.Source = "/home/alice/.config" }, "says what the agent sees"},
		{"config_read_only", func(f *ShareFacts, m *config.Mount) { m.Source, m.ReadOnly = "/home/alice/.config", true }, ""},
		{"records", func(f *ShareFacts, m *config.Mount) { m.Source = "/home/alice/.config/agent-as-unix-user.acl" }, "what files' ACLs were"},
		{"old_kernel", func(f *ShareFacts, m *config.Mount) { f.Kernel = Kernel{5, 10} }, "this kernel (5.10)"},
		{"old_kernel_acl", func(f *ShareFacts, m *config.Mount) { f.Kernel, m.ACL = Kernel{5, 10}, true }, ""},
		{"overlay", func(f *ShareFacts, m *config.Mount) { f.Mounts[0].Type = "overlay" }, "its file system, overlay, cannot be shown"},
		{"overlay_acl", func(f *ShareFacts, m *config.Mount) { f.Mounts[0].Type, m.ACL = "overlay", true }, ""},
		{"fuse_acl", func(f *ShareFacts, m *config.Mount) { f.Mounts[0].Type, m.ACL = "fuse.sshfs", true }, ""},
		{"private_fuse_acl", func(f *ShareFacts, m *config.Mount) { f.Mounts[0].Private, m.ACL = true, true }, "lets in nobody but who mounted it"},
		{"fuse", func(f *ShareFacts, m *config.Mount) { f.Mounts[0].Type = "fuse.sshfs" }, "fuse.sshfs"},
		{"tmpfs_too_early", func(f *ShareFacts, m *config.Mount) { f.Mounts[0].Type, f.Kernel = "tmpfs", Kernel{6, 1} }, "6.3 and later can"},
		{"tmpfs", func(f *ShareFacts, m *config.Mount) { f.Mounts[0].Type = "tmpfs" }, ""},
		{"unknown", func(f *ShareFacts, m *config.Mount) { f.Mounts[0].Type = "newfs" }, ""},
		{"homed", func(f *ShareFacts, m *config.Mount) { f.Mounts[0].Options = []string{"rw", "idmapped"} }, "another owner already"},
		{"mounted_inside", func(f *ShareFacts, m *config.Mount) {
			f.Mounts = append(f.Mounts, share.MountPoint{Point: "/home/alice/proj/x", Type: "9p"})
		}, "/home/alice/proj/x, 9p, is mounted in it and cannot be shown under another owner: unmount it, or share the folders beside it"},
		{"hiding", func(f *ShareFacts, m *config.Mount) { m.ReadOnly, m.Hide = true, []string{"*.key"} }, ""},
		{"hiding_in_a_draft", func(f *ShareFacts, m *config.Mount) {
			m.ReadOnly, m.Draft, m.Hide, m.ShowSecrets = true, true, []string{"x"}, true
		}, ""},
		{"hiding_writable", func(f *ShareFacts, m *config.Mount) { m.Hide = []string{"x"} }, "nothing can be hidden in a folder that the agent itself writes"},
		{"hiding_acl", func(f *ShareFacts, m *config.Mount) { m.ReadOnly, m.ACL, m.Hide = true, true, []string{"x"} }, "or has by ACLs"},
		{"hiding_in_a_file", func(f *ShareFacts, m *config.Mount) {
			f.Source.Mode, m.ReadOnly, m.Hide = 0o600, true, []string{"x"}
		}, "and this is a file"},
		{"hiding_nothing", func(f *ShareFacts, m *config.Mount) { m.ReadOnly, m.Hide = true, []string{"../x"} }, `hide "../x": want a name`},
		{"hiding_old_kernel", func(f *ShareFacts, m *config.Mount) {
			f.Kernel, m.ReadOnly, m.Hide = Kernel{5, 15}, true, []string{"x"}
		}, "5.19 and later can"},
		{"hiding_around_drafts", func(f *ShareFacts, m *config.Mount) {
			f.Drafts, m.ReadOnly, m.Hide = m.Source+"/drafts", true, []string{"x"}
		}, "your drafts lie in"},
		{"secrets_of_no_draft", func(f *ShareFacts, m *config.Mount) { m.ReadOnly, m.ShowSecrets = true, true }, "only a draft hides"},
		{"mounted_beside", func(f *ShareFacts, m *config.Mount) {
			f.Mounts = append(f.Mounts, share.MountPoint{Point: "/home/alice/proj2", Type: "9p"})
		}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, m := shareFacts(), rw("proj", "proj")
			tt.change(&f, &m)
			err := CheckShare(m, nil, f)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("CheckShare says %v, not %q", err, tt.want)
			}
		})
	}
}

func TestOverlap(t *testing.T) {
	for _, tt := range []struct {
		name string
		a, b config.Mount
		want string
	}{
		{"apart", rw("a", "a"), rw("b", "b"), ""},
		{"alike_names", rw("proj", "proj"), rw("proj2", "proj2"), ""},
		{"same_source", rw("a", "a"), rw("a", "b"), "shared already"},
		{"same_target", rw("a", "x"), rw("b", "x"), "sees"},
		{"target_inside", rw("a", "a"), rw("b", "a/b"), "it would hide b of share /home/alice/a"},
		{"writable_in_read_only", ro("a", "a"), rw("a/b", "a/b"), ""},
		{"writable_in_read_only_elsewhere", ro("a", "a"), rw("a/b", "c"), ""},
		{"writable_in_read_only_at_another_place", ro("a", "a"), rw("a/b", "a/c"), "it would hide"},
		{"read_only_in_writable", rw("a", "a"), ro("a/b", "a/b"), "cannot be read-only inside"},
		{"read_only_in_writable_elsewhere", rw("a", "a"), ro("a/b", "c"), "cannot be read-only inside"},
		{"part", rw("a", "a"), rw("a/b", "a/b"), "it is part of"},
		{"part_elsewhere", rw("a", "a"), rw("a/b", "c"), ""},
		{"hiding_part", ro("a", "a"), hiding(ro("a/b", "a/b")), ""},
		{"hiding_read_only_in_writable", rw("a", "a"), hiding(ro("a/b", "a/b")), "cannot be read-only inside"},
		{"turned_around", ro("a", "x/y"), rw("a/b", "x"), "it would hide y of share /home/alice/a/b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, err := range []error{CheckOverlap(tt.a, tt.b), CheckOverlap(tt.b, tt.a)} {
				if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
					t.Errorf("CheckOverlap says %v, not %q", err, tt.want)
				}
			}
		})
	}
}

func TestShareTarget(t *testing.T) {
	for _, tt := range []struct{ target, want string }{
		{"", "/home/agent/deep/proj"}, {"x/y", "/home/agent/x/y"}, {"/home/agent/x/", "/home/agent/x"}, {"x/../y", "/home/agent/y"},
		{".", ""}, {"..", ""}, {"../x", ""}, {"/home/agent", ""}, {"/home/agent2/x", ""}, {"/etc", ""}, {"x/../../agent2", ""},
	} {
		got, err := ShareTarget("/home/alice/deep/proj", tt.target, shareFacts())
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("ShareTarget(%q) is %q, %v, not %q", tt.target, got, err, tt.want)
		}
	}
	if got, err := ShareTarget("/srv/x", "", shareFacts()); err != nil || got != "/home/agent/srv/x" {
		t.Errorf("outside the home, ShareTarget is %q, %v", got, err)
	}
	if _, err := ShareTarget("/usr/x", "x", shareFacts()); err == nil {
		t.Error("ShareTarget takes a source of the system's")
	}
}

func TestRefusalHasHint(t *testing.T) {
	f := shareFacts()
	f.Mounts[0].Type = "overlay"
	var r *Refusal
	if err := CheckShare(rw("a b", "x"), nil, f); !errors.As(err, &r) || r.Hint != "au mount add --agent agent --rw --acl '/home/alice/a b'" {
		t.Errorf("the hint is %q", r.Hint)
	}
}

func nobodyElse(uint32) bool { return true }

func TestCounterpart(t *testing.T) {
	shares := []config.Mount{rw("proj", "proj"), ro("proj/sub", "elsewhere"), ro("a", "deep/a")}
	for i := range shares {
		shares[i].TargetOnly = true
	}
	shares = append(shares, ro("same", "same"), ro("a/same", "x"))
	for _, tt := range []struct{ folder, want string }{
		{"/home/alice/same", "/home/alice/same"}, {"/home/alice/same/x", "/home/alice/same/x"}, {"/home/alice/a/same/x", "/home/alice/a/same/x"},
		{"/home/alice/proj", "/home/agent/proj"}, {"/home/alice/proj/x", "/home/agent/proj/x"}, {"/home/alice/proj/sub/y", "/home/agent/elsewhere/y"},
		{"/home/alice/project", ""}, {"/home/alice", ""}, {"/home/alice/a/b/c", "/home/agent/deep/a/b/c"},
	} {
		if got, _ := share.Counterpart(tt.folder, shares); got != tt.want {
			t.Errorf("share.Counterpart(%q) is %q, not %q", tt.folder, got, tt.want)
		}
	}
}

func TestFindShares(t *testing.T) {
	all := []config.Mount{rw("proj", "work/proj"), ro("work/proj", "x")}
	for _, tt := range []struct {
		word, folder string
		want         int
	}{
		{"proj", "/home/alice", 1}, {"/home/alice/proj/", "/", 1}, {"work/proj", "/tmp", 1}, {"work/proj", "/home/alice", 2}, {"/home/agent/x", "/", 1}, {"pro", "/home/alice", 0},
	} {
		if got := FindShares(tt.word, tt.folder, "/home/agent", all); len(got) != tt.want {
			t.Errorf("FindShares(%q) in %s finds %v, not %d", tt.word, tt.folder, got, tt.want)
		}
	}
}

func TestSortShares(t *testing.T) {
	shares := []config.Mount{rw("p/q/r", "p/q/r"), ro("p", "p"), ro("p/q", "p/q")}
	share.Sort(shares, func(m config.Mount) string { return m.Target })
	for i := range shares {
		for _, later := range shares[i+1:] {
			if _, inside := share.Within(later.Target, shares[i].Target); inside {
				t.Errorf("%s is mounted before %s, and hidden by it", shares[i].Target, later.Target)
			}
		}
	}
}

func TestStartUp(t *testing.T) {
	for source, want := range map[string]bool{".config": true, ".config/autostart": true, ".ssh/x": true, "proj": false, ".config/nvim": false, "bin": true, "bins": false} {
		if got := StartUp("/home/alice/"+source, "/home/alice") != ""; got != want {
			t.Errorf("StartUp(%q) is %v, not %v", source, got, want)
		}
	}
}

// A folder that is such a place itself is named once.
func TestStartUpSaysWhichPlace(t *testing.T) {
	for source, want := range map[string]string{
		"/home/alice/.ssh":    "/home/alice/.ssh: ssh obeys it, and it says who may log in as you",
		"/home/alice/.ssh/x":  "/home/alice/.ssh/x is in /home/alice/.ssh: ssh obeys it, and it says who may log in as you",
		"/home/alice/.config": "/home/alice/.config holds /home/alice/.config/autostart: your desktop starts the programs there",
	} {
		if got := StartUp(source, "/home/alice"); got != want {
			t.Errorf("StartUp(%q) says %q, not %q", source, got, want)
		}
	}
}

func TestAsManySharesAsARunTakes(t *testing.T) {
	var have []config.Mount
	for i := range csrc.MaxShares {
		have = append(have, ro("p"+num(uint32(i)), "p"+num(uint32(i))))
	}
	if err := CheckShare(ro("q", "q"), have, shareFacts()); err == nil {
		t.Error("CheckShare takes one more than the entrypoint does")
	}
	if err := CheckShare(ro("q", "q"), have[1:], shareFacts()); err != nil {
		t.Errorf("CheckShare refuses the last that fits: %v", err)
	}
}

func TestUnsealed(t *testing.T) {
	const root, run = "36 1 98:0 / / rw - ext4 /dev/root rw\n", "37 36 0:3 / /run rw - tmpfs tmpfs rw\n38 37 0:4 / /run/user/1000 rw - overlay x rw\n"
	for _, c := range []struct {
		mounts, release, namespaces, want string
	}{
		{root + run, "6.3.0-1", "31000", ""},
		{root + run, "6.2.9", "31000", "tmpfs cannot be shown under another owner by kernel 6.2; 6.3 and later can"},
		{root + run, "6.12.48", "0", "user namespaces are switched off (sysctl user.max_user_namespaces)"},
		{root, "6.1.0", "31000", ""},
		{"36 1 0:9 / / rw - overlay overlay rw\n", "6.12.0", "31000", "overlay cannot be shown under another owner"},
	} {
		if got := Unsealed(share.ParseMountinfo(c.mounts), ParseKernel(c.release), c.namespaces); got != c.want {
			t.Errorf("Unsealed on %s, %s namespaces: %q, want %q", c.release, c.namespaces, got, c.want)
		}
	}
}
