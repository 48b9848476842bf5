// SPDX-License-Identifier: GPL-3.0-or-later

package share

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// MountPoint is a line of /proc/self/mountinfo.
type MountPoint struct {
	Point, Type string
	Device      string   // MAJOR:MINOR of the file system
	Root        string   // what of the file system is shown at Point
	Options     []string // of the mount, not of the file system
	Private     bool     // FUSE without allow_other: closed to everybody but who mounted it, root included
}

// ParseMountinfo reads /proc/self/mountinfo, proc_pid_mountinfo(5). Order is the file's: a later mount covers an earlier one on the
// same point.
func ParseMountinfo(text string) []MountPoint {
	var all []MountPoint
	for line := range strings.Lines(text) {
		w := strings.Fields(line)
		dash := slices.Index(w, "-")
		if dash < 6 || dash+1 >= len(w) {
			continue
		}
		m := MountPoint{Point: Unescape(w[4]), Type: w[dash+1], Device: w[2], Root: Unescape(w[3]), Options: strings.Split(w[5], ",")}
		kind, _, _ := strings.Cut(m.Type, ".")
		m.Private = (kind == "fuse" || kind == "fuseblk") && !slices.Contains(strings.Split(w[len(w)-1], ","), "allow_other")
		all = append(all, m)
	}
	return all
}

// Unescape reads the octal escapes that the kernel writes for space, tab, newline and backslash.
func Unescape(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+4 <= len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				out.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

// holderOf returns which mount holds path, -1 where none is known.
func holderOf(path string, all []MountPoint) int {
	holder := -1
	for i, m := range all {
		if _, ok := Within(m.Point, path); ok && (holder < 0 || len(m.Point) >= len(all[holder].Point)) {
			holder = i
		}
	}
	return holder
}

// OtherPlace is where a folder, or a part of it, is reached as well: at Path, through the mount on Point.
type OtherPlace struct{ Path, Point string }

// OtherPlaces returns where else a folder is shown, by other mounts of the same file system on which set-id files count.
func OtherPlaces(path string, all []MountPoint) []OtherPlace {
	holder := holderOf(path, all)
	if holder < 0 {
		return nil
	}
	rel, _ := Within(all[holder].Point, path)
	inside := filepath.Join(all[holder].Root, rel)
	var places []OtherPlace
	for i, m := range all {
		if i == holder || m.Device != all[holder].Device || slices.Contains(m.Options, "nosuid") || slices.Contains(m.Options, "noexec") {
			continue
		}
		at := ""
		if below, ok := Within(m.Root, inside); ok {
			at = filepath.Join(m.Point, below)
		} else if _, ok := Within(inside, m.Root); ok {
			at = m.Point
		}
		if at != "" && at != path {
			places = append(places, OtherPlace{at, m.Point})
		}
	}
	return places
}

// MountsOf returns the mount that holds path, then those below it.
func MountsOf(path string, all []MountPoint) []MountPoint {
	holder := holderOf(path, all)
	var below []MountPoint
	for _, m := range all {
		if rel, ok := Within(path, m.Point); ok && rel != "." {
			below = append(below, m)
		}
	}
	if holder < 0 {
		return below
	}
	return append([]MountPoint{all[holder]}, below...)
}
