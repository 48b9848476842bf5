// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"

	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
	"golang.org/x/sys/unix"
)

// Elsewhere is a folder that a run was to start in and cannot: the agent does not see it. To start in another one is for the human
// to decide.
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
	return quote.Name(e.Folder) + " is not shared: the agent sees as much of it as other users do"
}

// Directory returns where a run starts: in wanted, or, where nothing is, in the agent's counterpart of the current folder. From the
// human's home itself and from a folder of the machine's it is the agent's home. Any other folder is an Elsewhere, and one that is
// reached through an agent's link a Planted.
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

// firstUser is the lowest uid of a person on this machine (login.defs(5), UID_MIN).
const firstUser = 1000

// isMachines reports whether a folder is the system's, and nobody's to work in: one that a system user owns, and in which the
// caller cannot write, or, as in /tmp, only beside others. Root, who can write everywhere, works in none.
func isMachines(path string) bool {
	var st unix.Stat_t
	return unix.Stat(path, &st) == nil && st.Uid < firstUser && (st.Mode&unix.S_ISVTX != 0 || os.Getuid() == 0 || unix.Access(path, unix.W_OK) != nil)
}
