// SPDX-License-Identifier: GPL-3.0-or-later

package fakehost

import (
	"fmt"
	"slices"
	"strings"
)

// au files COMMAND, au end-entering AGENT, or au net COMMAND: what au has root do by itself, instead of by a program that the
// machine has
func (c *call) au() error {
	words := c.args.rest
	if len(words) > 0 && words[0] == "net" {
		return c.net()
	}
	if len(words) == 2 && words[0] == "end-entering" {
		c.args.rest = nil // nothing runs here
		return nil
	}
	if len(words) < 2 || words[0] != "files" {
		return fail(2, "unexpected arguments %q", words)
	}
	c.args.rest = words[2:]
	switch words[1] {
	case "take-over":
		return c.takeOver()
	case "deny", "undeny":
		return c.deny(words[1] == "deny")
	case "remove":
		return c.removeAll()
	case "clear":
		return c.clear()
	case "disarm":
		return c.disarm()
	case "take-back":
		return c.takeBack()
	}
	return fail(2, "unexpected arguments %q", words)
}

// au files take-over --uid UID --gid GID FOLDER
func (c *call) takeOver() error {
	uid, gid := number(c.args.value("--uid")), number(c.args.value("--gid"))
	home, err := c.args.operand()
	for _, name := range c.below(home) {
		f := c.files[name]
		owned, grouped := f.UID, f.GID
		if !slices.ContainsFunc(c.accounts(), func(a account) bool { return a.uid == owned }) {
			f.UID, f.Mode = uid, f.Mode&^0o4000
		}
		if !slices.ContainsFunc(c.teams(), func(g team) bool { return g.gid == grouped }) {
			f.GID = gid
		}
	}
	return err
}

// au files remove PATH…
func (c *call) removeAll() error {
	names, err := c.args.operands(1, 0)
	for _, name := range names {
		c.Remove(name)
	}
	return err
}

// au files deny|undeny NAME FILE
func (c *call) deny(add bool) error {
	words, err := c.args.operands(2, 2)
	if err != nil {
		return err
	}
	f := c.files[words[1]]
	if f == nil {
		return fail(1, "%s is not there", words[1])
	}
	f.Text = strings.ReplaceAll(f.Text, words[0]+"\n", "")
	if add {
		f.Text += words[0] + "\n"
	}
	return nil
}

// au files clear --uid UID FOLDER…
func (c *call) clear() error {
	uid := number(c.args.value("--uid"))
	folders, err := c.args.operands(1, 0)
	for _, folder := range folders {
		for _, name := range c.below(folder) {
			if f := c.files[name]; f.Kind != Folder && f.UID == uid {
				c.Remove(name)
			}
		}
	}
	return err
}

// au files disarm --group GID FOLDER…
func (c *call) disarm() error {
	gid := number(c.args.value("--group"))
	folders, err := c.args.operands(1, 0)
	for _, folder := range folders {
		for _, name := range c.below(folder) {
			if f := c.files[name]; f != nil && f.Kind == Regular && f.UID == 0 && f.GID == gid && f.Mode&0o6000 != 0 {
				c.Remove(name)
			}
		}
	}
	return err
}

// au files take-back --agent-uid UID --agent-gid GID --to UID --group GID --since TIME [--home FOLDER] [--share FOLDER]… FOLDER
func (c *call) takeBack() error {
	uid, gid := number(c.args.value("--agent-uid")), number(c.args.value("--agent-gid"))
	to, group := number(c.args.value("--to")), number(c.args.value("--group"))
	c.args.value("--since")
	home := c.args.value("--home")
	var shares []string
	for s := c.args.value("--share"); s != ""; s = c.args.value("--share") {
		shares = append(shares, s)
	}
	human, err := c.args.operand()
	if err != nil {
		return err
	}
	for _, name := range c.below(c.clean(human)) {
		f := c.files[name]
		if f.UID == uid {
			f.UID = to
		}
		if f.GID == gid {
			f.GID = group
		}
		f.endGroup(gid, nil)
	}
	for _, s := range shares {
		c.File(s).Mode &^= 0o2000
	}
	if home != "" {
		for _, name := range append(c.below(home), home) {
			c.files[name].endGroup(gid, []uint32{uid, to})
		}
	}
	return nil
}

// endGroup takes a group out of the ACLs, and lets the users in where it was.
func (n *Node) endGroup(gid uint32, users []uint32) {
	key := fmt.Sprintf("group:%d", gid)
	for _, e := range []entries{n.ACL, n.Default} {
		bits, ok := e[key]
		delete(e, key)
		for _, uid := range users {
			if ok {
				e[fmt.Sprintf("user:%d", uid)] = bits
			}
		}
	}
	if n.ACL != nil && !n.ACL.named() {
		mask := n.ACL["mask:"]
		n.Mode = n.Mode&^0o070 | n.ACL["group:"]&mask<<3
		n.ACL = nil
	}
	if n.Default != nil && !n.Default.named() {
		n.Default = nil
	}
}

// named reports whether the ACL names somebody.
func (e entries) named() bool {
	for key := range e {
		if kind, who, _ := strings.Cut(key, ":"); who != "" && kind != "mask" {
			return true
		}
	}
	return false
}
