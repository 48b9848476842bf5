// SPDX-License-Identifier: GPL-3.0-or-later

package share

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ACL is a file's access control list, acl(5), in the kernel's order. nil: only mode bits.
type ACL []ACLEntry

// ACLEntry is one entry; ID counts for ACLUser and ACLGroup alone.
type ACLEntry struct {
	Tag  uint16
	Perm uint16 // 4 read, 2 write, 1 execute
	ID   uint32
}

// Tags as the kernel has them, linux/posix_acl.h.
const (
	ACLOwner      = 0x01
	ACLUser       = 0x02
	ACLOwnerGroup = 0x04
	ACLGroup      = 0x08
	ACLMask       = 0x10
	ACLOther      = 0x20
)

const (
	aclVersion = 2
	noID       = ^uint32(0)
)

// Attributes that hold a file's ACL and, of a folder, that of what is made in it.
const (
	ACLAccess  = "system.posix_acl_access"
	ACLDefault = "system.posix_acl_default"
)

// ParseACL reads the value of an ACL attribute.
func ParseACL(value []byte) (ACL, error) {
	if len(value) < 4 || (len(value)-4)%8 != 0 || binary.LittleEndian.Uint32(value) != aclVersion {
		return nil, fmt.Errorf("ACL of %d bytes: want version %d and whole entries", len(value), aclVersion)
	}
	var all ACL
	for b := value[4:]; len(b) > 0; b = b[8:] {
		e := ACLEntry{Tag: binary.LittleEndian.Uint16(b), Perm: binary.LittleEndian.Uint16(b[2:])}
		if e.Tag == ACLUser || e.Tag == ACLGroup {
			e.ID = binary.LittleEndian.Uint32(b[4:])
		}
		all = append(all, e)
	}
	return all, nil
}

// Value returns a as the kernel takes it. With the three base entries alone it leaves the file with mode bits.
func (a ACL) Value() []byte {
	b := binary.LittleEndian.AppendUint32(nil, aclVersion)
	for _, e := range a {
		b = binary.LittleEndian.AppendUint16(b, e.Tag)
		b = binary.LittleEndian.AppendUint16(b, e.Perm)
		id := e.ID
		if e.Tag != ACLUser && e.Tag != ACLGroup {
			id = noID
		}
		b = binary.LittleEndian.AppendUint32(b, id)
	}
	return b
}

// ModeACL returns the ACL that says what mode says.
func ModeACL(mode uint32) ACL {
	return ACL{{ACLOwner, uint16(mode >> 6 & 7), 0}, {ACLOwnerGroup, uint16(mode >> 3 & 7), 0}, {ACLOther, uint16(mode & 7), 0}}
}

// Extended reports whether a says more than a mode.
func (a ACL) Extended() bool { return len(a) > 3 }

func (a ACL) Find(tag uint16, id uint32) int {
	return slices.IndexFunc(a, func(e ACLEntry) bool { return e.Tag == tag && (e.ID == id || tag != ACLUser && tag != ACLGroup) })
}

func (a ACL) Perm(tag uint16) uint16 {
	if i := a.Find(tag, 0); i >= 0 {
		return a[i].Perm
	}
	return 0
}

// Grant returns a with the user let in. Nobody else gains anything: what the mask had kept from others, they lose in their own
// entries before it widens.
func (a ACL) Grant(uid uint32, perm uint16) ACL {
	b := slices.Clone(a)
	mask := b.Perm(ACLOwnerGroup)
	if i := b.Find(ACLMask, 0); i >= 0 {
		mask = b[i].Perm
		for j, e := range b {
			if e.Tag == ACLUser || e.Tag == ACLGroup || e.Tag == ACLOwnerGroup {
				b[j].Perm &= mask
			}
		}
		b[i].Perm |= perm
	} else {
		b = append(b, ACLEntry{ACLMask, mask | perm, 0})
	}
	if i := b.Find(ACLUser, uid); i >= 0 {
		b[i].Perm |= perm
	} else {
		b = append(b, ACLEntry{ACLUser, perm, uid})
	}
	return b.Sorted()
}

// Revoke returns a without the users; without anybody else named in it, it is a mode again.
func (a ACL) Revoke(uids ...uint32) ACL { return a.Without(ACLUser, uids...) }

// Without returns a without the users, or groups; once nobody else is named in it, it is a mode again. The mask keeps from those
// who stay whatever it kept from them before, and allows no more than one of them has.
func (a ACL) Without(tag uint16, ids ...uint32) ACL {
	b := slices.DeleteFunc(slices.Clone(a), func(e ACLEntry) bool { return e.Tag == tag && slices.Contains(ids, e.ID) })
	mask := b.Find(ACLMask, 0)
	if mask < 0 || len(b) == len(a) {
		return b
	}
	var all uint16
	named := false
	for _, e := range b {
		if e.Tag == ACLUser || e.Tag == ACLGroup || e.Tag == ACLOwnerGroup {
			all |= e.Perm
			named = named || e.Tag != ACLOwnerGroup
		}
	}
	if b[mask].Perm &= all; named {
		return b
	}
	b[b.Find(ACLOwnerGroup, 0)].Perm &= b[mask].Perm
	return slices.Delete(b, mask, mask+1)
}

func (a ACL) Sorted() ACL {
	slices.SortFunc(a, func(x, y ACLEntry) int {
		if x.Tag != y.Tag {
			return int(x.Tag) - int(y.Tag)
		}
		return int(int64(x.ID) - int64(y.ID))
	})
	return a
}

// ACLShare is a share that ACLs make.
type ACLShare struct {
	Agent, Human uint32
	Writable     bool
}

// Access returns what a file's or folder's ACL becomes.
func (s ACLShare) Access(a ACL, folder bool) ACL {
	perm := uint16(4)
	if s.Writable {
		perm |= 2
	}
	if folder || a.Perm(ACLOwner)&1 != 0 {
		perm |= 1
	}
	return a.Grant(s.Agent, perm)
}

// Default returns what a folder's default ACL becomes; a is nil where it has none, and then access, the folder's own, says what its
// owner, group and others get.
func (s ACLShare) Default(a, access ACL) ACL {
	if a == nil {
		a = ACL{{ACLOwner, access.Perm(ACLOwner), 0}, {ACLOwnerGroup, access.Perm(ACLOwnerGroup), 0}, {ACLOther, access.Perm(ACLOther), 0}}
	}
	perm := uint16(5)
	if s.Writable {
		perm |= 2
	}
	return a.Grant(s.Agent, perm).Grant(s.Human, 7)
}

// Undo returns what a becomes when the share ends and nothing is known of how it was before.
func (s ACLShare) Undo(a ACL) ACL { return a.Revoke(s.Agent, s.Human) }

// UndoDefault is Undo for a default ACL; nil where nothing that matters is left of it.
func (s ACLShare) UndoDefault(a ACL) ACL {
	if a = a.Revoke(s.Agent, s.Human); !a.Extended() {
		return nil
	}
	return a
}

// text writes the entries as getfacl --numeric does, a line each.
func (a ACL) text(prefix string) string {
	var out strings.Builder
	for _, e := range a {
		out.WriteString(prefix + e.text() + "\n")
	}
	return out.String()
}

// text writes an entry so.
func (e ACLEntry) text() string {
	perm := []byte("---")
	for i, letter := range []byte("rwx") {
		if e.Perm&(4>>i) != 0 {
			perm[i] = letter
		}
	}
	return e.name() + ":" + string(perm)
}

// name says whom the entry is for.
func (e ACLEntry) name() string {
	names := map[uint16]string{ACLOwner: "user", ACLUser: "user", ACLOwnerGroup: "group", ACLGroup: "group", ACLMask: "mask", ACLOther: "other"}
	id := ""
	if e.Tag == ACLUser || e.Tag == ACLGroup {
		id = strconv.FormatUint(uint64(e.ID), 10)
	}
	return names[e.Tag] + ":" + id
}

// SavedACL is what a file had before it was shared.
type SavedACL struct {
	Path            string // below the source
	Dev, Ino        uint64
	Access, Default ACL
}

// Text returns s as getfacl(1) writes it, so that a person can use it with setfacl --restore.
func (s SavedACL) Text() string {
	return fmt.Sprintf("# file: %s\n# inode: %d:%d\n%s%s\n", quotePath(s.Path), s.Dev, s.Ino, s.Access.text(""), s.Default.text("default:"))
}

// quotePath writes a path as getfacl(1) does: what is not printable, and a backslash, in octal.
func quotePath(path string) string {
	var out strings.Builder
	for _, c := range []byte(path) {
		if c <= ' ' || c == '\\' || c >= 0x7f {
			fmt.Fprintf(&out, `\%03o`, c)
		} else {
			out.WriteByte(c)
		}
	}
	return out.String()
}

// ParseSavedACLs reads what Text wrote, one after the other.
func ParseSavedACLs(text []byte) ([]SavedACL, error) {
	var all []SavedACL
	for n, line := range bytes.Split(text, []byte("\n")) {
		s := string(line)
		path, isFile := strings.CutPrefix(s, "# file: ")
		inode, isInode := strings.CutPrefix(s, "# inode: ")
		var err error
		switch {
		case s == "":
			continue
		case isFile:
			all = append(all, SavedACL{Path: Unescape(path)})
			continue
		case len(all) == 0:
			err = fmt.Errorf("want \"# file:\" first")
		case isInode:
			_, err = fmt.Sscanf(inode, "%d:%d", &all[len(all)-1].Dev, &all[len(all)-1].Ino)
		default:
			err = all[len(all)-1].read(s)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
	}
	return all, nil
}

func (s *SavedACL) read(line string) error {
	list := &s.Access
	if rest, ok := strings.CutPrefix(line, "default:"); ok {
		line, list = rest, &s.Default
	}
	w := strings.Split(line, ":")
	tags := map[string][2]uint16{"user": {ACLOwner, ACLUser}, "group": {ACLOwnerGroup, ACLGroup}, "mask": {ACLMask}, "other": {ACLOther}}
	if len(w) != 3 || len(w[2]) != 3 {
		return fmt.Errorf("%q: want an ACL entry", line)
	}
	tag, ok := tags[w[0]]
	if !ok || w[1] != "" && tag[1] == 0 {
		return fmt.Errorf("%q: want an ACL entry", line)
	}
	e := ACLEntry{Tag: tag[0]}
	if w[1] != "" {
		id, err := strconv.ParseUint(w[1], 10, 32)
		if err != nil {
			return fmt.Errorf("%q: want an id", line)
		}
		e.Tag, e.ID = tag[1], uint32(id)
	}
	for i, letter := range []byte("rwx") {
		if w[2][i] == letter {
			e.Perm |= 4 >> i
		}
	}
	*list = append(*list, e)
	return nil
}

// Before returns a file's ACLs for the end of the share. They are the earlier ones if nothing but the share has changed them since,
// else the present ones without the share's entries. saved is nil for a file that had none, or that is newer than the share.
func (s ACLShare) Before(access, def ACL, folder bool, saved *SavedACL) (ACL, ACL) {
	if saved == nil {
		return s.Undo(access), s.UndoDefault(def)
	}
	before, beforeDef := s.Undo(access), s.UndoDefault(def)
	if slices.Equal(access, s.Access(saved.Access, folder)) {
		before = saved.Access
	}
	if folder && slices.Equal(def, s.Default(saved.Default, saved.Access)) {
		beforeDef = saved.Default
	}
	return before, beforeDef
}
