// SPDX-License-Identifier: GPL-3.0-or-later

package step

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/a4u2/au/internal/counted"
)

// TestMain is the process that carries a plan out when it is called so. Nothing here needs to be root for it.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "carry-out" {
		counted.Exit(carryOut())
	}
	os.Exit(m.Run())
}

func carryOut() int {
	grace = time.Second
	plan, err := ReadPlan(os.Stdin, "1")
	if err != nil {
		return Refuse(os.Stdout, err)
	}
	if file := os.Getenv("CARRIER"); file != "" {
		os.WriteFile(file, []byte(strconv.Itoa(os.Getpid())), 0o600)
	}
	ctx, stop := signal.NotifyContext(context.Background(), Endings...)
	defer stop()
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	free := func(context.Context) (func(), error) { return func() {}, nil }
	return plan.CarryOut(ctx, os.Getenv("MACHINE"), os.Stdout, free, noted)
}

// noted runs a command, and notes its words where somebody wants to know them.
func noted(cmd *exec.Cmd) error {
	if file := os.Getenv("EXECUTED"); file != "" {
		f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		defer f.Close()
		fmt.Fprintln(f, Command{Argv: cmd.Args}.Shell(nil))
	}
	return cmd.Run()
}

// sudo is a machine's: it counts what it starts, and does with -l and with au's own command what the case says.
type sudo struct {
	folder      string
	list, carry string // shell text
}

// runner returns a runner that goes through it.
func (s *sudo) runner(t *testing.T) (*Runner, *buffer) {
	t.Helper()
	s.folder = t.TempDir()
	program := filepath.Join(s.folder, "sudo")
	text := fmt.Sprintf("#!/bin/sh\nif [ \"$1\" = -n ]; then shift 2; %s\nexit 0; fi\necho >> %s\ncase $2 in carry-out) %s;; esac\nexec \"$@\"\n",
		s.list, filepath.Join(s.folder, "count"), s.carry)
	if err := os.WriteFile(program, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out buffer
	return &Runner{Out: &out, Err: &out, Elevate: []string{program}, Carry: []string{self, "carry-out"}, Version: "1"}, &out
}

// Each command that root's process runs is one line of what is printed, in the order in which they run: whether texts are printed
// or not, and where they are taken back.
func TestEachCommandIsALine(t *testing.T) {
	for _, brief := range []bool{false, true} {
		executed := filepath.Join(t.TempDir(), "executed")
		dir := t.TempDir()
		steps := WriteFile(filepath.Join(dir, "a"), "0644", "one\ntwo\n$ three\n", "")
		steps = append(steps, sh("exit 1", ""))
		steps[1].Do.Note = "why"
		s := sudo{carry: "export EXECUTED=" + executed}
		r, out := s.runner(t)
		r.Brief = brief
		if err := r.Apply(t.Context(), steps); !errors.As(err, new(Failure)) {
			t.Fatal(err, out)
		}
		text, err := os.ReadFile(executed)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for line := range strings.Lines(out.String()) {
			if rest, ok := strings.CutPrefix(line, "$ "+r.Elevate[0]+" "); ok && !strings.Contains(rest, "carry-out") {
				rest, _, _ = strings.Cut(strings.TrimSpace(rest), " <<")
				rest, _, _ = strings.Cut(rest, " # ")
				lines = append(lines, rest)
			}
		}
		if ran := strings.Split(strings.TrimSpace(string(text)), "\n"); !reflect.DeepEqual(lines, ran) || len(ran) != 6 {
			t.Errorf("brief %t: this ran:\n%s\nand this was printed:\n%s", brief, text, out)
		}
		if n := strings.Count(out.String(), "\n"); brief && n != len(lines)+3 {
			t.Errorf("%d commands and the line of root's process and two about the failure are %d lines:\n%s", len(lines), n, out)
		}
	}
}

// buffer takes what two processes write at once.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) String() string { return b.text.String() }

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// started returns how many commands sudo started.
func (s *sudo) started() int {
	text, _ := os.ReadFile(filepath.Join(s.folder, "count"))
	return len(text)
}

// sh is a step of root that runs a shell text, and one that takes it back.
func sh(do, undo string) Step {
	s := Step{Do: Root("sh", "-c", do)}
	if undo != "" {
		s.Undo = Undo(Root("sh", "-c", undo))
	}
	return s
}

// log is a file that steps write a word to.
type log string

func (l log) word(w string) string { return "echo " + w + " >> " + string(l) }

func (l log) text() string {
	text, _ := os.ReadFile(string(l))
	return strings.Join(strings.Fields(string(text)), " ")
}

func newLog(t *testing.T) log { return log(filepath.Join(t.TempDir(), "log")) }

func TestAStageIsOneProcessOfRoots(t *testing.T) {
	l := newLog(t)
	var s sudo
	r, out := s.runner(t)
	steps := []Step{sh(l.word("a"), ""), sh(l.word("b"), ""), {Do: Human("sh", "-c", l.word("human"))}, sh(l.word("c"), ""), sh(l.word("d"), ""), sh(l.word("e"), "")}
	if err := r.Apply(t.Context(), steps); err != nil {
		t.Fatal(err, out)
	}
	if l.text() != "a b human c d e" || s.started() != 2 {
		t.Errorf("sudo was started %d times, and what ran was %q", s.started(), l.text())
	}
	// The printed line is the one that runs, after the line that is elevated: a dry run prints the same.
	dry, printed := s.runner(t)
	dry.DryRun = true
	dry.Elevate = r.Elevate
	if err := dry.Apply(t.Context(), steps); err != nil {
		t.Fatal(err)
	}
	if printed.String() != out.String() || !strings.HasPrefix(out.String(), "$ "+r.Elevate[0]+" "+r.Carry[0]+" carry-out\n# ") {
		t.Errorf("printed\n%s\nand in a dry run\n%s", out, printed)
	}
	if l.text() != "a b human c d e" {
		t.Error("the dry run did it again")
	}
}

// Where a step fails, the process that did the stage takes it back; an earlier stage goes as a plan of its own.
func TestAFailedStageIsTakenBack(t *testing.T) {
	l := newLog(t)
	var s sudo
	r, out := s.runner(t)
	if err := r.Apply(t.Context(), []Step{sh(l.word("a"), l.word("-a")), sh(l.word("b"), l.word("-b"))}); err != nil {
		t.Fatal(err)
	}
	err := r.Apply(t.Context(), []Step{sh(l.word("c"), l.word("-c")), sh("exit 3", "false"), sh(l.word("never"), "")})
	if failed := (Failure{}); !errors.As(err, &failed) || failed.Left || !failed.Said || failed.Why != `run "sh -c exit 3": exit status 3` {
		t.Errorf("the error is %v", err)
	}
	if l.text() != "a b c -c" || !strings.Contains(out.String(), `au: run "sh -c exit 3": exit status 3`+"\nau: taking back what was done\n$ ") {
		t.Errorf("what ran is %q, and it printed\n%s", l.text(), out)
	}
	if err := r.Rollback(); err != nil || l.text() != "a b c -c -b -a" || s.started() != 3 {
		t.Errorf("rolled back: %v; what ran is %q, in %d processes", err, l.text(), s.started())
	}
}

// The mark goes only when all else has gone, also what another process did.
func TestTheMarkOfAnEarlierStageStays(t *testing.T) {
	l := newLog(t)
	var s sudo
	r, _ := s.runner(t)
	mark := sh(l.word("mark"), l.word("-mark"))
	mark.Mark = true
	if err := r.Apply(t.Context(), []Step{mark, sh(l.word("a"), l.word("-a"))}); err != nil {
		t.Fatal(err)
	}
	err := r.Apply(t.Context(), []Step{sh(l.word("b"), "exit 4"), sh("exit 3", "")})
	if failed := (Failure{}); !errors.As(err, &failed) || !failed.Left || failed.Why != `run "sh -c exit 4": exit status 4` {
		t.Errorf("the error is %v", err)
	}
	if err := r.Rollback(); err != nil || l.text() != "mark a b -a" {
		t.Errorf("rolled back: %v; what ran is %q", err, l.text())
	}
}

func TestSudoThatAllowsSingleCommands(t *testing.T) {
	for _, tt := range []struct {
		name, list, carry, printed string
		started                    int
	}{
		{"it says so", "exit 1", "exit 1", "", 2},
		{"it says so after a question", "echo sudo: a password is required >&2; exit 1", "echo not allowed >&2; exit 1", "# not started as a whole, so each command by itself:\n", 3},
	} {
		l := newLog(t)
		s := sudo{list: tt.list, carry: tt.carry}
		r, out := s.runner(t)
		steps := []Step{sh(l.word("a"), l.word("-a")), sh(l.word("b"), l.word("-b"))}
		if err := r.Apply(t.Context(), steps); err != nil || l.text() != "a b" || s.started() != tt.started || !strings.Contains(out.String(), tt.printed) {
			t.Errorf("%s: %v, %q ran, %d were started\n%s", tt.name, err, l.text(), s.started(), out)
		}
		// It is not tried again, and the way back is the same.
		before := s.started()
		if err := r.Rollback(); err != nil || l.text() != "a b -b -a" || s.started() != before+2 {
			t.Errorf("%s: rolled back: %v, %q ran, %d were started", tt.name, err, l.text(), s.started()-before)
		}
	}
}

// Nobody who has mistyped a password is asked for it again for each command.
func TestAWrongPasswordIsTheEnd(t *testing.T) {
	for _, said := range []string{"sudo: 3 incorrect password attempts", "doas: Authentication failed", "sudo: a terminal is required to read the password"} {
		l := newLog(t)
		s := sudo{list: "echo wants a password >&2; exit 1", carry: "echo '" + said + "' >&2; exit 1"}
		r, out := s.runner(t)
		err := r.Apply(t.Context(), []Step{sh(l.word("a"), ""), sh(l.word("b"), "")})
		if err == nil || l.text() != "" || s.started() != 1 || r.Changed() || !strings.Contains(out.String(), said) {
			t.Errorf("%s: %v, %q ran, %d were started\n%s", said, err, l.text(), s.started(), out)
		}
	}
}

func TestRootsProcessThatIsKilled(t *testing.T) {
	l := newLog(t)
	var s sudo
	r, _ := s.runner(t)
	err := r.Apply(t.Context(), []Step{sh(l.word("a"), ""), sh("kill -KILL $PPID", ""), sh(l.word("never"), "")})
	if lost := (Lost{}); !errors.As(err, &lost) || l.text() != "a" {
		t.Errorf("the error is %v, and what ran is %q", err, l.text())
	}
}

// A human who asks for the end has the stage taken back, and the command that runs just then is not cut off.
func TestASignalTakesTheStageBack(t *testing.T) {
	for _, sig := range []string{"INT", "TERM", "HUP"} {
		l := newLog(t)
		var s sudo
		r, out := s.runner(t)
		err := r.Apply(t.Context(), []Step{
			sh(l.word("a"), l.word("-a")), sh("kill -"+sig+" $PPID; sleep 0.3; "+l.word("b"), "sleep 0.2; kill -"+sig+" $PPID; "+l.word("-b")), sh(l.word("never"), ""),
		})
		if failed := (Failure{}); !errors.As(err, &failed) || failed.Left || l.text() != "a b -b -a" {
			t.Errorf("SIG%s: the error is %v, and what ran is %q\n%s", sig, err, l.text(), out)
		}
	}
}

// When the process that gave a plan is gone, or wants the end, all is taken back, though nobody reads that.
func TestTheCallerIsGone(t *testing.T) {
	l := newLog(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	plan := Plan{Version: "1", Elevate: []string{"sudo"}, Self: "/au", Steps: []Step{sh(l.word("a"), l.word("-a")), sh("sleep 0.5; "+l.word("b"), "echo said; echo complained >&2; "+l.word("-b")), sh(l.word("c"), "")}}
	text, err := plan.Encode()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "carry-out")
	cmd.Stdin = bytes.NewReader(text)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan() && !strings.Contains(lines.Text(), "sleep 0.5"); {
	}
	out.Close()
	if state, err := cmd.Process.Wait(); err != nil || state.ExitCode() != statusTakenBack || l.text() != "a b -b -a" {
		t.Errorf("it ended with %v (%v), and what ran is %q", state, err, l.text())
	}
}

// A signal to the caller alone does the same.
func TestTheCallerGetsASignal(t *testing.T) {
	for _, sig := range []string{"TERM", "HUP", "INT"} {
		l := newLog(t)
		var s sudo
		r, out := s.runner(t)
		kill := fmt.Sprintf("kill -%s %d; sleep 0.3; %s", sig, os.Getpid(), l.word("b"))
		err := r.Apply(t.Context(), []Step{sh(l.word("a"), l.word("-a")), sh(kill, l.word("-b")), sh(l.word("c"), l.word("-c"))})
		switch failed := (Failure{}); {
		case sig == "INT": // the terminal sends it to both; from elsewhere it is heard when the stage is done
			if err == nil || errors.As(err, &failed) || !r.Changed() || l.text() != "a b c" {
				t.Errorf("SIG%s: the error is %v, and what ran is %q", sig, err, l.text())
			}
		case !errors.As(err, &failed) || failed.Left || !strings.HasPrefix(failed.Why, "stopped: ") || l.text() != "a b -b -a":
			t.Errorf("SIG%s: the error is %v, and what ran is %q\n%s", sig, err, l.text(), out)
		}
	}
}

func TestAPlanForAnotherMachineIsNotCarriedOut(t *testing.T) {
	machine := t.TempDir()
	os.MkdirAll(machine+"/etc", 0o755)
	write := func(text string) { os.WriteFile(machine+"/etc/passwd", []byte(text), 0o600) }
	for _, together := range []bool{true, false} {
		l := newLog(t)
		s := sudo{carry: "export MACHINE=" + machine}
		if !together {
			s.list = "exit 1"
		}
		r, _ := s.runner(t)
		r.Machine = machine
		write("before")
		r.Seen = See(machine, "/etc/passwd", "/etc/absent")
		write("after")
		steps := []Step{sh(l.word("a"), ""), sh("echo more >> "+machine+"/etc/passwd", ""), sh(l.word("b"), "")}
		if err := r.Apply(t.Context(), steps); !errors.Is(err, ErrStale) || l.text() != "" || r.Changed() {
			t.Errorf("together: %v: the error is %v, and what ran is %q", together, err, l.text())
		}
		r.Seen = See(machine, "/etc/passwd", "/etc/absent")
		if err := r.Apply(t.Context(), steps); err != nil || l.text() != "a b" {
			t.Errorf("together: %v: the error is %v, and what ran is %q", together, err, l.text())
		}
		// A change that the plan itself has made since is no reason to stop.
		if err := r.Apply(t.Context(), steps); err != nil {
			t.Errorf("together: %v: again: %v", together, err)
		}
	}
}

// A plan that depends on a folder is out of date where a name has come or gone since, not where a file in it says something else.
func TestAPlanDependsOnWhoIsInAFolder(t *testing.T) {
	machine := t.TempDir()
	folder := machine + "/etc/au/net"
	write := func(text string) error { return os.WriteFile(folder+"/b.toml", []byte(text), 0o600) }
	for _, c := range []struct {
		what string
		do   func() error
		want bool
	}{
		{"the folder is made", func() error { return os.MkdirAll(folder, 0o755) }, true},
		{"nothing happens", func() error { return nil }, false},
		{"one comes", func() error { return write("one") }, true},
		{"it is written anew", func() error { return write("another") }, false},
		{"it is called otherwise", func() error { return os.Rename(folder+"/b.toml", folder+"/c.toml") }, true},
		{"it goes", func() error { return os.Remove(folder + "/c.toml") }, true},
	} {
		seen := See(machine, "/etc/au/net")
		if err := c.do(); err != nil {
			t.Fatal(err)
		}
		if stale := seen.check(machine) != nil; stale != c.want {
			t.Errorf("%s: out of date: %v", c.what, stale)
		}
	}
}

// A file that a command reads is read by whoever makes the plan, and is what it was when that was looked at.
func TestFilesAreInThePlan(t *testing.T) {
	folder := t.TempDir()
	from, to := folder+"/from", folder+"/to"
	os.WriteFile(from, []byte("one\x00\xff"), 0o600)
	copying := Root("sh", "-c", "rm -f "+from+"; cat > "+to)
	copying.From = from
	copying.SHA256 = fmt.Sprintf("%x", sha256.Sum256([]byte("one\x00\xff")))
	var s sudo
	r, out := s.runner(t)
	if err := r.Apply(t.Context(), []Step{sh("rm "+from, ""), {Do: copying}}); err != nil {
		t.Fatal(err, out)
	}
	if got, _ := os.ReadFile(to); string(got) != "one\x00\xff" || !strings.Contains(out.String(), " < "+from+"\n") {
		t.Errorf("the command read %q\n%s", got, out)
	}
	os.WriteFile(from, []byte("two"), 0o600)
	for _, single := range []bool{false, true} {
		r.single = single
		if err := r.Apply(t.Context(), []Step{{Do: copying}, {Do: copying}}); err == nil || !strings.Contains(err.Error(), "changed while au was at work") {
			t.Errorf("a file that changed was taken: %v", err)
		}
	}
}

// Words and texts arrive byte for byte.
func TestPlansKeepBytes(t *testing.T) {
	odd := "\xff\x1b[2J 'é'\n"
	c := Root("tool", odd)
	c.Text, c.Note, c.OK = odd, odd, []int{1}
	in := Plan{Version: "1", Elevate: []string{"sudo"}, Self: "/au", TakeBack: true, Kept: true, Steps: []Step{{Do: c, Undo: Undo(c, Root("x")), Mark: true}}}
	text, err := in.Encode()
	if err != nil {
		t.Fatal(err)
	}
	out, err := ReadPlan(bytes.NewReader(text), "1")
	if err != nil || !reflect.DeepEqual(out, in) {
		t.Errorf("%#v came back as %#v: %v", in, out, err)
	}
}

func TestReadPlanRefuses(t *testing.T) {
	whole, err := Plan{Version: "1", Self: "/au", Steps: []Step{{Do: Root("true")}}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	with := func(old, new string) string { return strings.Replace(string(whole), old, new, 1) }
	argv := `"Argv":["dHJ1ZQ=="]`
	if _, err := ReadPlan(bytes.NewReader(whole), "1"); err != nil || !strings.Contains(string(whole), argv) {
		t.Fatalf("%v: %s", err, whole)
	}
	for situation, text := range map[string]string{
		"nothing":             "",
		"half of it":          string(whole[:len(whole)/2]),
		"another version":     with(`"Version":"1"`, `"Version":"2"`),
		"no steps":            `{"Version":"1","Steps":[]}`,
		"more behind it":      string(whole) + "{}",
		"an unknown word":     with(`"Mark"`, `"Marc"`),
		"no command":          with(argv, `"Argv":[]`),
		"an empty name":       with(argv, `"Argv":[""]`),
		"a relative path":     with(argv, `"Argv":["Li90cnVl"]`),
		"a path with dots":    with(argv, `"Argv":["L2Jpbi8uLi90cnVl"]`),
		"a NUL":               with(argv, `"Argv":["dHJ1ZQ==","AA=="]`),
		"a file without data": with(`"From":""`, `"From":"L2V0Yy9zaGFkb3c="`),
		"data without a file": with(`"Data":null`, `"Data":"AAAA"`),
		"a wrong status":      with(`"OK":null`, `"OK":[0]`),
		"a file outside /etc": with(`"Seen":null`, `"Seen":{"/home/alice/x":""}`),
		"a file by dots":      with(`"Seen":null`, `"Seen":{"/etc/../home/x":""}`),
		"too much":            string(whole) + strings.Repeat(" ", maxPlan),
	} {
		if text == string(whole) {
			t.Fatalf("%s: nothing was changed", situation)
		}
		if p, err := ReadPlan(strings.NewReader(text), "1"); err == nil {
			t.Errorf("%s: it was read as %+v", situation, p)
		}
	}
}

func FuzzReadPlan(f *testing.F) {
	c := Root("tool", "word")
	c.From, c.data = "/file", []byte("x")
	for _, p := range []Plan{{Version: "1", Steps: []Step{{Do: Root("true")}}}, {Version: "1", Seen: Seen{"/etc/passwd": ""}, Steps: []Step{{Do: c, Undo: Undo(c)}}}} {
		text, _ := p.Encode()
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ReadPlan(bytes.NewReader(text), "1")
		if err != nil {
			return
		}
		for _, s := range p.Steps {
			for _, c := range append(s.Undo, s.Do) {
				if !c.Root || len(c.Argv) == 0 || c.Argv[0] == "" || strings.Contains(strings.Join(c.Argv, ""), "\x00") {
					t.Errorf("it was read as %+v", c)
				}
			}
		}
	})
}

// A command that will not end gets a signal some time after somebody asked for the end.
func TestACommandThatHangsIsEnded(t *testing.T) {
	l := newLog(t)
	var s sudo
	r, _ := s.runner(t)
	begin := time.Now()
	err := r.Apply(t.Context(), []Step{sh(l.word("a"), l.word("-a")), sh("kill -INT $PPID; exec sleep 60", "")})
	if failed := (Failure{}); !errors.As(err, &failed) || l.text() != "a -a" || time.Since(begin) > 30*time.Second {
		t.Errorf("after %v: %v, and what ran is %q", time.Since(begin), err, l.text())
	}
}
