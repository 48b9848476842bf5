// SPDX-License-Identifier: GPL-3.0-or-later

package fakehost

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// entries are those of an ACL (acl(5)): permissions 0 to 7 by "user:1001", "group:1002", "mask:"; and, of the three that the mode
// has too, "group:" in an access ACL, all of them in a default ACL.
type entries map[string]uint32

// union is what the mask is where nobody sets it: all that the group class has.
func (e entries) union() (all uint32) {
	for key, bits := range e {
		if key != "mask:" && key != "user:" && key != "other:" {
			all |= bits
		}
	}
	return all
}

// chmod sets the mode as chmod(2): where there is an ACL the group's bits are its mask.
func (n *Node) chmod(mode uint32) {
	n.Mode = mode
	if n.ACL != nil {
		n.ACL["mask:"] = mode >> 3 & 7
	}
}

// inherit gives a new path the default ACL of the folder above it, cut to the mode that it is made with.
func (n *Node) inherit(up entries, folder bool) {
	n.ACL = entries{}
	for key, bits := range up {
		n.ACL[key] = bits
	}
	n.ACL["mask:"] &= n.Mode >> 3 & 7
	n.Mode = n.Mode&^0o777 | (n.ACL["user:"]&(n.Mode>>6))<<6 | n.ACL["mask:"]<<3 | n.ACL["other:"]&n.Mode
	delete(n.ACL, "user:")
	delete(n.ACL, "other:")
	if folder {
		n.Default = entries{}
		for key, bits := range up {
			n.Default[key] = bits
		}
	}
}

// list returns the ACL as getfacl(1) shows it, nil where the mode says it all.
func (n Node) list() []string {
	if n.ACL == nil && n.Default == nil {
		return nil
	}
	access := entries{"user:": n.Mode >> 6 & 7, "group:": n.Mode >> 3 & 7, "other:": n.Mode & 7}
	for key, bits := range n.ACL {
		access[key] = bits
	}
	var all []string
	for i, e := range []entries{access, n.Default} {
		var keys []string
		for key := range e {
			keys = append(keys, key)
		}
		slices.SortFunc(keys, func(a, b string) int { return rank(a) - rank(b) })
		for _, key := range keys {
			all = append(all, []string{"", "default:"}[i]+key+":"+letters(e[key]))
		}
	}
	return all
}

// ACL returns a path's ACL so, default ACL and all.
func (h *Host) ACL(name string) []string {
	if f := h.files[h.clean(name)]; f != nil {
		return f.list()
	}
	return nil
}

// rank puts entries in getfacl's order: user, users, group, groups, mask, other.
func rank(key string) int {
	kind, id, _ := strings.Cut(key, ":")
	at := slices.Index([]string{"user", "group", "mask", "other"}, kind) << 40
	if id != "" {
		n, _ := strconv.Atoi(id)
		at += n + 1
	}
	return at
}

func letters(bits uint32) string {
	text := []byte("---")
	for i, l := range []byte("rwx") {
		if bits&(4>>i) != 0 {
			text[i] = l
		}
	}
	return string(text)
}

// May reports whether the user may read, write or enter a path (acl(5), "access check algorithm").
func (h *Host) May(uid uint32, groups []uint32, name string, want byte) bool {
	n := h.files[name]
	if n == nil || uid == 0 {
		return n != nil
	}
	bit := map[byte]uint32{'r': 4, 'w': 2, 'x': 1}[want]
	mask := n.Mode >> 3 & 7
	if named, ok := n.ACL[fmt.Sprintf("user:%d", uid)]; uid != n.UID && ok {
		return named&mask&bit != 0
	}
	if uid == n.UID {
		return n.Mode>>6&bit != 0
	}
	inGroup := false
	for _, g := range groups {
		named, ok := n.ACL[fmt.Sprintf("group:%d", g)]
		if g == n.GID {
			own := mask
			if n.ACL != nil {
				own = n.ACL["group:"]
			}
			named, ok = named|own, true
		}
		if inGroup = inGroup || ok; named&mask&bit != 0 {
			return true
		}
	}
	return !inGroup && n.Mode&bit != 0
}

// getfacl with the options that au reads ACLs with
func (c *call) getfacl() error {
	for _, option := range []string{"--absolute-names", "--omit-header", "--numeric", "--skip-base", "--no-effective"} {
		if !c.args.flag(option) {
			return fail(1, "want %s", option)
		}
	}
	name, err := c.args.operand()
	if err != nil {
		return err
	}
	f := c.File(name)
	if f == nil {
		return fail(1, "%s: No such file or directory", name)
	}
	for _, line := range f.list() {
		fmt.Fprintln(c.out, line)
	}
	return nil
}

// setfacl --modify ACL PATH, --remove ACL PATH, --remove-all PATH…, or --recursive --physical --remove ACL PATH
func (c *call) setfacl() error {
	modify, remove, all := c.args.value("--modify"), c.args.value("--remove"), c.args.flag("--remove-all")
	recursive := c.args.flag("--recursive")
	if recursive != c.args.flag("--physical") {
		return fail(1, "want --recursive and --physical together")
	}
	words, err := c.args.operands(1, 0)
	if err != nil {
		return err
	}
	if recursive {
		words = append(words, c.below(c.clean(words[0]))...)
	}
	return c.each(words, func(f *File) error {
		if all {
			f.clear()
			return nil
		}
		return c.changeACL(&f.Node, modify+remove, modify != "")
	})
}

// clear leaves only the mode, whose group bits become the group's own.
func (n *Node) clear() {
	if n.ACL != nil {
		n.Mode = n.Mode&^0o070 | n.ACL["group:"]<<3
	}
	n.ACL, n.Default = nil, nil
}

// changeACL adds or removes the entries of a specification, and sets the masks that it does not name.
func (c *call) changeACL(n *Node, spec string, add bool) error {
	access, defaults := copyOf(n.ACL), copyOf(n.Default)
	if _, ok := access["group:"]; !ok {
		access["group:"] = n.Mode >> 3 & 7
	}
	masked := map[bool]bool{}
	for _, word := range strings.Split(spec, ",") {
		isDefault, key, bits, err := c.entry(word, add)
		if err != nil {
			return err
		}
		into := access
		if isDefault {
			into = defaults
		}
		if add {
			into[key] = bits
		} else {
			delete(into, key)
		}
		masked[isDefault] = masked[isDefault] || key == "mask:"
	}
	for i, e := range []entries{access, defaults} {
		if len(e) > i && !masked[i == 1] {
			e["mask:"] = e.union()
		}
	}
	n.ACL, n.Default = access, nil
	if len(defaults) > 0 {
		n.Default = defaults
	}
	n.Mode = n.Mode&^0o070 | access["mask:"]<<3
	return nil
}

func copyOf(e entries) entries {
	into := entries{}
	for key, bits := range e {
		into[key] = bits
	}
	return into
}

// entry reads one of a specification, such as d:u:agent:rwx, or default:group:su-as-agent where entries are removed.
func (c *call) entry(word string, add bool) (isDefault bool, key string, bits uint32, err error) {
	w := strings.Split(word, ":")
	if w[0] == "d" || w[0] == "default" {
		isDefault, w = true, w[1:]
	}
	kind, ok := map[string]string{"u": "user", "user": "user", "g": "group", "group": "group", "m": "mask", "o": "other"}[w[0]]
	if !ok || len(w) != 3 && add || len(w) != 2 && !add {
		return false, "", 0, fail(2, "Invalid argument near %q", word)
	}
	who := ""
	if w[1] != "" {
		u, isUser := c.user(w[1])
		g, isGroup := c.group(w[1])
		switch {
		case number(w[1]) != nobody:
			who = w[1]
		case kind == "user" && isUser:
			who = fmt.Sprint(u.uid)
		case kind == "group" && isGroup:
			who = fmt.Sprint(g.gid)
		default:
			return false, "", 0, fail(2, "Invalid argument near %q", word)
		}
	}
	if add {
		for i, l := range []byte("rwx") {
			if w[2][i] == l {
				bits |= 4 >> i
			}
		}
	}
	return isDefault, kind + ":" + who, bits, nil
}
