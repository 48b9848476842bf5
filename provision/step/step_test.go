// SPDX-License-Identifier: GPL-3.0-or-later

package step

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The printed line is what runs: a shell that is given it does what the runner does.
func TestShellLineDoesTheSame(t *testing.T) {
	for _, text := range []string{"one\ntwo\n", "EOF\nnot the end\nEOFF\n", "$HOME `id` 'x'\n", "it's \x1b[31m\u202e\n"} {
		byRunner, byShell := filepath.Join(t.TempDir(), "a b"), filepath.Join(t.TempDir(), "c'd")
		write := func(path string) Command { c := Human("tee", path); c.Text = text; return c }
		var out bytes.Buffer
		if err := (&Runner{Out: &out, Err: &out}).Run(write(byRunner)); err != nil {
			t.Fatal(err)
		}
		if err := exec.Command("bash", "-c", write(byShell).Shell(nil)).Run(); err != nil {
			t.Fatal(err)
		}
		a, _ := os.ReadFile(byRunner)
		b, _ := os.ReadFile(byShell)
		if string(a) != text || string(b) != text {
			t.Errorf("of %q the runner wrote %q and a shell wrote %q", text, a, b)
		}
	}
}

// Without its texts a command is one line, and no shell takes it for a command that has none.
func TestLineNamesWhatIsLeftOut(t *testing.T) {
	write := Root("tee", "a b")
	for text, want := range map[string]string{
		"":               "sudo tee 'a b'",
		"one":            "sudo tee 'a b' <<... (1 line; -v prints it)",
		"one\ntwo\n":     "sudo tee 'a b' <<... (2 lines; -v prints them)",
		"\x1b[31m\n\n":   "sudo tee 'a b' <<... (2 lines; -v prints them)",
		"EOF\n\nEOFF\nx": "sudo tee 'a b' <<... (4 lines; -v prints them)",
	} {
		write.Text = text
		if got := write.Line([]string{"sudo"}); got != want {
			t.Errorf("of %q it is %q, want %q", text, got, want)
		}
		if text == "" {
			continue
		}
		if err := exec.Command("bash", "-c", write.Line(nil)).Run(); exitStatus(err) != 2 {
			t.Errorf("of %q a shell takes the line: %v", text, err)
		}
	}
	read := Root("dd")
	read.From, read.Note = "/a b", "why"
	if got := read.Line([]string{"sudo"}); got != "sudo dd < '/a b' # why" {
		t.Errorf("of a file it is %q", got)
	}
}

func TestRootCommandsAreElevated(t *testing.T) {
	if got := Root("groupadd", "su-as-agent").Shell([]string{"sudo"}); got != "sudo groupadd su-as-agent" {
		t.Errorf("got %q", got)
	}
	if got := Human("true").Shell([]string{"sudo"}); got != "true" {
		t.Errorf("a human's command became %q", got)
	}
}

func touch(path string) Step {
	return Step{Do: Human("mkdir", path), Undo: Undo(Human("rmdir", path))}
}

func TestRollbackGoesBackwardsPastFailures(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "a/b")
	var out bytes.Buffer
	r := &Runner{Out: &out, Err: &out}
	plan := []Step{touch(a), touch(b), {Do: Human("true"), Undo: Undo(Human("false"))}, {Do: Human("false"), Undo: Undo(Human("touch", filepath.Join(dir, "never")))}}
	if err := r.Apply(context.Background(), plan); err == nil {
		t.Fatal("a failing step passed")
	}
	if err := r.Rollback(); err == nil || !strings.Contains(err.Error(), "false") {
		t.Errorf("a failed undo was reported as %v", err)
	}
	left, _ := os.ReadDir(dir)
	if len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestMarkStaysWhileSomethingElseDoes(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "mark")
	first := touch(mark)
	first.Mark = true
	var out bytes.Buffer
	r := &Runner{Out: &out, Err: &out}
	if err := r.Apply(context.Background(), []Step{first, {Do: Human("true"), Undo: Undo(Human("false"))}}); err != nil {
		t.Fatal(err)
	}
	if err := r.Rollback(); err == nil {
		t.Error("a failed undo was not reported")
	}
	if _, err := os.Stat(mark); err != nil {
		t.Error("the mark went while something it marks stayed")
	}
}

func TestEndedContextStopsBeforeTheNextStep(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	made := filepath.Join(t.TempDir(), "x")
	err := (&Runner{Out: &bytes.Buffer{}}).Apply(ctx, []Step{touch(made)})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(made); err == nil {
		t.Error("the step ran all the same")
	}
}

func TestDryRunChangesNothing(t *testing.T) {
	made := filepath.Join(t.TempDir(), "x")
	var out bytes.Buffer
	if err := (&Runner{Out: &out, DryRun: true}).Apply(context.Background(), []Step{touch(made)}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(made); err == nil || !strings.Contains(out.String(), "$ mkdir ") {
		t.Errorf("printed %q, made the folder: %v", out.String(), err == nil)
	}
}

func TestToleratedStatus(t *testing.T) {
	c := Human("sh", "-c", "exit 3")
	c.OK = []int{3}
	r := &Runner{Out: &bytes.Buffer{}}
	if err := r.Run(c); err != nil {
		t.Errorf("status 3 was to be tolerated: %v", err)
	}
	c.OK = []int{4}
	if err := r.Run(c); err == nil {
		t.Error("status 3 passed where only 4 is tolerated")
	}
}

func TestAFailedCommandTakesItsHalfMadeFileAway(t *testing.T) {
	half := filepath.Join(t.TempDir(), "file.new")
	c := Human("sh", "-c", `echo half > "$1"; exit 1`, "sh", half)
	c.Temp = half
	var out bytes.Buffer
	if err := (&Runner{Out: &out, Err: &out}).Run(c); err == nil {
		t.Fatal("the command should fail")
	}
	if _, err := os.Lstat(half); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v\n%s", half, err, &out)
	}
}
