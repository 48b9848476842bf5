// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
	"github.com/a4u2/au/provision/step"
)

// ShareFacts are what decides whether a folder, or a file, can be shared. Paths are absolute, clean and without symbolic links.
// Nothing in them depends on how much is in the folder.
type ShareFacts struct {
	Agent     string
	AgentHome string
	Human     User
	Home      string          // of the human, resolved
	HomeOpen  []share.Opening // how others can enter it
	Config    string          // the human's config file
	Source    Path
	Mounts    []share.MountPoint
	Kernel    Kernel
	Open      []share.OtherPlace // where others reach the folder, past the human's home
	Drafts    string             // where the human's drafts lie

	// Of a folder outside the human's home alone.
	Unfit   string   // why a folder above it does not lead there; "" where all do
	Exposed bool     // no folder above it keeps others out
	Homes   []string // people's
}

// Refusal says why a folder cannot be shared, and what mends that.
type Refusal struct{ Why, Hint string }

func (r *Refusal) Error() string { return r.Why }

func refuse(hint, format string, args ...any) error {
	return &Refusal{fmt.Sprintf(format, args...), hint}
}

// ShareTarget returns where in the agent's home a folder is seen: at target, which is below that home when it is relative, or,
// where it is empty, at the path that source has below the human's, or below /.
func ShareTarget(source, target string, f ShareFacts) (string, error) {
	if err := checkSource(source, f); err != nil {
		return "", err
	}
	if target == "" {
		var inside bool
		if target, inside = share.Within(f.Home, source); !inside {
			target = strings.TrimPrefix(source, "/")
		}
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(f.AgentHome, target)
	}
	target = filepath.Clean(target)
	if rel, ok := share.Within(f.AgentHome, target); !ok || rel == "." {
		return "", refuse("", "target %q: want a folder inside the agent's home %s, and not that home itself", target, f.AgentHome)
	}
	return target, nil
}

// isFile reports whether what is to be shared is a file.
func (f ShareFacts) isFile() bool { return f.Source.Mode.IsRegular() }

// CheckShare refuses a share that cannot be, or cannot hold beside those there are. want.Source is resolved, want.Target is
// ShareTarget's.
func CheckShare(want config.Mount, have []config.Mount, f ShareFacts) error {
	if err := checkSource(want.Source, f); err != nil {
		return err
	}
	if err := checkHide(want, f); err != nil {
		return err
	}
	if f.isFile() {
		if err := checkFile(want); err != nil {
			return err
		}
	}
	if len(have) >= csrc.MaxShares {
		return refuse("", "share %q: agent %q has %d shares, as many as a run can have", want.Source, f.Agent, len(have))
	}
	for _, other := range have {
		if err := CheckOverlap(want, other); err != nil {
			return err
		}
	}
	if !want.ReadOnly {
		if err := checkWritable(want, f); err != nil {
			return err
		}
	}
	if want.IsLayered() {
		return checkLayers(want, f)
	}
	if !want.ACL {
		return checkMapping(want, f)
	}
	if on := share.MountsOf(want.Source, f.Mounts); len(on) > 0 && on[0].Private {
		return refuse("", "share %q: its file system, %s, lets in nobody but who mounted it: mount it with the option allow_other", want.Source, on[0].Type)
	}
	return nil
}

// checkFile refuses a share of a file that would need more than a mount of it gives.
func checkFile(want config.Mount) error {
	switch {
	case want.Draft:
		return refuse("", "share %q: a draft is for a folder: want the folder that holds the file", want.Source)
	case !want.ReadOnly:
		return refuse("", "share %q: a file can be shared read-only alone: editors save by putting another file in its place, which a mount of it refuses (Device or resource busy); share its folder, or leave out --rw", want.Source)
	case want.ACL:
		return refuse("", "share %q: --acl is for folders: share the folder that it is in", want.Source)
	}
	return nil
}

// systemFolders are no places for a human's folder: the system's, and those that each run has for itself.
var systemFolders = []string{"/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/nix", "/proc", "/root", "/run", "/sbin", "/sys", "/tmp", "/usr", "/var/tmp"}

// checkSource refuses what is not a folder or a file of the human's own, in their home or where folders of people are.
func checkSource(source string, f ShareFacts) error {
	rel, inside := share.Within(f.Home, source)
	switch {
	case rel == "." && inside:
		return refuse("", "share %q: that is your whole home, keys and passwords included: want a folder in it", source)
	case !f.Source.Exists:
		return refuse("", "share %q: no such folder or file", source)
	case !f.Source.Mode.IsDir() && !f.isFile():
		return refuse("", "share %q: want a folder, or a regular file", source)
	case f.isFile() && f.Source.UID != f.Human.UID:
		return refuse("", "share %q: want a file that you own: it belongs to uid %d", source, f.Source.UID)
	case f.Source.UID != f.Human.UID:
		return refuse("", "share %q: want a folder that you own: it belongs to uid %d", source, f.Source.UID)
	case inside:
		return nil
	}
	return checkOutside(source, f)
}

// checkOutside refuses a folder outside the human's home that is not theirs alone to hand over.
func checkOutside(source string, f ShareFacts) error {
	for _, system := range systemFolders {
		if _, ok := share.Within(system, source); ok {
			return refuse("", "share %q: %s is the system's: want a folder in your home, or one of yours in a place such as /srv or /data", source, system)
		}
	}
	for _, home := range f.Homes {
		if _, ok := share.Within(source, home); ok {
			return refuse("", "share %q: it holds the home %s", source, home)
		}
	}
	if f.Unfit != "" {
		return refuse("", "share %q: %s: want each to be yours or root's, and no one else to write in it", source, f.Unfit)
	}
	return nil
}

// CheckOverlap refuses two shares of which one would hide, repeat or contradict the other. Allowed is a writable folder inside a
// read-only one, at its place there or elsewhere: the agent cannot move it away. The other way round would not hold: whoever can
// write the outer folder can rename what is above the inner one, and the next run would protect something else.
func CheckOverlap(want, other config.Mount) error {
	if want.Source == other.Source {
		return refuse("", "share %q: it is shared already, at %s", want.Source, other.Target)
	}
	if want.Target == other.Target {
		return refuse("", "target %q: the agent sees %s there already", want.Target, other.Source)
	}
	outer, inner := want, other
	between, nested := share.Within(outer.Source, inner.Source)
	if !nested {
		outer, inner = other, want
		between, nested = share.Within(outer.Source, inner.Source)
	}
	at, below := share.Within(outer.Target, inner.Target)
	counterpart := nested && below && at == between
	switch {
	case nested && inner.Draft && !outer.ReadOnly:
		return refuse("", "share %q: a draft of it cannot be inside %s, which the agent can write: want a draft of that", inner.Source, outer.Source)
	case nested && inner.ReadOnly && !outer.ReadOnly:
		return refuse("", "share %q: it cannot be read-only inside %s, which the agent can write", inner.Source, outer.Source)
	case counterpart && inner.ReadOnly == outer.ReadOnly && !inner.IsLayered() && !outer.IsLayered():
		return refuse("", "share %q: it is part of %s, so one of the two says nothing", inner.Source, outer.Source)
	case counterpart:
		return nil
	}
	for _, t := range [][2]config.Mount{{want, other}, {other, want}} {
		if at, below := share.Within(t[0].Target, t[1].Target); below {
			return refuse("", "target %q: it would hide %s of share %s", t[1].Target, at, t[0].Source)
		}
	}
	return nil
}

// checkWritable refuses a share in which the agent can write what only the human's closed home protects others from: a set-id file,
// and the config.
func checkWritable(want config.Mount, f ShareFacts) error {
	if _, inside := share.Within(f.Home, want.Source); !inside && f.Exposed && !want.ACL {
		return refuse("", "share %q: others can reach it, and could run files there that the agent leaves as yours: outside your home a writable share wants a folder above it that only you can enter", want.Source)
	} else if inside && len(f.HomeOpen) > 0 && !want.ACL {
		o := f.HomeOpen[0]
		return refuse(o.Shut(f.Home), "share %q: others (%s) can enter your home %s, and could run files there that the agent leaves as yours; a writable share wants it closed", want.Source, o.Who(), f.Home)
	}
	if len(f.Open) > 0 && !want.ACL {
		return refuse(Inert(f.Open[0]), "share %q: %s; a writable share wants that unmounted, or nosuid", want.Source, ReachedAt(f.Open[0]))
	}
	if err := checkDrafts(want, f); err != nil {
		return err
	}
	if _, ok := share.Within(want.Source, f.Config); ok {
		return refuse("", "share %q: it holds %s, which says what the agent sees: share it without --rw", want.Source, f.Config)
	}
	if _, ok := share.Within(ACLRecords(f.Config), want.Source); ok {
		return refuse("", "share %q: au keeps there what files' ACLs were: share it without --rw", want.Source)
	}
	if _, ok := share.Within(config.SeenRecords(f.Config), want.Source); ok {
		return refuse("", "share %q: au keeps there what it has found in shares: share it without --rw", want.Source)
	}
	return nil
}

// ACLRecords returns the folder, beside the human's config, with the ACLs of files from before they were shared.
func ACLRecords(config string) string { return strings.TrimSuffix(config, ".toml") + ".acl" }

// checkMapping refuses a folder on, or with a mount of, a file system that the kernel cannot show under another owner.
func checkMapping(want config.Mount, f ShareFacts) error {
	words := []string{"au", "mount", "add", "--agent", f.Agent}
	if !want.ReadOnly {
		words = append(words, "--rw")
	}
	hint := step.Command{Argv: append(words, "--acl", want.Source)}.Shell(nil)
	if f.isFile() {
		hint = ""
	}
	if f.Kernel.before(5, 12) {
		return refuse(hint, "share %q: this kernel (%s) cannot show a folder under another owner; 5.12 and later can", want.Source, f.Kernel)
	}
	for i, m := range share.MountsOf(want.Source, f.Mounts) {
		why := unmappable(m, f.Kernel)
		switch {
		case why == "":
			continue
		case i == 0:
			return refuse(hint, "share %q: its file system, %s, %s", want.Source, m.Type, why)
		}
		return refuse("", "share %q: %s, %s, is mounted in it and %s: unmount it, or share the folders beside it", want.Source, m.Point, m.Type, why)
	}
	return nil
}

// ReachedAt says what is wrong with a writable share that others reach at another place.
func ReachedAt(o share.OtherPlace) string {
	return "others can reach it at " + quote.Name(o.Path) + " as well, where your closed home does not keep them out, and could run files there that the agent leaves as yours"
}

// Inert returns the command after which nobody's set-id files count at that place.
func Inert(o share.OtherPlace) string {
	return "sudo mount -o remount,bind,nosuid " + quote.Word(o.Point)
}

// FindShares returns the shares that a person means by word: the one whose source it is, given relative to a folder, or whose
// target, given relative to the agent's home. More than one means that the word is ambiguous.
func FindShares(word, folder, agentHome string, all []config.Mount) []config.Mount {
	from := func(base string) string {
		if filepath.IsAbs(word) {
			return filepath.Clean(word)
		}
		return filepath.Join(base, word)
	}
	var found []config.Mount
	for _, m := range all {
		if m.Source == from(folder) || m.Target == from(agentHome) {
			found = append(found, m)
		}
	}
	return found
}

// startUp are places below a home that run by themselves when the human logs in, opens a terminal or types a command's name.
var startUp = []struct{ path, why string }{
	{".config/autostart", "your desktop starts the programs there"},
	{".config/systemd", "systemd starts the units there as you"},
	{".config/environment.d", "it sets variables for all you start"},
	{".config/fish", "fish runs it"},
	{".config/git", "git obeys it everywhere"},
	{".local/bin", "it is on your PATH"},
	{".local/share/applications", "your desktop starts the programs there"},
	{"bin", "it may be on your PATH"},
	{".ssh", "ssh obeys it, and it says who may log in as you"},
	{".gnupg", "gpg obeys it"},
	{".oh-my-zsh", "zsh runs it"},
}

// StartUp says why a writable share of source lets the agent act as the human at once; empty where nothing is known to.
func StartUp(source, home string) string {
	for _, s := range startUp {
		place := filepath.Join(home, s.path)
		if source == place {
			return fmt.Sprintf("%s: %s", source, s.why)
		}
		if _, ok := share.Within(source, place); ok {
			return fmt.Sprintf("%s holds %s: %s", source, place, s.why)
		}
		if _, ok := share.Within(place, source); ok {
			return fmt.Sprintf("%s is in %s: %s", source, place, s.why)
		}
	}
	return ""
}

// PartOf reports whether the agent sees inner, at the same place and with the same access, by outer alone.
func PartOf(inner, outer config.Mount) bool {
	between, nested := share.Within(outer.Source, inner.Source)
	at, below := share.Within(outer.Target, inner.Target)
	return nested && below && at == between && inner.ReadOnly == outer.ReadOnly && inner.Draft == outer.Draft && inner.HidesAs(outer)
}
