// SPDX-License-Identifier: GPL-3.0-or-later

package host

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/accounts"
	"github.com/a4u2/au/internal/programs"
	"github.com/a4u2/au/provision"
)

// What `au doctor` reads beside the facts of an agent.

// AllGroups returns the groups that getent lists.
func (h *Host) AllGroups() (all []provision.Group, err error) {
	lines, err := h.Getent("group")
	for _, line := range lines {
		if g, ok := accounts.ParseGroup(line); ok {
			all = append(all, g)
		}
	}
	return all, err
}

// SudoRules returns what sudoers(5) lets a user run, in one line; empty where that is nothing, or there is no sudo. Only root can ask.
func (h *Host) SudoRules(user string) string {
	if _, err := h.FindProgram("sudo"); err != nil {
		return ""
	}
	out, err := h.Output("sudo", "--non-interactive", "--list", "--other-user="+user)
	_, rules, found := strings.Cut(string(out), "may run the following commands")
	if err != nil || !found {
		return ""
	}
	_, rules, _ = strings.Cut(rules, ":\n")
	return strings.Join(strings.Fields(rules), " ")
}

// LegacyTIOCSTI reports whether the kernel has the call with which a program types into its terminal (Linux 6.2 and later can do without).
func (h *Host) LegacyTIOCSTI() bool {
	text, err := os.ReadFile(h.Root + "/proc/sys/dev/tty/legacy_tiocsti")
	return err == nil && strings.TrimSpace(string(text)) != "0"
}

// SystemdVersion returns the version of systemd as its package has it, and whether systemd runs the machine.
func (h *Host) SystemdVersion() (version string, runs bool) {
	if !h.Exists("/run/systemd/system") {
		return "", false
	}
	out, err := h.Output("systemctl", "--version")
	if err != nil {
		return "", true
	}
	m := regexp.MustCompile(`^systemd (\d+)(?: \(([^)]*)\))?`).FindStringSubmatch(string(out))
	switch {
	case m == nil:
		return "", true
	case m[2] != "":
		return m[2], true
	}
	return m[1], true
}

// LeftBehind returns what au had made for agents that have no policy any more.
func (h *Host) LeftBehind() (paths []string, err error) {
	policies, err := h.Policies()
	if err != nil {
		return nil, err
	}
	has := func(name string) bool {
		return slices.ContainsFunc(policies, func(p csrc.Policy) bool { return p.Name == name }) || h.Exists(csrc.PolicyPath(name))
	}
	for pattern, form := range map[string]*regexp.Regexp{
		filepath.Dir(filepath.Dir(csrc.EntrypointPath("x"))) + "/*": regexp.MustCompile(`/([^/]+)$`),
		provision.UnitDir + "/au-*.service":                         regexp.MustCompile(`/au-([^/]+)\.service$`),
		provision.NetDir + "/*.toml":                                regexp.MustCompile(`/([^/]+)\.toml$`),
	} {
		found, _ := filepath.Glob(h.Root + pattern)
		for _, path := range found {
			path = strings.TrimPrefix(path, h.Root)
			m := form.FindStringSubmatch(path)
			if m == nil || !csrc.IsName(m[1]) || has(m[1]) || strings.Contains(path, "@") || h.notOfAgent(path, m[1]) {
				continue
			}
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths, nil
}

// notOfAgent reports whether a path beside those of agents is no agent's: only a folder with an entrypoint, or a unit that keeps one, is.
func (h *Host) notOfAgent(path, name string) bool {
	if strings.HasSuffix(path, ".service") {
		text, err := os.ReadFile(h.Root + path)
		return err != nil || !strings.Contains(string(text), "agent "+name)
	}
	return !strings.HasSuffix(path, ".toml") && !h.Exists(path+"/su_as_agent")
}

// Shell runs a command line that au itself has printed, with au as its own path.
func (h *Host) Shell(line string, out io.Writer) error {
	own, err := h.OwnPath()
	if err != nil {
		return err
	}
	text := `own=$1; au() { if [ "$1" = new ]; then shift; "$own" new --yes "$@"; else "$own" "$@"; fi; }; `
	cmd := programs.Command("/bin/sh", "-c", text+line, "sh", own)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, out, out
	return h.Execute(cmd)
}
