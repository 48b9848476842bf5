// SPDX-License-Identifier: GPL-3.0-or-later

// Package setup is what is known of the programs that people run as agents: how each is installed, which settings and hosts it
// needs, and how a human logs it in. It is data; what a run as the agent says of them is read here, too.
package setup

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/a4u2/au/internal/near"

	"github.com/pelletier/go-toml/v2"
)

//go:embed programs.toml
var programsText []byte

// Git is the word in the place of a program for what is about git alone.
const Git = "git"

// Program is one that people run as an agent.
type Program struct {
	Name    string   `toml:"name" json:"name"`
	About   string   `toml:"about" json:"about"`
	Page    string   `toml:"page" json:"page"`       // says how it is installed
	Command string   `toml:"command" json:"command"` // its name on PATH
	NPM     string   `toml:"npm" json:"npm,omitempty"`
	Node    int      `toml:"node" json:"node,omitempty"`                   // the least major version that the package asks for; 0: any
	Python  string   `toml:"python" json:"python,omitempty"`               // its package, for uv, pipx or pip
	Newest  string   `toml:"newest_python" json:"newest_python,omitempty"` // the newest Python that the package takes; "": any
	Nixpkgs string   `toml:"nixpkgs" json:"nixpkgs,omitempty"`             // its package there
	Native  string   `toml:"native" json:"native,omitempty"`               // its own installer, which a human may run as the agent
	Presets []string `toml:"presets" json:"presets,omitempty"`
	Hosts   string   `toml:"hosts" json:"hosts,omitempty"` // what it reaches besides, in words
	Keys    []string `toml:"keys" json:"keys,omitempty"`   // variables that hold a key
	Env     []string `toml:"env" json:"env,omitempty"`     // KEY=VALUE, for every run

	Settings []Setting `toml:"settings" json:"settings,omitempty"`

	Login       []string `toml:"login" json:"login"`
	KeysPage    string   `toml:"keys_page" json:"keys_page,omitempty"`
	Compared    string   `toml:"compared" json:"compared,omitempty"` // the day on which login, keys and credentials were compared with their pages; "" for never
	LoginPage   string   `toml:"login_page" json:"login_page,omitempty"`
	Callback    bool     `toml:"callback" json:"callback,omitempty"`       // the page comes back to a port of localhost
	Credentials string   `toml:"credentials" json:"credentials,omitempty"` // where it keeps a login, below the home
	Update      string   `toml:"update" json:"update,omitempty"`           // how it updates itself
}

// Setting is a file of a program, below the agent's home.
type Setting struct {
	File    string `toml:"file" json:"file"`
	Text    string `toml:"text" json:"text"`
	Why     string `toml:"why" json:"why"`
	Lost    string `toml:"lost" json:"lost"`                 // what the program did, and au does not
	Unless  string `toml:"unless" json:"unless,omitempty"`   // the switch of an agent that needs no such file
	Instead string `toml:"instead" json:"instead,omitempty"` // what holds there instead
	Page    string `toml:"page" json:"page"`
}

// Wanted says whether an agent with some switches needs a setting.
func (s Setting) Wanted(switches []string) bool {
	return s.Unless == "" || !slices.Contains(switches, s.Unless)
}

// LastLine is what a file holds that says the same.
func (s Setting) LastLine() string {
	lines := strings.Split(strings.TrimSpace(s.Text), "\n")
	return lines[len(lines)-1]
}

// Programs returns all programs, in the order in which they are offered.
func Programs() ([]Program, error) {
	var file struct {
		Program []Program `toml:"program"`
	}
	if err := toml.NewDecoder(bytes.NewReader(programsText)).DisallowUnknownFields().Decode(&file); err != nil {
		return nil, fmt.Errorf("programs: %w", err)
	}
	return file.Program, nil
}

// Find returns the program that has that name, or whose command has it.
func Find(name string) (Program, error) {
	all, err := Programs()
	if err != nil {
		return Program{}, err
	}
	if at := slices.IndexFunc(all, func(p Program) bool { return p.Name == name || p.Command == name }); at >= 0 {
		return all[at], nil
	}
	names := Names(all)
	return Program{}, fmt.Errorf("program %q: want git or one of %s%s", name, strings.Join(names, ", "), near.Asked(name, append(names, Git)))
}

// Names returns the programs' names.
func Names(all []Program) (names []string) {
	for _, p := range all {
		names = append(names, p.Name)
	}
	return names
}

// LoginLines returns how a human logs the program in, with the words that begin a run of the agent, and how a link is opened.
func (p Program) LoginLines(run string) (lines []string) {
	for _, line := range p.Login {
		lines = append(lines, strings.ReplaceAll(line, "{run}", run))
	}
	lines = append(lines, "To open a link, click it with Ctrl held, or copy it: the agent has no browser of yours.")
	if p.Callback {
		lines = append(lines, "The page comes back to localhost, which your browser shares with the agent. A browser on another computer does not: copy the address that it cannot open, and run curl 'ADDRESS' here.")
	}
	return lines
}
