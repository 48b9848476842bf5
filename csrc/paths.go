// SPDX-License-Identifier: GPL-3.0-or-later

package csrc

// Where policies and entrypoints are on every machine, each in a folder that root owns: a policy is named as the agent is.
const (
	PolicyDir  = "/etc/au/agents"
	LibexecDir = "/usr/local/libexec/au"
	StateDir   = "/run/au" // the agents' temporary files are mounted below it
)

// PolicyPath returns where the agent's policy is.
func PolicyPath(agent string) string { return PolicyDir + "/" + agent }

// EntrypointPath returns where the agent's entrypoint is installed.
func EntrypointPath(agent string) string { return LibexecDir + "/" + agent + "/su_as_agent" }

// HomePath returns the agent's home, where the policy names no other.
func HomePath(agent string) string { return "/home/" + agent }
