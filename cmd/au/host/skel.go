// SPDX-License-Identifier: GPL-3.0-or-later

package host

import (
	"errors"
	"io/fs"
	"path"
	"syscall"

	"github.com/a4u2/au/provision"
)

const skelDir = "/etc/skel"

// observeSkel reads the parts of skel(5) that the home lacks, and those that the agent, who is like any other user there, cannot
// read.
func (h *Host) observeSkel(f *provision.Facts, home string) {
	s := skel{h, f, home}
	s.folder("")
}

type skel struct {
	host  *Host
	facts *provision.Facts
	home  string
}

// folder looks at what is in a folder of it that is not copied whole.
func (s skel) folder(rel string) {
	entries, err := s.host.ReadDir(s.host.Root + path.Join(skelDir, rel))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.facts.SkelUnreadable = append(s.facts.SkelUnreadable, path.Join(skelDir, rel))
	}
	part := provision.SkelPart{Folder: rel}
	at := len(s.facts.Skel)
	s.facts.Skel = append(s.facts.Skel, part) // before what is below it
	for _, e := range entries {
		name := path.Join(rel, e.Name())
		switch readable, whole := s.look(name); {
		case rel == "" && s.host.Exists(path.Join(s.home, name)):
			s.half(path.Join(s.home, name))
		case e.Type()&fs.ModeSymlink != 0:
			part.Links = append(part.Links, path.Join(skelDir, name))
		case !readable:
			s.facts.SkelUnreadable = append(s.facts.SkelUnreadable, path.Join(skelDir, name))
		case whole:
			part.Files = append(part.Files, path.Join(skelDir, name))
		default:
			s.folder(name)
		}
	}
	if s.facts.Skel[at] = part; rel == "" && part.Files == nil && part.Links == nil {
		s.facts.Skel = append(s.facts.Skel[:at], s.facts.Skel[at+1:]...)
	}
}

// half notes a file in the home that was copied, and whose mode was still to be set. The later steps of a plan are not there then.
func (s skel) half(at string) {
	if s.facts.HomeSSH.Exists && s.facts.HomeGnuPG.Exists {
		return
	}
	info, err := s.host.Lstat(s.host.Root + at)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o060 == 0o060 {
		return
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid == s.facts.Home.UID {
		s.facts.SkelHalf = append(s.facts.SkelHalf, at)
	}
}

// look reports whether others can read a file or enter a folder, and whether it can be copied whole: they can read all that is
// below it, and no link is there.
func (s skel) look(name string) (readable, whole bool) {
	info, err := s.host.Lstat(s.host.Root + path.Join(skelDir, name))
	if err != nil {
		return false, false
	}
	switch mode := info.Mode(); {
	case mode&fs.ModeSymlink != 0:
		return true, false // chmod(1) of some systems follows it
	case mode.IsRegular():
		return mode.Perm()&0o004 != 0, true
	case !mode.IsDir() || mode.Perm()&0o005 != 0o005:
		return false, false
	}
	entries, err := s.host.ReadDir(s.host.Root + path.Join(skelDir, name))
	if err != nil {
		return false, false
	}
	for _, e := range entries {
		if readable, whole := s.look(path.Join(name, e.Name())); !readable || !whole {
			return true, false
		}
	}
	return true, true
}
