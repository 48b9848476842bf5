// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
	auslices "github.com/a4u2/au/slices"
	"golang.org/x/sys/unix"
)

// Mounted returns shares as the entrypoint takes them. Without the sources that are needed there is no run; one of the others is left out, and named, where
// it cannot be had and the run does not start in it.
func Mounted(shares []config.Mount, home string, needed ...string) ([]csrc.Share, error) {
	var all []csrc.Share
	for _, m := range shares {
		target, ok := share.Within(home, m.Target)
		if !ok || target == "." {
			return nil, fmt.Errorf("share %s: target %s is not inside %s", m.Source, m.Target, home)
		}
		optional := !slices.Contains(needed, m.Source)
		all = append(all, csrc.Share{Source: m.Source, Target: target, ReadOnly: m.ReadOnly, ACL: m.ACL, Optional: optional})
	}
	return all, nil
}

// Vanished reports whether the folder of a share is not there any more.
func Vanished(source string) bool {
	info, err := os.Lstat(source)
	return err != nil || !info.IsDir()
}

// HomeOpen returns the mode of the human's home where everybody can enter that while the agent can write what is below it, and 0 where nothing is wrong; the
// config can say that this is wanted.
func HomeOpen(home string, known *config.Config, shares []config.Mount) (fs.FileMode, error) {
	writable := func(m config.Mount) bool { return !m.ReadOnly && !m.ACL }
	if known.DisableHomeAccessCheck || !slices.ContainsFunc(shares, writable) {
		return 0, nil
	}
	info, err := os.Stat(home)
	if err != nil {
		return 0, fmt.Errorf("your home: %w", err)
	}
	if info.Mode().Perm()&0o001 == 0 {
		return 0, nil
	}
	return info.Mode(), nil
}

// Directory returns where a run starts: in wanted, else in the agent's counterpart of the current folder, else in the agent's home. unshared is the current
// folder where that is in the human's home and the agent does not see it.
func Directory(wanted, humanHome, agentHome string, shares []config.Mount) (dir, unshared string) {
	where, err := os.Getwd()
	if wanted != "" {
		where, err = filepath.Abs(wanted)
	}
	if err != nil {
		return agentHome, ""
	}
	if _, ok := share.Within(agentHome, where); ok {
		return where, ""
	}
	// $PWD, which Getwd believes, may lead through a link to what a share holds.
	if real, err := filepath.EvalSymlinks(where); err == nil {
		where = real
	}
	if there, ok := share.Counterpart(where, shares); ok {
		return there, ""
	}
	if wanted != "" {
		return where, ""
	}
	if real, err := filepath.EvalSymlinks(humanHome); err == nil {
		humanHome = real
	}
	if rel, ok := share.Within(humanHome, where); ok && rel != "." {
		return agentHome, where
	}
	return agentHome, ""
}

// invocation is the link in which systemd keeps the id of a unit from its start to its end (systemd.exec(5), INVOCATION_ID).
func invocation(agent string) string {
	return "/run/systemd/units/invocation:" + auslices.KeeperName(agent)
}

// After returns the command that looks, when a run has ended, for what runs by itself in the folders that the agent could write; self is au. Where it could
// write none there is only something to say if somebody else has ended it, or the kernel for want of memory, and ifKills is true. Nothing is looked at before the run: a
// file's ctime, which nobody can set, says whether it changed since.
func After(self, agent string, shares []config.Mount) (argv []string, ifKills bool) {
	var sources []config.Path
	for _, m := range shares {
		if !m.ReadOnly {
			sources = append(sources, config.Path(m.Source))
		}
	}
	argv = []string{self, "after", "--agent", agent}
	if id, err := os.Readlink(invocation(agent)); err == nil {
		argv = append(argv, "--unit", id)
	}
	var now unix.Timespec
	if len(sources) == 0 || unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &now) != nil {
		return argv, true
	}
	list, err := json.Marshal(sources)
	if err != nil {
		return argv, true
	}
	return append(argv, "--since", strconv.FormatInt(now.Nano(), 10), "--shares", string(list)), false
}
