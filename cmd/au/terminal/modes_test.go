// SPDX-License-Identifier: GPL-3.0-or-later

//go:build linux

package terminal

import (
	"bytes"
	"strings"
	"testing"
)

// leftOn is what a program writes, and what takes it back.
var leftOn = []struct{ name, on, off string }{
	{"nothing", "plain text, \x1b[1mbold\x1b[m and \x1b[31mred\x1b[0m\r\n", ""},
	{"the other screen", "\x1b[?1049h", "\x1b[?1049l"},
	{"the other screen, and left", "\x1b[?1049hx\x1b[?1049l", ""},
	{"its older names", "\x1b[?47h\x1b[?1047h", "\x1b[?1047l\x1b[?47l"},
	{"the mouse", "\x1b[?1000;1002h\x1b[?1003h\x1b[?1006h", "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l"},
	{"focus and paste", "\x1b[?1004h\x1b[?2004h", "\x1b[?1004l\x1b[?2004l"},
	{"no cursor", "\x1b[?25l", "\x1b[?25h"},
	{"no cursor, and again", "\x1b[?25l\x1b[?25h", ""},
	{"no wrap, inverse", "\x1b[?7l\x1b[?5h", "\x1b[?5l\x1b[?7h"},
	{"drawing held back", "\x1b[?2026h", "\x1b[?2026l"},
	{"keys", "\x1b[?1h\x1b=", "\x1b[?1l\x1b>"},
	{"keypad by number", "\x1b[?66h", "\x1b[?66l"},
	{"inserting", "\x1b[4h", "\x1b[4l"},
	{"kitty's keys", "\x1b[>1u\x1b[>5u", "\x1b[<2u"},
	{"kitty's keys, some taken back", "\x1b[>1u\x1b[>5u\x1b[>1u\x1b[<u\x1b[<1u", "\x1b[<1u"},
	{"kitty's keys, set", "\x1b[=5;1u", "\x1b[=0u"},
	{"kitty's keys, asked for", "\x1b[?u\x1b[u\x1b[s", ""},
	{"kitty's keys on both screens", "\x1b[>1u\x1b[?1049h\x1b[>3u", "\x1b[<1u\x1b[?1049l\x1b[<1u"},
	{"modifyOtherKeys", "\x1b[>4;2m", "\x1b[>4m"},
	{"modifyOtherKeys, and off", "\x1b[>4;2m\x1b[>4;0m\x1b[>4;1m\x1b[>4m", ""},
	{"colours", "\x1b[38;5;0m", "\x1b[m"},
	{"colours with colons", "\x1b[38:2::255:0:0m", "\x1b[m"},
	{"line drawing", "\x1b(0lqk", "\x1b(B"},
	{"shifted out", "\x1b)0\x0elqk", "\x0f"},
	{"shifted out and in", "\x0elqk\x0f", ""},
	{"no UTF-8", "\x1b%@", "\x1b%G"},
	{"a region that scrolls", "\x1b[2;10r", "\x1b7\x1b[r\x1b8"},
	{"lines counted from the region", "\x1b[2;10r\x1b[?6h", "\x1b[?6l\x1b[r\x1b[9999;1H"},
	{"another cursor", "\x1b[4 q", "\x1b[0 q"},
	{"titles", "\x1b[22;0;0t\x1b]0;mine\x07\x1b[22;2t", "\x1b[23;2t\x1b[23;0t"},
	{"titles, taken back", "\x1b[22;2t\x1b[22;1t\x1b[23;2t\x1b[23;1t", ""},
	{"its size asked for", "\x1b[18t\x1b[14t\x1b[6n\x1b[c\x1b[>c\x1b[?1049$p", ""},
	{"a link", "\x1b]8;id=1;https://example.com\x1b\\text", "\x1b]8;;\x1b\\"},
	{"a link that ends", "\x1b]8;;https://example.com\x07text\x1b]8;;\x07", ""},
	{"a very long link", "\x1b]8;;https://" + strings.Repeat("x", 5000) + "\x07text", "\x1b]8;;\x1b\\"},
	{"progress", "\x1b]9;4;1;50\x07", "\x1b]9;4;0\x1b\\"},
	{"progress that ends, and a message", "\x1b]9;4;1;50\x07\x1b]9;4;0\x07\x1b]9;hello\x07", ""},
	{"colours of the terminal", "\x1b]11;#000000\x07\x1b]4;1;red\x1b\\", "\x1b]104\x1b\\\x1b]111\x1b\\"},
	{"colours of the terminal, asked for", "\x1b]11;?\x07\x1b]4;1;?\x1b\\", ""},
	{"everything as in the beginning", "\x1b[?1049h\x1b[?1003h\x1b[>1u\x1b[1m\x1bc", ""},
	{"in the middle of a command", "\x1b[?25l\x1b]0;half a ti", "\x1b\\\x1b[?25h"},
	{"in the middle of a link", "\x1b]8;;x", "\x1b\\\x1b]8;;\x1b\\"},
	{"in the middle of a string", "\x1bPq#0;2;0;0;0", "\x1b\\"},
	{"in a string, which is not obeyed", "\x1bP\x0e[?1049h\x1b\\\x1b_G[?25l\x1b\\", ""},
	{"a string that another sequence ends", "\x1b]0;title\x1b[?25l", "\x1b[?25h"},
	{"cancelled", "\x1b[?25\x18l\x1b[?25\x1al", ""},
	{"begun again", "\x1b[?1\x1b[?25l", "\x1b[?25h"},
	{"many parameters", "\x1b[?" + strings.Repeat("0;", 30) + "25l", "\x1b[?25h"},
	{"more parameters than any terminal takes", "\x1b[" + strings.Repeat("0;", 5000) + "1m", "\x1b[m"},
	{"a huge number", "\x1b[?99999999999999999999999999h", ""},
	{"unknown ones", "\x1b[?31337h\x1b[12h\x1b[?1049z\x1b#8", ""},
}

// offAfter returns what takes back what the pieces switch on, each tracked by itself.
func offAfter(pieces ...string) string {
	var m modes
	for _, p := range pieces {
		m.track([]byte(p))
	}
	return string(m.off())
}

func TestWhatIsOnIsSwitchedOff(t *testing.T) {
	for _, c := range leftOn {
		if got := offAfter(c.on); got != c.off {
			t.Errorf("%s: after %.100q came %q, not %q", c.name, c.on, got, c.off)
		}
		if got := offAfter(strings.Split(c.on, "")...); got != c.off {
			t.Errorf("%s: byte by byte: after %.100q came %q, not %q", c.name, c.on, got, c.off)
		}
		for i := range min(len(c.on), 300) {
			if got := offAfter(c.on[:i], c.on[i:]); got != c.off {
				t.Errorf("%s: after %.100q and %.100q came %q, not %q", c.name, c.on[:i], c.on[i:], got, c.off)
			}
		}
	}
}

func TestEndedIsHeardInAnyPieces(t *testing.T) {
	said := "\x1b[?25lx" + "\x1b[?16725l" + "report"
	for i := range said {
		var m modes
		first, over := m.track([]byte(said[:i]))
		second := 0
		if !over {
			second, over = m.track([]byte(said[i:]))
		}
		if at := first + second; !over || said[at:] != "report" {
			t.Errorf("after %q and %q it was heard: %v, before %q", said[:i], said[i:], over, said[at:])
		}
		if got := string(m.off()); got != "\x1b[?25h" {
			t.Errorf("what was on before was taken back with %q", got)
		}
	}
}

// FuzzModes wants that what takes modes back does so, that it is the same in whatever pieces the bytes come, and short.
func FuzzModes(f *testing.F) {
	for _, c := range leftOn {
		f.Add([]byte(c.on), len(c.on)/2)
	}
	f.Fuzz(func(t *testing.T, data []byte, at int) {
		at = max(0, min(at, len(data)))
		var whole, pieces modes
		for rest := data; len(rest) > 0; {
			n, _ := whole.track(rest)
			if n == 0 {
				t.Fatalf("it stands still before %q", rest)
			}
			rest = rest[n:]
		}
		for _, rest := range [][]byte{data[:at], data[at:]} {
			for len(rest) > 0 {
				n, _ := pieces.track(rest)
				rest = rest[n:]
			}
		}
		off := pieces.off()
		for rest := off; len(rest) > 0; {
			n, _ := whole.track(rest)
			rest = rest[n:]
		}
		if left := whole.off(); len(left) > 0 {
			t.Errorf("after %q and %q there is still %q on", data, off, left)
		}
		if len(off) > 1000 {
			t.Errorf("%d bytes take back %q", len(off), data)
		}
	})
}

// 4 MiB of each would not end within a test's time if a byte were looked at more than once or twice.
func TestTrackingRemembersLittle(t *testing.T) {
	for _, piece := range []string{"\x0e", "\x1b", "\x1b[", "\x1b]", "\x1b[1;", "\x1b[22;0t", "\x1b[>1u", "\x1b]8;;x\x07", "\x1b[?25l", "x"} {
		var m modes
		m.track(bytes.Repeat([]byte(piece), 4<<20/len(piece)))
		if len(m.titles) > maxTitles || cap(m.text) > 2*maxText {
			t.Errorf("of %q it remembers %d titles and %d bytes", piece, len(m.titles), cap(m.text))
		}
	}
}

func TestAKilledRunLeavesTheTerminalAsItWas(t *testing.T) {
	h := shell(t)
	on := `printf "\033[?1049h\033[?1003h\033[?25l"`
	off := `\x1b\[\?1003l\x1b\[\?1049l\x1b\[\?25h`
	h.does("au sh -c '"+on+"; kill -9 $$'; echo \"status $?.\"", off+`status 137\.`)
	h.expect("ready> ")
	h.types("au sh -c '" + on + "; exec sleep 100'; echo \"status $?.\"\n")
	h.expect(`\x1b\[\?25l`)
	h.types("\x03")
	h.expect(off + `status 130\.`)
	h.expect("ready> ")
	// A mode that a program leaves on, and that ends by itself, is the program's own affair.
	h.does("au sh -c '"+on+"; exit 3'; echo \"status $?.\"", `\x1b\[\?25lstatus 3\.`)
	h.expect("ready> ")
}
