// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// Mark is what the overlay has written on something in the upper folder, where root alone can read it.
type Mark struct {
	Opaque   bool   // a folder that was made anew: nothing of the one below shows through
	Redirect string // a folder that was renamed: where it was, as the overlay writes it
	Origin   []byte // what it was copied from
}

// Marks are those of a draft, by path below its upper folder; "" is that folder itself.
type Marks map[string]Mark

// MarkReader reads the marks of an agent's draft, whose state is in the folder: of the names that are written, each ended by a NUL.
// It fails with ErrStillOpen where an overlay of the draft is left.
type MarkReader func(agent, state string, names func(io.Writer) error) (Marks, error)

// ErrStillOpen is that of a MarkReader.
var ErrStillOpen = errors.New("the draft is still open")

// mostMarks is how much of marks is read.
const mostMarks = 1 << 30

// ParseMarks reads PATH, KIND and VALUE in hexadecimal digits, each ended by a NUL, as the entrypoint prints them.
func ParseMarks(r io.Reader) (Marks, error) {
	text, err := io.ReadAll(io.LimitReader(r, mostMarks+1))
	if err != nil {
		return nil, err
	}
	if len(text) > mostMarks {
		return nil, fmt.Errorf("the marks of the draft are larger than %d MiB", mostMarks>>20)
	}
	words := bytes.Split(text, []byte{0})
	if len(words)%3 != 1 || len(words[len(words)-1]) != 0 {
		return nil, errors.New("the marks of the draft end too early")
	}
	marks := Marks{}
	for ; len(words) > 3; words = words[3:] {
		if err := marks.add(string(words[0]), string(words[1]), string(words[2])); err != nil {
			return nil, err
		}
	}
	return marks, nil
}

func (m Marks) add(name, kind, digits string) error {
	value, err := hex.DecodeString(digits)
	mark := m[name]
	switch kind {
	case "opaque":
		mark.Opaque = string(value) != "x" // x is of a folder that only may hold whiteouts
	case "redirect":
		mark.Redirect = string(value)
	case "origin":
		mark.Origin = value
	default:
		err = fmt.Errorf("a mark of the draft of the kind %q: want opaque, redirect or origin", kind)
	}
	m[name] = mark
	return err
}

// below returns where a folder was, of which the mark says so; parent is where the folder above it was, if that was one.
func (m Mark) below(parent string, was bool) (string, error) {
	to := m.Redirect
	bad := fmt.Errorf("a mark of the draft leads to %q: want a name, or a path from the top", to)
	if absolute, ok := strings.CutPrefix(to, "/"); ok {
		if path.Clean(to) != to || absolute == "" {
			return "", bad
		}
		return absolute, nil
	}
	if strings.Contains(to, "/") || to == "." || to == ".." || !was {
		return "", bad
	}
	return join(parent, to), nil
}

// cameFrom reports whether something was copied from the file with the handle. A mark ends in its handle: its type, and behind a
// UUID of 16 bytes the rest.
func (m Mark) cameFrom(handle []byte) bool {
	const header, uuid = 4, 16
	o := m.Origin
	return len(o) > header+1+uuid && len(handle) > 1 && o[header] == handle[0] && bytes.Equal(o[header+1+uuid:], handle[1:])
}

// readMarks reads the marks of what is in the draft.
func (d *Draft) readMarks(upper place) (Marks, error) {
	first, err := upper.list("")
	if err != nil || len(first) == 0 {
		return Marks{}, err // there is nothing to ask about
	}
	return d.marksOf(func(to io.Writer) error {
		w := bufio.NewWriter(to)
		if err := upper.names(w); err != nil {
			return err
		}
		return w.Flush()
	})
}

func (d *Draft) marksOf(names func(io.Writer) error) (Marks, error) {
	marks, err := d.marks(d.Agent, d.State(), names)
	if errors.Is(err, ErrStillOpen) {
		err = &StillOpen{d.Name, d.Agent, string(d.Folder)}
	}
	return marks, err
}

// names writes the names of what can have marks, each ended by a NUL; the first is empty, the folder itself.
func (p place) names(w *bufio.Writer) error {
	if err := w.WriteByte(0); err != nil {
		return err
	}
	for left := []string{""}; len(left) > 0; {
		at := left[len(left)-1]
		left = left[:len(left)-1]
		all, err := p.list(at)
		if err != nil {
			return err
		}
		for _, f := range all {
			name := join(at, f.name)
			if len(name) > longest {
				continue // who reads the draft refuses it by its name
			}
			switch f.kind() {
			case unix.S_IFDIR:
				left = append(left, name)
			case unix.S_IFREG:
			default:
				continue
			}
			if _, err := w.WriteString(name + "\x00"); err != nil {
				return err
			}
		}
	}
	return nil
}
