// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"fmt"
	"strconv"
)

// ManagerFolder returns the folder of drop-ins for the unit by which systemd runs a user's own services, user@1001.service.d.
func ManagerFolder(uid uint32) string {
	return "user@" + strconv.FormatUint(uint64(uid), 10) + ".service.d"
}

// NoManager returns the text of a drop-in there: systemd starts no services of the agent's own, which would be outside of the walls
// of its runs, whoever asks and whatever becomes of the account. It holds while the agent's policy is there, so that it keeps
// nobody from anything who has the uid afterwards.
//
// Root looks (+), by a shell that all have, and the start fails. A Condition or an Assert makes logind of systemd 252 hang for
// everybody: it does not expect that a user's manager is skipped.
func NoManager(agent, policy string) string {
	return fmt.Sprintf("# The agent %s has no services of its own.\n[Service]\nExecStartPre=+/bin/sh -c \"test ! -e %s\"\n", agent, policy)
}
