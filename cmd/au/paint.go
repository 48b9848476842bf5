// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"os"

	"golang.org/x/term"
)

// paint colours words, on a terminal only and never with NO_COLOR (no-color.org).
type paint struct{ on bool }

func (a *app) paint() paint {
	f, ok := a.out.(*os.File)
	return paint{ok && coloured() && term.IsTerminal(int(f.Fd()))}
}

// coloured reports whether colours are wanted where there is a terminal.
func coloured() bool { return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" }

func (p paint) with(code, s string) string {
	if !p.on {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p paint) red(s string) string    { return p.with("31", s) }
func (p paint) green(s string) string  { return p.with("32", s) }
func (p paint) yellow(s string) string { return p.with("33", s) }
