// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"os"
	"os/signal"

	"github.com/a4u2/au/cmd/au/inspect"
	"github.com/a4u2/au/provision/config"
	"golang.org/x/sys/unix"
)

// lookCmd looks through folders in a process of its own. Where a file system does not answer, the kernel may keep a process until
// it does: that is then this one, and nobody waits for it. lookAll says when it is needed.
type lookCmd struct {
	Shares string `arg:"" help:"Folders, as a JSON list."`
}

// Run looks at all folders at once, so that one that does not answer holds up no other.
func (c *lookCmd) Run(a *app) error {
	var folders []config.Path
	if err := json.Unmarshal([]byte(c.Shares), &folders); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM)
	defer stop()
	to := json.NewEncoder(os.Stdout)
	for l := range inspect.All(ctx, a.host.UID(), a.host.ReportTime, folders) {
		if err := to.Encode(l); err != nil {
			return err
		}
	}
	return nil
}
