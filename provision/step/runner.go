// SPDX-License-Identifier: GPL-3.0-or-later

package step

import (
	"context"
	"errors"
	"fmt"
	"github.com/a4u2/au/internal/programs"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Runner runs steps, prints each before it runs, and can take back what it ran.
type Runner struct {
	Out     io.Writer             // the `$ …` lines and what the commands print
	Err     io.Writer             // what the commands print on standard error
	Elevate []string              // put before the argv of a root command: nil for root, else {"sudo"} or {"doas"}
	Carry   []string              // the command of au's own that carries a plan out as root; nil: each command is elevated by itself
	Version string                // of au
	Lock    Lock                  // of root's steps, where au is root; nil: none
	Seen    Seen                  // what the next steps of root's depend on
	Machine string                // where its root folder is; "" is /
	DryRun  bool                  // print and change nothing
	Brief   bool                  // each command is printed as one line, without the text on its standard input
	Execute func(*exec.Cmd) error // starts a command and waits for it; nil: (*exec.Cmd).Run
	done    []Step
	kept    bool   // something could not be taken back, and so the mark stays
	asked   bool   // whether sudo refuses Carry
	single  bool   // it does
	asRoot  bool   // this process carries a plan out, and root's commands run as they are
	self    string // how the plan names au
}

// Lock keeps what other au's do as root apart from what this one does, until unlock is called. It waits for its turn, or for the
// end of ctx.
type Lock func(ctx context.Context) (unlock func(), err error)

// Elevation returns the words that make a command root's: none where au is root, else sudo, else doas, whichever find finds.
func Elevation(root bool, find func(program string) (string, error)) ([]string, error) {
	if root {
		return nil, nil
	}
	for _, name := range []string{"sudo", "doas"} {
		if _, err := find(name); err == nil {
			return []string{name}, nil
		}
	}
	return nil, errors.New("neither sudo nor doas is installed: install one, or run au as root with --human NAME")
}

// Apply runs the steps in order and stops at the first that fails or when ctx ends. Rollback can take back its steps. Root's steps
// that follow each other are one stage: one root process carries it out, and takes it back if it fails. The error is then a
// Failure.
func (r *Runner) Apply(ctx context.Context, steps []Step) error {
	for len(steps) > 0 {
		n := stage(steps)
		if n > 1 && r.together() {
			err := r.carry(ctx, steps[:n])
			if err == errRefused {
				continue // by themselves
			}
			if err != nil {
				return err
			}
		} else {
			n = max(n, 1)
			if err := r.oneByOne(ctx, steps[:n]); err != nil {
				return err
			}
		}
		steps = steps[n:]
	}
	return nil
}

// stage returns how many steps of root's the list begins with.
func stage(steps []Step) int {
	n := slices.IndexFunc(steps, func(s Step) bool { return !s.root() })
	if n < 0 {
		return len(steps)
	}
	return n
}

// root reports whether all of a step is root's.
func (s Step) root() bool {
	return s.Do.Root && !slices.ContainsFunc(s.Undo, func(c Command) bool { return !c.Root })
}

// oneByOne runs steps each by itself.
func (r *Runner) oneByOne(ctx context.Context, steps []Step) error {
	unlock, err := r.lock(ctx, steps)
	if err != nil {
		return err
	}
	defer unlock()
	if stage(steps) > 0 && !r.DryRun {
		seen := r.Seen
		r.Seen = nil // these steps may change it
		if err := seen.check(r.Machine); err != nil {
			return err
		}
	}
	for _, s := range steps {
		if err := context.Cause(ctx); err != nil {
			return fmt.Errorf("stopped before %q: %w", s.Do.words(r.Elevate), err)
		}
		if err := r.run(ctx, s.Do); err != nil {
			return err
		}
		r.done = append(r.done, s)
	}
	return nil
}

// lock keeps other plans waiting while root's steps run, where au is root.
func (r *Runner) lock(ctx context.Context, steps []Step) (unlock func(), err error) {
	if r.Lock == nil || r.DryRun || !slices.ContainsFunc(steps, Step.root) {
		return func() {}, nil
	}
	return r.Lock(ctx)
}

// Rollback takes back what Apply ran, newest first, and goes on past failures and past Ctrl-C.
// The mark stays where anything else did, so that `au delete` still knows what is au's.
func (r *Runner) Rollback() error {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	steps := r.done
	r.done = nil
	var failed []error
	for len(steps) > 0 {
		n := lastStage(steps)
		var err error
		if undos(steps[len(steps)-n:]) > 1 && r.together() {
			if err = r.carryBack(steps[len(steps)-n:]); err == errRefused {
				continue // by themselves
			}
		} else {
			n = max(n, 1)
			err = r.takeBack(steps[len(steps)-n:])
		}
		if err != nil {
			failed = append(failed, err)
		}
		steps = steps[:len(steps)-n]
	}
	return errors.Join(failed...)
}

// lastStage returns how many steps of root's the list ends with.
func lastStage(steps []Step) (n int) {
	for n < len(steps) && steps[len(steps)-1-n].root() {
		n++
	}
	return n
}

// undos counts the commands that take steps back.
func undos(steps []Step) (n int) {
	for _, s := range steps {
		n += len(s.Undo)
	}
	return n
}

// takeBack takes steps back, each by itself.
func (r *Runner) takeBack(steps []Step) error {
	unlock, err := r.lock(context.Background(), steps)
	if err != nil {
		r.kept = true
		return err
	}
	defer unlock()
	var failed []error
	for _, s := range slices.Backward(steps) {
		if s.Mark && r.kept {
			continue
		}
		for _, undo := range s.Undo {
			if err := r.Run(undo); err != nil {
				r.kept = true
				failed = append(failed, err)
			}
		}
	}
	return errors.Join(failed...)
}

// Changed reports whether there is anything to take back.
func (r *Runner) Changed() bool { return len(r.done) > 0 }

// Print prints c as it is before it runs.
func (r *Runner) Print(c Command) {
	line := c.Shell(r.Elevate)
	if r.Brief {
		line = c.Line(r.Elevate)
	}
	fmt.Fprintf(r.Out, "$ %s\n", line)
}

// Run prints c and runs it.
func (r *Runner) Run(c Command) error { return r.run(context.Background(), c) }

func (r *Runner) run(ctx context.Context, c Command) error {
	r.Print(c)
	if r.DryRun {
		return nil
	}
	if err := context.Cause(ctx); err != nil { // known only now: nobody has read the line
		return fmt.Errorf("stopped before %q: %w", c.words(r.Elevate), err)
	}
	if c.Root {
		defer unix.Umask(unix.Umask(0o022)) // what is new is root's alone to write until its mode is set, whatever the caller's umask is
	}
	cmd := r.command(ctx, c)
	stdin, err := c.stdin()
	if err != nil {
		return fmt.Errorf("run %q: %w", strings.Join(c.Argv, " "), err)
	}
	if cmd.Stdin = stdin; c.From != "" {
		defer stdin.(*os.File).Close()
	}
	err = r.execute(cmd)
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) && !slices.Contains(c.OK, exitStatus(err)) {
		if c.Temp != "" {
			_ = r.run(context.Background(), Command{Argv: []string{"rm", "-f", c.Temp}, Root: c.Root}) // the message is about the failure
		}
		return fmt.Errorf("run %q: %w", strings.Join(c.Argv, " "), err)
	}
	return nil
}

// command returns the process that runs c.
func (r *Runner) command(ctx context.Context, c Command) *exec.Cmd {
	argv := c.Argv
	if c.Root && !r.asRoot {
		argv = append(slices.Clone(r.Elevate), argv...)
	}
	cmd := programs.CommandContext(ctx, argv...)
	cmd.Cancel = func() error { return os.ErrProcessDone } // it got the terminal's signal too
	cmd.Stdout, cmd.Stderr = r.Out, r.Err
	if r.asRoot {
		r.isolate(cmd)
	}
	return cmd
}

// Grace is how long the rest of what a command prints is waited for, once it has ended, where somebody reads it.
const Grace = 5 * time.Second

// grace is how long a command may still take when somebody asks for the end.
var grace = Grace

// isolate makes a command of a plan independent of the terminal, so that one that is soon done is not cut off.
func (r *Runner) isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = grace
	cmd.Cancel = func() error {
		time.AfterFunc(grace, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
		return os.ErrProcessDone // or what it did in the end would not count
	}
	if cmd.Args[0] == r.self {
		cmd.Path, cmd.Err = "/proc/self/exe", nil // this very program, whatever is at its path by now
	}
}

// stdin returns what the command reads; nil: nothing.
func (c Command) stdin() (io.Reader, error) {
	switch {
	case c.From != "":
		return c.file()
	case c.Text != "":
		return strings.NewReader(strings.TrimSuffix(c.Text, "\n") + "\n"), nil
	}
	return nil, nil
}

// file returns what is in From as an open file that nobody else has.
func (c Command) file() (io.Reader, error) {
	data := c.data
	if data == nil {
		var err error
		if data, err = c.read(); err != nil {
			return nil, err
		}
	}
	fd, err := unix.MemfdCreate("stdin", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), c.From)
	if _, err := f.Write(data); err != nil {
		return nil, err
	}
	_, err = f.Seek(0, io.SeekStart)
	return f, err
}

func (r *Runner) execute(cmd *exec.Cmd) error {
	if r.Execute != nil {
		return r.Execute(cmd)
	}
	return cmd.Run()
}

// exitStatus returns how a command that failed exited; -1 where it did not.
func exitStatus(err error) int {
	var exit interface{ ExitCode() int }
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}
