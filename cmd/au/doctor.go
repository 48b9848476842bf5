// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
)

type doctorCmd struct {
	Fix  bool `help:"Run the commands that mend what was found, after one question."`
	Yes  bool `short:"y" help:"With --fix, do not ask."`
	JSON bool `name:"json" help:"Print JSON."`
}

// diagnosis is what `au doctor --json` prints.
type diagnosis struct {
	Findings  []ailment `json:"findings"`
	Broken    int       `json:"broken"`     // of those that are not silenced
	Advice    int       `json:"advice"`     // the same
	Silenced  int       `json:"silenced"`   // by `silence` in the config
	NeedsRoot []string  `json:"needs_root"` // what could not be looked at
}

// ailment is one finding.
type ailment struct {
	ID       string `json:"id"`
	Agent    string `json:"agent,omitempty"` // empty: the machine, or the human
	Level    string `json:"level"`           // "broken" or "advice"
	Problem  string `json:"problem"`
	Risk     string `json:"risk"`
	Mend     string `json:"mend,omitempty"` // a command to paste
	Silenced bool   `json:"silenced"`
}

// Run exits with 0 where nothing is broken, and with 1 otherwise.
func (c *doctorCmd) Run(a *app) error {
	human, err := a.human()
	if err != nil {
		return err
	}
	if c.Fix && a.host.UID() == 0 { // what mends a human's things runs with the human's rights
		return hintError{fmt.Errorf("--fix is for %q, not for root: au becomes root for what needs it", human.Name), "au doctor --fix"}
	}
	d, err := a.diagnose(human)
	if err == nil && c.Fix {
		d, err = c.fix(a, human, d)
	}
	if err != nil {
		return err
	}
	if c.JSON {
		err = a.printJSON(d)
	} else {
		a.printDiagnosis(d)
	}
	if err == nil && d.Broken > 0 {
		return exitError(statusFailed)
	}
	return err
}

// diagnose looks at the machine, and at every agent of the human's; for root, at every agent.
func (a *app) diagnose(human provision.User) (diagnosis, error) {
	d := diagnosis{Findings: []ailment{}, NeedsRoot: []string{}}
	known, err := a.load(human)
	if err != nil {
		return d, err
	}
	agents, err := a.patients(known, human)
	if err != nil {
		return d, err
	}
	if err := a.checkMachine(&d, human, known); err != nil {
		return d, err
	}
	for _, agent := range agents {
		if err := a.checkAgent(&d, human, known, agent); err != nil {
			d.advise(a.host, agent, "policy-unreadable", err.Error(), hintOf(err))
		}
	}
	d.count(known.Silence)
	return d, nil
}

// patients returns the agents to look at.
func (a *app) patients(known *config.Config, human provision.User) (names []string, err error) {
	agents, err := listAgents(a.host, known, human)
	if err != nil {
		return nil, err
	}
	for _, g := range agents {
		names = append(names, g.Name)
	}
	if a.host.UID() != 0 {
		return names, nil
	}
	policies, err := a.host.Policies()
	for _, p := range policies {
		if !slices.Contains(names, p.Name) {
			names = append(names, p.Name)
		}
	}
	return names, err
}

// hintOf returns the command that an error comes with.
func hintOf(err error) string {
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) {
		return hinted.Hint()
	}
	return ""
}

func (d *diagnosis) advise(h *host.Host, agent, id, problem, hint string) {
	fault, _ := provision.FaultOf(id)
	level := "broken"
	if fault.Advice {
		level = "advice"
	}
	mend := ""
	if hint != "" {
		mend = advised(h, hint)
	}
	d.Findings = append(d.Findings, ailment{ID: id, Agent: agent, Level: level, Problem: problem, Risk: fault.Risk, Mend: mend})
}

// count marks what the human has silenced: "ID" everywhere, or "ID:AGENT".
func (d *diagnosis) count(silence []string) {
	for i := range d.Findings {
		f := &d.Findings[i]
		switch {
		case slices.Contains(silence, f.ID) || slices.Contains(silence, f.ID+":"+f.Agent):
			f.Silenced = true
			d.Silenced++
		case f.Level == "broken":
			d.Broken++
		default:
			d.Advice++
		}
	}
}

// checkAgent looks at one agent: what `au info` looks at, and more.
func (a *app) checkAgent(d *diagnosis, human provision.User, known *config.Config, agent string) error {
	entry := known.Agent(agent)
	info, facts, err := a.examine(human, known, agent)
	if err != nil {
		return err
	}
	for _, i := range info.Issues {
		d.advise(a.host, agent, i.ID, i.Problem, i.Hint)
	}
	if facts.Policy == nil {
		return nil
	}
	if info.Outdated != nil {
		d.advise(a.host, agent, info.Outdated.ID, info.Outdated.Problem, info.Outdated.Hint)
	}
	if info.Limits != nil {
		for _, word := range sortedWords(info.Limits.Limits) {
			if l := info.Limits.Limits[word]; l.Held != "" {
				d.advise(a.host, agent, "limit-unheld", fmt.Sprintf("limit %s is %s, and the kernel holds %s", word, l.Text, l.Held), "au limits show --agent "+agent)
			}
		}
	}
	a.checkRights(d, facts)
	a.checkAge(d, facts)
	a.checkNet(d, facts)
	return a.checkShares(d, human, agent, entry)
}

func sortedWords(limits map[string]limitView) (words []string) {
	for word := range limits {
		words = append(words, word)
	}
	slices.Sort(words)
	return words
}

// checkRights looks for rights that the agent's account has outside of its walls.
func (a *app) checkRights(d *diagnosis, f provision.Facts) {
	groups, err := a.host.AllGroups()
	if err != nil {
		return
	}
	for _, name := range provision.StrongGroups(groups, f.Name) {
		d.advise(a.host, f.Name, "group-strong", fmt.Sprintf("the agent is a member of %q", name), fmt.Sprintf("sudo gpasswd --delete %s %s", f.Name, name))
	}
	if a.host.UID() != 0 {
		d.needsRoot("what sudoers gives agents")
	} else if rules := a.host.SudoRules(f.Name); rules != "" {
		d.advise(a.host, f.Name, "sudo-rule", "sudoers lets the agent run: "+show(rules), "sudo visudo")
	}
}

func (d *diagnosis) needsRoot(what string) {
	if !slices.Contains(d.NeedsRoot, what) {
		d.NeedsRoot = append(d.NeedsRoot, what)
	}
}

// checkAge compares the agent's entrypoint with the one that this au would install.
func (a *app) checkAge(d *diagnosis, f provision.Facts) {
	source, build, err := findSource(a.host)
	if err != nil || build || f.Declared || f.Policy.SHA256 == "" || source.SHA256 == f.Policy.SHA256 {
		return
	}
	d.advise(a.host, f.Name, "entrypoint-old", "the agent's entrypoint is another than that of this au", "au new --agent "+f.Name)
}

// checkNet looks at the layers of a restricted agent's network.
func (a *app) checkNet(d *diagnosis, f provision.Facts) {
	p, err := a.host.NetPolicy(f.Name)
	if err != nil || !f.Ours() {
		return
	}
	units, silent := a.host.NetUnits(p)
	for _, l := range layers(a.host, p, units, silent) {
		if !l.Up && !l.unknown && l.Name != "slice" {
			problem, mend, _ := strings.Cut(l.State, ": ")
			d.advise(a.host, f.Name, "net-down", fmt.Sprintf("the network's layer %q is down: %s", l.Name, problem), mend)
		}
	}
	for _, warning := range netWarnings(a.host, p, *f.Policy, a.host.NoSlice(), a.host.NoSeal()) {
		d.advise(a.host, f.Name, "net-warning", warning, "")
	}
}

// checkShares looks at what is shared with the agent.
func (a *app) checkShares(d *diagnosis, human provision.User, agent string, entry *config.Agent) error {
	if entry == nil {
		return nil
	}
	for _, m := range entry.Mounts {
		if a.host.UID() == 0 { // a file system that does not answer is not asked, and nothing of others is read
			d.needsRoot("shares: as " + human.Name + ", not as root")
			return nil
		}
		if start.KindOf(m.Source) == start.Gone {
			d.advise(a.host, agent, "share-missing", fmt.Sprintf("share %s is not there", show(m.Source)), mountLine("remove", agent, m.Source))
			continue
		}
		if m.ReadOnly {
			continue
		}
		result, err := inspectShare(a.host, m.Source, io.Discard)
		if err == nil && len(result.Findings) > 0 {
			d.advise(a.host, agent, "share-planted", fmt.Sprintf("share %s has %s that run by themselves or reach beyond it", show(m.Source), things(len(result.Findings))),
				mountLine("check", agent, m.Source))
		}
	}
	return nil
}

func things(n int) string {
	if n == 1 {
		return "1 thing"
	}
	return fmt.Sprintf("%d things", n)
}

// fix runs what mends, and looks again.
func (c *doctorCmd) fix(a *app, human provision.User, d diagnosis) (diagnosis, error) {
	lines := a.mends(d)
	if len(lines) == 0 {
		fmt.Fprintln(a.err, "au: there is no command to run")
		return d, nil
	}
	fmt.Fprintf(a.err, "These commands mend what was found:\n")
	for _, line := range lines {
		fmt.Fprintf(a.err, "  %s\n", line)
	}
	if err := a.confirm("Run them?", c.Yes); err != nil {
		return d, err
	}
	for _, line := range lines {
		fmt.Fprintf(a.err, "$ %s\n", line)
		if err := a.host.Shell(line, a.err); err != nil {
			a.say(fmt.Errorf("%s: %w", line, err))
		}
	}
	return a.diagnose(human)
}

// mends returns the commands that mend what is not silenced, each once. What only looks, or is to be typed by a person, is not among them.
func (a *app) mends(d diagnosis) (lines []string) {
	for _, f := range d.Findings {
		if !f.Silenced && mendable(f.ID) && f.Mend != "" && (strings.HasPrefix(f.Mend, "au ") || strings.HasPrefix(f.Mend, "sudo ") || strings.HasPrefix(f.Mend, "chmod ")) && !slices.Contains(lines, f.Mend) {
			lines = append(lines, f.Mend)
		}
	}
	return lines
}

// mendable says whether what helps against a fault does so by itself, and takes nothing from anybody that they may want.
func mendable(id string) bool {
	return !slices.Contains([]string{"sudo-rule", "share-planted", "share-missing", "limit-unheld", "left-behind"}, id)
}

func (a *app) printDiagnosis(d diagnosis) {
	p := a.paint()
	for _, f := range d.Findings {
		if f.Silenced {
			continue
		}
		level := p.Yellow(f.Level)
		if f.Level == "broken" {
			level = p.Red(f.Level)
		}
		on := ""
		if f.Agent != "" {
			on = "agent " + f.Agent + ": "
		}
		fmt.Fprintf(a.out, "%s %s: %s%s\n  %s\n", level, f.ID, on, f.Problem, f.Risk)
		if f.Mend != "" {
			fmt.Fprintf(a.out, "  %s\n", hintLine(a.host, f.Mend))
		}
	}
	fmt.Fprintf(a.out, "%d broken, %d advice, %d silenced\n", d.Broken, d.Advice, d.Silenced)
	for _, what := range d.NeedsRoot {
		fmt.Fprintf(a.out, "not looked at without root: %s\n", what)
	}
}
