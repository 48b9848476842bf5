// SPDX-License-Identifier: GPL-3.0-or-later

package terminal

import (
	"io"
	"os"

	"github.com/a4u2/au/internal/quote"
)

// Paint colours words. The zero value leaves them as they are.
type Paint struct{ on bool }

// PaintFor returns the colours for what is written to w: none unless that is a terminal, none on a dumb one, and none with NO_COLOR
// (no-color.org).
func PaintFor(w io.Writer) Paint {
	return Paint{Coloured() && OnTerminal(w) != nil}
}

// OnTerminal returns the terminal that w writes to, on which whoever writes to it directly answers for what that does to it; nil
// where w writes elsewhere.
func OnTerminal(w io.Writer) *os.File {
	if quoting, ok := w.(*quote.Writer); ok {
		w = quoting.To
	}
	if f, ok := w.(*os.File); ok && isTerminal(int(f.Fd())) {
		return f
	}
	return nil
}

// Quoting returns a writer to w that lets nothing through that steers a terminal, but for the colours of Paint where there are any.
func Quoting(w io.Writer) *quote.Writer {
	return &quote.Writer{To: w, Pass: PaintFor(w).Codes()}
}

// Codes are what the colours are made of; none where there are none.
func (p Paint) Codes() []string {
	if !p.on {
		return nil
	}
	return []string{start + red + end, start + green + end, start + yellow + end, start + plain + end}
}

// Coloured reports whether colours are wanted where there is a terminal.
func Coloured() bool { return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" }

// The parts of a colour.
const start, red, green, yellow, plain, end = "\x1b[", "31", "32", "33", "0", "m"

func (p Paint) with(code, s string) string {
	if !p.on {
		return s
	}
	return start + code + end + s + start + plain + end
}

// Red is for what is wrong.
func (p Paint) Red(s string) string { return p.with(red, s) }

// Green is for what is as it should be.
func (p Paint) Green(s string) string { return p.with(green, s) }

// Yellow is for what is to be looked at.
func (p Paint) Yellow(s string) string { return p.with(yellow, s) }
