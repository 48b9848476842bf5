// SPDX-License-Identifier: GPL-3.0-or-later

package setup

import (
	_ "embed"
	"strings"
)

//go:embed known_hosts
var knownHosts string

// Forge is a host to which git pushes over SSH.
type Forge struct {
	Host string
	Keys string // its lines for known_hosts
}

// Forges returns the hosts whose keys are published, and known to au.
func Forges() (forges []Forge) {
	for line := range strings.Lines(knownHosts) {
		host, _, isKey := strings.Cut(line, " ")
		switch last := len(forges) - 1; {
		case !isKey || host == "#":
		case last < 0 || forges[last].Host != host:
			forges = append(forges, Forge{host, line})
		default:
			forges[last].Keys += line
		}
	}
	return forges
}
