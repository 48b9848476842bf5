// SPDX-License-Identifier: GPL-3.0-or-later

package csrc

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Share is the human's folder for one run. Source is clean and absolute, Target clean and relative to the agent's home.
type Share struct {
	Source, Target string
	ReadOnly       bool
	SamePath       bool   // seen at Source as well; an entrypoint beside a policy before version 2 knows nothing of it
	ACL            bool   // mounted as it is: the file system cannot be id-mapped, and ACLs let the agent in
	Draft          string // a folder, the state of a draft: what is written goes there, unless ReadOnly. Absolute and clean; "" for none
	Hiding         bool   // the state has a folder, hide, with the names that are not seen
	Optional       bool   // where it is unavailable, and the run does not start in it, the run goes without it
}

// DefaultPath is the PATH of a run whose policy has none, behind the agent's own ~/.local/bin: the entrypoint's.
const DefaultPath = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"

// SearchPath returns the PATH of the agent's runs, with more folders behind its own.
func (p Policy) SearchPath(more ...string) string {
	return strings.Join(append([]string{p.Home + "/.local/bin", cmp.Or(p.Path, DefaultPath)}, more...), ":")
}

// WithoutOwn is what a shell does in a run so as to find the machine's programs, and none of the agent's own.
const WithoutOwn = `PATH=${PATH#"$HOME/.local/bin:"}; `

// When says after which runs the waiting process runs something.
type When string

const (
	// IfKills is where the kernel has ended processes of the agent for want of memory meanwhile (AU_KILLS of them), or somebody may
	// have ended the run. It is also where a server of tmux or screen has ended with it (AU_SERVER=1), and where the command was
	// not found.
	IfKills When = "kills"
	// IfChanged is there, too, and where something in a writable share is not as it was, or where only a look can tell. Disks of
	// this machine are all that a look reaches: who asks for it has seen so. An older entrypoint takes it for every run.
	IfChanged When = "changed"
)

// Run is one command to run as an agent.
type Run struct {
	Agent  string
	Dir    string // absolute, entered as the agent; empty for its home
	Shares []Share

	Worktrees []string // of git, that are not shared and are to stay known where what covers them can be seen; absolute and clean, 64 at most

	Env     []string // KEY=VALUE; a later one of a key wins, also over what the entrypoint sets
	Command []string
	After   []string // argv of what the waiting process runs once the command has ended, with AU_STATUS=N, AU_KILLS=N, AU_SIGNAL=N and AU_SERVER=N added to its environment
	AfterIf When     // "" for every run
	Seen    string   // a file as old as the last look at the shares, for IfChanged
}

// Argv returns the entrypoint's arguments. No value of Env is among them: any user can read a process's arguments.
func (r Run) Argv() []string {
	argv := []string{"su_as_agent", r.Agent}
	if r.Dir != "" {
		argv = append(argv, "--dir", r.Dir)
	}
	for _, s := range r.Shares {
		argv = append(argv, s.option(), s.Source, s.Target)
		if s.Draft != "" {
			argv = append(argv, s.Draft)
		}
	}
	for _, path := range r.Worktrees {
		argv = append(argv, "--worktree", path)
	}
	return append(append(argv, "--"), r.Command...)
}

func (s Share) option() string {
	option := "--"
	if s.Optional {
		option += "try-"
	}
	if s.ACL {
		option += "acl-"
	}
	if s.SamePath {
		option += "same-"
	}
	if s.Hiding {
		option += "hiding-"
	}
	switch {
	case s.ReadOnly:
		return option + "ro"
	case s.Draft != "":
		return option + "draft"
	}
	return option + "rw"
}

// ReadArgv returns the run that Argv wrote; ok is false of what is none. Env and After are not in it.
func ReadArgv(argv []string) (r Run, ok bool) {
	if len(argv) < 2 {
		return r, false
	}
	r.Agent, argv = argv[1], argv[2:]
	for len(argv) > 0 && argv[0] != "--" {
		share, n := readShare(argv)
		switch {
		case len(argv) > 1 && argv[0] == "--dir":
			r.Dir, n = argv[1], 2
		case len(argv) > 1 && argv[0] == "--worktree":
			r.Worktrees, n = append(r.Worktrees, argv[1]), 2
		case n > 0:
			r.Shares = append(r.Shares, share)
		default:
			return r, false
		}
		argv = argv[n:]
	}
	if len(argv) < 2 {
		return r, false
	}
	r.Command = argv[1:]
	return r, true
}

// readShare returns the share that argv begins with, and how many words it takes; 0 where it begins with none.
func readShare(argv []string) (s Share, words int) {
	rest := argv[0]
	take := func(part string) (found bool) {
		rest, found = strings.CutPrefix(rest, part)
		return found
	}
	if !take("--") {
		return s, 0
	}
	s.Optional, s.ACL, s.SamePath, s.Hiding = take("try-"), take("acl-"), take("same-"), take("hiding-")
	s.ReadOnly = rest == "ro"
	words = 3
	if s.Hiding || rest == "draft" {
		words = 4
	}
	if len(argv) < words || rest != "ro" && rest != "rw" && rest != "draft" {
		return s, 0
	}
	s.Source, s.Target = argv[1], argv[2]
	if words == 4 {
		s.Draft = argv[3]
	}
	return s, words
}

// Environ returns the entrypoint's environment: the command's variables, under names that nothing on the way drops, and
// After's arguments. After runs with what else the caller of the entrypoint adds; the command sees none of that.
func (r Run) Environ() []string {
	env := make([]string, 0, len(r.Env))
	for i, variable := range r.Env {
		env = append(env, fmt.Sprintf("AU_ENV_%d=%s", i+1, variable))
	}
	for i, argument := range r.After {
		env = append(env, fmt.Sprintf("AU_AFTER_%d=%s", i+1, argument))
	}
	if r.AfterIf != "" {
		env = append(env, "AU_AFTER_IF="+string(r.AfterIf))
	}
	if r.Seen != "" {
		env = append(env, "AU_AFTER_SEEN="+r.Seen)
	}
	return env
}

// Admits reports whether the policy lets that user in by name.
func (p Policy) Admits(uid uint32) bool {
	return slices.ContainsFunc(p.Humans, func(h Human) bool { return h.UID == uid })
}
