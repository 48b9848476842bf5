// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"slices"
	"strings"
)

// groups are the parts of `au --help` and of the manual, in this order.
var groups = []struct{ key, title, words string }{
	{"agents", "Agents:", "new info list grant revoke delete apply export"},
	{"running", "Running:", "setup run shell top pause resume stop log"},
	{"folders", "Folders:", "mount path draft"},
	{"limits", "Limits:", "limits"},
	{"network", "Network:", "net"},
	{"care", "Care:", "doctor verify completion"},
}

// groupOf returns the key of the group that a word is in; "" for none.
func groupOf(name string) string {
	for _, g := range groups {
		if slices.Contains(strings.Fields(g.words), name) {
			return g.key
		}
	}
	return ""
}
