// SPDX-License-Identifier: GPL-3.0-or-later

package step

import (
	"context"
	"fmt"
	"os"
	"sync"

	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/internal/tree"
	"golang.org/x/sys/unix"
)

// GivenBack counts what GiveBack did.
type GivenBack struct {
	Changed int
	Left    []string // the old owner's files that have other names elsewhere, that are no files, or that are mounted there
}

// GiveBack makes what uid from owns below root the human's: to and group. It runs as root, and trusts nothing that from can change.
// root is the human's own folder. It holds each file open while it looks at and changes it, changes links themselves and never
// follows them, and leaves other mounts out. It leaves a file with more than one name, for another of its names may be where the
// human's files must not be.
func GiveBack(ctx context.Context, root string, from, to, group uint32) (GivenBack, error) {
	var done GivenBack
	if os.Geteuid() != 0 {
		return done, fmt.Errorf("give back %s: only root can", root)
	}
	if from < 1000 || to == 0 || from == to {
		return done, fmt.Errorf("give back %s: want the uid of an agent and that of a human, not %d and %d", root, from, to)
	}
	t, err := tree.Open(root, true)
	if err != nil {
		return done, err
	}
	defer t.Close()
	var top unix.Stat_t
	if err := unix.Fstat(t.FD(), &top); err != nil {
		return done, err
	}
	if top.Uid != to {
		return done, fmt.Errorf("give back %s: it belongs to uid %d, not to %d", root, top.Uid, to)
	}
	var mu sync.Mutex
	err = t.Walk(ctx, func(e tree.Entry) error {
		if e.Stat.Uid != from {
			return nil
		}
		changed, err := giveBack(e, from, to, group)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case err != nil:
			return fmt.Errorf("give back %s: %w", quote.Name(root+"/"+e.Path()), err)
		case changed:
			done.Changed++
		default:
			done.Left = append(done.Left, e.Path())
		}
		return nil
	}, func(string, error) {})
	return done, err
}

// giveBack changes one file, which is opened first: what is at its name may be another by now.
func giveBack(e tree.Entry, from, to, group uint32) (bool, error) {
	fd, err := e.Hold()
	if err != nil {
		return false, nil
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return false, err
	}
	switch kind := st.Mode & unix.S_IFMT; {
	case st.Uid != from || st.Dev != e.Stat.Dev:
		return false, nil
	case kind == unix.S_IFDIR || kind == unix.S_IFREG && st.Nlink == 1 || kind == unix.S_IFLNK && st.Nlink == 1:
		return true, unix.Fchownat(fd, "", int(to), int(group), unix.AT_EMPTY_PATH)
	}
	return false, nil
}
