// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
	"github.com/a4u2/au/provision/step"
	"golang.org/x/sys/unix"
)

type mountCmd struct {
	Add    mountAddCmd    `cmd:"" help:"Share a folder of yours with the agent, read-only unless --rw is given."`
	Remove mountRemoveCmd `cmd:"" help:"Take a share back."`
	List   mountListCmd   `cmd:"" help:"List the shares."`
	Check  mountCheckCmd  `cmd:"" help:"Look in shares for what runs by itself, and for what reaches beyond them."`
}

// sharing is what the commands about shares start from.
type sharing struct {
	human provision.User
	known *config.Config
	entry *config.Agent // nil: the agent does not stand in the config yet
	agent csrc.Policy
}

// mounts returns the agent's shares.
func (s sharing) mounts() []config.Mount {
	if s.entry == nil {
		return nil
	}
	return s.entry.Mounts
}

// sharing reads who shares with whom. From here on au is the human: a share is made of what they may do, never of what root may.
func (a *app) sharing(agent string) (s sharing, err error) {
	if a.host.UID() == 0 {
		if err := a.becomeHuman(); err != nil {
			return s, err
		}
		a.Human = ""
	}
	if s.human, err = a.human(); err != nil {
		return s, err
	}
	if s.known, err = a.load(s.human); err != nil {
		return s, err
	}
	s.entry = s.known.Agent(agent)
	if err = provision.CheckName(agent); err != nil {
		return s, err
	}
	if err = a.legacy(s.human, agent); err != nil {
		return s, err
	}
	s.agent, err = a.host.AgentPolicy(agent)
	return s, err
}

// shareFacts reads what decides whether the folder at source, which is resolved, can be shared. What is in the folder is not looked at.
func (a *app) shareFacts(source string, human provision.User, agent csrc.Policy, known *config.Config) (provision.ShareFacts, error) {
	f := provision.ShareFacts{Agent: agent.Name, AgentHome: agent.Home, Human: human}
	var err error
	if f.Home, err = filepath.EvalSymlinks(human.Home); err != nil {
		return f, fmt.Errorf("your home: %w", err)
	}
	if f.Config, err = filepath.EvalSymlinks(a.configPath(human)); err != nil {
		f.Config = a.configPath(human) // none yet
	}
	f.Source = a.host.Path(source)
	if f.HomeOpen, err = a.host.ForRun().HomeOpenings(human, known); err != nil {
		return f, err
	}
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return f, fmt.Errorf("read the machine's mounts: %w", err)
	}
	f.Mounts = share.ParseMountinfo(string(text))
	if !known.DisableHomeAccessCheck {
		f.Open = a.host.ForRun().OpenPlaces(source, f.Mounts, human)
	}
	f.Kernel, err = a.host.Kernel()
	return f, err
}

func kernel() (provision.Kernel, error) {
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return provision.Kernel{}, fmt.Errorf("uname: %w", err)
	}
	return provision.ParseKernel(unix.ByteSliceToString(uts.Release[:])), nil
}

// follower finds what the human names for a run of the agent. rw are folders that it is to write in this one run.
func (a *app) follower(human provision.User, known *config.Config, agent string, rw ...string) start.Follower {
	more := a.host.DeclaredWritable(human)
	for _, word := range rw {
		if place, err := (start.Follower{Agent: agent, Writable: func() []share.Writable { return nil }}).Follow(word); err == nil {
			more = append(more, share.Writable{Source: place.Path, Agent: agent})
			place.Close()
		}
	}
	return a.host.ForRun().Follower(agent, a.configPath(human), known, human, more...)
}

// resolveSource returns the folder that a person means, without symbolic links.
func resolveSource(word string, follow start.Follower) (string, error) {
	place, err := follow.Follow(word)
	var planted *start.Planted
	if errors.As(err, &planted) {
		return "", err
	}
	var inner *os.PathError
	if errors.As(err, &inner) {
		err = inner.Err
	}
	if err == nil {
		defer place.Close()
		if len(place.Missing) > 0 {
			err = unix.ENOENT
		}
	}
	if err != nil {
		return "", fmt.Errorf("share %q: %w", word, err)
	}
	return place.Path, nil
}

// refusal turns a refusal of provision's into one with a line to paste.
func refusal(err error) error {
	var r *provision.Refusal
	if errors.As(err, &r) && r.Hint != "" {
		return hintError{r, r.Hint}
	}
	return err
}

// shareChange is a change to an agent's shares in the config.
type shareChange struct {
	Entry  config.Agent  // the agent, for a config that does not name it yet
	Add    *config.Mount `json:",omitempty"`
	Remove *config.Mount `json:",omitempty"` // before Add
}

// apply carries the change out under the config's lock, and so against what another au has written meanwhile.
func (s shareChange) apply(c *config.Config) error {
	entry := c.Agent(s.Entry.UserName)
	if entry == nil {
		c.Agents = append(c.Agents, s.Entry)
		entry = &c.Agents[len(c.Agents)-1]
	}
	if s.Remove != nil {
		entry.Mounts = slices.DeleteFunc(slices.Clone(entry.Mounts), func(m config.Mount) bool { return m == *s.Remove })
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

// change returns the shareChange that the agent's shares are changed with.
func (s sharing) change(h *host.Host, remove, add *config.Mount) record {
	entry := config.Agent{
		UserName: s.agent.Name, Group: provision.GroupName(s.agent.Name), Entrypoint: h.EntrypointPath(s.agent.Name),
		EntrypointSHA256: s.agent.SHA256, Bootstrapped: true,
	}
	return record{Share: &shareChange{Entry: entry, Remove: remove, Add: add}}
}

// access names what the agent may do in a share.
func access(m config.Mount) string {
	if m.ReadOnly {
		return "read-only"
	}
	return "read-write"
}

// show returns a name that others chose as a person may read it.
func show(name string) string { return quote.Name(name) }

// pasted returns an au command line to paste.
func pasted(words ...string) string {
	return step.Command{Argv: append([]string{"au"}, words...)}.Shell(nil)
}

// mountLine returns an `au mount` command to paste.
func mountLine(verb, agent string, words ...string) string {
	return pasted(slices.Concat([]string{"mount", verb, "--agent", agent}, words)...)
}
