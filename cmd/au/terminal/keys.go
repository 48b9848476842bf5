// SPDX-License-Identifier: GPL-3.0-or-later

//go:build linux

package terminal

import (
	"time"

	"golang.org/x/sys/unix"
)

// A key is one that a screen acts on.
type key int

const (
	noKey key = iota
	quitKey
	stopKey
)

const (
	ctrlC  = 'C' - '@'
	ctrlZ  = 'Z' - '@'
	escape = 0x1b
)

// escapeDelay is how long after an ESC the rest of a sequence may come, on a
// slow line too; without a rest, it was the Escape key.
const escapeDelay = 50 * time.Millisecond

// keyParser finds keys among what a terminal sends. Its zero value is ready.
type keyParser struct {
	in byte // what we are in: 0, ESC, '[' for a control sequence, 'O' for one character more
}

// next takes one byte more.
func (p *keyParser) next(c byte) key {
	before := p.in
	p.in = 0
	switch {
	case c == ctrlC || c == escape && before == escape:
		return quitKey
	case c == escape || before == escape && (c == '[' || c == 'O'):
		p.in = c
	case before == '[' && c >= ' ' && c < '@': // a parameter; anything else ends it
		p.in = before
	case before != 0:
	case c == 'q':
		return quitKey
	case c == ctrlZ:
		return stopKey
	}
	return noKey
}

// waits reports whether what came may be the beginning of a sequence.
func (p *keyParser) waits() bool { return p.in != 0 }

// late is called when nothing more came.
func (p *keyParser) late() key {
	before := p.in
	p.in = 0
	if before == escape {
		return quitKey
	}
	return noKey
}

// readKeys reads keys until one that ends it all. Keys after that one are for the next reader of the terminal.
func (s *Screen) readKeys() {
	defer func() {
		if trouble := recover(); trouble != nil {
			s.leave()
			panic(trouble)
		}
	}()
	var parser keyParser
	buffer := make([]byte, 1) // the next one may not be ours
	for {
		if parser.waits() && !readable(escapeDelay) {
			if parser.late() == quitKey {
				s.keys <- quitKey
				return
			}
			continue
		}
		typed, open := readTyped(buffer)
		k := quitKey
		switch {
		case open && len(typed) == 0:
			continue
		case open:
			k = parser.next(typed[0])
		}
		if k != noKey {
			s.keys <- k
		}
		if k == quitKey {
			return
		}
	}
}

// readTyped reads what has been typed, perhaps nothing, and reports whether
// more can come: not when the terminal is gone. While it is another job's, so
// are its keys.
func readTyped(buffer []byte) (typed []byte, open bool) {
	poll([]unix.PollFd{{Fd: 0, Events: unix.POLLIN}})
	if lost(0) {
		return nil, false
	}
	if !foreground(0) {
		time.Sleep(escapeDelay)
		return nil, true
	}
	n, err := unix.Read(0, buffer)
	switch {
	case err == unix.EINTR || err == unix.EAGAIN:
		return nil, true
	case err == unix.EIO && !foreground(0): // it was taken from us meanwhile
		return nil, true
	case err != nil || n == 0:
		return nil, false
	}
	return buffer[:n], true
}

// readable waits until a key can be read, but not for longer than that.
func readable(patience time.Duration) bool {
	for end := time.Now().Add(patience); ; {
		left := max(0, time.Until(end))
		n, err := unix.Poll([]unix.PollFd{{Fd: 0, Events: unix.POLLIN}}, int(left.Milliseconds()))
		if err != unix.EINTR {
			return n > 0
		}
	}
}
