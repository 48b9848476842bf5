// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/internal/bounded"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
)

type doctorCmd struct {
	Fix  bool `help:"Run the commands that mend what was found, after one question."`
	Yes  bool `short:"y" help:"With --fix, do not ask."`
	JSON bool `name:"json" help:"Print JSON."`
}

// diagnosis is what `au doctor --json` prints.
type diagnosis struct {
	Findings  []ailment `json:"findings"`
	Broken    int       `json:"broken"`     // of those that are not silenced
	Advice    int       `json:"advice"`     // the same
	Silenced  int       `json:"silenced"`   // by `silence` in the config
	NeedsRoot []string  `json:"needs_root"` // what could not be looked at
	Cut       []string  `json:"cut"`        // what there was no time to look at as a whole
}

// ailment is one finding.
type ailment struct {
	ID       string `json:"id"`
	Agent    string `json:"agent,omitempty"` // empty: the machine, or the human
	Level    string `json:"level"`           // "broken" or "advice"
	Problem  string `json:"problem"`
	Risk     string `json:"risk"`
	Mend     string `json:"mend,omitempty"` // a command to paste
	Silenced bool   `json:"silenced"`
}

// Run exits with 0 where nothing is broken, and with 1 otherwise.
func (c *doctorCmd) Run(a *app) error {
	human, err := a.human()
	if err != nil {
		return err
	}
	if c.Fix && a.host.UID() == 0 { // what mends a human's things runs with the human's rights
		return hintError{fmt.Errorf("--fix is for %q, not for root: au becomes root for what needs it", human.Name), "au doctor --fix"}
	}
	d, err := a.diagnose(human)
	if err == nil && c.Fix {
		d, err = c.fix(a, human, d)
	}
	if err != nil {
		return err
	}
	if c.JSON {
		err = a.printJSON(d)
	} else {
		a.printDiagnosis(d)
	}
	if err == nil && d.Broken > 0 {
		return exitError(statusFailed)
	}
	return err
}

// diagnose looks at the machine, and at every agent of the human; for root, at every agent.
func (a *app) diagnose(human provision.User) (diagnosis, error) {
	d := diagnosis{Findings: []ailment{}, NeedsRoot: []string{}, Cut: []string{}}
	known, err := a.load(human)
	if err != nil {
		return d, err
	}
	agents, err := a.patients(known, human)
	if err != nil {
		return d, err
	}
	if err := a.checkMachine(&d, human, known); err != nil {
		return d, err
	}
	for _, agent := range agents {
		if err := a.checkAgent(&d, human, known, agent); err != nil {
			d.advise(a.host, agent, "policy-unreadable", err.Error(), hintOf(err))
		}
	}
	d.count(known.Silence)
	return d, nil
}

// patients returns the agents to look at.
func (a *app) patients(known *config.Config, human provision.User) (names []string, err error) {
	agents, err := listAgents(a.host, known, human)
	if err != nil {
		return nil, err
	}
	for _, g := range agents {
		names = append(names, g.Name)
	}
	if a.host.UID() != 0 {
		return names, nil
	}
	policies, err := a.host.Policies()
	for _, p := range policies {
		if !slices.Contains(names, p.Name) {
			names = append(names, p.Name)
		}
	}
	return names, err
}

func (d *diagnosis) advise(h *host.Host, agent, id, problem, hint string) {
	fault, _ := provision.FaultOf(id)
	level := "broken"
	if fault.Advice {
		level = "advice"
	}
	mend := ""
	if hint != "" {
		mend = advised(h, hint)
	}
	d.Findings = append(d.Findings, ailment{ID: id, Agent: agent, Level: level, Problem: problem, Risk: fault.Risk, Mend: mend})
}

// count marks what the human has silenced: "ID" everywhere, or "ID:AGENT".
func (d *diagnosis) count(silence []string) {
	for i := range d.Findings {
		f := &d.Findings[i]
		switch {
		case slices.Contains(silence, f.ID) || slices.Contains(silence, f.ID+":"+f.Agent):
			f.Silenced = true
			d.Silenced++
		case f.Level == "broken":
			d.Broken++
		default:
			d.Advice++
		}
	}
}

// cut notes what there was no time to look at.
func (d *diagnosis) cut(what string) { d.Cut = append(d.Cut, what) }

// fix runs what mends, and looks again.
func (c *doctorCmd) fix(a *app, human provision.User, d diagnosis) (diagnosis, error) {
	lines := a.mends(d)
	if len(lines) == 0 {
		fmt.Fprintln(a.err, "au: there is no command to run")
		return d, nil
	}
	fmt.Fprintf(a.err, "These commands mend what was found:\n")
	for _, line := range lines {
		fmt.Fprintf(a.err, "  %s\n", line)
	}
	if err := a.confirm("Run them?", c.Yes); err != nil {
		return d, err
	}
	for _, line := range lines {
		fmt.Fprintf(a.err, "$ %s\n", line)
		if err := a.mend(line, askedTime); err != nil {
			a.say(fmt.Errorf("%s: %w", line, err))
		}
	}
	return a.diagnose(human)
}

// mend runs a command that mends. A run works on what the agent has made: it gets no terminal and may take so long, and what it
// prints is shown apart from au's own lines.
func (a *app) mend(line string, most time.Duration) error {
	if !strings.HasPrefix(line, "au run ") {
		return a.host.Shell(context.Background(), line, os.Stdin, a.err)
	}
	ctx, stop := context.WithTimeout(context.Background(), most)
	defer stop()
	said := bounded.Buffer{Limit: saidMost}
	err := a.host.Shell(ctx, line, nil, &said)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("it did not end within %s", most)
	}
	if text := strings.TrimSpace(said.String()); text != "" {
		fmt.Fprintf(a.err, "    %s\n", strings.ReplaceAll(quote.Text(text), "\n", "\n    "))
	}
	return err
}

// mends returns the commands that mend what is not silenced, each once. Those that only look, or are for a person to type, are
// not among them.
func (a *app) mends(d diagnosis) (lines []string) {
	for _, f := range d.Findings {
		if !f.Silenced && mendable(f.ID) && isCommand(f.Mend) && !slices.Contains(lines, f.Mend) {
			lines = append(lines, f.Mend)
		}
	}
	return lines
}

// isCommand says whether a hint is a line for a shell. On NixOS it may be a sentence.
func isCommand(hint string) bool {
	first, _, _ := strings.Cut(hint, " ")
	return slices.Contains([]string{"au", "sudo", "doas", "chmod", "setfacl"}, first)
}

// mendable says whether what helps against a fault does so by itself, and takes nothing from anybody that they may want.
func mendable(id string) bool {
	return !slices.Contains([]string{"sudo-rule", "share-planted", "share-missing", "share-reached", "limit-unheld", "left-behind", "unit-added"}, id)
}

func (a *app) printDiagnosis(d diagnosis) {
	p := a.paint()
	for _, f := range d.Findings {
		if f.Silenced {
			continue
		}
		level := p.Yellow(f.Level)
		if f.Level == "broken" {
			level = p.Red(f.Level)
		}
		on := ""
		if f.Agent != "" {
			on = "agent " + f.Agent + ": "
		}
		fmt.Fprintf(a.out, "%s %s: %s%s\n  %s\n", level, f.ID, on, f.Problem, f.Risk)
		if f.Mend != "" {
			fmt.Fprintf(a.out, "  %s\n", hintLine(a.host, f.Mend))
		}
	}
	fmt.Fprintf(a.out, "%d broken, %d advice, %d silenced\n", d.Broken, d.Advice, d.Silenced)
	for _, what := range d.NeedsRoot {
		fmt.Fprintf(a.out, "not looked at without root: %s\n", what)
	}
	for _, what := range d.Cut {
		fmt.Fprintf(a.out, "not all was looked at: %s\n", what)
	}
}
