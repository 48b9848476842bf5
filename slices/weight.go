// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"fmt"
	"strconv"
)

// Weight is a share of what is left when others want it too: 100 for everyone who asked nothing.
type Weight uint64

// UnmarshalText reads a weight from 1 to 10000 (systemd.resource-control(5)).
func (w *Weight) UnmarshalText(text []byte) error {
	n, ok := digits(string(text))
	if !ok || n < 1 || n > 10000 {
		return fmt.Errorf("weight %q: want a number from 1 to 10000, where others have 100", text)
	}
	*w = Weight(n)
	return nil
}

// String writes 100 for a weight that nobody set, because that is what the kernel then uses.
func (w Weight) String() string {
	if w == Infinity {
		return "100"
	}
	return strconv.FormatUint(uint64(w), 10)
}
