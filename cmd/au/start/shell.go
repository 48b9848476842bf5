// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"path/filepath"
	"strings"

	"github.com/a4u2/au/csrc"
)

// Shell returns the agent's login shell; path are the folders of the config that stand on PATH besides.
func Shell(p csrc.Policy, path []string) []string {
	if len(path) == 0 || filepath.Base(p.Shell) == "fish" { // which has no profile that sets PATH anew
		return []string{p.Shell, "-l"}
	}
	return AfterProfile(p.Shell, path, p.Shell, "-i")
}

// AfterProfile returns what runs a command once a login shell has loaded its profile. That sets PATH anew, as Debian's does, so
// that the folders of the config's list go behind it then.
func AfterProfile(shell string, path []string, command ...string) []string {
	script := `exec "$@"`
	if len(path) > 0 {
		script = `PATH=$PATH:$1; export PATH; shift; ` + script
		command = append([]string{strings.Join(path, ":")}, command...)
	}
	return append([]string{shell, "-l", "-c", script, shell}, command...)
}
