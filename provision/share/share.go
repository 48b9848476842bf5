// SPDX-License-Identifier: GPL-3.0-or-later

// Package share says where the agent sees the human's folder.
package share

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"github.com/a4u2/au/provision/config"
)

// Within returns path relative to folder, by components; "." for the folder itself. ok is false where it is not inside.
func Within(folder, path string) (rel string, ok bool) {
	if filepath.IsAbs(folder) && filepath.IsAbs(path) { // nearly always, and then it is a comparison
		return cleanWithin(filepath.Clean(folder), filepath.Clean(path))
	}
	rel, err := filepath.Rel(folder, path)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return "", false
	}
	return rel, true
}

// cleanWithin is Within for absolute paths that are clean.
func cleanWithin(folder, path string) (rel string, ok bool) {
	switch n := len(folder); {
	case path == folder:
		return ".", true
	case folder == "/":
		return path[n:], true
	case strings.HasPrefix(path, folder) && path[n] == '/':
		return path[n+1:], true
	}
	return "", false
}

// FirstWithin returns the first of some absolute, clean paths that is inside a folder.
func FirstWithin(folder string, paths []string) (path string, ok bool) {
	folder = filepath.Clean(folder)
	for _, path := range paths {
		if _, ok := cleanWithin(folder, path); ok {
			return path, true
		}
	}
	return "", false
}

// Sort puts shares into the order in which they can be mounted: a target after the one that holds it.
func Sort[S any](all []S, target func(S) string) {
	slices.SortStableFunc(all, func(a, b S) int { return cmp.Compare(len(target(a)), len(target(b))) })
}

// Holding returns the share by which the agent sees a folder of the human: the one with the longest source that holds it.
func Holding(folder string, shares []config.Mount) (m config.Mount, ok bool) {
	for _, s := range shares {
		if _, holds := Within(s.Source, folder); holds && (!ok || len(s.Source) > len(m.Source)) {
			m, ok = s, true
		}
	}
	return m, ok
}

// Counterpart returns where the agent sees a folder of the human: at its own path, or below the target of the share that holds it
// alone.
func Counterpart(folder string, shares []config.Mount) (string, bool) {
	s, ok := Holding(folder, shares)
	if !ok {
		return "", false
	}
	if !s.TargetOnly {
		return folder, true
	}
	rel, _ := Within(s.Source, folder)
	return filepath.Join(s.Target, rel), true
}

// Writable is a human's folder that an agent can write.
type Writable struct{ Source, Agent string }

// WritableOf returns those that a config shares.
func WritableOf(c *config.Config) []Writable {
	shares := 0
	for _, g := range c.Agents {
		shares += len(g.Mounts)
	}
	all := make([]Writable, 0, shares)
	for _, g := range c.Agents {
		for _, m := range g.Mounts {
			if !m.ReadOnly {
				all = append(all, Writable{m.Source, g.UserName})
			}
		}
	}
	return all
}
