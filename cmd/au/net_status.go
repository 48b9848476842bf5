// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"text/tabwriter"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/netfilter"
	netkernel "github.com/a4u2/au/netfilter/kernel"
)

type netStatusCmd struct {
	agentFlag
	Verify bool `help:"Try to get out as the agent, and say what holds."`
	JSON   bool `name:"json" help:"Print JSON."`
}

// netView is what `au net status` shows.
type netView struct {
	Agent      string              `json:"agent"`
	UID        uint32              `json:"uid"`
	Restricted bool                `json:"restricted"`
	Policy     *netfilter.Policy   `json:"-"`
	Allow      []ruleView          `json:"allow"`
	Deny       []ruleView          `json:"deny"`
	Learning   *time.Time          `json:"learning_until"`
	Upstream   *upstreamView       `json:"upstream,omitempty"`
	Layers     []layerView         `json:"layers"`
	Warnings   []string            `json:"warnings"`
	Attempts   []netkernel.Attempt `json:"attempts,omitempty"`
}

// upstreamView is the proxy through which names are reached.
type upstreamView struct {
	URL   string `json:"url"`
	CA    bool   `json:"ca"`              // one of their own vouches for it
	Login string `json:"login,omitempty"` // the file
}

type ruleView struct {
	Rule   string     `json:"rule"`
	From   *time.Time `json:"from,omitempty"` // of a denial that is suspended
	Until  *time.Time `json:"until,omitempty"`
	Live   bool       `json:"live"`
	Reason string     `json:"reason,omitempty"`
	Preset string     `json:"preset,omitempty"`
	note   string
}

func (c *netStatusCmd) Run(a *app) error {
	policy, err := a.host.AgentPolicy(c.Agent)
	if err != nil {
		return err
	}
	v := netView{Agent: c.Agent, UID: policy.UID, Allow: []ruleView{}, Deny: []ruleView{}, Layers: []layerView{}, Warnings: []string{}}
	p, err := a.host.NetPolicy(c.Agent)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := a.host.NoNetLeft(c.Agent, policy.UID); err != nil {
			return host.NetError(c.Agent, err)
		}
	case err != nil:
		return host.NetError(c.Agent, err)
	default:
		v.fill(a.host, p, policy)
		if c.Verify {
			if err := a.verifyNet(&v, p, c.JSON); err != nil {
				return host.NetError(c.Agent, err)
			}
		}
	}
	if c.JSON {
		err = a.printJSON(v)
	} else {
		v.print(a)
		err = nil
	}
	if err == nil && v.fails() {
		err = exitError(statusFailed)
	}
	return err
}

// open reports whether a layer is known not to see to what is written.
func (v netView) open() bool {
	for _, layer := range v.Layers {
		if !layer.Up && !layer.unknown && layer.Name != "slice" || layer.Holds != nil && !*layer.Holds {
			return true
		}
	}
	return false
}

// fail reports whether a layer that there should be is not.
func (v netView) fails() bool {
	for _, layer := range v.Layers {
		if !layer.Up && layer.Name != "slice" || layer.Holds != nil && !*layer.Holds {
			return true
		}
	}
	return false
}

func (v *netView) fill(h *host.Host, p netfilter.Policy, policy csrc.Policy) {
	v.Restricted, v.Policy = true, &p
	now := h.Now()
	for _, e := range p.Allow {
		v.Allow = append(v.Allow, viewRule(e, now))
	}
	for _, e := range p.Deny {
		v.Deny = append(v.Deny, viewRule(e, now))
	}
	if p.Learning(now) {
		v.Learning = &p.Learn
	}
	if u := p.Upstream; u.IsSet() {
		v.Upstream = &upstreamView{u.URL, u.CA != "", u.Login}
	}
	units, silent := h.NetUnits(p)
	v.Layers = layers(h, p, units, silent)
	v.Warnings = append(v.Warnings, netWarnings(h, p, policy, h.NoSlice(), h.NoSeal())...)
	if policy.UID != p.UID {
		v.Warnings = append(v.Warnings, fmt.Sprintf("the rules are for uid %d, and the agent has %d: %s", p.UID, policy.UID, p.Again()))
	}
	if old := h.OutdatedNet(p, units); old != "" {
		v.Warnings = append(v.Warnings, old+": "+p.Again())
	}
	if ranges, err := h.SubUIDs(p.Agent, p.UID); err == nil && fmt.Sprint(ranges) != fmt.Sprint(p.SubUIDs) {
		v.Warnings = append(v.Warnings, fmt.Sprintf("/etc/subuid gives the agent other sub-uids than the rules know: %s", p.Again()))
	}
}

func viewRule(e netfilter.Entry, now time.Time) ruleView {
	r := ruleView{Rule: e.Rule.String(), Live: e.Live(now), Reason: e.Reason, Preset: e.Preset, note: entryNote(e, now)}
	if !e.Until.IsZero() {
		r.Until = &e.Until
	}
	if e.From.After(now) {
		r.From = &e.From
	}
	return r
}

// verifyNet tries to get out as the agent, past both layers and past the second alone, and notes what holds.
func (a *app) verifyNet(v *netView, p netfilter.Policy, quiet bool) error {
	show := a.out
	if quiet {
		show = a.err
	}
	asAgent, past, err := a.escape(p, v.Layers, show)
	v.hold("rules", asAgent)
	v.hold("slice", past)
	v.Attempts = append(asAgent, past...)
	return err
}

// netProbeCmd is what --verify has run.
type netProbeCmd struct {
	Slice bool `help:"Only what the slice's filter stops."`
}

func (c *netProbeCmd) Run(a *app) error {
	attempts := netkernel.Probe
	if c.Slice {
		attempts = netkernel.ProbeSlice
	}
	return json.NewEncoder(a.out).Encode(attempts())
}

// hold notes whether a layer held. If it saw nothing stopped, it is silent.
func (v *netView) hold(layer string, attempts []netkernel.Attempt) {
	stopped, open := 0, 0
	for _, attempt := range attempts {
		if attempt.Stopped {
			stopped++
		}
		if attempt.Open {
			open++
		}
	}
	if stopped+open == 0 {
		return
	}
	holds := open == 0
	for i := range v.Layers {
		if v.Layers[i].Name == layer {
			v.Layers[i].Holds = &holds
		}
	}
}

func (v netView) print(a *app) {
	if !v.Restricted {
		fmt.Fprintf(a.out, "Agent %s reaches everything that you reach\n", v.Agent)
		return
	}
	if v.open() {
		fmt.Fprintf(a.out, "Agent %s (uid %d) should reach this and nothing else, but not all layers see to it:\n", v.Agent, v.UID)
	} else {
		fmt.Fprintf(a.out, "Agent %s (uid %d) reaches this, and nothing else:\n", v.Agent, v.UID)
	}
	if !v.Policy.HasDaemon() {
		fmt.Fprintf(a.out, "  %s\n", summary(*v.Policy, a.host.Now()))
	} else if len(v.Allow) == 0 {
		fmt.Fprintln(a.out, "  its own servers on this machine")
	}
	for _, r := range v.Allow {
		fmt.Fprintf(a.out, "  %s%s\n", r.Rule, r.note)
	}
	if len(v.Deny) > 0 {
		fmt.Fprintln(a.out, "Denied, whatever else is allowed:")
	}
	for _, r := range v.Deny {
		fmt.Fprintf(a.out, "  %s%s\n", r.Rule, r.note)
	}
	if v.Learning != nil {
		fmt.Fprintf(a.out, "Learning until %s: everything is let through and recorded\n", local(*v.Learning))
	}
	if by := v.Policy.By(); by != "" {
		fmt.Fprintf(a.out, "Names %s\n", by)
	}
	fmt.Fprintln(a.out, "Layers:")
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	for _, l := range v.Layers {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", l.Name, l.word(), l.State)
	}
	w.Flush()
	for _, attempt := range v.Attempts {
		fmt.Fprintf(a.out, "  tried %s: %s\n", attempt.What, attempt.Said)
	}
	for _, warning := range v.Warnings {
		fmt.Fprintf(a.err, "au: warning: %s\n", warning)
	}
}

// word says in one word how a layer is. Only what was tried holds.
func (l layerView) word() string {
	switch {
	case l.Holds != nil && *l.Holds:
		return "holds"
	case l.Holds != nil:
		return "OPEN"
	case l.Asleep:
		return "asleep"
	case l.Up:
		return "up"
	case l.unknown:
		return "unknown"
	}
	return "down"
}
