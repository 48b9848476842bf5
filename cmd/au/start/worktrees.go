// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/bounded"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
	"golang.org/x/sys/unix"
)

const maxWorktree = 4096 // bytes of a path

// answering are file systems that no server and no program serves, which may never answer.
var answering = []string{"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "bcachefs", "tmpfs"}

// worktrees returns the linked worktrees that git has on record for shared repositories and that the agent does not see: git
// worktree prune, and git gc, would forget them. The agent can write that record, where it can write the share, so that a bounded
// part of it is read, through no link, and nothing is asked of the paths. Where the agent cannot write, it can prune nothing.
func (o Order) worktrees(shares []config.Mount) (all []string, err error) {
	for _, s := range shares {
		if !s.Writes() || s.TargetOnly {
			continue
		}
		mounts, err := o.mounts()
		if err != nil {
			return nil, err
		}
		if !answers(s.Source, mounts) {
			continue
		}
		record := filepath.Join(s.Source, ".git", "worktrees")
		if filepath.Base(s.Source) == ".git" {
			record = filepath.Join(s.Source, "worktrees")
		}
		for _, path := range recorded(record) {
			if len(all) < csrc.MaxWorktrees && !slices.Contains(all, path) && !slices.ContainsFunc(shares, func(m config.Mount) bool {
				_, seen := share.Within(m.Source, path)
				return seen && !m.TargetOnly
			}) {
				all = append(all, path)
			}
		}
	}
	return all, nil
}

func answers(source string, mounts []share.MountPoint) bool {
	on := share.MountsOf(source, mounts)
	return len(on) > 0 && slices.Contains(answering, on[0].Type)
}

// recorded returns the worktrees that a folder of git's names, gitrepository-layout(5).
func recorded(record string) []string {
	folder, err := os.OpenFile(record, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer folder.Close()
	names, _ := folder.Readdirnames(2 * csrc.MaxWorktrees)
	slices.Sort(names)
	var all []string
	for _, name := range names {
		if path, ok := worktreeAt(int(folder.Fd()), name); ok {
			all = append(all, path)
		}
	}
	return all
}

// worktreeAt returns the folder that NAME/gitdir names.
func worktreeAt(folder int, name string) (string, bool) {
	fd, err := unix.Openat2(folder, name+"/gitdir", &unix.OpenHow{
		Flags: unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS,
	})
	if err != nil {
		return "", false
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", false
	}
	text, err := bounded.Read(f, maxWorktree)
	if err != nil {
		return "", false
	}
	path, ok := strings.CutSuffix(strings.TrimSuffix(string(text), "\n"), "/.git")
	return path, ok && csrc.IsCleanAbsolute(path)
}
