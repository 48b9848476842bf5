// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/desired"
)

// pruned adds what takes away what the file does not name, or, without --prune, notes that it stays.
func (w *applying) pruned() error {
	policies, err := w.host.Policies()
	if err != nil {
		return err
	}
	for _, p := range policies {
		g := w.named(p.Name)
		if g == nil {
			w.pruneAgent(p)
			continue
		}
		for _, h := range p.Humans {
			if !slices.Contains(g.Humans, desired.User(h.Name)) {
				w.prune(&act{at: g.Places, key: "humans", agent: p.Name, human: w.actor(g, p), words: []string{"revoke", "--agent", p.Name, h.Name}},
					fmt.Sprintf("human %s of agent %s", show(h.Name), p.Name))
			}
		}
		for _, human := range g.Humans {
			if known := w.known[string(human)]; known != nil && known.Agent(p.Name) != nil {
				if err := w.pruneSettings(g, p.Home, w.people[string(human)], *known.Agent(p.Name)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// named returns what the file says of an agent; nil where it does not name it.
func (w *applying) named(agent string) *desired.Agent {
	i := slices.IndexFunc(w.file.Agents, func(g desired.Agent) bool { return string(g.UserName) == agent })
	if i < 0 {
		return nil
	}
	return &w.file.Agents[i]
}

// pruneAgent deletes an agent all of whose humans au acts for. Its home stays.
func (w *applying) pruneAgent(p csrc.Policy) {
	ours := 0
	for _, h := range p.Humans {
		if w.known[h.Name] != nil {
			ours++
		}
	}
	switch {
	case ours == 0 || w.host.IsDeclared(p.Name) || slices.Contains(w.file.Keep, desired.Name(p.Name)):
	case ours < len(p.Humans):
		w.left = append(w.left, fmt.Sprintf("agent %s, which has other humans as well (%s)", p.Name, provision.HumanNames(p)))
	default:
		w.prune(&act{at: w.file.Places, agent: p.Name, human: p.Humans[0].Name, words: []string{"delete", "--agent", p.Name, "--yes"}}, "agent "+p.Name)
	}
}

func (w *applying) prune(a *act, what string) {
	if !w.cmd.Prune {
		w.left = append(w.left, what)
		return
	}
	if a.words[0] == "mount" || a.words[0] == "path" {
		w.gone = append(w.gone, a)
		return
	}
	w.acts = append(w.acts, a)
}

// pruneSettings takes away shares, and folders on the PATH. Shares go before others come.
func (w *applying) pruneSettings(g *desired.Agent, home string, human provision.User, entry config.Agent) error {
	name := entry.UserName
	wanted, err := w.wanted(g, human, entry)
	if err != nil {
		return err
	}
	for _, m := range entry.Mounts {
		if !provision.SayableShare(m, home) { // nobody can have named it
			w.left = append(w.left, fmt.Sprintf("share %s of agent %s", show(m.Source), name))
		} else if !slices.Contains(wanted, config.Path(m.Source)) {
			w.prune(&act{at: g.Places, key: "mounts", agent: name, human: human.Name, words: []string{"mount", "remove", "--agent", name, "--yes", m.Source}},
				fmt.Sprintf("share %s of agent %s", show(m.Source), name))
		}
	}
	of := g.For(human.Name)
	for _, folder := range entry.Path {
		if !provision.SayableFolder(folder) {
			w.left = append(w.left, fmt.Sprintf("%s on the path of agent %s", show(folder), name))
		} else if of.Path != nil && !slices.ContainsFunc(of.Path, func(p desired.FolderPath) bool { return p.Expand(human) == folder }) {
			w.prune(&act{at: of.Places, key: "path", agent: name, human: human.Name, words: []string{"path", "remove", "--agent", name, folder}},
				fmt.Sprintf("%s on the path of agent %s", show(folder), name))
		}
	}
	return nil
}

// wanted returns the folders that the file shares with an agent, as it names them and, where that decides about a share, as they
// are without links. au itself looks at none of them: root may see less there than the human, and must follow nobody's links.
func (w *applying) wanted(g *desired.Agent, human provision.User, entry config.Agent) (all []config.Path, err error) {
	for _, m := range g.Mounts {
		if m.Human == nil || string(*m.Human) == human.Name {
			all = append(all, config.Path(m.Source.Expand(human)))
		}
	}
	named := func(m config.Mount) bool { return slices.Contains(all, config.Path(m.Source)) }
	if len(all) == 0 || !slices.ContainsFunc(entry.Mounts, func(m config.Mount) bool { return !named(m) }) {
		return all, nil
	}
	text, err := json.Marshal(all)
	if err != nil {
		return nil, err
	}
	ask := &act{at: g.Places, key: "mounts", agent: entry.UserName, human: human.Name, words: []string{"resolve", "--agent", entry.UserName}, input: text}
	out, errs, status, err := w.look(ask)
	if err == nil && status != 0 {
		err = complaint(errs)
	}
	if err != nil {
		return nil, w.refused(ask, err)
	}
	var real []config.Path
	if err := json.Unmarshal([]byte(out), &real); err != nil {
		return nil, w.refused(ask, err)
	}
	return append(all, real...), nil
}
