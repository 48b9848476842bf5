// SPDX-License-Identifier: GPL-3.0-or-later

package rootside

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/internal/tree"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/share"
	"github.com/a4u2/au/provision/step"
	"golang.org/x/sys/unix"
)

// inode names a file whatever it is called.
type inode struct{ dev, ino uint64 }

func inodeOf(st unix.Stat_t) inode { return inode{uint64(st.Dev), st.Ino} }

// takeBack is a walk over what an agent of the original's could write.
type takeBack struct {
	provision.TakeBack
	tops map[inode]string // of the shares, and where they are

	mu      sync.Mutex
	lost    map[inode]provision.Lost
	linked  map[inode][]string // the agent's files with several names, and those that were seen
	changed int
	left    []string // what still is the agent's
	kept    []string // tops whose set-gid bit may be the human's
}

// TakeBack undoes what shares of the original are made of, in the folders where the human's files are and in the shares, which the
// agent could write: also those of somebody else, for the original asks no more than sudo. home is the agent's, where it is kept.
func (r *Root) TakeBack(who provision.TakeBack, home string, shares, folders []string) error {
	t := &takeBack{TakeBack: who, tops: map[inode]string{}, lost: map[inode]provision.Lost{}, linked: map[inode][]string{}}
	if err := t.check(); err != nil {
		return err
	}
	for _, share := range shares {
		if err := t.top(share); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, folder := range folders {
		if err := t.folder(folder, true); err != nil {
			return err
		}
	}
	// Last those that are mounted elsewhere: the others have been seen by now.
	for _, share := range shares {
		if err := t.folder(share, false); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	t.say(r.out)
	if home == "" {
		return nil
	}
	return t.home(home)
}

// check refuses what is not an agent's or a human's.
func (t *takeBack) check() error {
	if t.Agent < 1000 || t.Group < 1000 || t.Human == 0 || t.Human == t.Agent || t.HumanGroup == t.Group {
		return fmt.Errorf("take back: want the ids of an agent and those of a human, not %d:%d and %d:%d", t.Agent, t.Group, t.Human, t.HumanGroup)
	}
	return nil
}

func (t *takeBack) top(share string) error {
	files, err := tree.Open(share, true)
	if err != nil {
		return err
	}
	defer files.Close()
	var st unix.Stat_t
	if err := unix.Fstat(files.FD(), &st); err != nil {
		return err
	}
	t.tops[inodeOf(st)] = share
	return nil
}

// folder walks a folder, unless it was seen in another.
func (t *takeBack) folder(folder string, humans bool) error {
	files, err := tree.Open(folder, true)
	if err != nil {
		return err
	}
	defer files.Close()
	var st unix.Stat_t
	if err := unix.Fstat(files.FD(), &st); err != nil {
		return err
	}
	if _, seen := t.lost[inodeOf(st)]; seen {
		return nil
	}
	if humans && st.Uid != t.Human && st.Uid != t.Agent {
		return fmt.Errorf("take back %s: it belongs to uid %d, not to %d", folder, st.Uid, t.Human)
	}
	err = files.Walk(context.Background(), func(e tree.Entry) error {
		if err := held(e, func(fd int, st unix.Stat_t, f provision.Inode) error { return t.visit(e, fd, st, f) }); err != nil {
			return fmt.Errorf("take back %s: %w", quote.Name(folder+"/"+e.Path()), err)
		}
		return nil
	}, func(string, error) {})
	if err == nil {
		err = t.linkedFiles(files)
	}
	return err
}

// held opens one file, for what is at its name may be another by now, and hands it over. It leaves out one that is gone, or on
// another file system.
func held(e tree.Entry, change func(fd int, st unix.Stat_t, f provision.Inode) error) error {
	fd, err := e.Hold()
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Dev != e.Stat.Dev {
		return err
	}
	f, err := inodeFacts(fd, st)
	if err != nil {
		return err
	}
	return change(fd, st, f)
}

// visit changes one file.
func (t *takeBack) visit(e tree.Entry, fd int, st unix.Stat_t, f provision.Inode) error {
	share, top := t.tops[inodeOf(st)]
	next, lost := t.After(f, t.above(e, f), top)
	t.mu.Lock()
	if f.Mode.IsDir() {
		t.note(inodeOf(st), lost, top)
	}
	if top && next.Mode&fs.ModeSetgid != 0 {
		t.kept = append(t.kept, share)
	}
	t.mu.Unlock()
	if !f.Mode.IsDir() && st.Nlink > 1 && next.UID != f.UID {
		t.mu.Lock()
		t.linked[inodeOf(st)] = append(t.linked[inodeOf(st)], e.Path())
		t.mu.Unlock()
		next.UID, next.GID = f.UID, f.GID
	}
	return t.apply(fd, f, next)
}

// note remembers what a folder has lost, for what is in it, and which tops were seen.
func (t *takeBack) note(dir inode, lost provision.Lost, top bool) {
	if top || lost.SetGID || lost.Default != nil {
		t.lost[dir] = lost
	}
}

// above returns what the folder has lost that e is in.
func (t *takeBack) above(e tree.Entry, f provision.Inode) provision.Lost {
	if !f.Mode.IsDir() || f.Mode&fs.ModeSetgid == 0 && f.Default == nil || e.In == nil {
		return provision.Lost{}
	}
	var st unix.Stat_t
	if unix.Fstat(e.Dir, &st) != nil {
		return provision.Lost{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.lost[inodeOf(st)]
}

// inodeFacts reads what decides what becomes of a file.
func inodeFacts(fd int, st unix.Stat_t) (provision.Inode, error) {
	f := provision.Inode{UID: st.Uid, GID: st.Gid, Access: share.ModeACL(st.Mode)}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFLNK: // has no ACL
		return f, nil
	case unix.S_IFDIR:
		f.Mode = fs.ModeDir
		if st.Mode&unix.S_ISGID != 0 {
			f.Mode |= fs.ModeSetgid
		}
	}
	var err error
	if f.Access, f.Default, _, err = host.FileACLs(fd, st); errors.Is(err, unix.EOPNOTSUPP) {
		f.Access, err = share.ModeACL(st.Mode), nil
	}
	if err != nil || f.Mode&fs.ModeSetgid == 0 && f.Default == nil {
		return f, err
	}
	var more unix.Statx_t
	if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_BTIME, &more); err == nil && more.Mask&unix.STATX_BTIME != 0 {
		f.Born = more.Btime.Sec*1e9 + int64(more.Btime.Nsec)
	}
	return f, nil
}

// apply makes a file what it becomes.
func (t *takeBack) apply(fd int, f, next provision.Inode) error {
	changed := false
	if next.UID != f.UID || next.GID != f.GID {
		changed = true
		if err := unix.Fchownat(fd, "", int(next.UID), int(next.GID), unix.AT_EMPTY_PATH); err != nil {
			return err
		}
	}
	if !slices.Equal(f.Access, next.Access) {
		changed = true
		if err := step.WriteXattr(fd, share.ACLAccess, next.Access.Value()); err != nil {
			return err
		}
	}
	if !slices.Equal(f.Default, next.Default) {
		changed = true
		var value []byte
		if next.Default != nil {
			value = next.Default.Value()
		}
		if err := step.WriteXattr(fd, share.ACLDefault, value); err != nil {
			return err
		}
	}
	if f.Mode != next.Mode {
		changed = true
		if err := step.DropSetGID(fd); err != nil {
			return err
		}
	}
	if changed {
		t.mu.Lock()
		t.changed++
		t.mu.Unlock()
	}
	return nil
}

// linkedFiles takes back what has several names, where all of them are in the tree: one elsewhere may be where the human's files
// must not.
func (t *takeBack) linkedFiles(tree *tree.Tree) error {
	for file, paths := range t.linked {
		fd, err := tree.Open(paths[0], unix.O_PATH|unix.O_NOFOLLOW)
		if err != nil {
			t.left = append(t.left, paths...)
			continue
		}
		var st unix.Stat_t
		if err = unix.Fstat(fd, &st); err == nil && inodeOf(st) == file && st.Uid == t.Agent && int(st.Nlink) == len(paths) {
			next, _ := t.After(provision.Inode{UID: st.Uid, GID: st.Gid}, provision.Lost{}, false)
			err = unix.Fchownat(fd, "", int(next.UID), int(next.GID), unix.AT_EMPTY_PATH)
			t.changed++
		} else {
			t.left = append(t.left, paths...)
		}
		unix.Close(fd)
		if err != nil {
			return err
		}
	}
	clear(t.linked)
	return nil
}

// say says what was done, and what there is for the human to decide.
func (t *takeBack) say(out io.Writer) {
	fmt.Fprintf(out, "# %d files and folders changed: uid %d owns none of them now, and gid %d is in no ACL\n", t.changed, t.Agent, t.Group)
	slices.Sort(t.left)
	for i, path := range t.left {
		if i == 10 {
			fmt.Fprintf(out, "# and %d more\n", len(t.left)-i)
			break
		}
		fmt.Fprintf(out, "# left as it is, since it has names elsewhere: %s\n", quote.Name(path))
	}
	for _, path := range t.kept {
		fmt.Fprintf(out, "# keeps its set-gid bit, since its group is not yours: %s\n", quote.Name(path))
	}
}

// home lets the agent and the human into the agent's home by name, where it was by their group.
func (t *takeBack) home(home string) error {
	files, err := tree.Open(home, true)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer files.Close()
	var top unix.Stat_t
	if err := unix.Fstat(files.FD(), &top); err != nil {
		return err
	}
	if top.Uid != t.Agent && top.Uid != 0 {
		return fmt.Errorf("take back %s: it belongs to uid %d, not to %d", home, top.Uid, t.Agent)
	}
	return files.Walk(context.Background(), func(e tree.Entry) error {
		return held(e, func(fd int, _ unix.Stat_t, f provision.Inode) error { return t.apply(fd, f, t.HomeAfter(f)) })
	}, func(string, error) {})
}
