// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"slices"
	"text/tabwriter"

	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/internal/advice"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
)

// overview is au without a word: the agents, what each is doing, and what to type next.
func (a *app) overview() error {
	agents, known, human, err := a.listed()
	if err != nil {
		return err
	}
	w := &watch{}
	if err := w.look(a.host); err != nil {
		a.say(err) // the agents can be listed all the same
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
	agent := agents[0].Name
	if slices.ContainsFunc(agents, func(g start.Listed) bool { return g.Default }) {
		agent = start.DefaultAgent
	}
	return a.printNext(append(a.next(agent, human, known), nextRow{"au --help", "shows all commands"}))
}

// doing says what an agent is doing.
func (r row) doing() string {
	if state := r.state(); state != "running" {
		return state
	}
	return fmt.Sprintf("running, %s in use, tasks: %d", size(r.Memory), r.Tasks)
}

// nextRow is a command to type, and what it does.
type nextRow [2]string

// next returns the commands that come next for an agent, filled in; those alone that still have something to do.
func (a *app) next(agent string, human provision.User, known *config.Config) (rows []nextRow) {
	name := ""
	if agent != start.DefaultAgent {
		name = " -a " + agent
	}
	folder, this := ".", "this folder"
	if _, above := share.Within(a.host.Folder(), human.Home); above { // nobody hands over the whole home
		folder, this = "FOLDER", "a folder"
	}
	program := a.programOf(agent)
	if program == "" {
		program = "claude"
		if a.host.IsDeclared(agent) {
			rows = append(rows, nextRow{advice.Program(agent, program), "gives it Claude Code"})
		} else {
			rows = append(rows, nextRow{"au setup" + name + " " + program, "installs Claude Code as the agent; au setup" + name + " lists other programs"})
		}
	}
	if entry := known.Agent(agent); entry != nil {
		if _, shared := share.Holding(a.host.Folder(), entry.Mounts); shared {
			return append(rows, nextRow{"au run" + name + " " + program, "runs it in this folder, as the agent"})
		}
	}
	rows = append(rows, nextRow{"au run" + name + " --draft " + folder + " " + program, "runs it on a draft of " + this + ", which stays as it is"})
	if a.host.IsDeclared(agent) { // its shares are declared, too
		return rows
	}
	return append(rows, nextRow{"au mount add" + name + " --rw " + folder, "shares " + this + ": the agent can change what is in it"})
}

// programOf returns the command of the first of the known programs that is on an agent's PATH; empty where there is none.
func (a *app) programOf(agent string) string {
	policy, err := a.host.ForRun().Policy(agent)
	if err != nil {
		return ""
	}
	if all := a.programsOf(policy); len(all) > 0 {
		return all[0].Command
	}
	return ""
}

// printNext prints commands below the rest.
func (a *app) printNext(rows []nextRow) error {
	t := tabwriter.NewWriter(a.out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(t)
	for _, r := range rows {
		fmt.Fprintf(t, "  %s\t%s\n", r[0], r[1])
	}
	return t.Flush()
}
