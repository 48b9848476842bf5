// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
)

// Error is a mistake in the file. Line and Column count from 1, Column in
// characters.
type Error struct {
	Path         string
	Line, Column int
	Message      string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.Path, e.Line, e.Column, e.Message)
}

// errorAt returns the mistake at this offset of the document.
func (d *document) errorAt(offset int, format string, args ...any) error {
	before := d.text[:min(offset, len(d.text))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return &Error{
		Path:    d.path,
		Line:    bytes.Count(before, []byte("\n")) + 1,
		Column:  utf8.RuneCount(before[start:]) + 1,
		Message: fmt.Sprintf(format, args...),
	}
}

// syntaxError places what the TOML library found. It counts columns in bytes.
func (d *document) syntaxError(err error) error {
	var bad *toml.DecodeError
	if !errors.As(err, &bad) {
		return d.errorAt(0, "%v", err)
	}
	line, column := bad.Position()
	offset := 0
	for ; line > 1; line-- {
		offset += bytes.IndexByte(d.text[offset:], '\n') + 1
	}
	message := bytes.TrimPrefix([]byte(bad.Error()), []byte("toml: "))
	return d.errorAt(offset+max(column-1, 0), "%s", message)
}
