// SPDX-License-Identifier: GPL-3.0-or-later

// Package config reads and writes the human's configuration file, the TOML
// that agent-as-unix-user 2.x introduced. A file is never written as a whole:
// its bytes are edited, so that comments, order and keys of others stay.
package config

import (
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/a4u2/au/internal/walk"
)

// Config is what the file says. Order is the file's.
type Config struct {
	Agents                 []Agent
	DisableHomeAccessCheck bool
	Silence                []string // faults that `au doctor` counts and does not show: "ID" or "ID:AGENT"
	Unknown                []*Error // the keys that nobody reads; they stay when the file is edited
	Way                    []string // all that was passed on the way to the file: folders, links, and the file
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
	SetEnv           []string // KEY=VALUE, for every run
	Path             []string // folders that stand on the PATH of a run, behind the agent's own
}

// Mount is one [[agents.mounts]] entry, both paths absolute.
type Mount struct {
	Source   string // the human's folder
	Target   string // where the agent sees it
	ReadOnly bool   // true when absent
	ACL      bool   // shared through ACLs, not through an id-mapped mount
	Draft    bool   // what the agent writes goes to a draft of the folder; ReadOnly as well, for programs that know of none

	Hide        []string // names and patterns of what the agent does not see in it; only where ReadOnly
	ShowSecrets bool     // a draft does not hide what drafts hide without being asked

	TargetOnly bool // not at Source for the agent as well: same_path = false

	Unknown *Error // a key of it that nobody reads, and that may take something from the agent: no run begins then
}

// Equal reports whether two shares are the same in all.
func (m Mount) Equal(n Mount) bool { return reflect.DeepEqual(m.plain(), n.plain()) }

// HidesAs reports whether two shares hide the same.
func (m Mount) HidesAs(n Mount) bool {
	return slices.Equal(m.Hide, n.Hide) && m.ShowSecrets == n.ShowSecrets
}

// IsLayered reports whether the agent sees the share through an overlay.
func (m Mount) IsLayered() bool { return m.Draft || len(m.Hide) > 0 }

// Writes reports whether the agent can write there, even in a draft alone.
func (m Mount) Writes() bool { return m.Draft || !m.ReadOnly }

// mountJSON is a Mount whose paths keep their bytes in JSON.
type mountJSON struct {
	Source, Target                   Path
	ReadOnly, ACL, Draft, TargetOnly bool
	Hide                             []string
	ShowSecrets                      bool
}

func (m Mount) plain() mountJSON {
	return mountJSON{Path(m.Source), Path(m.Target), m.ReadOnly, m.ACL, m.Draft, m.TargetOnly, append([]string{}, m.Hide...), m.ShowSecrets}
}

// MarshalJSON writes the paths as Path does.
func (m Mount) MarshalJSON() ([]byte, error) {
	return json.Marshal(m.plain())
}

// UnmarshalJSON reads what MarshalJSON writes.
func (m *Mount) UnmarshalJSON(text []byte) error {
	var plain mountJSON
	err := json.Unmarshal(text, &plain)
	*m = Mount{
		Source: string(plain.Source), Target: string(plain.Target), ReadOnly: plain.ReadOnly, ACL: plain.ACL, Draft: plain.Draft, TargetOnly: plain.TargetOnly,
		Hide: append([]string(nil), plain.Hide...), ShowSecrets: plain.ShowSecrets,
	}
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

// IsOfShare reports whether a key that nobody reads is one of a share, for which no run begins.
func (c *Config) IsOfShare(key *Error) bool {
	for _, agent := range c.Agents {
		if slices.ContainsFunc(agent.Mounts, func(m Mount) bool { return m.Unknown == key }) {
			return true
		}
	}
	return false
}

// CheckHide refuses a word that hides nothing.
func CheckHide(word string) error {
	_, err := path.Match(word, "x")
	if err != nil || path.Clean(word) == "." || strings.HasPrefix(word, "/") || strings.Contains("/"+word+"/", "/../") || !utf8.ValidString(word) {
		return fmt.Errorf("hide %q: want a name such as secrets.yml, or a pattern such as *.key, or a path below the folder", word)
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
// mistake in it is an *Error; a thing on the way to it that somebody could
// have put there whom by does not trust is a *walk.Distrust.
func Load(path string, by walk.Trust) (*Config, error) {
	own, err := FindOwn(path, by)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	defer own.Close()
	c, _, err := load(path, own)
	return c, err
}

// LoadFor is Load for a run of one agent: of other agents, it keeps those shares alone in which they can write, and one of each
// folder.
func LoadFor(agent, path string, by walk.Trust) (*Config, error) {
	own, err := FindOwn(path, by)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	defer own.Close()
	if file, err := own.toRead(); file != nil && err == nil {
		defer file.Close()
		writable := map[string]bool{}
		keep := func(of string, m Mount) bool { return of == agent || !m.ReadOnly && isNew(writable, m.Source) }
		if c, ok := readPlain(file, pieceSize, maxSize, keep); ok {
			c.Way = own.Way
			return c, nil
		}
	}
	c, _, err := load(path, own)
	return c, err
}

func load(path string, own *Own) (*Config, []byte, error) {
	text, err := own.Read(maxSize)
	if err != nil {
		return nil, nil, fmt.Errorf("configuration: %w", err)
	}
	c, err := Parse(path, text)
	if err == nil {
		c.Way = own.Way
	}
	return c, text, err
}

// Parse reads text, which is not to change any more; path is only for messages. Keys it does not know are
// named in Unknown. A mistake is an *Error, with the place and what would be right.
func Parse(path string, text []byte) (*Config, error) {
	if c, ok := parsePlain(text); ok {
		return c, nil
	}
	return parse(path, text)
}

// parse is Parse for any text.
func parse(path string, text []byte) (*Config, error) {
	doc, err := readDocument(path, text)
	if err != nil {
		return nil, err
	}
	return doc.config()
}

func isNew(known map[string]bool, text string) bool {
	if known[text] {
		return false
	}
	known[strings.Clone(text)] = true
	return true
}
