// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"path"
	stdslices "slices"
	"strings"
)

// DropInFolders returns the folders whose files say something of a user's slice (systemd.unit(5)):
// its own and those of all users' slices.
func DropInFolders(slice string) []string {
	var folders []string
	for _, base := range []string{"/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient", "/etc/systemd/system",
		"/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"} {
		for _, unit := range []string{slice, "user-.slice", "slice"} {
			folders = append(folders, base+"/"+unit+".d")
		}
	}
	return folders
}

// Overrides returns the drop-in files that beat what is set over D-Bus once systemd reads its files
// again, at the next boot at the latest: of all folders, the file whose name comes last wins.
// files are the texts of all in DropInFolders, by path.
func Overrides(property string, files map[string]string) []string {
	ours := path.Base(DropIn("", property, false))
	var found []string
	for name, text := range files {
		if base := path.Base(name); strings.HasSuffix(base, ".conf") && base > ours && sets(text, Setting(property)) {
			found = append(found, name)
		}
	}
	stdslices.Sort(found)
	return found
}

// sets reports whether a line of a unit file assigns the setting.
func sets(text, setting string) bool {
	for line := range strings.Lines(text) {
		if word, _, ok := strings.Cut(line, "="); ok && strings.TrimSpace(word) == setting {
			return true
		}
	}
	return false
}
