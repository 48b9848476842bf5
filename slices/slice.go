// SPDX-License-Identifier: GPL-3.0-or-later

// Package slices limits what an agent may use of the machine, and reads what it does use.
//
// An agent has one cgroup that holds all it ever starts: user-UID.slice, the one systemd and logind
// know. Limits are systemd properties of that slice; a run joins it through the keeper, a service
// that does nothing but hold a delegated cgroup open. The package decides and reads; it returns
// properties, text and figures, and changes nothing.
package slices

import "strconv"

// Name returns the slice that systemd and logind give the user with that uid, user-1001.slice.
func Name(uid uint32) string {
	return "user-" + strconv.FormatUint(uint64(uid), 10) + ".slice"
}
