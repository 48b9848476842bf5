// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"

	"github.com/a4u2/au/provision"
)

// warnRival says when the word `au` means another program than this one: agent-as-unix-user is installed in ~/.local/bin, which
// comes first on PATH.
func (a *app) warnRival(human provision.User) {
	own, err := a.host.OwnPath()
	if a.host.UID() == 0 || err != nil {
		return // root's PATH is not the human's
	}
	rival, first := a.host.FindRival(human.Home, own)
	if rival == "" {
		return
	}
	when := "is what `au` means on your PATH"
	if !first {
		when = "is what `au` means wherever its folder is on PATH before that of this one"
	}
	fmt.Fprintf(a.err, "au: warning: %s %s. This is %s\n", show(rival), when, show(own))
	if line := a.host.Uninstall(rival); line != "" {
		a.hint(line)
	}
}
