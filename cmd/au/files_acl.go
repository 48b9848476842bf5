// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/internal/tree"
	"github.com/a4u2/au/provision/share"
	"github.com/a4u2/au/provision/step"
	"golang.org/x/sys/unix"
)

type aclFlags struct {
	AgentUID uint32 `name:"agent-uid" required:""`
	RW       bool   `name:"rw"`
	Record   string `required:"" help:"Keeps what had an ACL before."`
	Source   string `arg:""`
}

type filesGrantCmd struct{ aclFlags }

type filesRestoreCmd struct{ aclFlags }

// visitACLs calls change for each file and folder of the caller's below source. other counts what is somebody else's.
func (f aclFlags) visitACLs(a *app, change func(e tree.Entry, fd int, st unix.Stat_t) error) (mine, others int, err error) {
	files, err := tree.Open(f.Source, false)
	if err != nil {
		return 0, 0, err
	}
	defer files.Close()
	defer watchWalk(a.err, f.Source, files)()
	me := uint32(a.host.EffectiveUID())
	var mu sync.Mutex
	err = files.Walk(context.Background(), func(e tree.Entry) error {
		if kind := e.Stat.Mode & unix.S_IFMT; kind != unix.S_IFDIR && kind != unix.S_IFREG {
			return nil
		}
		fd, err := step.OpenForACL(e.Dir, e.Name)
		if err != nil {
			return nil // gone meanwhile, or another kind of file by now
		}
		defer unix.Close(fd)
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			return err
		}
		count := &mine
		if st.Uid != me {
			count = &others
		}
		mu.Lock()
		*count++
		mu.Unlock()
		if st.Uid != me || st.Mode&unix.S_IFMT != e.Stat.Mode&unix.S_IFMT {
			return nil
		}
		if err := change(e, fd, st); err != nil {
			return fmt.Errorf("ACL of %s: %w", quote.Name(f.Source+"/"+e.Path()), err)
		}
		return nil
	}, func(path string, err error) {
		mu.Lock()
		defer mu.Unlock()
		others++
	})
	return mine, others, err
}

func (f aclFlags) share(a *app) share.ACLShare {
	return share.ACLShare{Agent: f.AgentUID, Human: uint32(a.host.EffectiveUID()), Writable: f.RW}
}

func (c *filesGrantCmd) Run(a *app) error {
	if err := c.save(a); err != nil {
		return err
	}
	by := c.share(a)
	mine, others, err := c.visitACLs(a, func(_ tree.Entry, fd int, st unix.Stat_t) error {
		access, def, _, err := host.FileACLs(fd, st)
		if err != nil {
			return err
		}
		folder := st.Mode&unix.S_IFMT == unix.S_IFDIR
		if err := step.WriteXattr(fd, share.ACLAccess, by.Access(access, folder).Value()); err != nil || !folder {
			return err
		}
		return step.WriteXattr(fd, share.ACLDefault, by.Default(def, access).Value())
	})
	if errors.Is(err, unix.EOPNOTSUPP) {
		return fmt.Errorf("%w: this file system has no ACLs, so nothing can be shared from it", err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "# the ACLs of %d files and folders name uid %d now", mine, c.AgentUID)
	if others > 0 {
		fmt.Fprintf(a.out, "; %d that are not yours are as they were", others)
	}
	fmt.Fprintln(a.out)
	return nil
}

// save writes down what has an ACL already, before anything changes. The records of an earlier attempt stay.
func (f aclFlags) save(a *app) error {
	saved, err := f.saved(a.host)
	if err != nil {
		return err
	}
	text, err := a.host.ReadOwn(f.Record, maxRecord)
	if err != nil {
		return err
	}
	var mu sync.Mutex
	_, _, err = f.visitACLs(a, func(e tree.Entry, fd int, st unix.Stat_t) error {
		access, def, kept, err := host.FileACLs(fd, st)
		mine := func(e share.ACLEntry) bool { return e.Tag == share.ACLUser && e.ID == f.AgentUID }
		if err != nil || !kept || slices.ContainsFunc(access, mine) || slices.ContainsFunc(def, mine) {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if _, ok := saved[[2]uint64{uint64(st.Dev), st.Ino}]; !ok {
			text = append(text, share.SavedACL{Path: e.Path(), Dev: uint64(st.Dev), Ino: st.Ino, Access: access, Default: def}.Text()...)
		}
		return nil
	})
	if err != nil || len(text) == 0 {
		return err
	}
	return a.host.WriteOwn(f.Record, text)
}

// maxRecord is more than the ACLs of a million files take. The record says what had an ACL before: whoever could write it would say
// what becomes of the human's files.
const maxRecord = 1 << 30

// saved reads what save wrote, by device and inode.
func (f aclFlags) saved(h *host.Host) (map[[2]uint64]share.SavedACL, error) {
	byInode := map[[2]uint64]share.SavedACL{}
	text, err := h.ReadOwn(f.Record, maxRecord)
	if err != nil {
		return nil, err
	}
	all, err := share.ParseSavedACLs(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Record, err)
	}
	for _, s := range all {
		byInode[[2]uint64{s.Dev, s.Ino}] = s
	}
	return byInode, nil
}

func (c *filesRestoreCmd) Run(a *app) error {
	saved, err := c.saved(a.host)
	if err != nil {
		return err
	}
	by := c.share(a)
	_, others, err := c.visitACLs(a, func(_ tree.Entry, fd int, st unix.Stat_t) error {
		access, def, kept, err := host.FileACLs(fd, st)
		if err != nil || !kept {
			return err
		}
		var before *share.SavedACL
		if s, ok := saved[[2]uint64{uint64(st.Dev), st.Ino}]; ok {
			before = &s
		}
		folder := st.Mode&unix.S_IFMT == unix.S_IFDIR
		wantAccess, wantDef := by.Before(access, def, folder, before)
		if !slices.Equal(access, wantAccess) {
			if err := step.WriteXattr(fd, share.ACLAccess, wantAccess.Value()); err != nil {
				return err
			}
		}
		if !folder || slices.Equal(def, wantDef) {
			return nil
		}
		var value []byte
		if wantDef != nil {
			value = wantDef.Value()
		}
		return step.WriteXattr(fd, share.ACLDefault, value)
	})
	if err != nil {
		return err
	}
	if others > 0 {
		fmt.Fprintf(a.out, "# %d that are not yours are as they were\n", others)
	}
	return a.host.RemoveOwn(c.Record)
}
