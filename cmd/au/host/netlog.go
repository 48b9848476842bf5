// SPDX-License-Identifier: GPL-3.0-or-later

package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a4u2/au/netfilter"
)

// ReadNetLog shows what the log of an agent's network has, and returns its newest file, read to its end; nil where there is none.
func (h *Host) ReadNetLog(p netfilter.Policy, show func(netfilter.Record) error) (newest *os.File, err error) {
	files, err := h.NetLogFiles(p)
	if err != nil {
		return nil, err
	}
	for _, path := range files {
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) { // rotated away meanwhile
			continue
		}
		if err != nil {
			return newest, err
		}
		newest.Close()
		newest = f
		if err := netfilter.ReadRecords(f, show); err != nil {
			return newest, err
		}
	}
	return newest, nil
}

// FollowNetLog shows what comes after what was read of the newest file, across rotations, until ctx ends.
func (h *Host) FollowNetLog(ctx context.Context, p netfilter.Policy, newest *os.File, show func(netfilter.Record) error) error {
	for ; ctx.Err() == nil; wait(ctx, 200*time.Millisecond) {
		// Looked for before the old one is read to its end: once it is there, nothing more comes to that.
		next := rotated(h.Root+p.LogDir()+"/net.jsonl", newest)
		if newest != nil {
			if err := netfilter.ReadRecords(newest, show); err != nil {
				return err
			}
		}
		if next != nil {
			newest.Close()
			newest = next
			if err := netfilter.ReadRecords(newest, show); err != nil {
				return err
			}
		}
	}
	return nil
}

// rotated returns the file at path, open, where it is another one than old.
func rotated(path string, old *os.File) *os.File {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	now, err := f.Stat()
	if old != nil && err == nil {
		if then, err := old.Stat(); err == nil && os.SameFile(now, then) {
			f.Close()
			return nil
		}
	}
	return f
}

func wait(ctx context.Context, long time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(long):
	}
}

// NetLogFiles returns the files of the agent's log, oldest first.
func (h *Host) NetLogFiles(p netfilter.Policy) ([]string, error) {
	entries, err := os.ReadDir(h.Root + p.LogDir())
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("%w; the log is for the humans of the agent", err)
	}
	if err != nil {
		return nil, err
	}
	age := func(name string) int {
		n, _ := strconv.Atoi(strings.TrimPrefix(name, "net.jsonl."))
		return n
	}
	var names []string
	for _, e := range entries {
		if e.Name() == "net.jsonl" || strings.HasPrefix(e.Name(), "net.jsonl.") {
			names = append(names, e.Name())
		}
	}
	slices.SortFunc(names, func(a, b string) int { return age(b) - age(a) })
	for i, name := range names {
		names[i] = h.Root + p.LogDir() + "/" + name
	}
	return names, nil
}
