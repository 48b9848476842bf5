// SPDX-License-Identifier: GPL-3.0-or-later

// Package provision decides what must change for an agent to be as described: facts in, steps out. It reads and changes nothing
// itself.
package provision

import (
	"io/fs"
	"path"
	"slices"

	"github.com/a4u2/au/csrc"
	"github.com/a4u2/au/internal/accounts"
	"github.com/a4u2/au/provision/step"
)

// Where things are on every machine.
const (
	EtcDir   = "/etc/au"
	UnitDir  = "/etc/systemd/system"
	StateDir = csrc.StateDir
	AgesDir  = "/etc/tmpfiles.d"
)

// NoShell is the shell of an agent's account; that of its runs is in the policy. A program that is not there is more than
// nologin(8): sshd(8) refuses such a user before it forwards anything or serves files, and su(1), machinectl(1) and sudo -i have
// nothing to start.
const NoShell = "/nonexistent/nologin"

// DenyFiles keep users from crontab(1) and at(1). One that is not there is never made: it would let in all others whom its absence
// shuts out.
var DenyFiles = []string{"/etc/cron.deny", "/etc/at.deny"}

// GroupName returns the group of the humans who may enter the agent.
func GroupName(agent string) string { return "su-as-" + agent }

// Comment returns the comment field of a user that au made; tag is the policy's. (passwd(5): no colon.)
func Comment(tag string) string { return "au agent " + tag }

// User and Group are lines of passwd(5) and group(5).
type (
	User  = accounts.User
	Group = accounts.Group
)

// Path is what lstat(2) and getfacl(1) say of a path.
type Path struct {
	Exists   bool
	Mode     fs.FileMode
	UID, GID uint32
	ACL      []string // numeric entries such as "user:1001:rwx" and "default:mask::rwx"; nil where there are only the mode bits
	NoSuid   bool     // the file system is mounted nosuid
	SHA256   string   // of a regular file that could be read
	Stamp    string   // the entrypoint's, from before SHA256 was taken (csrc.Stamp)
}

// Unit is what systemd says of the agent's keeper.
type Unit struct {
	Systemd bool              // systemd runs the machine
	Text    string            // of the unit file; empty where there is none
	Temp    bool              // the unit file was being written
	Beside  map[string]string // what BesideKeeper names, as far as it is there
	Enabled bool              // starts at boot
	Active  bool              // runs now
	Err     error             // why systemd did not say whether it runs
	Cgroups []string          // the folders below /sys/fs/cgroup that a run joins; as read from the keeper, or as v2 will have them
	Sleep   string            // absolute path of sleep(1)
}

// IDs are the numbers a new agent would get.
type IDs struct{ UID, GID, Group uint32 }

// Facts are what the plans depend on, as read from the machine at one moment.
type Facts struct {
	Name       string // of the agent
	Human      User
	Session    []uint32 // groups of the running session
	Agent      *User    // nil: no such user
	Group      *Group   // su-as-NAME; nil: no such group
	Private    *Group   // the agent's own group; nil: no such group
	Unexpired  bool     // its account is known not to have expired
	Mail       string   // the mail server that runs what the agent's ~/.forward says; empty: there is none, or an alias takes the agent's mail
	Deny       []string // those of DenyFiles that are there
	Undenied   bool     // one of them is known not to name the agent
	Policy     *csrc.Policy
	PolicyText string
	PolicyErr  error // the policy is there and cannot be used
	Declared   bool  // the NixOS configuration of the machine declares the agent
	PolicyTemp bool  // a policy was being written: the first thing that `au new` does
	UserGroups bool  // userdel(8) removes the private group with the user: login.defs(5) USERGROUPS_ENAB
	Next       IDs
	NewTag     string // a fresh tag for a policy that is still to be written
	Shell      string // the shell of a new agent

	Etc, PolicyFolder, Libexec, LibexecAu, EntrypointFolder Path
	Home, HomeSSH, HomeGnuPG                                Path
	State, StateFolder, LimitsFolder, AgesFolder            Path
	ManagerFolder                                           Path
	EtcEmpty, PolicyFolderEmpty                             bool
	HomesLink                                               bool       // /home is a symbolic link, as on Fedora Silverblue
	HomeReadable                                            bool       // au can see what is in it
	KeptUID                                                 uint32     // whom a closed home was kept for, where nobody has that uid
	HomeOwner                                               string     // name of the user who owns Home; empty: nobody has that uid
	HomeGroup                                               string     // and of its group, where Group is not there
	Skel                                                    []SkelPart // of skel(5), the parts that the home lacks
	SkelHalf                                                []string   // what the home has of it as cp(1) left it, in a plan that was cut short
	SkelUnreadable                                          []string   // and what of that the agent cannot read
	Entrypoint                                              Path
	Source                                                  Source
	Unit                                                    Unit
	UIDUser                                                 string    // who has the uid that the policy names
	Homes                                                   []string  // real paths of people's homes, root's and the policy's humans' among them
	Way                                                     error     // why the way to the entrypoint or the policies cannot be trusted
	HiddenAt                                                []string  // where links lead that the policy hides
	HumansGone                                              []string  // those of the policy whose uid is another's by now, or nobody's
	Missing                                                 []string  // programs that are needed and not installed
	Seen                                                    step.Seen // root's files that the facts are from, as far as others change them at the same time
	Self                                                    string    // the path of au by which it is called
	Spools                                                  []string  // folders of mail, cron and at that exist
	Leftovers                                               Leftovers
}

// SkelPart are files, and whole folders, that go into one folder of the home. That is the home itself if Folder is empty, or one
// that is made for them, because not everything in it can be read.
type SkelPart struct {
	Folder string
	Files  []string // in which there is no link
	Links  []string
}

// made returns where the files of the part are once they have been copied.
func (s SkelPart) made(to string) []string {
	var all []string
	for _, file := range s.Files {
		all = append(all, path.Join(to, path.Base(file)))
	}
	return all
}

// Source is the entrypoint that would be installed.
type Source struct {
	Path   string
	SHA256 string
}

// Leftovers are things outside the agent's own folders that `au delete` takes along.
type Leftovers struct {
	DropIns []string // folders of drop-ins for the agent's slice
	Limits  bool     // au's record of what it set there
	Linger  bool
}

// Ours reports whether the user is the one the policy was written for: same uid, and the policy's tag in its comment.
func (f Facts) Ours() bool {
	return f.Agent != nil && f.Policy != nil && f.Agent.UID == f.Policy.UID && f.Agent.Comment == Comment(f.Policy.Tag)
}

// hasACL reports whether p has every one of the entries.
func (p Path) hasACL(entries []string) bool {
	return !slices.ContainsFunc(entries, func(e string) bool { return !slices.Contains(p.ACL, e) })
}
