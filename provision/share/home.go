// SPDX-License-Identifier: GPL-3.0-or-later

package share

import (
	"fmt"
	"io/fs"
	"strconv"

	"github.com/a4u2/au/internal/quote"
)

// Access says who may do what with a folder.
type Access struct {
	Mode     fs.FileMode
	UID, GID uint32
	ACL      ACL // nil: the mode alone
}

// Opening is an entry, of the mode or of the ACL, that lets others into a folder.
type Opening struct {
	Of    Access
	Entry ACLEntry
}

// Openings returns by which entries others than the owner can enter the folder: for everybody first. alone says that nobody but the
// owner is in a group.
func (a Access) Openings(alone func(gid uint32) bool) []Opening { return a.granting(1, alone) }

// Writers returns by which entries others than the owner can put something into the folder, or take it away.
func (a Access) Writers(alone func(gid uint32) bool) []Opening { return a.granting(2, alone) }

// granting returns the entries that give others a permission, as acl(5) counts: 2 write, 1 execute.
func (a Access) granting(perm uint16, alone func(gid uint32) bool) []Opening {
	entries := a.ACL
	if entries == nil {
		entries = ModeACL(uint32(a.Mode.Perm()))
	}
	mask := uint16(7)
	if i := entries.Find(ACLMask, 0); i >= 0 {
		mask = entries[i].Perm
	}
	var everybody, named []Opening
	for _, e := range entries {
		given := e.Perm&mask&perm != 0
		switch {
		case e.Tag == ACLOther && e.Perm&perm != 0:
			everybody = append(everybody, Opening{a, e})
		case e.Tag == ACLUser && given && e.ID != a.UID, e.Tag == ACLGroup && given, e.Tag == ACLOwnerGroup && given && !alone(a.GID):
			named = append(named, Opening{a, e})
		}
	}
	return append(everybody, named...)
}

// Who names them.
func (o Opening) Who() string {
	switch o.Entry.Tag {
	case ACLOther:
		return fmt.Sprintf("mode %04o", o.Of.Mode.Perm())
	case ACLOwnerGroup:
		return "group " + strconv.FormatUint(uint64(o.Of.GID), 10)
	}
	return "ACL " + o.Entry.text()
}

// Shut returns the command that shuts the folder at path to them.
func (o Opening) Shut(path string) string {
	path = quote.Word(path)
	switch o.Entry.Tag {
	case ACLOther:
		return "chmod o-rwx " + path
	case ACLOwnerGroup:
		if o.Of.ACL != nil {
			return "setfacl --modify g::--- " + path
		}
		return "chmod g-rwx " + path
	}
	return "setfacl --remove " + o.Entry.name() + " " + path
}
