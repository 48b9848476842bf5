// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"slices"
	"text/tabwriter"

	"github.com/a4u2/au/cmd/au/start"
)

// overview is au without a word: the agents, what each is doing, and what to type next.
func (a *app) overview() error {
	agents, _, human, err := a.listed()
	if err != nil {
		return err
	}
	w := &watch{}
	if err := w.look(a.host); err != nil {
		a.say(err) // which agents there are can be said all the same
	}
	lines := start.Lines(a.out, agents)
	for i, g := range agents {
		if at := slices.IndexFunc(w.rows, func(r row) bool { return r.Agent == g.Name }); at >= 0 {
			lines[i] += ": " + w.rows[at].doing()
		}
	}
	if len(agents) == 0 {
		fmt.Fprintln(a.out, "There is no agent yet.")
		a.hint("au new")
		return nil
	}
	a.tryRuns(agents, human)
	for i, line := range lines {
		fmt.Fprintln(a.out, line)
		start.PrintRuns(a.out, "    ", agents[i].Runs)
	}
	return a.printNext(agents)
}

// doing says what an agent is doing.
func (r row) doing() string {
	if state := r.state(); state != "running" {
		return state
	}
	return fmt.Sprintf("running, %s in use, tasks: %d", size(r.Memory), r.Tasks)
}

// printNext prints the commands that come next, filled in.
func (a *app) printNext(agents []start.Listed) error {
	agent := " --agent " + agents[0].Name
	if slices.ContainsFunc(agents, func(g start.Listed) bool { return g.Default }) {
		agent = ""
	}
	next := [][2]string{
		{"au run" + agent + " COMMAND", "runs a command as the agent"},
		{"au setup", "shows the programs that can be set up for it"},
		{"au --help", "shows all commands"},
	}
	t := tabwriter.NewWriter(a.out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t)
	for _, n := range next {
		fmt.Fprintf(t, "  %s\t%s\n", n[0], n[1])
	}
	return t.Flush()
}
