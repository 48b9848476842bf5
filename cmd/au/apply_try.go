// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"github.com/a4u2/au/internal/bounded"
	"github.com/a4u2/au/internal/programs"
)

// command returns an act as it is typed, `au` and all.
func (w *applying) command(a *act) []string {
	words := []string{"au"}
	if w.host.UID() == 0 {
		words = append(words, "--human", a.human)
	}
	if w.Config != "" {
		words = append(words, "--config", w.Config)
	}
	return append(words, a.words...)
}

// as returns an act's command with more words; nobody is there to be asked.
func (w *applying) as(ctx context.Context, a *act, out, errw io.Writer, more ...string) *exec.Cmd {
	if w.cmd.Verbose {
		more = append(more, "--verbose")
	}
	cmd := programs.CommandContext(ctx, append(w.command(a), more...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(a.input), out, errw
	return cmd
}

// A command that only looks may take so long, and print so many bytes. It becomes the human, whose folders may be on a server that
// does not answer: root does not wait for that.
const (
	tryTime = 5 * time.Minute
	tryMost = 4 << 20
)

// look runs an act's command, which only looks, and returns what it printed, and its status. Where there is none, that is an error.
func (w *applying) look(a *act, more ...string) (out, errs string, status int, err error) {
	ctx, stop := context.WithTimeout(w.ctx, w.patience)
	defer stop()
	said, complained := bounded.Buffer{Limit: tryMost}, bounded.Buffer{Limit: tryMost}
	cmd := w.as(ctx, a, &said, &complained, more...)
	cmd.WaitDelay = time.Second
	err = w.itself(cmd)
	var exit interface{ ExitCode() int }
	switch {
	case ctx.Err() != nil:
		err = fmt.Errorf("`%s` did not end within %s", w.line(a), w.patience)
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		status, err = exit.ExitCode(), nil
	case errors.Is(err, exec.ErrWaitDelay): // something that it started goes on, and it is through
		err = nil
	}
	return said.String(), complained.String(), status, err
}

// try looks at what each command would do, and keeps those that would change something. A refusal means a mistake in the file,
// and nothing has changed.
func (w *applying) try() error {
	made := map[string]bool{} // agents that are made, or made whole, by a command that is due
	for _, a := range w.acts {
		due, text, err := w.tried(a)
		if err != nil && !a.planned && made[a.agent] {
			due, text, err = true, "", w.parses(a)
		}
		if err != nil {
			return w.refused(a, err)
		}
		if !due {
			continue
		}
		made[a.agent] = made[a.agent] || a.words[0] == "new"
		a.state = "due"
		w.due = append(w.due, a)
		if w.cmd.DryRun {
			fmt.Fprintf(w.out, "$ %s\n%s", w.line(a), text)
		}
	}
	return nil
}

// tried reports whether a command would change anything, and what it prints about that.
func (w *applying) tried(a *act) (due bool, text string, err error) {
	if a.planned && a.trial == nil {
		return true, "# what it does depends on what is made above\n", w.parses(a)
	}
	out, errs, status, err := w.look(a, append([]string{"--dry-run", "--detailed-exitcode"}, a.trial...)...)
	switch {
	case err != nil || status == 0:
		return false, "", err
	case status == statusChanged:
		return true, errs + out, nil
	}
	return false, "", complaint(errs)
}

// parses says what the grammar has against a command that cannot be tried yet.
func (w *applying) parses(a *act) error {
	_, err := parse(newParser(&struct{ globals }{}, a.words), a.words)
	return err
}

// refused says that a command cannot do what the file asks for.
func (w *applying) refused(a *act, err error) error {
	text, hint := err.Error(), hintOf(err)
	if about := fmt.Sprintf("agent %q", a.agent); !strings.Contains(text, about) {
		text = about + ": " + text
	}
	placed := w.file.ErrorAt(a.at, a.key, "%s", text)
	if hint == "" {
		return placed
	}
	return hintError{placed, hint}
}

// complaint is what another au said against something: its last error, with the hint behind it.
func complaint(text string) error {
	said, hint := "au has ended without a word", ""
	for line := range strings.Lines(text) {
		line, ours := strings.CutPrefix(strings.TrimSpace(line), "au: ")
		kind, rest, _ := strings.Cut(line, ": ")
		switch {
		case !ours || kind == "warning":
		case kind == "hint":
			hint = rest
		default:
			said = line
		}
	}
	if hint == "" {
		return errors.New(said)
	}
	return hintError{errors.New(said), hint}
}
