// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"path"
	stdslices "slices"
	"strings"
)

// unitFolders are where systemd looks for units and drop-ins, the one that wins first (systemd.unit(5)).
var unitFolders = []string{"/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient", "/etc/systemd/system", "/run/systemd/system",
	"/usr/local/lib/systemd/system", "/usr/lib/systemd/system"}

// DropInFolders returns the folders whose files say something of a user's slice (systemd.unit(5)):
// its own and those of all users' slices.
func DropInFolders(slice string) []string { return dropIns(slice, "user-.slice", "slice") }

// OwnDropInFolders returns those whose files are for this unit alone. For the units of au it adds those of templates, and of names
// that begin alike.
func OwnDropInFolders(unit string) []string {
	names := []string{unit}
	if !strings.HasPrefix(unit, "au-") {
		return dropIns(names...)
	}
	name, instance, _ := strings.Cut(unit, "@")
	kind := path.Ext(unit)
	if instance != "" {
		names = append(names, name+"@"+kind)
	}
	for i, c := range strings.TrimSuffix(name, kind) {
		if c == '-' {
			names = append(names, name[:i+1]+kind)
		}
	}
	return dropIns(names...)
}

func dropIns(units ...string) (folders []string) {
	for _, base := range unitFolders {
		for _, unit := range units {
			folders = append(folders, base+"/"+unit+".d")
		}
	}
	return folders
}

// BeforeEtc returns where a unit file would come before the one in /etc/systemd/system.
func BeforeEtc(unit string) (paths []string) {
	for _, base := range unitFolders[:stdslices.Index(unitFolders, "/etc/systemd/system")] {
		paths = append(paths, base+"/"+unit)
	}
	return paths
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
func sets(text, setting string) bool { return stdslices.Contains(Assigned(text), setting) }

// Assigned returns the settings that a unit file assigns, each once, in its order.
func Assigned(text string) (settings []string) {
	for line := range strings.Lines(text) {
		word, _, ok := strings.Cut(line, "=")
		if word = strings.TrimSpace(word); ok && !strings.HasPrefix(word, "#") && !strings.HasPrefix(word, ";") && !stdslices.Contains(settings, word) {
			settings = append(settings, word)
		}
	}
	return settings
}
