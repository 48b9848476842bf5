// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/a4u2/au/cmd/au/draft"
	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/programs"
	"github.com/a4u2/au/provision"
)

type runCmd struct {
	agentFlag
	Env         []string `short:"e" sep:"none" placeholder:"KEY=VALUE" help:"Set a variable for the command; with KEY alone, pass yours on. A value given here can be seen by other users while au starts: prefer KEY or --env-file for secrets."`
	EnvFile     []string `sep:"none" placeholder:"FILE" help:"Read KEY=VALUE lines from a file."`
	KeepProxy   bool     `help:"Pass on your variables for a proxy, with a login in them: http_proxy, https_proxy, all_proxy, ftp_proxy and no_proxy, in capitals too."`
	Directory   string   `short:"d" aliases:"dir" placeholder:"DIR" help:"Start there (default: the counterpart of this folder; from your home itself and from folders of the system the agent's home)."`
	NoShares    bool     `help:"Leave out the shares of the config. One that holds a folder on the PATH of runs stays, read-only."`
	RO          []string `name:"ro" sep:"none" placeholder:"FOLDER" help:"Share a folder, or a file, read-only for this run."`
	RW          []string `name:"rw" sep:"none" placeholder:"FOLDER" help:"Share a folder read-write for this run."`
	Draft       []string `sep:"none" placeholder:"FOLDER" help:"Let the agent work on a draft of a folder: nothing of it reaches the folder until au draft keep."`
	As          string   `placeholder:"NAME" help:"Name the drafts of this run (default: after the agent). Each name is a draft of its own."`
	Hide        []string `sep:"none" placeholder:"NAME" help:"Hide a name, or a pattern such as *.key, from the agent in the folders of --draft and --ro."`
	ShowSecrets bool     `help:"Let a draft show what drafts hide: .env files, *.pem and id_* that git does not track."`
	Login       bool     `help:"Load the agent's own profile first."`
	Command     []string `arg:"" passthrough:"partial" help:"The command and its arguments."`
}

type shellCmd struct {
	agentFlag
}

func (c *shellCmd) Run(a *app) error {
	r := runCmd{agentFlag: c.agentFlag}
	return r.start(a, start.Shell)
}

func (c *runCmd) Run(a *app) error {
	command := c.Command
	if len(command) > 0 && command[0] == "--" {
		command = command[1:]
	}
	if len(command) == 0 {
		return hintError{errors.New("no command to run"), "au run [OPTIONS] [--] COMMAND…"}
	}
	return c.start(a, func(p csrc.Policy, path []string) []string {
		if c.Login {
			return start.AfterProfile(p.Shell, path, command...)
		}
		return command
	})
}

type draftTryCmd struct {
	agentFlag
	Words []string `arg:"" passthrough:"partial" name:"draft|command" help:"The draft, where the folder has more than one, then -- and the command."`
}

// Run starts a run in a draft, where the human is.
func (c *draftTryCmd) Run(a *app) error {
	at := slices.Index(c.Words, "--")
	if at < 0 || at > 1 || at == len(c.Words)-1 {
		return hintError{errors.New("draft try: want at most the name of a draft, then -- and a command"), "au draft try -- COMMAND…"}
	}
	m, err := a.meantBy(c.Agent, c.Words[:at], at, isLive)
	if err != nil {
		return err
	}
	m.close()
	if len(m.paths) > 0 {
		return errors.New("draft try: want the name of a draft, and no path")
	}
	r := runCmd{agentFlag: agentFlag{Agent: m.Agent}, Draft: []string{string(m.Folder)}, As: m.Name, ShowSecrets: m.Shown, Command: c.Words[at+1:]}
	return r.Run(a)
}

// start runs what command returns. It comes back only on an error, or when the run had a terminal.
func (c *runCmd) start(a *app, command func(csrc.Policy, []string) []string) error {
	if c.As != "" {
		if err := draft.CheckName(c.As); err != nil {
			return err
		}
	}
	if len(c.Hide) > 0 && len(c.Draft)+len(c.RO) == 0 {
		return errors.New("--hide is for the folders of this run: want --draft FOLDER or --ro FOLDER, too")
	}
	if c.ShowSecrets && len(c.Draft) == 0 {
		return errors.New("--show-secrets is for the drafts of this run: want --draft FOLDER, too")
	}
	order, err := c.order(a)
	if err != nil {
		return err
	}
	order.Command = command
	entrypoint, run, err := a.host.ForRun().Prepare(order, &runSpeaker{app: a, order: order, ro: c.RO, rw: c.RW, draft: c.Draft, as: c.As, hide: c.Hide, showSecrets: c.ShowSecrets})
	if err != nil {
		return c.refused(a, order, err)
	}
	pairs := start.Cloned(c.Env)
	status, err := start.Go(entrypoint, run, func() { start.HideValues(pairs, len(c.Command)) })
	if err == nil && status != 0 {
		err = exitError(status)
	}
	return err
}

// order reads who wants the run, and by which config.
func (c *runCmd) order(a *app) (o start.Order, err error) {
	if a.host.UID() == 0 {
		if err := a.becomeHuman(); err != nil {
			return o, err
		}
		if a.lent {
			programs.Apart()
		}
	}
	if o.Human, err = a.host.ForRun().Human(a.host.UID()); err != nil {
		return o, err
	}
	if o.Known, err = a.load(o.Human); err != nil {
		return o, err
	}
	if err := a.host.WithDeclared(o.Known, c.Agent, o.Human); err != nil {
		return o, err
	}
	if err := provision.CheckName(c.Agent); err != nil {
		return o, err
	}
	o.Agent, o.Env, o.Dir, o.NoShares = c.Agent, start.Variables(c.KeepProxy, c.Env), c.Directory, c.NoShares
	o.Config, o.Follow, o.Entrypoint = a.configPath(o.Human), a.follower(o.Human, o.Known, c.Agent, c.RW...), a.host.EntrypointPath(c.Agent)
	if !a.lent { // the human could take the terminal from the process of theirs that reports
		o.Complete, _ = a.host.Executable() // without it the run ends without a report
	}
	for _, word := range c.EnvFile {
		f, err := o.Follow.Open(word)
		if err != nil {
			return o, fmt.Errorf("read the environment file: %w", err)
		}
		o.EnvFiles = append(o.EnvFiles, f)
	}
	return o, nil
}

// refused says why there is no run, and what to do about it.
func (c *runCmd) refused(a *app, o start.Order, err error) error {
	var policy start.PolicyError
	var entrypoint *start.EntrypointError
	var home *start.OpenHomeError
	var old *start.OldEntrypointError
	var busy *draft.Busy
	var half *draft.HalfKept
	var paused *start.PausedError
	switch {
	case errors.As(err, &policy):
		return c.noPolicy(a, o.Human, err)
	case errors.As(err, &paused):
		return hintError{err, "au resume --agent " + c.Agent}
	case errors.As(err, &entrypoint):
		return refusedEntrypoint(a.host, entrypoint)
	case errors.As(err, &old):
		return hintError{err, "au new --agent " + c.Agent}
	case errors.As(err, &busy):
		return hintError{err, busy.Another()}
	case errors.As(err, &half):
		return hintError{err, pasted("draft", "keep", half.Name)}
	case errors.As(err, &home):
		return hintError{err, home.By.Shut(home.Home)}
	}
	return err
}

// noPolicy says why no policy can be read of the agent.
func (c *runCmd) noPolicy(a *app, me provision.User, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if legacy := a.legacy(me, c.Agent); legacy != nil {
		return legacy
	}
	return a.host.NoSuchAgent(c.Agent)
}

// refusedEntrypoint says why the agent's entrypoint is not run.
func refusedEntrypoint(h *host.Host, e *start.EntrypointError) error {
	switch {
	case errors.Is(e, start.ErrShut) && h.NewMember(e.Policy):
		return hintError{fmt.Errorf("agent %q lets you in from your next login on: this session began without the group %s", e.Policy.Name, provision.GroupName(e.Policy.Name)),
			"newgrp " + provision.GroupName(e.Policy.Name)}
	case errors.Is(e, start.ErrShut) && !e.Policy.Admits(uint32(h.UID())):
		return notAdmitted(h, e.Policy)
	case errors.Is(e, start.ErrTampered):
		return hintError{e, "au new --agent " + e.Policy.Name}
	}
	return hintError{e, "au info --agent " + e.Policy.Name}
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
		fmt.Errorf("agent %q lets in %s, but not you; one of them can let you in with the line below", p.Name, who),
		pasted("grant", "--agent", p.Name, me),
	}
}
