// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/step"
	auslices "github.com/a4u2/au/slices"
)

type newCmd struct {
	agentFlag
	limitFlags
	Unlock []string `aliases:"allow" placeholder:"SWITCH" help:"Give up a part of the isolation so that something works in a run: ${switches}."`
	Lock   bool     `help:"Take back what an earlier --unlock gave up, except what --unlock names now."`
	Yes    bool     `short:"y" help:"Do not ask."`
	planFlags
	Part bool `hidden:"" help:"Another command runs this one: do not say what comes next."`
}

func (c *newCmd) Run(a *app) error {
	if err := c.settle(a); err != nil {
		return err
	}
	human, err := a.human()
	if err != nil {
		return err
	}
	old, err := a.takeover(human, c.Agent)
	if err != nil {
		return err
	}
	known, err := a.load(human)
	if err != nil {
		return err
	}
	first := old != nil || known.Agent(c.Agent) == nil
	want := provision.Want{Name: c.Agent, Allow: c.Unlock}
	if c.Lock && want.Allow == nil {
		want.Allow = []string{} // nil: as they are
	}
	facts, build, err := c.check(a, human, &want, old)
	if err != nil {
		return err
	}
	runner, err := a.runner(a.out, c.DryRun)
	if err != nil {
		return err
	}
	a.announceNew(want, facts, old)
	question := fmt.Sprintf("Create agent %s in %s and configure group %q?", want.Name, csrc.HomePath(want.Name), provision.GroupName(want.Name))
	if err := a.confirm(question, c.Yes || c.DryRun); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if build {
		if facts.Source, err = buildSource(a.host, ctx, runner); err != nil {
			return err
		}
		if !c.DryRun {
			defer os.RemoveAll(filepath.Dir(facts.Source.Path))
		}
	}
	if facts, err = old.takeApart(a, runner, facts); err != nil {
		return err
	}
	if err := a.create(ctx, runner, want, c.limits(), facts); err != nil || c.DryRun {
		return err
	}
	if err := old.carryOver(a); err != nil || !first || c.Part || a.Human != "" { // whoever is root for a human types none of it
		return err
	}
	return a.sayNext(human, c.Agent)
}

// sayNext ends the report on a new agent with the commands that come next.
func (a *app) sayNext(human provision.User, agent string) error {
	known, err := a.load(human)
	if err != nil {
		return err
	}
	return a.printNext(a.next(agent, human, known))
}

// check refuses what cannot be made before anything has changed, and returns the facts; with build, the entrypoint has to be built
// first.
func (c *newCmd) check(a *app, human provision.User, want *provision.Want, old *takeover) (facts provision.Facts, build bool, err error) {
	if err := provision.CheckName(want.Name); err != nil {
		return facts, false, err
	}
	if err := provision.CheckAllow(want.Allow); err != nil {
		return facts, false, err
	}
	declare := provision.StanzaAgent{Name: want.Name, Humans: []string{human.Name}, Limits: provision.StanzaLimits(c.limits()), Allow: want.Allow}
	if err := a.refuseNixOS(declare); err != nil {
		return facts, false, err
	}
	if facts, err = a.host.Observe(want.Name, human); err != nil {
		return facts, false, err
	}
	if facts, err = old.check(want, facts); err != nil {
		return facts, false, err
	}
	if facts.Source, build, err = findSource(a.host); err != nil {
		return facts, false, err
	}
	if err := provision.CheckNew(*want, facts); err != nil {
		return facts, false, refusal(err)
	}
	if !c.limits().Empty() && !facts.Unit.Systemd {
		return facts, false, limitsError(want.Name, step.ErrNoSystemd)
	}
	return facts, build, nil
}

// announceNew says what a machine or a name has that the human should know of before saying yes.
func (a *app) announceNew(w provision.Want, f provision.Facts, old *takeover) {
	old.announce(a)
	if provision.Survived(w, f) && !old.due() {
		fmt.Fprintf(a.err, "au: %s is left from an earlier agent: the new one gets it as it is. Nothing in it is run or followed as you or as root, but the agent will read it.\n",
			csrc.HomePath(w.Name))
	}
	for _, file := range f.SkelUnreadable {
		if f.Agent == nil {
			fmt.Fprintf(a.err, "au: %s is left out of the agent's home: only some can read it\n", show(file))
		}
	}
	for _, s := range csrc.Switches {
		if slices.Contains(w.Allow, s.Word) {
			fmt.Fprintf(a.err, "au: --unlock %s: %s. It gives up %s\n", s.Word, s.Gives, s.GivesUp)
		}
	}
	if f.Mail != "" {
		fmt.Fprintf(a.err, "au: %s runs what the agent writes into its ~/.forward, outside of all walls\n", f.Mail)
		a.hint(provision.MailHint(f))
	}
	if !f.Unit.Systemd {
		fmt.Fprintf(a.err, "au: no systemd here: the agent gets no unit of its own, so limits, `au pause` and `au stop` will not work for it.\n")
	}
}

// create brings the agent about in stages, each from fresh facts, and takes everything back when one fails.
func (a *app) create(ctx context.Context, runner *step.Runner, want provision.Want, limits auslices.Limits, facts provision.Facts) error {
	m := &newAgent{app: a, want: want, limits: limits, facts: facts}
	m.change = change{
		ctx: ctx, runner: runner, dryRun: runner.DryRun, plan: m.plan, stages: true, useless: m.without, held: m.holds,
		record: func() (bool, error) { return a.recordAgent(want.Name, m.facts, runner.DryRun) },
		about:  m.named, rest: "au delete --agent " + want.Name,
		nothing: a.saying(fmt.Sprintf("Agent %s is as it should be; nothing to do", want.Name)), done: a.saying(fmt.Sprintf("Created agent %s", want.Name)),
	}
	_, err := a.finish(&m.change)
	return err
}

// newAgent is an agent that is being made.
type newAgent struct {
	*app
	change
	want   provision.Want
	limits auslices.Limits
	facts  provision.Facts
	looked bool // at the machine, for a plan
}

// plan returns what is missing, limits included.
func (m *newAgent) plan() ([]step.Step, step.Seen, error) {
	if m.looked {
		if err := m.look(); err != nil {
			return nil, nil, err
		}
	}
	m.looked = true
	plan := provision.PlanNew(m.want, m.facts)
	if m.applied > 0 || m.limits.Empty() {
		return plan, m.facts.Seen, nil
	}
	limits, err := m.planLimitsNew(m.want.Name, m.limits, m.facts)
	if err != nil {
		return nil, nil, fmt.Errorf("limits: %w", err)
	}
	return append(plan, limits...), m.facts.Seen, nil
}

// look reads the facts again.
func (m *newAgent) look() error {
	next, err := m.app.host.Observe(m.want.Name, m.facts.Human)
	if err != nil {
		return err
	}
	next.Source = m.facts.Source
	m.facts = next
	return refusal(provision.CheckNew(m.want, next))
}

// named says which agent err is about; a refusal says of itself what it is about.
func (m *newAgent) named(err error) error {
	var r *provision.Refusal
	if errors.As(err, &r) {
		return err
	}
	return fmt.Errorf("agent %q: %w", m.want.Name, err)
}

// without says that a plan was carried out, and that what it was for is not so: a program of the machine's does not do what it
// says.
func (m *newAgent) without(plan []step.Step) error {
	var problems []string
	for _, issue := range provision.Health(m.facts) {
		problems = append(problems, issue.Problem)
	}
	return fmt.Errorf("%q and the steps after it succeeded, but without effect: %s", plan[0].Do.Shell(nil), strings.Join(problems, "; "))
}

// holds tries a run, and reads the limits back.
func (m *newAgent) holds(bool) error {
	if why := trial(m.host, m.facts); why != nil {
		return hintError{fmt.Errorf("agent %q is made, and nothing can be run as it on this machine: %w", m.want.Name, why), "au info --agent " + m.want.Name}
	}
	return limitsError(m.want.Name, m.host.NotHeld(m.want.Name, m.facts.Policy.UID, m.limits.Properties(m.host.Capacity())))
}

// recordAgent puts the agent into the human's config where it is not there as it is.
func (a *app) recordAgent(name string, f provision.Facts, dryRun bool) (bool, error) {
	if f.Policy == nil { // in a dry run alone
		return true, nil
	}
	entry := config.Agent{
		UserName: name, Group: provision.GroupName(name), Entrypoint: csrc.EntrypointPath(name),
		EntrypointSHA256: f.Policy.SHA256, EntrypointStamp: f.Entrypoint.Stamp, Bootstrapped: true,
	}
	if known, err := a.load(f.Human); err == nil {
		if old := known.Agent(name); old != nil {
			entry.Mounts, entry.KeepEnv, entry.SetEnv, entry.Path = old.Mounts, old.KeepEnv, old.SetEnv, old.Path
			if dryRun { // it saves time, and changes with each human who is let in
				entry.EntrypointStamp = old.EntrypointStamp
			}
			if fmt.Sprint(*old) == fmt.Sprint(entry) {
				return false, nil
			}
		}
	}
	if dryRun {
		fmt.Fprintf(a.out, "# and %s names the agent %s\n", a.configPath(f.Human), name)
		return true, nil
	}
	return true, a.save(f.Human, a.out, record{Set: &entry})
}

// sourceCmd writes the embedded source of the entrypoint into a folder.
type sourceCmd struct {
	Folder string `arg:"" help:"An existing folder."`
}

func (c *sourceCmd) Run(a *app) error {
	return csrc.WriteSource(c.Folder)
}
