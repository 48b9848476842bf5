// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"math"
	"strconv"
	"strings"
)

// Infinity is how a property of type t says "no limit" (org.freedesktop.systemd1(5)).
const Infinity = math.MaxUint64

// digits reads a number written in nothing but digits: no sign, no space, no underscore.
func digits(word string) (uint64, bool) {
	if word == "" || strings.Trim(word, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseUint(word, 10, 64)
	return n, err == nil
}
