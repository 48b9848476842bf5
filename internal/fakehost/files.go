// SPDX-License-Identifier: GPL-3.0-or-later

package fakehost

import (
	"maps"
	"path"
	"slices"
	"strings"
)

// Kind is what is at a path.
type Kind int

const (
	Regular Kind = iota
	Folder
	Link
)

// File is what is at a path: Text is what a regular file holds, or where a link leads.
type File struct {
	Kind Kind
	Text string
	Node
}

// Node is the owner, mode and ACL of a path.
type Node struct {
	UID, GID uint32
	Mode     uint32  // of chmod(2)
	ACL      entries `json:",omitempty"` // nil where the mode says it all
	Default  entries `json:",omitempty"` // of a folder, for what is made in it
}

// File returns what is at a path; nil: nothing does.
func (h *Host) File(name string) *File { return h.files[h.clean(name)] }

// Text returns what a file holds, nothing where there is none.
func (h *Host) Text(name string) string {
	if f := h.File(name); f != nil {
		return f.Text
	}
	return ""
}

// Put makes a file, and root's folders above it.
func (h *Host) Put(name, text string, n Node) {
	h.mkdirAll(path.Dir(name))
	h.files[name] = &File{Text: text, Node: n}
}

// PutFolder makes a folder, and root's folders above it.
func (h *Host) PutFolder(name string, n Node) {
	h.mkdirAll(name)
	h.files[name].Node = n
}

// PutLink makes a symbolic link.
func (h *Host) PutLink(name, target string, uid uint32) {
	h.files[name] = &File{Kind: Link, Text: target, Node: Node{UID: uid, GID: uid, Mode: 0o777}}
}

// Remove takes a path away, and all below it.
func (h *Host) Remove(name string) {
	for _, below := range h.below(name) {
		delete(h.files, below)
	}
	delete(h.files, name)
}

// clean returns a path as the machine has it, whether or not it is given as it is shown below Root.
func (h *Host) clean(name string) string {
	for h.Root != "" && strings.HasPrefix(name, h.Root) { // twice, where it is a home's, which has it already
		name = name[len(h.Root):]
	}
	return path.Clean("/" + name)
}

func (h *Host) mkdirAll(name string) {
	for ; name != "/" && h.files[name] == nil; name = path.Dir(name) {
		h.files[name] = &File{Kind: Folder, Node: Node{Mode: 0o755}}
	}
}

// below returns all paths inside a folder, in order.
func (h *Host) below(folder string) (all []string) {
	for name := range h.files {
		if strings.HasPrefix(name, strings.TrimSuffix(folder, "/")+"/") {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// writable fails unless the caller may make something at a path.
func (c *call) writable(name string) error {
	var groups []uint32
	for _, g := range c.teams() {
		if slices.ContainsFunc(g.members, func(m string) bool { a, _ := c.user(m); return a.uid == c.uid }) {
			groups = append(groups, g.gid)
		}
	}
	switch up := c.files[path.Dir(name)]; {
	case up == nil || up.Kind != Folder:
		return fail(1, "cannot create '%s': No such file or directory", name)
	case !c.May(c.uid, groups, path.Dir(name), 'w'):
		return fail(1, "cannot create '%s': Permission denied", name)
	}
	return nil
}

// settle gives a new path the caller for its owner, and what the folder above hands down (acl(5), inode(7)).
func (c *call) settle(name string, f File) {
	up := c.files[path.Dir(name)]
	mode := map[Kind]uint32{Regular: 0o666, Folder: 0o777}[f.Kind]
	f.UID, f.Mode = c.uid, mode&^0o022
	for _, a := range c.accounts() {
		if a.uid == c.uid {
			f.GID = a.gid
		}
	}
	if up.Default != nil {
		f.Mode = mode
		f.inherit(up.Default, f.Kind == Folder)
	}
	if up.Mode&0o2000 != 0 {
		f.GID = up.GID
		if f.Kind == Folder {
			f.Mode |= 0o2000
		}
	}
	c.files[name] = &f
}

// paths returns all paths in order.
func (h *Host) paths() []string { return slices.Sorted(maps.Keys(h.files)) }
