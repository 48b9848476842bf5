// SPDX-License-Identifier: GPL-3.0-or-later

package netfilter

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/a4u2/au/internal/near"

	"github.com/pelletier/go-toml/v2"
)

//go:embed presets.toml
var presetsText []byte

// Preset is a named set of rules for one service, from the page that its owner publishes.
type Preset struct {
	Name   string   `toml:"name"`
	About  string   `toml:"about"`
	Group  string   `toml:"group"`          // models, git or packages
	Also   []string `toml:"also,omitempty"` // what else people call it
	Source string   `toml:"source"`
	Allow  []Rule   `toml:"allow"`
	Shared string   `toml:"shared,omitempty"` // what else the hosts are good for; empty where nothing

	Unconfirmed []Rule `toml:"unconfirmed,omitempty"` // those of Allow for which neither the owner's page nor a program was found
}

// Presets returns all presets, in the order in which they are offered.
func Presets() ([]Preset, error) {
	var file struct {
		Preset []Preset `toml:"preset"`
	}
	if err := toml.NewDecoder(bytes.NewReader(presetsText)).DisallowUnknownFields().Decode(&file); err != nil {
		return nil, fmt.Errorf("presets: %w", err)
	}
	return file.Preset, nil
}

// FindPreset returns the preset of that name.
func FindPreset(name string) (Preset, error) {
	all, err := Presets()
	if err != nil {
		return Preset{}, err
	}
	var names, meant []string
	for _, p := range all {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
		if slices.Contains(p.Also, strings.ToLower(name)) {
			meant = append(meant, p.Name)
		}
	}
	if meant != nil {
		return Preset{}, fmt.Errorf("preset %q: want --preset %s", name, strings.Join(meant, " or --preset "))
	}
	return Preset{}, fmt.Errorf("preset %q: want one of %s%s", name, strings.Join(names, ", "), near.Asked(name, names))
}

// Entries returns the allow rules of p.
func (p Preset) Entries() []Entry {
	var list []Entry
	for _, rule := range p.Allow {
		list = append(list, Entry{Rule: rule, Preset: p.Name})
	}
	return list
}
