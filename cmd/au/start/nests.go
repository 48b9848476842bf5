// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"path/filepath"
	"slices"

	"github.com/a4u2/au/csrc"
)

// nesting are programs that make a user namespace before they do anything else, by name: with one word first, where there is one,
// and not with another one anywhere.
var nesting = map[string]struct{ first, not string }{
	"bwrap": {}, "buildah": {}, "chromium": {not: "--no-sandbox"}, "codex": {first: "sandbox"},
}

// nests reports whether the policy refuses what the command cannot go without, a user namespace. With set-uid programs such a
// command may have another way.
func nests(p csrc.Policy, command []string) bool {
	program, ok := nesting[filepath.Base(command[0])]
	if !ok || slices.Contains(p.Allow, "userns") || slices.Contains(p.Allow, "setuid") {
		return false
	}
	words := command[1:]
	return (program.first == "" || (len(words) > 0 && words[0] == program.first)) &&
		(program.not == "" || !slices.Contains(words, program.not))
}
