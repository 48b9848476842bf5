// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/step"
	auslices "github.com/a4u2/au/slices"
	"golang.org/x/term"
)

type limitsCmd struct {
	Set   limitsSetCmd   `cmd:"" help:"Set limits, at once and for good."`
	Show  limitsShowCmd  `cmd:"" help:"Show the limits, who set them, and what is in use."`
	Reset limitsResetCmd `cmd:"" help:"Take limits back: what was there before au holds again."`
}

// limitFlags are what an agent may use, in `au new` and `au limits set`.
type limitFlags struct {
	CPU       *cpuFlag         `placeholder:"SHARE" help:"CPU time: 150% of a core, or 1.5 cores; or infinity."`
	Mem       *auslices.Size   `placeholder:"SIZE" help:"Memory: 512M, 16G, 50% of the machine's; or infinity. Sets --swap 0 too where nothing limits the swap."`
	Swap      *auslices.Swap   `placeholder:"SIZE" help:"Swap: 0, 2G, 50% of the machine's; or infinity."`
	Tasks     *auslices.Tasks  `placeholder:"N" help:"Processes and threads; or infinity."`
	CPUWeight *auslices.Weight `name:"cpu-weight" placeholder:"N" help:"Share of a busy CPU: 1 to 10000, where others have 100."`
	IOWeight  *auslices.Weight `name:"io-weight" placeholder:"N" help:"Share of a busy disk: 1 to 10000, where others have 100."`
}

// cpuFlag is a share of the CPU as it is typed.
type cpuFlag struct {
	share auslices.CPU
	cores uint64 // many more than there are, which limit nothing, and are percents that lack their sign; 0: there is no doubt
}

// UnmarshalText reads what slices.CPU does.
func (c *cpuFlag) UnmarshalText(text []byte) error {
	*c = cpuFlag{}
	if err := c.share.UnmarshalText(text); err != nil {
		return err
	}
	if cores, err := strconv.ParseUint(string(text), 10, 32); err == nil && cores >= 10 {
		c.cores = cores
	}
	return nil
}

// settle asks what is meant by far too many cores. Without a terminal it refuses them.
func (l limitFlags) settle(a *app) error {
	n := a.host.Capacity().CPUs
	if l.CPU == nil || l.CPU.cores <= uint64(n) {
		return nil
	}
	cores := l.CPU.cores
	question := fmt.Sprintf("--cpu %d is %d cores, and this machine has %d. Is %d%% of one core meant?", cores, cores, n, cores)
	if term.IsTerminal(0) && a.ask(a.err, question) {
		l.CPU.cores = 0
		return l.CPU.share.UnmarshalText(fmt.Appendf(nil, "%d%%", cores))
	}
	a.say(fmt.Errorf("cpu share \"%d\": that is as many cores, and this machine has %d: want %d%% for a share of one, or infinity", cores, n, cores))
	return exitError(statusUsage)
}

func (l limitFlags) limits() auslices.Limits {
	var cpu *auslices.CPU
	if l.CPU != nil {
		cpu = &l.CPU.share
	}
	return auslices.Limits{CPU: cpu, Memory: l.Mem, Swap: l.Swap, Tasks: l.Tasks, CPUWeight: l.CPUWeight, IOWeight: l.IOWeight}
}

type limitsSetCmd struct {
	agentFlag
	limitFlags
	DryRun bool `help:"Print what would be done, and do nothing."`
}

// Validate refuses a command that sets nothing.
func (c *limitsSetCmd) Validate() error {
	if c.limits().Empty() {
		return errors.New("no limit to set: want one such as --cpu 150% or --mem 16G")
	}
	return nil
}

func (c *limitsSetCmd) Run(a *app) error {
	if err := c.settle(a); err != nil {
		return err
	}
	want := c.limits()
	policy, err := a.host.AgentPolicy(c.Agent)
	if err != nil {
		return err
	}
	now, err := a.host.SliceProperties(policy.UID)
	if err != nil {
		return limiting(c.Agent, err)
	}
	plan, err := a.planLimits(policy, want, now)
	if err != nil {
		return err
	}
	_, err = a.finish(&change{
		dryRun: c.DryRun, plan: planned(plan), about: func(err error) error { return limiting(c.Agent, err) },
		held: func(changed bool) error {
			if !changed {
				return nil
			}
			return limiting(c.Agent, a.host.NotHeld(c.Agent, policy.UID, want.Properties(a.host.Capacity())))
		},
		nothing: a.saying(fmt.Sprintf("The limits of agent %s are so already; nothing to do", c.Agent)),
		done:    a.saying(fmt.Sprintf("Limits of agent %s hold from now on", c.Agent)),
	})
	return err
}

// planLimits returns what sets the limits that are not so yet, and says what the human should know of them.
func (a *app) planLimits(p csrc.Policy, want auslices.Limits, now map[string]uint64) ([]step.Step, error) {
	unified := a.host.CgroupTree().Version() == auslices.Unified
	if want.IOWeight != nil && !unified {
		// It would make the keeper move to one more hierarchy, which runs do not join.
		return nil, errors.New("an IO weight needs cgroup v2, which this machine has not: leave --io-weight out")
	}
	machine := a.host.Capacity()
	want, added := want.WithSwap(now)
	for _, w := range want.Warnings(machine) {
		fmt.Fprintf(a.err, "au: warning: %s\n", w)
	}
	switch finite := want.Swap != nil && want.Swap.Bytes != auslices.Infinity; {
	case finite && !unified:
		fmt.Fprintf(a.err, "au: warning: with cgroup v1, as on this machine, swap is not limited\n")
	case finite && added:
		fmt.Fprintf(a.err, "au: no swap for agent %s either, so that the memory limit is what it says; --swap gives it some\n", p.Name)
	}
	if err := a.host.CgroupTree().CheckControllers(want.Properties(machine)); err != nil {
		return nil, err
	}
	missing := auslices.Missing(want.Properties(machine), now)
	all := a.host.AllDropIns(auslices.Name(p.UID))
	for _, property := range missing {
		for _, file := range auslices.Overrides(property.Name, all) {
			fmt.Fprintf(a.err, "au: warning: %s sets %s too, and wins when systemd reads its files again, at the next boot: change it there\n",
				file, auslices.Setting(property.Name))
		}
	}
	self, err := a.host.OwnPath()
	return provision.PlanLimits(self, p.Name, p.UID, missing), err
}

// planLimitsNew returns what sets the limits of an agent that is being made.
func (a *app) planLimitsNew(agent string, want auslices.Limits, f provision.Facts) ([]step.Step, error) {
	policy := csrc.Policy{Name: agent, UID: f.Next.UID}
	if f.Policy != nil {
		policy = *f.Policy
	}
	now, err := a.host.SliceProperties(policy.UID)
	if err != nil {
		return nil, err
	}
	return a.planLimits(policy, want, now)
}

// limiting says what was being done when err came.
func limiting(agent string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("limit agent %q: %w", agent, err)
}

type limitsResetCmd struct {
	agentFlag
	CPU       bool `help:"Only this one; and so the others."`
	Mem       bool
	Swap      bool
	Tasks     bool
	CPUWeight bool `name:"cpu-weight"`
	IOWeight  bool `name:"io-weight"`
	DryRun    bool `help:"Print what would be done, and do nothing."`
}

// properties returns those that are asked for: all, where none is named. The swap limit goes with the memory limit it came with.
func (c *limitsResetCmd) properties() []string {
	var asked []string
	for i, on := range []bool{c.CPU, c.Mem, c.Swap || c.Mem, c.Tasks, c.CPUWeight, c.IOWeight} {
		if on {
			asked = append(asked, auslices.Names()[i])
		}
	}
	if asked == nil {
		return auslices.Names()
	}
	return asked
}

func (c *limitsResetCmd) Run(a *app) error {
	policy, err := a.host.AgentPolicy(c.Agent)
	if err != nil {
		return err
	}
	record, err := a.host.LimitsRecord(c.Agent)
	if err != nil {
		return limiting(c.Agent, err)
	}
	self, err := a.host.OwnPath()
	if err != nil {
		return err
	}
	plan := provision.PlanReset(self, c.Agent, record, c.properties(), a.host.DropIns(auslices.Name(policy.UID), false))
	if len(plan) > 0 {
		// One question first: where systemd does not answer, that is known before anything has changed, and each step would wait by itself.
		if _, err := a.host.SliceProperties(policy.UID); err != nil {
			return limiting(c.Agent, err)
		}
	}
	_, err = a.finish(&change{
		dryRun: c.DryRun, plan: planned(plan), about: func(err error) error { return limiting(c.Agent, err) },
		nothing: a.saying(fmt.Sprintf("au has set no such limit on agent %s; nothing to do", c.Agent)),
		done:    a.saying(fmt.Sprintf("Limits of agent %s are as before au set them", c.Agent)),
	})
	return err
}

type limitsShowCmd struct {
	agentFlag
	JSON bool `name:"json" help:"As JSON."`
}

func (c *limitsShowCmd) Run(a *app) error {
	policy, err := a.host.AgentPolicy(c.Agent)
	if err != nil {
		return err
	}
	view, err := observeLimits(a.host, policy)
	if err != nil {
		return limiting(c.Agent, err)
	}
	if c.JSON {
		return a.printJSON(view)
	}
	view.print(a)
	return nil
}

// limitsView is what `au limits show` shows. A limit without a number is none.
type limitsView struct {
	Agent  string               `json:"agent"`
	UID    uint32               `json:"uid"`
	Slice  string               `json:"slice"`
	Limits map[string]limitView `json:"limits"`
	Use    useView              `json:"use"`
}

// limitView is one limit, as systemd has it.
type limitView struct {
	Value *uint64 `json:"value"`          // percent of a core, bytes, tasks or weight
	Text  string  `json:"text"`           // as the option of `au limits set` takes it
	SetBy string  `json:"set_by"`         // au; human: with systemctl set-property; system: nobody in particular
	Held  string  `json:"held,omitempty"` // what the kernel holds instead, where that is something else
}

func observeLimits(h *host.Host, p csrc.Policy) (limitsView, error) {
	slice := auslices.Name(p.UID)
	v := limitsView{Agent: p.Name, UID: p.UID, Slice: slice, Limits: map[string]limitView{}}
	now, err := h.SliceProperties(p.UID)
	if err != nil {
		return v, err
	}
	record, err := h.LimitsRecord(p.Name)
	if err != nil {
		return v, err
	}
	usage, err := h.CgroupTree().Usage(p.UID)
	if err != nil {
		return v, err
	}
	v.Use = use(h, p, usage)
	files, runtimeFiles := h.DropIns(slice, false), h.DropIns(slice, true)
	var set []auslices.Property
	fixed := h.DeclaredLimits(p.Name)
	for _, name := range auslices.Names() {
		l := limitView{Text: auslices.Format(auslices.Property{Name: name, Value: now[name]}), SetBy: "system"}
		if value := now[name]; value != auslices.Infinity {
			if name == auslices.CPUQuota {
				value /= 10_000
			}
			l.Value = &value
		}
		switch {
		case record.Has(name) && len(record.Restore([]string{name}, files)) > 0:
			l.SetBy = "au"
		case fixed[name]:
			l.SetBy = "nixos"
		case files[name] != "" || runtimeFiles[name] != "":
			l.SetBy = "human"
		}
		if l.SetBy != "system" {
			set = append(set, auslices.Property{Name: name, Value: now[name]})
		}
		v.Limits[limitWord(name)] = l
	}
	for _, p := range h.Unheld(p.UID, set) {
		l := v.Limits[limitWord(p.Name)]
		l.Held = auslices.Format(p)
		v.Limits[limitWord(p.Name)] = l
	}
	return v, nil
}

// limitWord is the option of a property without its dashes.
func limitWord(property string) string { return strings.TrimPrefix(auslices.Option(property), "--") }

func (v limitsView) print(a *app) {
	fmt.Fprintf(a.out, "Agent %s, in %s\n", v.Agent, v.Slice)
	w := tabwriter.NewWriter(a.out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "  \tlimit\tset by\tin use")
	used := map[string]string{
		auslices.CPUQuota: fmt.Sprintf("%.1f s so far", v.Use.CPUSeconds), auslices.MemoryMax: size(v.Use.Memory),
		auslices.SwapMax: size(v.Use.Swap), auslices.TasksMax: fmt.Sprint(v.Use.Tasks),
	}
	for _, name := range auslices.Names() {
		l := v.Limits[limitWord(name)]
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("  %s\t%s\t%s\t%s", limitWord(name), l.Text, l.SetBy, used[name]), "\t"))
	}
	w.Flush()
	for _, name := range auslices.Names() {
		if l := v.Limits[limitWord(name)]; l.Held != "" {
			fmt.Fprintf(a.out, "  %s %s does not bind: the kernel has %s\n", limitWord(name), l.Text, l.Held)
		}
	}
}

// summary names the limits that somebody set, on one line.
func (v limitsView) summary() string {
	var set []string
	for _, name := range auslices.Names() {
		if l := v.Limits[limitWord(name)]; l.SetBy != "system" {
			word := limitWord(name) + " " + l.Text
			if l.Held != "" {
				word += " (does not bind: the kernel has " + l.Held + ")"
			}
			set = append(set, word)
		}
	}
	if set == nil {
		return "none"
	}
	return strings.Join(set, ", ")
}
