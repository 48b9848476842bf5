// SPDX-License-Identifier: GPL-3.0-or-later

package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/accounts"
	"github.com/a4u2/au/internal/programs"
	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/step"
	auslices "github.com/a4u2/au/slices"
	"golang.org/x/sys/unix"
)

// The facts that `au doctor` reads beside those of an agent.

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

// SudoRules returns what sudoers(5) lets a user run, in one line; empty where that is nothing, or there is no sudo. Only root can
// ask.
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

// LegacyTIOCSTI reports whether the kernel has the call with which a program types into its terminal (Linux 6.2 and later can do
// without).
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

// KernelLacks says what runs need of the kernel and it does not have.
func (h *Host) KernelLacks() []string {
	k, err := h.Kernel()
	kinds, err2 := h.ReadDir(h.Root + "/proc/self/ns")
	if err != nil || err2 != nil {
		return nil
	}
	var names []string
	for _, e := range kinds {
		names = append(names, e.Name())
	}
	filters, _ := os.ReadFile(h.Root + "/proc/sys/kernel/seccomp/actions_avail")
	return provision.KernelLacks(k, names, strings.TrimSpace(string(filters)))
}

// hasScopes asks the kernel for the version of Landlock that it has: scopes came with the sixth.
func hasScopes() bool {
	const askVersion = 1
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, askVersion)
	return errno == 0 && version >= 6
}

// MissingControllers returns what no cgroup limits on this machine: CPU, memory, tasks.
func (h *Host) MissingControllers() (missing []string) {
	tree := h.CgroupTree()
	for _, c := range []struct{ name, limits string }{{"cpu", "CPU"}, {"memory", "memory"}, {"pids", "tasks"}} {
		if !tree.Controller(c.name) && h.Exists("/sys/fs/cgroup") {
			missing = append(missing, c.limits)
		}
	}
	return missing
}

// OtherCoreutils returns the first line of what a stat(1) that is not GNU's says of its version; empty where it is GNU's, or there
// is none.
func (h *Host) OtherCoreutils() string {
	path, err := h.FindProgram("stat")
	if err != nil {
		return ""
	}
	out, _ := h.Output("stat", "--version")
	first, _, _ := strings.Cut(string(out), "\n")
	switch {
	case strings.Contains(first, "GNU coreutils"):
		return ""
	case first == "":
		return path
	}
	return first
}

// traces are what au makes for an agent, by where it is. The first group of a form is the agent's name, of a uid's slice its
// number.
var traces = []struct {
	pattern string
	form    string
	holds   string // what such a file has in it, %s for the name; that is au's then
	byUID   bool
}{
	{csrc.LibexecDir + "/*/su_as_agent", `^(.*/([^/]+))/su_as_agent$`, "", false},
	{csrc.LibexecDir + "/*/au", `^(.*/([^/]+))/au$`, "", false},
	{provision.UnitDir + "/au-*.service", `^(.*/au-([^/@]+)\.service)$`, "agent %s", false},
	{provision.UnitDir + "/au-net*@*", `^(.*/au-net[^/@]*@([^/]+)\.(?:service|socket))$`, "", false},
	{provision.UnitDir + "/*.wants/au-*.service", `^(.*/au-([^/@]+)\.service)$`, "agent %s", false},
	{provision.UnitDir + "/*.wants/au-net*@*", `^(.*/au-net[^/@]*@([^/]+)\.(?:service|socket))$`, "", false},
	{provision.UnitDir + "/run-au-*.mount", `^(.*/run-au-([^/]+)\.mount)$`, "", false},
	{provision.UnitDir + "/user-*.slice.d/au-net.conf", `^(.*/user-([0-9]+)\.slice\.d/au-net\.conf)$`, "", true},
	{provision.UnitDir + "/user@*.service.d/au.conf", `^(.*/user@([0-9]+)\.service\.d/au\.conf)$`, "", true},
	{provision.AgesDir + "/au-*.conf", `^(.*/au-([^/]+)\.conf)$`, "agent %s", false},
	{provision.NetDir + "/*.toml", `^(.*/([^/]+)\.toml)$`, "", false},
	{provision.LogDir + "/*", `^(.*/([^/]+))$`, "", false},
	{filepath.Dir(auslices.RecordPath("x")) + "/*", `^(.*/([^/]+))$`, "", false},
	{provision.StateDir + "/*", `^(.*/([^/]+))$`, "", false},
}

// LeftBehind returns what au had made for agents that have no policy any more.
func (h *Host) LeftBehind() (paths []string, err error) {
	policies, err := h.Policies()
	if err != nil {
		return nil, err
	}
	has := func(name string) bool { // or its uid
		if slices.ContainsFunc(policies, func(p csrc.Policy) bool { return p.Name == name || fmt.Sprint(p.UID) == name }) || h.Exists(csrc.PolicyPath(name)) {
			return true
		}
		u, known, err := h.LookupUser(name) // a policy that cannot be read says no uid
		return err != nil || known && h.Exists(csrc.PolicyPath(u.Name))
	}
	for _, t := range traces {
		found, _ := filepath.Glob(h.Root + t.pattern)
		form := regexp.MustCompile(t.form) // here: at each start of the program it would cost as much as a file that is read
		for _, path := range found {
			m := form.FindStringSubmatch(strings.TrimPrefix(path, h.Root))
			if m == nil {
				continue
			}
			name := strings.ReplaceAll(m[2], `\x2d`, "-") // as systemd.unit(5) writes it
			if (csrc.IsName(name) || t.byUID) && !has(name) && h.has(path, t.holds, name) && !slices.Contains(paths, m[1]) {
				paths = append(paths, m[1])
			}
		}
	}
	slices.Sort(paths)
	return paths, nil
}

// LimitsLeft returns where systemd keeps limits for uids that no user has.
func (h *Host) LimitsLeft() (paths []string) {
	found, _ := filepath.Glob(h.Root + auslices.DropInFolder("user-*.slice", false))
	for _, path := range found {
		path = strings.TrimPrefix(path, h.Root)
		uid := regexp.MustCompile(`/user-([0-9]+)\.slice\.d$`).FindStringSubmatch(path)
		if uid == nil {
			continue
		}
		if _, found, err := h.LookupUser(uid[1]); err == nil && !found {
			paths = append(paths, path)
		}
	}
	return paths
}

// WatcherLeft returns what au had made for all restricted agents together, where no agent is restricted any more.
func (h *Host) WatcherLeft() (paths []string) {
	if slices.ContainsFunc(h.netPolicies(), func(name string) bool { return h.Exists(csrc.PolicyPath(name)) }) {
		return nil
	}
	return slices.DeleteFunc([]string{provision.UnitDir + "/" + netfilter.WatchUnit, provision.WatcherFolder}, func(path string) bool { return !h.Exists(path) })
}

// AddedTo returns what other files than au's make of a unit, by the file: drop-ins, and units of the same name that come first. Of
// what a NixOS configuration declares, its own drop-ins are no others.
func (h *Host) AddedTo(u provision.HeldUnit, declared bool) map[string]string {
	added := map[string]string{}
	for file, text := range h.texts(auslices.OwnDropInFolders(u.Name)) {
		if declared && strings.HasPrefix(file, provision.UnitDir+"/") {
			continue
		}
		if why := u.Added(file, text); why != "" {
			added[file] = why
		}
	}
	for _, file := range auslices.BeforeEtc(u.Name) {
		if u.Own == "" && h.Exists(file) {
			added[file] = file + " takes the place of " + provision.UnitDir + "/" + u.Name
		}
	}
	return added
}

// RulesLeft returns the uids for which rules of au are loaded and that no agent has, nor a network policy; none where such a
// policy cannot be read, for its agent may run. Only root sees them.
func (h *Host) RulesLeft() (uids []uint32, err error) {
	policies, err := h.Policies()
	if err != nil {
		return nil, err
	}
	for _, name := range h.netPolicies() {
		p, err := h.NetPolicy(name)
		if err != nil {
			return nil, nil
		}
		policies = append(policies, csrc.Policy{Name: name, UID: p.UID})
	}
	for _, list := range [][]string{{"nft", "list", "tables"}, netfilter.IPv4.Save(), netfilter.IPv6.Save()} {
		if _, err := h.FindProgram(list[0]); err != nil {
			continue
		}
		out, err := h.Output(list[0], list[1:]...)
		if err != nil {
			continue // the kernel has none of these
		}
		for _, uid := range netfilter.RulesOf(string(out)) {
			if !slices.ContainsFunc(policies, func(p csrc.Policy) bool { return p.UID == uid }) && !slices.Contains(uids, uid) {
				uids = append(uids, uid)
			}
		}
	}
	return uids, nil
}

// has reports whether a file has the text in it, which may name an agent; each has none. A link to a file that is gone may be to
// one that had it.
func (h *Host) has(path, text, name string) bool {
	if text == "" {
		return true
	}
	all, err := os.ReadFile(path)
	return errors.Is(err, fs.ErrNotExist) || err == nil && strings.Contains(string(all), fmt.Sprintf(text, name))
}

// OfMachine returns the path of a program that only root can have put there, for a run that au itself starts or advises: the
// agent's own programs come first on the PATH of its runs.
func (h *Host) OfMachine(name string) string {
	for _, find := range []func(string) (string, error){h.FindOnHost, h.FindProgram} { // au's package may bring along what the machine lacks
		if path, err := find(name); err == nil {
			return path
		}
	}
	return "/usr/bin/" + name // and the run says that it is not there
}

// Shell runs a command line that au itself has printed, with au as its own path. With the end of ctx, a line that is one run ends.
func (h *Host) Shell(ctx context.Context, line string, in io.Reader, out io.Writer) error {
	own, err := h.OwnPath()
	if err != nil {
		return err
	}
	text := `own=$1; au() { if [ "$1" = new ]; then shift; "$own" new --yes "$@"; elif [ "$1" = run ]; then exec "$own" "$@"; else "$own" "$@"; fi; }; `
	cmd := programs.CommandContext(ctx, "/bin/sh", "-c", text+line, "sh", own)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = in, out, out, step.Grace
	return programs.Ended(h.Execute(cmd))
}
