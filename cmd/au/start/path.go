// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/internal/walk"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
)

// unseen are places of which a run has others of its own.
var unseen = []string{"/dev", "/proc", "/run/user", "/sys", "/tmp", "/var/tmp"}

// WantOnPath says what can be on the PATH of an agent's runs.
const WantOnPath = "want a folder of the agent's own, one in a share, or one that only root can write"

// OnPath returns where the agent finds a folder that the human wants on the PATH of its runs; shares are as Shown returns them. Of
// a share nothing is looked at: its file system may be one that does not answer.
func (m Machine) OnPath(folder string, p csrc.Policy, shares []config.Mount) (string, error) {
	if !csrc.IsCleanAbsolute(folder) || strings.Contains(folder, ":") {
		return "", errors.New("want an absolute path without . and .., and without a colon, which separates the folders of PATH")
	}
	if _, own := share.Within(p.Home, folder); own {
		return folder, nil
	}
	if there, ok := share.Counterpart(folder, shares); ok {
		return there, nil
	}
	for _, hidden := range append(unseen, p.Hide...) {
		if _, in := share.Within(hidden, folder); in {
			return "", fmt.Errorf("the agent does not see it: %s", WantOnPath)
		}
	}
	return folder, m.rootsAlone(folder)
}

// rootsAlone refuses a folder that somebody else than root could put there, or write in.
func (m Machine) rootsAlone(folder string) error {
	trust := walk.Trust{Owners: []uint32{0, m.RootUID}, Shared: true}
	place, err := walk.To(cmp.Or(m.Root, "/"), folder, trust.Judge)
	var distrust *walk.Distrust
	if errors.As(err, &distrust) {
		return fmt.Errorf("%s %s: %s", quote.Name(distrust.Path), distrust.Why, WantOnPath)
	}
	if err != nil {
		return err
	}
	defer place.Close()
	switch {
	case len(place.Missing) > 0:
		return errors.New("no such folder")
	case place.File >= 0:
		return errors.New("want a folder, not a file")
	case place.Stat.Mode&0o022 != 0:
		return fmt.Errorf("others can write in it (mode %04o): %s", place.Stat.Mode&0o7777, WantOnPath)
	}
	return nil
}

// forPath returns those of an agent's shares that hold a folder of its PATH, read-only. One that is a draft is left out, for a run
// would begin it; and so is one that another share narrows.
func forPath(all []config.Mount, path []string) (few []config.Mount) {
	for _, s := range all {
		needed := slices.ContainsFunc(path, func(folder string) bool {
			holds, ok := share.Holding(folder, all)
			return ok && holds.Source == s.Source
		})
		s.ReadOnly = true
		if _, narrowed := NarrowedBy(s, all); !needed || s.Draft || narrowed {
			continue
		}
		few = append(few, s)
	}
	return few
}

// NarrowedBy returns one of the shares without which the agent would have more of a folder: it hides something there, is in front
// of something, lets the agent only read a part, or leaves its rights to ACLs.
func NarrowedBy(folder config.Mount, all []config.Mount) (config.Mount, bool) {
	i := slices.IndexFunc(all, func(m config.Mount) bool {
		_, in := share.Within(folder.Source, m.Source)
		_, around := share.Within(m.Source, folder.Source)
		_, front := share.Within(folder.Target, m.Target)
		byACL := (in || around) && m.ACL && !folder.ACL
		if m.Source == folder.Source {
			return byACL || m.IsLayered() && (m.Draft != folder.Draft || !m.HidesAs(folder))
		}
		return front || byACL || (in || around) && m.IsLayered() || in && folder.Writes() && !m.Writes()
	})
	if i < 0 {
		return config.Mount{}, false
	}
	return all[i], true
}

// morePath returns the folders that the config puts on the PATH, as the agent finds them, without those that are not fit for it by
// now.
func (m Machine) morePath(o Order, p csrc.Policy, shares []config.Mount, say Speaker) (all []string, err error) {
	entry := o.Known.Agent(p.Name)
	if entry == nil {
		return nil, nil
	}
	for _, folder := range entry.Path {
		there, err := m.OnPath(folder, p, shares)
		_, shared := share.Holding(folder, entry.Mounts)
		switch {
		case err == nil:
			all = append(all, there)
		case o.NoShares && shared: // left out with its share
		case say == nil:
			return nil, errNotPlain
		default:
			say.NotOnPath(folder, err)
		}
	}
	return all, nil
}
