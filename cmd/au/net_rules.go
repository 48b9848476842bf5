// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision"
)

type netAllowCmd struct {
	agentFlag
	Rules  []netfilter.Rule `arg:"" optional:"" name:"rule" help:"github.com, *.github.com, github.com:22, 192.0.2.7, 10.0.0.0/8:5432, localhost:3000."`
	Preset []string         `placeholder:"NAME" help:"What a service needs: ${presets}."`
	For    span             `placeholder:"DURATION" help:"Only for so long: 30m, 2h, 7d; also over a reboot."`
	Reason string           `placeholder:"TEXT" help:"Why, for the status."`
	DryRun bool             `help:"Print what would be done, and do nothing."`
}

type netDenyCmd struct {
	agentFlag
	Rules  []netfilter.Rule `arg:"" name:"rule" help:"As in au net allow; without a port, all of them."`
	For    span             `placeholder:"DURATION" help:"Only for so long."`
	Reason string           `placeholder:"TEXT" help:"Why, for the status."`
	DryRun bool             `help:"Print what would be done, and do nothing."`
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
		added[i].Until, added[i].Reason = until(c.For), c.Reason
	}
	return a.changeRules(c.Agent, c.DryRun, func(p *netfilter.Policy) string {
		p.Allow, p.Deny = withEntries(p.Allow, added), without(p.Deny, added)
		said := fmt.Sprintf("Agent %s may reach %s", c.Agent, ruleNames(added))
		if c.For != 0 {
			said += " until " + local(until(c.For))
		}
		return said
	})
}

func (c *netDenyCmd) Run(a *app) error {
	var added []netfilter.Entry
	for _, rule := range c.Rules {
		added = withEntries(added, []netfilter.Entry{{Rule: rule, Until: until(c.For), Reason: c.Reason}})
	}
	return a.changeRules(c.Agent, c.DryRun, func(p *netfilter.Policy) string {
		p.Deny = withEntries(p.Deny, added)
		if c.For == 0 {
			p.Allow = without(p.Allow, added)
		}
		return fmt.Sprintf("Agent %s may not reach %s, whatever else is allowed", c.Agent, ruleNames(added))
	})
}

// changeRules changes the policy of a restricted agent and puts it in force. What is said afterwards comes from change.
func (a *app) changeRules(agent string, dryRun bool, change func(*netfilter.Policy) string) error {
	before, err := restricted(agent)
	if err != nil {
		return err
	}
	facts, err := observeNet(agent)
	if err != nil {
		return err
	}
	after := before
	after.Allow, after.Deny = slices.Clone(before.Allow), slices.Clone(before.Deny)
	said := change(&after)
	// What changes by itself as time passes does so in the daemon and the watcher.
	plan, err := provision.PlanNetPolicy(after, facts, hasLocalhost(before) || hasLocalhost(after))
	if err != nil {
		return restricting(agent, err)
	}
	runner, err := a.runner(a.out, dryRun)
	if err != nil {
		return err
	}
	if err := runner.Apply(context.Background(), plan); err != nil {
		return restricting(agent, errors.Join(err, runner.Rollback()))
	}
	switch {
	case dryRun:
	case len(plan) == 0:
		fmt.Fprintln(a.out, "That is so already; nothing to do")
	default:
		fmt.Fprintln(a.out, said)
	}
	return nil
}

// hasLocalhost reports whether the packet filter's rules depend on a rule of the policy: those for ports on loopback are its own.
func hasLocalhost(p netfilter.Policy) bool {
	return slices.ContainsFunc(append(slices.Clone(p.Allow), p.Deny...), func(e netfilter.Entry) bool { return e.Rule.Kind == netfilter.Localhost })
}

// without returns the list without the entries whose rule is among removed.
func without(list, removed []netfilter.Entry) []netfilter.Entry {
	return slices.DeleteFunc(slices.Clone(list), func(old netfilter.Entry) bool {
		return slices.ContainsFunc(removed, func(e netfilter.Entry) bool { return e.Rule == old.Rule })
	})
}

func ruleNames(entries []netfilter.Entry) string {
	var names []string
	for _, e := range entries {
		names = append(names, e.Rule.String())
	}
	return strings.Join(names, ", ")
}
