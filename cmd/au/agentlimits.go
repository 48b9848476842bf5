// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/step"
	auslices "github.com/a4u2/au/slices"
)

// planLimits returns what sets the limits that are not so yet, and says what the human should know of them.
func (a *app) planLimits(p csrc.Policy, want auslices.Limits, now map[string]uint64) ([]step.Step, error) {
	unified := a.host.CgroupTree().Version() == auslices.Unified
	if want.IOWeight != nil && !unified {
		// It would make the keeper move to one more hierarchy, which runs do not join.
		return nil, errors.New("an IO weight needs cgroup v2, which this machine lacks: leave --io-weight out")
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
		fmt.Fprintf(a.err, "au: agent %s gets no swap either, so that the memory limit holds; --swap gives it some\n", p.Name)
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

// limitsError says what was being done when err came.
func limitsError(agent string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("limit agent %q: %w", agent, err)
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

func sortedWords(limits map[string]limitView) (words []string) {
	for word := range limits {
		words = append(words, word)
	}
	slices.Sort(words)
	return words
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
