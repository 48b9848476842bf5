// SPDX-License-Identifier: GPL-3.0-or-later

package step

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"sync"
)

// The output of root's process goes to its caller over one pipe, so that it arrives in order: each piece behind a line with the
// stream and how many bytes follow.
const (
	streamOut = 'o'
	streamErr = 'e'
	streamWhy = 'w' // why the plan failed
)

// frames writes pieces. Of a reader who is gone it tells nobody but lost.
type frames struct {
	mu   sync.Mutex
	to   io.Writer
	lost func()
	gone bool
}

// stream returns what is written as that stream.
func (f *frames) stream(name byte) io.Writer { return frameStream{f, name} }

type frameStream struct {
	*frames
	name byte
}

func (s frameStream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(p) > 0 && !s.gone {
		if _, err := s.to.Write(append(fmt.Appendf(nil, "%c%d\n", s.name, len(p)), p...)); err != nil {
			s.gone = true
			s.lost()
		}
	}
	return len(p), nil
}

// unframe takes pieces and passes each on to its stream.
type unframe struct {
	streams map[byte]io.Writer
	head    []byte
	to      io.Writer
	left    int
}

// maxHead is how long the line before a piece can be.
const maxHead = 20

func (u *unframe) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if u.left > 0 {
			part := p[:min(u.left, len(p))]
			if _, err := u.to.Write(part); err != nil {
				return 0, err
			}
			u.left, p = u.left-len(part), p[len(part):]
			continue
		}
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			u.head = append(u.head, p...)
			p = nil
		} else {
			u.head = append(u.head, p[:end]...)
			p = p[end+1:]
			if err := u.begin(); err != nil {
				return 0, err
			}
		}
		if len(u.head) > maxHead {
			return 0, fmt.Errorf("cannot read the output of root's process: %q", u.head[:maxHead])
		}
	}
	return n, nil
}

// begin reads the line before a piece.
func (u *unframe) begin() error {
	head := string(u.head)
	u.head = nil
	if head == "" || len(head) > maxHead || u.streams[head[0]] == nil {
		return fmt.Errorf("cannot read the output of root's process: %q", head[:min(len(head), maxHead)])
	}
	n, err := strconv.ParseUint(head[1:], 10, 31)
	u.to, u.left = u.streams[head[0]], int(n)
	return err
}
