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
	return ErrorAt(d.path, d.text, offset, format, args...)
}

// ErrorAt returns the mistake at this offset of a text; path is what the text is called.
func ErrorAt(path string, text []byte, offset int, format string, args ...any) *Error {
	before := text[:min(offset, len(text))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return &Error{
		Path:    path,
		Line:    bytes.Count(before, []byte("\n")) + 1,
		Column:  utf8.RuneCount(before[start:]) + 1,
		Message: fmt.Sprintf(format, args...),
	}
}

// CheckSyntax returns what breaks TOML's own rules in a text, an *Error. The library knows all of them (a key twice, a table
// reopened, a 30th of February).
func CheckSyntax(path string, text []byte) error {
	var all map[string]any
	err := toml.Unmarshal(text, &all)
	var bad *toml.DecodeError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &bad):
		return ErrorAt(path, text, 0, "%v", err)
	}
	line, column := bad.Position() // in bytes
	offset := 0
	for ; line > 1; line-- {
		offset += bytes.IndexByte(text[offset:], '\n') + 1
	}
	message := bytes.TrimPrefix([]byte(bad.Error()), []byte("toml: "))
	return ErrorAt(path, text, offset+max(column-1, 0), "%s", message)
}
