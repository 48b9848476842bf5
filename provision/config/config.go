// SPDX-License-Identifier: GPL-3.0-or-later

// Package config reads and writes the human's configuration file, the TOML
// that agent-as-unix-user 2.x introduced. A file is never written as a whole:
// its bytes are edited, so that comments, order and keys of others stay.
package config

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Config is what the file says. Order is the file's.
type Config struct {
	Agents                 []Agent
	DisableHomeAccessCheck bool
	Unknown                []*Error // the keys that nobody reads; they stay when the file is edited
}

// Agent is one [[agents]] entry. Only UserName is sure to be there; an
// absent text is "".
type Agent struct {
	UserName         string
	Group            string // who may run the entrypoint: su_as_agent_group
	Entrypoint       string // absolute path
	EntrypointSHA256 string // 64 hexadecimal digits
	EntrypointStamp  string // csrc.Stamp of the file when that was taken
	Bootstrapped     bool   // false when absent: making the agent did not finish
	Mounts           []Mount
	KeepEnv          []string // names of variables that a run takes along
}

// Mount is one [[agents.mounts]] entry, both paths absolute.
type Mount struct {
	Source   string // the human's folder
	Target   string // where the agent sees it
	ReadOnly bool   // true when absent
	ACL      bool   // shared through ACLs, not through an id-mapped mount
}

// mountJSON is a Mount whose paths keep their bytes in JSON.
type mountJSON struct {
	Source, Target Path
	ReadOnly, ACL  bool
}

// MarshalJSON writes the paths as Path does.
func (m Mount) MarshalJSON() ([]byte, error) {
	return json.Marshal(mountJSON{Path(m.Source), Path(m.Target), m.ReadOnly, m.ACL})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (m *Mount) UnmarshalJSON(text []byte) error {
	var plain mountJSON
	err := json.Unmarshal(text, &plain)
	*m = Mount{string(plain.Source), string(plain.Target), plain.ReadOnly, plain.ACL}
	return err
}

// Agent returns the agent called name, which may be changed in place, or nil.
func (c *Config) Agent(name string) *Agent {
	for i := range c.Agents {
		if c.Agents[i].UserName == name {
			return &c.Agents[i]
		}
	}
	return nil
}

// DeclaredPath is where the NixOS module says which agents it declares.
const DeclaredPath = "/etc/au/agents.json"

// DefaultPath returns where the configuration of the human with this home is.
func DefaultPath(home string) string {
	return filepath.Join(home, ".config", "agent-as-unix-user.toml")
}

// maxSize is far above a thousand agents with dozens of shares each.
const maxSize = 16 << 20

// Load reads the file at path without taking the lock: a save replaces the
// file, so what is read is whole. No file means an empty configuration. A
// mistake in it is an *Error.
func Load(path string) (*Config, error) {
	text, err := read(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, text)
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	if info.IsDir() {
		return nil, fmt.Errorf("configuration %q is a folder: want a TOML file", path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	if len(text) > maxSize {
		return nil, fmt.Errorf("configuration %q is larger than %d MiB: want a TOML file", path, maxSize>>20)
	}
	return text, nil
}

// Parse reads text; path is only for messages. Keys it does not know are
// named in Unknown. A mistake is an *Error, with the place and what would be right.
func Parse(path string, text []byte) (*Config, error) {
	doc, err := readDocument(path, text)
	if err != nil {
		return nil, err
	}
	return doc.config()
}
