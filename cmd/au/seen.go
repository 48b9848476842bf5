// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"path/filepath"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/inspect"
	"github.com/a4u2/au/provision/config"
)

// lastLook reads what is remembered of a folder, beside a config. Root has no config, and remembers nothing.
func lastLook(h *host.Host, from, source string) inspect.Record {
	if from == "" || h.UID() == 0 {
		return inspect.Record{}
	}
	return inspect.ReadRecord(h.Own, from, source)
}

// remember looks through a folder that is shared from now on, so that the first report on it can tell what is new.
func remember(h *host.Host, from, source string) {
	all, err := lookAll(h, context.Background(), []config.Path{config.Path(source)})
	if err == nil && all[0] != nil && all[0].Err == "" {
		lastLook(h, from, source).Keep(all[0].Result)
	}
}

// forgetFolders forgets what was found in folders that the config does not share any more.
func forgetFolders(h *host.Host, path string, c *config.Config) {
	dir := config.SeenRecords(path)
	shared := map[string]bool{}
	for _, g := range c.Agents {
		for _, m := range g.Mounts {
			shared[filepath.Base(inspect.RecordPath(path, m.Source))] = true
		}
	}
	entries, _ := h.ReadDir(dir)
	for _, e := range entries {
		if !shared[e.Name()] {
			_ = h.RemoveOwn(filepath.Join(dir, e.Name())) // it only takes room
		}
	}
}
