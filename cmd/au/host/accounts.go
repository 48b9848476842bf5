// SPDX-License-Identifier: GPL-3.0-or-later

package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/a4u2/au/internal/accounts"
	"github.com/a4u2/au/provision"
)

// GroupsOf returns the groups that the account has. getent(1) takes the name for a name always, where id(1) may take one of digits
// for a uid.
func (h *Host) GroupsOf(u provision.User) ([]uint32, error) {
	out, err := h.Ask("initgroups", u.Name)
	if err != nil {
		return nil, fmt.Errorf("read the groups of %q: %w", u.Name, err)
	}
	all := []uint32{u.GID}
	for _, w := range strings.Fields(strings.TrimPrefix(string(out), u.Name)) {
		n, err := strconv.ParseUint(w, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("read the groups of %q: %w", u.Name, err)
		}
		all = append(all, uint32(n))
	}
	return all, nil
}

// Getent returns the lines of a name service database: all of it, or the entries for the keys. A static program has no NSS of its
// own, hence getent(1).
func (h *Host) Getent(database string, keys ...string) ([]string, error) {
	out, err := h.Output("getent", append([]string{database}, keys...)...)
	var exit interface{ ExitCode() int }
	if errors.As(err, &exit) && exit.ExitCode() == 2 { // no such key
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("run %q: %w", "getent "+database, err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n"), nil
}

// Ask returns the line of a database that has the key, or, without one, all.
func (h *Host) Ask(database, key string) ([]byte, error) {
	keys := []string{key}
	if key == "" {
		keys = nil
	}
	lines, err := h.Getent(database, keys...)
	return []byte(strings.Join(lines, "\n")), err
}

// Users returns the accounts that getent(1) shows.
func (h *Host) Users(keys ...string) ([]provision.User, error) {
	lines, err := h.Getent("passwd", keys...)
	var all []provision.User
	for _, line := range lines {
		if u, ok := accounts.ParseUser(line); ok {
			all = append(all, u)
		}
	}
	return all, err
}

// LookupUser returns one account by name or uid; ok is false where there is none.
func (h *Host) LookupUser(key string) (u provision.User, ok bool, err error) {
	all, err := h.Users(key)
	if err != nil || len(all) == 0 {
		return u, false, err
	}
	return all[0], true, nil
}

// groupName returns what a group is called; empty: there is none.
func (h *Host) groupName(gid uint32) string {
	lines, err := h.Getent("group", fmt.Sprint(gid))
	if err != nil {
		return "?" // it may be somebody's
	}
	g, _ := accounts.ParseGroup(lines[0])
	return g.Name
}

// UserNamed returns the account of that name. getent(1) takes a key of digits for a uid, so that such a name is looked for among
// all.
func (h *Host) UserNamed(name string) (u provision.User, ok bool, err error) {
	keys := []string{name}
	if strings.Trim(name, "0123456789") == "" {
		keys = nil
	}
	all, err := h.Users(keys...)
	i := slices.IndexFunc(all, func(u provision.User) bool { return u.Name == name })
	if err != nil || i < 0 {
		return u, false, err
	}
	return all[i], true, nil
}

// Homes returns the real paths of people's homes, root's among them.
func (h *Host) Homes() ([]string, error) {
	all, err := h.Users()
	if err != nil {
		return nil, err
	}
	defs, _ := os.ReadFile(h.Root + "/etc/login.defs")
	return h.HomesOf(all, provision.ParseLoginDefs(string(defs), "UID").Min), nil
}

// HomesOf returns the real paths of root's home, and of the homes of users with a uid from least on. One that cannot be looked at
// is as the account says.
func (h *Host) HomesOf(all []provision.User, least uint32) []string {
	var homes []string
	for _, u := range all {
		if !provision.IsPersons(u, least) {
			continue
		}
		home, err := filepath.EvalSymlinks(h.Root + u.Home)
		if errors.Is(err, fs.ErrPermission) {
			homes = append(homes, u.Home)
		} else if info, bad := os.Lstat(home); err == nil && bad == nil && info.IsDir() {
			homes = append(homes, strings.TrimPrefix(home, h.Root))
		}
	}
	return homes
}

// session returns the groups that this session really has.
func (h *Host) session() []uint32 {
	all := []uint32{uint32(h.GID())}
	groups, _ := h.Groups()
	for _, g := range groups {
		all = append(all, uint32(g))
	}
	return all
}
