// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision"
)

// sayDropped says what was allowed or denied until now, and is not in the new policy.
func (a *app) sayDropped(want netfilter.Policy, facts provision.NetFacts) {
	if facts.Policy == nil && facts.PolicyText != "" {
		fmt.Fprintln(a.err, "au: warning: the policy that was there cannot be read, and nothing of it is kept")
	}
	if gone := dropped(facts.Policy, want, a.host.Now()); gone != nil {
		fmt.Fprintf(a.out, "No longer in force: %s\n", strings.Join(gone, ", "))
		if want.HasDaemon() {
			fmt.Fprintf(a.out, "(To add to what is allowed, and keep the rest: au net allow --agent %s RULE…)\n", want.Agent)
		}
	}
}

// dropped names what the old policy holds and the new one no longer has: rules that are live, and settings.
func dropped(old *netfilter.Policy, p netfilter.Policy, now time.Time) []string {
	if old == nil {
		return nil
	}
	var gone []string
	for _, e := range without(old.Allow, p.Allow) {
		if !e.Over(now) {
			gone = append(gone, "allow "+e.Rule.String())
		}
	}
	for _, e := range without(old.Deny, p.Deny) {
		if !e.Over(now) {
			gone = append(gone, "deny "+e.Rule.String())
		}
	}
	if old.HasDaemon() && len(old.Resolve) > 0 && !slices.Equal(old.Resolve, p.Resolve) {
		gone = append(gone, "DNS servers "+joinAddrs(old.Resolve))
	}
	if old.Upstream.IsSet() && old.Upstream.URL != p.Upstream.URL {
		gone = append(gone, "the proxy "+old.Upstream.URL)
	} else if old.Upstream.Login != "" && p.Upstream.Login == "" {
		gone = append(gone, "the login in "+old.Upstream.Login)
	}
	if old.Learning(now) && !p.Learning(now) {
		gone = append(gone, "learning until "+local(old.Learn))
	}
	if old.NoECH && !p.NoECH {
		gone = append(gone, "--no-ech")
	}
	if !old.HasDaemon() && p.HasDaemon() {
		gone = append(gone, fmt.Sprintf("your proxy on port %d", old.Human.HTTP))
	}
	return gone
}

// sayRestricted tells what holds now, and what does not.
func (a *app) sayRestricted(p netfilter.Policy, f provision.NetFacts) {
	fmt.Fprintf(a.out, "Agent %s reaches %s, and nothing else\n", p.Agent, summary(p, a.host.Now()))
	if by := p.By(); by != "" {
		fmt.Fprintf(a.out, "It does so %s\n", by)
	}
	if p.Learning(a.host.Now()) {
		fmt.Fprintf(a.out, "Until %s everything is let through and recorded; then: au net log --agent %s --suggest\n", local(p.Learn), p.Agent)
	}
	for _, warning := range netWarnings(a.host, p, f.Agent, f.NoSlice, a.host.NoSeal()) {
		fmt.Fprintf(a.err, "au: warning: %s\n", warning)
	}
	fmt.Fprintf(a.out, "See it hold: au net status --agent %s --verify\n", p.Agent)
}
