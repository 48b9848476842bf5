// SPDX-License-Identifier: GPL-3.0-or-later

//go:build linux

package main

import (
	"fmt"
	"os"
	"strings"
)

// What stands between these lines of a Markdown file is the bench's.
const (
	beginMark = "<!-- figures: from here on written by make bench -->"
	endMark   = "<!-- figures: to here -->"
)

// splice puts the text of one file between the marks of another.
func splice(page, from string) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	figures, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	joined, err := spliced(string(text), string(figures))
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	return os.WriteFile(page, []byte(joined), 0o644)
}

func spliced(page, figures string) (string, error) {
	before, rest, ok := strings.Cut(page, beginMark)
	if !ok {
		return "", fmt.Errorf("there is no %q", beginMark)
	}
	_, after, ok := strings.Cut(rest, endMark)
	if !ok {
		return "", fmt.Errorf("there is no %q", endMark)
	}
	return before + beginMark + "\n\n" + strings.TrimSpace(figures) + "\n\n" + endMark + after, nil
}
