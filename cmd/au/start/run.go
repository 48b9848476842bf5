// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/quote"
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
			return nil, fmt.Errorf("share %q: target %q is not inside %s", m.Source, m.Target, home)
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

// Guarded reports whether the agent can leave files there that are the human's: what it leaves is inert while nobody else gets there.
func Guarded(m config.Mount) bool { return !m.ReadOnly && !m.ACL }

// Mounts returns what is mounted where, as far as it is asked whether others reach a shared folder by another mount; the config can say that this is wanted.
func Mounts(known *config.Config, shares []config.Mount) ([]share.MountPoint, error) {
	if known.DisableHomeAccessCheck || !slices.ContainsFunc(shares, Guarded) {
		return nil, nil
	}
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("read the machine's mounts: %w", err)
	}
	return share.ParseMountinfo(string(text)), nil
}

// HomeOpen returns the mode of the human's home where everybody can enter that while the agent can write what is below it, and 0 where nothing is wrong; the
// config can say that this is wanted.
func HomeOpen(home string, known *config.Config, shares []config.Mount) (fs.FileMode, error) {
	if known.DisableHomeAccessCheck || !slices.ContainsFunc(shares, Guarded) {
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

// Elsewhere is a folder that a run was to start in and cannot: the agent does not see it. To start in another one is for the human to decide.
type Elsewhere struct {
	Folder string // "" for one that has been deleted
	InHome bool   // of the human, where it can be shared
}

func (e *Elsewhere) Error() string {
	switch {
	case e.Folder == "":
		return "the current folder has been deleted, or cannot be reached"
	case e.InHome:
		return quote.Name(e.Folder) + " is not shared, so the agent does not see it"
	}
	return quote.Name(e.Folder) + " is not shared: the agent sees of it what other users do"
}

// Directory returns where a run starts: in wanted, or, where nothing is, in the agent's counterpart of the current folder. From the human's home itself and from
// a folder of the machine's it is the agent's home. Any other folder is an Elsewhere, and one that is reached through an agent's link a Planted.
func Directory(wanted, humanHome, agentHome string, shares []config.Mount, f Follower) (string, error) {
	where, err := filepath.Abs(wanted)
	if err != nil {
		return "", &Elsewhere{}
	}
	if _, ok := share.Within(agentHome, where); ok {
		return where, nil
	}
	// $PWD, which Abs believes, may lead through a link to what a share holds, or to where an agent wants it to.
	place, err := f.Follow(cmp.Or(wanted, "."))
	var planted *Planted
	if errors.As(err, &planted) {
		return "", err
	}
	if err == nil {
		where = place.Path
		place.Close()
	}
	humanHome = resolved(humanHome)
	if there, ok := share.Counterpart(where, shares); ok {
		return there, nil
	}
	rel, inHome := share.Within(humanHome, where)
	switch {
	case inHome && rel == ".":
		return agentHome, nil
	case inHome:
		return "", &Elsewhere{where, true}
	case wanted != "":
		return where, nil
	case isMachines(where):
		return agentHome, nil
	}
	return "", &Elsewhere{where, false}
}

// resolved returns a path without symbolic links; as it is, where it leads nowhere.
func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// firstUser is the lowest uid of a person's on this machine (login.defs(5), UID_MIN).
const firstUser = 1000

// isMachines reports whether a folder is the system's, and nobody's to work in: one of a system user's in which the caller cannot write, or, as in /tmp, only
// beside others. Root, who can write everywhere, works in none.
func isMachines(path string) bool {
	var st unix.Stat_t
	return unix.Stat(path, &st) == nil && st.Uid < firstUser && (st.Mode&unix.S_ISVTX != 0 || os.Getuid() == 0 || unix.Access(path, unix.W_OK) != nil)
}

// invocation is the link in which systemd keeps the id of a unit from its start to its end (systemd.exec(5), INVOCATION_ID).
func invocation(agent string) string {
	return "/run/systemd/units/invocation:" + auslices.KeeperName(agent)
}

// After returns the command that looks, when a run of command has ended, for what runs by itself in the folders that the agent could write; self is au,
// from is its config. Where it could write none there is only something to say if somebody else has ended it, or the kernel, or it was not found, and ifKills is true. Nothing is looked at before the run: a
// file's ctime, which nobody can set, says whether it changed since.
func After(self, agent, from, command string, shares []config.Mount) (argv []string, ifKills bool) {
	var sources []config.Path
	for _, m := range shares {
		if !m.ReadOnly {
			sources = append(sources, config.Path(m.Source))
		}
	}
	argv = []string{self, "after", "--agent", agent, "--command=" + command, "--path=" + os.Getenv("PATH")}
	if id, err := os.Readlink(invocation(agent)); err == nil {
		argv = append(argv, "--unit", id)
	}
	var now, booted unix.Timespec
	if len(sources) == 0 || unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &now) != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &booted) != nil {
		return argv, true
	}
	list, err := json.Marshal(sources)
	if err != nil {
		return argv, true
	}
	return append(argv, "--config", from, "--since", strconv.FormatInt(now.Nano(), 10), "--booted", strconv.FormatInt(booted.Nano(), 10), "--shares", string(list)), false
}
