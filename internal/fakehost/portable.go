// SPDX-License-Identifier: GPL-3.0-or-later

package fakehost

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// portable are the programs of coreutils that plans may run, each with the options that GNU's, uutils' and busybox's have, and mean
// alike (e2e/tests/coreutils.sh runs them).
var portable = map[string][]string{
	"chmod": {"-R"}, "chown": {}, "cp": {"-R"}, "dd": {}, "ln": {"-f"}, "mkdir": {"-p", "-m"}, "mv": {"-T"}, "rm": {"-f", "-rf"}, "rmdir": {"--ignore-fail-on-non-empty"},
	"true": {},
}

// coreutils are those that plans might run.
var coreutils = append([]string{
	"cat", "chgrp", "cut", "env", "false", "head", "id", "install", "link", "ls", "mkfifo", "mknod", "mktemp", "nohup", "printf", "pwd", "readlink",
	"realpath", "sha256sum", "shred", "sleep", "sort", "split", "stat", "sync", "tail", "tee", "test", "timeout", "touch", "truncate", "uniq", "unlink", "wc", "yes",
}, slices.Sorted(maps.Keys(portable))...)

// Unportable says what of a command only some implementations of coreutils do; it is empty where all do it.
func Unportable(argv []string) string {
	if i := slices.Index(argv, "--"); path.Base(argv[0]) == "runuser" && i > 0 && i+1 < len(argv) {
		argv = argv[i+1:]
	}
	name := path.Base(argv[0])
	if !slices.Contains(coreutils, name) {
		return ""
	}
	options, ok := portable[name]
	if !ok {
		return fmt.Sprintf("%s is not alike everywhere: %q", name, argv)
	}
	for _, word := range argv[1:] {
		if strings.HasPrefix(word, "-") && !slices.Contains(options, word) {
			return fmt.Sprintf("%s of %s is not alike everywhere: %q", word, name, argv)
		}
	}
	return owner(name, argv)
}

// owner refuses a number as an owner: some take it for a name first, and with a "+" before it, which says that it is none, some do
// not take it at all.
func owner(name string, argv []string) string {
	if name == "chown" && len(argv) > 1 && strings.Trim(argv[1], "0123456789+:") == "" {
		return fmt.Sprintf("a user may be called %s: %q", argv[1], argv)
	}
	return ""
}

// Refused says why root may not run a command.
func Refused(argv []string) string {
	if why := ByPath(argv); why != "" {
		return why
	}
	return Unportable(argv)
}
