// SPDX-License-Identifier: GPL-3.0-or-later

package fakehost

import (
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
)

// These are the programs of coreutils, with the options that au gives them.

// install -d -m MODE [-o USER -g GROUP] FOLDER, or install -m MODE [-o USER -g GROUP] /dev/stdin FILE: for tests, which prepare
// files with it
func (c *call) install() error {
	folder := c.args.flag("-d")
	mode, owner, group := c.args.value("-m"), c.args.value("-o"), c.args.value("-g")
	words, err := c.args.operands(1, 2)
	if err != nil {
		return err
	}
	bits, err := strconv.ParseUint(mode, 8, 16)
	if err != nil || folder != (len(words) == 1) || !folder && (words[0] != "/dev/stdin" || c.in == nil) {
		return fail(1, "want -d -m MODE FOLDER or -m MODE /dev/stdin FILE")
	}
	name := words[len(words)-1]
	if !folder {
		text, err := io.ReadAll(c.in)
		if err := c.writable(name); err != nil {
			return err
		}
		if err != nil {
			return err
		}
		c.files[name] = &File{Text: string(text)}
	} else if c.mkdirAll(name); c.files[name].Kind != Folder {
		return fail(1, "cannot create directory '%s': File exists", name)
	}
	f := c.files[name]
	if folder && len(mode) < 5 {
		bits |= uint64(f.Mode & 0o6000) // chmod(1): those of a folder go only by an explicit mode
	}
	if err := c.own(f, owner, group); err != nil {
		return err
	}
	f.chmod(uint32(bits))
	return nil
}

// own gives a path to a user and a group; none is as it is.
func (c *call) own(f *File, owner, group string) error {
	if u, ok := c.user(owner); ok {
		f.UID = u.uid
	} else if owner != "" {
		return fail(1, "invalid user: '%s'", owner)
	}
	if g, ok := c.group(group); ok {
		f.GID = g.gid
	} else if group != "" {
		return fail(1, "invalid group: '%s'", group)
	}
	return nil
}

// dd status=none of=FILE
func (c *call) dd() error {
	words, err := c.args.operands(2, 2)
	name, ok := strings.CutPrefix(words[len(words)-1], "of=")
	if err != nil || words[0] != "status=none" || !ok || c.in == nil {
		return fail(1, "want status=none of=FILE")
	}
	if err := c.writable(name); err != nil {
		return err
	}
	text, err := io.ReadAll(c.in)
	if c.files[name] == nil {
		c.files[name] = &File{Node: Node{UID: c.uid, Mode: 0o644}}
	}
	c.files[name].Text = string(text)
	return err
}

// chown USER:GROUP PATH
func (c *call) chown() error {
	words, err := c.args.operands(2, 2)
	if err != nil {
		return err
	}
	owner, group, _ := strings.Cut(words[0], ":")
	return c.each(words[1:], func(f *File) error {
		if f.Kind == Regular {
			f.Mode &^= 0o6000 // chown(2)
		}
		return c.own(f, owner, group)
	})
}

// mkdir [-p] [-m MODE] FOLDER…
func (c *call) mkdir() error {
	parents := c.args.flag("-p")
	bits := c.args.value("-m")
	mode, err := strconv.ParseUint("0"+bits, 8, 16)
	if err != nil {
		return fail(1, "invalid mode: '%s'", bits)
	}
	words, err := c.args.operands(1, 0)
	for _, name := range words {
		if f := c.files[name]; parents && f != nil && f.Kind == Folder {
			continue
		} else if f != nil {
			return fail(1, "cannot create directory '%s': File exists", name)
		}
		if parents {
			c.mkdirAll(path.Dir(name))
		}
		if err := c.writable(name); err != nil {
			return err
		}
		c.settle(name, File{Kind: Folder})
		if bits != "" {
			c.files[name].chmod(uint32(mode) | c.files[name].Mode&0o6000)
		}
	}
	return err
}

// cp -R FILE… FOLDER/
func (c *call) cp() error {
	if !c.args.flag("-R") {
		return fail(1, "want -R")
	}
	words, err := c.args.operands(2, 0)
	if err != nil {
		return err
	}
	for _, from := range words[:len(words)-1] {
		name := path.Join(words[len(words)-1], path.Base(from))
		if err := c.writable(name); err != nil {
			return err
		}
		switch f := c.files[from]; {
		case f != nil && f.Kind == Link:
			c.PutLink(name, f.Text, c.uid)
			continue
		case f == nil || f.Kind != Regular:
			return fail(1, "cannot copy '%s'", from)
		case c.uid != f.UID && f.Mode&0o004 == 0:
			return fail(1, "cannot open '%s' for reading: Permission denied", from)
		}
		c.settle(name, File{Text: c.files[from].Text})
		if made := c.files[name]; made.ACL != nil {
			made.chmod(made.Mode & c.files[from].Mode)
		}
	}
	return nil
}

// each calls f with the file at each path, all of which have to be there, and to be the caller's.
func (c *call) each(names []string, f func(*File) error) error {
	for _, name := range names {
		switch file := c.File(name); {
		case file == nil:
			return fail(1, "%s: No such file or directory", name)
		case c.uid != 0 && c.uid != file.UID:
			return fail(1, "%s: Operation not permitted", name)
		default:
			if err := f(file); err != nil {
				return err
			}
		}
	}
	return nil
}

// chmod MODE PATH…, with a mode of digits or one of those that au gives with letters, or chmod -R MODE PATH…
func (c *call) chmod() error {
	all := c.args.flag("-R")
	words, err := c.args.operands(2, 0)
	if err != nil {
		return err
	}
	bits, err := strconv.ParseUint(words[0], 8, 16)
	var change func(f *File) uint32
	switch {
	case words[0] == "u=rwx,go=,ug-s,-t":
		change = func(*File) uint32 { return 0o700 }
	case words[0] == "ug+rwX,o=,u-s,-t" && all:
		change = func(f *File) uint32 {
			if f.Kind == Folder || f.Mode&0o111 != 0 {
				return f.Mode&0o2110 | 0o770
			}
			return f.Mode&0o2000 | 0o660
		}
	case err == nil && len(words[0]) < 5: // chmod(1): the set-id bits of a folder go only by an explicit mode
		change = func(f *File) uint32 { return uint32(bits) | map[Kind]uint32{Folder: f.Mode & 0o6000}[f.Kind] }
	case err == nil:
		change = func(*File) uint32 { return uint32(bits) }
	default:
		return fail(1, "invalid mode: '%s'", words[0])
	}
	if all {
		words = append(words, c.below(c.clean(words[1]))...)
	}
	return c.each(words[1:], func(f *File) error {
		if f.Kind == Link {
			return fail(1, "a link")
		}
		f.chmod(change(f))
		return nil
	})
}

// rm -f FILE…, or rm -rf [--one-file-system] PATH…; others than root have only what is in their home to remove
func (c *call) rm() error {
	c.args.flag("--one-file-system")
	all := c.args.flag("-rf")
	if !all && !c.args.flag("-f") {
		return fail(1, "want -f or -rf")
	}
	words, err := c.args.operands(1, 0)
	for _, name := range words {
		if f := c.files[name]; f != nil && f.Kind == Folder && !all {
			return fail(1, "cannot remove '%s': Is a directory", name)
		}
		if c.uid != 0 && !slices.ContainsFunc(c.accounts(), func(a account) bool { return a.uid == c.uid && strings.HasPrefix(name, "/home/"+a.name+"/") }) {
			return fail(1, "cannot remove '%s': Permission denied", name)
		}
		c.Remove(name)
	}
	return err
}

// rmdir [--ignore-fail-on-non-empty] FOLDER
func (c *call) rmdir() error {
	ignore := c.args.flag("--ignore-fail-on-non-empty")
	name, err := c.args.operand()
	if err != nil {
		return err
	}
	f, inside := c.files[name], c.below(name)
	switch {
	case f == nil || f.Kind != Folder:
		return fail(1, "failed to remove '%s': No such file or directory", name)
	case len(inside) > 0 && !ignore:
		return fail(1, "failed to remove '%s': Directory not empty", name)
	case len(inside) == 0:
		delete(c.files, name)
	}
	return nil
}

// mv -T FILE TO
func (c *call) mv() error {
	if !c.args.flag("-T") {
		return fail(1, "want -T")
	}
	words, err := c.args.operands(2, 2)
	if err != nil {
		return err
	}
	from, to := c.files[words[0]], c.files[words[1]]
	if from == nil || from.Kind == Folder || to != nil && to.Kind == Folder {
		return fail(1, "cannot move '%s' to '%s'", words[0], words[1])
	}
	if err := c.writable(words[1]); err != nil {
		return err
	}
	delete(c.files, words[0])
	c.files[words[1]] = from
	return nil
}

// ln -f FILE NAME
func (c *call) ln() error {
	if !c.args.flag("-f") {
		return fail(1, "want -f")
	}
	words, err := c.args.operands(2, 2)
	if err != nil {
		return err
	}
	from := c.files[words[0]]
	if from == nil || from.Kind != Regular {
		return fail(1, "failed to access '%s'", words[0])
	}
	if err := c.writable(words[1]); err != nil {
		return err
	}
	c.files[words[1]] = from
	return nil
}
