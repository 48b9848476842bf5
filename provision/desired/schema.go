// SPDX-License-Identifier: GPL-3.0-or-later

package desired

import (
	"bytes"
	"encoding/json"
	"reflect"

	"github.com/a4u2/au/netfilter"
	"github.com/a4u2/au/provision"
)

// Schema returns the JSON Schema of a File, for editors.
func Schema() ([]byte, error) {
	top := schemaOf(reflect.TypeFor[File]())
	top["$schema"], top["title"] = "https://json-schema.org/draft/2020-12/schema", "Agents of au"
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(top)
	return b.Bytes(), err
}

// required are the keys without which a table says nothing.
var required = map[reflect.Type][]string{
	reflect.TypeFor[Agent](): {"user_name"}, reflect.TypeFor[Mount](): {"source"}, reflect.TypeFor[Only](): {"human"},
}

type object = map[string]any

func schemaOf(t reflect.Type) object {
	if words := choices(t); words != nil {
		return object{"type": "string", "enum": words}
	}
	switch {
	case isNumber(t):
		return object{"type": []string{"string", "number"}}
	case t.Kind() == reflect.Pointer:
		return schemaOf(t.Elem())
	case t.Kind() == reflect.Slice:
		return object{"type": "array", "items": schemaOf(t.Elem())}
	case t.Kind() == reflect.Bool:
		return object{"type": "boolean"}
	case t.Kind() == reflect.Uint16:
		return object{"type": "integer", "minimum": 1, "maximum": 65535}
	case !isTable(t):
		return object{"type": "string"}
	}
	properties := object{}
	for i := range t.NumField() {
		f := t.Field(i)
		if k := key(f); k != "" {
			of := schemaOf(f.Type)
			of["description"] = f.Tag.Get("doc")
			properties[k] = of
		}
	}
	table := object{"type": "object", "additionalProperties": false, "properties": properties}
	if keys := required[t]; keys != nil {
		table["required"] = keys
	}
	return table
}

// choices returns the words that a type takes; nil for any.
func choices(t reflect.Type) (names []string) {
	switch t {
	case reflect.TypeFor[Switch]():
		return provision.Switches()
	case reflect.TypeFor[Backend]():
		return []string{string(netfilter.NFT), string(netfilter.Iptables)}
	case reflect.TypeFor[Preset]():
		presets, _ := netfilter.Presets() // the program's own
		for _, p := range presets {
			names = append(names, p.Name)
		}
	}
	return names
}
