// SPDX-License-Identifier: GPL-3.0-or-later

package step

import (
	"context"
	"fmt"
	"sync"

	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/internal/tree"
	"golang.org/x/sys/unix"
)

// Disarm takes the set-id bits, and then the names, from root's programs below a folder that a group may run, and returns their
// paths. A name that is kept elsewhere leads to a program without bits. Mounts below the folder are left out.
func Disarm(ctx context.Context, root string, group uint32) (found []string, err error) {
	if group < 1000 {
		return nil, fmt.Errorf("disarm %s: want the gid of an agent's group, not %d", root, group)
	}
	files, err := tree.Open(root, true)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	var mu sync.Mutex
	err = files.Walk(ctx, func(e tree.Entry) error {
		if !armed(e.Stat, group) {
			return nil
		}
		removed, err := disarm(e, group)
		if err != nil && err != unix.EXDEV {
			return fmt.Errorf("disarm %s: %w", quote.Name(root+"/"+e.Path()), err)
		}
		if !removed {
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		found = append(found, e.Path())
		return nil
	}, func(string, error) {})
	return found, err
}

// armed reports whether a file is root's program with a set-id bit, for the group.
func armed(st unix.Stat_t, group uint32) bool {
	return st.Mode&unix.S_IFMT == unix.S_IFREG && st.Uid == 0 && st.Gid == group && st.Mode&(unix.S_ISUID|unix.S_ISGID) != 0
}

// disarm looks at the file again once it is open: what is at its name may be another by now, and then it stays.
func disarm(e tree.Entry, group uint32) (removed bool, err error) {
	fd, err := e.Hold()
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || !armed(st, group) {
		return false, err
	}
	if err := unix.Chmod(procPath(fd), 0); err != nil {
		return false, err
	}
	return true, unix.Unlinkat(e.Dir, e.Name, 0)
}
