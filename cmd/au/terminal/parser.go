// SPDX-License-Identifier: GPL-3.0-or-later

//go:build linux

package terminal

// The control characters that matter here.
const (
	bell       = 0x07
	shiftOut   = 0x0e
	shiftIn    = 0x0f
	cancel     = 0x18
	substitute = 0x1a
	esc        = 0x1b
)

// A state is where in a control sequence a parser is (ECMA-48; https://vt100.net/emu/dec_ansi_parser).
type state byte

const (
	ground state = iota
	afterEscape
	afterControl  // CSI
	inCommand     // OSC, which BEL ends too
	inString      // DCS, SOS, PM, APC: nothing in it is for us
	commandEscape // ESC in a command, which \ ends
	stringEscape
)

// An event is what a byte has ended.
type event byte

const (
	nothing event = iota
	single
	escaped
	controlled
	commanded
)

// A parser recognises control sequences, in whatever pieces they come. It keeps no more than its fields hold.
type parser struct {
	state   state
	prefix  byte    // of a control sequence: one of <=>?, or 0
	between byte    // the last intermediate byte, or 0
	params  [32]int // of a control sequence, more than xterm takes
	count   int     // of params, not less than 1
	text    []byte  // of a command, maxText at most
	cut     bool    // it had more
}

const (
	maxText  = 256
	maxParam = 65535
)

// step takes the next byte, and reports what it ends.
func (p *parser) step(c byte) event {
	switch {
	case c == cancel || c == substitute:
		p.state = ground
		return nothing
	case c == esc && p.state == inCommand:
		p.state = commandEscape
		return nothing
	case c == esc && p.state == inString:
		p.state = stringEscape
		return nothing
	case c == esc:
		p.begin(afterEscape)
		return nothing
	}
	switch p.state {
	case afterEscape:
		return p.escapeByte(c)
	case afterControl:
		return p.controlByte(c)
	case inCommand:
		return p.commandByte(c)
	case commandEscape, stringEscape:
		return p.stringEnd(c)
	case inString:
		return nothing
	}
	return single
}

func (p *parser) begin(s state) {
	p.state, p.prefix, p.between, p.params[0], p.count, p.text, p.cut = s, 0, 0, 0, 1, p.text[:0], false
}

func (p *parser) end(e event) event {
	p.state = ground
	return e
}

func (p *parser) escapeByte(c byte) event {
	switch {
	case c < ' ' || c == 0x7f: // obeyed or dropped by the way
		return nothing
	case c < '0':
		p.between = c
		return nothing
	case p.between != 0 || c > 0x7f:
		return p.end(escaped)
	}
	switch c {
	case '[':
		p.begin(afterControl)
	case ']':
		p.begin(inCommand)
	case 'P', 'X', '^', '_':
		p.begin(inString)
	default:
		return p.end(escaped)
	}
	return nothing
}

func (p *parser) controlByte(c byte) event {
	last := &p.params[p.count-1]
	switch {
	case '0' <= c && c <= '9':
		*last = min(*last*10+int(c-'0'), maxParam)
	case (c == ';' || c == ':') && p.count < len(p.params):
		p.params[p.count] = 0
		p.count++
	case '<' <= c && c <= '?':
		p.prefix = c
	case ' ' <= c && c < '0':
		p.between = c
	case '@' <= c && c <= '~':
		return p.end(controlled)
	case c > 0x7f:
		return p.end(nothing)
	}
	return nothing
}

func (p *parser) commandByte(c byte) event {
	switch {
	case c == bell:
		return p.end(commanded)
	case len(p.text) < maxText:
		p.text = append(p.text, c)
	default:
		p.cut = true
	}
	return nothing
}

// stringEnd takes what follows ESC in a string: the \ that ends it, or another sequence.
func (p *parser) stringEnd(c byte) event {
	if c != '\\' {
		p.begin(afterEscape)
		return p.escapeByte(c)
	}
	if p.state == commandEscape {
		return p.end(commanded)
	}
	return p.end(nothing)
}

// numbers returns the parameters of a control sequence; one that is left out is 0.
func (p *parser) numbers() []int { return p.params[:p.count] }

// number returns the i-th parameter, 0 where there is none.
func (p *parser) number(i int) int {
	if i < p.count {
		return p.params[i]
	}
	return 0
}

// any reports whether a parameter is not 0.
func (p *parser) any() bool {
	for _, n := range p.numbers() {
		if n != 0 {
			return true
		}
	}
	return false
}
