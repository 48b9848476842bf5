// SPDX-License-Identifier: GPL-3.0-or-later

//go:build linux

package terminal

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Style is how text looks: the parameters of SGR (ECMA-48, 8.3.117).
type Style string

// The styles that are in use.
const (
	Plain   Style = ""
	Bold    Style = "1"
	Dim     Style = "2"
	Reverse Style = "7"
	Yellow  Style = "33"
	BoldRed Style = "1;31"
)

// Text is some text of a line.
type Text struct {
	Words string
	Style Style
}

// Line is what one line of the screen shows, from its left edge.
type Line []Text

// The characters that are drawn beside ASCII, and those in their place if the locale has no UTF-8.
const (
	drawn      = "▁▂▃▄▅▆▇█…"
	drawnASCII = ".:-=+*#@~"
)

// glyph returns what shows a character in exactly one column. Of what is
// neither ASCII nor drawn, nobody knows how wide it is on this terminal, and
// what it does there.
func glyph(r rune, ascii bool) rune {
	if r >= ' ' && r < 0x7f {
		return r
	}
	at := strings.IndexRune(drawn, r)
	switch {
	case at < 0:
		return '?'
	case ascii:
		return rune(drawnASCII[utf8.RuneCountInString(drawn[:at])])
	}
	return r
}

// frame returns what makes a screen of that size show the lines, cut to it, and nothing else. Unchanged cells are written over with
// themselves, so that nothing flickers, in a terminal with synchronised updates (mode 2026) or not.
func frame(lines []Line, width, height int, ascii bool) []byte {
	var out bytes.Buffer
	out.WriteString("\x1b[?2026h")
	for y := range height {
		fmt.Fprintf(&out, "\x1b[%d;1H", y+1)
		room := width
		if y < len(lines) {
			for _, t := range lines[y] {
				room -= t.write(&out, room, ascii)
			}
		}
		// After the last column the cursor is still on it.
		if room > 0 {
			out.WriteString("\x1b[K")
		}
	}
	out.WriteString("\x1b[?2026l")
	return out.Bytes()
}

// write writes the text, cut to room columns, and returns how many it took.
func (t Text) write(out *bytes.Buffer, room int, ascii bool) (columns int) {
	if t.Style != Plain {
		fmt.Fprintf(out, "\x1b[%sm", t.Style)
	}
	for _, r := range t.Words {
		if columns == room {
			break
		}
		out.WriteRune(glyph(r, ascii))
		columns++
	}
	if t.Style != Plain {
		out.WriteString("\x1b[0m")
	}
	return columns
}
