// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/accounts"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
)

// OpenHomeError is a run in which the agent can write below a home that others can enter.
type OpenHomeError struct {
	Home string
	By   share.Opening
}

func (e *OpenHomeError) Error() string {
	return fmt.Sprintf("others can enter your home %s (%s) now, and could run files there that the agent leaves as yours; writable shares want it closed", e.Home, e.By.Who())
}

// OutsideError is a run with a share outside the human's home that is not theirs alone to hand over any more.
type OutsideError struct{ Source, Why string }

func (e *OutsideError) Error() string { return fmt.Sprintf("share %q: %s", e.Source, e.Why) }

// UnknownKeyError is a run with a share, or a change of one, of which the config says more than is known here.
type UnknownKeyError struct {
	Source string
	Key    *config.Error
}

func (e *UnknownKeyError) Error() string {
	return fmt.Sprintf("share %q: %v; it may take something from the agent, and a newer au may know it", e.Source, e.Key)
}

// OldEntrypointError is a run with something that the agent's entrypoint does not know yet.
type OldEntrypointError struct{ Agent, Source string }

func (e *OldEntrypointError) Error() string {
	return fmt.Sprintf("share %q: the entrypoint of agent %q is from before drafts and hidden names", e.Source, e.Agent)
}

// checkAge refuses what the entrypoint beside a policy before version 2 would refuse in its own words.
func checkAge(all []config.Mount, p csrc.Policy) error {
	if i := slices.IndexFunc(all, config.Mount.IsLayered); i >= 0 && p.Version < 2 {
		return &OldEntrypointError{p.Name, all[i].Source}
	}
	return nil
}

// CheckKeys refuses a share that may be less than it would be here.
func CheckKeys(all []config.Mount) error {
	for _, s := range all {
		if s.Unknown != nil {
			return &UnknownKeyError{s.Source, s.Unknown}
		}
	}
	return nil
}

// shares returns the folders that the config and the options hand over, in the order in which they can be mounted, and the sources
// of those that the options ask for.
func (m Machine) shares(o Order, p csrc.Policy, say Speaker) (all []config.Mount, asked []string, err error) {
	entry := o.Known.Agent(p.Name)
	if entry != nil {
		all = slices.Clone(entry.Mounts)
	}
	if err := CheckKeys(all); err != nil {
		return nil, nil, err
	}
	if o.NoShares && entry != nil {
		all = forPath(all, entry.Path)
	}
	if err := m.checkWays(o, all); err != nil {
		return nil, nil, err
	}
	if err := m.readOnlyWhereReached(o, all, say); err != nil {
		return nil, nil, err
	}
	if say != nil {
		if all, asked, err = say.Once(all, p); err != nil {
			return nil, nil, err
		}
	}
	if err := m.narrowedByDrafts(o, all, say); err != nil {
		return nil, nil, err
	}
	if err := checkAge(all, p); err != nil {
		return nil, nil, err
	}
	share.Sort(all, func(m config.Mount) string { return m.Target })
	return Shown(all, p), asked, nil
}

// checkWays refuses a run in which others could come to what the agent leaves as the human's, or have put something else in a
// share's place.
func (m Machine) checkWays(o Order, all []config.Mount) error {
	writes := false
	for _, s := range all {
		if _, inside := share.Within(o.Human.Home, s.Source); inside {
			writes = writes || guarded(s)
		} else if _, inside := share.Within(resolved(o.Human.Home), s.Source); inside {
			writes = writes || guarded(s)
		} else if err := m.checkOutside(o, s); err != nil {
			return err
		}
	}
	if !writes {
		return nil
	}
	return m.checkHome(o)
}

// checkOutside looks at the folders above a share outside the human's home. One that cannot be looked at is the entrypoint's to
// name.
func (m Machine) checkOutside(o Order, s config.Mount) error {
	way, err := m.Way(s.Source, o.Human)
	switch {
	case err != nil:
		return nil
	case way.Unfit != "":
		return &OutsideError{s.Source, way.Unfit + " by now"}
	case guarded(s) && !way.Shut && !o.Known.DisableHomeAccessCheck:
		return &OutsideError{s.Source, "others can reach it now, and could run files there that the agent leaves as yours; a writable share wants a folder above it that only you can enter"}
	}
	return nil
}

// checkHome refuses a run with a writable share once others can enter the human's home.
func (m Machine) checkHome(o Order) error {
	open, err := m.HomeOpenings(o.Human, o.Known)
	if err == nil && len(open) > 0 {
		err = &OpenHomeError{o.Human.Home, open[0]}
	}
	return err
}

// readOnlyWhereReached takes the right to write from the shares that others reach by a mount that has come since `au mount add`
// looked.
func (m Machine) readOnlyWhereReached(o Order, all []config.Mount, say Speaker) error {
	if o.Known.DisableHomeAccessCheck || !slices.ContainsFunc(all, guarded) {
		return nil
	}
	mounts, err := o.mounts()
	if err != nil {
		return err
	}
	places := m.reached(o.Human, all, mounts)
	for i, s := range all {
		place, ok := places[s.Source]
		if !ok || !guarded(s) {
			continue
		}
		if say == nil {
			return errNotPlain
		}
		all[i].ReadOnly = true
		say.Reached(s, place)
	}
	return nil
}

// guarded reports whether the agent can leave files there that are the human's: what it leaves is inert while nobody else gets
// there.
func guarded(m config.Mount) bool { return !m.ReadOnly && !m.ACL }

// Reached returns those of the shares that the agent can write and others reach by another mount, each with the first such place;
// the config can say that this is wanted.
func (m Machine) Reached(human accounts.User, known *config.Config, shares []config.Mount) (map[string]share.OtherPlace, error) {
	if known.DisableHomeAccessCheck || !slices.ContainsFunc(shares, guarded) {
		return nil, nil
	}
	mounts, err := mountsNow()
	if err != nil {
		return nil, err
	}
	return m.reached(human, shares, mounts), nil
}

func (m Machine) reached(human accounts.User, shares []config.Mount, mounts []share.MountPoint) map[string]share.OtherPlace {
	all := map[string]share.OtherPlace{}
	for _, s := range shares {
		if open := m.OpenPlaces(s.Source, mounts, human); guarded(s) && len(open) > 0 {
			all[s.Source] = open[0]
		}
	}
	return all
}

func readMountinfo() ([]byte, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		err = fmt.Errorf("read the machine's mounts: %w", err)
	}
	return text, err
}

// mountsNow reads what is mounted.
func mountsNow() ([]share.MountPoint, error) {
	text, err := readMountinfo()
	return share.ParseMountinfo(string(text)), err
}

// OpenPlaces returns where others reach a folder by another mount.
func (m Machine) OpenPlaces(source string, mounts []share.MountPoint, human accounts.User) []share.OtherPlace {
	return slices.DeleteFunc(share.OtherPlaces(source, mounts), func(o share.OtherPlace) bool { return m.shutAbove(o.Path, human) })
}

// mounted returns shares as the entrypoint takes them; drafts are those that are. Without the sources that are needed there is no
// run; one of the others is left out, and named, where it is unavailable and the run does not start in it.
func mounted(shares []config.Mount, home string, drafts []Draft, needed ...string) ([]csrc.Share, error) {
	var all []csrc.Share
	for _, m := range shares {
		target, ok := share.Within(home, m.Target)
		if !ok || target == "." {
			return nil, fmt.Errorf("share %q: target %q is not inside %s", m.Source, m.Target, home)
		}
		optional := !slices.Contains(needed, m.Source)
		d := stateOf(m, drafts)
		all = append(all, csrc.Share{Source: m.Source, Target: target, SamePath: !m.TargetOnly, ReadOnly: !m.Writes(), ACL: m.ACL, Draft: d.State, Hiding: d.Hiding, Optional: optional})
	}
	return all, nil
}

// Shown returns shares as a run shows them: which of them are at their targets alone. An entrypoint from before version 2 of the
// policy knows of no other place. A share is not at its own path either where another one narrows it that would not do so there: a
// name that was to be hidden would be seen, or a read-only one written.
func Shown(shares []config.Mount, p csrc.Policy) []config.Mount {
	all := slices.Clone(shares)
	for i := range all {
		all[i].TargetOnly = all[i].TargetOnly || p.Version < 2 ||
			slices.ContainsFunc(shares, func(inner config.Mount) bool { return narrowsAtTarget(inner, shares[i]) })
	}
	return all
}

// narrowsAtTarget reports whether the agent has less of outer by inner, at outer's target and not at its own path.
func narrowsAtTarget(inner, outer config.Mount) bool {
	at, below := strings.CutPrefix(inner.Target, outer.Target+"/")
	between, nested := strings.CutPrefix(inner.Source, outer.Source+"/")
	covers := below && !(nested && at == between)
	return covers || nested && inner.TargetOnly && (inner.IsLayered() || inner.ReadOnly && !outer.ReadOnly)
}

// Kind is what is at the source of a share.
type Kind int

// The kinds of what can be there: Gone is neither a folder nor a file that could be shared.
const (
	Gone Kind = iota
	Folder
	File
)

// KindOf returns what is at the source of a share.
func KindOf(source string) Kind {
	info, err := os.Lstat(source)
	switch {
	case err == nil && info.IsDir():
		return Folder
	case err == nil && info.Mode().IsRegular():
		return File
	}
	return Gone
}

// Vanished reports whether the folder or file of a share is not there any more.
func Vanished(source string) bool { return KindOf(source) == Gone }
