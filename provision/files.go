// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision/step"
)

// The acts of root below a folder that an agent or a human can write in: au itself goes there by file descriptor, while a program
// would go by path.

// remove removes a folder and all that is in it.
func remove(self, folder string) step.Command {
	c := step.Root(self, "files", "remove", folder)
	c.Note = "much as: rm -rf --one-file-system " + quote.Word(folder)
	return c
}

// clearSpools removes what an account that is gone would leave to the next one with its uid: mail, its crontab, its at jobs.
func clearSpools(self string, uid uint32, spools []string) step.Command {
	c := step.Root(append([]string{self, "files", "clear", "--uid", num(uid)}, spools...)...)
	c.Note = "much as: find " + words(spools) + " -mindepth 1 -xdev -uid " + num(uid) + " -delete"
	return c
}

// takeOver makes what nobody owns in a home the agent's.
func takeOver(self string, uid, gid uint32, home string) step.Command {
	c := step.Root(self, "files", "take-over", "--uid", num(uid), "--gid", num(gid), home)
	c.Note = "much as: find " + quote.Word(home) + " -xdev -mindepth 1 -nouser -exec chown -h " + num(uid) + " {} + ; find " + quote.Word(home) +
		" -xdev -mindepth 1 -nogroup -exec chgrp -h " + num(gid) + " {} +"
	return c
}

// denyCommand puts a name into a file of DenyFiles, or takes it out: "deny" or "undeny".
func denyCommand(self, what, name, file string) step.Command {
	c := step.Root(self, "files", what, name, file)
	if c.Note = "much as: echo " + name + " >> " + file; what == "undeny" {
		c.Note = "much as: sed -i '/^" + name + "$/d' " + file
	}
	return c
}
