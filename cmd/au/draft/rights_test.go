// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// powerless does f as somebody to whom modes apply, as they do to a human, though the files are root's.
func powerless(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var had, some [2]unix.CapUserData
	if err := unix.Capget(&header, &had[0]); err != nil {
		return err
	}
	some = had
	some[0].Effective &^= 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_DAC_READ_SEARCH | 1<<unix.CAP_CHOWN
	if err := unix.Capset(&header, &some[0]); err != nil {
		return err
	}
	return errors.Join(f(), unix.Capset(&header, &had[0]))
}

func (b *bench) report() (r *Report, err error) {
	err = powerless(func() error { r, err = b.d.Report(); return err })
	return r, err
}

// prepare makes the draft ready for another run.
func (b *bench) prepare() error {
	_, _, err := b.d.Prepare(Wanted{})
	return err
}

// Under whatever modes the agent gives, the human sees its changes, keeps them with those modes, and takes them back; the agent has
// them still.
func TestClosedToTheHuman(t *testing.T) {
	t.Parallel()
	const lower = "mkdir -p d/e old; echo f >f; echo h >d/h; echo i >d/e/i; echo o >old/o"
	for name, agent := range map[string]string{
		"a_folder":                  "mkdir n; echo x >n/x; chmod 0 n",
		"a_folder_in_a_folder":      "mkdir -p n/m/o; echo x >n/m/o/x; chmod 0 n/m/o n/m n",
		"one_that_was_there":        "echo x >d/e/x; chmod 0 d/e d",
		"one_that_cannot_be_read":   "echo x >d/x; rm d/h; chmod 0300 d",
		"one_that_cannot_be_wrote":  "echo x >d/x; rm d/h; mkdir m; echo y >m/y; chmod 0500 d m",
		"one_that_was_renamed":      "mv d z; echo x >z/e/x; mv z/e y; chmod 0 y z",
		"one_that_was_made_anew":    "rm -r d; mkdir d; echo x >d/x; chmod 0 d",
		"the_folder_itself":         "echo x >x; chmod 0 .",
		"files":                     "echo x >x; echo y >>f; chmod 0 x f; : >>d/h; chmod 0 d/h",
		"a_file_that_steers":        "echo x >x; mkdir n; python3 -c \"import os; os.setxattr('x', 'user.overlay.opaque', b'y'); os.setxattr('x', 'user.k', b'v'); os.setxattr('n', 'user.overlay.redirect', b'/x')\"; chmod 0 n x",
		"a_file_of_the_same_length": "echo g >f; chmod 0 f",
	} {
		for _, across := range []bool{false, true} {
			t.Run(name+map[bool]string{true: "_across"}[across], func(t *testing.T) {
				b := newBenchOn(t, across)
				b.in(b.folder, lower)
				before := dump(t, b.folder, true, false)
				b.begin()
				b.drafted(agent)
				b.mount()
				inDraft := dump(t, b.mounted, false, false)
				merged := inDraft
				b.unmount()
				r, err := b.report()
				b.ok(err)
				if len(r.Conflicts) > 0 {
					t.Fatalf("conflicts: %q", r.Conflicts)
				}
				if name == "the_folder_itself" { // no keep shuts the human out of it
					merged = strings.Replace(merged, `"." 40000`, `"." 40700`, 1)
				}
				b.ok(powerless(func() error { _, _, err := b.d.Lay(r.Changes); return errors.Join(err, b.d.Unlay()) }))
				b.ok(powerless(b.prepare))
				b.mount()
				differ(t, "the draft after a look", dump(t, b.mounted, false, false), inDraft)
				b.unmount()
				for range 2 {
					b.ok(powerless(func() error { return do(b.d, "keep") }))
					differ(t, "what was kept", dump(t, b.folder, false, false), merged)
					b.ok(powerless(func() error { return do(b.d, "undo") }))
					differ(t, "what undo brought back", dump(t, b.folder, true, false), before)
				}
				b.ok(powerless(b.prepare))
				b.mount()
				differ(t, "the draft after undo", dump(t, b.mounted, false, false), inDraft)
				b.unmount()
				paths := strings.Fields("d f n x y z old")
				b.ok(powerless(func() error {
					unlock, err := b.d.Lock()
					if err != nil {
						return err
					}
					defer unlock()
					_, err = b.d.Keep(paths, Refuse)
					return err
				}))
				b.ok(powerless(func() error { return do(b.d, "undo") }))
				differ(t, "what undo of a part brought back", dump(t, b.folder, true, false), before)
			})
		}
	}
}

// A note of a folder that a killed command left counts, whatever another one finds of the folder. A note that was cut off does not.
func TestModesNotedTwice(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.begin()
	b.drafted("mkdir n m; echo x >n/x; chmod 0500 n m")
	b.ok(b.d.state.write(modesFile, []byte("n\x00500\x00n\x00700\x00m\x0050")))
	b.ok(b.d.state.openUp("upper/n"))
	b.ok(b.prepare())
	if got := b.in(b.d.State()+"/upper", "stat -c %a n m"); got != "500\n500\n" {
		t.Errorf("the modes after that are %q", got)
	}
}

// A copy on another file system has the group that the file had. Where the human is not in that one, another group has no rights.
func TestGroupsAcrossFileSystems(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		as                func(func() error) error
		kept, back, moved string
	}{
		{func(f func() error) error { return f() }, "660 4321", "660 4321\n2770 4321\n660 4321\n660 4321", "2770 4321"},
		{powerless, "600 0", "600 0\n700 0\n600 0\n600 0", "700 0"},
	} {
		b := newBenchOn(t, true)
		b.in(b.folder, "mkdir d; echo f >f; echo h >d/h; mkfifo p; chgrp -R 4321 .; chmod 660 f d/h p; chmod 2770 d")
		b.begin()
		b.drafted("echo x >>f; rm -r d p")
		b.ok(c.as(func() error { _, err := b.d.Keep(nil, Refuse); return err }))
		stat := func(names string) string { return strings.TrimSpace(b.in(b.folder, "stat -c '%a %g' "+names)) }
		if got := stat("f"); got != c.kept {
			t.Errorf("what was kept has %q, want %q", got, c.kept)
		}
		b.ok(c.as(func() error { _, err := b.d.Undo(); return err }))
		if got := stat("f d d/h p"); got != c.back {
			t.Errorf("what was taken back has %q, want %q", got, c.back)
		}
		b.in(b.folder, "chgrp 4321 d d/h; chmod 2770 d")
		p, err := openPlace(b.folder)
		b.ok(err)
		defer p.close()
		b.ok(c.as(func() error { return copyTree(p, "d", p, "e") }))
		if alike, err := sameTree(p, "d", p, "e"); err != nil || !alike || stat("e") != c.moved {
			t.Errorf("a copy with %q is taken for one: %v, %v", stat("e"), alike, err)
		}
	}
}

// A closed folder in which a folder became a file is kept, and taken back.
func TestClosedAroundWhatWent(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.in(b.folder, "mkdir -p d/e/s; echo i >d/e/i; echo j >d/e/s/j")
	before := dump(t, b.folder, true, false)
	b.begin()
	b.drafted("echo x >>d/e/i; mv d/e/s s; mv d/e/i i; rmdir d/e; echo e >d/e; chmod 0 d/e d")
	for _, verb := range []string{"keep", "undo"} {
		b.ok(powerless(func() error { return do(b.d, verb) }))
	}
	differ(t, "the folder after undo", dump(t, b.folder, true, false), before)
}

// A folder that the agent has closed, and that an undo brings back to a draft of which there was a run since, is closed as it was.
func TestModesAfterUndo(t *testing.T) {
	t.Parallel()
	for _, across := range []bool{false, true} {
		b := newBenchOn(t, across)
		b.begin()
		b.drafted("mkdir n; echo x >n/x; echo z >z; chmod 0500 n")
		told := b.told()
		b.ok(powerless(func() error { _, err := b.d.Keep([]string{"n"}, Refuse); return err }))
		b.ok(powerless(b.prepare))
		b.ok(powerless(func() error { return do(b.d, "undo") }))
		if got := b.told(); got != told {
			t.Errorf("across %v: after undo the draft is told as\n%s\nwant\n%s", across, got, told)
		}
		b.ok(powerless(b.prepare))
		if got := b.in(b.d.State()+"/upper", "stat -c %a n"); got != "500\n" {
			t.Errorf("across %v: in the next run it has %q", across, got)
		}
	}
}
