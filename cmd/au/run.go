// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/cmd/au/terminal"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
)

type runCmd struct {
	agentFlag
	Env       []string `short:"e" sep:"none" placeholder:"KEY=VALUE" help:"Set a variable for the command; with KEY alone, pass yours on. A value given here can be seen by other users while au starts: prefer KEY or --env-file for secrets."`
	EnvFile   []string `sep:"none" placeholder:"FILE" help:"Read KEY=VALUE lines from a file."`
	Directory string   `short:"d" aliases:"dir" placeholder:"DIR" help:"Start there (default: the counterpart of this folder; from your home itself and from folders of the system the agent's home)."`
	RO        []string `name:"ro" sep:"none" placeholder:"FOLDER" help:"Share a folder read-only for this run."`
	RW        []string `name:"rw" sep:"none" placeholder:"FOLDER" help:"Share a folder read-write for this run."`
	Login     bool     `help:"Load the agent's own profile first."`
	Command   []string `arg:"" passthrough:"partial" help:"The command and its arguments."`
}

type shellCmd struct {
	agentFlag
}

func (c *shellCmd) Run(a *app) error {
	r := runCmd{agentFlag: c.agentFlag}
	return r.start(a, func(p csrc.Policy) []string { return []string{p.Shell, "-l"} })
}

func (c *runCmd) Run(a *app) error {
	command := c.Command
	if len(command) > 0 && command[0] == "--" {
		command = command[1:]
	}
	if len(command) == 0 {
		return hintError{errors.New("no command to run"), "au run [OPTIONS] [--] COMMAND…"}
	}
	return c.start(a, func(p csrc.Policy) []string {
		if c.Login {
			return append([]string{p.Shell, "-l", "-c", `exec "$@"`, p.Shell}, command...)
		}
		return command
	})
}

// start runs what command returns. It comes back only on an error, or when the run had a terminal.
func (c *runCmd) start(a *app, command func(csrc.Policy) []string) error {
	if a.host.UID() == 0 {
		if err := a.becomeHuman(); err != nil {
			return err
		}
	}
	me, err := a.host.ForRun().Human(a.host.UID())
	if err != nil {
		return err
	}
	known, err := a.load(me)
	if err != nil {
		return err
	}
	if err := a.host.WithDeclared(known, c.Agent, me); err != nil {
		return err
	}
	entry := known.Agent(c.Agent)
	policy, err := a.host.ReadPolicy(c.Agent)
	if errors.Is(err, fs.ErrNotExist) {
		if legacy := a.legacy(me, c.Agent); legacy != nil {
			return legacy
		}
		return a.host.NoSuchAgent(c.Agent)
	}
	if err != nil {
		return err
	}
	if a.host.ForRun().Frozen(policy) {
		return hintError{fmt.Errorf("agent %q is paused, so a command would not start before it goes on", c.Agent), "au resume --agent " + c.Agent}
	}
	entrypoint, err := openEntrypoint(a.host, policy, entry)
	if err != nil {
		return err
	}
	run := csrc.Run{Agent: c.Agent, Command: command(policy)}
	follow := a.follower(me, known, policy.Name, c.RW...)
	files, err := envFiles(follow, c.EnvFile)
	if err != nil {
		return err
	}
	if run.Env, err = start.Environment(entry, me.Home, files, c.Env); err != nil {
		return err
	}
	shares, asked, err := c.shares(a, me, policy, known, follow)
	if err != nil {
		return refusal(err)
	}
	if run.Dir, err = c.directory(a, me, policy, shares, follow); err != nil {
		return err
	}
	if run.Shares, err = start.Mounted(shares, policy.Home, asked...); err != nil {
		return err
	}
	if self, err := os.Executable(); err == nil {
		run.After, run.IfKills = start.After(self, policy.Name, a.configPath(me), run.Command[0], shares)
	}
	if terminal.Any() {
		argv, environ := run.Argv(), run.Environ()
		hideValues(cloned(c.Env), len(c.Command))
		status, err := terminal.Run(entrypoint, argv, environ)
		if err == nil && status != 0 {
			err = exitError(status)
		}
		return err
	}
	return csrc.Exec(entrypoint, run.Argv(), run.Environ())
}

// openEntrypoint opens the agent's entrypoint, where it is what was installed.
func openEntrypoint(h *host.Host, p csrc.Policy, entry *config.Agent) (*os.File, error) {
	f, err := h.ForRun().Entrypoint(h.EntrypointPath(p.Name), p, entry)
	switch {
	case errors.Is(err, start.ErrShut) && h.NewMember(p):
		return nil, hintError{fmt.Errorf("agent %q lets you in from your next login on: this session began without the group %s", p.Name, provision.GroupName(p.Name)),
			"newgrp " + provision.GroupName(p.Name)}
	case errors.Is(err, start.ErrShut) && !p.Admits(uint32(h.UID())):
		return nil, notAdmitted(h, p)
	case errors.Is(err, start.ErrTampered):
		return nil, hintError{err, "au new --agent " + p.Name}
	case err != nil:
		return nil, hintError{err, "au info --agent " + p.Name}
	}
	return f, nil
}

// notAdmitted says who may enter the agent, to somebody who may not, and what one of them would run to let them in.
func notAdmitted(h *host.Host, p csrc.Policy) error {
	names := []string{}
	for _, h := range p.Humans {
		names = append(names, h.Name)
	}
	who, me := "nobody", "HUMAN"
	if len(names) > 0 {
		who = strings.Join(names, ", ")
	}
	if u, ok, err := h.LookupUser(strconv.Itoa(h.UID())); err == nil && ok {
		me = u.Name
	}
	return hintError{
		fmt.Errorf("agent %q lets in %s, and not you; who is in can let you in with the line below", p.Name, who),
		pasted("grant", "--agent", p.Name, me),
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
	return nil
}
