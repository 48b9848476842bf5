// SPDX-License-Identifier: GPL-3.0-or-later

package quote

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// Writer passes on what Text leaves of all that is written: whatever others chose, and whoever forgot to quote it, nothing reaches
// a terminal that steers it.
type Writer struct {
	To   io.Writer
	Pass []string // sequences that au itself makes, such as colours
	Lost error    // the first error of writing, for who prints without looking at each
}

// Write never writes less than all of p without an error.
func (w *Writer) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.To, Text(string(p), w.Pass...)); err != nil {
		w.Lost = cmp.Or(w.Lost, err)
		return 0, err
	}
	return len(p), nil
}

// JSON returns a JSON text with what is not plain in its strings as \uNNNN.
func JSON(text []byte) []byte {
	var out bytes.Buffer
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		_, ok := plainRune(string(text[:n]))
		switch {
		case ok || n == 1 && r != 0x7f: // encoding/json has seen to what is below a space and to what is no UTF-8
			out.Write(text[:n])
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
		text = text[n:]
	}
	return out.Bytes()
}
