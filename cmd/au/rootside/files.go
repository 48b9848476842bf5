// SPDX-License-Identifier: GPL-3.0-or-later

package rootside

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/step"
)

// The acts of root in folders that others can write in: by file descriptor, and never by a path.

// GiveBack makes what the agent with the uid from owns in a folder its human's.
func (r *Root) GiveBack(folder string, from, to, group uint32) error {
	done, err := step.GiveBack(context.Background(), folder, from, to, group)
	if err != nil {
		return err
	}
	fmt.Fprintf(r.out, "# %d files and folders of uid %d are those of uid %d now\n", done.Changed, from, to)
	r.sayLeft(done.Left)
	return nil
}

// TakeOver makes what nobody owns in a home an agent's.
func (r *Root) TakeOver(home string, uid, gid uint32) error {
	done, err := step.TakeOver(context.Background(), home, uid, gid, &owned{host: r.host, users: map[uint32]bool{}, groups: map[uint32]bool{}})
	if err != nil {
		return err
	}
	fmt.Fprintf(r.out, "# %d files and folders that nobody owned are those of uid %d now\n", done.Changed, uid)
	r.sayLeft(done.Left)
	return nil
}

// sayLeft names what did not change hands.
func (r *Root) sayLeft(left []string) {
	for i, path := range left {
		if i == 10 {
			fmt.Fprintf(r.out, "# and %d more\n", len(left)-i)
			break
		}
		fmt.Fprintf(r.out, "# left as it is, since it has names elsewhere, is not a file, or is mounted there: %s\n", quote.Name(path))
	}
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
		lines, err := o.host.Getent(database, fmt.Sprint(id))
		if err != nil {
			return false, err
		}
		is = lines[0] != ""
		known[id] = is
	}
	return is, nil
}

// Remove removes folders with all that is in them.
func (r *Root) Remove(folders []string) error {
	for _, folder := range folders {
		if err := step.Remove(context.Background(), folder); err != nil {
			return err
		}
	}
	return nil
}

// Clear removes an agent's files from folders of many.
func (r *Root) Clear(uid uint32, folders []string) error {
	all := 0
	for _, folder := range folders {
		n, err := step.Clear(context.Background(), folder, uid)
		if err != nil {
			return err
		}
		all += n
	}
	fmt.Fprintf(r.out, "# %d files removed\n", all)
	return nil
}

// Disarm removes root's set-id programs that an agent's group may run.
func (r *Root) Disarm(group uint32, folders []string) error {
	for _, folder := range folders {
		found, err := step.Disarm(context.Background(), folder, group)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, path := range found {
			fmt.Fprintf(r.out, "# removed: %s\n", quote.Name(folder+"/"+path))
		}
	}
	return nil
}

// Deny puts a name into one of the files that keep users from cron and at, or takes it out again.
func (r *Root) Deny(file, name string, there bool) error {
	if err := provision.CheckName(name); err != nil {
		return err
	}
	return step.SetLine(file, name, there)
}
