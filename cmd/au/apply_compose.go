// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/bounded"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/desired"
	"github.com/a4u2/au/provision/share"
)

// maxApply is far above a thousand agents with dozens of shares each.
const maxApply = 16 << 20

// applying is an `au apply` that goes on.
type applying struct {
	*app
	cmd      *applyCmd
	ctx      context.Context
	patience time.Duration // with a command that only looks
	out      io.Writer     // for the lines that run
	name     string        // of the file, in messages
	way      []string      // all that was passed on the way to it
	file     *desired.File
	people   map[string]provision.User
	known    map[string]*config.Config // of the humans that au acts for
	acts     []*act                    // all that the file asks for
	gone     []*act                    // those that take shares away, before all others
	due      []*act                    // those of them that change something
	left     []string                  // what the file does not name, and stays
}

// read reads the file.
func (w *applying) read() (err error) {
	var text []byte
	if w.name = w.cmd.File; w.name == "-" || w.name == "/dev/stdin" {
		w.name = "stdin"
		text, err = bounded.Read(os.Stdin, maxApply)
	} else {
		text, err = w.readFile()
	}
	if err != nil {
		return err
	}
	w.file, err = desired.Parse(w.name, text)
	return err
}

// readFile reads a file that the human and root alone can have put where it is; for root, who acts for nobody in particular, one
// of root.
func (w *applying) readFile() ([]byte, error) {
	at, err := absolute(w.cmd.File)
	if err != nil {
		return nil, err
	}
	by, err := w.human()
	if err != nil && w.host.UID() != 0 {
		return nil, err
	}
	own, err := w.host.ForRun().Own(at, by)
	if err != nil {
		return nil, fmt.Errorf("file %q: %w", w.cmd.File, err)
	}
	defer own.Close()
	text, err := own.Read(maxApply)
	if err == nil && text == nil {
		err = fmt.Errorf("file %q: %w", w.cmd.File, os.ErrNotExist)
	}
	w.way = own.Way
	return text, err
}

// compose finds the commands that make the machine what the file says, whether they have anything to do or not.
func (w *applying) compose() error {
	w.people, w.known = map[string]provision.User{}, map[string]*config.Config{}
	for i := range w.file.Agents {
		if err := w.findHumans(&w.file.Agents[i]); err != nil {
			return err
		}
	}
	if err := w.findKnown(); err != nil {
		return err
	}
	for i := range w.file.Agents {
		if err := w.agent(&w.file.Agents[i]); err != nil {
			return err
		}
	}
	err := w.pruned()
	w.acts = append(w.gone, w.acts...)
	return err
}

// findHumans looks for the humans of an agent, who are the one that au acts for where the file names none.
func (w *applying) findHumans(g *desired.Agent) error {
	me, err := w.human()
	if g.Humans == nil {
		if err != nil {
			return w.file.ErrorAt(g.Places, "user_name", "agent %q: want its humans, since au acts for nobody in particular: humans = [\"alice\"], or au --human NAME apply", g.UserName)
		}
		g.Humans = []desired.User{desired.User(me.Name)}
	}
	for _, name := range g.Humans {
		if _, err := w.person(string(name)); err != nil {
			return w.file.ErrorAt(g.Places, "humans", "humans of agent %q: %v", g.UserName, err)
		}
	}
	if w.host.UID() != 0 && !slices.Contains(g.Humans, desired.User(me.Name)) {
		return w.file.ErrorAt(g.Places, "humans", "agent %q: au acts for the one who runs it: want %q among its humans, or root to run this", g.UserName, me.Name)
	}
	return nil
}

// person returns a user who can be a human.
func (w *applying) person(name string) (provision.User, error) {
	if u, ok := w.people[name]; ok {
		return u, nil
	}
	u, ok, err := w.host.UserNamed(name)
	switch {
	case err != nil:
		return u, err
	case !ok:
		return u, fmt.Errorf("human %q: no such user on this machine", name)
	case u.UID == 0:
		return u, errors.New("root cannot be a human of an agent: want the name of an ordinary user")
	}
	w.people[name] = u
	return u, nil
}

// findKnown reads the configs of the file's humans for whom au acts, and refuses the file where one of their agents, or an agent
// of the caller, could have written it. A file that does not name the caller, as an empty one, is not about the caller's agents.
func (w *applying) findKnown() error {
	for _, name := range w.file.Humans {
		if _, err := w.person(string(name)); err != nil {
			return w.file.ErrorAt(w.file.Places, "humans", "%v", err)
		}
	}
	readers := maps.Clone(w.people)
	if me, err := w.human(); err == nil {
		readers[me.Name] = me
	}
	for name, u := range readers {
		if !w.actsFor(u) {
			continue
		}
		known, err := w.load(u)
		if err != nil {
			return err
		}
		w.loaded = false // each config has its own warnings
		if _, named := w.people[name]; named {
			w.known[name] = known
		}
		_, in, err := w.host.ForRun().OnWay(w.way, known, w.configPath(u), u, w.host.DeclaredWritable(u))
		if err != nil {
			return err
		}
		if in.Source != "" {
			return fmt.Errorf("file %q: it is in %s, which agent %q can write; no agent may write the file that says what agents get", w.cmd.File, show(in.Source), in.Agent)
		}
	}
	if w.host.UID() == 0 && w.Config != "" && !strings.HasPrefix(w.Config, "~/") && len(w.known) > 1 {
		return errors.New("--config is one file, and this one is about several humans: want a path that begins with ~/")
	}
	return nil
}

// actsFor reports whether au changes what is that human's: root does for all, everybody else for themselves.
func (w *applying) actsFor(u provision.User) bool {
	return w.host.UID() == 0 || int(u.UID) == w.host.UID()
}

// agent adds the commands for one agent.
func (w *applying) agent(g *desired.Agent) error {
	name := string(g.UserName)
	policy, err := w.host.ReadPolicy(name)
	planned := errors.Is(err, os.ErrNotExist)
	if err != nil && !planned {
		return w.file.ErrorAt(g.Places, "user_name", "policy of agent %q: %v", name, err)
	}
	add := func(at desired.Places, key, human string, words ...string) *act {
		act := &act{at: at, key: key, agent: name, human: human, words: words, planned: planned}
		w.acts = append(w.acts, act)
		return act
	}
	actor := w.actor(g, policy)
	words := append([]string{"new", "--agent", name}, unlockWords(g, planned)...)
	if planned {
		words = append(words, limitWords(g.Limits)...)
	}
	agent := add(g.Places, "user_name", actor, append(words, "--yes")...)
	agent.trial, agent.more = []string{}, []string{"--part"}
	for _, human := range g.Humans {
		if !planned || string(human) != actor {
			add(g.Places, "humans", actor, "grant", "--agent", name, "--yes", string(human))
		}
	}
	if words := limitWords(g.Limits); !planned && len(words) > 0 {
		add(g.Limits.Places, "", actor, append([]string{"limits", "set", "--agent", name}, words...)...)
	}
	if g.Net != nil {
		if words := netWords(g.Net); words != nil {
			add(g.Net.Places, "", actor, append([]string{"net", "restrict", "--agent", name}, words...)...)
		} else if !planned {
			add(g.Net.Places, "restricted", actor, "net", "off", "--agent", name)
		}
	}
	for _, human := range g.Humans {
		u := w.people[string(human)]
		if !w.actsFor(u) {
			continue
		}
		if err := w.settings(g, u, add); err != nil {
			return err
		}
	}
	return nil
}

// actor returns the human for whom the agent itself is changed: one who may enter it already, where there is one.
func (w *applying) actor(g *desired.Agent, p csrc.Policy) string {
	first := ""
	for _, human := range g.Humans {
		switch u := w.people[string(human)]; {
		case !w.actsFor(u):
		case p.Admits(u.UID):
			return u.Name
		case first == "":
			first = u.Name
		}
	}
	if w.host.UID() == 0 && len(p.Humans) > 0 && !slices.ContainsFunc(p.Humans, func(h csrc.Human) bool { return h.Name == first }) {
		if _, err := w.person(p.Humans[0].Name); err == nil {
			return p.Humans[0].Name
		}
	}
	return first
}

// settings adds the commands about what one human's config says of the agent.
func (w *applying) settings(g *desired.Agent, human provision.User, add func(desired.Places, string, string, ...string) *act) error {
	name, of := string(g.UserName), g.For(human.Name)
	there := func(m config.Mount) bool {
		known := w.known[human.Name]
		return known != nil && known.Agent(name) != nil && slices.ContainsFunc(known.Agent(name).Mounts, m.Equal)
	}
	var seen []config.Mount
	for _, m := range g.Mounts {
		if m.Human != nil && string(*m.Human) != human.Name {
			continue
		}
		next := config.Mount{
			Source: m.Source.Expand(human), Target: w.target(m, human, name), ReadOnly: m.Draft || m.ReadOnly == nil || *m.ReadOnly, ACL: m.ACL, Draft: m.Draft,
			Hide: desired.Words(m.Hide), ShowSecrets: m.ShowSecrets, TargetOnly: m.SamePath != nil && !*m.SamePath,
		}
		for _, other := range seen {
			if err := provision.CheckOverlap(next, other); err != nil && !(there(next) && there(other)) { // two that a person has typed into the config
				return w.file.ErrorAt(m.Places, "source", "%v", err)
			}
		}
		seen = append(seen, next)
		words := append([]string{"mount", "add", "--agent", name, "--replace"}, mountWords(m)...)
		words = append(words, "--yes", next.Source)
		if m.Target != "" {
			words = append(words, next.Target)
		}
		add(m.Places, "source", human.Name, words...).trial = []string{"--planned"}
	}
	for _, folder := range of.Path {
		act := add(of.Places, "path", human.Name, "path", "add", "--agent", name, folder.Expand(human))
		act.trial = []string{"--planned"}
		for _, m := range seen {
			act.trial = append(act.trial, "--sharing", m.Source)
		}
	}
	w.variables(of, name, human, add)
	return nil
}

// target returns where the agent sees a share.
func (w *applying) target(m desired.Mount, human provision.User, agent string) string {
	target := string(m.Target)
	if target == "" {
		source := m.Source.Expand(human)
		target, _ = share.Within(human.Home, source)
		if !path.IsAbs(source) || target == "" || strings.HasPrefix(target, "..") {
			target = strings.TrimPrefix(source, "/")
		}
	}
	if rest, ok := strings.CutPrefix(target, "~/"); ok {
		target = rest
	}
	if !path.IsAbs(target) {
		target = path.Join(csrc.HomePath(agent), target)
	}
	return path.Clean(target)
}
