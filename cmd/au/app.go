// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/rootside"
	"github.com/a4u2/au/cmd/au/terminal"
	"github.com/a4u2/au/internal/programs"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
	"github.com/a4u2/au/provision/step"
	"golang.org/x/term"
)

// app is what every command works with.
type app struct {
	*globals
	host     *host.Host
	out, err io.Writer
	loaded   bool // the config, and what was to be said of it has been
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

// configPath returns where the human's config stands.
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

// runner returns what applies plans, printing on w.
func (a *app) runner(w io.Writer, dryRun bool) (*step.Runner, error) {
	elevate, err := step.Elevation(a.host.UID() == 0, a.host.FindProgram)
	if dryRun && err != nil {
		elevate, err = []string{"sudo"}, nil
	}
	r := &step.Runner{Out: w, Err: a.err, Elevate: elevate, Version: version, Machine: a.host.Root, DryRun: dryRun, Execute: a.host.Execute}
	if a.host.UID() == 0 {
		r.Lock = rootside.PlanLock(a.host, a.err)
	} else if path, err := a.host.OwnPath(); err == nil {
		r.Carry = []string{path, "carry-out"}
	}
	return r, err
}

// paint returns the colours for what au shows.
func (a *app) paint() terminal.Paint { return terminal.PaintFor(a.out) }

// confirm asks the one question before a change. Without a terminal there is nobody to ask.
func (a *app) confirm(question string, yes bool) error {
	if yes {
		return nil
	}
	if !term.IsTerminal(0) {
		return hintError{errors.New("standard input is no terminal, so there is nobody to ask"), "add --yes"}
	}
	if a.ask(a.out, question) {
		return nil
	}
	return errors.New("not confirmed; nothing was changed")
}

// ask asks a question at the terminal. Only y and yes are yes.
func (a *app) ask(w io.Writer, question string) bool {
	fmt.Fprintf(w, "%s [y/N]: ", question)
	answer, _ := bufio.NewReader(os.Stdin).ReadString('\n')
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}

// record is a change to the human's config.
type record struct {
	Set    *config.Agent `json:",omitempty"`
	Remove string        `json:",omitempty"`
	Share  *shareChange  `json:",omitempty"`
}

// apply carries the change out on c.
func (r record) apply(c *config.Config) error {
	if r.Share != nil {
		return r.Share.apply(c)
	}
	keep := c.Agents[:0]
	found := false
	for _, g := range c.Agents {
		switch {
		case r.Set != nil && g.UserName == r.Set.UserName:
			found = true
			next := *r.Set
			next.Mounts, next.KeepEnv = g.Mounts, g.KeepEnv
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
		return update(a.host, path, human, w, a.err, change)
	}
	text, err := json.Marshal(change)
	if err != nil {
		return err
	}
	cmd := programs.Command("/proc/self/exe", "record", "--config", path)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Dir = bytes.NewReader(text), w, a.err, "/"
	if cmd.SysProcAttr, err = as(a.host, human); err != nil {
		return err
	}
	return cmd.Run()
}

// as makes a process the human's: uid, gid and groups.
func as(h *host.Host, human provision.User) (*syscall.SysProcAttr, error) {
	groups, err := h.GroupsOf(human)
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: human.UID, Gid: human.GID, Groups: groups}}, err
}

// update changes the config at path, prints what it writes, and shows a spinner on a terminal only while another process holds the lock.
func update(h *host.Host, path string, human provision.User, out, errw io.Writer, change record) error {
	spin := spinner{w: errw, text: "waiting for another au to finish with " + show(path)}
	defer spin.stop()
	var before []share.Writable
	var after *config.Config
	err := h.ForRun().UpdateConfig(context.Background(), path, human, config.UpdateOptions{
		Announce: func(path string, text []byte) { fmt.Fprintf(out, "$ %s\n", step.ShowFile(path, string(text))) },
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
	forgetFolders(path, after)
	return rememberOnce(h, path, human, before, after)
}

// rememberOnce remembers the folders that agents could write by the config as it was before, and forgets those of agents that are gone.
func rememberOnce(h *host.Host, path string, human provision.User, before []share.Writable, after *config.Config) error {
	still := share.WritableOf(after)
	gone := slices.DeleteFunc(before, func(w share.Writable) bool { return slices.Contains(still, w) || after.Agent(w.Agent) == nil })
	return errors.Join(h.ForRun().RememberOnce(path, human, gone...), h.ForRun().KeepOnce(path, human, after))
}

// spinner shows that au waits, on a terminal only.
type spinner struct {
	w     io.Writer
	text  string
	shown int
}

func (s *spinner) tick() {
	if f := terminal.OnTerminal(s.w); f != nil {
		fmt.Fprintf(f, "\r%s %c", s.text, `|/-\`[s.shown%4])
		s.shown++
	}
}

func (s *spinner) stop() {
	if s.shown > 0 {
		fmt.Fprint(terminal.OnTerminal(s.w), "\r\x1b[K")
	}
}

// recordCmd is the half of save that runs as the human.
type recordCmd struct{}

func (c *recordCmd) Run(a *app) error {
	var change record
	if err := json.NewDecoder(os.Stdin).Decode(&change); err != nil {
		return fmt.Errorf("read the change to the config: %w", err)
	}
	human, err := a.human()
	if err != nil {
		return err
	}
	return update(a.host, a.Config, human, a.out, a.err, change)
}
