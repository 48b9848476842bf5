// SPDX-License-Identifier: GPL-3.0-or-later

package desired

import (
	"bytes"

	"github.com/a4u2/au/provision/config"
	"github.com/pelletier/go-toml/v2/unstable"
)

// A node is a value of the text, and where it is.
type node struct {
	kind  unstable.Kind
	at    int    // of its key, or of itself in an array
	value int    // of the value itself, where that is known; else of the key
	text  string // of what is no table and no array
	keys  []string
	under map[string]*node // of a table
	items []*node          // of an array
}

func newTable(at int) *node {
	return &node{kind: unstable.Table, at: at, value: at, under: map[string]*node{}}
}

// put adds a value under a key.
func (n *node) put(key string, value *node) {
	if n.under[key] == nil {
		n.keys = append(n.keys, key)
	}
	n.under[key] = value
}

// table returns the table under a key, which is made where there is none; of an array of tables, the last.
func (n *node) table(key string, at int) *node {
	next := n.under[key]
	if next == nil {
		next = newTable(at)
		n.put(key, next)
	}
	if next.kind == unstable.Array && len(next.items) > 0 {
		next = next.items[len(next.items)-1]
	}
	return next
}

// readTree reads a text that keeps TOML's rules.
func readTree(path string, text []byte) (*node, error) {
	if err := config.CheckSyntax(path, text); err != nil {
		return nil, err
	}
	top := newTable(0)
	open := top
	var parser unstable.Parser
	parser.Reset(text)
	for parser.NextExpression() {
		n := parser.Expression()
		names, starts := keysOf(n)
		last := len(names) - 1
		if n.Kind == unstable.KeyValue {
			open.entry(text, n)
			continue
		}
		open = top
		for i := range last {
			open = open.table(names[i], starts[i])
		}
		if n.Kind == unstable.Table {
			open = open.table(names[last], starts[last])
			continue
		}
		list := open.under[names[last]]
		if list == nil {
			list = &node{kind: unstable.Array, at: starts[last], value: starts[last]}
			open.put(names[last], list)
		}
		open = newTable(bytes.LastIndexByte(text[:starts[last]], '\n') + 1)
		list.items = append(list.items, open)
	}
	if err := parser.Error(); err != nil {
		return nil, config.ErrorAt(path, text, 0, "%v", err)
	}
	return top, nil
}

// entry adds what KEY = VALUE says.
func (n *node) entry(text []byte, pair *unstable.Node) {
	names, starts := keysOf(pair)
	last := len(names) - 1
	for i := range last {
		n = n.table(names[i], starts[i])
	}
	value := valueOf(text, pair.Value(), starts[last])
	value.at = starts[last]
	n.put(names[last], value)
}

// valueOf reads a value. The parser does not say where an array begins: it is at its key, or at the array around it.
func valueOf(text []byte, n *unstable.Node, at int) *node {
	if n.Kind != unstable.Array {
		at = int(n.Raw.Offset)
	}
	v := &node{kind: n.Kind, at: at, value: at, text: string(n.Data)}
	switch n.Kind {
	case unstable.Array:
		for it := n.Children(); it.Next(); {
			v.items = append(v.items, valueOf(text, it.Node(), at))
		}
	case unstable.InlineTable:
		v.under = map[string]*node{}
		for it := n.Children(); it.Next(); {
			v.entry(text, it.Node())
		}
		v.kind = unstable.Table
	}
	return v
}

// keysOf returns the names of a dotted key, and where each begins.
func keysOf(n *unstable.Node) (names []string, starts []int) {
	for it := n.Key(); it.Next(); {
		names, starts = append(names, string(it.Node().Data)), append(starts, int(it.Node().Raw.Offset))
	}
	return names, starts
}
