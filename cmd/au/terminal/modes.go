// SPDX-License-Identifier: GPL-3.0-or-later

//go:build linux

package terminal

import (
	"bytes"
	"fmt"

	"golang.org/x/sys/unix"
)

// A modes knows what the bytes that passed through it have switched on in the terminal behind it, as far as xterm's control
// sequences and those that newer terminals share say (https://invisible-island.net/xterm/ctlseqs/ctlseqs.html,
// https://sw.kovidgoyal.net/kitty/keyboard-protocol/). It looks at each byte once, and remembers no more than is here. Sequences of
// 8-bit controls are not understood.
type modes struct {
	parser
	private  uint64         // a bit for each of privateModes that is not as it is by default
	ansi     uint64         // the same for ansiModes
	keyboard [2]keyboard    // of the main and of the other screen
	keys     [8]bool        // modifyOtherKeys and its like, by resource
	colours  [len(osc)]bool // what an OSC has set
	titles   []int          // that were put on the stack: both, icon or window
	keypad   bool           // sends sequences
	attrs    bool           // bold, colours and so on
	region   bool           // less than the screen scrolls
	cursor   bool           // has another shape
	link     bool           // what is written links somewhere
	progress bool           // is shown in the window's frame
	shifted  bool           // to another set of characters
	letters  bool           // set 0 is no ASCII
	latin    bool           // no UTF-8
}

// A keyboard is the state of the kitty keyboard protocol on one screen.
type keyboard struct {
	pushed int
	set    bool
}

type mode struct {
	number  int
	initial bool // on from the start
}

// privateModes are those whose initial state is the same in all terminals and that a shell does not set itself, in the order in
// which they are taken back.
var privateModes = [...]mode{
	{2026, false},                                                                                                                      // nothing is drawn until it ends
	{9, false}, {1000, false}, {1001, false}, {1002, false}, {1003, false}, {1005, false}, {1006, false}, {1015, false}, {1016, false}, // the mouse
	{1004, false},                               // the focus is reported,
	{2004, false}, {2031, false}, {2048, false}, // what is pasted, colours, sizes
	{9001, false}, {1, false}, {66, false}, // keys
	{1049, false}, {1047, false}, {47, false}, // the other screen
	{5, false}, {69, false}, {6, false}, {7, true}, {25, true}, // inverse, margins, origin, wrap, cursor
}

var ansiModes = [...]mode{{2, false}, {4, false}, {20, false}} // no keys, insert, new lines

// otherScreen are the bits of the modes that switch to it, origin that of the one that counts lines from the margins.
var otherScreen, origin = bits(1049, 1047, 47), bits(6)

func bits(numbers ...int) (set uint64) {
	for _, n := range numbers {
		set |= bit(privateModes[:], n)
	}
	return set
}

// bit returns that of a mode, 0 for one that is not known.
func bit(known []mode, number int) uint64 {
	for i, m := range known {
		if m.number == number {
			return 1 << i
		}
	}
	return 0
}

// osc are operating system commands that set a colour, and the ones that take it back.
var osc = [...]struct{ set, reset int }{{4, 104}, {10, 110}, {11, 111}, {12, 112}, {17, 117}, {19, 119}}

// maxTitles is more than any program puts on the stack.
const maxTitles = 10

// ended is a private mode that no terminal has (DECRST of it does nothing). A program that speaks after a killed run writes it, so
// that its text does not appear on the other screen.
const ended = 16725

// SayEnded tells the au that this process's terminal belongs to, where there is one, that the run was killed, and that its modes
// are to be taken back now.
func SayEnded() {
	for _, fd := range []int{2, 1, 0} {
		if isTerminal(fd) {
			unix.Write(fd, fmt.Appendf(nil, "\x1b[?%dl", ended))
			return
		}
	}
}

// track notes what data switches on or off. It returns how many bytes of data it has looked at: all of them, or, with over, those
// until SayEnded was heard.
func (m *modes) track(data []byte) (n int, over bool) {
	for n < len(data) {
		if m.state == ground {
			n += skipText(data[n:])
			if n == len(data) {
				break
			}
		}
		c := data[n]
		n++
		if done := m.step(c); done != nothing && m.act(done, c) {
			return n, true
		}
	}
	return n, false
}

// skipText returns how many bytes come before the next one that can begin something.
func skipText(data []byte) int {
	if i := bytes.IndexAny(data, "\x0e\x0f\x1b"); i >= 0 {
		return i
	}
	return len(data)
}

// act carries a sequence out that ends with final, and reports whether it was SayEnded's.
func (m *modes) act(what event, final byte) (over bool) {
	switch what {
	case single:
		m.shifted = final == shiftOut
	case escaped:
		m.escape(final)
	case controlled:
		return m.control(final)
	case commanded:
		m.command()
	}
	return false
}

// escape carries out ESC, intermediate bytes, final.
func (m *modes) escape(final byte) {
	switch {
	case m.between == '(':
		m.letters = final != 'B'
	case m.between == '%':
		m.latin = final == '@'
	case m.between != 0:
	case final == 'c': // everything is as in the beginning
		*m = modes{}
	case final == '=' || final == '>':
		m.keypad = final == '='
	case final == 'n' || final == 'o':
		m.shifted = true
	}
}

// control carries out CSI, parameters, intermediate bytes, final.
func (m *modes) control(final byte) (over bool) {
	switch kind := string([]byte{m.prefix, m.between, final}); kind {
	case "?\x00h", "?\x00l":
		for _, n := range m.numbers() {
			over = over || n == ended && final == 'l'
			change(&m.private, privateModes[:], n, final == 'h')
		}
	case "\x00\x00h", "\x00\x00l":
		for _, n := range m.numbers() {
			change(&m.ansi, ansiModes[:], n, final == 'h')
		}
	case "\x00\x00m":
		m.attrs = m.any()
	case "\x00\x00r":
		m.region = m.any()
	case "\x00\x00t":
		m.title(m.number(0), m.number(1))
	case "\x00 q":
		m.cursor = m.any()
	case ">\x00m":
		if n := m.number(0); n < len(m.keys) {
			m.keys[n] = m.number(1) > 0
		}
	case ">\x00u", "<\x00u", "=\x00u":
		m.keyboard[m.screen()].change(m.prefix, m.number(0))
	}
	return over
}

// change notes that a mode has been switched on or off.
func change(set *uint64, known []mode, number int, on bool) {
	b := bit(known, number)
	if b == 0 {
		return
	}
	*set &^= b
	for i, m := range known {
		if m.number == number && m.initial != on {
			*set |= 1 << i
		}
	}
}

// screen returns which one is shown.
func (m *modes) screen() int {
	if m.private&otherScreen != 0 {
		return 1
	}
	return 0
}

// change carries out what the kitty protocol says with CSI prefix n u.
func (k *keyboard) change(prefix byte, n int) {
	switch prefix {
	case '>':
		k.pushed = min(k.pushed+1, 99)
	case '<':
		k.pushed = max(k.pushed-max(n, 1), 0)
	case '=':
		k.set = n > 0
	}
}

// title notes what is put on the stack of titles, or taken from it.
func (m *modes) title(do, which int) {
	switch {
	case do == 22 && which <= 2 && len(m.titles) < maxTitles:
		m.titles = append(m.titles, which)
	case do == 23 && len(m.titles) > 0:
		m.titles = m.titles[:len(m.titles)-1]
	}
}

// command carries out an operating system command.
func (m *modes) command() {
	word, rest, _ := bytes.Cut(m.text, []byte(";"))
	number := string(word)
	for i, c := range osc {
		switch number {
		case fmt.Sprint(c.set):
			m.colours[i] = m.colours[i] || !bytes.Contains(rest, []byte("?"))
		case fmt.Sprint(c.reset):
			m.colours[i] = false
		}
	}
	switch number {
	case "8":
		_, target, _ := bytes.Cut(rest, []byte(";"))
		m.link = len(target) > 0 || m.cut
	case "9":
		if state, isProgress := bytes.CutPrefix(rest, []byte("4;")); isProgress {
			m.progress = !bytes.HasPrefix(state, []byte("0"))
		}
	}
}

// off returns what switches everything off that is on, and forgets it.
func (m *modes) off() []byte {
	var out bytes.Buffer
	when := func(on bool, format string, args ...any) {
		if on {
			fmt.Fprintf(&out, format, args...)
		}
	}
	if m.state != ground { // it ended in the middle of something, which this ends, and which may then count
		out.WriteString("\x1b\\")
		m.track(out.Bytes())
	}
	m.keyboard[m.screen()].off(when)
	m.modesOff(when)
	m.keyboard[0].off(when) // each screen has its own
	m.restOff(when)
	*m = modes{}
	return out.Bytes()
}

func (k *keyboard) off(when func(bool, string, ...any)) {
	when(k.pushed > 0, "\x1b[<%du", k.pushed)
	when(k.set, "\x1b[=0u")
	*k = keyboard{}
}

// modesOff takes back the modes that have numbers. Two of them put the cursor into the first line, from where it goes to the last.
func (m *modes) modesOff(when func(bool, string, ...any)) {
	letter := map[bool]string{true: "h", false: "l"}
	for i, known := range privateModes {
		when(m.private>>i&1 != 0, "\x1b[?%d%s", known.number, letter[known.initial])
	}
	for i, known := range ansiModes {
		when(m.ansi>>i&1 != 0, "\x1b[%d%s", known.number, letter[known.initial])
	}
	moved := m.private&origin != 0
	when(m.region && !moved, "\x1b7\x1b[r\x1b8")
	when(moved, "\x1b[r\x1b[9999;1H")
	m.private, m.ansi, m.region = 0, 0, false
}

func (m *modes) restOff(when func(bool, string, ...any)) {
	when(m.keypad, "\x1b>")
	for n, on := range m.keys {
		when(on, "\x1b[>%dm", n)
	}
	when(m.shifted, "\x0f")
	when(m.letters, "\x1b(B")
	when(m.latin, "\x1b%%G")
	when(m.attrs, "\x1b[m")
	when(m.cursor, "\x1b[0 q")
	when(m.link, "\x1b]8;;\x1b\\")
	when(m.progress, "\x1b]9;4;0\x1b\\")
	for i, on := range m.colours {
		when(on, "\x1b]%d\x1b\\", osc[i].reset)
	}
	for i := len(m.titles) - 1; i >= 0; i-- {
		when(true, "\x1b[23;%dt", m.titles[i])
	}
}
