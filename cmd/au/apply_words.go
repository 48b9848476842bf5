// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"

	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/desired"
)

// unlockWords are the options of `au new` about the isolation. A list that is there and empty takes all back.
func unlockWords(g *desired.Agent, planned bool) (words []string) {
	for _, s := range g.Unlock {
		words = append(words, "--unlock", string(s))
	}
	if g.Unlock != nil && len(g.Unlock) == 0 && !planned {
		words = append(words, "--lock")
	}
	return words
}

// limitWords are the options of `au limits set`.
func limitWords(l *desired.Limits) (words []string) {
	if l == nil {
		return nil
	}
	if l.CPU != nil {
		words = append(words, "--cpu", l.CPU.String())
	}
	if l.Memory != nil {
		words = append(words, "--mem", l.Memory.String())
	}
	if l.Swap != nil {
		words = append(words, "--swap", l.Swap.String())
	}
	if l.Tasks != nil {
		words = append(words, "--tasks", l.Tasks.String())
	}
	if l.CPUWeight != nil {
		words = append(words, "--cpu-weight", l.CPUWeight.String())
	}
	if l.IOWeight != nil {
		words = append(words, "--io-weight", l.IOWeight.String())
	}
	return words
}

// netWords are the options of `au net restrict`; nil where the agent is not to be restricted.
func netWords(n *desired.Net) []string {
	if n.Restricted != nil && !*n.Restricted {
		return nil
	}
	words := []string{"--exactly"}
	for _, p := range n.Presets {
		words = append(words, "--preset", string(p))
	}
	for _, r := range n.Allow {
		words = append(words, "--allow", r.String())
	}
	for _, r := range n.Deny {
		words = append(words, "--deny", r.String())
	}
	for _, port := range n.AllowLocalhost {
		words = append(words, "--allow-localhost", fmt.Sprint(port))
	}
	for _, s := range n.DNS {
		words = append(words, "--dns", netip.AddrPort(s).String())
	}
	if n.NoECH {
		words = append(words, "--no-ech")
	}
	if n.Proxy != nil {
		words = append(words, "--proxy", n.Proxy.String())
	}
	if n.Backend != nil {
		words = append(words, "--backend", string(netfilter.Backend(*n.Backend)))
	}
	return append(words, upstreamWords(n)...)
}

func upstreamWords(n *desired.Net) (words []string) {
	if n.Upstream != nil {
		words = append(words, "--upstream", string(*n.Upstream))
	}
	if n.UpstreamCA != "" {
		words = append(words, "--upstream-ca", n.UpstreamCA)
	}
	if n.UpstreamLogin != "" {
		words = append(words, "--upstream-login", n.UpstreamLogin)
	}
	return words
}

// mountWords are the options of `au mount add`.
func mountWords(m desired.Mount) (words []string) {
	on := map[string]bool{"--rw": m.ReadOnly != nil && !*m.ReadOnly, "--draft": m.Draft, "--acl": m.ACL, "--show-secrets": m.ShowSecrets, "--target-only": m.SamePath != nil && !*m.SamePath}
	for _, option := range []string{"--rw", "--draft", "--acl", "--show-secrets", "--target-only"} {
		if on[option] {
			words = append(words, option)
		}
	}
	for _, name := range m.Hide {
		words = append(words, "--hide="+string(name))
	}
	return words
}

// variables adds the command that sets the variables of the agent's runs.
func (w *applying) variables(of desired.Only, agent string, human provision.User, add func(desired.Places, string, string, ...string) *act) {
	var want variables
	if of.KeepEnv != nil {
		want.Keep = ref(desired.Words(of.KeepEnv))
	}
	if of.SetEnv != nil {
		want.Set = ref(desired.Words(of.SetEnv))
	}
	if want == (variables{}) {
		return
	}
	text, err := json.Marshal(want)
	if err != nil {
		panic(err) // lists of texts
	}
	add(of.Places, "set_env", human.Name, "variables", "--agent", agent).input = slices.Clip(text)
}

func ref[T any](v T) *T { return &v }
