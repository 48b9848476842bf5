// SPDX-License-Identifier: GPL-3.0-or-later

package fakehost

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// others are the places where somebody besides root can write: each folder itself is root's to name, and what is below it is not.
// Of a home and of a log that is what is in it.
var others = regexp.MustCompile(`^(/home/[^/]+|/tmp|/var/tmp|/dev/shm|/var/mail|/var/spool/(mail|cron|at)|/run/au/[^/]+|/var/log/au/[^/]+|/run/user)/`)

// programs are those that go through a folder with all that is in it, where they are told to.
var programs = []string{"rm", "cp", "chmod", "chown", "chgrp", "setfacl", "install"}

// ByPath says what is wrong with a command of root: that it goes by path where others can write, and so may be led elsewhere by a
// link. It is empty where nothing is. au itself goes by file descriptor, and what runs as the agent can mislead nobody else.
func ByPath(argv []string) string {
	name := path.Base(argv[0])
	if i := slices.Index(argv, "--"); name == "runuser" && i > 0 && len(argv) > 2 && argv[1] == "-u" && argv[2] != "root" {
		return ""
	}
	if path.IsAbs(argv[0]) && len(argv) > 1 && slices.Contains([]string{"files", "slice", "net", "end-runs"}, argv[1]) {
		return ""
	}
	bad := func(why string) string { return fmt.Sprintf("root goes by path: %s: %q", why, argv) }
	if slices.Contains([]string{"find", "xargs", "sh", "bash", "tar", "rsync", "runuser"}, name) {
		return bad(name + " goes through folders")
	}
	for _, word := range argv[1:] {
		if slices.Contains(programs, name) && recursive(word) {
			return bad("with all that is below")
		}
		_, value, _ := strings.Cut(word, "=")
		for _, at := range []string{word, value} {
			if path.IsAbs(at) && others.MatchString(path.Clean(at)) {
				return bad(at)
			}
		}
	}
	return ""
}

// recursive reports whether an option is -r, -R, or the like.
func recursive(word string) bool {
	switch {
	case strings.HasPrefix(word, "--"):
		return word == "--recursive"
	case strings.HasPrefix(word, "-"):
		return strings.ContainsAny(word, "rR")
	}
	return false
}
