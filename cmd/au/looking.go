// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"io"
	"iter"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/step"
	"golang.org/x/sys/unix"
)

// inspected is what was found in a folder.
type inspected struct {
	files int64
	found []found
	whole bool // false where there was no time for all of it
}

// lookInto looks through a folder until ctx ends, at the great heaps of files last.
func lookInto(h *host.Host, ctx context.Context, source string) (inspected, error) {
	tree, err := step.OpenTree(source, false)
	if err != nil {
		return inspected{}, err
	}
	defer tree.Close()
	tree.Last = isHeap
	l, err := lookThrough(h, ctx, tree, source)
	if ctx.Err() != nil {
		err = nil
	}
	return l, err
}

func lookThrough(h *host.Host, ctx context.Context, tree *step.Tree, source string) (inspected, error) {
	in := newInspector(tree, source, uint32(h.UID()))
	err := tree.Walk(ctx, in.visit, in.unreadable)
	return inspected{tree.Visited.Load(), in.findings(err == nil), err == nil}, err
}

// isHeap reports whether a folder is one that has thousands of files and next to nothing that runs.
func isHeap(f *step.Folder) bool {
	return f.Name == "node_modules" || f.Name == "objects" && f.Up.Name == ".git"
}

// lookHere looks through folders for a report until ctx ends, all at once, and yields what was found as it is found.
func lookHere(h *host.Host, ctx context.Context, folders []config.Path) iter.Seq[*looked] {
	return func(yield func(*looked) bool) {
		ctx, cancel := context.WithTimeout(ctx, h.ReportTime)
		defer cancel()
		out := make(chan *looked, len(folders))
		for i, folder := range folders {
			go func() {
				l, err := lookInto(h, ctx, string(folder))
				found := &looked{Folder: i, inspected: l}
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

// lookAll looks through folders for a report until ctx ends, and returns what was found in each; nil where there was no answer in
// time. A process of its own does it, unless it asks file systems of this machine alone, which answer.
func lookAll(h *host.Host, ctx context.Context, folders []config.Path) ([]*looked, error) {
	if h.AreLocal(folders) {
		all := make([]*looked, len(folders))
		for l := range lookHere(h, ctx, folders) {
			all[l.Folder] = l
		}
		return all, nil
	}
	list, err := json.Marshal(folders)
	if err != nil {
		return nil, err
	}
	from, to, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := h.StartItself("look", "--", string(list))
	cmd.Stdout = to
	err = cmd.Start()
	to.Close()
	if err != nil {
		from.Close()
		return nil, err
	}
	defer cmd.Process.Kill()
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.ReportTime+grace)
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		_ = cmd.Process.Signal(unix.SIGTERM)
		time.AfterFunc(hurry, cancel)
	})()
	return answers(patience, from, len(folders)), nil
}

// answers reads what was found in n folders, until ctx ends.
func answers(ctx context.Context, from io.ReadCloser, n int) []*looked {
	var mu sync.Mutex
	all, missing := make([]*looked, n), n
	done := make(chan struct{})
	go func() {
		defer close(done)
		for reader := json.NewDecoder(from); missing > 0; missing-- {
			l := &looked{}
			if reader.Decode(l) != nil || l.Folder < 0 || l.Folder >= n {
				return
			}
			mu.Lock()
			all[l.Folder] = l
			mu.Unlock()
		}
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	from.Close()
	mu.Lock()
	defer mu.Unlock()
	return append([]*looked(nil), all...)
}

// looked is what a look at one folder found.
type looked struct {
	Folder int // its place in the list
	inspected
	Err string
}

// passed is a finding on its way from one process to another: JSON keeps the bytes of a []byte, and not those of a string.
type passed struct {
	Path, Kind, Detail, ID []byte
	Changed                int64
}

// MarshalJSON keeps all that was found.
func (l looked) MarshalJSON() ([]byte, error) {
	w := wire{Folder: l.Folder, Files: l.files, Whole: l.whole, Err: []byte(l.Err)}
	for _, f := range l.found {
		w.Found = append(w.Found, passed{[]byte(f.Path), []byte(f.Kind), []byte(f.Detail), []byte(f.id), f.changed})
	}
	return json.Marshal(w)
}

// UnmarshalJSON is the reverse of MarshalJSON.
func (l *looked) UnmarshalJSON(text []byte) error {
	var w wire
	if err := json.Unmarshal(text, &w); err != nil {
		return err
	}
	*l = looked{w.Folder, inspected{files: w.Files, whole: w.Whole}, string(w.Err)}
	for _, p := range w.Found {
		l.found = append(l.found, found{provision.Finding{Path: string(p.Path), Kind: string(p.Kind), Detail: string(p.Detail)}, p.Changed, string(p.ID)})
	}
	return nil
}

type wire struct {
	Folder int
	Files  int64
	Whole  bool
	Err    []byte
	Found  []passed
}

// grace is how much longer than a report looks it is waited for what it has to say: on a busy machine it begins late. hurry is that
// where the human waits no more.
const (
	grace = 5 * time.Second
	hurry = 2 * time.Second
)

// silent names what may not have answered in a folder.
func silent(h *host.Host, source string) string {
	var points []string
	for _, point := range h.RemoteAt(source) {
		points = append(points, show(point))
	}
	if len(points) == 0 {
		return "a file system"
	}
	return strings.Join(points, " or ")
}
