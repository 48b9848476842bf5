// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// keepAndUndo is a process that keeps or takes back, and ends itself before the N-th step that it takes.
func keepAndUndo(args []string) int {
	home, folder, verb := args[0], args[1], args[2]
	n, _ := strconv.Atoi(args[3])
	store, err := Open(home, direct)
	if err == nil {
		var d *Draft
		if d, err = store.open(KeyOf("agent", folder)); err == nil {
			d.hook = func() {
				if n--; n == 0 {
					_ = unix.Kill(os.Getpid(), unix.SIGKILL)
				}
			}
			err = powerless(func() error { return do(d, verb) })
		}
	}
	if err != nil {
		var c *Conflicted
		if errors.As(err, &c) {
			err = fmt.Errorf("%w: %q", err, c.Conflicts)
		}
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func do(d *Draft, verb string) error {
	return withLock(d, func() (err error) {
		switch verb {
		case "keep":
			_, err = d.Keep(nil, Refuse)
		case "merge":
			_, err = d.Keep(nil, Merge)
		default:
			_, err = d.Undo()
		}
		return err
	})
}

// child does it in a process of its own, which ends at the N-th step, or is killed after a while; it reports whether that came
// first.
func (b *bench) child(verb string, n int, after time.Duration) (killed bool) {
	b.t.Helper()
	self, err := os.Executable()
	b.ok(err)
	cmd := exec.Command(self, "keep-and-undo", b.home, b.folder, verb, fmt.Sprint(n))
	cmd.Stderr = os.Stderr
	b.ok(cmd.Start())
	if after > 0 {
		timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
	}
	err = cmd.Wait()
	if err == nil {
		return false
	}
	if status, ok := cmd.ProcessState.Sys().(interface{ Signaled() bool }); !ok || !status.Signaled() {
		b.t.Fatalf("%s: %v", verb, err)
	}
	return true
}

// A keep or an undo that is killed at any moment is finished by the same command, or taken back by the other one, and nothing is
// lost.
func TestKilledKeepAndUndo(t *testing.T) {
	t.Parallel()
	r, begun, done := rand.New(rand.NewPCG(*seed, 7)), time.Now(), 0
	for round := 0; done < *kills; round++ {
		b := newBenchOn(t, *across || round%2 == 1)
		plain := filepath.Join(filepath.Dir(b.home), "plain")
		b.ok(os.Mkdir(plain, 0o755))
		g := &generator{r: r, tops: []string{b.folder, plain}}
		g.plant(t, 30)
		before := dump(t, b.folder, true, false)
		b.begin()
		g.tops = []string{b.mounted, plain}
		b.mount()
		for range 40 {
			g.step(t)
		}
		b.unmount()
		want := dump(t, plain, false, false)
		for range 12 {
			verbs := [][2]string{{"keep", "keep"}, {"undo", "undo"}, {"keep", "undo"}, {"keep", "keep"}, {"undo", "keep"}, {"undo", "undo"}}
			for _, v := range verbs {
				at, after := 1+r.IntN(60), time.Duration(0)
				if r.IntN(4) == 0 {
					at, after = 0, time.Duration(1+r.IntN(30_000))*time.Microsecond
				}
				t.Log(v, at, after)
				if b.child(v[0], at, after) {
					done++
				}
				verb := v[1]
				if _, err := os.Lstat(b.store.named + "/" + KeyOf("agent", b.folder) + "/undo"); err != nil && verb == "undo" {
					verb = "" // it was not begun, or had ended
				}
				if verb != "" {
					b.settleWith(verb)
				} else {
					b.ok(withLock(b.d, b.d.sweep))
				}
				switch v[1] {
				case "keep":
					differ(t, fmt.Sprint(v, at, after), dump(t, b.folder, false, false), want)
				case "undo":
					differ(t, fmt.Sprint(v, at, after), dump(t, b.folder, true, false), before)
				}
			}
		}
	}
	t.Logf("%d kills of keep and undo: %s", done, time.Since(begun).Round(time.Second))
}

// At each step, a keep across file systems that is killed can be taken back: no copy is left.
func TestKilledAtEachStep(t *testing.T) {
	t.Parallel()
	for n, killed := 1, true; killed; n++ {
		b := newBenchOn(t, true)
		b.in(b.folder, "mkdir d; echo x >d/x; echo f >f; echo g >g")
		before := dump(t, b.folder, true, false)
		b.begin()
		b.drafted("echo n >n; rm f; mv d e; echo y >>e/x; echo h >g; mkfifo p")
		if killed = b.child("keep", n, 0); killed && Holds(b.d.State(), "undo") {
			b.settleWith("undo")
			differ(t, fmt.Sprint("killed at ", n), dump(t, b.folder, true, false), before)
			continue
		}
		if killed { // nothing has begun but the copies: they go before another run, or with the draft
			if n%2 == 0 {
				b.ok(b.prepare())
			} else {
				b.ok(withLock(b.d, func() error { return b.d.Drop(b.store) }))
			}
			differ(t, fmt.Sprint("killed at ", n, ", before it began"), dump(t, b.folder, true, false), before)
		}
	}
}

// settleWith does it again, to the end. A keep of what is kept is refused.
func (b *bench) settleWith(verb string) {
	b.t.Helper()
	d, err := b.store.open(KeyOf("agent", b.folder))
	b.ok(err)
	defer d.Close()
	if err := do(d, verb); err != nil && !(verb == "keep" && d.Ended) {
		b.t.Fatalf("%s again: %v", verb, err)
	}
}

// A keep that was killed does not go on in another folder that is in the place of its own by now, forward or back.
func TestKilledAndAnotherFolder(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"keep", "undo"} {
		for n := 4; n < 12; n++ {
			b := newBenchOn(t, false)
			b.in(b.folder, "mkdir d; echo h >d/h; echo f >f; echo g >g")
			before := dump(t, b.folder, true, false)
			b.begin()
			b.drafted("echo x >>f; echo n >d/n; echo n >n; rm g")
			if !b.child("keep", n, 0) {
				t.Fatal("it was not killed")
			}
			b.in(b.home, "mv p q; mkdir p; cp -a q/. p; cd p; echo f >f; echo g >g; rm -f n d/n")
			other := dump(t, b.folder, true, true)
			if err := do(b.d, verb); err == nil || !strings.Contains(err.Error(), "want that one in its place again") {
				t.Errorf("%s after a kill at %d: %v", verb, n, err)
			}
			differ(t, "the other folder", dump(t, b.folder, true, true), other)
			b.in(b.home, "rm -r p; mv q p")
			b.settleWith("undo")
			differ(t, "the folder after undo", dump(t, b.folder, true, false), before)
		}
	}
}

// Nothing is dropped of a draft of which a keep or an undo was killed: what lies there may be the human's.
func TestDropOfWhatIsHalfKept(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"keep", "undo"} {
		for n, half := 1, 0; half < 6; n++ {
			b := newBench(t)
			b.in(b.folder, "echo of-the-human >f; echo g >g")
			before := dump(t, b.folder, true, false)
			b.begin()
			b.drafted("echo x >>f; echo y >>g; echo n >n")
			if verb == "undo" {
				b.ok(do(b.d, "keep"))
			}
			if !b.child(verb, n, 0) {
				t.Fatal("it was not killed")
			}
			if d, err := b.store.open(b.d.Key); err != nil || !d.Unfinished() {
				continue
			}
			half++
			for _, drop := range []func() error{func() error { return b.d.DropPaths([]string{"f"}) }, func() error { return b.d.Drop(b.store) }} {
				if err := withLock(b.d, drop); !errors.As(err, new(*HalfKept)) {
					t.Errorf("drop after %s was killed at %d: %v", verb, n, err)
				}
			}
			if _, err := b.d.Report(); !errors.As(err, new(*HalfKept)) {
				t.Errorf("a report after %s was killed at %d: %v", verb, n, err)
			}
			b.settleWith("undo")
			differ(t, "the folder after undo", dump(t, b.folder, true, false), before)
		}
	}
}

// An undo that is killed, of a draft in whose place an empty one has begun, can be kept again, and taken back again.
func TestKilledUndoBeforeAnother(t *testing.T) {
	t.Parallel()
	for n, killed := 1, true; killed; n++ {
		b := newBench(t)
		b.in(b.folder, "echo g >g")
		before := dump(t, b.folder, true, false)
		b.begin()
		b.drafted("echo f >f; mkdir m; echo n >m/n")
		told, stamp := b.told(), b.in(b.d.State(), "stat -c %z stamp")
		b.ok(do(b.d, "keep"))
		b.begin()
		later := b.in(b.d.State(), "stat -c %z stamp")
		if killed = b.child("undo", n, 0); !killed || !b.d.Unfinished() || later == stamp {
			continue
		}
		d, err := b.store.open(b.d.Key)
		b.ok(err)
		if d.Ended {
			continue // it had come to clear the later one
		}
		b.ok(do(d, "keep"))
		b.settleWith("undo")
		differ(t, "the folder after undo", dump(t, b.folder, true, false), before)
		b.d, err = b.store.open(b.d.Key)
		b.ok(err)
		if got := b.told(); got != told {
			t.Errorf("killed at %d: the draft is told as %q, and was as %q", n, got, told)
		}
		if at, err := b.d.state.stamped("stamp"); err != nil || time.Unix(0, at).Format("2006-01-02 15:04:05.000000000 -0700") != strings.TrimSpace(stamp) {
			t.Errorf("killed at %d: the stamp is of %s, want %s: %v", n, time.Unix(0, at), stamp, err)
		}
	}
}

// A keep that cannot be begun changes nothing, and the last one can be taken back still.
func TestKeepThatCannotBegin(t *testing.T) {
	for _, full := range []bool{true, false} {
		b := newBench(t)
		b.ok(unix.Mount("tmpfs", b.home, "tmpfs", 0, "size=2m"))
		t.Cleanup(func() { _ = unix.Unmount(b.home, unix.MNT_DETACH) })
		b.ok(os.Mkdir(b.folder, 0o755))
		var err error
		b.store, err = Open(b.home, direct)
		b.ok(err)
		b.in(b.folder, "echo f >f")
		before := dump(t, b.folder, true, false)
		b.begin()
		b.drafted("echo x >>f; mkdir n; for i in $(seq 400); do echo $i >n/$i; done")
		_, err = b.d.Keep([]string{"f"}, Refuse)
		b.ok(err)
		exact, want := dump(t, b.folder, true, true), "no space"
		if full {
			b.in(b.home, "head -c 3000000 /dev/zero >fill 2>/dev/null || true")
		} else {
			defer func(most int) { mostSteps = most }(mostSteps)
			mostSteps, want = 10_000, "keep some paths at a time"
		}
		if _, err = b.d.Keep(nil, Refuse); err == nil || !strings.Contains(err.Error(), want) || b.d.Unfinished() {
			t.Errorf("keep: %v", err)
		}
		differ(t, "the folder after a keep that was refused", dump(t, b.folder, true, true), exact)
		b.in(b.home, "rm -f fill")
		_, err = b.d.Undo()
		b.ok(err)
		differ(t, "the folder after undo", dump(t, b.folder, true, false), before)
	}
}

// The keep or the undo after a killed one loses no edit that the human made since, no file of theirs as it was before, and no file
// of the agent.
func TestEditedAfterAKill(t *testing.T) {
	t.Parallel()
	for i, edit := range []string{"echo mine-$f >>$f", "cat $f >new; echo mine-$f >>new; mv new $f"} {
		for _, verbs := range [][2]string{{"keep", "keep"}, {"keep", "undo"}, {"undo", "keep"}, {"undo", "undo"}} {
			for n, killed := 1, true; killed; n++ {
				b := newBenchOn(t, (n+i)%2 == 0)
				b.in(b.folder, "echo human-f >f; echo human-g >g")
				b.begin()
				b.drafted("echo agent-f >f; echo agent-g >g; echo agent-n >n")
				if verbs[0] == "undo" {
					b.ok(do(b.d, "keep"))
				}
				if killed = b.child(verbs[0], n, 0); !killed || !Holds(b.d.State(), "undo") {
					continue
				}
				b.in(b.folder, "for f in f g; do "+edit+"; done")
				d, err := b.store.open(b.d.Key)
				b.ok(err)
				err = do(d, verbs[1])
				b.hasAll([]string{"mine-f", "mine-g", "human-f", "human-g", "agent-f", "agent-g", "agent-n"}, fmt.Sprintf("killed at %d, %s, %q", n, verbs, fmt.Sprint(err)))
			}
		}
	}
}

// Files that are closed to the human are opened up for a moment. A kill in any such moment leaves none open, and no other time.
func TestKilledWhileOpen(t *testing.T) {
	t.Parallel()
	for across, verbs := range map[bool][]string{false: {"keep"}, true: {"keep", "undo"}} { // there, undo opens up more
		for _, verb := range verbs {
			for n, killed := 1, true; killed; n++ {
				b := newBenchOn(t, across)
				b.in(b.folder, "mkdir c d e m; echo f >f; echo g >g; echo x >d/x; echo h >e/h; chmod 0500 c .")
				before := dump(t, b.folder, true, false)
				b.begin()
				b.drafted("chmod 0700 .; rmdir c; echo y >>f; chmod 0300 f; echo h >g; chmod 0 g; mv d z; rm e/h; echo n >e/n; chmod 0 e; mv m o; chmod 0500 o .")
				told := b.told()
				if verb == "undo" {
					b.ok(powerless(func() error { return do(b.d, "keep") }))
				}
				kept := dump(t, b.folder, false, false)
				killed = b.child(verb, n, 0)
				if verb == "undo" {
					b.settleWith("keep")
					differ(t, fmt.Sprint("kept again, killed at ", n), dump(t, b.folder, false, false), kept)
				}
				if Holds(b.d.State(), "undo") {
					b.settleWith("undo")
				} else {
					b.ok(withLock(b.d, b.d.sweep))
				}
				differ(t, fmt.Sprint(verb, " killed at ", n), dump(t, b.folder, true, false), before)
				if d, err := b.store.open(b.d.Key); err != nil {
					t.Error(err)
				} else {
					b.d = d
				}
				if got := b.told(); got != told {
					t.Errorf("%s killed at %d: the draft is told as\n%s\nwant\n%s", verb, n, got, told)
				}
				if Holds(b.d.State(), openedFile) && b.in(b.d.State(), "cat "+openedFile) != "" {
					t.Errorf("%s killed at %d: a note is left", verb, n)
				}
			}
		}
	}
}

// Nothing is closed that is another file by now, or that somebody has given another mode since the kill.
func TestClosedAfterAKill(t *testing.T) {
	t.Parallel()
	for change, want := range map[string]string{
		"true": "300", "chmod 0640 f": "640", "rm f; echo f >f; chmod 0700 f": "700", "mv f g; ln -s g f; chmod 0700 g": "777",
	} {
		b := newBench(t)
		b.in(b.folder, "echo f >f; chmod 0300 f")
		b.begin()
		fd, err := unix.Open(b.folder+"/f", unix.O_PATH, 0)
		b.ok(err)
		handle, err := handleAt(fd, "", unix.AT_EMPTY_PATH)
		unix.Close(fd)
		b.ok(err)
		_, err = b.d.state.notes.add(opening{Paths: [][]byte{[]byte(b.folder + "/f")}, Handle: handle, Was: 0o300, Is: 0o700})
		b.ok(err)
		b.in(b.folder, "chmod 0700 f; "+change)
		b.ok(withLock(b.d, func() error { return nil }))
		if got := strings.TrimSpace(b.in(b.folder, "stat -c %a f")); got != want {
			t.Errorf("after %q it has %q, want %q", change, got, want)
		}
	}
}
