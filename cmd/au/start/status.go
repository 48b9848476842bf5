// SPDX-License-Identifier: GPL-3.0-or-later

package start

import "strings"

// Refused is the status of `au run` and `au shell` where nothing runs; their other statuses are the command's.
const Refused = 125

// Failed returns the status that a failure of au has with these arguments.
func Failed(args []string) int {
	for len(args) > 0 && isGlobal(args[0]) {
		skip := 1
		if args[0] == "-C" || args[0] == "--config" || args[0] == "--human" {
			skip = min(2, len(args))
		}
		args = args[skip:]
	}
	if len(args) > 0 && (args[0] == "run" || args[0] == "shell") {
		return Refused
	}
	return 1
}

// isGlobal reports whether a word is an option that comes before a command.
func isGlobal(word string) bool {
	return strings.HasPrefix(word, "-C") || strings.HasPrefix(word, "--config") || strings.HasPrefix(word, "--human")
}
