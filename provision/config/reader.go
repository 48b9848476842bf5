// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"bytes"
	"fmt"

	"github.com/pelletier/go-toml/v2/unstable"
)

// A reader goes through the expressions of a document and notes which lines
// belong to whom.
type reader struct {
	*document
	parser unstable.Parser
	source string // the text
	keys   []key  // of the expression that is read; the next one has their place

	// odd is whether there is anything but [[agents]], [[agents.mounts]] and known keys, each once: what rules TOML has for all the
	// rest is not known here.
	odd bool

	agent, mount *table // the line before belongs to these, nil for none
	open         *table // the keys that follow are this one's, nil for unknown tables
}

// read goes through all of it. plain is whether nothing odd was seen; then nothing is wrong but what err says.
func (r *reader) read() (plain bool, err error) {
	r.parser.Reset(r.text)
	for r.parser.NextExpression() {
		if err := r.expression(r.parser.Expression()); err != nil {
			return false, err
		}
	}
	if err := r.parser.Error(); err != nil {
		return false, r.errorAt(0, "%v", err)
	}
	return !r.odd, nil
}

func (r *reader) expression(n *unstable.Node) error {
	r.keys = r.keysOf(n, r.keys[:0])
	keys := r.keys
	if n.Kind == unstable.KeyValue {
		line := r.lines(rangeSpan(n.Raw))
		r.grow(line)
		if r.open == nil {
			r.odd = true
			return nil
		}
		r.open.keyAt = line.end
		return r.entry(r.open, n, keys)
	}
	line := r.lines(span{keys[0].start, keys[len(keys)-1].end})
	if line.start < r.tables {
		r.tables = min(r.tables, r.commentsAbove(line.start))
	}
	return r.header(keys, n.Kind == unstable.ArrayTable, line)
}

// header notes a [table] or [[array]] line.
func (r *reader) header(keys []key, array bool, line span) error {
	r.open = nil
	if keys[0].name != "agents" {
		r.agent, r.mount = nil, nil
		return r.mistake(&topSchema, keys[0], unstable.InlineTable)
	}
	if len(keys) == 1 && array {
		r.agent, r.mount = newTable(&agentSchema, line), nil
		r.odd = r.odd || r.top.list.inline
		r.top.list.items = append(r.top.list.items, r.agent)
		r.open = r.agent
		return nil
	}
	if len(keys) == 1 || len(r.top.list.items) == 0 {
		return r.mistake(&topSchema, keys[0], unstable.InlineTable)
	}
	if !array || len(keys) > 2 {
		r.odd = true
	}
	resume(&r.agent, last(r.top.list.items), line)
	return r.agentHeader(keys[1:], array, line)
}

// agentHeader notes a [agents.KEY…] line, given KEY….
func (r *reader) agentHeader(keys []key, array bool, line span) error {
	if keys[0].name != "mounts" {
		r.mount = nil
		return r.mistake(&agentSchema, keys[0], unstable.InlineTable)
	}
	if len(keys) == 1 && array {
		r.mount = newTable(&mountSchema, line)
		r.odd = r.odd || r.agent.list.inline
		r.agent.list.items = append(r.agent.list.items, r.mount)
		r.open = r.mount
		return nil
	}
	if len(keys) == 1 || len(r.agent.list.items) == 0 {
		return r.mistake(&agentSchema, keys[0], unstable.InlineTable)
	}
	r.odd = true
	resume(&r.mount, last(r.agent.list.items), line)
	if mountSchema.find(keys[1].name) == nil {
		r.mount.odd = r.note(&mountSchema, keys[1])
		return nil
	}
	return r.mistake(&mountSchema, keys[1], unstable.InlineTable)
}

// grow gives a line to those that the one above belongs to.
func (r *reader) grow(line span) {
	for _, t := range []*table{r.agent, r.mount} {
		if t != nil {
			t.spans[len(t.spans)-1].end = line.end
		}
	}
}

// resume makes t the current one and line a part of it.
func resume(current **table, t *table, line span) {
	if *current == t {
		t.spans[len(t.spans)-1].end = line.end
		return
	}
	t.spans = append(t.spans, line)
	*current = t
}

func newTable(s *schema, line span) *table {
	return &table{schema: s, start: line.start, spans: []span{line}, keyAt: line.end, values: make([]keyed, 0, 4)}
}

// entry notes the value of a KeyValue when t's schema knows the key.
func (r *reader) entry(t *table, n *unstable.Node, keys []key) error {
	want := t.schema.find(keys[0].name)
	if want == nil {
		t.odd = r.note(t.schema, keys[0])
		return nil
	}
	if len(keys) > 1 {
		return r.mistake(t.schema, keys[0], unstable.InlineTable)
	}
	// A value ends where its KeyValue does, and begins after the equals sign;
	// the parser tells no more about arrays.
	start := keys[0].end + bytes.IndexByte(r.text[keys[0].end:], '=') + 1
	for r.text[start] == ' ' || r.text[start] == '\t' {
		start++
	}
	v, err := r.value(t.schema, keys[0], n.Value())
	if err != nil {
		return err
	}
	v.span = span{start, rangeSpan(n.Raw).end}
	if v.kind != want.kind {
		return r.mistake(t.schema, keys[0], v.kind)
	}
	if keys[0].name == t.schema.list {
		t.list.inline, t.list.span = true, v.span
		for _, item := range v.items {
			t.list.items = append(t.list.items, item.table)
		}
	}
	if t.find(keys[0].name) != nil {
		r.odd = true
	}
	t.values = append(t.values, keyed{keys[0].name, v})
	return nil
}

// value reads the value under a key of s. In an array all must be strings,
// or tables under the schema's list key.
func (r *reader) value(s *schema, k key, n *unstable.Node) (value, error) {
	v := value{kind: n.Kind, span: rangeSpan(n.Raw), text: r.string(n)}
	if n.Kind != unstable.Array {
		return v, nil
	}
	each := unstable.String
	if k.name == s.list {
		each = unstable.InlineTable
	}
	for it := n.Children(); it.Next(); {
		item := it.Node()
		if item.Kind != each {
			at := k.start
			if item.Kind != unstable.Array {
				at = rangeSpan(item.Raw).start
			}
			return v, r.errorAt(at, "%s holds %s: want %s", k.name, KindName(item.Kind), s.find(k.name).right)
		}
		next := value{kind: item.Kind, span: rangeSpan(item.Raw), text: r.string(item)}
		if each == unstable.InlineTable {
			t, err := r.inlineTable(s.of, item)
			if err != nil {
				return v, err
			}
			next.table = t
		}
		v.items = append(v.items, next)
	}
	return v, nil
}

func (r *reader) inlineTable(s *schema, n *unstable.Node) (*table, error) {
	start := rangeSpan(n.Raw).start
	t := &table{schema: s, inline: true, start: start, keyAt: start + 1}
	for it := n.Children(); it.Next(); {
		if err := r.entry(t, it.Node(), r.keysOf(it.Node(), nil)); err != nil {
			return nil, err
		}
		t.keyAt = rangeSpan(it.Node().Raw).end
	}
	t.spans = []span{{start, r.closing(t.keyAt, '}') + 1}}
	return t, nil
}

// closing returns where the bracket is, when only commas, white space and
// comments can come before it.
func (d *document) closing(from int, bracket byte) int {
	for d.text[from] != bracket {
		if d.text[from] == '#' {
			from += bytes.IndexByte(d.text[from:], '\n')
		}
		from++
	}
	return from
}

// note remembers a key that s does not know, and what may have been meant; nil where nobody has to hear of it.
func (r *reader) note(s *schema, k key) *Error {
	r.odd = true
	if s.accepted == k.name {
		return nil
	}
	message := fmt.Sprintf("unknown key %q %s", k.name, s.place)
	for _, other := range []*schema{s, &topSchema, &agentSchema, &mountSchema} {
		if meant := other.near(k.name); meant != "" {
			message += fmt.Sprintf(": want %s %s", meant, other.place)
			break
		}
	}
	unknown := ErrorAt(r.path, r.text, k.start, "%s", message)
	r.unknown = append(r.unknown, unknown)
	return unknown
}

// mistake returns the error that k, being of this kind, is when s wants
// another, and nil for keys that s does not know, which it notes.
func (r *reader) mistake(s *schema, k key, is unstable.Kind) error {
	want := s.find(k.name)
	if want == nil {
		r.note(s, k)
		return nil
	}
	return r.errorAt(k.start, "%s is %s: want %s", k.name, KindName(is), want.right)
}

type key struct {
	name string
	span
}

// keysOf returns the keys of an expression behind those given.
func (r *reader) keysOf(n *unstable.Node, keys []key) []key {
	for it := n.Key(); it.Next(); {
		keys = append(keys, key{r.string(it.Node()), rangeSpan(it.Node().Raw)})
	}
	return keys
}

// string returns what a node says: a part of the source where it is there as it is, without its quotes.
func (r *reader) string(n *unstable.Node) string {
	at := rangeSpan(n.Raw)
	for quotes := range 2 {
		if from, to := at.start+quotes, at.end-quotes; from <= to && r.source[from:to] == string(n.Data) {
			return r.source[from:to]
		}
	}
	return string(n.Data)
}

func rangeSpan(r unstable.Range) span {
	return span{int(r.Offset), int(r.Offset + r.Length)}
}
