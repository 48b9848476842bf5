// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/a4u2/au/provision"
	"github.com/a4u2/au/provision/config"
)

// lastLook is what was found in a folder at the last look, beside the human's config. A report needs it to tell what is new from
// old files where something changed: a folder that was renamed looks like one in which a file was made. Without it a report names
// both.
type lastLook struct {
	host *host.Host
	path string // empty: there is no place for one
	seen map[string]bool
}

// remembered reads what is remembered of a folder, beside a config.
func remembered(h *host.Host, config, source string) lastLook {
	if config == "" || h.UID() == 0 {
		return lastLook{}
	}
	return readLastLook(h, seenPath(config, source))
}

// maxSeen is more than what is found in a folder takes.
const maxSeen = 1 << 26

func readLastLook(h *host.Host, path string) lastLook {
	m := lastLook{host: h, path: path, seen: map[string]bool{}}
	text, _ := h.ReadOwn(path, maxSeen)
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		m.seen[lines.Text()] = true
	}
	return m
}

func seenPath(config, source string) string {
	sum := sha256.Sum256([]byte(source))
	return filepath.Join(provision.SeenRecords(config), hex.EncodeToString(sum[:16]))
}

// sum identifies a finding, and the files that it is about as they are.
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
	_ = m.host.WriteOwn(m.path, []byte(text)) // a report without it names more, and that is all
}

// remember looks through a folder that is shared from now on, so that the first report on it can tell what is new.
func remember(h *host.Host, from, source string) {
	all, err := lookAll(h, context.Background(), []config.Path{config.Path(source)})
	if err == nil && all[0] != nil && all[0].Err == "" {
		remembered(h, from, source).keep(all[0].inspected)
	}
}

// forgetFolders forgets what was found in folders that the config does not share any more.
func forgetFolders(h *host.Host, path string, c *config.Config) {
	dir := provision.SeenRecords(path)
	shared := map[string]bool{}
	for _, g := range c.Agents {
		for _, m := range g.Mounts {
			shared[filepath.Base(seenPath(path, m.Source))] = true
		}
	}
	entries, _ := h.ReadDir(dir)
	for _, e := range entries {
		if !shared[e.Name()] {
			_ = h.RemoveOwn(filepath.Join(dir, e.Name())) // it only takes room
		}
	}
}
