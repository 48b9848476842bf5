// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/step"
)

// The text of a hint is where its error is made, in a hintError or a provision.Refusal. This file prints all hints alike.

// hintError is an error with a command to paste.
type hintError struct {
	error
	hint string
}

func (h hintError) Unwrap() error { return h.error }

// Hint is the command.
func (h hintError) Hint() string { return h.hint }

// hintOf returns the command that an error comes with.
func hintOf(err error) string {
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		return hinted.Hint()
	}
	return ""
}

// hintBegins is how a hint begins, for hintLine and isHint alone.
const hintBegins = "hint: "

// hintLine returns a hint as all commands print it. A name in it makes no line of its own.
func hintLine(h *host.Host, line string) string {
	return hintBegins + strings.ReplaceAll(advised(h, line), "\n", `\n`)
}

// isHint reports whether a line that a run has printed is one, or would look like one.
func isHint(line string) bool { return strings.HasPrefix(line, "au: "+hintBegins) }

// pasted returns an au command line to paste.
func pasted(words ...string) string {
	return step.Command{Argv: append([]string{"au"}, words...)}.Shell(nil)
}

// mountLine returns an `au mount` command to paste.
func mountLine(verb, agent string, words ...string) string {
	return pasted(slices.Concat([]string{"mount", verb, "--agent", agent}, words)...)
}

// refusal turns a refusal of provision's into one with a line to paste.
func refusal(err error) error {
	var r *provision.Refusal
	if errors.As(err, &r) && r.Hint != "" {
		return hintError{r, r.Hint}
	}
	return err
}
