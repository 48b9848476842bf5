// SPDX-License-Identifier: GPL-3.0-or-later

package slices

import (
	"fmt"
	stdslices "slices"
	"strconv"
	"strings"

	"github.com/a4u2/au/internal/newer"
)

// RecordPath returns where root remembers what au set on an agent's slice.
func RecordPath(agent string) string { return "/etc/au/limits/" + agent }

// A Record remembers, for each property that au set on a slice, the drop-in file that au left and
// the one that was there before. The human's own properties share the file names with ours, so this
// alone tells whose a file is, and lets a reset give back what the human had.
type Record struct {
	Slice   string
	Entries []Entry
}

// An Entry is one property. Texts are those of whole files; empty: no file.
type Entry struct {
	Property string
	Ours     string // what au left; empty: au was about to write it
	Earlier  string // what was there before au's first write
}

const (
	recordName    = "au-limits "
	recordVersion = 1
)

var recordHead = fmt.Sprint(recordName, recordVersion)

// Text writes the record as ParseRecord reads it.
func (r Record) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n# What au set on this slice, and the drop-in files before and after. au limits reset gives the earlier ones back.\nslice %s\n", recordHead, r.Slice)
	for _, e := range r.Entries {
		fmt.Fprintf(&b, "%s ours %q earlier %q\n", e.Property, e.Ours, e.Earlier)
	}
	return b.String()
}

// ParseRecord reads a record. No text at all is an empty record.
func ParseRecord(text []byte) (Record, error) {
	var r Record
	for i, line := range strings.Split(string(text), "\n") {
		switch {
		case len(text) == 0 || line == "" || strings.HasPrefix(line, "#"):
			continue
		case i == 0:
			if err := newer.Line(line, recordName, recordVersion); err != nil {
				return Record{}, fmt.Errorf("line 1: %w", err)
			}
			if line != recordHead {
				return Record{}, fmt.Errorf("line 1 %q: want %q", line, recordHead)
			}
			continue
		}
		if slice, ok := strings.CutPrefix(line, "slice "); ok {
			r.Slice = slice
			continue
		}
		e, err := parseEntry(line)
		if err != nil {
			return Record{}, fmt.Errorf("line %d: %w", i+1, err)
		}
		r.Entries = append(r.Entries, e)
	}
	return r, nil
}

func parseEntry(line string) (Entry, error) {
	wrong := fmt.Errorf(`%q: want PROPERTY ours "TEXT" earlier "TEXT"`, line)
	property, rest, _ := strings.Cut(line, " ours ")
	quoted, err := strconv.QuotedPrefix(rest)
	earlier, ok := strings.CutPrefix(rest[len(quoted):], " earlier ")
	if err != nil || !ok || Option(property) == "" {
		return Entry{}, wrong
	}
	e := Entry{Property: property}
	if e.Ours, err = strconv.Unquote(quoted); err != nil {
		return Entry{}, wrong
	}
	if e.Earlier, err = strconv.Unquote(earlier); err != nil {
		return Entry{}, wrong
	}
	return e, nil
}

// Begin returns r with the properties that au is about to set, given the drop-in files that are there now (text by property; none:
// no file). It does not take au's own values for the human's. A reset gives back the value that the human put in their place since.
func (r Record) Begin(slice string, properties []string, files map[string]string) Record {
	r = Record{Slice: slice, Entries: stdslices.Clone(r.Entries)}
	for _, name := range properties {
		i := stdslices.IndexFunc(r.Entries, func(e Entry) bool { return e.Property == name })
		switch {
		case i < 0:
			r.Entries = append(r.Entries, Entry{Property: name, Earlier: files[name]})
		case !r.Entries[i].isOurs(files[name]):
			r.Entries[i] = Entry{Property: name, Earlier: files[name]}
		default:
			r.Entries[i].Ours = ""
		}
	}
	return r
}

// Done returns r with the drop-in files as au has now left them.
func (r Record) Done(files map[string]string) Record {
	r.Entries = stdslices.Clone(r.Entries)
	for i, e := range r.Entries {
		if e.Ours == "" {
			r.Entries[i].Ours = files[e.Property]
		}
	}
	return r
}

// Forget returns r without the named properties.
func (r Record) Forget(properties []string) Record {
	r.Entries = stdslices.DeleteFunc(stdslices.Clone(r.Entries), func(e Entry) bool {
		return stdslices.Contains(properties, e.Property)
	})
	return r
}

// Properties returns those that au set.
func (r Record) Properties() []string {
	var names []string
	for _, e := range r.Entries {
		names = append(names, e.Property)
	}
	return names
}

// Has reports whether au set the property.
func (r Record) Has(property string) bool {
	return stdslices.ContainsFunc(r.Entries, func(e Entry) bool { return e.Property == property })
}

// A Restored file is a drop-in to put back (Text) or to remove (no Text).
type Restored struct {
	Property string
	Path     string
	Text     string
}

// Restore returns what gives the named properties back as they were before au: the files to put
// back or to remove. Those that someone else wrote since are left alone; those that are back already
// are among them, as a restoration that was cut short left the kernel to be told.
func (r Record) Restore(properties []string, files map[string]string) []Restored {
	var out []Restored
	for _, e := range r.Entries {
		if stdslices.Contains(properties, e.Property) && (e.isOurs(files[e.Property]) || files[e.Property] == e.Earlier) {
			out = append(out, Restored{e.Property, DropIn(r.Slice, e.Property, false), e.Earlier})
		}
	}
	return out
}

// isOurs reports whether au left that file. One that au was about to write when it was killed is
// ours unless it is still the earlier one; then putting the earlier one back changes nothing.
func (e Entry) isOurs(file string) bool { return e.Ours == "" || file == e.Ours }
