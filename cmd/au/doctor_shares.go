// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"fmt"

	"github.com/a4u2/au/cmd/au/inspect"
	"github.com/a4u2/au/cmd/au/start"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
)

// checkShares looks at what is shared with the agent.
func (a *app) checkShares(d *diagnosis, human provision.User, agent string, entry *config.Agent) error {
	if entry == nil || len(entry.Mounts) == 0 {
		return nil
	}
	for _, m := range entry.Mounts {
		if m.Unknown != nil {
			d.advise(a.host, agent, "share-key", fmt.Sprintf("share %s: %v", show(m.Source), m.Unknown), "")
		}
	}
	if a.host.UID() == 0 { // a file system that does not answer is not asked, and nothing of others is read
		d.needsRoot("shares: as " + human.Name + ", not as root")
		return nil
	}
	mounts, err := a.host.Mounts()
	if err != nil {
		return err
	}
	var writable []string
	for _, m := range entry.Mounts {
		a.checkCovers(d, human, agent, m, mounts)
		switch {
		case !m.ReadOnly:
			writable = append(writable, m.Source)
		case len(a.host.RemoteAt(m.Source)) == 0 && start.Vanished(m.Source):
			a.vanished(d, agent, m.Source)
		}
	}
	return a.checkPlanted(d, agent, writable)
}

func (a *app) vanished(d *diagnosis, agent, source string) {
	d.advise(a.host, agent, "share-missing", fmt.Sprintf("share %s is not there", show(source)), mountLine("remove", agent, source))
}

// checkCovers names what is mounted in a share, or on a share in the human's home.
func (a *app) checkCovers(d *diagnosis, human provision.User, agent string, m config.Mount, mounts []share.MountPoint) {
	for _, on := range mounts {
		rel, in := share.Within(m.Source, on.Point)
		_, ours := share.Within(human.Home, on.Point)
		if in && (rel != "." || ours && on.Point != human.Home) {
			d.advise(a.host, agent, "share-covered", fmt.Sprintf("share %s: %s is mounted at %s", show(m.Source), on.Type, show(on.Point)), "")
			return
		}
	}
}

// checkPlanted looks through what the agent can write, for as long as a report after a run does.
func (a *app) checkPlanted(d *diagnosis, agent string, sources []string) error {
	var folders []config.Path
	for _, source := range sources {
		folders = append(folders, config.Path(source))
	}
	all, err := lookAll(a.host, context.Background(), folders)
	for i, source := range sources {
		if err != nil || all[i] == nil {
			d.cut(fmt.Sprintf("share %s: %s did not answer", show(source), silent(a.host, source)))
			continue
		}
		a.sayPlanted(d, agent, source, all[i])
	}
	return err
}

func (a *app) sayPlanted(d *diagnosis, agent, source string, l *inspect.Looked) {
	check := mountLine("check", agent, source)
	switch {
	case l.Err != "" && start.Vanished(source):
		a.vanished(d, agent, source)
	case len(l.Found) > 0:
		d.advise(a.host, agent, "share-planted", fmt.Sprintf("share %s has %s that run by themselves or reach beyond it", show(source), things(len(l.Found))), check)
	}
	if l.Err == "" && !l.Whole {
		d.cut(fmt.Sprintf("share %s: there was time for %d files; all of it: %s", show(source), l.Files, check))
	}
}

func things(n int) string {
	if n == 1 {
		return "1 thing"
	}
	return fmt.Sprintf("%d things", n)
}
