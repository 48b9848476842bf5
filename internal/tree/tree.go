// SPDX-License-Identifier: GPL-3.0-or-later

// Package tree walks folders that somebody else can change meanwhile.
package tree

import (
	"math"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Tree is a folder to be walked by file descriptor: whoever can write in it, and swaps folders for links meanwhile, leads the walk
// nowhere else.
type Tree struct {
	fd      int
	resolve uint64
	Visited atomic.Int64       // files so far, for those who watch
	Last    func(*Folder) bool // if any: whether a walk leaves a folder for the end
	passed  atomic.Int64       // components of paths that the kernel has resolved
}

// Folder is a folder of a tree.
type Folder struct {
	Up      *Folder // nil for the tree's root
	Name    string
	Changed int64 // when it, or a folder above it, changed last, in nanoseconds since 1970; Always where no times are kept

	length   int    // of its path
	head     string // what a path that is too long begins with
	dev, ino uint64 // while what is below it is walked
}

// Entry is a file of a tree: Name in the folder that is open as Dir, as long as the visit lasts.
type Entry struct {
	In   *Folder // nil for the tree's root itself
	Name string
	Dir  int
	Stat unix.Stat_t
}

// Folder returns e, which is one.
func (e Entry) Folder() *Folder {
	f := &Folder{Up: e.In, Name: e.Name, Changed: e.Stat.Ctim.Nano()}
	if e.In == nil {
		return f
	}
	f.Changed = max(f.Changed, e.In.Changed)
	f.length, f.head = e.In.length+len("/")+len(e.Name), e.In.head
	if f.head == "" && f.length > headLength {
		f.head = e.In.Path()
	}
	return f
}

// Where folders are too deep for any path to lead there, what is shown of a path is its ends: all of the paths of a million
// folders, one in the other, are a million times as long as one.
const longest, headLength, tailLength = unix.PathMax, 500, 1000

// TooDeep reports whether no path leads to the folder, so that Path shows its ends only.
func (f *Folder) TooDeep() bool { return f.length > longest }

// Path is where the folder is below the tree's root, as it can be shown; "." for that itself.
func (f *Folder) Path() string {
	if f.Up == nil {
		return "."
	}
	var names []string
	left := longest
	if f.TooDeep() {
		left = tailLength
	}
	for ; f.Up != nil && left > 0; f = f.Up {
		names = append(names, f.Name)
		left -= len(f.Name) + len("/")
	}
	if f.Up != nil {
		names = append(names, f.head+"/…")
	}
	slices.Reverse(names)
	return strings.Join(names, "/")
}

// Path is where the file is, as that of a folder.
func (e Entry) Path() string { return e.Folder().Path() }

// Hold opens the file for itself, as its name may lead to another by now. A mount is another tree: EXDEV.
func (e Entry) Hold() (int, error) {
	return Openat2(e.Dir, e.Name, unix.OpenHow{Flags: unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_XDEV})
}

// Open opens the folder at an absolute path in which no component is a symbolic link. oneFileSystem leaves out what is mounted
// below it.
func Open(root string, oneFileSystem bool) (*Tree, error) {
	t := &Tree{resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS}
	if oneFileSystem {
		t.resolve |= unix.RESOLVE_NO_XDEV
	}
	var err error
	t.fd, err = unix.Openat2(unix.AT_FDCWD, root, &unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS})
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: root, Err: err}
	}
	return t, nil
}

// Close lets go of the folder.
func (t *Tree) Close() { unix.Close(t.fd) }

// FD is the open root.
func (t *Tree) FD() int { return t.fd }

// Numbered reports whether a file of the tree keeps its number for as long as it is there. FAT makes them up at each mount.
func (t *Tree) Numbered() bool {
	var on unix.Statfs_t
	return unix.Fstatfs(t.fd, &on) != nil || on.Type != unix.MSDOS_SUPER_MAGIC && on.Type != unix.EXFAT_SUPER_MAGIC
}

// KeepsTimes reports whether an open file gets a new ctime by whatever changes it, as on the disks of this machine. In a tmpfs it
// does not when it is written by a mapping that has been read before, nor in an overlay on one. Elsewhere it may get one long
// afterwards.
func KeepsTimes(fd int) bool {
	var on unix.Statfs_t
	if unix.Fstatfs(fd, &on) != nil {
		return false
	}
	switch on.Type {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.MSDOS_SUPER_MAGIC, unix.EXFAT_SUPER_MAGIC:
		return true
	}
	return false
}

// Always is when something changed of which nobody can tell when.
const Always = math.MaxInt64

// chunk is how much of a path one system call is given: a tree can be deeper than a path may be long.
const chunk = 4000

// Open opens what is at a path below the root.
func (t *Tree) Open(rel string, flags int) (int, error) {
	at, owned := t.fd, false
	for {
		part, rest := rel, ""
		if len(rel) > chunk {
			cut := strings.LastIndexByte(rel[:chunk], '/')
			part, rest = rel[:cut], rel[cut+1:]
		}
		how := unix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC), Resolve: t.resolve}
		if rest != "" {
			how.Flags = unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC
		}
		fd, err := Openat2(at, part, how)
		if owned {
			unix.Close(at)
		}
		if err != nil || rest == "" {
			return fd, err
		}
		at, owned, rel = fd, true, rest
	}
}

// Openat2 is openat2(2), done again where something was renamed meanwhile.
func Openat2(at int, path string, how unix.OpenHow) (int, error) {
	for {
		fd, err := unix.Openat2(at, path, &how)
		if err != unix.EAGAIN && err != unix.EINTR { // a rename elsewhere, Openat2(2)
			return fd, err
		}
	}
}
