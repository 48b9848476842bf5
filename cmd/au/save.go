// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/internal/programs"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
	"github.com/a4u2/au/provision/step"
)

// record is a change to the human's config.
type record struct {
	Set    *config.Agent `json:",omitempty"`
	Remove string        `json:",omitempty"`
	Share  *shareChange  `json:",omitempty"`
	Path   *pathChange   `json:",omitempty"`
	Env    *envChange    `json:",omitempty"`

	Variables *variablesChange `json:",omitempty"`
}

// apply carries the change out on c.
func (r record) apply(c *config.Config) error {
	switch {
	case r.Share != nil:
		return r.Share.apply(c)
	case r.Path != nil:
		r.Path.apply(c)
		return nil
	case r.Env != nil:
		r.Env.apply(c)
		return nil
	}
	if r.Variables != nil {
		r.Variables.apply(c)
		return nil
	}
	keep := c.Agents[:0]
	found := false
	for _, g := range c.Agents {
		switch {
		case r.Set != nil && g.UserName == r.Set.UserName:
			found = true
			next := *r.Set
			next.Mounts, next.KeepEnv, next.SetEnv, next.Path = g.Mounts, g.KeepEnv, g.SetEnv, g.Path
			keep = append(keep, next)
		case g.UserName != r.Remove:
			keep = append(keep, g)
		}
	}
	if r.Set != nil && !found {
		keep = append(keep, *r.Set)
	}
	c.Agents = keep
	return nil
}

// save carries a change to the config out, as the human: root hands it to a process of theirs.
func (a *app) save(human provision.User, w io.Writer, change record) error {
	path := a.configPath(human)
	if a.host.UID() != 0 {
		return update(a.host, path, human, w, a.err, a.brief, change)
	}
	text, err := json.Marshal(change)
	if err != nil {
		return err
	}
	// Its keys do not reach that process. While a change is taken back they are for nobody.
	ctx, stop := context.Background(), func() {}
	if !signal.Ignored(syscall.SIGINT) {
		ctx, stop = signal.NotifyContext(ctx, step.Endings...)
	}
	defer stop()
	cmd := programs.CommandContext(ctx, "/proc/self/exe", "record", "--config", path, fmt.Sprintf("--brief=%t", a.brief))
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Dir = bytes.NewReader(text), w, a.err, "/"
	if cmd.SysProcAttr, err = as(a.host, human); err != nil {
		return err
	}
	cmd.WaitDelay = step.Grace
	err = programs.Ended(cmd.Run())
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("write %s: %w", show(path), errors.New("told to end by a signal"))
	}
	return err
}

// as makes a process the human's: uid, gid and groups. It has no terminal: the human can trace it, and could type for root there.
func as(h *host.Host, human provision.User) (*syscall.SysProcAttr, error) {
	groups, err := h.GroupsOf(human)
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: human.UID, Gid: human.GID, Groups: groups}, Setsid: true}, err
}

// update changes the config at path, prints what it writes, or how long that is, and shows a spinner on a terminal only
// while another process holds the lock.
func update(h *host.Host, path string, human provision.User, out, errw io.Writer, brief bool, change record) error {
	spin := spinner{w: errw, text: "waiting for another au to finish with " + show(path)}
	defer spin.stop()
	var before []share.Writable
	var after *config.Config
	err := h.ForRun().UpdateConfig(context.Background(), path, human, config.UpdateOptions{
		Announce: func(path string, text []byte) { fmt.Fprintf(out, "$ %s\n", step.ShowFile(path, string(text), brief)) },
		Waiting:  spin.tick,
	}, func(c *config.Config) error {
		before = share.WritableOf(c)
		if err := change.apply(c); err != nil {
			return err
		}
		after = c
		return nil
	})
	if err != nil {
		return err
	}
	forgetFolders(h, path, after)
	return rememberOnce(h, path, human, before, after)
}

// rememberOnce remembers the folders that agents could write by the config as it was before, and forgets those of agents that are
// gone.
func rememberOnce(h *host.Host, path string, human provision.User, before []share.Writable, after *config.Config) error {
	still := share.WritableOf(after)
	gone := slices.DeleteFunc(before, func(w share.Writable) bool { return slices.Contains(still, w) || after.Agent(w.Agent) == nil })
	return errors.Join(h.ForRun().RememberOnce(path, human, gone...), h.ForRun().KeepOnce(path, human, after))
}

// shareChange is a change to an agent's shares in the config.
type shareChange struct {
	Entry  config.Agent  // the agent, for a config that does not name it yet
	Add    *config.Mount `json:",omitempty"`
	Remove *config.Mount `json:",omitempty"` // before Add
}

// apply carries the change out under the config's lock, and so against what another au has written meanwhile.
func (s shareChange) apply(c *config.Config) error {
	entry := entryIn(c, s.Entry)
	if s.Remove != nil {
		entry.Mounts = slices.DeleteFunc(slices.Clone(entry.Mounts), func(m config.Mount) bool { return m.Equal(*s.Remove) })
	}
	if s.Add == nil {
		return nil
	}
	for _, other := range entry.Mounts {
		if err := provision.CheckOverlap(*s.Add, other); err != nil {
			return err
		}
	}
	entry.Mounts = append(entry.Mounts, *s.Add)
	return nil
}

// pathChange is a change to the folders on the PATH of an agent's runs.
type pathChange struct {
	Entry       config.Agent // as a shareChange's
	Add, Remove config.Path  `json:",omitempty"`
}

func (p pathChange) apply(c *config.Config) {
	entry := entryIn(c, p.Entry)
	entry.Path = slices.DeleteFunc(slices.Clone(entry.Path), func(folder string) bool { return folder == string(p.Remove) })
	if p.Add != "" && !slices.Contains(entry.Path, string(p.Add)) {
		entry.Path = append(entry.Path, string(p.Add))
	}
}

// envChange sets variables for an agent's runs.
type envChange struct {
	Entry config.Agent // as a shareChange's
	Set   []string     // KEY=VALUE, each in the place of the one before
}

func (e envChange) apply(c *config.Config) {
	entry := entryIn(c, e.Entry)
	entry.SetEnv = withPairs(entry.SetEnv, e.Set)
}

// variables are two lists of the config; one that is nil stays as it is.
type variables struct {
	Keep *[]string `json:"keep_env,omitempty"`
	Set  *[]string `json:"set_env,omitempty"`
}

// variablesChange sets those lists.
type variablesChange struct {
	Entry config.Agent // as a shareChange's
	variables
}

func (v variablesChange) apply(c *config.Config) {
	entry := entryIn(c, v.Entry)
	if v.Keep != nil {
		entry.KeepEnv = *v.Keep
	}
	if v.Set != nil {
		entry.SetEnv = *v.Set
	}
}

// changeConfig saves a change of what the config says of an agent, or says what it would be.
func (a *app) changeConfig(s sharing, dryRun bool, wanted record, verb, what string, done func()) error {
	_, err := a.finish(&change{
		dryRun: dryRun, done: done,
		record: func() (bool, error) {
			if dryRun {
				fmt.Fprintf(a.out, "# and %s %s %s %s\n", a.configPath(s.human), verb, what, s.policy.Name)
				return true, nil
			}
			return true, a.save(s.human, a.out, wanted)
		},
	})
	return err
}

// withPairs returns KEY=VALUE entries with others in the place of those of the same keys.
func withPairs(before, set []string) []string {
	return append(slices.DeleteFunc(slices.Clone(before), func(pair string) bool {
		key, _, _ := strings.Cut(pair, "=")
		return slices.ContainsFunc(set, func(s string) bool { return strings.HasPrefix(s, key+"=") })
	}), set...)
}

// entryIn returns what a config says of an agent, which it names from then on.
func entryIn(c *config.Config, agent config.Agent) *config.Agent {
	if entry := c.Agent(agent.UserName); entry != nil {
		return entry
	}
	c.Agents = append(c.Agents, agent)
	return &c.Agents[len(c.Agents)-1]
}
