// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/a4u2/au/internal/quote"
)

// An entry is an agent or a mount as it is to stand in the file.
type entry struct {
	id     string // what it is known by: entries with the same id are the same one
	header string
	apart  bool // with empty lines around it
	fields []field
	list   string // the key for mounts, "" for none
	mounts []entry
}

// A field is a key and its value in TOML. A new entry leaves it out when
// the value is the omitted one.
type field struct{ key, text, omitted string }

func topFields(c *Config) []field {
	return []field{{"disable_home_access_check", truth(c.DisableHomeAccessCheck), ""}}
}

func agentEntries(agents []Agent) []entry {
	entries := make([]entry, len(agents))
	for i, a := range agents {
		entries[i] = entry{
			id:     a.UserName,
			header: "[[agents]]",
			apart:  true,
			fields: []field{
				{"user_name", Quote(a.UserName), ""},
				{"su_as_agent_group", Quote(a.Group), ""},
				{"entrypoint", Quote(a.Entrypoint), ""},
				{"entrypoint_sha256", Quote(a.EntrypointSHA256), ""},
				{"entrypoint_stamp", Quote(a.EntrypointStamp), `""`},
				{"bootstrapped", truth(a.Bootstrapped), ""},
				{"keep_env", quoteAll(a.KeepEnv), "[]"},
				{"set_env", quoteAll(a.SetEnv), "[]"},
				{"path", quoteAll(pathTexts(a.Path)), "[]"},
			},
			list:   "mounts",
			mounts: mountEntries(a.Mounts),
		}
	}
	return entries
}

func mountEntries(mounts []Mount) []entry {
	entries := make([]entry, len(mounts))
	for i, m := range mounts {
		entries[i] = entry{
			id:     m.Source + "\x00" + m.Target,
			header: "[[agents.mounts]]",
			fields: []field{
				{"source", Quote(Path(m.Source).Text()), ""},
				{"target", Quote(Path(m.Target).Text()), ""},
				{"read_only", truth(m.ReadOnly), ""},
				{"acl", truth(m.ACL), "false"},
				{"draft", truth(m.Draft), "false"},
				{"hide", quoteAll(m.Hide), "[]"},
				{"show_secrets", truth(m.ShowSecrets), "false"},
				{"same_path", truth(!m.TargetOnly), "true"},
			},
		}
	}
	return entries
}

// lines returns e as tables under headers, a line each.
func (e entry) lines() []string {
	lines := []string{e.header}
	for _, f := range e.fields {
		if f.text != f.omitted {
			lines = append(lines, f.key+" = "+f.text)
		}
	}
	for _, m := range e.mounts {
		lines = append(lines, m.lines()...)
	}
	return lines
}

// inline returns e as an inline table.
func (e entry) inline() string {
	var parts []string
	for _, f := range e.fields {
		if f.text != f.omitted {
			parts = append(parts, f.key+" = "+f.text)
		}
	}
	if len(e.mounts) > 0 {
		parts = append(parts, e.list+" = "+inlineArray(e.mounts))
	}
	return "{ " + strings.Join(parts, ", ") + " }"
}

func inlineArray(entries []entry) string {
	items := make([]string, len(entries))
	for i, e := range entries {
		items[i] = e.inline()
	}
	return "[" + strings.Join(items, ", ") + "]"
}

func truth(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// Quote returns s, which is UTF-8, as a TOML 1.0 basic string. It escapes all that au's output would escape otherwise, so the text
// stays the same where au prints it.
func Quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c > 0xffff && !quote.PlainRune(c):
			fmt.Fprintf(&b, `\U%08X`, c)
		case !quote.PlainRune(c):
			fmt.Fprintf(&b, `\u%04X`, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func pathTexts(all []string) []string {
	texts := make([]string, len(all))
	for i, s := range all {
		texts[i] = Path(s).Text()
	}
	return texts
}

func quoteAll(all []string) string {
	quoted := make([]string, len(all))
	for i, s := range all {
		quoted[i] = Quote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// check returns why c cannot be written.
func (c *Config) check() error {
	seen := map[string]bool{}
	for _, a := range c.Agents {
		if a.UserName == "" || seen[a.UserName] {
			return fmt.Errorf("agent %q: want a name that no other entry has", a.UserName)
		}
		seen[a.UserName] = true
		texts := append([]string{a.UserName, a.Group, a.Entrypoint, a.EntrypointSHA256, a.EntrypointStamp}, slices.Concat(a.KeepEnv, a.SetEnv)...)
		for _, m := range a.Mounts {
			if m.Source == "" || m.Target == "" {
				return fmt.Errorf("agent %q: share of %q at %q: want two folders", a.UserName, m.Source, m.Target)
			}
		}
		for _, pair := range a.SetEnv {
			if err := CheckPair(pair); err != nil {
				return fmt.Errorf("agent %q: %w", a.UserName, err)
			}
		}
		for _, s := range texts {
			if !utf8.ValidString(s) {
				return fmt.Errorf("agent %q: %q is not UTF-8: a TOML file cannot hold it", a.UserName, s)
			}
		}
	}
	return nil
}
