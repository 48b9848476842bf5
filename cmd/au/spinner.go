// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"io"
	"time"

	"github.com/a4u2/au/cmd/au/terminal"
	"github.com/a4u2/au/internal/tree"
)

// watchWalk shows how far a walk is, on a terminal only, until the function that it returns is called.
func watchWalk(w io.Writer, source string, files *tree.Tree) (stop func()) {
	f := terminal.OnTerminal(w)
	if f == nil {
		return func() {}
	}
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		for {
			select {
			case <-done:
				fmt.Fprint(f, "\r\x1b[K")
				return
			case <-time.After(100 * time.Millisecond):
				fmt.Fprintf(f, "\r\x1b[K%s: %d files", show(source), files.Visited.Load())
			}
		}
	}()
	return func() { close(done); <-gone }
}

// spinner shows that au waits, on a terminal only.
type spinner struct {
	w     io.Writer
	text  string
	shown int
}

func (s *spinner) tick() {
	if f := terminal.OnTerminal(s.w); f != nil {
		fmt.Fprintf(f, "\r%s %c", s.text, `|/-\`[s.shown%4])
		s.shown++
	}
}

func (s *spinner) stop() {
	if s.shown > 0 {
		fmt.Fprint(terminal.OnTerminal(s.w), "\r\x1b[K")
	}
}
