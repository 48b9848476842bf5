// SPDX-License-Identifier: GPL-3.0-or-later

// Package counted is for tests whose binary also plays another program. The statements that such a process runs count where `make
// cover` asks for it.
package counted

import (
	"os"
	"syscall"
	"testing"
)

// dir is where processes of test binaries leave what they have run. make cover sets it, when it links them: most get an environment
// that was made for them.
var dir string

// Exit ends a process that has played another program. Under `go test -cover` the Go runtime would say on standard error that it
// does not know where to leave what it counted, amid the program's own words.
func Exit(status int) {
	if dir == "" && testing.CoverMode() != "" {
		syscall.Exit(status)
	}
	if dir != "" {
		os.Setenv("GOCOVERDIR", dir)
	}
	os.Exit(status)
}

// Flags are for a test binary that runs tests of its own again, in another process.
func Flags() []string {
	if dir == "" {
		return nil
	}
	return []string{"-test.gocoverdir=" + dir}
}
