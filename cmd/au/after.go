// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"fmt"
	"os/signal"
	"path"
	"slices"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/terminal"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision/setup"
	"github.com/a4u2/au/provision/share"
	auslices "github.com/a4u2/au/slices"
	"golang.org/x/sys/unix"
)

// afterCmd tells the human what came of a run. The entrypoint's waiter starts it, as the caller, only when something is: no Go
// process waits for a run to end.
type afterCmd struct {
	agentFlag
	Status   int    `env:"AU_STATUS" help:"Exit status of the run; this process ends with the same one."`
	OOMKills uint64 `name:"oom-kills" env:"AU_KILLS" help:"How many of the agent's processes the kernel ended for want of memory meanwhile."`
	Signal   int    `env:"AU_SIGNAL" help:"Signal that ended the run's first process: nobody inside can send it one."`
	Server   bool   `env:"AU_SERVER" help:"Whether a server of tmux or screen ended with the run."`
	Command  string `help:"The word that was run."`
	Nests    bool   `help:"Whether that needs a user namespace, which the policy refuses."`
	Path     string `help:"Where the human's shell would have looked for it."`
	Unit     string `help:"The id that the agent's unit had when the run began."`
	Since    int64  `help:"When the run began, in nanoseconds since 1970."`
	Booted   int64  `help:"When it began, in nanoseconds since the machine started, which nobody sets."`
	Drafts   string `help:"The drafts that the run had, as a JSON list."`
	Shares   string `help:"Folders that the agent could write, as a JSON list."`
	Found    int    `help:"A descriptor with what was found in them; 0 where nobody has looked yet."`
}

func (c *afterCmd) Run(a *app) error {
	// The waiter, which keys reach, sends one of these until this process has ended.
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	if terminal.Killed(c.Status) || c.OOMKills > 0 {
		terminal.SayEnded()
	}
	if c.OOMKills > 0 {
		c.sayOOM(a)
	} else if c.Signal != 0 || c.Status == 128+int(unix.SIGTERM) || c.Status == 128+int(unix.SIGKILL) {
		c.sayEnded(ctx, a)
	} else if c.Server {
		c.sayServer(a)
	}
	switch c.Status {
	case notFound:
		c.sayHumans(a)
		c.sayKnown(a)
	case 128 + int(unix.SIGSYS):
		c.sayForeign(a)
	default:
		c.sayNests(a)
	}
	if c.Shares != "" {
		c.sayChanged(ctx, a)
	}
	if c.Drafts != "" {
		c.sayDrafts(a)
	}
	if c.Status != 0 {
		return exitError(c.Status)
	}
	return nil
}

// notFound is the status of a command that is not there.
const notFound = 127

// sayHumans says, of a command that was not found, that it is the human's own: by its path, or on their PATH.
func (c *afterCmd) sayHumans(a *app) {
	human, err := a.human()
	if err != nil {
		return
	}
	program := a.host.ProgramOn(c.Path, c.Command) // the entrypoint was given no PATH
	if program == "" {
		return
	}
	home, err := a.host.RealPath(human.Home)
	if _, ok := share.Within(home, program); err != nil || !ok {
		return
	}
	if known, err := a.load(human); err == nil && known.Agent(c.Agent) != nil {
		if there, ok := share.Counterpart(program, known.Agent(c.Agent).Mounts); ok {
			fmt.Fprintf(a.err, "au: %s is in your home, and not on the PATH of runs; in a run it is %s, from your share\n", show(program), show(there))
			return
		}
	}
	fmt.Fprintf(a.err, "au: %s is in your home, in a folder that you do not share with the agent\n", show(program))
	fmt.Fprintf(a.err, "au: programs that the agent installs in its own home, in ~%s/.local/bin, are on its PATH\n", c.Agent)
}

// sayKnown says how a program that au knows is installed.
func (c *afterCmd) sayKnown(a *app) {
	if p, err := setup.Find(c.Command); err == nil && p.Command == c.Command {
		fmt.Fprintf(a.err, "au: %s is not installed for agent %s, and au knows how\n", c.Command, c.Agent)
		a.hint(programHint(a.host, c.Agent, p))
	}
}

// sayForeign says which switch lets through what the system call filter ends a program for: a call of 32-bit programs.
func (c *afterCmd) sayForeign(a *app) {
	policy, err := a.host.AgentPolicy(c.Agent)
	if err != nil || slices.Contains(policy.Allow, "i386") {
		return
	}
	fmt.Fprintf(a.err, "au: the run was ended for a system call that its filter does not know (SIGSYS), as 32-bit programs make them\n")
	a.hint(unlocking(policy, "i386"))
}

// sayNests says which switch gives a command the user namespaces that it does not start without, and for what. It says so of one
// that ended by itself alone: by a status of its own, or as Chromium ends where it has no sandbox.
func (c *afterCmd) sayNests(a *app) {
	policy, err := a.host.AgentPolicy(c.Agent)
	if !c.Nests || c.Status == 0 || (c.Status > 125 && c.Status != 128+int(unix.SIGTRAP)) || err != nil {
		return
	}
	userns, _ := csrc.FindSwitch("userns")
	fmt.Fprintf(a.err, "au: %s needs user namespaces, which no run of agent %q has: --unlock userns gives up %s\n",
		show(path.Base(c.Command)), c.Agent, userns.GivesUp)
	a.hint(unlocking(policy, "userns"))
}

// sayServer says where to start tmux. Nobody comes back to a server that ended with its run.
func (c *afterCmd) sayServer(a *app) {
	command := c.Command
	if slices.Contains([]string{"tmux", "screen"}, path.Base(command)) {
		command = "bash"
	}
	fmt.Fprintf(a.err, "au: a tmux or screen server of this run ended with the run, and so did all that was in it: start tmux outside of runs\n")
	a.hint("tmux new " + pasted("run", "--agent", c.Agent, command))
}

// unlocking returns the command that allows an agent a switch more.
func unlocking(policy csrc.Policy, word string) string {
	words := []string{"new", "--agent", policy.Name}
	for _, word := range append(slices.Clone(policy.Allow), word) {
		words = append(words, "--unlock", word)
	}
	return pasted(words...)
}

// sayEnded says who ended the run, where that can be known.
func (c *afterCmd) sayEnded(ctx context.Context, a *app) {
	why, ok := c.unitEnded(a.host, ctx)
	switch {
	case ok:
		fmt.Fprintf(a.err, "au: the run was ended because %s\n", why)
	case c.Signal != 0:
		fmt.Fprintf(a.err, "au: the run was ended from outside, by signal %d (%s)\n", c.Signal, unix.SignalName(unix.Signal(c.Signal)))
	}
}

// unitEnded reports whether the unit that the run was in has ended meanwhile, and why.
func (c *afterCmd) unitEnded(h *host.Host, ctx context.Context) (why string, ok bool) {
	if c.Unit == "" {
		return "", false
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	systemd, err := h.OpenSystemd(ctx)
	if err != nil {
		return "", false
	}
	defer systemd.Close()
	unit := auslices.KeeperName(c.Agent)
	state, err := systemd.UnitState(ctx, unit)
	switch {
	case err != nil:
		return "", false
	case state.Stopping:
		return "this machine shuts down", true
	}
	// It may run again by now.
	return unit + " was stopped", !state.Active || state.Invocation != c.Unit
}

// sayOOM says whose limit it was. The count is of all the agent's runs at once: they share the limit, and so its end.
func (c *afterCmd) sayOOM(a *app) {
	policy, err := a.host.AgentPolicy(c.Agent)
	if err != nil {
		return
	}
	ended := "ended a process of it"
	if c.OOMKills > 1 {
		ended = fmt.Sprintf("ended %d processes of it", c.OOMKills)
	}
	usage, err := a.host.CgroupTree().Usage(policy.UID)
	if err != nil || usage.MemMax == auslices.Infinity {
		fmt.Fprintf(a.err, "au: this machine ran out of memory, and agent %q has no limit of its own: the kernel %s\n", c.Agent, ended)
		return
	}
	fmt.Fprintf(a.err, "au: agent %q used up its memory limit of %s: the kernel %s\n", c.Agent, auslices.FormatBytes(usage.MemMax), ended)
	a.hint(pasted("limits", "set", "--agent", c.Agent, "--mem", auslices.FormatBytes(2*usage.MemMax)))
}
