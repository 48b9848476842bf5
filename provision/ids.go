// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/a4u2/au/csrc"
)

// Range is the span of ids for ordinary users, login.defs(5) UID_MIN to UID_MAX.
type Range struct{ Min, Max uint32 }

// ParseLoginDefs reads the span that key names ("UID" or "GID") from the text of login.defs(5). Without one it is 1000 to 60000, as
// in shadow 4.
func ParseLoginDefs(text, key string) Range {
	r := Range{1000, 60000}
	for line := range strings.Lines(text) {
		w := strings.Fields(line)
		if len(w) < 2 {
			continue
		}
		n, err := strconv.ParseUint(w[1], 10, 32)
		switch {
		case err == nil && w[0] == key+"_MIN":
			r.Min = uint32(n)
		case err == nil && w[0] == key+"_MAX":
			r.Max = uint32(n)
		}
	}
	return r
}

// ParseUserGroups reports whether the text of login.defs(5) says USERGROUPS_ENAB yes.
func ParseUserGroups(text string) bool {
	for line := range strings.Lines(text) {
		if w := strings.Fields(line); len(w) >= 2 && w[0] == "USERGROUPS_ENAB" {
			return w[1] == "yes"
		}
	}
	return false
}

// next returns the id that useradd(8) would take: one above the highest in use within r, else the lowest that is free.
func (r Range) next(used []uint32) (uint32, error) {
	highest := r.Min - 1
	for _, n := range used {
		if n >= r.Min && n <= r.Max {
			highest = max(highest, n)
		}
	}
	if highest < r.Max {
		return highest + 1, nil
	}
	for n := r.Min; n <= r.Max; n++ {
		if !slices.Contains(used, n) {
			return n, nil
		}
	}
	return 0, fmt.Errorf("no id is free between %d and %d", r.Min, r.Max)
}

// ChooseIDs returns the numbers for a new agent: the uid that useradd(8) would take, a private group of the same number where that
// is free, and the next free gid for the group of humans.
func ChooseIDs(users []User, groups []Group, uidRange, gidRange Range) (IDs, error) {
	var uids, gids []uint32
	for _, u := range users {
		uids, gids = append(uids, u.UID), append(gids, u.GID)
	}
	for _, g := range groups {
		gids = append(gids, g.GID)
	}
	uid, err := uidRange.next(uids)
	if err != nil {
		return IDs{}, fmt.Errorf("choose a uid: %w", err)
	}
	ids := IDs{UID: uid, GID: uid}
	if slices.Contains(gids, uid) || uid < gidRange.Min || uid > gidRange.Max {
		if ids.GID, err = gidRange.next(gids); err != nil {
			return IDs{}, fmt.Errorf("choose a gid: %w", err)
		}
	}
	if ids.Group, err = gidRange.next(append(gids, ids.GID)); err != nil {
		return IDs{}, fmt.Errorf("choose a gid: %w", err)
	}
	return ids, nil
}

// reserved are names that have the right form and would be mistaken for something else. su_as_agent and au-complete are installed
// beside the agents' folders, and so is path by a package.
var reserved = []string{"root", "nobody", "nogroup", "su_as_agent", "au-complete", "path", "daemon", "systemd-network", "messagebus", "adm", "wheel", "sudo", "staff", "users"}

// CheckName refuses what cannot be an agent's name.
func CheckName(name string) error {
	if !csrc.IsName(name) {
		return fmt.Errorf("agent name %q: want 1 to 25 characters, a to z, 0 to 9, _ and -, the first a letter or _", name)
	}
	if slices.Contains(reserved, name) {
		return fmt.Errorf("agent name %q: that name is reserved; choose another with --agent", name)
	}
	return nil
}
