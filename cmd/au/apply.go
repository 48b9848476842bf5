// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"

	"github.com/a4u2/au/internal/programs"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/desired"
	"github.com/a4u2/au/provision/step"
)

type applyCmd struct {
	Prune bool `help:"Also take away what the file does not name: agents of its humans (their homes are kept), shares, folders on the PATH, humans of its agents."`
	JSON  bool `name:"json" help:"Print JSON; the lines that run go to standard error."`
	Yes   bool `short:"y" help:"Do not ask."`
	planFlags
	File string `arg:"" help:"The file, in TOML; - is standard input."`
}

// Run says mistakes in the file as compilers do: the line begins with the place.
func (c *applyCmd) Run(a *app) error {
	err := c.run(a)
	var placed *config.Error
	if !errors.As(err, &placed) {
		return err
	}
	fmt.Fprintln(a.err, quote.Error(err))
	if hint := hintOf(err); hint != "" {
		a.hint(hint)
	}
	return exitError(statusFailed)
}

func (c *applyCmd) run(a *app) error {
	w := &applying{app: a, cmd: c, out: a.out, ctx: context.Background(), patience: tryTime}
	if c.JSON {
		w.out = a.err
	}
	if err := w.read(); err != nil {
		return err
	}
	if err := w.compose(); err != nil {
		return err
	}
	if err := w.try(); err != nil {
		return err
	}
	if len(w.due) > 0 && !c.DryRun {
		if err := w.propose(); err != nil {
			return err
		}
		if err := w.carryOut(); err != nil {
			return err
		}
	}
	a.changed = len(w.due) > 0
	return w.conclude()
}

// propose shows the plan, and asks.
func (w *applying) propose() error {
	fmt.Fprintf(w.out, "To make the machine what %s says:\n", show(w.name))
	for _, act := range w.due {
		fmt.Fprintf(w.out, "  %s\n", w.line(act))
	}
	return w.confirm(fmt.Sprintf("Run %s?", count(len(w.due), "command")), w.cmd.Yes)
}

func count(n int, what string) string {
	if n == 1 {
		return "this " + what
	}
	return fmt.Sprintf("these %d %ss", n, what)
}

// carryOut runs the commands that are due, one after the other. All that was done before stays where one fails: the same command
// goes on from there.
func (w *applying) carryOut() error {
	ctx, stop := signal.NotifyContext(w.ctx, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	for i, act := range w.due {
		err := errTold
		if ctx.Err() == nil {
			fmt.Fprintf(w.out, "$ %s\n", w.line(act))
			cmd := w.as(w.ctx, act, w.out, w.err, act.more...)
			cmd.WaitDelay = step.Grace
			err = programs.Ended(w.itself(cmd))
		}
		if err != nil {
			act.state = "failed"
			return w.failed(i, err)
		}
		act.state = "changed"
	}
	return nil
}

// errTold is why a command does not begin where a signal has come before.
var errTold = errors.New("told to end by a signal")

// failed says what is done and what is not.
func (w *applying) failed(at int, err error) error {
	w.changed = at > 0
	act := w.due[at]
	fmt.Fprintln(w.err, quote.Error(w.file.ErrorAt(act.at, act.key, "%s", fmt.Sprintf("%s: %v", w.line(act), err))))
	fmt.Fprintf(w.err, "au: %d of %d commands are done. These are not:\n", at, len(w.due))
	for _, rest := range w.due[at:] {
		fmt.Fprintf(w.err, "au:   %s\n", w.line(rest))
	}
	w.hint(pasted(w.words...))
	if w.cmd.JSON {
		if err := w.printJSON(w.view()); err != nil {
			return err
		}
	}
	return exitError(statusFailed)
}

// conclude says what came of it.
func (w *applying) conclude() error {
	if w.cmd.JSON {
		return w.printJSON(w.view())
	}
	for _, left := range w.left {
		fmt.Fprintf(w.err, "au: left as it is, and not in %s: %s\n", show(w.name), left)
	}
	switch {
	case len(w.due) == 0:
		fmt.Fprintf(w.out, "The machine is as %s says; nothing to do\n", show(w.name))
	case !w.cmd.DryRun:
		fmt.Fprintf(w.out, "The machine is as %s says\n", show(w.name))
	}
	return nil
}

// applyView is what `au apply --json` prints.
type applyView struct {
	File     string    `json:"file"`
	DryRun   bool      `json:"dry_run"`
	Changed  bool      `json:"changed"` // with dry_run: something would be
	Commands []actView `json:"commands"`
	Left     []string  `json:"left"` // what the file does not name
}

type actView struct {
	Agent   string `json:"agent"`
	Human   string `json:"human"`
	Line    int    `json:"line"` // in the file
	Column  int    `json:"column"`
	Command string `json:"command"`
	State   string `json:"state"` // due, changed or failed
}

func (w *applying) view() applyView {
	v := applyView{File: w.name, DryRun: w.cmd.DryRun, Changed: len(w.due) > 0, Commands: []actView{}, Left: append([]string{}, w.left...)}
	for _, act := range w.due {
		line, column := w.file.Place(act.at, act.key)
		v.Commands = append(v.Commands, actView{act.agent, act.human, line, column, w.line(act), act.state})
	}
	if len(v.Commands) > 0 && v.Commands[0].State == "failed" {
		v.Changed = false
	}
	return v
}

// act is a command of au that the file asks for.
type act struct {
	at      desired.Places // what of the file asks for it
	key     string
	agent   string
	human   string
	words   []string
	input   []byte   // on its standard input
	planned bool     // its agent is not made yet
	trial   []string // more words, for a look at what would be done; nil: the agent has to be there for one
	more    []string // words that are not said, where it is carried out
	state   string   // due, changed or failed
}

// line is an act's command as it is typed.
func (w *applying) line(a *act) string { return pasted(w.command(a)[1:]...) }
