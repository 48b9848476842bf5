// SPDX-License-Identifier: GPL-3.0-or-later

package csrc

import (
	"fmt"
	"slices"
)

// Share is a folder of the human's for one run. Source is clean and absolute, Target clean and relative to the agent's home.
type Share struct {
	Source, Target string
	ReadOnly       bool
}

// Run is one command to run as an agent.
type Run struct {
	Agent   string
	Dir     string // absolute, entered as the agent; empty for its home
	Shares  []Share
	Env     []string // KEY=VALUE; a later one of a key wins, also over what the entrypoint sets
	Command []string
}

// Argv returns the entrypoint's arguments. No value of Env is among them: any user can read a process's arguments.
func (r Run) Argv() []string {
	argv := []string{"su_as_agent", r.Agent}
	if r.Dir != "" {
		argv = append(argv, "--dir", r.Dir)
	}
	for _, s := range r.Shares {
		option := "--rw"
		if s.ReadOnly {
			option = "--ro"
		}
		argv = append(argv, option, s.Source, s.Target)
	}
	return append(append(argv, "--"), r.Command...)
}

// Environ returns the entrypoint's environment: the command's variables, under names that nothing on the way drops.
func (r Run) Environ() []string {
	env := make([]string, 0, len(r.Env))
	for i, variable := range r.Env {
		env = append(env, fmt.Sprintf("AU_ENV_%d=%s", i+1, variable))
	}
	return env
}

// EntrypointPath returns where an agent's entrypoint is installed.
func EntrypointPath(agent string) string {
	return "/usr/local/libexec/au/" + agent + "/su_as_agent"
}

// Admits reports whether the policy lets that user in by name.
func (p Policy) Admits(uid uint32) bool {
	return slices.ContainsFunc(p.Humans, func(h Human) bool { return h.UID == uid })
}
