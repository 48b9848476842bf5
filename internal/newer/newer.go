// SPDX-License-Identifier: GPL-3.0-or-later

// Package newer words the refusal of a file that a later au wrote. A word in it that this au does not know may take something from
// an agent, so that nothing of it is used.
package newer

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Error names what a later au has written, or may have.
type Error struct{ error }

// Format is a form of file that is not known yet.
func Format(what string) error {
	return &Error{fmt.Errorf("%s: a newer au than this one wrote it", what)}
}

// Key is a key that is not known, in a file that is otherwise as this au writes it.
func Key(key string) error {
	return &Error{fmt.Errorf("unknown key %q: a newer au than this one may have written it", key)}
}

// mostDigits is how long a number can be that is one of a form.
const mostDigits = 9

// Line returns Format where a line is prefix and a number above known.
func Line(line, prefix string, known int) error {
	digits, ok := strings.CutPrefix(line, prefix)
	if !ok || len(digits) > mostDigits || strings.Trim(digits, "0123456789") != "" || strings.HasPrefix(digits, "0") {
		return nil
	}
	if n, err := strconv.Atoi(digits); err != nil || n <= known {
		return nil
	}
	return Format(line)
}

// Wrote reports whether a later au is why a file cannot be read.
func Wrote(err error) bool {
	var e *Error
	return errors.As(err, &e)
}
