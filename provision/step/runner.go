// SPDX-License-Identifier: GPL-3.0-or-later

package step

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

// Runner runs steps, prints each before it runs, and can take back what it ran.
type Runner struct {
	Out     io.Writer             // the `$ …` lines and what the commands print
	Err     io.Writer             // what the commands print on standard error
	Elevate []string              // put before the argv of a root command: nil for root, else {"sudo"} or {"doas"}
	DryRun  bool                  // print and change nothing
	Execute func(*exec.Cmd) error // starts a command and waits for it; nil: (*exec.Cmd).Run
	done    []Step
}

// Elevation returns the words that make a command root's: none where au is root, else sudo, else doas.
func Elevation(root bool) ([]string, error) {
	if root {
		return nil, nil
	}
	for _, name := range []string{"sudo", "doas"} {
		if _, err := exec.LookPath(name); err == nil {
			return []string{name}, nil
		}
	}
	return nil, errors.New("neither sudo nor doas is installed: install one, or run au as root with --human NAME")
}

// Apply runs the steps in order and stops at the first that fails or when ctx ends. What it ran can be taken back with Rollback.
func (r *Runner) Apply(ctx context.Context, steps []Step) error {
	for _, s := range steps {
		if err := context.Cause(ctx); err != nil {
			return fmt.Errorf("stopped before %q: %w", s.Do.Shell(r.Elevate), err)
		}
		if err := r.Run(s.Do); err != nil {
			return err
		}
		r.done = append(r.done, s)
	}
	return nil
}

// Rollback takes back what Apply ran, newest first, and goes on past failures and past Ctrl-C.
// The mark stays where anything else did, so that `au delete` still knows what is au's.
func (r *Runner) Rollback() error {
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	var failed []error
	for _, s := range slices.Backward(r.done) {
		if s.Mark && len(failed) > 0 {
			continue
		}
		for _, undo := range s.Undo {
			if err := r.Run(undo); err != nil {
				failed = append(failed, err)
			}
		}
	}
	r.done = nil
	return errors.Join(failed...)
}

// Changed reports whether there is anything to take back.
func (r *Runner) Changed() bool { return len(r.done) > 0 }

// Run prints c and runs it.
func (r *Runner) Run(c Command) error {
	fmt.Fprintf(r.Out, "$ %s\n", c.Shell(r.Elevate))
	if r.DryRun {
		return nil
	}
	argv := c.Argv
	if c.Root {
		argv = append(slices.Clone(r.Elevate), argv...)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = r.Out, r.Err
	if c.From != "" {
		f, err := os.Open(c.From)
		if err != nil {
			return fmt.Errorf("run %q: %w", strings.Join(c.Argv, " "), err)
		}
		defer f.Close()
		cmd.Stdin = f
	} else if c.Text != "" {
		cmd.Stdin = strings.NewReader(strings.TrimSuffix(c.Text, "\n") + "\n")
	}
	execute := r.Execute
	if execute == nil {
		execute = (*exec.Cmd).Run
	}
	err := execute(cmd)
	var exit interface{ ExitCode() int }
	if errors.As(err, &exit) && slices.Contains(c.OK, exit.ExitCode()) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("run %q: %w", strings.Join(c.Argv, " "), err)
	}
	return nil
}
