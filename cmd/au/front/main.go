// SPDX-License-Identifier: GPL-3.0-or-later

// Front is what is installed as au beside the complete program: it starts a plain run itself, and looks at its shares afterwards.
// It becomes the complete program for everything else, also for a run that needs a message. It is here for speed alone: what it
// does not link does not have to be read and initialised at each run.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"syscall"

	"github.com/a4u2/au/cmd/au/inspect"
	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/cmd/au/terminal"
	"github.com/a4u2/au/internal/quote"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "list" && list() == nil {
		return
	}
	self, complete := findPrograms()
	if len(os.Args) > 2 && os.Args[1] == "after" {
		status, found, quiet := start.Real.Quiet(os.Args[2:], os.Getuid())
		if !quiet {
			becomeAfter(complete, found)
		}
		os.Exit(status)
	}
	debug.SetGCPercent(-1) // all that is read for a run is smaller than what collecting in between would cost
	words, ok := start.ReadWords(os.Args[1:])
	if !ok {
		become(complete)
	}
	entrypoint, run, err := start.Real.Plain(words, os.Getuid(), self)
	if err != nil {
		become(complete) // which says what is wrong
	}
	debug.SetGCPercent(100) // who has a terminal stays
	status, err := start.Go(entrypoint, run, func() { start.HideValues(words.Env, len(words.Command)) })
	if err != nil {
		fail(err, start.Refused)
	}
	os.Exit(status)
}

// become makes this process the complete program.
func become(complete string) {
	err := syscall.Exec(complete, os.Args, os.Environ())
	fail(fmt.Errorf("run %s: %w; install au again", complete, err), start.Failed(os.Args[1:]))
}

// becomeAfter is become for what comes after a run, with what was found. It comes back where it cannot be: only the report is lost
// then, and the run's status stays.
func becomeAfter(complete string, found []*inspect.Looked) {
	args := os.Args
	if fd, ok := inspect.Pass(found); ok {
		args = append(args, "--found", strconv.Itoa(fd))
	}
	err := syscall.Exec(complete, args, os.Environ())
	fmt.Fprintf(os.Stderr, "au: %s\n", quote.Error(fmt.Errorf("run %s: %w; install au again", complete, err)))
}

// list prints the agents if it can do so without a message.
func list() error {
	agents, err := start.Real.PlainList(os.Getuid())
	if err == nil {
		out := terminal.Quoting(os.Stdout)
		start.PrintList(out, agents)
		if out.Lost != nil {
			fail(out.Lost, start.Failed(os.Args[1:]))
		}
	}
	return err
}

// findPrograms returns where this program is, and the complete one: beside it, as it is built, or else in ../libexec/au, as it is
// installed.
func findPrograms() (self, complete string) {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		fail(err, start.Failed(os.Args[1:]))
	}
	folder := filepath.Dir(self)
	if beside := filepath.Join(folder, start.Complete); syscall.Access(beside, 1) == nil { // X_OK
		return self, beside
	}
	return self, filepath.Join(folder, "../libexec/au", start.Complete)
}

// fail says why nothing is done, and ends with that status.
func fail(err error, status int) {
	fmt.Fprintf(os.Stderr, "au: %s\n", quote.Error(err))
	os.Exit(status)
}
