// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/step"
)

// planNetOff returns what takes away what is there of the agent's network.
func planNetOff(f provision.NetFacts) []step.Step {
	return provision.PlanNetOff(netfilter.Policy{Agent: f.Agent.Name, UID: f.Agent.UID}, f)
}

// local writes a time as the human's clock has it.
func local(t time.Time) string { return t.Local().Format("Mon 2 Jan 15:04") }

// withEntries returns the list with the added entries at its end, in the place of those with the same rule.
func withEntries(list, added []netfilter.Entry) []netfilter.Entry {
	kept := slices.DeleteFunc(slices.Clone(list), func(old netfilter.Entry) bool {
		return slices.ContainsFunc(added, func(e netfilter.Entry) bool { return e.Rule == old.Rule })
	})
	return append(kept, added...)
}

// entryOf returns the entry of a list that is about that rule.
func entryOf(list []netfilter.Entry, rule netfilter.Rule) (netfilter.Entry, bool) {
	i := slices.IndexFunc(list, func(e netfilter.Entry) bool { return e.Rule == rule })
	if i < 0 {
		return netfilter.Entry{}, false
	}
	return list[i], true
}

// netWarnings says what the rules do not stop.
func netWarnings(h *host.Host, p netfilter.Policy, policy csrc.Policy, noSlice, noSeal string) []string {
	var all []string
	if !p.HasDaemon() {
		all = append(all, "an intercepting proxy that trusts the Host header can be told an allowed name and sent to another address (Squid: host_verify_strict on)",
			"DNS goes to "+joinAddrs(p.Resolve)+" unfiltered, and names can carry data out")
	}
	if p.Upstream.IsSet() {
		all = append(all, "the proxy "+p.Upstream.URL+" looks names up: nobody here sees which address an allowed name leads to, and it may be one inside")
	} else if p.HasDaemon() && len(p.Resolve)+len(h.Resolvers()) == 0 {
		all = append(all, "/etc/resolv.conf names no DNS server for allowed names: give one with --dns ADDRESS; names in /etc/hosts work without one")
	}
	for _, word := range policy.Allow {
		if how := openSwitches[word]; how != "" {
			all = append(all, fmt.Sprintf("the agent has --unlock %s, and these rules do not hold for it: %s", word, how))
		}
	}
	if noSlice != "" {
		all = append(all, "the second layer, the slice's filter, does not hold: "+noSlice)
	}
	if noSeal != "" {
		all = append(all, "a resolver or another service that opens its socket in /run while a run goes on can be used by that run: "+noSeal)
	}
	return all
}

// openSwitches are the words of the agent's policy that lead round the rules, and how.
var openSwitches = map[string]string{
	"setuid":   "set-uid programs can hand what they are given to services (mail, cron) that send it for the agent",
	"i386":     "32-bit programs reach AF_VSOCK, which no rule sees",
	"docker":   "a user of such a socket can start containers, whose packets are not the agent's",
	"nix":      "the nix daemon downloads for the agent",
	"resolver": "a broker asks DNS servers in the agent's place, for any name",
	"sysbus":   "services of the system's D-Bus resolve names and download for the agent",
	"services": "snapd, CUPS and others connect to any place that a client names",
}

func joinAddrs(servers []netip.AddrPort) string {
	var texts []string
	for _, server := range servers {
		texts = append(texts, server.Addr().String())
	}
	return strings.Join(texts, ", ")
}

// summary names what is allowed, presets by their names.
func summary(p netfilter.Policy, now time.Time) string {
	if !p.HasDaemon() {
		return fmt.Sprintf("your proxy on port %d and the DNS servers %s", p.Human.HTTP, joinAddrs(p.Resolve))
	}
	var names []string
	for _, entry := range p.Allow {
		name := entry.Rule.String()
		if entry.Preset != "" {
			name = "preset " + entry.Preset
		}
		if !slices.Contains(names, name) && entry.Live(now) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "itself"
	}
	return together(names)
}

// resumed returns the denials without the suspensions: what was granted for a time is granted no more.
func resumed(deny []netfilter.Entry) []netfilter.Entry {
	deny = slices.Clone(deny)
	for i := range deny {
		deny[i].From = time.Time{}
	}
	return deny
}

// without returns the list without the entries whose rule is among removed.
func without(list, removed []netfilter.Entry) []netfilter.Entry {
	return slices.DeleteFunc(slices.Clone(list), func(old netfilter.Entry) bool {
		return slices.ContainsFunc(removed, func(e netfilter.Entry) bool { return e.Rule == old.Rule })
	})
}

// entryNote returns the note beside a rule.
func entryNote(e netfilter.Entry, now time.Time) string {
	var notes []string
	if e.Preset != "" {
		notes = append(notes, "preset "+e.Preset)
	}
	if e.From.After(now) {
		notes = append(notes, "again from "+local(e.From))
	}
	if !e.Until.IsZero() {
		word := "until "
		if e.Over(now) {
			word = "ended "
		}
		notes = append(notes, word+local(e.Until))
	}
	if e.Reason != "" {
		notes = append(notes, e.Reason)
	}
	if notes == nil {
		return ""
	}
	return " (" + strings.Join(notes, "; ") + ")"
}
