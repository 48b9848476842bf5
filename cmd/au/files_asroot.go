// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"

	"github.com/a4u2/au/cmd/au/rootside"
	"github.com/a4u2/au/provision"
)

// The acts that other commands have root do in folders that others can write in.

type filesGiveBackCmd struct {
	From   uint32 `required:"" help:"Uid of the agent that owns the files."`
	To     uint32 `required:"" help:"Uid of the human who owns the folder."`
	Group  uint32 `required:"" help:"Their group."`
	Source string `arg:""`
}

type filesTakeBackCmd struct {
	AgentUID uint32   `name:"agent-uid" required:""`
	AgentGID uint32   `name:"agent-gid" required:""`
	To       uint32   `required:"" help:"Uid of the human."`
	Group    uint32   `required:"" help:"Their group."`
	Since    int64    `help:"When the agent was made, in nanoseconds since 1970."`
	Home     string   `help:"The agent's home, where it is kept."`
	Shares   []string `name:"share" sep:"none" help:"What the agent could write."`
	Folders  []string `arg:"" help:"Where the human's files are."`
}

type filesTakeOverCmd struct {
	UID  uint32 `name:"uid" required:"" help:"Uid of the agent."`
	GID  uint32 `name:"gid" required:"" help:"Gid of its humans' group."`
	Home string `arg:""`
}

type filesRemoveCmd struct {
	Paths []string `arg:"" name:"path"`
}

type filesClearCmd struct {
	UID     uint32   `name:"uid" required:"" help:"Uid of the agent."`
	Folders []string `arg:"" name:"folder"`
}

type filesDisarmCmd struct {
	Group   uint32   `required:"" help:"Gid of an agent's group."`
	Folders []string `arg:""`
}

// denied is a name in one of the files that keep users from cron and at.
type denied struct {
	Name string `arg:""`
	File string `arg:"" enum:"/etc/cron.deny,/etc/at.deny"`
}

type filesDenyCmd struct{ denied }

type filesUndenyCmd struct{ denied }

// inFiles lets root in to what is done with files.
func (a *app) inFiles(what string, do func(*rootside.Root) error) error {
	r, err := rootside.Enter(a.host, a.out, a.err, errors.New(what+": only root can"))
	if err != nil {
		return err
	}
	return do(r)
}

func (c *filesGiveBackCmd) Run(a *app) error {
	return a.inFiles("give back", func(r *rootside.Root) error { return r.GiveBack(c.Source, c.From, c.To, c.Group) })
}

func (c *filesTakeBackCmd) Run(a *app) error {
	who := provision.TakeBack{Agent: c.AgentUID, Group: c.AgentGID, Human: c.To, HumanGroup: c.Group, Since: c.Since}
	return a.inFiles("take back", func(r *rootside.Root) error { return r.TakeBack(who, c.Home, c.Shares, c.Folders) })
}

func (c *filesTakeOverCmd) Run(a *app) error {
	return a.inFiles("take over", func(r *rootside.Root) error { return r.TakeOver(c.Home, c.UID, c.GID) })
}

func (c *filesRemoveCmd) Run(a *app) error {
	return a.inFiles("remove", func(r *rootside.Root) error { return r.Remove(c.Paths) })
}

func (c *filesClearCmd) Run(a *app) error {
	return a.inFiles("clear", func(r *rootside.Root) error { return r.Clear(c.UID, c.Folders) })
}

func (c *filesDisarmCmd) Run(a *app) error {
	return a.inFiles("disarm", func(r *rootside.Root) error { return r.Disarm(c.Group, c.Folders) })
}

func (c *filesDenyCmd) Run(a *app) error {
	return a.inFiles("deny", func(r *rootside.Root) error { return r.Deny(c.File, c.Name, true) })
}

func (c *filesUndenyCmd) Run(a *app) error {
	return a.inFiles("deny", func(r *rootside.Root) error { return r.Deny(c.File, c.Name, false) })
}
