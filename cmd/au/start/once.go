// SPDX-License-Identifier: GPL-3.0-or-later

package start

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/a4u2/au/internal/accounts"
	"github.com/a4u2/au/provision/config"
	"github.com/a4u2/au/provision/share"
)

// once is a line of the file beside the config that names the folders which agents could write, and which the config does not name:
// those of `au run --rw`, and shares that were taken back. Links that an agent left there stay.
type once struct {
	Agent  string      `json:"agent"`
	Folder config.Path `json:"folder"`
}

// maxOnce bounds the file.
const maxOnce = 1 << 20

func (m Machine) ownOnce(known string, human accounts.User) (*config.Own, error) {
	return m.Own(strings.TrimSuffix(known, ".toml")+".once", human)
}

// Once returns the folders that agents could write, beside those that the config at known names.
func (m Machine) Once(known string, human accounts.User) []share.Writable {
	own, err := m.ownOnce(known, human)
	if err != nil {
		return nil
	}
	defer own.Close()
	text, _ := own.Read(maxOnce)
	var all []share.Writable
	for line := range bytes.Lines(text) {
		var o once
		if json.Unmarshal(line, &o) == nil {
			all = append(all, share.Writable{Source: string(o.Folder), Agent: o.Agent})
		}
	}
	return all
}

// RememberOnce makes them more by some, where they are not among them.
func (m Machine) RememberOnce(known string, human accounts.User, more ...share.Writable) error {
	all := m.Once(known, human)
	more = slices.DeleteFunc(slices.Clone(more), func(w share.Writable) bool { return slices.Contains(all, w) })
	if len(more) == 0 {
		return nil
	}
	own, err := m.ownOnce(known, human)
	if err != nil {
		return err
	}
	defer own.Close()
	if err := own.MakeFolders(); err != nil {
		return err
	}
	return own.Append(onceText(more))
}

// KeepOnce forgets those of agents that are not in the config any more.
func (m Machine) KeepOnce(path string, human accounts.User, known *config.Config) error {
	all := m.Once(path, human)
	kept := slices.DeleteFunc(slices.Clone(all), func(w share.Writable) bool { return known.Agent(w.Agent) == nil })
	if len(kept) == len(all) {
		return nil
	}
	own, err := m.ownOnce(path, human)
	if err != nil {
		return err
	}
	defer own.Close()
	if len(kept) == 0 {
		return own.Remove()
	}
	return own.Replace(onceText(kept))
}

func onceText(all []share.Writable) []byte {
	var text bytes.Buffer
	for _, w := range all {
		line, _ := json.Marshal(once{w.Agent, config.Path(w.Source)}) // two texts
		text.Write(append(line, '\n'))
	}
	return text.Bytes()
}
