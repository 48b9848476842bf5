// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/a4u2/au/cmd/au/terminal"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision/config"
)

// Listed is a line of `au list`.
type Listed struct {
	Name    string `json:"name"`
	Made    string `json:"made"` // "au", "nixos", "agent-as-unix-user" or "missing"
	Default bool   `json:"default"`

	Runs   []Run         `json:"runs,omitempty"`   // that go on
	Drafts []ListedDraft `json:"drafts,omitempty"` // that hold something which was not kept yet
}

// ListedDraft is a draft of a human, and since when they have it.
type ListedDraft struct {
	Name   string      `json:"name"`
	Folder config.Path `json:"folder"`
	Since  time.Time   `json:"since"`
}

// Text is the draft as a person reads it.
func (d ListedDraft) Text() string {
	return fmt.Sprintf("draft %s of %s, since %s", d.Name, quote.Name(string(d.Folder)), d.Since.Local().Format("2 Jan 2006 15:04"))
}

// Declared is what the NixOS configuration says of an agent.
type Declared struct {
	Agent  bool // it declares the agent
	Admits bool // and lets the human in
}

// List returns the agents of the config, then those whose policy lets the human in without standing in it.
func (m Machine) List(known *config.Config, human uint32, declared func(agent string) Declared) ([]Listed, error) {
	agents := []Listed{}
	seen := map[string]bool{}
	add := func(name, made string) {
		if made == "au" && declared(name).Agent {
			made = "nixos"
		}
		seen[name] = true
		agents = append(agents, Listed{Name: name, Made: made, Default: name == DefaultAgent})
	}
	for _, g := range known.Agents {
		switch {
		case m.exists(csrc.PolicyPath(g.UserName)):
			add(g.UserName, "au")
		case g.Entrypoint != csrc.EntrypointPath(g.UserName) && m.exists(csrc.HomePath(g.UserName)):
			add(g.UserName, "agent-as-unix-user")
		default:
			add(g.UserName, "missing")
		}
	}
	policies, err := m.ReadDir(m.Root + csrc.PolicyDir)
	if errors.Is(err, fs.ErrNotExist) {
		return agents, nil
	}
	for _, e := range policies {
		if seen[e.Name()] || !csrc.IsName(e.Name()) {
			continue
		}
		if p, err := m.Policy(e.Name()); err == nil && (p.Admits(human) || declared(e.Name()).Admits) {
			add(e.Name(), "au")
		}
	}
	return agents, err
}

// AddRuns adds to each agent the runs of it that go on. Of an agent that the human may not enter there are none to see.
func (m Machine) AddRuns(agents []Listed, human uint32, declared func(agent string) Declared) error {
	var policies []csrc.Policy
	for _, g := range agents {
		if p, err := m.Policy(g.Name); csrc.IsName(g.Name) && err == nil && (p.Admits(human) || declared(g.Name).Admits) && m.isBusy(p) {
			policies = append(policies, p)
		}
	}
	if len(policies) == 0 {
		return nil
	}
	runs, err := m.Runs(policies...)
	for _, r := range runs {
		at := slices.IndexFunc(agents, func(g Listed) bool { return g.Name == r.Agent })
		agents[at].Runs = append(agents[at].Runs, r)
	}
	return err
}

// isBusy reports whether anything but its keeper may be in the cgroup that an agent's commands join. To look through all processes
// of a machine takes longer than all else that is listed.
func (m Machine) isBusy(p csrc.Policy) bool {
	if len(p.Cgroups) == 0 {
		return true
	}
	text, err := os.ReadFile(m.Root + "/sys/fs/cgroup/" + p.Cgroups[0] + "/cgroup.procs")
	return err != nil || bytes.Count(text, []byte("\n")) > 1
}

// IsAgent reports whether au made an agent of that name here.
func (m Machine) IsAgent(name string) bool {
	return csrc.IsName(name) && m.exists(csrc.PolicyPath(name))
}

func (m Machine) exists(path string) bool {
	_, err := m.Lstat(m.Root + path)
	return err == nil
}

// PrintList prints a line for each agent.
func PrintList(w io.Writer, agents []Listed) {
	if len(agents) == 0 {
		fmt.Fprintln(w, "No agents configured.")
	}
	for i, line := range Lines(w, agents) {
		fmt.Fprintln(w, line)
		PrintRuns(w, "    ", agents[i].Runs)
		for _, d := range agents[i].Drafts {
			fmt.Fprintf(w, "    %s\n", d.Text())
		}
	}
}

// Lines returns the lines about each agent, in the colours that w can show.
func Lines(w io.Writer, agents []Listed) (lines []string) {
	p := terminal.PaintFor(w)
	for _, g := range agents {
		line := g.Name
		if g.Default {
			line += " (" + p.Green("default") + ")"
		}
		switch g.Made {
		case "nixos":
			line += " (declared in the NixOS configuration)"
		case "missing":
			line += " (" + p.Red("not on this machine") + ")"
		case "agent-as-unix-user":
			line += " (" + p.Red("made by agent-as-unix-user 2.x: not run") + ")"
		}
		lines = append(lines, line)
	}
	return lines
}
