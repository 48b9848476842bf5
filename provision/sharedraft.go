// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"slices"

	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
)

// upperless are file systems that can be shown under another owner, and keep none of what an overlay notes beside its files.
var upperless = []string{"vfat", "msdos", "ntfs3", "erofs", "squashfs"}

// checkHide refuses what cannot be hidden.
func checkHide(want config.Mount, f ShareFacts) error {
	for _, word := range want.Hide {
		if err := config.CheckHide(word); err != nil {
			return refuse("", "share %q: %v", want.Source, err)
		}
	}
	switch {
	case want.ShowSecrets && !want.Draft:
		return refuse("", "share %q: only a draft hides .env files and keys without being asked: want --draft, or no --show-secrets", want.Source)
	case len(want.Hide) == 0:
		return nil
	case !want.ReadOnly || want.ACL:
		return refuse("", "share %q: %v", want.Source, config.ErrNoHiding)
	case f.isFile():
		return refuse("", "share %q: something can be hidden in a folder, and this is a file", want.Source)
	}
	return nil
}

// checkLayers refuses a folder of which no draft can be made, or in which nothing can be hidden. Nothing is copied instead: a copy
// is the human's to make.
func checkLayers(want config.Mount, f ShareFacts) error {
	what, instead := "draft of", "to let the agent work on a copy, make one (git clone, or cp -a --reflink=auto) and share that"
	if !want.Draft {
		what, instead = "hiding in", "share the folders beside it, without --hide"
	}
	if f.Kernel.before(5, 19) {
		return refuse("", "%s %q: this kernel (%s) cannot; 5.19 and later can: %s", what, want.Source, f.Kernel, instead)
	}
	if err := checkDrafts(want, f); err != nil {
		return err
	}
	for _, on := range holding(want.Source, f.Mounts) {
		if why := unmappable(on, f.Kernel); why != "" {
			return refuse("", "%s %q: its file system, %s, %s: %s", what, want.Source, on.Type, why, instead)
		}
	}
	for _, on := range holding(f.Drafts, f.Mounts) {
		why := unmappable(on, f.Kernel)
		if slices.Contains(upperless, on.Type) {
			why = "does not keep what a draft needs"
		}
		if why != "" {
			return refuse("", "%s %q: drafts lie in %s, and its file system, %s, %s: %s", what, want.Source, f.Drafts, on.Type, why, instead)
		}
	}
	return nil
}

// checkDrafts refuses a share by which the agent could come to drafts past the draft.
func checkDrafts(want config.Mount, f ShareFacts) error {
	_, holds := share.Within(want.Source, f.Drafts)
	_, inside := share.Within(f.Drafts, want.Source)
	if holds || inside {
		return refuse("", "share %q: your drafts lie in %s: want a folder that neither holds that nor is in it, or a share without --rw", want.Source, f.Drafts)
	}
	return nil
}

// holding returns the file system that a path is on, where that is known.
func holding(path string, mounts []share.MountPoint) []share.MountPoint {
	on := share.MountsOf(path, mounts)
	return on[:min(1, len(on))]
}
