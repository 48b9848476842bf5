// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/internal/programs"
	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/step"
	"golang.org/x/term"
)

type netRestrictCmd struct {
	agentFlag
	Allow          []netfilter.Rule `sep:"none" placeholder:"RULE" help:"Allow this: github.com, *.github.com, github.com:22, 10.0.0.0/8, localhost:3000."`
	Preset         []string         `placeholder:"NAME" help:"Allow what a service needs: ${presets}."`
	Deny           []netfilter.Rule `sep:"none" placeholder:"RULE" help:"Deny this, whatever else is allowed."`
	Exactly        bool             `help:"Drop every rule that is not given here, except rules for a time."`
	AllowLocalhost []uint16         `placeholder:"PORT" help:"Allow a port of this machine, whoever serves it."`
	Proxy          humanProxy       `placeholder:"PORT" help:"Send HTTP and HTTPS to your own intercepting proxy on this port of loopback; HTTP,HTTPS for two."`
	DNS            []dnsServer      `name:"dns" placeholder:"ADDRESS" help:"Ask these DNS servers (default: those of /etc/resolv.conf)."`
	Upstream       upstreamURL      `placeholder:"URL" help:"Reach what is allowed through this proxy: http://proxy.example:3128, or https."`
	UpstreamCA     string           `name:"upstream-ca" placeholder:"FILE" help:"The CA, in PEM, that alone vouches for an https proxy (default: those of the machine)."`
	UpstreamLogin  string           `placeholder:"FILE" help:"The login for the proxy, USER:PASSWORD, in a file that only root can read."`
	Backend        string           `enum:"auto,nft,iptables" default:"auto" help:"What loads the rules: auto, nft or iptables."`
	Learn          span             `placeholder:"DURATION" help:"Let everything through for this long, and record it: see au net log --suggest."`
	NoECH          bool             `name:"no-ech" xor:"ech" help:"Refuse TLS that hides whom it speaks to (ECH), or looks as if it did, as a browser's does."`
	ECH            bool             `name:"ech" xor:"ech" hidden:"" help:"The default: let it through to a name that is allowed."`
	planFlags
}

// maxLearn is how long a restriction that refuses nothing may go on.
const maxLearn = 30 * 24 * time.Hour

// Validate refuses what can be nobody's wish, and options that contradict each other.
func (c *netRestrictCmd) Validate() error {
	for _, name := range c.Preset {
		if _, err := netfilter.FindPreset(name); err != nil {
			return err
		}
	}
	if slices.Contains(c.AllowLocalhost, 0) {
		return errors.New("--allow-localhost 0: want a port from 1 to 65535")
	}
	if time.Duration(c.Learn) > maxLearn {
		return errors.New("--learn: nothing is refused meanwhile: want 30d or less")
	}
	if err := c.validateUpstream(); err != nil {
		return err
	}
	if c.Proxy == (humanProxy{}) {
		return nil
	}
	if len(c.Allow)+len(c.Preset)+len(c.Deny) > 0 || c.Learn != 0 || c.NoECH || c.ECH {
		return errors.New("--proxy leaves names to your own proxy: want --allow, --deny, --preset, --learn and --no-ech without it")
	}
	return nil
}

func (c *netRestrictCmd) validateUpstream() error {
	switch u := netfilter.Upstream(c.Upstream); {
	case !u.IsSet() && c.UpstreamCA+c.UpstreamLogin != "":
		return errors.New("--upstream-ca and --upstream-login are for a proxy: want --upstream URL beside them")
	case !u.IsSet():
		return nil
	case c.Proxy != (humanProxy{}):
		return errors.New("--proxy is your own on this machine, and --upstream one elsewhere: want one of them")
	case len(c.DNS) > 0:
		return errors.New("--dns beside --upstream: the proxy looks names up: want one of them")
	case c.UpstreamCA != "" && strings.HasPrefix(u.URL, "http:"):
		return errors.New("--upstream-ca vouches for an https proxy: over http none shows a certificate. For a proxy that opens TLS the agent's programs need its CA: " +
			"put it into /usr/local/share/ca-certificates and run sudo update-ca-certificates")
	}
	return nil
}

func (c *netRestrictCmd) Run(a *app) error {
	facts, err := a.host.ObserveNet(c.Agent)
	if err != nil {
		return err
	}
	if c.ECH {
		fmt.Fprintln(a.err, "au: --ech is the default")
	}
	want, err := c.policy(a, facts)
	if err != nil {
		return host.NetError(c.Agent, err)
	}
	if err := provision.CheckNet(want, facts); err != nil {
		return host.NetError(c.Agent, err)
	}
	plan, err := provision.PlanNetRestrict(want, facts)
	if err != nil {
		return host.NetError(c.Agent, err)
	}
	runner, err := a.runner(a.out, c.DryRun)
	if err != nil {
		return err
	}
	a.sayDropped(want, facts)
	if err := a.checkRules(want, c.DryRun); err != nil {
		return host.NetError(c.Agent, err)
	}
	first := true
	_, err = a.finish(&change{
		runner: runner, dryRun: c.DryRun, plan: func() ([]step.Step, step.Seen, error) {
			if !first { // another agent was restricted meanwhile, or is so no more: it may have these ports, or what both share is gone
				want, plan, facts, err = c.replan(a)
			}
			first = false
			return plan, facts.Seen, err
		}, about: func(err error) error { return host.NetError(c.Agent, err) }, rest: "au net off --agent " + c.Agent,
		nothing: func() {
			if !c.DryRun {
				fmt.Fprintln(a.out, "These rules hold already; nothing to do")
				a.sayRestricted(want, facts)
			}
		},
		done: func() { a.sayRestricted(want, facts) },
	})
	if err == nil && !c.Exactly { // as `au apply` has it, whose file says nothing of an agent's home, and comes to the same for root
		a.knowForges(c.Agent, want.Allow, c.DryRun)
	}
	return err
}

// replan returns the policy and the plan for the machine as it is by now.
func (c *netRestrictCmd) replan(a *app) (want netfilter.Policy, plan []step.Step, facts provision.NetFacts, err error) {
	if facts, err = a.host.ObserveNet(c.Agent); err != nil {
		return want, nil, facts, err
	}
	if want, err = c.policy(a, facts); err == nil {
		err = provision.CheckNet(want, facts)
	}
	if err == nil {
		plan, err = provision.PlanNetRestrict(want, facts)
	}
	return want, plan, facts, err
}

// policy returns what was asked for. Rules on the command line replace those that were allowed; with none, those stay. A denied
// rule stays denied, unless this very rule is allowed now.
func (c *netRestrictCmd) policy(a *app, f provision.NetFacts) (p netfilter.Policy, err error) {
	p = netfilter.Policy{Version: netfilter.Version, Agent: c.Agent, UID: f.Agent.UID, NoECH: c.NoECH, Learn: until(a.host.Now(), c.Learn), Human: netfilter.HumanProxy(c.Proxy)}
	if p.SubUIDs, err = a.host.SubUIDs(c.Agent, p.UID); err != nil {
		return p, err
	}
	if p.Backend, err = a.host.ChooseBackend(c.Backend); err != nil {
		return p, err
	}
	for _, server := range c.DNS {
		p.Resolve = append(p.Resolve, netip.AddrPort(server))
	}
	if !p.HasDaemon() && len(p.Resolve) == 0 {
		if p.Resolve = a.host.Resolvers(); len(p.Resolve) == 0 {
			return p, errors.New("/etc/resolv.conf names no DNS server: want --dns ADDRESS beside --proxy")
		}
	}
	if p.Allow, err = c.rules(a); err != nil {
		return p, err
	}
	if p.Upstream, err = c.upstream(a, f.Policy); err != nil {
		return p, err
	}
	for _, rule := range c.Deny {
		p.Deny = withEntries(p.Deny, []netfilter.Entry{{Rule: rule}})
	}
	if old := f.Policy; old != nil {
		c.keep(&p, *old)
	}
	if p.HasDaemon() {
		if old := f.Policy; old != nil && old.HasDaemon() {
			p.Proxy, p.DNS = old.Proxy, old.DNS
		} else if p.Proxy, p.DNS, err = a.host.FreePorts(c.Agent); err != nil {
			return p, err
		}
	}
	if len(p.Allow) == 0 && f.Policy == nil && p.HasDaemon() && c.Learn == 0 && !c.Exactly && !c.DryRun && term.IsTerminal(0) {
		p.Allow, err = a.offerPresets()
	}
	return p, err
}

// keep takes over what stays of the policy that is in force.
func (c *netRestrictCmd) keep(p *netfilter.Policy, old netfilter.Policy) {
	switch {
	case c.Exactly:
		p.Allow, p.Deny, p.Learn = exactly(old.Allow, p.Allow), exactly(old.Deny, p.Deny), old.Learn
		if c.Backend == "auto" {
			p.Backend = old.Backend
		}
		if !p.HasDaemon() && len(c.DNS) == 0 {
			p.Resolve = old.Resolve
		}
	case !p.HasDaemon():
	case len(p.Allow) == 0:
		p.Allow, p.Deny = old.Allow, withEntries(old.Deny, p.Deny)
	default:
		p.Deny = withEntries(resumed(without(old.Deny, p.Allow)), p.Deny)
	}
}

// exactly returns the wanted entries, those that are there already as they are and in their order, and those that end by
// themselves.
func exactly(old, wanted []netfilter.Entry) (all []netfilter.Entry) {
	for _, e := range old {
		want, ok := entryOf(wanted, e.Rule)
		switch {
		case ok && e.Until.IsZero(), !ok && !e.Until.IsZero():
			all = append(all, e)
		case ok:
			all = append(all, want)
		}
	}
	return append(all, without(wanted, all)...)
}

// upstream returns the proxy that was asked for. Its CA is the one in force, where the same proxy has one and no file is given.
func (c *netRestrictCmd) upstream(a *app, old *netfilter.Policy) (netfilter.Upstream, error) {
	u := netfilter.Upstream(c.Upstream)
	u.Login = c.UpstreamLogin
	if c.UpstreamCA == "" {
		if old != nil && old.Upstream.URL == u.URL {
			u.CA = old.Upstream.CA
		}
		return u, u.Check()
	}
	text, err := a.host.ReadText(c.UpstreamCA, netfilter.MaxCA)
	if err != nil {
		return u, err
	}
	u.CA = text
	return u, u.Check()
}

// rules returns the entries that the options ask for, each rule once.
func (c *netRestrictCmd) rules(a *app) ([]netfilter.Entry, error) {
	var all []netfilter.Entry
	for _, name := range c.Preset {
		preset, err := netfilter.FindPreset(name)
		if err != nil {
			return nil, err
		}
		if preset.Shared != "" {
			fmt.Fprintf(a.err, "au: warning: preset %s: %s\n", preset.Name, preset.Shared)
		}
		all = withEntries(all, preset.Entries())
	}
	for _, rule := range c.Allow {
		all = withEntries(all, []netfilter.Entry{{Rule: rule}})
	}
	for _, port := range c.AllowLocalhost {
		all = withEntries(all, []netfilter.Entry{{Rule: netfilter.Rule{Kind: netfilter.Localhost, Port: port}}})
	}
	return all, nil
}

// offerPresets asks on the terminal which services the agent needs.
func (a *app) offerPresets() ([]netfilter.Entry, error) {
	presets, err := netfilter.Presets()
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(a.out, "Nothing is allowed yet. What does the agent need?")
	for i, p := range presets {
		note := ""
		if p.Shared != "" {
			note = " (" + p.Shared + ")"
		}
		fmt.Fprintf(a.out, "  %2d  %-11s %s%s\n", i+1, p.Name, p.About, note)
	}
	fmt.Fprint(a.out, "Numbers or names, with spaces between; nothing for none: ")
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil { // Ctrl-D is no answer
		fmt.Fprintln(a.out)
		return nil, errors.New("no answer, and nothing was changed")
	}
	var all []netfilter.Entry
	for _, word := range strings.Fields(line) {
		if n, err := strconv.Atoi(word); err == nil && n >= 1 && n <= len(presets) {
			word = presets[n-1].Name
		}
		preset, err := netfilter.FindPreset(word)
		if err != nil {
			return nil, err
		}
		all = withEntries(all, preset.Entries())
	}
	return all, nil
}

// checkRules has nft read the rules without loading them, in a network namespace of its own, so that it needs no root. Where it
// cannot, loading will tell: it is one transaction.
func (a *app) checkRules(p netfilter.Policy, sayWhenNot bool) error {
	unchecked := func(why string) error {
		if sayWhenNot {
			fmt.Fprintf(a.err, "au: the rules were not checked: %s\n", why)
		}
		return nil
	}
	if p.Backend != netfilter.NFT {
		return unchecked("iptables reads them only as it loads them")
	}
	try := func(text string) (string, error) {
		cmd := programs.Command("nft", "-c", "-f", "-")
		cmd.Stdin = strings.NewReader(text)
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
			UidMappings: []syscall.SysProcIDMap{{HostID: a.host.UID(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{HostID: a.host.GID(), Size: 1}},
		}
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &out, programs.HeldTime
		err := programs.Ended(a.host.Execute(cmd))
		return strings.TrimSpace(out.String()), err
	}
	if _, err := try("add table inet au_net_check\n"); err != nil {
		return unchecked("this machine has no namespace to try them in without root")
	}
	// In the namespace only root has a uid; the rules' own are numbers all the same.
	if out, err := try(p.Ruleset(a.host.Now())); err != nil {
		return fmt.Errorf("nft does not take the rules: %s", out)
	}
	return nil
}
