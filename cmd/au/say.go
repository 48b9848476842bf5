// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/a4u2/au/internal/quote"
)

// Exit statuses of au itself, beside 0 and start.Refused.
const (
	statusFailed  = 1
	statusUsage   = 2
	statusChanged = 3
)

// exitError ends au with that status; all has been said.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// show returns a name that others chose as a person may read it.
func show(name string) string { return quote.Name(name) }

func num(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

func detail(text string) string {
	if text == "" {
		return ""
	}
	return " (" + show(text) + ")"
}

// together returns words as a sentence has them: a, b and c.
func together(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
