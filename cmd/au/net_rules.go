// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/step"
)

type netAllowCmd struct {
	agentFlag
	Rules  []netfilter.Rule `arg:"" optional:"" name:"rule" help:"github.com, *.github.com, github.com:22, 192.0.2.7, 10.0.0.0/8:5432, localhost:3000."`
	Preset []string         `placeholder:"NAME" help:"What a service needs: ${presets}."`
	For    span             `placeholder:"DURATION" help:"Only for this long: 30m, 2h, 7d; also over a reboot."`
	Reason string           `placeholder:"TEXT" help:"Why, for the status."`
	planFlags
}

type netDenyCmd struct {
	agentFlag
	Rules  []netfilter.Rule `arg:"" name:"rule" help:"As in au net allow; without a port, all of them."`
	For    span             `placeholder:"DURATION" help:"Only for this long."`
	Reason string           `placeholder:"TEXT" help:"Why, for the status."`
	planFlags
}

// Validate refuses a command that allows nothing.
func (c *netAllowCmd) Validate() error {
	if len(c.Rules)+len(c.Preset) == 0 {
		return errors.New("nothing to allow: want a rule such as github.com, or --preset NAME")
	}
	for _, name := range c.Preset {
		if _, err := netfilter.FindPreset(name); err != nil {
			return err
		}
	}
	return checkReason(c.Reason)
}

// Validate refuses a reason that is none.
func (c *netDenyCmd) Validate() error { return checkReason(c.Reason) }

func checkReason(text string) error {
	if len(text) > 500 || strings.ContainsFunc(text, unicode.IsControl) {
		return errors.New("--reason: want one line of at most 500 letters")
	}
	return nil
}

func (c *netAllowCmd) Run(a *app) error {
	var added []netfilter.Entry
	for _, name := range c.Preset {
		preset, err := netfilter.FindPreset(name)
		if err != nil {
			return err
		}
		if preset.Shared != "" {
			fmt.Fprintf(a.err, "au: warning: preset %s: %s\n", preset.Name, preset.Shared)
		}
		added = withEntries(added, preset.Entries())
	}
	for _, rule := range c.Rules {
		added = withEntries(added, []netfilter.Entry{{Rule: rule}})
	}
	for i := range added {
		added[i].Until, added[i].Reason = until(a.host.Now(), c.For), c.Reason
	}
	err := a.changeRules(c.Agent, c.DryRun, func(p netfilter.Policy) (netfilter.Policy, string) {
		after := grant(p, added)
		said := fmt.Sprintf("Agent %s may reach %s", c.Agent, ruleNames(added))
		if c.For != 0 {
			said += " until " + local(until(a.host.Now(), c.For)) + endless(p, added)
		}
		a.sayStillDenied(after, added)
		return after, said
	})
	if err == nil {
		a.knowForges(c.Agent, added, c.DryRun)
	}
	return err
}

// grant returns the policy with what is added allowed. A denial of the same rule ends; where the grant is for a time, it holds
// again afterwards.
func grant(p netfilter.Policy, added []netfilter.Entry) netfilter.Policy {
	p.Allow = withEntries(p.Allow, added)
	var deny []netfilter.Entry
	for _, old := range p.Deny {
		e, granted := entryOf(added, old.Rule)
		if granted && !e.Until.IsZero() {
			old.From = e.Until
		}
		if !granted || !e.Until.IsZero() && !old.Over(e.Until) {
			deny = append(deny, old)
		}
	}
	p.Deny = deny
	return p
}

// forbid returns the policy with what is added denied. One that was denied for longer stays so.
func forbid(p netfilter.Policy, added []netfilter.Entry) netfilter.Policy {
	for _, e := range added {
		if e.Until.IsZero() {
			p.Allow = without(p.Allow, []netfilter.Entry{e})
		}
		if old, denied := entryOf(p.Deny, e.Rule); denied && !e.Until.IsZero() && !old.Over(e.Until) {
			e.Until = old.Until
			if e.Reason == "" {
				e.Reason = old.Reason
			}
		}
		p.Deny = withEntries(p.Deny, []netfilter.Entry{e})
	}
	return p
}

// endless names the rules that were allowed for good and are so no more.
func endless(p netfilter.Policy, added []netfilter.Entry) string {
	var rules []netfilter.Entry
	for _, e := range added {
		if old, allowed := entryOf(p.Allow, e.Rule); allowed && old.Until.IsZero() {
			rules = append(rules, e)
		}
	}
	if rules == nil {
		return ""
	}
	return fmt.Sprintf(" (without an end before: %s)", ruleNames(rules))
}

// longer names the rules that were denied for longer than was asked for now.
func longer(p netfilter.Policy, added []netfilter.Entry) string {
	var rules []netfilter.Entry
	for _, e := range added {
		if now, denied := entryOf(p.Deny, e.Rule); denied && !now.Until.Equal(e.Until) {
			rules = append(rules, e)
		}
	}
	if rules == nil {
		return ""
	}
	return fmt.Sprintf(" (denied for longer before, and still: %s)", ruleNames(rules))
}

// sayStillDenied warns of rules that another one, which denies, makes void.
func (a *app) sayStillDenied(p netfilter.Policy, added []netfilter.Entry) {
	for _, e := range added {
		if v := p.Decides(e.Rule, 443, a.host.Now()); e.Rule.Kind != netfilter.Wildcard && v.Code == netfilter.DeniedByRule {
			fmt.Fprintf(a.err, "au: warning: %s stays denied by the rule %s\n", e.Rule, v.Rule)
		}
	}
}

func (c *netDenyCmd) Run(a *app) error {
	var added []netfilter.Entry
	for _, rule := range c.Rules {
		added = withEntries(added, []netfilter.Entry{{Rule: rule, Until: until(a.host.Now(), c.For), Reason: c.Reason}})
	}
	return a.changeRules(c.Agent, c.DryRun, func(p netfilter.Policy) (netfilter.Policy, string) {
		after := forbid(p, added)
		said := fmt.Sprintf("Agent %s may not reach %s, whatever else is allowed", c.Agent, ruleNames(added))
		if c.For != 0 {
			said += ", until " + local(until(a.host.Now(), c.For)) + longer(after, added)
		}
		return after, said
	})
}

// changeRules changes the policy of a restricted agent and puts it in force. The message afterwards comes from edit.
func (a *app) changeRules(agent string, dryRun bool, edit func(netfilter.Policy) (netfilter.Policy, string)) error {
	var said string
	_, err := a.finish(&change{
		dryRun: dryRun,
		plan: func() (plan []step.Step, seen step.Seen, err error) {
			seen = step.See(a.host.Root, provision.NetDir, provision.NetPath(agent))
			plan, said, err = a.planRules(agent, edit)
			return plan, seen, err
		},
		about: func(err error) error { return host.NetError(agent, err) }, rest: "au net restrict --agent " + agent,
		nothing: a.saying("These rules hold already; nothing to do"), done: func() { fmt.Fprintln(a.out, said) },
	})
	return err
}

// planRules returns what changes the policy, and what to say afterwards.
func (a *app) planRules(agent string, edit func(netfilter.Policy) (netfilter.Policy, string)) ([]step.Step, string, error) {
	before, err := a.host.RequireNetPolicy(agent)
	if err != nil {
		return nil, "", err
	}
	facts, err := a.host.ObserveNet(agent)
	if err != nil {
		return nil, "", err
	}
	after, said := edit(before)
	// The daemon and the watcher see the changes that time brings.
	plan, err := provision.PlanNetPolicy(after, facts, hasLocalhost(before) || hasLocalhost(after))
	if old := facts.Outdated(before); old != "" {
		fmt.Fprintf(a.err, "au: %s, and is brought up to date\n", old)
		plan, err = provision.PlanNetRestrict(after, facts)
	}
	return plan, said, host.NetError(agent, err)
}

// hasLocalhost reports whether the packet filter's rules depend on a rule of the policy: those for ports on loopback are its own.
func hasLocalhost(p netfilter.Policy) bool {
	return slices.ContainsFunc(append(slices.Clone(p.Allow), p.Deny...), func(e netfilter.Entry) bool { return e.Rule.Kind == netfilter.Localhost })
}

func ruleNames(entries []netfilter.Entry) string {
	var names []string
	for _, e := range entries {
		names = append(names, e.Rule.String())
	}
	return strings.Join(names, ", ")
}
