// SPDX-License-Identifier: GPL-3.0-or-later

package terminal

import (
	"io"
	"os"
)

// Paint colours words. The zero value leaves them as they are.
type Paint struct{ on bool }

// PaintFor returns the colours for what is written to w: none where that is no terminal, none on a dumb one, and none with NO_COLOR (no-color.org).
func PaintFor(w io.Writer) Paint {
	f, ok := w.(*os.File)
	return Paint{ok && Coloured() && isTerminal(int(f.Fd()))}
}

// Coloured reports whether colours are wanted where there is a terminal.
func Coloured() bool { return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" }

func (p Paint) with(code, s string) string {
	if !p.on {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// Red is for what is wrong.
func (p Paint) Red(s string) string { return p.with("31", s) }

// Green is for what is as it should be.
func (p Paint) Green(s string) string { return p.with("32", s) }

// Yellow is for what is to be looked at.
func (p Paint) Yellow(s string) string { return p.with("33", s) }
