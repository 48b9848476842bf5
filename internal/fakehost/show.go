// SPDX-License-Identifier: GPL-3.0-or-later

package fakehost

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Dump returns all that can be known of the machine: a line for each path and process, and below a file's what it holds.
func (h *Host) Dump() string {
	var b strings.Builder
	for _, name := range h.paths() {
		f := h.files[name]
		fmt.Fprintf(&b, "%s %s %04o %d:%d", name, []string{"file", "folder", "link"}[f.Kind], f.Mode, f.UID, f.GID)
		if acl := f.list(); acl != nil {
			fmt.Fprintf(&b, " %s", strings.Join(acl, ","))
		}
		if f.Text != "" {
			fmt.Fprintf(&b, "\n\t%s", strings.ReplaceAll(strings.TrimSuffix(f.Text, "\n"), "\n", "\n\t"))
		}
		b.WriteByte('\n')
	}
	for _, line := range h.listProcesses() {
		fmt.Fprintf(&b, "process %s\n", line)
	}
	return b.String()
}

// Differ returns the lines that only one of two dumps has, those of the first behind a -.
func Differ(before, after string) string {
	count := func(text string) map[string]int {
		lines := map[string]int{}
		for line := range strings.Lines(text) {
			lines[line]++
		}
		return lines
	}
	var b strings.Builder
	old, now := count(before), count(after)
	for line := range strings.Lines(before) {
		if now[line]--; now[line] < 0 {
			b.WriteString("- " + line)
		}
	}
	for line := range strings.Lines(after) {
		if old[line]--; old[line] < 0 {
			b.WriteString("+ " + line)
		}
	}
	return b.String()
}

// kept is what files below Root cannot say.
type kept struct {
	Nodes map[string]Node
	Procs map[int]*Process
}

// Show makes the files below Root those of the machine. The user of the test can read and write them all.
func (h *Host) Show() error {
	for name := range h.shown {
		if h.files[name] == nil {
			if err := os.RemoveAll(h.Root + name); err != nil {
				return err
			}
			delete(h.shown, name)
		}
	}
	if h.shown == nil {
		h.shown = map[string]File{}
	}
	for _, name := range h.paths() {
		f := h.files[name]
		if old, ok := h.shown[name]; ok && old.Kind == f.Kind && old.Text == f.Text && old.Mode == f.Mode {
			continue
		}
		if err := show(h.Root+name, f); err != nil {
			return err
		}
		h.shown[name] = *f
	}
	return nil
}

// show makes one path with its mode, but for what would keep the test out.
func show(real string, f *File) error {
	mode := fs.FileMode(f.Mode & 0o777)
	if f.Kind == Folder {
		return errors.Join(os.MkdirAll(real, 0o700), os.Chmod(real, mode|0o700))
	}
	if err := os.MkdirAll(filepath.Dir(real), 0o755); err != nil {
		return err
	}
	if err := os.Remove(real); err != nil && !os.IsNotExist(err) {
		return err
	}
	if f.Kind == Link {
		return os.Symlink(f.Text, real)
	}
	return errors.Join(os.WriteFile(real, []byte(f.Text), 0o600), os.Chmod(real, mode|0o600))
}

// Save shows the machine, and keeps the rest of it beside Root for Open.
func (h *Host) Save() error {
	k := kept{map[string]Node{}, h.Procs}
	for name, f := range h.files {
		k.Nodes[name] = f.Node
	}
	text, err := json.Marshal(k)
	if err == nil {
		err = os.WriteFile(h.Root+".kept", text, 0o600)
	}
	if err == nil {
		err = h.Show()
	}
	return err
}

// Reload takes over what another process has saved.
func (h *Host) Reload() error {
	saved, err := Open(h.Root)
	if err == nil {
		h.files, h.shown, h.Procs = saved.files, saved.shown, saved.Procs
	}
	return err
}

// Open returns the machine that Save left below root, with what has changed in its files since. A new file there is its
// folder's owner's.
func Open(root string) (*Host, error) {
	var k kept
	text, err := os.ReadFile(root + ".kept")
	if err == nil {
		err = json.Unmarshal(text, &k)
	}
	if err != nil {
		return nil, err
	}
	h := &Host{Root: root, UID: 1000, Groups: []uint32{1000}, Procs: k.Procs, files: map[string]*File{}, shown: map[string]File{}}
	err = filepath.WalkDir(root, func(real string, d fs.DirEntry, err error) error {
		name := strings.TrimPrefix(real, root)
		if err != nil || name == "" {
			return err
		}
		f := &File{Node: Node{Mode: 0o644}}
		switch {
		case d.IsDir():
			f.Kind, f.Mode = Folder, 0o755
		case d.Type() == fs.ModeSymlink:
			f.Kind, f.Mode = Link, 0o777
			f.Text, err = os.Readlink(real)
		default:
			var text []byte
			text, err = os.ReadFile(real)
			f.Text = string(text)
		}
		if n, ok := k.Nodes[name]; ok {
			f.Node = n
		} else if up := h.files[path.Dir(name)]; up != nil {
			f.UID, f.GID = up.UID, up.GID
		}
		h.files[name], h.shown[name] = f, *f
		return err
	})
	return h, err
}

// info is what lstat(2) says on the machine.
type info struct {
	name string
	*File
}

func (i info) Name() string       { return path.Base(i.name) }
func (i info) Size() int64        { return int64(len(i.Text)) }
func (i info) IsDir() bool        { return i.Kind == Folder }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) Sys() any           { return &syscall.Stat_t{Uid: i.UID, Gid: i.GID, Nlink: 1} }

func (i info) Mode() fs.FileMode {
	m := fs.FileMode(i.File.Mode&0o777) | []fs.FileMode{0, fs.ModeDir, fs.ModeSymlink}[i.Kind]
	for bit, mode := range map[uint32]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if i.File.Mode&bit != 0 {
			m |= mode
		}
	}
	return m
}

// Lstat is os.Lstat for a path of the machine, or below Root, as the host's own user sees it.
func (h *Host) Lstat(name string) (fs.FileInfo, error) {
	name = h.clean(name)
	for folder := path.Dir(name); folder != "/"; folder = path.Dir(folder) {
		if h.files[folder] != nil && !h.May(h.UID, h.Groups, folder, 'x') {
			return nil, &fs.PathError{Op: "lstat", Path: name, Err: syscall.EACCES}
		}
	}
	if h.files[name] == nil {
		return nil, &fs.PathError{Op: "lstat", Path: name, Err: syscall.ENOENT}
	}
	return info{name, h.files[name]}, nil
}

// ReadDir is os.ReadDir for such a path.
func (h *Host) ReadDir(name string) ([]fs.DirEntry, error) {
	name = h.clean(name)
	switch f := h.files[name]; {
	case f == nil:
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.ENOENT}
	case f.Kind != Folder:
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.ENOTDIR}
	case !h.May(h.UID, h.Groups, name, 'r'):
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EACCES}
	}
	var all []fs.DirEntry
	for _, below := range h.below(name) {
		if path.Dir(below) == name {
			all = append(all, fs.FileInfoToDirEntry(info{below, h.files[below]}))
		}
	}
	return all, nil
}
