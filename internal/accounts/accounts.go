// SPDX-License-Identifier: GPL-3.0-or-later

// Package accounts says who a user is: by /etc/passwd and /etc/group, which cost next to nothing, and by the machine's other
// databases for whom those do not hold.
package accounts

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// User is a line of passwd(5).
type User struct {
	Name, Comment, Home, Shell string
	UID, GID                   uint32
}

// Group is a line of group(5).
type Group struct {
	Name    string
	GID     uint32
	Members []string
}

// Member reports whether name is in the group.
func (g *Group) Member(name string) bool { return g != nil && slices.Contains(g.Members, name) }

// ParseUser reads a line of passwd(5).
func ParseUser(line string) (User, bool) {
	w := strings.Split(strings.TrimSpace(line), ":")
	if len(w) != 7 {
		return User{}, false
	}
	uid, ok1 := id(w[2])
	gid, ok2 := id(w[3])
	return User{Name: w[0], UID: uid, GID: gid, Comment: w[4], Home: w[5], Shell: w[6]}, ok1 && ok2
}

// ParseGroup reads a line of group(5).
func ParseGroup(line string) (Group, bool) {
	w := strings.Split(strings.TrimSpace(line), ":")
	if len(w) != 4 {
		return Group{}, false
	}
	gid, ok := id(w[2])
	members := strings.FieldsFunc(w[3], func(r rune) bool { return r == ',' })
	return Group{Name: w[0], GID: gid, Members: members}, ok
}

func id(s string) (uint32, bool) {
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err == nil
}

// Files are a machine's accounts.
type Files struct {
	Root string                                     // is in front of every path
	Ask  func(database, key string) ([]byte, error) // what getent(1) prints, for what is not in the files; nothing where there is no such key, all without one
}

// User returns the user with that uid, whose home is an absolute path.
func (f Files) User(uid uint32) (User, error) {
	u, ok := f.inFile("/etc/passwd", uid)
	if !ok {
		line, err := f.Ask("passwd", strconv.FormatUint(uint64(uid), 10))
		if err != nil {
			return u, fmt.Errorf("look for uid %d: %w", uid, err)
		}
		if u, ok = ParseUser(string(line)); !ok {
			return u, fmt.Errorf("uid %d: no such user on this machine", uid)
		}
	}
	if !filepath.IsAbs(u.Home) {
		return u, fmt.Errorf("user %q has the home %q in the user database: want an absolute path", u.Name, u.Home)
	}
	u.Home = filepath.Clean(u.Home)
	return u, nil
}

// inFile returns the first user with that uid.
func (f Files) inFile(path string, uid uint32) (User, bool) {
	marked := ":" + strconv.FormatUint(uint64(uid), 10) + ":"
	for line := range f.lines(path) {
		if !strings.Contains(line, marked) {
			continue
		}
		if u, ok := ParseUser(line); ok && u.UID == uid {
			return u, true
		}
	}
	return User{}, false
}

// lines yields the lines of one of the machine's files, except those that only name another database (nsswitch.conf(5), compat).
func (f Files) lines(path string) func(func(string) bool) {
	text, _ := os.ReadFile(f.Root + path)
	return func(yield func(string) bool) {
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, "+") && !strings.HasPrefix(line, "-") && !yield(line) {
				return
			}
		}
	}
}

// Alone reports whether nobody but the user is in the group.
func (f Files) Alone(u User, gid uint32) bool {
	g, ok := f.group(gid)
	if ok {
		return Alone(u, g, parseUsers(f.lines("/etc/passwd")))
	}
	line, err := f.Ask("group", strconv.FormatUint(uint64(gid), 10))
	if err != nil {
		return false
	}
	if g, ok = ParseGroup(string(line)); !ok {
		return false
	}
	all, err := f.Ask("passwd", "") // who has it as their own need not be among its members
	return err == nil && Alone(u, g, parseUsers(strings.Lines(string(all))))
}

// In reports whether the user is in the group.
func (f Files) In(u User, gid uint32) bool {
	if u.GID == gid {
		return true
	}
	g, ok := f.group(gid)
	if !ok {
		line, err := f.Ask("group", strconv.FormatUint(uint64(gid), 10))
		g, ok = ParseGroup(string(line))
		ok = ok && err == nil
	}
	return ok && g.Member(u.Name)
}

func parseUsers(lines func(func(string) bool)) (all []User) {
	for line := range lines {
		if u, ok := ParseUser(line); ok {
			all = append(all, u)
		}
	}
	return all
}

func (f Files) group(gid uint32) (Group, bool) {
	for line := range f.lines("/etc/group") {
		if g, ok := ParseGroup(line); ok && g.GID == gid {
			return g, true
		}
	}
	return Group{}, false
}

// Alone reports whether nobody of all but the user is in the group.
func Alone(u User, g Group, all []User) bool {
	return !slices.ContainsFunc(g.Members, func(name string) bool { return name != u.Name }) &&
		!slices.ContainsFunc(all, func(other User) bool { return other.GID == g.GID && other.UID != u.UID })
}

// Expired reports whether the account of that name has expired by the text of shadow(5), as the entrypoint reads it.
func Expired(shadow, name string, now time.Time) bool {
	for line := range strings.Lines(shadow) {
		w := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		if w[0] != name || len(w) == 1 {
			continue
		}
		if len(w) < 8 {
			return false
		}
		day, err := strconv.ParseUint(w[7], 10, 32)
		return err == nil && day > 0 && int64(day) < now.Unix()/(24*60*60)
	}
	return false
}
