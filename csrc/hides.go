// SPDX-License-Identifier: GPL-3.0-or-later

package csrc

import "slices"

// DefaultHides returns what a policy that allows these words should hide of brokers, which work for others with rights that the
// agent lacks. Other homes are for whoever knows where homes are.
func DefaultHides(allow []string) []string {
	return opens(func(s Switch) bool { return !slices.Contains(allow, s.Word) })
}

// DefaultShows returns what a policy that allows these words should show of /run, where without them nothing can be
// written or connected to.
func DefaultShows(allow []string) []string {
	return slices.DeleteFunc(opens(func(s Switch) bool { return slices.Contains(allow, s.Word) }), func(path string) bool { return !isInRun(path) })
}

func opens(of func(Switch) bool) []string {
	var paths []string
	for _, s := range Switches {
		if of(s) {
			paths = append(paths, s.Opens...)
		}
	}
	return paths
}
