// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/accounts"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/internal/walk"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
	"golang.org/x/sys/unix"
)

// Follower finds what a person names for a run of an agent: a folder, typed or the one where they are, or a file. Anybody who can
// write a folder can put a link where something else was. A link that leads out of that folder, or that is another agent's, is not
// followed.
type Follower struct {
	Agent    string
	Writable func() []share.Writable // the folders that agents can write, or could; only asked for where there is a link
}

// Follower returns the one for an agent by the word of the human's config, which is at path, and of the agents of this machine,
// whose homes are theirs to write; more are folders that agents can write besides.
func (m Machine) Follower(agent, path string, known *config.Config, human accounts.User, more ...share.Writable) Follower {
	return Follower{Agent: agent, Writable: func() []share.Writable {
		all := slices.Concat(share.WritableOf(known), m.Once(path, human), m.homes(known))
		if usual := config.DefaultPath(human.Home); path != usual {
			if other, err := m.Config(usual, human); err == nil {
				all = append(append(all, share.WritableOf(other)...), m.Once(usual, human)...)
			}
		}
		return append(all, more...)
	}}
}

// homes returns the homes of all agents, whoever's they are.
func (m Machine) homes(known *config.Config) (all []share.Writable) {
	var names []string
	for _, g := range known.Agents {
		names = append(names, g.UserName)
	}
	policies, _ := m.ReadDir(m.Root + csrc.PolicyDir) // where there is none, there are no others
	for _, e := range policies {
		names = append(names, e.Name())
	}
	for _, name := range names {
		home := csrc.HomePath(name)
		if csrc.IsName(name) {
			if p, err := m.Policy(name); err == nil {
				home = p.Home
			}
		}
		all = append(all, share.Writable{Source: home, Agent: name})
	}
	return all
}

// Planted is a link that an agent could have put on the way to what a person named.
type Planted struct {
	Word, Link, Leads string
	In                share.Writable
}

func (p *Planted) Error() string {
	return fmt.Sprintf("%q: %s is a symbolic link to %s, and agent %q, which could write in %s, may have put it there: name the place itself if you mean it",
		p.Word, quote.Name(p.Link), quote.Name(p.Leads), p.In.Agent, quote.Name(p.In.Source))
}

// passed is a link on the way; leads is where it has led once it is known.
type passed struct {
	at, leads string
	left      int
}

// ErrNoPath is where a word is empty, as an unset variable of a shell is: it does not mean the current folder.
var ErrNoPath = errors.New("want a path, such as . for the current folder")

// Follow returns where a word leads. A relative one is taken from the current folder as the person has it, by $PWD where that names
// it: who has come there through a link means the folder that they see. That something is missing is no error.
func (f Follower) Follow(word string) (*walk.Place, error) {
	if word == "" {
		return nil, ErrNoPath
	}
	from := word
	if !filepath.IsAbs(word) {
		here, err := os.Getwd()
		if err != nil {
			return nil, fmt.Errorf("the current folder: %w", err)
		}
		from = here + "/" + word
	}
	var links []passed
	place, err := walk.To("/", from, func(s walk.Step) error {
		if s.Kind() == unix.S_IFLNK {
			links = append(links, passed{at: s.Path, left: s.Left})
			return nil
		}
		for i, l := range links {
			if l.leads == "" && s.Left <= l.left {
				links[i].leads = s.Path
			}
		}
		return nil
	})
	if err == nil && len(links) > 0 {
		if err = f.check(word, place.Path, links); err != nil {
			place.Close()
		}
	}
	return place, err
}

// check refuses a link that was planted. One that leads nowhere leads to end.
func (f Follower) check(word, end string, links []passed) error {
	writable := f.Writable()
	for _, l := range links {
		if l.leads == "" {
			l.leads = end
		}
		for _, w := range writable {
			_, in := share.Within(w.Source, l.at)
			if _, stays := share.Within(w.Source, l.leads); in && (!stays || w.Agent != f.Agent) {
				return &Planted{word, l.at, l.leads, w}
			}
		}
	}
	return nil
}

// Open opens the file that a word names: the very one that was looked at.
func (f Follower) Open(word string) (*os.File, error) {
	place, err := f.Follow(word)
	if err != nil {
		return nil, err
	}
	defer place.Close()
	if _, ok := share.Within("/proc", place.Path); ok && place.File < 0 {
		return os.Open(word) // no path, as what a shell's <(…) leads to
	}
	return place.Open(word, 0)
}
