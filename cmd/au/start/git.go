// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"os"
	"path/filepath"

	"github.com/a4u2/au/internal/gitdir"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
)

// GitElsewhere is a folder in a share whose git directory the agent does not see, or cannot write as it can the share.
type GitElsewhere struct {
	Folder string
	gitdir.Link
	Share config.Mount // the one that the folder is in
}

// MissingGit returns what git lacks in a folder that is in a share at the human's own path. Like git it goes upwards, as far as the
// share.
func MissingGit(dir string, shares []config.Mount, uid uint32) (GitElsewhere, bool, error) {
	mounts, err := mountsNow()
	if err != nil {
		return GitElsewhere{}, false, err
	}
	git, ok := missingGit(dir, shares, uid, mounts)
	return git, ok, nil
}

func missingGit(dir string, shares []config.Mount, uid uint32, mounts []share.MountPoint) (GitElsewhere, bool) {
	in, ok := share.Holding(dir, shares)
	if !ok || in.TargetOnly || !answers(dir, mounts) {
		return GitElsewhere{}, false
	}
	find := gitdir.Finder{UID: uid, Answers: func(path string) bool { return answers(path, mounts) }}
	for folder := dir; ; folder = filepath.Dir(folder) {
		if _, err := os.Lstat(filepath.Join(folder, ".git")); err == nil {
			link, ok := find.Of(folder)
			return GitElsewhere{folder, link, in}, ok && !isShared(link.Dir, in, shares)
		}
		if folder == in.Source {
			return GitElsewhere{}, false
		}
	}
}

// isShared reports whether a folder is in a share at its own path that gives no less than another does.
func isShared(dir string, than config.Mount, shares []config.Mount) bool {
	m, ok := share.Holding(dir, shares)
	return ok && !m.TargetOnly && (!than.Writes() || m.Writes())
}

// sayGit has it said where git does not work in the folder in which the run starts. The agent may have written it.
func (o Order) sayGit(dir string, shares []config.Mount, say Speaker) error {
	if _, ok := share.Holding(dir, shares); !ok {
		return nil
	}
	mounts, err := o.mounts()
	if err != nil {
		return err
	}
	git, ok := missingGit(dir, shares, o.Human.UID, mounts)
	if ok && say == nil {
		return errNotPlain
	}
	if ok {
		say.GitElsewhere(git)
	}
	return nil
}
