// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"path"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/step"
)

type netOffCmd struct {
	agentFlag
	planFlags
}

func (c *netOffCmd) Run(a *app) error {
	_, err := a.finish(&change{
		dryRun: c.DryRun, plan: c.plan(a), about: func(err error) error { return host.NetError(c.Agent, err) }, rest: "au net off --agent " + c.Agent, onward: true,
		nothing: a.saying(fmt.Sprintf("Agent %s is not restricted; nothing to do", c.Agent)), done: a.saying(fmt.Sprintf("Agent %s reaches everything again", c.Agent)),
	})
	return err
}

// plan returns what makes the plan, anew where somebody has restricted an agent meanwhile, or has ended that: what all share goes
// with the last one.
func (c *netOffCmd) plan(a *app) func() ([]step.Step, step.Seen, error) {
	return func() ([]step.Step, step.Seen, error) {
		facts, err := a.host.ObserveNet(c.Agent)
		if err != nil || !facts.Any() {
			return nil, nil, err
		}
		return planNetOff(facts), facts.Seen, nil
	}
}

type netShowCmd struct {
	agentFlag
	Format string `enum:"nft,iptables,units,toml" default:"toml" help:"nft, iptables, units or toml (default: ${default})."`
}

func (c *netShowCmd) Run(a *app) error {
	p, err := a.host.RequireNetPolicy(c.Agent)
	if err != nil {
		return err
	}
	now := a.host.Now()
	if (c.Format == "nft" || c.Format == "iptables") && c.Format != string(p.Backend) {
		fmt.Fprintf(a.err, "au: these are not in force: %s has loaded the agent's rules\n", p.Backend)
	}
	inForce, err := a.host.WithSubUIDs(p)
	if err != nil {
		return host.NetError(c.Agent, err)
	}
	switch c.Format {
	case "nft":
		_, err = fmt.Fprint(a.out, inForce.Ruleset(now))
	case "iptables":
		_, err = fmt.Fprintf(a.out, "# iptables-restore -n -w 5\n%s# ip6tables-restore -n -w 5\n%s",
			inForce.IptablesRules(netfilter.IPv4, now, ""), inForce.IptablesRules(netfilter.IPv6, now, ""))
	case "units":
		for _, file := range unitFiles(a.host, p) {
			if _, err = fmt.Fprintf(a.out, "# %s/%s\n%s\n", provision.UnitDir, file.Name, file.Text); err != nil {
				break
			}
		}
	default:
		var text string
		if text, err = p.Text(); err == nil {
			_, err = fmt.Fprint(a.out, text)
		}
	}
	return host.NetError(c.Agent, err)
}

// unitFiles returns the units of a policy as they are or would be installed.
func unitFiles(h *host.Host, p netfilter.Policy) []netfilter.UnitFile {
	program := provision.NetProgram(p.Agent)
	files := (netfilter.Units{Policy: p, Program: program, Watcher: provision.WatcherProgram, SHA256: h.Fingerprint(h.Root + program)}).Files()
	return append(files, netfilter.UnitFile{Name: path.Join(p.SliceName()+".d", "au-net.conf"), Text: p.SliceDropIn()})
}
