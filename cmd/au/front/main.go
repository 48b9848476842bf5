// SPDX-License-Identifier: GPL-3.0-or-later

// Front is what is installed as au beside the complete program: it starts a plain run itself, and becomes the complete program for everything else, also
// for a run of which something has to be said. It is here for speed alone: what it does not link does not have to be read and initialised at each run.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/cmd/au/terminal"
	"github.com/a4u2/au/csrc"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "list" && list() == nil {
		return
	}
	complete := findComplete()
	entrypoint, run, err := start.Real.Plain(os.Args[1:], os.Getuid(), os.Getenv("HOME"), complete)
	if err != nil {
		err = syscall.Exec(complete, os.Args, os.Environ())
		refuse(fmt.Errorf("run %s: %w; install au again", complete, err))
	}
	if !terminal.Any() {
		refuse(csrc.Exec(entrypoint, run.Argv(), run.Environ()))
	}
	status, err := terminal.Run(entrypoint, run.Argv(), run.Environ())
	if err != nil {
		refuse(err)
	}
	os.Exit(status)
}

// list prints the agents where nothing stands in its way.
func list() error {
	agents, err := start.Real.PlainList(os.Getuid(), os.Getenv("HOME"))
	if err == nil {
		start.PrintList(os.Stdout, agents)
	}
	return err
}

// findComplete returns where the complete program stands: beside this one, as it is built, or else in ../libexec/au, as it is installed.
func findComplete() string {
	self, err := os.Readlink("/proc/self/exe")
	if err != nil {
		refuse(err)
	}
	folder := filepath.Dir(self)
	if beside := filepath.Join(folder, start.Complete); syscall.Access(beside, 1) == nil { // X_OK
		return beside
	}
	return filepath.Join(folder, "../libexec/au", start.Complete)
}

// refuse says why nothing runs, with the status that `au run` has for that.
func refuse(err error) {
	fmt.Fprintf(os.Stderr, "au: %v\n", err)
	os.Exit(125)
}
