// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"os"
	"strings"
	"unsafe"
)

// Cloned returns copies that do not share the arguments' memory.
func Cloned(words []string) []string {
	var all []string
	for _, w := range words {
		all = append(all, strings.Clone(w))
	}
	return all
}

// HideValues overwrites the values of the KEY=VALUE pairs where they are in au's own arguments before the command, so that other
// users see them (proc(5), cmdline) only while au starts. It is for a run that au waits for; without a terminal the entrypoint
// takes au's place. The rest of the pairs is copied before.
func HideValues(pairs []string, command int) {
	for _, arg := range os.Args[:max(0, len(os.Args)-command)] {
		for _, pair := range pairs {
			_, value, given := strings.Cut(pair, "=")
			if given && value != "" && strings.HasSuffix(arg, pair) {
				// The runtime's os.Args are the process's own argument area, which is writable.
				clear(unsafe.Slice(unsafe.StringData(arg[len(arg)-len(value):]), len(value)))
			}
		}
	}
}
