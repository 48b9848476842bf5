// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/cmd/au/inspect"
	"github.com/a4u2/au/provision/config"
	"golang.org/x/sys/unix"
)

// lookAll looks through folders for a report until ctx ends, and returns what was found in each; nil where there was no answer in
// time. A process of its own does it, unless it asks file systems of this machine alone, which answer.
func lookAll(h *host.Host, ctx context.Context, folders []config.Path) ([]*inspect.Looked, error) {
	if h.AreLocal(folders) {
		all := make([]*inspect.Looked, len(folders))
		for l := range inspect.All(ctx, h.UID(), h.ReportTime, folders) {
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
func answers(ctx context.Context, from io.ReadCloser, n int) []*inspect.Looked {
	var mu sync.Mutex
	all, missing := make([]*inspect.Looked, n), n
	done := make(chan struct{})
	go func() {
		defer close(done)
		for reader := json.NewDecoder(from); missing > 0; missing-- {
			l := &inspect.Looked{}
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
	return append([]*inspect.Looked(nil), all...)
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
