// SPDX-License-Identifier: GPL-3.0-or-later

package inspect

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/a4u2/au/provision/config"
)

// Record is what was found in a folder at the last look, beside the human's config. A report needs it to tell what is new from old
// files where something changed: a folder that was renamed looks like one in which a file was made. Without it a report names both.
type Record struct {
	own  Own
	path string // empty: there is no place for one
	seen map[string]bool
}

// Own finds a file of the human that nobody else can write.
type Own func(path string) (*config.Own, error)

// maxSeen is more than what is found in a folder takes.
const maxSeen = 1 << 26

// ReadRecord reads what is remembered of a folder, beside a config. Without own there is nothing, and nothing will be.
func ReadRecord(own Own, config, source string) Record {
	if own == nil {
		return Record{}
	}
	return readRecord(own, RecordPath(config, source))
}

func readRecord(own Own, path string) Record {
	r := Record{own: own, path: path, seen: map[string]bool{}}
	file, err := own(path)
	if err != nil {
		return r
	}
	defer file.Close()
	text, _ := file.Read(maxSeen)
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		r.seen[lines.Text()] = true
	}
	delete(r.seen, "") // where nothing was found
	return r
}

// RecordPath is where the record of a folder is.
func RecordPath(from, source string) string {
	sum := sha256.Sum256([]byte(source))
	return filepath.Join(config.SeenRecords(from), hex.EncodeToString(sum[:16]))
}

// sum identifies a finding, and the files that it is about as they are.
func (f Found) sum() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{f.Path, f.Kind, f.Detail, f.ID}, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// Changed returns what was not found at the last look, and hangs on something that has changed since then.
func (r Record) Changed(l Result, since int64) []Found {
	return slices.DeleteFunc(slices.Clone(l.Found), func(f Found) bool { return isBefore(f.Changed, since) || r.seen[f.sum()] })
}

// isBefore compares the time of a change with a moment. A file system with times of whole seconds, or of two, gives a change an
// earlier one.
func isBefore(change, moment int64) bool {
	if change%int64(time.Second) == 0 {
		return change+2*int64(time.Second) <= moment
	}
	return change < moment
}

// Holds reports whether the record is of just what was found.
func (r Record) Holds(l Result) bool { return maps.Equal(r.with(l), r.seen) }

// with returns what is known after a look. Of a folder that was not looked through, what was known of it before stays.
func (r Record) with(l Result) map[string]bool {
	seen := map[string]bool{}
	if !l.Whole {
		maps.Copy(seen, r.seen)
	}
	for _, f := range l.Found {
		seen[f.sum()] = true
	}
	return seen
}

// Keep remembers what was found, and when, as far as it can: a report without it names more, and that is all.
func (r Record) Keep(l Result) {
	if r.path == "" {
		return
	}
	file, err := r.own(r.path)
	if err != nil {
		return
	}
	defer file.Close()
	if r.Holds(l) && file.Touch() == nil {
		return
	}
	if file.MakeFolders() == nil {
		_ = file.Replace([]byte(strings.Join(slices.Sorted(maps.Keys(r.with(l))), "\n") + "\n"))
	}
}
