// SPDX-License-Identifier: GPL-3.0-or-later

package draft

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// direct reads the marks by itself, as root, and prints them as the entrypoint does.
func direct(_, state string, names func(io.Writer) error) (Marks, error) {
	upper, err := openPlace(path.Join(state, "upper"))
	if err != nil {
		return nil, err
	}
	defer upper.close()
	var asked, told bytes.Buffer
	if err := names(&asked); err != nil {
		return nil, err
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(asked.String(), "\x00"), "\x00") {
		if err := upper.tell(name, &told); err != nil {
			return nil, err
		}
	}
	return ParseMarks(&told)
}

func (p place) tell(name string, w io.Writer) error {
	fd, err := p.open(name, unix.O_PATH)
	if err != nil {
		return p.failed("open", name, err)
	}
	defer unix.Close(fd)
	for _, kind := range []string{"opaque", "redirect", "origin"} {
		value := make([]byte, 4096)
		n, err := unix.Getxattr(procPath(fd), "trusted.overlay."+kind, value)
		if err == nil {
			fmt.Fprintf(w, "%s\x00%s\x00%s\x00", name, kind, hex.EncodeToString(value[:n]))
		} else if err != unix.ENODATA && err != unix.EOPNOTSUPP {
			return err
		}
	}
	return nil
}

func TestMarksAreReadAsTheEntrypointPrintsThem(t *testing.T) {
	t.Parallel()
	got, err := ParseMarks(strings.NewReader("\x00opaque\x0078\x00a/b\x00redirect\x006f6c64\x00a/b\x00origin\x0000ff\x00"))
	if err != nil || got[""].Opaque || got["a/b"].Redirect != "old" || !bytes.Equal(got["a/b"].Origin, []byte{0, 255}) {
		t.Errorf("read %v, %v", got, err)
	}
	for _, bad := range []string{"a", "a\x00opaque\x00", "a\x00opaque\x00y\x00", "a\x00other\x0079\x00", "a\x00opaque\x0079"} {
		if _, err := ParseMarks(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was read without an error", bad)
		}
	}
}

func TestMarksThatCannotBeReadAreAnError(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.begin()
	b.in(b.d.State()+"/upper", "echo new >file")
	b.d.marks = func(string, string, func(io.Writer) error) (Marks, error) { return nil, errors.New("no entrypoint") }
	if _, err := b.d.Report(); err == nil || !strings.Contains(err.Error(), "no entrypoint") {
		t.Errorf("the report ended in %v", err)
	}
	b.in(b.d.State()+"/upper", "rm file")
	if _, err := b.d.Report(); err != nil {
		t.Errorf("the report of an empty draft ended in %v", err)
	}
}

// A draft that is still open is held for nobody. An agent that is no more has none open.
func TestHoldAsksWhetherTheDraftIsOpen(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.begin()
	for _, c := range []struct {
		says error
		held bool
	}{{ErrStillOpen, false}, {errors.New("no entrypoint"), false}, {fmt.Errorf("entrypoint: %w", fs.ErrNotExist), true}, {nil, true}} {
		b.d.marks = func(_, _ string, names func(io.Writer) error) (Marks, error) {
			return nil, errors.Join(c.says, names(io.Discard))
		}
		unlock, err := b.d.Hold()
		if (err == nil) != c.held || errors.As(err, new(*StillOpen)) != (c.says == ErrStillOpen) {
			t.Errorf("the reader says %v: %v", c.says, err)
		}
		if err == nil {
			unlock()
		} else if unlock, err := b.d.Lock(); err != nil {
			t.Errorf("the lock is kept: %v", err)
		} else {
			unlock()
		}
	}
}
