// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/a4u2/au/internal/bounded"
	"github.com/a4u2/au/provision"
)

// warnRival says when the word `au` means another program than this one: agent-as-unix-user is installed in ~/.local/bin, which comes first on PATH.
func (a *app) warnRival(human provision.User) {
	own, err := a.host.OwnPath()
	if a.host.UID() == 0 || err != nil {
		return // root's PATH is not the human's
	}
	rival, first := findRival(human.Home, own)
	if rival == "" {
		return
	}
	when := "is what `au` means on your PATH"
	if !first {
		when = "is what `au` means wherever its folder is on PATH before that of this one"
	}
	fmt.Fprintf(a.err, "au: warning: %s %s. This is %s\n", show(rival), when, show(own))
	if line := uninstall(rival); line != "" {
		a.hint(line)
	}
}

// findRival returns another program called au that comes before own, and whether it does so on this PATH.
func findRival(home, own string) (rival string, first bool) {
	if found, err := exec.LookPath("au"); err == nil && !sameProgram(found, own) {
		return found, true
	}
	for _, folder := range []string{".local/bin", "bin"} {
		found := filepath.Join(home, folder, "au")
		if info, err := os.Stat(found); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 && !sameProgram(found, own) {
			return found, false
		}
	}
	return "", false
}

func sameProgram(one, other string) bool {
	a, err := os.Stat(one)
	b, err2 := os.Stat(other)
	return err == nil && err2 == nil && os.SameFile(a, b)
}

// uninstall returns the line that removes agent-as-unix-user where it is that; each installer keeps it in a folder of its own.
func uninstall(program string) string {
	real, err := filepath.EvalSymlinks(program)
	switch {
	case err != nil:
		return ""
	case strings.Contains(real, "/pipx/venvs/agent-as-unix-user/"):
		return "pipx uninstall agent-as-unix-user"
	case strings.Contains(real, "/uv/tools/agent-as-unix-user/"):
		return "uv tool uninstall agent-as-unix-user"
	}
	if strings.Contains(string(bounded.Start(real, 1<<10)), "agent_as_unix_user") {
		return "pip uninstall agent-as-unix-user"
	}
	return ""
}
