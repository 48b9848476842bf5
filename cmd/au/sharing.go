// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/a4u2/au/cmd/au/draft"
	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/cmd/au/terminal"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
	"golang.org/x/sys/unix"
)

// access names what the agent may do in a share.
func access(m config.Mount) string {
	if m.Draft {
		return "as a draft"
	}
	if m.ReadOnly {
		return "read-only"
	}
	return "read-write"
}

// mark is the note behind a share in a list.
func mark(m config.Mount) string {
	word := "rw"
	switch {
	case m.Draft:
		word = "draft"
	case m.ReadOnly:
		word = "ro"
	}
	if m.ACL {
		word += ", acl"
	}
	if len(m.Hide) > 0 {
		word += ", hides " + show(strings.Join(m.Hide, " "))
	}
	if m.ShowSecrets {
		word += ", shows secrets"
	}
	if m.TargetOnly {
		word += ", target only"
	}
	return word
}

// places names where the agent sees a share.
func places(m config.Mount, p csrc.Policy) string {
	if start.Shown([]config.Mount{m}, p)[0].TargetOnly {
		return show(m.Target)
	}
	return "that path and at " + show(m.Target)
}

// pathView is a folder that the human has put on the PATH of the agent's runs, as JSON has it.
type pathView struct {
	Folder  config.Path `json:"folder"`
	Seen    config.Path `json:"seen"`               // where the agent finds it; empty where it does not
	LeftOut string      `json:"left_out,omitempty"` // why runs go without it
}

// pathViews returns the folders of an entry of the config, which may be nil.
func pathViews(h *host.Host, entry *config.Agent, p csrc.Policy) []pathView {
	views := []pathView{}
	if entry == nil {
		return views
	}
	shares := start.Shown(entry.Mounts, p)
	for _, folder := range entry.Path {
		there, err := h.ForRun().OnPath(folder, p, shares)
		v := pathView{Folder: config.Path(folder), Seen: config.Path(there)}
		if err != nil {
			v.Seen, v.LeftOut = "", err.Error()
		}
		views = append(views, v)
	}
	return views
}

func (v pathView) text(paint terminal.Paint) string {
	text := show(string(v.Folder))
	if v.LeftOut != "" {
		return text + " " + paint.Red("(left out: "+v.LeftOut+")")
	}
	if v.Seen != v.Folder {
		text += " -> " + show(string(v.Seen))
	}
	return text
}

// sharing is what the commands about shares start from.
type sharing struct {
	human  provision.User
	known  *config.Config
	entry  *config.Agent // nil: the agent is not in the config yet
	policy csrc.Policy
}

// mounts returns the agent's shares.
func (s sharing) mounts() []config.Mount {
	if s.entry == nil {
		return nil
	}
	return s.entry.Mounts
}

// sharing reads who shares with whom. From here on au is the human: a share is made of what they may do, never of what root may.
func (a *app) sharing(agent string) (s sharing, err error) {
	if a.host.UID() == 0 {
		if err := a.leaveTerminal(); err != nil {
			return s, err
		}
		a.Human = ""
	}
	if s.human, err = a.human(); err != nil {
		return s, err
	}
	if s.known, err = a.load(s.human); err != nil {
		return s, err
	}
	s.entry = s.known.Agent(agent)
	if err = provision.CheckName(agent); err != nil {
		return s, err
	}
	if err = a.legacy(s.human, agent); err != nil {
		return s, err
	}
	s.policy, err = a.host.AgentPolicy(agent)
	return s, err
}

// sharingPlanned is the same where an agent that is not there counts as one that `au new` has made: for a look ahead.
func (a *app) sharingPlanned(agent string, planned bool) (sharing, error) {
	s, err := a.sharing(agent)
	if planned && s.known != nil && csrc.IsName(agent) && !a.host.Exists(csrc.PolicyPath(agent)) {
		s.policy, err = csrc.Policy{Version: csrc.PolicyVersion, Name: agent, Home: csrc.HomePath(agent)}, nil
	}
	return s, err
}

// shareFacts reads what decides whether the folder at source, which is resolved, can be shared. It does not look at what is in the
// folder.
func (a *app) shareFacts(source string, human provision.User, policy csrc.Policy, known *config.Config) (provision.ShareFacts, error) {
	f := provision.ShareFacts{Agent: policy.Name, AgentHome: policy.Home, Human: human, Drafts: draft.Dir(human.Home)}
	var err error
	if f.Home, err = a.host.RealPath(human.Home); err != nil {
		return f, fmt.Errorf("your home: %w", err)
	}
	if f.Config, err = a.host.RealPath(a.configPath(human)); err != nil {
		f.Config = a.configPath(human) // none yet
	}
	f.Source = a.host.Bare(source)
	if f.HomeOpen, err = a.host.ForRun().HomeOpenings(human, known); err != nil {
		return f, err
	}
	if _, inside := share.Within(f.Home, source); !inside {
		if err := a.outsideFacts(source, &f); err != nil {
			return f, err
		}
	}
	if f.Mounts, err = a.host.Mounts(); err != nil {
		return f, err
	}
	if !known.DisableHomeAccessCheck {
		f.Open = a.host.ForRun().OpenPlaces(source, f.Mounts, human)
	}
	f.Kernel, err = a.host.Kernel()
	return f, err
}

// outsideFacts reads what else decides of a folder that is not in the human's home.
func (a *app) outsideFacts(source string, f *provision.ShareFacts) error {
	way, err := a.host.ForRun().Way(source, f.Human)
	if err != nil {
		return err
	}
	f.Unfit, f.Exposed = way.Unfit, !way.Shut
	f.Homes, err = a.host.Homes()
	return err
}

// follower finds what the human names for a run of the agent. rw are folders that it is to write in this one run.
func (a *app) follower(human provision.User, known *config.Config, agent string, rw ...string) start.Follower {
	more := a.host.DeclaredWritable(human)
	for _, word := range rw {
		if place, err := (start.Follower{Agent: agent, Writable: func() []share.Writable { return nil }}).Follow(word); err == nil {
			more = append(more, share.Writable{Source: place.Path, Agent: agent})
			place.Close()
		}
	}
	return a.host.ForRun().Follower(agent, a.configPath(human), known, human, more...)
}

// resolveSource returns the folder that a person means, without symbolic links.
func resolveSource(word string, follow start.Follower) (string, error) {
	place, err := follow.Follow(word)
	var planted *start.Planted
	if errors.As(err, &planted) {
		return "", err
	}
	var inner *os.PathError
	if errors.As(err, &inner) {
		err = inner.Err
	}
	if err == nil {
		defer place.Close()
		if len(place.Missing) > 0 {
			err = unix.ENOENT
		}
	}
	if err != nil {
		return "", fmt.Errorf("share %q: %w", word, err)
	}
	return place.Path, nil
}

// change returns the shareChange that the agent's shares are changed with.
func (s sharing) change(h *host.Host, remove, add *config.Mount) record {
	return record{Share: &shareChange{Entry: s.newEntry(h), Remove: remove, Add: add}}
}

// newEntry returns the agent for a config that does not name it yet.
func (s sharing) newEntry(h *host.Host) config.Agent {
	return config.Agent{
		UserName: s.policy.Name, Group: provision.GroupName(s.policy.Name), Entrypoint: h.EntrypointPath(s.policy.Name),
		EntrypointSHA256: s.policy.SHA256, Bootstrapped: true,
	}
}

// legacyEntry returns what the human's config says of an agent that agent-as-unix-user 2.x made; nil where there is none of that
// name.
func (a *app) legacyEntry(human provision.User, name string) (*config.Agent, error) {
	known, err := a.load(human)
	if err != nil {
		return nil, err
	}
	entry := known.Agent(name)
	if entry == nil || entry.Entrypoint == csrc.EntrypointPath(name) || a.host.Exists(csrc.PolicyPath(name)) {
		return nil, nil
	}
	return entry, nil
}

// legacy refuses an agent that the original made; nil where there is none of that name.
func (a *app) legacy(human provision.User, name string) error {
	entry, err := a.legacyEntry(human, name)
	if err != nil || entry == nil {
		return err
	}
	return hintError{
		fmt.Errorf("agent %q was made by agent-as-unix-user 2.x, and its entrypoint %s lets the agent become root: it is not run", name, entry.Entrypoint),
		provision.MendLegacy(name),
	}
}

// refuseLegacyName refuses an agent of the original whose name none of ours can have, in all commands but those that show it or
// take it apart.
func (a *app) refuseLegacyName(command, name string) error {
	if name == "" || provision.CheckName(name) == nil || slices.Contains([]string{"delete", "info"}, command) {
		return nil
	}
	human, err := a.human()
	if err != nil {
		return nil // the command says so
	}
	if entry, err := a.legacyEntry(human, name); err != nil || entry == nil {
		return nil
	}
	return hintError{fmt.Errorf("agent %q was made by agent-as-unix-user 2.x, and au makes no agent of that name: delete it, and make one with another name", name), provision.MendLegacy(name)}
}

// sayGit says that git does not work in a share, and why.
func sayGit(a *app, git start.GitElsewhere) {
	fmt.Fprintf(a.err, "au: %s is %s, and its git directory %s is not shared %s: git does not work there without it\n",
		show(git.Folder), git.Kind, show(git.Dir), access(git.Share))
}

// hintAtGit says what makes git work in a share.
func hintAtGit(a *app, agent string, git start.GitElsewhere) {
	sayGit(a, git)
	words := []string{git.Dir}
	switch {
	case git.Share.Draft:
		words = []string{"--draft", git.Dir}
	case !git.Share.ReadOnly:
		words = []string{"--rw", git.Dir}
	}
	a.hint(mountLine("add", agent, words...))
}
