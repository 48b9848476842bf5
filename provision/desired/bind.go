// SPDX-License-Identifier: GPL-3.0-or-later

package desired

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/a4u2/au/internal/near"
	"github.com/a4u2/au/provision/config"
	"github.com/pelletier/go-toml/v2/unstable"
)

// Places says where in the text a table is, and its keys. Each table of a File has one.
type Places struct {
	self int
	keys map[string]int
}

var placesType = reflect.TypeFor[Places]()

// key returns the TOML key of a field; "" for what is none.
func key(f reflect.StructField) string { return f.Tag.Get("toml") }

// document is a text that is being read.
type document struct {
	path string
	text []byte
}

func (d *document) errorAt(at int, format string, args ...any) error {
	return config.ErrorAt(d.path, d.text, at, format, args...)
}

// bind puts what n says into v, which is of one of the types that a File is made of. name is what n is called.
func (d *document) bind(n *node, v reflect.Value, name string) error {
	if v.CanAddr() {
		if reader, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
			return d.bindText(n, reader, name, v.Type())
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return d.bind(n, v.Elem(), name)
	case reflect.Struct:
		return d.bindTable(n, v, name)
	case reflect.Slice:
		return d.bindList(n, v, name)
	case reflect.Bool:
		if n.kind == unstable.Bool {
			v.SetBool(n.text == "true")
			return nil
		}
	case reflect.Uint16:
		if n.kind == unstable.Integer {
			number, err := strconv.ParseUint(n.text, 10, 16)
			if err != nil || number == 0 {
				return d.errorAt(n.value, "%s: want a port from 1 to 65535", name)
			}
			v.SetUint(number)
			return nil
		}
	case reflect.String:
		if n.kind == unstable.String {
			v.SetString(n.text)
			return nil
		}
	}
	return d.wrongKind(n, name, v.Type())
}

// wrongKind says what is there instead of what is wanted.
func (d *document) wrongKind(n *node, name string, t reflect.Type) error {
	is := config.KindName(n.kind)
	if n.kind == unstable.Table {
		is = "a table"
	}
	return d.errorAt(n.at, "%s is %s: want %s", name, is, wanted(t))
}

// wanted says what a value of that type is, for a person.
func wanted(t reflect.Type) string {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return "a string"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return wanted(t.Elem())
	case reflect.Struct:
		return "a table"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Struct && t.Elem().NumField() > 0 && t.Elem().Field(0).Type == placesType {
			return "an array of tables"
		}
		return "an array of " + strings.TrimPrefix(strings.TrimPrefix(wanted(t.Elem()), "a "), "an ") + "s"
	case reflect.Bool:
		return "true or false"
	case reflect.Uint16:
		return "a number"
	}
	return "a string"
}

// bindText reads a value that says itself what is right. A number for people may be one here, too.
func (d *document) bindText(n *node, into encoding.TextUnmarshaler, name string, t reflect.Type) error {
	number := isNumber(t) && (n.kind == unstable.Integer || n.kind == unstable.Float)
	if n.kind != unstable.String && !number {
		return d.wrongKind(n, name, t)
	}
	if err := into.UnmarshalText([]byte(n.text)); err != nil {
		return d.errorAt(n.value, "%s: %v", name, err)
	}
	return nil
}

func (d *document) bindList(n *node, v reflect.Value, name string) error {
	if n.kind != unstable.Array {
		return d.wrongKind(n, name, v.Type())
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.items), len(n.items))) // an empty list is a list
	for i, item := range n.items {
		if err := d.bind(item, v.Index(i), name); err != nil {
			return err
		}
	}
	return nil
}

// bindTable reads a table. Every key has to be known.
func (d *document) bindTable(n *node, v reflect.Value, name string) error {
	if n.kind != unstable.Table {
		return d.wrongKind(n, name, v.Type())
	}
	fields := map[string]int{}
	for i := range v.NumField() {
		if k := key(v.Type().Field(i)); k != "" {
			fields[k] = i
		}
	}
	places := Places{self: n.at, keys: map[string]int{}}
	for _, k := range n.keys {
		i, known := fields[k]
		if !known {
			return d.unknown(n.under[k].at, k, name, fields)
		}
		places.keys[k] = n.under[k].at
		if err := d.bind(n.under[k], v.Field(i), k); err != nil {
			return err
		}
	}
	v.Field(0).Set(reflect.ValueOf(places))
	return nil
}

// made are the keys of the human's config that au writes by itself.
var made = []string{"su_as_agent_group", "entrypoint", "entrypoint_sha256", "entrypoint_stamp", "bootstrapped"}

func (d *document) unknown(at int, k, name string, fields map[string]int) error {
	if slices.Contains(made, k) {
		return d.errorAt(at, "unknown key %q: au decides about that by itself: leave it out", k)
	}
	var names []string
	for f := range fields {
		names = append(names, f)
	}
	slices.Sort(names)
	where := ""
	if name != "" {
		where = " in " + name
	}
	return d.errorAt(at, "unknown key %q%s: want one of %s%s", k, where, strings.Join(names, ", "), near.Asked(k, names))
}

// placeError returns a mistake at a key of a table; at the table itself where it lacks that.
func (d *document) placeError(p Places, k string, format string, args ...any) error {
	at, ok := p.keys[k]
	if !ok {
		at = p.self
	}
	return d.errorAt(at, "%s", fmt.Sprintf(format, args...))
}
