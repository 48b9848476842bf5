// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
)

// lastLook is what was found in a folder at the last look, beside the human's config. A report needs it to tell what is new from what only stands where something
// changed: a folder that was renamed looks like one in which a file was made. Without it a report names both.
type lastLook struct {
	path string // empty: there is no place for one
	seen map[string]bool
}

// remembered reads what is remembered of a folder, beside a config.
func remembered(h *host.Host, config, source string) lastLook {
	if config == "" || h.UID() == 0 {
		return lastLook{}
	}
	return readLastLook(seenPath(config, source))
}

func readLastLook(path string) lastLook {
	m := lastLook{path: path, seen: map[string]bool{}}
	text, _ := os.ReadFile(path)
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		m.seen[lines.Text()] = true
	}
	return m
}

func seenPath(config, source string) string {
	sum := sha256.Sum256([]byte(source))
	return filepath.Join(provision.SeenRecords(config), hex.EncodeToString(sum[:16]))
}

// sum stands for a finding, and for the files that it is about as they are.
func (f found) sum() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{f.Path, f.Kind, f.Detail, f.id}, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// changed returns what was not found at the last look, and hangs on something that has changed since then.
func (m lastLook) changed(l inspected, since int64) []found {
	return slices.DeleteFunc(slices.Clone(l.found), func(f found) bool { return f.changed < since || m.seen[f.sum()] })
}

// keep remembers what was found. Of a folder that was not looked through, what was known of it before stays.
func (m lastLook) keep(l inspected) {
	if m.path == "" {
		return
	}
	seen := map[string]bool{}
	if !l.whole {
		maps.Copy(seen, m.seen)
	}
	for _, f := range l.found {
		seen[f.sum()] = true
	}
	if maps.Equal(seen, m.seen) {
		return
	}
	text := strings.Join(slices.Sorted(maps.Keys(seen)), "\n") + "\n"
	if os.MkdirAll(filepath.Dir(m.path), 0o700) != nil {
		return
	}
	temp, err := os.CreateTemp(filepath.Dir(m.path), ".new-")
	if err != nil {
		return
	}
	_, err = temp.WriteString(text)
	if errors.Join(err, temp.Close()) != nil || os.Rename(temp.Name(), m.path) != nil {
		os.Remove(temp.Name())
	}
}

// remember looks through a folder that is shared from now on, so that the first report on it can tell what is new.
func remember(h *host.Host, from, source string) {
	all, err := lookAll(h, context.Background(), []config.Path{config.Path(source)})
	if err == nil && all[0] != nil && all[0].Err == "" {
		remembered(h, from, source).keep(all[0].inspected)
	}
}

// forgetFolders forgets what was found in folders that the config does not share any more.
func forgetFolders(path string, c *config.Config) {
	dir := provision.SeenRecords(path)
	shared := map[string]bool{}
	for _, g := range c.Agents {
		for _, m := range g.Mounts {
			shared[filepath.Base(seenPath(path, m.Source))] = true
		}
	}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if !shared[e.Name()] {
			os.Remove(filepath.Join(dir, e.Name()))
		}
	}
	os.Remove(dir) // stays while there is something in it
}
