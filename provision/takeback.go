// SPDX-License-Identifier: GPL-3.0-or-later

package provision

import (
	"io/fs"
	"slices"

	"github.com/a4u2/au/provision/share"
)

// TakeBack says whose files an agent of agent-as-unix-user's leaves behind, and whose they become. That program lets the agent into
// a share through the group that the agent and its human have in common. The group has an entry in the ACL of every file and the
// default ACL of every folder, and the share's top has the set-gid bit. The kernel hands the bit and the default ACL down to what
// is made below.
type TakeBack struct {
	Agent, Group      uint32 // the agent, and the group
	Human, HumanGroup uint32
	Since             int64 // when the agent was made, in nanoseconds since 1970: what is older has nothing handed down
}

// Inode is what a file's owner, mode and ACLs say.
type Inode struct {
	UID, GID        uint32
	Mode            fs.FileMode
	Access, Default share.ACL // Access is never nil
	Born            int64     // 0: this file system does not say
}

// Lost is what a folder had from the original, and has no more: the files in it may have it from there.
type Lost struct {
	SetGID  bool
	Default share.ACL
}

// After returns what a file or folder becomes, and what it loses. Of somebody else's only what names the group goes. above is what
// the folder that it is in has lost; top says that it is the top of a writable share.
func (t TakeBack) After(f Inode, above Lost, top bool) (Inode, Lost) {
	var lost Lost
	next := f
	mine := f.UID == t.Agent || f.UID == t.Human
	if f.UID == t.Agent {
		next.UID = t.Human
	}
	if f.GID == t.Group && mine {
		next.GID = t.HumanGroup
	}
	next.Access = f.Access.Without(share.ACLGroup, t.Group)
	next.Default, lost.Default = t.defaultAfter(f, above, next.Access)
	if mine && f.Mode&fs.ModeSetgid != 0 && t.gaveSetGID(f, above, top) {
		next.Mode &^= fs.ModeSetgid
		lost.SetGID = true
	}
	return next, lost
}

// gaveSetGID reports whether a folder has its set-gid bit from the original: as the top of a share, from the folder above, or from
// the agent, for its own group. Of another group than the human's own it is the human's: the original changes no group.
func (t TakeBack) gaveSetGID(f Inode, above Lost, top bool) bool {
	switch {
	case f.GID == t.Group:
		return true
	case f.GID != t.HumanGroup:
		return false
	}
	return top || above.SetGID && !t.older(f)
}

func (t TakeBack) older(f Inode) bool { return f.Born != 0 && f.Born < t.Since }

// defaultAfter returns a folder's default ACL, and the one that is lost where nothing is left of it. To a folder without one the
// original adds the entries of the folder's own ACL; below, those of the folder above.
func (t TakeBack) defaultAfter(f Inode, above Lost, access share.ACL) (next, lost share.ACL) {
	if f.Default.Find(share.ACLGroup, t.Group) < 0 {
		return f.Default, nil
	}
	next = f.Default.Without(share.ACLGroup, t.Group)
	base := func(a share.ACL) [3]uint16 {
		return [3]uint16{a.Perm(share.ACLOwner), a.Perm(share.ACLOwnerGroup), a.Perm(share.ACLOther)}
	}
	handedDown := above.Default != nil && !t.older(f) && base(above.Default) == base(f.Default)
	if next.Extended() || base(f.Default) != base(f.Access) && base(f.Default) != base(access) && !handedDown {
		return next, nil
	}
	return nil, f.Default
}

// HomeAfter returns what a file or folder in the agent's home becomes: what the group's entry gave to both, the agent and the human
// have each by name.
func (t TakeBack) HomeAfter(f Inode) Inode {
	f.Access, f.Default = t.byName(f.Access), t.byName(f.Default)
	return f
}

func (t TakeBack) byName(a share.ACL) share.ACL {
	i := a.Find(share.ACLGroup, t.Group)
	if i < 0 {
		return a
	}
	perm := a[i].Perm
	b := slices.Delete(slices.Clone(a), i, i+1)
	for _, uid := range []uint32{t.Agent, t.Human} {
		if b.Find(share.ACLUser, uid) < 0 {
			b = append(b, share.ACLEntry{Tag: share.ACLUser, Perm: perm, ID: uid})
		}
	}
	return b.Sorted()
}
