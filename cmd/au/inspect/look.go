// SPDX-License-Identifier: GPL-3.0-or-later

package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/a4u2/au/internal/tree"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/risk"
	"golang.org/x/sys/unix"
)

// Result is what was found in a folder.
type Result struct {
	Files int64
	Found []Found
	Whole bool // false where there was no time for all of it
}

// Folder looks through one of the human's folders until ctx ends, at the great heaps of files last.
func Folder(ctx context.Context, human int, source string) (Result, error) {
	in, err := tree.Open(source, false)
	if err != nil {
		return Result{}, err
	}
	defer in.Close()
	in.Last = isHeap
	r, err := Tree(ctx, human, in, source)
	if ctx.Err() != nil {
		err = nil
	}
	return r, err
}

// Tree looks through a tree, as the folder at source.
func Tree(ctx context.Context, human int, files *tree.Tree, source string) (Result, error) {
	in := newInspector(files, source, uint32(human))
	err := files.Walk(ctx, in.visit, in.unreadable)
	return Result{files.Visited.Load(), in.findings(err == nil), err == nil}, err
}

// isHeap reports whether a folder is one that has thousands of files and next to nothing that runs.
func isHeap(f *tree.Folder) bool {
	return f.Name == "node_modules" || f.Name == "objects" && f.Up.Name == ".git"
}

// File looks at a file, as at one in a folder.
func File(human int, source string) (Result, error) {
	files, err := tree.Open(filepath.Dir(source), false)
	if err != nil {
		return Result{}, errors.Unwrap(err)
	}
	defer files.Close()
	in := newInspector(files, filepath.Dir(source), uint32(human))
	e := tree.Entry{In: &tree.Folder{}, Name: filepath.Base(source), Dir: files.FD()}
	if err := unix.Fstatat(e.Dir, e.Name, &e.Stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return Result{}, err
	}
	err = in.visit(e)
	return Result{1, in.findings(true), true}, err
}

// All looks through the human's folders for a time, all at once, and yields what was found as it is found.
func All(ctx context.Context, human int, most time.Duration, folders []config.Path) iter.Seq[*Looked] {
	return func(yield func(*Looked) bool) {
		ctx, cancel := context.WithTimeout(ctx, most)
		defer cancel()
		out := make(chan *Looked, len(folders))
		for i, folder := range folders {
			go func() {
				r, err := Folder(ctx, human, string(folder))
				found := &Looked{Folder: i, Result: r}
				if err != nil {
					found.Err = err.Error()
				}
				out <- found
			}()
		}
		for range folders {
			if !yield(<-out) {
				return
			}
		}
	}
}

// Looked is what a look at one folder found.
type Looked struct {
	Folder int // its place in the list
	Result
	Err string
}

// passed is a finding on its way from one process to another: JSON keeps the bytes of a []byte, and not those of a string.
type passed struct {
	Path, Kind, Detail, ID []byte
	Changed                int64
}

type wire struct {
	Folder int
	Files  int64
	Whole  bool
	Err    []byte
	Found  []passed
}

// MarshalJSON keeps all that was found.
func (l Looked) MarshalJSON() ([]byte, error) {
	w := wire{Folder: l.Folder, Files: l.Files, Whole: l.Whole, Err: []byte(l.Err)}
	for _, f := range l.Found {
		w.Found = append(w.Found, passed{[]byte(f.Path), []byte(f.Kind), []byte(f.Detail), []byte(f.ID), f.Changed})
	}
	return json.Marshal(w)
}

// UnmarshalJSON is the reverse of MarshalJSON.
func (l *Looked) UnmarshalJSON(text []byte) error {
	var w wire
	if err := json.Unmarshal(text, &w); err != nil {
		return err
	}
	*l = Looked{w.Folder, Result{Files: w.Files, Whole: w.Whole}, string(w.Err)}
	for _, p := range w.Found {
		l.Found = append(l.Found, Found{risk.Finding{Path: string(p.Path), Kind: string(p.Kind), Detail: string(p.Detail)}, p.Changed, string(p.ID)})
	}
	return nil
}

// Pass writes what was found to a file without a name, and returns its descriptor, which the next program inherits
// (memfd_create(2), Linux 3.17).
func Pass(found []*Looked) (fd int, ok bool) {
	text, err := json.Marshal(found)
	if err != nil || found == nil {
		return -1, false
	}
	if fd, err = unix.MemfdCreate("au", 0); err != nil {
		return -1, false
	}
	_, err = unix.Pwrite(fd, text, 0)
	return fd, err == nil
}

// maxPassed is more than what is found in all shares takes.
const maxPassed = 1 << 30

// Passed reads what Pass has written, of n folders.
func Passed(fd, n int) (found []*Looked, ok bool) {
	f := os.NewFile(uintptr(fd), "found")
	defer f.Close()
	text, err := io.ReadAll(io.NewSectionReader(f, 0, maxPassed))
	ok = err == nil && json.Unmarshal(text, &found) == nil && len(found) == n && !slices.Contains(found, nil)
	return found, ok
}

// Began returns when a run began, in nanoseconds since 1970, by the clock as it is now: what was changed since then may be older by
// the clock, if that was set back. since is when it began by the clock as it was, and booted in nanoseconds since the machine
// started; 0 where nobody knows.
func Began(since, booted int64) int64 {
	began := clock(unix.CLOCK_REALTIME_COARSE) - (clock(unix.CLOCK_BOOTTIME) - booted)
	if booted == 0 || since-began < int64(100*time.Millisecond) { // the clock of files has ticks
		return since
	}
	return began
}

func clock(id int32) int64 {
	var now unix.Timespec
	_ = unix.ClockGettime(id, &now) // both clocks are in every kernel
	return now.Nano()
}
