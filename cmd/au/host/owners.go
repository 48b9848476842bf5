// SPDX-License-Identifier: GPL-3.0-or-later

package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/a4u2/au/internal/tree"
	"github.com/a4u2/au/provision/share"
	"github.com/a4u2/au/provision/step"
	"golang.org/x/sys/unix"
)

// Nobody is the owner of what cannot be read: nothing has that uid.
const Nobody = ^uint32(0)

// Owners counts the files below source that are not the human's, by owner.
func (h *Host) Owners(source string, human uint32) (map[uint32]int, error) {
	files, err := tree.Open(source, false)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	var mu sync.Mutex
	count := map[uint32]int{}
	add := func(uid uint32) {
		mu.Lock()
		defer mu.Unlock()
		count[uid]++
	}
	err = files.Walk(context.Background(), func(e tree.Entry) error {
		if e.Stat.Uid != human {
			add(e.Stat.Uid)
		}
		return nil
	}, func(string, error) { add(Nobody) })
	return count, err
}

// glance is how many entries of a folder are looked at to see whether an agent of the original has worked in it: adding a share
// must not cost more for a larger tree.
const glance = 64

// StrangersAt returns the owners, besides the human, of the first entries of a folder, and whom its ACL names.
func (h *Host) StrangersAt(source string, human uint32) []uint32 {
	var found []uint32
	dir, err := os.OpenFile(source, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil
	}
	defer dir.Close()
	if value, err := step.ReadXattr(int(dir.Fd()), share.ACLAccess); err == nil && value != nil {
		acl, _ := share.ParseACL(value)
		for _, e := range acl {
			if e.Tag == share.ACLUser && e.ID != human {
				found = append(found, e.ID)
			}
		}
	}
	names, _ := dir.Readdirnames(glance)
	for _, name := range names {
		var st unix.Stat_t
		if unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && st.Uid != human {
			found = append(found, st.Uid)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// HasACLs reports whether the file system of a folder keeps ACLs.
func (h *Host) HasACLs(source string) (bool, error) {
	dir, err := os.Open(source)
	if err != nil {
		return false, fmt.Errorf("share: %w", err)
	}
	defer dir.Close()
	if _, err = step.ReadXattr(int(dir.Fd()), share.ACLAccess); errors.Is(err, unix.EOPNOTSUPP) {
		return false, nil
	}
	return err == nil, err
}
