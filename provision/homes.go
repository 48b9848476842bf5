// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"path"
	"slices"
	"strings"

	"github.com/a4u2/au/csrc"
)

const (
	manyHomes   = 8   // so many in one folder make it a folder for homes, which is covered whole, with those that come later
	mostHomes   = 150 // that one policy names, in so many bytes
	mostBytes   = 16000
	noUser      = 65534
	noUserOf32  = 1<<32 - 2
	rootsOwnUID = 0
)

// systems are the machine's folders, in which no person has a home, whatever an account says.
var systems = []string{
	"/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/nix", "/proc", "/run", "/sbin", "/sys", "/tmp", "/usr",
	"/var/cache", "/var/empty", "/var/lib", "/var/lock", "/var/log", "/var/mail", "/var/run", "/var/spool", "/var/tmp",
}

// shared are folders that hold many things besides homes: what is in them may be a home, they themselves are none.
var shared = []string{"/", "/home", "/media", "/mnt", "/opt", "/root", "/snap", "/srv", "/var"}

// IsPersons reports whether an account may have a home that runs should not see: a person's, or root's.
func IsPersons(u User, least uint32) bool {
	return u.UID == rootsOwnUID || u.UID >= least && u.UID != noUser && u.UID != noUserOf32
}

// mayBeHome reports whether a folder can be covered without taking a part of the machine from the run.
func mayBeHome(folder string) bool {
	return csrc.IsCleanAbsolute(folder) && !slices.Contains(shared, folder) &&
		!slices.ContainsFunc(systems, func(s string) bool { return within(folder, s) || within(s, folder) })
}

// nameable returns a home, or, where a policy cannot hold its path, the folder above it that it can. Where there is none that may
// be covered, the policy is refused.
func nameable(home, own string) string {
	odd := func(s string) bool {
		return strings.HasSuffix(s, " ") || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
	}
	at := home
	for odd(at) {
		at = path.Dir(at)
	}
	if mayBeHome(at) && !within(own, at) {
		return at
	}
	return home
}

// within reports whether p is folder or below it.
func within(p, folder string) bool {
	return p == folder || strings.HasPrefix(p, strings.TrimSuffix(folder, "/")+"/")
}

func coveredBy(folders []string, p string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool { return within(p, folder) })
}

// hiddenHomes returns what covers the homes, which are real paths, that otherHomes does not: each of them, or the folder that holds
// many; own is the agent's.
func hiddenHomes(homes []string, own string) []string {
	beside := map[string]int{}
	var wanted []string
	for _, home := range homes {
		home = nameable(home, own)
		if mayBeHome(home) && !coveredBy(otherHomes, home) && !within(home, own) && !slices.Contains(wanted, home) {
			wanted = append(wanted, home)
			beside[path.Dir(home)]++
		}
	}
	for i, home := range wanted {
		if parent := path.Dir(home); beside[parent] >= manyHomes && mayBeHome(parent) && path.Dir(parent) != "/" && !within(parent, own) {
			wanted[i] = parent
		}
	}
	slices.Sort(wanted)
	var covers []string
	bytes := 0
	for _, folder := range wanted {
		if !coveredBy(covers, folder) && len(covers) < mostHomes && bytes+len(folder) < mostBytes {
			covers = append(covers, folder)
			bytes += len(folder)
		}
	}
	return covers
}

// hides returns all that a policy with these words should hide, for an agent with that home.
func (f Facts) hides(allow []string, own string) []string {
	return slices.Concat(otherHomes, hiddenHomes(f.Homes, own), csrc.DefaultHides(allow))
}

// openHomes returns the homes that runs of the agent can see.
func openHomes(f Facts) []string {
	var open []string
	for _, home := range hiddenHomes(f.Homes, f.Policy.Home) {
		if !coveredBy(f.Policy.Hide, home) && !coveredBy(f.HiddenAt, home) {
			open = append(open, home)
		}
	}
	return open
}
