// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"os"
	"os/signal"

	"github.com/a4u2/au/provision/config"
	"golang.org/x/sys/unix"
)

// lookCmd looks through folders in a process of its own. Where a file system does not answer, the kernel may keep a process until
// it does: that is then this one, and nobody waits for it.
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
	ctx, cancel := context.WithTimeout(ctx, a.host.ReportTime)
	defer cancel()
	out := make(chan looked)
	for i, folder := range folders {
		go func() {
			l, err := lookInto(a.host, ctx, string(folder))
			found := looked{Folder: i, inspected: l}
			if err != nil {
				found.Err = err.Error()
			}
			out <- found
		}()
	}
	to := json.NewEncoder(os.Stdout)
	for range folders {
		if err := to.Encode(<-out); err != nil {
			return err
		}
	}
	return nil
}
