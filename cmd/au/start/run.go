// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/a4u2/au/cmd/au/terminal"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/accounts"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
)

// Order is a run as somebody wants it, and what is known of them.
type Order struct {
	Agent      string
	Command    func(p csrc.Policy, path []string) []string // path are what else is on PATH
	Env        []string                                    // KEY=VALUE or KEY
	EnvFiles   []*os.File
	Dir        string // where it starts; "": at the counterpart of the current folder
	NoShares   bool   // but for those that the PATH needs
	Human      accounts.User
	Known      *config.Config // the human's
	Config     string         // where that is
	Follow     Follower
	Entrypoint string // its path
	Complete   string // the program that speaks after the run

	mountinfo func() ([]byte, error)             // read once, where somebody asks
	mounts    func() ([]share.MountPoint, error) // what it says
}

// Speaker is called where a run is not as plain as its command. The front program has none: it leaves such a run to the complete
// one.
type Speaker interface {
	// Reached says why a share is read-only in this run.
	Reached(m config.Mount, at share.OtherPlace)
	// Once adds the shares of this run alone; asked are the sources without which there is no run.
	Once(all []config.Mount, p csrc.Policy) (with []config.Mount, asked []string, err error)
	// InDraft says that a share that the agent could write is not its to write in this run, and how it has it instead. It is in a
	// folder of which it has a draft, or holds the git directory of one.
	InDraft(was, is, draft config.Mount)
	// Drafts returns those of the shares that are drafts, or hide something, ready to be used. It comes last, when nothing else can
	// refuse the run.
	Drafts(all []config.Mount) ([]Draft, error)
	// GitElsewhere says that git does not work where the run starts.
	GitElsewhere(git GitElsewhere)
	// NotOnPath says why a folder of the config is not on the PATH of this run.
	NotOnPath(folder string, why error)
	// Elsewhere decides where a run starts that cannot start where it was to.
	Elsewhere(e *Elsewhere, p csrc.Policy) (dir string, err error)
}

// PolicyError says why no policy can be read of the agent.
type PolicyError struct{ error }

func (e PolicyError) Unwrap() error { return e.error }

// PausedError is a run of an agent that is paused.
type PausedError struct{ Agent string }

func (e *PausedError) Error() string {
	return fmt.Sprintf("agent %q is paused, so a command would not start before it goes on", e.Agent)
}

// EntrypointError says why an agent's entrypoint is not run.
type EntrypointError struct {
	Policy csrc.Policy
	Err    error
}

func (e *EntrypointError) Error() string { return e.Err.Error() }
func (e *EntrypointError) Unwrap() error { return e.Err }

// Prepare works out a run, and opens the agent's entrypoint. It is the way to a run of either program.
func (m Machine) Prepare(o Order, say Speaker) (*os.File, csrc.Run, error) {
	policy, err := m.Policy(o.Agent)
	if err != nil {
		return nil, csrc.Run{}, PolicyError{err}
	}
	if m.Frozen(policy) {
		return nil, csrc.Run{}, &PausedError{o.Agent}
	}
	o.mountinfo = sync.OnceValues(readMountinfo)
	o.mounts = sync.OnceValues(func() ([]share.MountPoint, error) {
		text, err := o.mountinfo()
		return share.ParseMountinfo(string(text)), err
	})
	entry := o.Known.Agent(o.Agent)
	entrypoint, err := m.Entrypoint(o.Entrypoint, policy, entry)
	if err != nil {
		return nil, csrc.Run{}, &EntrypointError{policy, err}
	}
	run := csrc.Run{Agent: o.Agent}
	if run.Env, err = Environment(entry, o.Human.Home, o.EnvFiles, o.Env); err != nil {
		return nil, run, err
	}
	shares, asked, err := m.shares(o, policy, say)
	if err != nil {
		return nil, run, err
	}
	path, err := m.morePath(o, policy, shares, say)
	if err != nil {
		return nil, run, err
	}
	if run.Command = o.Command(policy, path); len(path) > 0 {
		run.Env = slices.Insert(run.Env, 0, "PATH="+policy.SearchPath(path...)) // one that the human passes counts
	}
	if run.Dir, err = o.directory(policy, shares, say); err != nil {
		return nil, run, err
	}
	if err = o.sayGit(run.Dir, shares, say); err != nil {
		return nil, run, err
	}
	if run.Worktrees, err = o.worktrees(shares); err != nil {
		return nil, run, err
	}
	var drafts []Draft
	if slices.ContainsFunc(shares, config.Mount.IsLayered) {
		if drafts, err = say.Drafts(shares); err != nil {
			return nil, run, err
		}
	}
	if run.Shares, err = mounted(shares, policy.Home, drafts, asked...); err != nil {
		return nil, run, err
	}
	if o.Complete != "" {
		run.After, run.AfterIf = o.after(policy, run.Command, shares, drafts)
		run.Seen = o.seen(shares)
	}
	return entrypoint, run, nil
}

// directory returns where the run starts.
func (o Order) directory(p csrc.Policy, shares []config.Mount, say Speaker) (string, error) {
	dir, err := Directory(o.Dir, o.Human.Home, p.Home, shares, o.Follow)
	var elsewhere *Elsewhere
	if say != nil && errors.As(err, &elsewhere) {
		return say.Elsewhere(elsewhere, p)
	}
	return dir, err
}

// Go starts the run. It comes back on an error, and with the run's exit status where that had a terminal, which hide, if any, comes
// before.
func Go(entrypoint *os.File, run csrc.Run, hide func()) (status int, err error) {
	argv, environ := run.Argv(), run.Environ()
	if !terminal.Any() {
		return 0, csrc.Exec(entrypoint, argv, environ)
	}
	if hide != nil {
		hide()
	}
	return terminal.Run(entrypoint, argv, environ)
}
