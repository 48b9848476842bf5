// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"sort"
	"strings"
)

// edit returns the text of the file at path changed so that Parse reads want from it. All that does
// not differ keeps its bytes: comments, order, unknown keys, the writing of
// values. Agents are the same when the name is, mounts when both folders are;
// one that moves in the order loses its unknown keys. Comments inside a
// removed entry go with it, those above its first line stay. It fails when
// text is broken, and when want holds something that no file can hold.
func edit(path string, text []byte, want *Config) ([]byte, error) {
	if err := want.check(); err != nil {
		return nil, err
	}
	doc, err := readDocument(path, text)
	if err != nil {
		return nil, err
	}
	have, err := doc.config()
	if err != nil {
		return nil, err
	}
	if same(have, want) {
		return text, nil
	}
	if len(text) > 0 && text[len(text)-1] != '\n' {
		// So that every line can be followed by another.
		return edit(path, append(bytes.Clone(text), '\n'), want)
	}
	e := editor{document: doc, newline: "\n"}
	if i := bytes.IndexByte(text, '\n'); i > 0 && text[i-1] == '\r' {
		e.newline = "\r\n"
	}
	e.all(have, want)
	edited := e.apply()
	return edited, confirm(path, edited, want)
}

// confirm makes sure that a fault of this package's never reaches the disk.
func confirm(path string, edited []byte, want *Config) error {
	got, err := Parse(path, edited)
	if err != nil {
		return fmt.Errorf("edited text is broken, the file stays as it is: %w", err)
	}
	if !same(got, want) {
		return errors.New("edited text does not say what it should, the file stays as it is")
	}
	return nil
}

// same says whether a and b read the same from a file, where nil and empty do.
func same(a, b *Config) bool {
	return a.DisableHomeAccessCheck == b.DisableHomeAccessCheck &&
		reflect.DeepEqual(agentEntries(a.Agents), agentEntries(b.Agents))
}

// An editor collects changes of a document's text. Where an insertion and a
// removal meet at one place, the insertion comes first.
type editor struct {
	*document
	newline string
	changes []change
}

type change struct {
	span
	text string
}

func (e *editor) replace(s span, text string) { e.changes = append(e.changes, change{s, text}) }
func (e *editor) insert(at int, text string)  { e.replace(span{at, at}, text) }

// insertLines inserts at the start of a line.
func (e *editor) insertLines(at int, lines ...string) {
	e.insert(at, strings.Join(lines, e.newline)+e.newline)
}

func (e *editor) apply() []byte {
	sort.SliceStable(e.changes, func(i, j int) bool {
		a, b := e.changes[i], e.changes[j]
		return a.start < b.start || a.start == b.start && a.end == a.start && b.end > b.start
	})
	var out bytes.Buffer
	at := 0
	for _, c := range e.changes {
		// Two removals may both have taken the empty lines between them.
		out.Write(e.text[at:max(at, c.start)])
		out.WriteString(c.text)
		at = max(at, c.end)
	}
	out.Write(e.text[at:])
	return out.Bytes()
}

func (e *editor) all(have, want *Config) {
	if e.top.keyAt == 0 && have.DisableHomeAccessCheck != want.DisableHomeAccessCheck {
		// The first key of all: above the first table, with a line between.
		lines := []string{"disable_home_access_check = " + truth(want.DisableHomeAccessCheck)}
		if e.tables < len(e.text) {
			lines = append(lines, "")
		}
		e.insertLines(e.tables, lines...)
	} else {
		e.fields(&e.top, topFields(have), topFields(want))
	}
	haveAgents, wantAgents := agentEntries(have.Agents), agentEntries(want.Agents)
	kept := align(haveAgents, wantAgents)
	// Changes inside what stays come first: keys and shares added at the end
	// of an agent stand before the next agent.
	for w, h := range kept {
		if h >= 0 {
			e.agent(e.top.list.items[h], haveAgents[h], wantAgents[w])
		}
	}
	if e.top.list.inline {
		e.inlineItems(&e.top.list, kept, wantAgents)
	} else {
		e.items(&e.top.list, len(e.text), kept, wantAgents)
	}
}

func (e *editor) agent(t *table, have, want entry) {
	e.fields(t, have.fields, want.fields)
	kept := align(have.mounts, want.mounts)
	for w, h := range kept {
		if h >= 0 {
			e.fields(t.list.items[h], have.mounts[h].fields, want.mounts[w].fields)
		}
	}
	switch {
	case t.list.inline:
		e.inlineItems(&t.list, kept, want.mounts)
	case t.inline && len(want.mounts) > 0: // and there were none
		e.insert(t.keyAt, ", "+want.list+" = "+inlineArray(want.mounts))
	case !t.inline:
		e.items(&t.list, t.keyAt, kept, want.mounts)
	}
}

// fields sets the values of t that differ.
func (e *editor) fields(t *table, have, want []field) {
	for i, f := range want {
		v := t.find(f.key)
		switch {
		case f.text == have[i].text:
		case v != nil:
			e.replace(v.span, f.text)
		case t.inline:
			e.insert(t.keyAt, ", "+f.key+" = "+f.text)
		default:
			e.insertLines(t.keyAt, f.key+" = "+f.text)
		}
	}
}
