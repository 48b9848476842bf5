// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Of a folder that the agent removed, a part is not kept that was hidden from the agent, or went elsewhere with a folder.
func TestKeepSomeOfWhatStays(t *testing.T) {
	t.Parallel()
	for agent, path := range map[string]string{"rm -r a": "a/secret/x", "mv a/sub b; rm -r a": "a/sub/y"} {
		b := newBench(t)
		b.in(b.folder, "mkdir -p a/secret a/sub; echo s >a/secret/x; echo s >a/sub/y")
		b.begin()
		_, _, err := b.d.Prepare(Wanted{Hide: []string{"a/secret"}})
		b.ok(err)
		b.drafted(agent)
		before := dump(t, b.folder, true, true)
		if _, err = b.d.Keep([]string{path}, Refuse); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		differ(t, "the folder after keep "+path, dump(t, b.folder, true, true), before)
	}
}

// A folder from which a renamed one went, and of which nothing else is kept, is closed as it was, and undo finds it so.
func TestKeepRenamedAlone(t *testing.T) {
	t.Parallel()
	for _, agent := range []string{"chmod 700 a a/c; mv a/c/sub b", "chmod 700 a a/c; mv a/c/sub b; chmod 500 a/c a", "chmod 700 a a/c; mv a/c/sub b; rm -r a", "chmod 700 a a/c; mv a/c/sub b; rm -r a/c"} {
		for _, paths := range [][]string{{"b"}, {"b", "a/c/o"}, {"b", "a"}} {
			b := newBench(t)
			b.in(b.folder, "mkdir -p a/c/sub; echo s >a/c/sub/s; echo o >a/c/o; chmod 500 a/c a")
			b.begin()
			b.drafted(agent)
			before := dump(t, b.folder, true, false)
			_, err := b.d.Keep(paths, Refuse)
			b.ok(err)
			b.in(b.folder, "cat b/s")
			if paths[len(paths)-1] != "a" {
				b.in(b.folder, "test $(stat -c %a a) = 500; test $(stat -c %a a/c) = 500")
			}
			if _, err = b.d.Undo(); err != nil {
				t.Errorf("%s: undo of %q: %v", agent, paths, err)
				continue
			}
			differ(t, "the folder after undo", dump(t, b.folder, true, false), before)
		}
	}
}

// In the place of the folder there is another one: nothing in it is replaced so that the human's stays.
func TestKeepOursInAnotherFolder(t *testing.T) {
	t.Parallel()
	b := newBenchOn(t, false)
	b.in(b.folder, "echo f >f; mkdir ../q; echo other >../q/f")
	b.begin()
	b.drafted("echo x >>f; echo n >n")
	b.in(b.home, "mv p p.old; mv q p")
	before := dump(t, b.folder, true, true)
	for _, answer := range []Answer{Refuse, Ours, Merge} {
		if _, err := b.d.Keep(nil, answer); !errors.As(err, new(*Conflicted)) {
			t.Errorf("answer %d: %v", answer, err)
		}
	}
	differ(t, "the other folder", dump(t, b.folder, true, true), before)
	_, err := b.d.Keep(nil, Theirs)
	b.ok(err)
	b.in(b.folder, "grep x f; cat n")
}

// The agent's takes the place of something hidden if the human says so, whatever the two are, and undo brings that back.
func TestTheirsForWhatIsHidden(t *testing.T) {
	t.Parallel()
	for _, lower := range []string{"echo s >.env", "mkdir .env; echo s >.env/s"} {
		for _, agent := range []string{"echo x >.env", "ln -s f .env", "mkdir .env; echo x >.env/x", "mv d .env"} {
			b := newBench(t)
			b.in(b.folder, "echo f >f; mkdir d; echo x >d/x; "+lower)
			b.begin()
			_, _, err := b.d.Prepare(Wanted{Hide: []string{".env"}})
			b.ok(err)
			b.drafted(agent)
			b.mount()
			merged := dump(t, b.mounted, false, false)
			b.unmount()
			before := dump(t, b.folder, true, false)
			if _, err := b.d.Keep(nil, Refuse); !errors.As(err, new(*Conflicted)) {
				t.Errorf("%s, %s: %v", lower, agent, err)
			}
			if _, err := b.d.Keep(nil, Theirs); err != nil {
				t.Errorf("%s, %s: %v", lower, agent, err)
				continue
			}
			differ(t, "the folder", dump(t, b.folder, false, false), merged)
			_, err = b.d.Undo()
			b.ok(err)
			differ(t, "the folder after undo", dump(t, b.folder, true, false), before)
		}
	}
}

// Attributes of the folder itself are not taken from it, nor given to a copy that goes into it. Those that the agent gives it are a
// change.
func TestAttributesOfTheTop(t *testing.T) {
	t.Parallel()
	const acl = `struct.pack("<I" + 5 * "HHI", 2, 1, 7, 2**32 - 1, 2, 7, 12, 4, 5, 2**32 - 1, 16, 7, 2**32 - 1, 32, 5, 2**32 - 1)`
	const set = "python3 -c 'import os, struct; os.setxattr(\".\", \"%s\", %s)'; "
	for _, across := range []bool{false, true} {
		b := newBenchOn(t, across)
		b.in(b.folder, "echo f >f; mkfifo p; mkdir d; echo h >d/h; "+fmt.Sprintf(set, "user.k", `b"v"`)+fmt.Sprintf(set, "system.posix_acl_default", acl))
		b.begin()
		b.drafted("echo x >>f; rm p; rm -r d")
		if got := b.told(); got != "D d/h\nM f\nD p" {
			t.Errorf("told was\n%s", got)
		}
		before := dump(t, b.folder, true, false)
		had := strings.Split(before, "\n")[0]
		b.drafted(fmt.Sprintf(set, "user.a", `b"w"`))
		if got := b.told(); got != "M /\nD d/h\nM f\nD p" {
			t.Errorf("told was\n%s", got)
		}
		_, err := b.d.Keep(nil, Refuse)
		b.ok(err)
		now := dump(t, b.folder, false, false)
		if got := strings.Count(now, "posix_acl"); got != 1 || !strings.Contains(now, "user.a:w user.k:v") || !strings.Contains(had, "posix_acl_default") {
			t.Errorf("the folder is\n%s", now)
		}
		_, err = b.d.Undo()
		b.ok(err)
		differ(t, "the folder after undo", dump(t, b.folder, true, false), before)
	}
}

// A drop of a renamed folder that ends at any step leaves the draft as it was, or without that folder.
func TestDropEndsHalfWay(t *testing.T) {
	t.Parallel()
	for n := 1; n < 4; n++ {
		b := newBench(t)
		b.in(b.folder, "mkdir -p d f; echo h >f/h; echo g >g")
		b.begin()
		b.drafted("mv f d/z; echo n >d/z/n; echo x >>g")
		told, step := b.told(), 0
		b.d.hook = func() {
			if step++; step == n {
				panic("killed")
			}
		}
		func() {
			defer func() { _ = recover() }()
			b.ok(b.d.DropPaths([]string{"d/z"}))
		}()
		b.d.hook = nil
		if got := b.told(); got != "M g" && got != told {
			t.Errorf("ended at step %d, the draft is told as\n%s", n, got)
		}
	}
}

// Where a file system knows of seconds alone, what the human changed in the second in which the draft began is a change.
func TestFileSystemsThatKnowOfSeconds(t *testing.T) {
	t.Parallel()
	v := &view{stamp: time.Unix(100, 500).UnixNano()}
	for at, want := range map[unix.Timespec]bool{{Sec: 100}: true, {Sec: 101}: true, {Sec: 99}: false, {Sec: 100, Nsec: 499}: false, {Sec: 100, Nsec: 500}: true} {
		if got := v.changedSince(unix.Stat_t{Ctim: at}); got != want {
			t.Errorf("%v is since then: %v", at, got)
		}
	}
}

// Where another file system is mounted in the folder by now, a draft that has something there changes nothing, and says so.
func TestMountedMeanwhile(t *testing.T) {
	t.Parallel()
	for agent, met := range map[string]bool{"rmdir m": true, "echo x >m/x": true, "rmdir m; mkdir m; echo x >m/x": true, "mv m n": true, "rm -rf d": true, "echo n >n": false} {
		b := newBench(t)
		b.in(b.folder, "mkdir -p m d/m; echo h >d/h")
		b.begin()
		b.drafted(agent)
		for _, at := range []string{"/m", "/d/m"} {
			b.ok(unix.Mount("tmpfs", b.folder+at, "tmpfs", 0, ""))
			defer func() { _ = unix.Unmount(b.folder+at, unix.MNT_DETACH) }()
			b.in(b.folder+at, "echo mine >x")
		}
		const all = "find . -printf '%P %m %i %C@\n' | sort"
		before := b.in(b.folder, all)
		_, err := b.d.Keep(nil, Refuse)
		if said := err != nil && strings.Contains(err.Error(), "m: another file system is mounted there, and no part of a draft: want it unmounted"); said != met || err != nil && !met {
			t.Errorf("%s: keep: %v", agent, err)
		}
		if met {
			differ(t, "the folder", b.in(b.folder, all), before)
		}
	}
}

// Nothing is kept in a folder of another device, as a btrfs subvolume is, before anything has changed.
func TestKeepIntoASubvolume(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.in(b.folder, "mkdir d; echo h >d/h")
	b.begin()
	b.drafted("echo x >>d/h")
	v, err := b.d.told()
	b.ok(err)
	defer v.close()
	if _, err := v.plan("agent", nil, nil); err != nil {
		t.Errorf("keep: %v", err)
	}
	v.device++
	if _, err := v.plan("agent", nil, nil); err == nil || !strings.Contains(err.Error(), "d is in a btrfs subvolume of its own: nothing can be kept there") {
		t.Errorf("keep: %v", err)
	}
}

// A keep into a folder in which nothing can be written is refused, and the draft is as it was.
func TestKeepIntoWhatIsReadOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.in(b.folder, "mkdir d; echo h >d/h; echo f >f")
	b.begin()
	b.drafted("echo x >>f; echo n >d/n; rm d/h")
	told := b.told()
	b.ok(unix.Mount(b.folder, b.folder, "", unix.MS_BIND, ""))
	t.Cleanup(func() { _ = unix.Unmount(b.folder, unix.MNT_DETACH) })
	b.ok(unix.Mount("", b.folder, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""))
	if _, err := b.d.Keep(nil, Refuse); !errors.Is(err, unix.EROFS) || b.d.Unfinished() {
		t.Errorf("keep: %v", err)
	}
	if got := b.told(); got != told {
		t.Errorf("the draft is told as\n%s\nand was as\n%s", got, told)
	}
}
