// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"fmt"
	"slices"
	"strings"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/near"
)

// otherHomes are covered in every run; of /home the agent's own stays.
var otherHomes = []string{"/home", "/root"}

// policy returns what the policy has to say for the agent to be as wanted.
func (w Want) policy(f Facts) csrc.Policy {
	p := csrc.Policy{
		Version: csrc.PolicyVersion,
		Name:    w.Name, UID: f.Next.UID, GID: f.Next.GID, Group: f.Next.Group,
		Home: csrc.HomePath(w.Name), Shell: f.Shell, Tag: f.NewTag,
	}
	switch {
	case w.UID != 0:
		p.UID = w.UID
	case f.KeptUID != 0:
		p.UID = f.KeptUID
	}
	if old := f.Policy; old != nil {
		p.Tag, p.Humans, p.Allow, p.Path, p.Shell = old.Tag, slices.Clone(old.Humans), old.Allow, old.Path, old.Shell
		if f.Ours() || f.UIDUser == "" {
			p.UID, p.GID, p.Group = old.UID, old.GID, old.Group
		}
	}
	if f.Agent != nil {
		p.Home = f.Agent.Home
	}
	if w.Allow != nil {
		p.Allow = w.Allow
	}
	p.Hide = f.hides(p.Allow, p.Home)
	p.Show = csrc.DefaultShows(p.Allow)
	p.Humans = withHuman(p.Humans, f.Human)
	p.SHA256 = f.Source.SHA256
	p.Cgroups = f.Unit.Cgroups
	return p
}

// PolicyAge says what an older au has left out of the agent's policy; empty where nothing is missing. A change of the machine
// since then is no matter of age: `au info` names it.
func PolicyAge(f Facts) string {
	p := f.Policy
	if p == nil || !f.Ours() || f.Declared {
		return ""
	}
	if p.Version < csrc.PolicyVersion {
		return fmt.Sprintf("its policy is of version %d, where this au writes %d", max(p.Version, 1), csrc.PolicyVersion)
	}
	for _, hidden := range slices.Concat(otherHomes, csrc.DefaultHides(p.Allow)) {
		if !slices.Contains(p.Hide, hidden) {
			return "its policy does not hide " + hidden
		}
	}
	if !slices.Equal(p.Show, csrc.DefaultShows(p.Allow)) {
		return "its policy shows another part of /run than one that this au writes"
	}
	return ""
}

// withHuman returns humans with u among them once, the others where they were: a policy that only differs in their order would be
// written anew.
func withHuman(humans []csrc.Human, u User) []csrc.Human {
	all := slices.Clone(humans)
	if i := slices.IndexFunc(all, func(h csrc.Human) bool { return h.UID == u.UID }); i >= 0 {
		all[i].Name = u.Name
		return all
	}
	return append(all, csrc.Human{UID: u.UID, Name: u.Name})
}

// checkPolicy refuses a policy that the entrypoint could not read: too many humans, a name that is too long; and a human who can be
// in no group.
func checkPolicy(p csrc.Policy) error {
	for _, h := range p.Humans {
		if strings.Contains(h.Name, ",") {
			return fmt.Errorf("user %q cannot be a human of agent %q: a group, as the humans have one, holds no name with a comma", h.Name, p.Name)
		}
	}
	if _, err := csrc.ParsePolicy([]byte(p.Text())); err != nil {
		return fmt.Errorf("the policy of agent %q would not be valid: %w", p.Name, err)
	}
	return nil
}

// CheckAllow refuses a word that is no switch.
func CheckAllow(words []string) error {
	for _, w := range words {
		if !slices.Contains(Switches(), w) {
			return fmt.Errorf("switch %q: want %s%s", w, strings.Join(Switches(), ", "), near.Asked(w, Switches()))
		}
	}
	return nil
}

// Switches returns the words that `au new --unlock` takes.
func Switches() []string {
	var words []string
	for _, s := range csrc.Switches {
		words = append(words, s.Word)
	}
	return words
}
