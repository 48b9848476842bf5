// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"fmt"
	"strings"

	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/setup"
	"github.com/a4u2/au/provision/share"
	"github.com/a4u2/au/slices"
)

// Stated is an agent as it is on the machine, for those who write it down: as a NixOS configuration, or as a file of `au apply`.
type Stated struct {
	Name       string
	UID, Group uint32
	Home       string
	Humans     []string
	Gone       []string // those of them who are not on this machine any more
	Limits     slices.Limits
	Allow      []string
	Net        *netfilter.Policy // nil: not restricted
	Programs   []setup.Program   // of those that `au setup` knows, what is on the agent's PATH
	Of         []Settings        // those of each human whose config could be read
}

// Settings are what one human's config says of an agent.
type Settings struct {
	Human                 string
	Mounts                []config.Mount
	KeepEnv, SetEnv, Path []string
}

// Stanza returns the agent as a NixOS configuration declares it, with the settings of the first human.
func (s Stated) Stanza() StanzaAgent {
	limits := s.Limits
	if limits.Memory != nil && limits.Swap == nil {
		limits.Swap = &slices.Swap{Size: slices.Size{Bytes: slices.Infinity}}
	}
	g := StanzaAgent{Name: s.Name, UID: s.UID, Group: s.Group, Humans: s.Humans, Allow: s.Allow, Limits: StanzaLimits(limits), Net: s.Net, Programs: s.Programs}
	if len(s.Of) == 0 {
		return g
	}
	of := s.Of[0]
	g.KeepEnv, g.SetEnv, g.Path = of.KeepEnv, of.SetEnv, of.Path
	for _, m := range of.Mounts {
		target, _ := share.Within(s.Home, m.Target)
		g.Shares = append(g.Shares, DeclaredShare{Source: m.Source, Target: target, ReadOnly: m.ReadOnly || m.Draft, SamePath: !m.TargetOnly, Draft: m.Draft, Hide: m.Hide, ShowSecrets: m.ShowSecrets})
	}
	return g
}

// Rules are what a network policy allows and denies for good, as people write it.
type Rules struct {
	Presets, Allow, Localhost, Deny []string
	Notes                           []string // what of the policy they leave out
}

// RulesOf returns the rules of a policy.
func RulesOf(p netfilter.Policy) (r Rules) {
	note := func(format string, args ...any) {
		r.Notes = append(r.Notes, strings.TrimPrefix(fmt.Sprintf(format, args...), "# "))
	}
	r.Presets, r.Allow, r.Localhost = stanzaAllowed(p, note)
	r.Deny = stanzaDenied(p, note)
	return r
}
