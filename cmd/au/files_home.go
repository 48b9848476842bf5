// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/step"
)

// What root does in folders that others can write in: by file descriptor, and never by a path.

type filesTakeOverCmd struct {
	UID  uint32 `name:"uid" required:"" help:"Uid of the agent."`
	GID  uint32 `name:"gid" required:"" help:"Gid of its humans' group."`
	Home string `arg:""`
}

func (c *filesTakeOverCmd) Run(a *app) error {
	if err := onlyRoot("take over"); err != nil {
		return err
	}
	done, err := step.TakeOver(context.Background(), c.Home, c.UID, c.GID, &owned{host: a.host, users: map[uint32]bool{}, groups: map[uint32]bool{}})
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "# %d files and folders that nobody owned are those of uid %d now\n", done.Changed, c.UID)
	a.sayLeft(done.Left)
	return nil
}

// owned asks for each uid and gid once.
type owned struct {
	host          *host.Host
	mu            sync.Mutex
	users, groups map[uint32]bool
}

func (o *owned) User(uid uint32) (bool, error)  { return o.ask("passwd", o.users, uid) }
func (o *owned) Group(gid uint32) (bool, error) { return o.ask("group", o.groups, gid) }

func (o *owned) ask(database string, known map[uint32]bool, id uint32) (bool, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	is, ok := known[id]
	if !ok {
		lines, err := o.host.Getent(database, num(id))
		if err != nil {
			return false, err
		}
		is = lines[0] != ""
		known[id] = is
	}
	return is, nil
}

type filesRemoveCmd struct {
	Paths []string `arg:"" name:"path"`
}

func (c *filesRemoveCmd) Run(a *app) error {
	err := onlyRoot("remove")
	for _, path := range c.Paths {
		if err == nil {
			err = step.Remove(context.Background(), path)
		}
	}
	return err
}

type filesClearCmd struct {
	UID     uint32   `name:"uid" required:"" help:"Uid of the agent."`
	Folders []string `arg:"" name:"folder"`
}

func (c *filesClearCmd) Run(a *app) error {
	if err := onlyRoot("clear"); err != nil {
		return err
	}
	all := 0
	for _, folder := range c.Folders {
		n, err := step.Clear(context.Background(), folder, c.UID)
		if err != nil {
			return err
		}
		all += n
	}
	fmt.Fprintf(a.out, "# %d files removed\n", all)
	return nil
}

// denied is a name in one of the files that keep users from cron and at.
type denied struct {
	Name string `arg:""`
	File string `arg:"" enum:"/etc/cron.deny,/etc/at.deny"`
}

func (d denied) set(there bool) error {
	err := onlyRoot("deny")
	if err == nil {
		err = provision.CheckName(d.Name)
	}
	if err != nil {
		return err
	}
	return step.SetLine(d.File, d.Name, there)
}

type filesDenyCmd struct{ denied }

func (c *filesDenyCmd) Run() error { return c.set(true) }

type filesUndenyCmd struct{ denied }

func (c *filesUndenyCmd) Run() error { return c.set(false) }

func onlyRoot(what string) error {
	if os.Geteuid() != 0 {
		return errors.New(what + ": only root can")
	}
	return nil
}
