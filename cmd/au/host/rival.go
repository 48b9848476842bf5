// SPDX-License-Identifier: GPL-3.0-or-later

package host

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/a4u2/au/internal/bounded"
)

// ProgramOn returns the program that a word means to who has that PATH; "" where there is none.
func (h *Host) ProgramOn(path, word string) string {
	os.Setenv("PATH", path)
	program, err := exec.LookPath(word)
	if err != nil || !filepath.IsAbs(program) {
		return ""
	}
	return program
}

// FindRival returns another program called au that comes before own, and whether it does so on this PATH.
func (h *Host) FindRival(home, own string) (rival string, first bool) {
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

// Uninstall returns the line that removes agent-as-unix-user where a program is that; each installer keeps it in a folder of its
// own.
func (h *Host) Uninstall(program string) string {
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
