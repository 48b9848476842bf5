// SPDX-License-Identifier: GPL-3.0-or-later

package tree

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Walk visits the root and everything below it, several folders at a time, so visit must be ready to be called at once from more
// than one goroutine. unreadable gets the folders that cannot be read. A file that is renamed meanwhile may be visited twice or not
// at all. It takes time and memory in proportion to the number of files, however deep they are.
func (t *Tree) Walk(ctx context.Context, visit func(Entry) error, unreadable func(path string, err error)) error {
	top := Entry{Name: ".", Dir: t.fd}
	if err := unix.Fstat(t.fd, &top.Stat); err != nil {
		return err
	}
	if err := visit(top); err != nil {
		return err
	}
	root, err := t.Open(".", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		unreadable(".", err)
		return nil
	}
	w := &walk{Tree: t, visit: visit, unreadable: unreadable, jobs: []job{{top.Folder(), root}}}
	w.wake.L = &w.mu
	stop := context.AfterFunc(ctx, func() { w.fail(context.Cause(ctx)) })
	defer stop()
	w.workers = max(2, min(runtime.NumCPU(), 8))
	var workers sync.WaitGroup
	for range w.workers {
		workers.Go(w.work)
	}
	workers.Wait()
	for _, j := range w.jobs { // after an error
		unix.Close(j.fd)
	}
	return w.err
}

// walk is what its workers share. Each goes down and up by itself, from one open folder to the next; one that has nothing to do is
// given a folder, open, by another.
type walk struct {
	*Tree
	visit      func(Entry) error
	unreadable func(string, error)
	workers    int
	idle       atomic.Int64 // workers that wait for a job
	failed     atomic.Bool
	moved      atomic.Int64 // folders that were not where they had been

	mu   sync.Mutex
	wake sync.Cond
	jobs []job
	last []*Folder // for the end
	err  error
}

// job is a folder to be walked, open.
type job struct {
	folder *Folder
	fd     int // -1: not yet
}

func (w *walk) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
	w.failed.Store(true)
	w.wake.Broadcast()
}

func (w *walk) give(j job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.jobs = append(w.jobs, j)
	w.wake.Signal()
}

// leave keeps a folder for the end.
func (w *walk) leave(f *Folder) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = append(w.last, f)
	w.wake.Signal()
}

// take waits for a job; ok is false when nobody has one left to give.
func (w *walk) take() (j job, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle.Add(1)
	for len(w.jobs) == 0 && len(w.last) == 0 && w.idle.Load() < int64(w.workers) && w.err == nil {
		w.wake.Wait()
	}
	if len(w.jobs) == 0 && len(w.last) > 0 {
		w.jobs = append(w.jobs, job{w.last[len(w.last)-1], -1})
		w.last = w.last[:len(w.last)-1]
	}
	if len(w.jobs) == 0 || w.err != nil {
		w.wake.Broadcast()
		return job{}, false
	}
	w.idle.Add(-1)
	j = w.jobs[len(w.jobs)-1]
	w.jobs = w.jobs[:len(w.jobs)-1]
	return j, true
}

func (w *walk) work() {
	buffer := make([]byte, 64<<10)
	for {
		j, ok := w.take()
		if !ok {
			return
		}
		if j.fd < 0 {
			j.fd = w.openByNames(j.folder)
		}
		if j.fd < 0 {
			continue
		}
		if err := w.descend(j, buffer); err != nil {
			w.fail(err)
		}
	}
}

// level is a folder on the way down, with the folders in it that are still to be walked.
type level struct {
	folder *Folder
	left   []*Folder
}

// descend walks what is below a folder, of which it closes the descriptor. It has one folder open, and one more while it reads
// that.
func (w *walk) descend(j job, buffer []byte) error {
	here := j.fd
	defer func() { unix.Close(here) }()
	left, err := w.enter(j, buffer)
	way := []level{{j.folder, left}}
	deep := len(way) // that of the open folder
	for err == nil && !w.failed.Load() {
		for len(way) > 0 && len(way[len(way)-1].left) == 0 {
			way = way[:len(way)-1]
		}
		if len(way) == 0 {
			return nil
		}
		top := &way[len(way)-1]
		if deep > len(way) && !w.climb(&here, deep-len(way), top.folder) {
			top.left = nil
			continue
		}
		deep = len(way)
		next := top.left[len(top.left)-1]
		top.left = top.left[:len(top.left)-1]
		fd := w.openIn(here, next)
		switch {
		case fd < 0:
			continue
		case len(top.left) > 0 && w.idle.Load() > 0:
			w.give(job{next, fd})
			continue
		}
		if left, err = w.enter(job{next, fd}, buffer); len(left) == 0 {
			unix.Close(fd)
			continue
		}
		unix.Close(here)
		here, way = fd, append(way, level{next, left})
		deep = len(way)
	}
	return err
}

// openIn opens a folder that was found in the one that is open; -1 where it has gone, or cannot be read.
func (w *walk) openIn(dir int, f *Folder) int {
	w.passed.Add(1)
	fd, err := Openat2(dir, f.Name, unix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: w.resolve})
	return w.opened(f, fd, err)
}

// openByNames opens a folder from the root, as openIn does.
func (w *walk) openByNames(f *Folder) int {
	fd, err := w.byNames(f)
	return w.opened(f, fd, err)
}

func (w *walk) opened(f *Folder, fd int, err error) int {
	if err == nil {
		return fd
	}
	if !slices.Contains([]error{unix.ENOENT, unix.ENOTDIR, unix.ELOOP, unix.EXDEV}, err) {
		w.unreadable(f.Path(), err)
	}
	return -1
}

func (w *walk) byNames(f *Folder) (int, error) {
	var names []string
	for ; f.Up != nil; f = f.Up {
		names = append(names, f.Name)
	}
	w.passed.Add(int64(len(names)))
	names = append(names, ".")
	slices.Reverse(names)
	return w.Open(strings.Join(names, "/"), unix.O_RDONLY|unix.O_DIRECTORY)
}

// climb replaces the open folder by one above it. That one is known by its number: what is moved meanwhile leads nowhere else.
func (w *walk) climb(here *int, levels int, to *Folder) bool {
	fd, err := w.ancestor(*here, levels)
	if err == nil && !to.is(fd) {
		unix.Close(fd)
		err = ErrMoved
	}
	if err != nil {
		if fd, err = w.again(to); err != nil {
			w.unreadable(to.Path(), err)
			return false
		}
	}
	unix.Close(*here)
	*here = fd
	return true
}

// ErrMoved is for a folder that was moved while somebody was in it.
var ErrMoved = errors.New("it was moved while it was looked into")

// ancestor opens the folder that is so many levels above one.
func (w *walk) ancestor(fd, levels int) (int, error) {
	const most = chunk / len("../")
	w.passed.Add(int64(levels))
	first := fd
	for levels > 0 {
		part := min(levels, most)
		levels -= part
		up, err := unix.Openat(fd, strings.Repeat("../", part), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		if fd != first {
			unix.Close(fd)
		}
		if err != nil {
			return -1, err
		}
		fd = up
	}
	return fd, nil
}

// mostMoved is how many folders are looked for from the root again, which takes as long as they are deep.
const mostMoved = 100

// again looks for a folder by its names.
func (w *walk) again(to *Folder) (int, error) {
	if w.moved.Add(1) > mostMoved {
		return -1, ErrMoved
	}
	fd, err := w.byNames(to)
	if err == nil && !to.is(fd) {
		unix.Close(fd)
		return -1, ErrMoved
	}
	return fd, err
}

// is reports whether the folder is the one that is open.
func (f *Folder) is(fd int) bool {
	var st unix.Stat_t
	return unix.Fstat(fd, &st) == nil && uint64(st.Dev) == f.dev && st.Ino == f.ino
}

// enter visits what is in a folder and returns the folders among it.
func (w *walk) enter(j job, buffer []byte) (found []*Folder, err error) {
	var names []string
	if !KeepsTimes(j.fd) {
		j.folder.Changed = Always
	}
	for {
		n, err := unix.ReadDirent(j.fd, buffer)
		if err != nil {
			w.unreadable(j.folder.Path(), err)
			break
		}
		if n <= 0 {
			break
		}
		_, _, names = unix.ParseDirent(buffer[:n], -1, names[:0])
		for _, name := range names {
			if w.failed.Load() {
				return nil, nil
			}
			e := Entry{In: j.folder, Name: name, Dir: j.fd}
			if err := unix.Fstatat(j.fd, name, &e.Stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
				if err != unix.ENOENT { // it may have gone meanwhile
					w.unreadable(e.Path(), err)
				}
				continue
			}
			w.Visited.Add(1)
			if err := w.visit(e); err != nil {
				return nil, err
			}
			if e.Stat.Mode&unix.S_IFMT != unix.S_IFDIR {
				continue
			}
			if f := e.Folder(); w.Last != nil && w.Last(f) {
				w.leave(f)
			} else {
				found = append(found, f)
			}
		}
	}
	if len(found) > 0 {
		var st unix.Stat_t
		if err := unix.Fstat(j.fd, &st); err != nil {
			return nil, err
		}
		j.folder.dev, j.folder.ino = uint64(st.Dev), st.Ino
	}
	return found, nil
}
