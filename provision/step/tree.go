// SPDX-License-Identifier: GPL-3.0-or-later

package step

import (
	"context"
	"errors"
	"os"
	"path"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Tree is a folder to be walked by file descriptor: whoever can write in it, and swaps folders for links meanwhile, leads the walk nowhere else.
type Tree struct {
	fd      int
	resolve uint64
	Visited atomic.Int64 // files so far, for those who watch
}

// TreeEntry is a file of a tree: Name in the folder that is open as Dir, as long as the visit lasts.
type TreeEntry struct {
	Path string // below the tree's root; "." for that itself
	Name string
	Dir  int
	Stat unix.Stat_t
}

// OpenTree opens the folder at an absolute path in which no component is a symbolic link. oneFileSystem leaves out what is mounted below it.
func OpenTree(root string, oneFileSystem bool) (*Tree, error) {
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
		fd, err := unix.Openat2(at, part, &how)
		for err == unix.EAGAIN || err == unix.EINTR { // a rename elsewhere, openat2(2)
			fd, err = unix.Openat2(at, part, &how)
		}
		if owned {
			unix.Close(at)
		}
		if err != nil || rest == "" {
			return fd, err
		}
		at, owned, rel = fd, true, rest
	}
}

// Walk visits the root and everything below it, several folders at a time, so visit must be ready to be called at once from more than one goroutine. A folder
// that cannot be read is told to unreadable. What is renamed meanwhile may be visited twice or not at all.
func (t *Tree) Walk(ctx context.Context, visit func(TreeEntry) error, unreadable func(path string, err error)) error {
	w := &walk{Tree: t, visit: visit, unreadable: unreadable}
	w.wake.L = &w.mu
	var top TreeEntry
	if err := unix.Fstat(t.fd, &top.Stat); err != nil {
		return err
	}
	top.Path, top.Name, top.Dir = ".", ".", t.fd
	if err := visit(top); err != nil {
		return err
	}
	w.queue = []string{"."}
	stop := context.AfterFunc(ctx, func() { w.fail(context.Cause(ctx)) })
	defer stop()
	var workers sync.WaitGroup
	for range max(2, min(runtime.NumCPU(), 8)) {
		workers.Go(w.work)
	}
	workers.Wait()
	return w.err
}

type walk struct {
	*Tree
	visit      func(TreeEntry) error
	unreadable func(string, error)
	mu         sync.Mutex
	wake       sync.Cond
	queue      []string // folders still to be read
	busy       int      // workers that may add some
	err        error
}

func (w *walk) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
	w.wake.Broadcast()
}

// next waits for a folder; ok is false when all have been read.
func (w *walk) next() (folder string, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.queue) == 0 && w.busy > 0 && w.err == nil {
		w.wake.Wait()
	}
	if len(w.queue) == 0 || w.err != nil {
		return "", false
	}
	// The newest first, which keeps the queue short.
	folder = w.queue[len(w.queue)-1]
	w.queue = w.queue[:len(w.queue)-1]
	w.busy++
	return folder, true
}

func (w *walk) done(found []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue = append(w.queue, found...)
	w.busy--
	w.wake.Broadcast()
}

func (w *walk) work() {
	buffer := make([]byte, 64<<10)
	for {
		folder, ok := w.next()
		if !ok {
			return
		}
		found, err := w.read(folder, buffer)
		if err != nil {
			w.fail(err)
		}
		w.done(found)
	}
}

// read visits what is in a folder and returns the folders among it.
func (w *walk) read(folder string, buffer []byte) (found []string, err error) {
	dir, err := w.Open(folder, unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		if !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR) && !errors.Is(err, unix.ELOOP) && !errors.Is(err, unix.EXDEV) {
			w.unreadable(folder, err)
		}
		return nil, nil
	}
	defer unix.Close(dir)
	var names []string
	for {
		n, err := unix.ReadDirent(dir, buffer)
		if err != nil {
			w.unreadable(folder, err)
			return found, nil
		}
		if n <= 0 {
			return found, nil
		}
		_, _, names = unix.ParseDirent(buffer[:n], -1, names[:0])
		for _, name := range names {
			e := TreeEntry{Path: path.Join(folder, name), Name: name, Dir: dir}
			if unix.Fstatat(dir, name, &e.Stat, unix.AT_SYMLINK_NOFOLLOW) != nil {
				continue // gone meanwhile
			}
			w.Visited.Add(1)
			if err := w.visit(e); err != nil {
				return found, err
			}
			if e.Stat.Mode&unix.S_IFMT == unix.S_IFDIR {
				found = append(found, e.Path)
			}
		}
	}
}
