// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
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
	Allow  []string `placeholder:"SWITCH" help:"Give up a part of the isolation so that something works in a run: ${switches}."`
	Yes    bool     `short:"y" help:"Do not ask."`
	DryRun bool     `help:"Print what would be done, and do nothing."`
}

// agentFlag names the agent, in every command about one.
type agentFlag struct {
	Agent string `short:"a" default:"agent" placeholder:"NAME" help:"The agent (default: ${default})."`
}

// stages is how often a plan may depend on what the one before it made, with one to spare.
const stages = 5

func (c *newCmd) Run(a *app) error {
	human, err := a.human()
	if err != nil {
		return err
	}
	want := provision.Want{Name: c.Agent, Allow: c.Allow}
	if err := provision.CheckName(want.Name); err != nil {
		return err
	}
	if err := provision.CheckAllow(want.Allow); err != nil {
		return err
	}
	if legacy := a.legacy(human, want.Name); legacy != nil {
		return legacy
	}
	facts, err := observe(want.Name, human)
	if err != nil {
		return err
	}
	source, build, err := findSource(human)
	if err != nil {
		return err
	}
	facts.Source = source
	if err := provision.CheckNew(want, facts); err != nil {
		return err
	}
	limits := c.limits()
	if !limits.Empty() && !facts.Unit.Systemd {
		return limiting(want.Name, step.ErrNoSystemd)
	}
	runner, err := a.runner(a.out, c.DryRun)
	if err != nil {
		return err
	}
	a.announceNew(want, facts)
	question := fmt.Sprintf("Create agent %s in %s and configure group %q?", want.Name, provision.HomePath(want.Name), provision.GroupName(want.Name))
	if err := a.confirm(question, c.Yes || c.DryRun); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if build != nil {
		if source, err = build(ctx, runner); err != nil {
			return err
		}
		defer os.RemoveAll(filepath.Dir(source.Path))
		facts.Source = source
	}
	return a.create(ctx, runner, want, limits, facts)
}

// announceNew says what a machine or a name has that the human should know of before saying yes.
func (a *app) announceNew(w provision.Want, f provision.Facts) {
	if provision.Survived(w, f) {
		fmt.Fprintf(a.err, "au: %s is left from an earlier agent: the new one gets it as it is. Nothing in it is run or followed as you or as root, but the agent will read it.\n",
			provision.HomePath(w.Name))
	}
	for _, s := range csrc.Switches {
		if slices.Contains(w.Allow, s.Word) {
			fmt.Fprintf(a.err, "au: --allow %s: %s. It gives up %s\n", s.Word, s.Gives, s.GivesUp)
		}
	}
	if !f.Unit.Systemd {
		fmt.Fprintf(a.err, "au: no systemd here: the agent gets no unit of its own, so limits, `au pause` and `au stop` will not work for it.\n")
	}
}

// create brings the agent about in stages, each from fresh facts, and takes everything back when one fails.
func (a *app) create(ctx context.Context, runner *step.Runner, want provision.Want, limits auslices.Limits, facts provision.Facts) error {
	changed := false
	for range stages {
		plan := provision.PlanNew(want, facts)
		if len(plan) == 0 {
			break
		}
		changed = true
		if err := runner.Apply(ctx, plan); err != nil {
			return a.undo(runner, want.Name, err)
		}
		if runner.DryRun {
			break
		}
		next, err := observe(want.Name, facts.Human)
		if err != nil {
			return a.undo(runner, want.Name, err)
		}
		next.Source = facts.Source
		facts = next
	}
	if plan := provision.PlanNew(want, facts); len(plan) > 0 && !runner.DryRun {
		return a.undo(runner, want.Name, fmt.Errorf("still to do after %d stages: %s", stages, plan[0].Do.Shell(runner.Elevate)))
	}
	limited, err := a.limitNew(ctx, runner, want.Name, limits, facts)
	if err != nil {
		return a.undo(runner, want.Name, limiting(want.Name, err))
	}
	if runner.DryRun && (changed || limited) {
		return nil
	}
	recorded := false
	if !runner.DryRun {
		if recorded, err = a.recordAgent(want.Name, facts); err != nil {
			return a.undo(runner, want.Name, err)
		}
	}
	if !changed && !recorded && !limited {
		fmt.Fprintf(a.out, "Agent %s is as it should be; nothing to do\n", want.Name)
		return nil
	}
	fmt.Fprintf(a.out, "Created agent %s\n", want.Name)
	return nil
}

// recordAgent puts the agent into the human's config where it does not stand there as it is.
func (a *app) recordAgent(name string, f provision.Facts) (bool, error) {
	entry := config.Agent{
		UserName: name, Group: provision.GroupName(name), Entrypoint: provision.EntrypointPath(name),
		EntrypointSHA256: f.Policy.SHA256, Bootstrapped: true,
	}
	if known, err := config.Load(a.configPath(f.Human)); err == nil {
		if old := known.Agent(name); old != nil {
			entry.Mounts, entry.KeepEnv = old.Mounts, old.KeepEnv
			if fmt.Sprint(*old) == fmt.Sprint(entry) {
				return false, nil
			}
		}
	}
	return true, a.save(f.Human, a.out, record{Set: &entry})
}

// installed is where the entrypoint stands from which agents' own are copied; a package sets it with -X main.installed=….
var installed string

// findSource returns the entrypoint to install: the one beside this program, or a function that builds it from the embedded source.
func findSource(human provision.User) (provision.Source, func(context.Context, *step.Runner) (provision.Source, error), error) {
	candidates := []string{installed}
	if self, err := os.Executable(); err == nil {
		dir := filepath.Dir(self)
		candidates = append(candidates, filepath.Join(dir, "../libexec/au/su_as_agent"), filepath.Join(dir, "su_as_agent"))
	}
	for _, path := range candidates {
		if path == "" {
			continue
		}
		if sum := fingerprint(path); sum != "" {
			return provision.Source{Path: filepath.Clean(path), SHA256: sum}, nil, nil
		}
	}
	if _, err := exec.LookPath("cc"); err != nil {
		return provision.Source{}, nil, errors.New("no entrypoint to install: it stands neither beside au nor in ../libexec/au, and there is no cc to build it with; " +
			"run `make install` in au's source, or install a C compiler")
	}
	build := func(ctx context.Context, r *step.Runner) (provision.Source, error) { return buildSource(ctx, r, human) }
	return provision.Source{Path: "su_as_agent", SHA256: strings.Repeat("0", 64)}, build, nil
}

// buildSource compiles the embedded source in a folder of the human's own, static where there is a libc.a.
func buildSource(ctx context.Context, r *step.Runner, human provision.User) (provision.Source, error) {
	self, err := os.Executable()
	if err != nil {
		return provision.Source{}, err
	}
	dir := filepath.Join(human.Home, ".cache/au-build")
	if !r.DryRun {
		if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
			return provision.Source{}, err
		}
		if dir, err = os.MkdirTemp(filepath.Dir(dir), "au-build-"); err != nil {
			return provision.Source{}, err
		}
	}
	bin := filepath.Join(dir, "su_as_agent")
	plan := []step.Step{{Do: step.Human(self, "source", dir)}}
	for _, argv := range csrc.BuildCommands(dir, bin) {
		plan = append(plan, step.Step{Do: step.Human(argv...)})
	}
	if err := r.Apply(ctx, plan[:1]); err != nil {
		return provision.Source{}, err
	}
	err = errors.New("no compiler command")
	for _, s := range plan[1:] { // the first that works: static first
		if err = r.Apply(ctx, []step.Step{s}); err == nil {
			break
		}
	}
	if err != nil || r.DryRun {
		return provision.Source{Path: bin, SHA256: strings.Repeat("0", 64)}, err
	}
	return provision.Source{Path: bin, SHA256: fingerprint(bin)}, nil
}

// sourceCmd writes the embedded source of the entrypoint into a folder.
type sourceCmd struct {
	Folder string `arg:"" help:"An existing folder."`
}

func (c *sourceCmd) Run(a *app) error {
	return csrc.WriteSource(c.Folder)
}

// legacy refuses an agent that the original made; nil where there is none of that name.
func (a *app) legacy(human provision.User, name string) error {
	known, err := config.Load(a.configPath(human))
	if err != nil {
		return err
	}
	entry := known.Agent(name)
	if entry == nil || entry.Entrypoint == provision.EntrypointPath(name) || exists(provision.PolicyPath(name)) {
		return nil
	}
	return hintError{
		fmt.Errorf("agent %q was made by agent-as-unix-user 2.x, and its entrypoint %s lets the agent become root: it is not run", name, entry.Entrypoint),
		fmt.Sprintf("au delete --agent %s && au new --agent %s", name, name),
	}
}
