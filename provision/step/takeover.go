// SPDX-License-Identifier: GPL-3.0-or-later

package step

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/internal/tree"
	"golang.org/x/sys/unix"
)

// Owners says which uids and gids are somebody's.
type Owners interface {
	User(uid uint32) (bool, error)
	Group(gid uint32) (bool, error)
}

// TakeOver gives files that nobody owns below an agent's home to the agent, and files in nobody's group to its humans' group. Each
// file is held open while it is looked at and changed, links are changed themselves and never followed, and other mounts are left
// out. Files that are taken over lose their set-id bits. A file that has names elsewhere is left. The home itself is another
// step's.
func TakeOver(ctx context.Context, home string, uid, gid uint32, who Owners) (GivenBack, error) {
	var done GivenBack
	if uid < 1000 || gid < 1000 {
		return done, fmt.Errorf("take over %s: want the ids of an agent, not %d and %d", home, uid, gid)
	}
	files, err := tree.Open(home, true)
	if err != nil {
		return done, err
	}
	defer files.Close()
	var top unix.Stat_t
	if err := unix.Fstat(files.FD(), &top); err != nil {
		return done, err
	}
	t := &takeOver{uid: uid, gid: gid, who: who, dev: uint64(top.Dev), names: map[uint64]uint64{}}
	err = files.Walk(ctx, t.visit, func(string, error) {})
	if err == nil && len(t.names) > 0 {
		t.counted = true
		err = files.Walk(ctx, t.visit, func(string, error) {})
	}
	return t.done, err
}

// takeOver is a walk over a home. The second time it is about files with several names.
type takeOver struct {
	uid, gid uint32
	who      Owners
	dev      uint64
	counted  bool

	mu    sync.Mutex
	names map[uint64]uint64 // how many names of a file were seen, by its number
	done  GivenBack
}

func (t *takeOver) visit(e tree.Entry) error {
	if e.In == nil || uint64(e.Stat.Dev) != t.dev {
		return nil
	}
	if uid, gid, err := t.next(e.Stat); err != nil || uid < 0 && gid < 0 {
		return err
	}
	fd, err := e.Hold()
	if err != nil {
		return nil // gone meanwhile, or mounted there
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	changed, err := t.take(fd, st)
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err != nil:
		return fmt.Errorf("take over %s: %w", quote.Name(e.Path()), err)
	case changed:
		t.done.Changed++
	case t.counted:
		t.done.Left = append(t.done.Left, e.Path())
	}
	return nil
}

// next returns the ids that a file gets; -1 for one that stays.
func (t *takeOver) next(st unix.Stat_t) (uid, gid int, err error) {
	uid, gid = -1, -1
	user, err := t.who.User(st.Uid)
	if err != nil {
		return uid, gid, err
	}
	group, err := t.who.Group(st.Gid)
	if !user {
		uid = int(t.uid)
	}
	if !group {
		gid = int(t.gid)
	}
	return uid, gid, err
}

// take changes a file that is open.
func (t *takeOver) take(fd int, st unix.Stat_t) (bool, error) {
	uid, gid, err := t.next(st)
	if err != nil || uint64(st.Dev) != t.dev || uid < 0 && gid < 0 {
		return false, err
	}
	folder := st.Mode&unix.S_IFMT == unix.S_IFDIR
	if !folder && st.Nlink > 1 && !t.whole(st) {
		return false, nil
	}
	bits := uint32(unix.S_ISUID | unix.S_ISGID)
	if folder {
		bits = unix.S_ISUID // the other one says whose group new files are in
	}
	if st.Mode&bits != 0 && st.Mode&unix.S_IFMT != unix.S_IFLNK {
		if err := unix.Chmod(procPath(fd), st.Mode&0o7777&^bits); err != nil {
			return false, err
		}
	}
	return true, unix.Fchownat(fd, "", uid, gid, unix.AT_EMPTY_PATH)
}

// whole counts the names of a file, and reports, once all have been counted, whether there are no others.
func (t *takeOver) whole(st unix.Stat_t) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.counted {
		t.names[st.Ino]++
	}
	return t.counted && t.names[st.Ino] == uint64(st.Nlink)
}

// Clear removes what belongs to a uid below a folder that others can write in, and returns how much. A folder in which something of
// others is left stays.
func Clear(ctx context.Context, folder string, uid uint32) (removed int, err error) {
	if uid < 1000 {
		return 0, fmt.Errorf("clear %s: want the uid of an agent, not %d", folder, uid)
	}
	files, err := tree.Open(folder, true)
	if err != nil {
		return 0, err
	}
	defer files.Close()
	var mu sync.Mutex
	var folders []*tree.Folder // each behind the one that it is in
	err = files.Walk(ctx, func(e tree.Entry) error {
		if e.In == nil || e.Stat.Uid != uid {
			return nil
		}
		if e.Stat.Mode&unix.S_IFMT == unix.S_IFDIR {
			mu.Lock()
			defer mu.Unlock()
			folders = append(folders, e.Folder())
			return nil
		}
		if err := unix.Unlinkat(e.Dir, e.Name, 0); err != nil && err != unix.ENOENT {
			return fmt.Errorf("remove %s: %w", quote.Name(folder+"/"+e.Path()), err)
		}
		mu.Lock()
		defer mu.Unlock()
		removed++
		return nil
	}, func(string, error) {})
	for _, f := range slices.Backward(folders) {
		if err == nil && removeEmpty(files, f, uid) {
			removed++
		}
	}
	return removed, err
}

// removeEmpty removes a folder of the uid, if nothing is in it.
func removeEmpty(t *tree.Tree, f *tree.Folder, uid uint32) bool {
	above, err := t.Open(f.Up.Path(), unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return false
	}
	defer unix.Close(above)
	var st unix.Stat_t
	return unix.Fstatat(above, f.Name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && st.Uid == uid && unix.Unlinkat(above, f.Name, unix.AT_REMOVEDIR) == nil
}
