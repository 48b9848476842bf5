// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"slices"
	"strings"

	"github.com/a4u2/au/cmd/au/draft"
	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/setup"
)

// The names of what there is: agents, runs, shares. A file that cannot be read completes nothing.

func programNames() []string {
	all, err := setup.Programs()
	if err != nil {
		panic(err) // the file is part of the program
	}
	return append(setup.Names(all), setup.Git)
}

func (t *typed) agents() (names []string) {
	human, err := t.human()
	if err != nil {
		return nil
	}
	known, err := t.app.host.ForRun().Config(t.configPath(human), human, t.app.host.DeclaredWritable(human)...)
	if err != nil {
		return nil
	}
	listed, _ := listAgents(t.app.host, known, human)
	for _, g := range listed {
		names = append(names, g.Name)
	}
	return names
}

// runs returns the ids of the runs that go on, each with what it is.
func (t *typed) runs() (ids []string) {
	all, _ := t.app.runs()
	for _, r := range all {
		ids = append(ids, r.ID+"\t"+quote.Name(r.Command)+" in "+r.Agent+", since "+r.Since.Local().Format("15:04"))
	}
	return ids
}

func (t *typed) shares() (paths []string) {
	human, err := t.human()
	if err != nil {
		return nil
	}
	known, err := t.app.host.ForRun().Config(t.configPath(human), human, t.app.host.DeclaredWritable(human)...)
	if err != nil || known.Agent(t.agent) == nil {
		return nil
	}
	for _, m := range known.Agent(t.agent).Mounts {
		paths = append(paths, m.Source)
	}
	return paths
}

// drafts returns the names of the drafts of the folder where the human is.
func (t *typed) drafts() (names []string) {
	human, err := t.human()
	if err != nil || t.app.host.UID() == 0 || !draft.Holds(human.Home, ".local/state/au/drafts") {
		return nil
	}
	d, err := t.app.drafts()
	if err != nil {
		return nil
	}
	all, _ := d.ofHere(t.agent)
	for _, d := range all {
		names = append(names, d.Name)
	}
	return names
}

// hosts returns what the agent asked for, as the log has it, and what has been decided about.
func (t *typed) hosts() (names []string) {
	p, err := t.app.host.RequireNetPolicy(t.agent)
	if err != nil || !p.HasDaemon() {
		return nil
	}
	newest, _ := t.app.host.ReadNetLog(p, func(r netfilter.Record) error {
		names = append(names, r.Name)
		return nil
	})
	newest.Close()
	slices.Sort(names)
	return slices.Compact(names)
}

// people returns the users of the machine who log in.
func (t *typed) people() (names []string) {
	all, err := t.app.host.Users()
	if err != nil {
		return nil
	}
	for _, u := range all {
		if u.UID >= 1000 && u.UID < 60000 {
			names = append(names, u.Name)
		}
	}
	return names
}

func (t *typed) humans() []string {
	p, err := t.app.host.ReadPolicy(t.agent)
	if err != nil || !csrc.IsName(t.agent) {
		return nil
	}
	return strings.Split(provision.HumanNames(p), ", ")
}
