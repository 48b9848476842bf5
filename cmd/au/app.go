// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/rootside"
	"github.com/a4u2/au/cmd/au/terminal"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/step"
	"github.com/alecthomas/kong"
	"golang.org/x/term"
)

// app is what every command works with.
type app struct {
	*globals
	host     *host.Host
	out, err io.Writer
	words    []string       // all that was typed
	colours  terminal.Paint // of a pager, which is not a terminal itself
	loaded   bool           // the config, and warnings about it were printed
	changed  bool           // something was, or would be in a dry run
	lent     bool           // the terminal is root's, who acts for somebody else: no program of theirs gets it
	brief    bool           // plans are printed without the files that commands read
}

// human returns who au acts for: the caller, or, for root, --human or SUDO_USER.
func (a *app) human() (provision.User, error) {
	if a.host.UID() != 0 {
		return a.host.ForRun().Human(a.host.UID())
	}
	key := a.Human
	if key == "" {
		key = os.Getenv("SUDO_USER") // where root calls; of anybody else it says nothing
	}
	if key == "" {
		return provision.User{}, hintError{errors.New("run as root: want the human to act for"), "au --human NAME …"}
	}
	u, ok, err := a.host.UserNamed(key)
	switch {
	case err != nil:
		return u, err
	case !ok:
		return u, fmt.Errorf("human %q: no such user", key)
	case u.UID == 0:
		return u, errors.New("the human cannot be root: want --human NAME with the name of an ordinary user")
	}
	return a.host.ForRun().Human(int(u.UID))
}

// configPath returns where the human's config is.
func (a *app) configPath(human provision.User) string {
	switch rest, inHome := strings.CutPrefix(a.Config, "~/"); {
	case a.Config == "":
		return config.DefaultPath(human.Home)
	case inHome:
		return filepath.Join(human.Home, rest)
	}
	return a.Config
}

// load reads the human's config, and names once what nobody reads in it.
func (a *app) load(human provision.User) (*config.Config, error) {
	known, err := a.host.ForRun().Config(a.configPath(human), human, a.host.DeclaredWritable(human)...)
	if err != nil || a.loaded {
		return known, err
	}
	a.loaded = true
	for _, key := range known.Unknown {
		fmt.Fprintf(a.err, "au: warning: %s\n", quote.Error(key))
	}
	return known, nil
}

// humanAndConfig returns the human, and their config.
func (a *app) humanAndConfig() (human provision.User, known *config.Config, err error) {
	if human, err = a.human(); err == nil {
		known, err = a.load(human)
	}
	return human, known, err
}

// runner returns what applies plans, printing on w.
func (a *app) runner(w io.Writer, dryRun bool) (*step.Runner, error) {
	elevate, err := step.Elevation(a.host.UID() == 0, a.host.FindProgram)
	if dryRun && err != nil {
		elevate, err = []string{"sudo"}, nil
	}
	r := &step.Runner{Out: w, Err: a.err, Elevate: elevate, Version: version, Machine: a.host.Root, DryRun: dryRun, Brief: a.brief, Execute: a.host.Execute}
	if a.host.UID() == 0 {
		r.Lock = rootside.PlanLock(a.host, a.err)
	} else if path, err := a.host.OwnPath(); err == nil {
		r.Carry = []string{path, "carry-out"}
	}
	return r, err
}

// paint returns the colours for what au shows.
func (a *app) paint() terminal.Paint {
	if a.colours != (terminal.Paint{}) {
		return a.colours
	}
	return terminal.PaintFor(a.out)
}

// confirm asks the one question before a change. Without a terminal there is nobody to ask.
func (a *app) confirm(question string, yes bool) error {
	if yes {
		return nil
	}
	if !term.IsTerminal(0) {
		return hintError{errors.New("standard input is not a terminal, so there is nobody to ask"), "add --yes"}
	}
	if a.ask(a.out, question) {
		return nil
	}
	return errNotConfirmed
}

var errNotConfirmed = errors.New("not confirmed; nothing was changed")

// ask asks a question at the terminal. Only y and yes are yes.
func (a *app) ask(w io.Writer, question string) bool {
	fmt.Fprintf(w, "%s [y/N]: ", question)
	answer, _ := bufio.NewReader(os.Stdin).ReadString('\n')
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}

// globals are the options of every command.
type globals struct {
	Config  string           `short:"C" placeholder:"PATH" help:"Config file (default: ~/.config/agent-as-unix-user.toml)."`
	Human   string           `placeholder:"NAME" help:"When run as root: the human to act for (default: SUDO_USER)."`
	Status3 bool             `name:"detailed-exitcode" help:"Exit with 3 where something was changed, or would be with --dry-run."`
	Version kong.VersionFlag `short:"V" help:"Show the version."`
}

// version is set by the build: -X main.version=…. A program of `go install` has it from its module.
var version = "devel"

func init() {
	if version != "devel" {
		return
	}
	if build, ok := debug.ReadBuildInfo(); ok && strings.HasPrefix(build.Main.Version, "v") {
		version = strings.TrimPrefix(build.Main.Version, "v")
	}
}

// becomeHuman makes root the human for good, so that a run has their rights and not root's.
func (a *app) becomeHuman() error {
	human, err := a.human()
	if err != nil {
		return err
	}
	groups, err := a.host.GroupsOf(human)
	if err != nil {
		return err
	}
	var gids []int
	for _, g := range groups {
		gids = append(gids, int(g))
	}
	if err := errors.Join(syscall.Setgroups(gids), syscall.Setgid(int(human.GID)), syscall.Setuid(int(human.UID))); err != nil {
		return fmt.Errorf("become %q: %w", human.Name, err)
	}
	os.Setenv("HOME", human.Home)
	os.Setenv("USER", human.Name)
	if human.Name != os.Getenv("SUDO_USER") {
		a.lent = terminal.Any() || terminal.Controls()
	}
	return nil
}

// leaveTerminal is becomeHuman for all but a run, which needs the terminal to control its jobs. The human can trace the
// programs that au starts from here on, and so these must not be able to type for root.
func (a *app) leaveTerminal() error {
	if err := a.becomeHuman(); err != nil {
		return err
	}
	return terminal.Leave()
}

// say prints an error. Names in it that others chose are quoted.
func (a *app) say(err error) { fmt.Fprintf(a.err, "au: %s\n", quote.Error(err)) }

// hint prints what helps, as it can be followed on this machine.
func (a *app) hint(line string) { fmt.Fprintf(a.err, "au: %s\n", hintLine(a.host, line)) }

func (a *app) printJSON(v any) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := a.out.Write(quote.JSON(text.Bytes()))
	return err
}
