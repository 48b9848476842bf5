// SPDX-License-Identifier: GPL-3.0-or-later

package step

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// marked writes what comes behind a mark, all streams to one place.
type marked struct {
	mark string
	to   *strings.Builder
}

func (m marked) Write(p []byte) (int, error) { return m.to.WriteString(m.mark + string(p)) }

// demand returns what arrives of text that comes in pieces of n bytes, each stream behind its mark.
func demand(text string, n int) (string, error) {
	var all strings.Builder
	var err error
	u := &unframe{streams: map[byte]io.Writer{streamOut: marked{"<", &all}, streamErr: marked{">", &all}}}
	for len(text) > 0 && err == nil {
		part := text[:min(n, len(text))]
		_, err = u.Write([]byte(part))
		text = text[len(part):]
	}
	return all.String(), err
}

func TestFramesArriveInOrder(t *testing.T) {
	var wire bytes.Buffer
	f := &frames{to: &wire}
	io.WriteString(f.stream(streamOut), "one\n")
	io.WriteString(f.stream(streamErr), "e5\no9\n")
	io.WriteString(f.stream(streamOut), "")
	io.WriteString(f.stream(streamOut), "two")
	if all, err := demand(wire.String(), wire.Len()); err != nil || all != "<one\n>e5\no9\n<two" {
		t.Errorf("%q arrived, %v", all, err)
	}
	for n := 1; n < wire.Len(); n++ {
		all, err := demand(wire.String(), n)
		if all = strings.NewReplacer("<", "", ">", "").Replace(all); err != nil || all != "one\ne5\no9\ntwo" {
			t.Errorf("in pieces of %d %q arrived, %v", n, all, err)
		}
	}
}

func TestWhatIsNoFrameIsRefused(t *testing.T) {
	for _, text := range []string{"\n", "hello\n", "x3\nabc", "o-1\n", "o99999999999\n", "o", strings.Repeat("o1", 40)} {
		if _, err := demand(text, 1); err == nil && text != "o" {
			t.Errorf("%q was understood", text)
		}
	}
}

type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestAReaderWhoIsGoneStopsNothing(t *testing.T) {
	f := &frames{to: closed{}, lost: func() {}}
	if n, err := io.WriteString(f.stream(streamOut), "text"); n != 4 || err != nil || !f.gone {
		t.Errorf("%d bytes, %v, gone: %v", n, err, f.gone)
	}
}
