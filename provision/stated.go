// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"fmt"
	stdslices "slices"
	"strings"
	"unicode/utf8"

	"github.com/a4u2/au/csrc"
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

// Sayable returns what of s au reads back from a file as it is, and notes on the rest, which stays where it is.
func (s Stated) Sayable() (Stated, []string) {
	var left []string
	limits, odd := s.Limits.Settable()
	for _, limit := range odd {
		left = append(left, limit+", which au does not set. It stays where it is set already.")
	}
	s.Limits, s.Of = limits, stdslices.Clone(s.Of)
	for i, of := range s.Of {
		var more []string
		s.Of[i], more = of.sayable(s.Home)
		left = append(left, more...)
	}
	return s, left
}

// sayable does so with the config of a human, where a person may have typed a line that no command writes and no run obeys.
func (s Settings) sayable(home string) (Settings, []string) {
	var left []string
	note := func(format string, args ...any) {
		left = append(left, fmt.Sprintf(format, args...)+fmt.Sprintf(" It stays in the config of %s.", s.Human))
	}
	if i := stdslices.IndexFunc(s.KeepEnv, func(word string) bool { return config.CheckVariable(word) != nil }); i >= 0 {
		note("keep_env, where %q is not a name of a variable.", s.KeepEnv[i])
		s.KeepEnv = nil
	}
	s.Path = stdslices.DeleteFunc(stdslices.Clone(s.Path), func(folder string) bool {
		odd := !SayableFolder(folder)
		if odd {
			note("%q on the path, which is not a plain absolute path.", folder)
		}
		return odd
	})
	s.Mounts = stdslices.DeleteFunc(stdslices.Clone(s.Mounts), func(m config.Mount) bool {
		odd := !SayableShare(m, home)
		if odd {
			note("share %q at %q: want two plain absolute paths, the second in %s.", m.Source, m.Target, home)
		}
		return odd
	})
	return s, left
}

// CheckText refuses a name that no file of au apply and no NixOS configuration can hold.
func (s Stated) CheckText() error {
	for _, human := range s.Humans {
		if !utf8.ValidString(human) {
			return fmt.Errorf("human %q of agent %q: the name is not UTF-8, and no such file can hold it", human, s.Name)
		}
	}
	return nil
}

// SayableShare reports whether a file of au apply can name a share of an agent with that home.
func SayableShare(m config.Mount, home string) bool {
	at, in := share.Within(home, m.Target)
	return csrc.IsCleanAbsolute(m.Source) && csrc.IsCleanAbsolute(m.Target) && in && at != "."
}

// SayableFolder reports the same of a folder on the PATH.
func SayableFolder(folder string) bool {
	return csrc.IsCleanAbsolute(folder) && !strings.Contains(folder, ":")
}

// Stanza returns the agent as a NixOS configuration declares it, with the settings of the first human.
func (s Stated) Stanza() StanzaAgent {
	bare := s.Limits.Swap == nil
	s, left := s.Sayable()
	limits := s.Limits
	if limits.Memory != nil && bare {
		limits.Swap = &slices.Swap{Size: slices.Size{Bytes: slices.Infinity}}
	}
	g := StanzaAgent{Left: left, Name: s.Name, UID: s.UID, Group: s.Group, Humans: s.Humans, Allow: s.Allow, Limits: StanzaLimits(limits), Net: s.Net, Programs: s.Programs}
	if len(s.Of) == 0 {
		return g
	}
	of := s.Of[0]
	g.KeepEnv, g.SetEnv = of.KeepEnv, of.SetEnv
	for _, folder := range of.Path {
		if !utf8.ValidString(folder) {
			g.Left = append(g.Left, fmt.Sprintf("%q on the path, which is not UTF-8.", folder))
			continue
		}
		g.Path = append(g.Path, folder)
	}
	for _, m := range of.Mounts {
		if !utf8.ValidString(m.Source + m.Target) {
			g.Left = append(g.Left, fmt.Sprintf("share %q at %q, which is not UTF-8.", m.Source, m.Target))
			continue
		}
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
