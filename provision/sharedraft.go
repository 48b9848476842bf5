// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"slices"

	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
)

// upperless are file systems that can be shown under another owner, and keep none of what an overlay notes beside its files.
var upperless = []string{"vfat", "msdos", "ntfs3", "erofs", "squashfs"}

// checkDraft refuses a folder of which no draft can be made. Nothing is copied instead: a copy is the human's to make.
func checkDraft(want config.Mount, f ShareFacts) error {
	const instead = "to let the agent work on a copy, make one (git clone, or cp -a --reflink=auto) and share that"
	if f.Kernel.before(5, 19) {
		return refuse("", "draft of %q: this kernel (%s) makes none; 5.19 and later do: %s", want.Source, f.Kernel, instead)
	}
	if err := checkDrafts(want, f); err != nil {
		return err
	}
	for _, on := range share.MountsOf(want.Source, f.Mounts)[:1] {
		if why := unmappable(on, f.Kernel); why != "" {
			return refuse("", "draft of %q: its file system, %s, %s: %s", want.Source, on.Type, why, instead)
		}
	}
	for _, on := range share.MountsOf(f.Drafts, f.Mounts)[:1] {
		why := unmappable(on, f.Kernel)
		if slices.Contains(upperless, on.Type) {
			why = "does not keep what a draft needs"
		}
		if why != "" {
			return refuse("", "draft of %q: drafts lie in %s, and its file system, %s, %s: %s", want.Source, f.Drafts, on.Type, why, instead)
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
