// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
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

// MarkReader reads the marks of an agent's draft, whose state is in the folder.
type MarkReader func(agent, state string) (Marks, error)

// mostMarks is how much of marks is read.
const mostMarks = 1 << 30

// ParseMarks reads PATH, KIND and VALUE, each ended by a NUL, as the entrypoint prints them.
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

func (m Marks) add(name, kind, value string) (err error) {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "."), "/")
	mark := m[name]
	switch kind {
	case "opaque":
		mark.Opaque = value != "x" // x is of a folder that only may hold whiteouts
	case "redirect":
		mark.Redirect = value
	case "origin":
		mark.Origin, err = hex.DecodeString(value)
	default:
		err = fmt.Errorf("a mark of the draft of the kind %q: want opaque, redirect or origin", kind)
	}
	m[name] = mark
	return err
}

// below returns where a folder was, of which the mark says so; parent is where the folder above it was.
func (m Mark) below(parent string, merged bool) (string, error) {
	to := m.Redirect
	bad := fmt.Errorf("a mark of the draft leads to %q: want a name, or a path from the top", to)
	if absolute, ok := strings.CutPrefix(to, "/"); ok {
		if path.Clean(to) != to || absolute == "" {
			return "", bad
		}
		return absolute, nil
	}
	if strings.Contains(to, "/") || to == "." || to == ".." || !merged {
		return "", bad
	}
	return join(parent, to), nil
}

// cameFrom reports whether something was copied from the file with the handle. A mark ends in its handle: its type, and behind a UUID of 16 bytes the rest.
func (m Mark) cameFrom(handle []byte) bool {
	const header, uuid = 4, 16
	o := m.Origin
	return len(o) > header+1+uuid && len(handle) > 1 && o[header] == handle[0] && bytes.Equal(o[header+1+uuid:], handle[1:])
}

// readMarks reads the marks of an upper folder, which only root can.
func readMarks(upper place) (Marks, error) {
	marks, left := Marks{}, []string{""}
	for len(left) > 0 {
		at := left[len(left)-1]
		left = left[:len(left)-1]
		all, err := upper.list(at)
		if err != nil {
			return nil, err
		}
		for _, f := range append(all, found{name: "."}) {
			name := join(at, f.name)
			if f.name == "." {
				name = at
			}
			if f.kind() == unix.S_IFDIR {
				left = append(left, name)
				continue
			}
			if f.name != "." && f.kind() != unix.S_IFREG {
				continue
			}
			if err := marks.readOf(upper, name); err != nil {
				return nil, err
			}
		}
	}
	return marks, nil
}

func (m Marks) readOf(upper place, name string) error {
	fd, err := upper.open(name, unix.O_RDONLY|unix.O_NONBLOCK)
	if err != nil {
		return upper.failed("open", name, err)
	}
	defer unix.Close(fd)
	for _, kind := range []string{"opaque", "redirect", "origin"} {
		value := make([]byte, 4096)
		n, err := unix.Fgetxattr(fd, "trusted.overlay."+kind, value)
		if err == unix.ENODATA || err == unix.EOPNOTSUPP {
			continue
		}
		if err != nil {
			return upper.failed("read the marks of", name, err)
		}
		text := string(value[:n])
		if kind == "origin" {
			text = hex.EncodeToString(value[:n])
		}
		if err := m.add(name, kind, text); err != nil {
			return err
		}
	}
	return nil
}

// Direct reads the marks by itself, as root.
func Direct(_, state string) (Marks, error) {
	upper, err := openPlace(path.Join(state, "upper"))
	if err != nil {
		return nil, err
	}
	defer upper.close()
	return readMarks(upper)
}
