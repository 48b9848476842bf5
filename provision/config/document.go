// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"bytes"
	"errors"

	"github.com/pelletier/go-toml/v2/unstable"
)

// A document is a text and where in it the things we know stand.
type document struct {
	path string
	text []byte
	top  table // its list is the agents

	unknown []*Error // keys that no schema has

	// tables is where the first [table] begins, comments right above it
	// included, or the end of the text.
	tables int
}

type span struct{ start, end int }

// A table is the file, an agent or a mount.
type table struct {
	schema *schema
	values []keyed // few: looked through from the first one on
	list   list
	start  int    // of its first byte, for messages
	spans  []span // all of it; whole lines, or one span when inline
	inline bool
	keyAt  int    // where a key is added: after the last one
	odd    *Error // a key that its schema does not have
}

// A keyed is a value under its key.
type keyed struct {
	key string
	value
}

// A list is the tables under a key: [[headers]], or an array when inline.
type list struct {
	items  []*table
	inline bool
	span   // of the array
}

type value struct {
	kind  unstable.Kind
	span         // of arrays in arrays, the start is not known
	text  string // of a string, and the text there otherwise
	items []value
	table *table
}

func readDocument(path string, text []byte) (*document, error) {
	d := &document{path: path, text: text, tables: len(text)}
	d.top = table{schema: &topSchema}
	r := reader{document: d, source: string(text), open: &d.top}
	plain, err := r.read()
	if plain {
		return d, err
	}
	// The error of the library comes first.
	if err := CheckSyntax(path, text); err != nil {
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// lines widens a span to the whole lines it is on, the last newline included.
func (d *document) lines(s span) span {
	start := bytes.LastIndexByte(d.text[:s.start], '\n') + 1
	end := bytes.IndexByte(d.text[s.end:], '\n') + 1
	if end == 0 {
		return span{start, len(d.text)}
	}
	return span{start, s.end + end}
}

// commentsAbove returns where the comment lines right above offset begin.
func (d *document) commentsAbove(offset int) int {
	for offset > 0 {
		start := bytes.LastIndexByte(d.text[:offset-1], '\n') + 1
		if !bytes.HasPrefix(bytes.TrimLeft(d.text[start:offset], " \t"), []byte("#")) {
			break
		}
		offset = start
	}
	return offset
}

func (d *document) config() (*Config, error) {
	c := d.above()
	seen := make(map[string]bool, len(d.top.list.items))
	for _, t := range d.top.list.items {
		a, err := d.agent(t)
		if err != nil {
			return nil, err
		}
		if seen[a.UserName] {
			at := t.value("user_name").start
			return nil, d.errorAt(at, "agent %q is here a second time: want one entry for each agent", a.UserName)
		}
		seen[a.UserName] = true
		c.Agents = append(c.Agents, a)
	}
	return c, nil
}

// above returns the settings that stand above all agents, and the keys that nobody reads.
func (d *document) above() *Config {
	c := &Config{Agents: make([]Agent, 0, len(d.top.list.items)), Unknown: d.unknown, DisableHomeAccessCheck: d.top.bool("disable_home_access_check", false)}
	for _, id := range d.top.value("silence").items {
		c.Silence = append(c.Silence, id.text)
	}
	return c
}

func (d *document) agent(t *table) (Agent, error) {
	a := Agent{
		UserName:         t.text("user_name"),
		Group:            t.text("su_as_agent_group"),
		Entrypoint:       t.text("entrypoint"),
		EntrypointSHA256: t.text("entrypoint_sha256"),
		EntrypointStamp:  t.text("entrypoint_stamp"),
		Bootstrapped:     t.bool("bootstrapped", false),
	}
	for _, name := range t.value("keep_env").items {
		a.KeepEnv = append(a.KeepEnv, name.text)
	}
	for _, pair := range t.value("set_env").items {
		if err := CheckPair(pair.text); err != nil {
			return a, d.errorAt(pair.start, "set_env: %v", err)
		}
		a.SetEnv = append(a.SetEnv, pair.text)
	}
	if err := d.require(t, "an agent", "user_name"); err != nil {
		return a, err
	}
	for _, item := range t.value("path").items {
		folder, err := ParsePath(item.text)
		if err != nil {
			return a, d.errorAt(item.start, "path: %v", err)
		}
		a.Path = append(a.Path, string(folder))
	}
	if n := len(t.list.items); n > 0 {
		a.Mounts = make([]Mount, 0, n)
	}
	for _, item := range t.list.items {
		m, err := d.mount(item)
		if err != nil {
			return a, err
		}
		a.Mounts = append(a.Mounts, m)
	}
	return a, nil
}

func (d *document) mount(t *table) (m Mount, err error) {
	if err := d.require(t, "a share", "source", "target"); err != nil {
		return m, err
	}
	m = Mount{Unknown: t.odd, ReadOnly: t.bool("read_only", true), ACL: t.bool("acl", false), Draft: t.bool("draft", false), TargetOnly: !t.bool("same_path", true)}
	m.ReadOnly = m.ReadOnly || m.Draft
	if m.Draft && m.ACL {
		return m, d.errorAt(t.value("draft").start, "draft: a share by ACLs has none: want acl = false")
	}
	if err := d.hide(t, &m); err != nil {
		return m, err
	}
	if m.Source, err = d.folder(t, "source"); err != nil {
		return m, err
	}
	m.Target, err = d.folder(t, "target")
	return m, err
}

// hide reads what a share hides.
func (d *document) hide(t *table, m *Mount) error {
	for _, word := range t.value("hide").items {
		if err := CheckHide(word.text); err != nil {
			return d.errorAt(word.start, "%v", err)
		}
		m.Hide = append(m.Hide, word.text)
	}
	if m.ShowSecrets = t.bool("show_secrets", false); m.ShowSecrets && !m.Draft {
		return d.errorAt(t.value("show_secrets").start, "show_secrets: only a draft hides them: want draft = true")
	}
	if len(m.Hide) > 0 && (!m.ReadOnly || m.ACL) {
		return d.errorAt(t.value("hide").start, "hide: %v", ErrNoHiding)
	}
	return nil
}

// ErrNoHiding refuses to hide something in a share that an agent can write, or that ACLs make.
var ErrNoHiding = errors.New("nothing can be hidden in a folder that the agent itself writes, or has by ACLs: want a draft, or a read-only share without them")

// folder returns the path under a key.
func (d *document) folder(t *table, key string) (string, error) {
	path, err := ParsePath(t.text(key))
	if err != nil {
		return "", d.errorAt(t.value(key).start, "%s: %v", key, err)
	}
	return string(path), nil
}

func (d *document) require(t *table, what string, keys ...string) error {
	for _, key := range keys {
		v := t.find(key)
		if v == nil {
			return d.errorAt(t.start, "%s without %s: want %s", what, key, t.schema.find(key).right)
		}
		if v.text == "" {
			return d.errorAt(v.start, "%s is empty: want %s", key, t.schema.find(key).right)
		}
	}
	return nil
}

// find returns the value under a key, nil where there is none.
func (t *table) find(key string) *value {
	for i := range t.values {
		if t.values[i].key == key {
			return &t.values[i].value
		}
	}
	return nil
}

// value is find where nothing is as good as an empty value.
func (t *table) value(key string) *value {
	if v := t.find(key); v != nil {
		return v
	}
	return &value{}
}

func (t *table) text(key string) string { return t.value(key).text }

func (t *table) bool(key string, absent bool) bool {
	v := t.find(key)
	if v == nil {
		return absent
	}
	return v.text == "true"
}

func last[T any](all []T) T { return all[len(all)-1] }
