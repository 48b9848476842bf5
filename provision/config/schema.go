// SPDX-License-Identifier: GPL-3.0-or-later

package config

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/a4u2/au/internal/near"
	"github.com/pelletier/go-toml/v2/unstable"
)

// A schema is the keys of a kind of table that we read and write. Others are
// named and passed over.
type schema struct {
	place    string  // where such a table is, for messages
	keys     []want  // few, and the usual ones first
	list     string  // the key that holds tables, "" for none
	of       *schema // and what these are
	accepted string  // a key of the original's first versions
}

// near returns the key that a mistyped one may have been, "" for none.
func (s *schema) near(typed string) string {
	plain := map[string]string{}
	var among []string
	for _, w := range s.keys {
		plain[plainKey(w.key)] = w.key
	}
	for _, name := range slices.Sorted(maps.Values(plain)) {
		among = append(among, plainKey(name))
	}
	return plain[near.Of(plainKey(typed), among)]
}

// plainKey returns a key without what people write it with or without.
func plainKey(key string) string {
	return strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == ' ' {
			return -1
		}
		return unicode.ToLower(r)
	}, key)
}

type want struct {
	key   string
	kind  unstable.Kind
	right string
}

// find returns what is wanted under a key, nil where that is not known.
func (s *schema) find(key string) *want {
	for i := range s.keys {
		if s.keys[i].key == key {
			return &s.keys[i]
		}
	}
	return nil
}

var topSchema = schema{
	place: "above all agents",
	keys: []want{
		{"disable_home_access_check", unstable.Bool, "true or false"},
		{"silence", unstable.Array, `faults such as ["home-open"]`},
		{"agents", unstable.Array, "a [[agents]] line above each agent"},
	},
	list: "agents",
	of:   &agentSchema,
}

var agentSchema = schema{
	place:    "below [[agents]]",
	accepted: "acl_external_accesses",
	keys: []want{
		{"user_name", unstable.String, `a name such as "agent"`},
		{"su_as_agent_group", unstable.String, `a group such as "su-as-agent"`},
		{"entrypoint", unstable.String, `a path such as "/usr/local/libexec/au/agent/su_as_agent"`},
		{"entrypoint_sha256", unstable.String, "64 hexadecimal digits in quotes"},
		{"entrypoint_stamp", unstable.String, "what au writes"},
		{"bootstrapped", unstable.Bool, "true or false"},
		{"keep_env", unstable.Array, `names such as ["EDITOR", "TZ"]`},
		{"set_env", unstable.Array, `variables such as ["EDITOR=vi"]`},
		{"path", unstable.Array, `folders such as ["/home/alice/.cargo/bin"]`},
		{"mounts", unstable.Array, "a [[agents.mounts]] line above each share"},
	},
	list: "mounts",
	of:   &mountSchema,
}

var mountSchema = schema{
	place: "below [[agents.mounts]]",
	keys: []want{
		{"source", unstable.String, `a folder such as "/home/alice/project"`},
		{"target", unstable.String, `a folder such as "/home/agent/project"`},
		{"read_only", unstable.Bool, "true or false"},
		{"acl", unstable.Bool, "true or false"},
		{"draft", unstable.Bool, "true or false"},
		{"hide", unstable.Array, `names such as [".env", "*.key"]`},

		{"show_secrets", unstable.Bool, "true or false"},
		{"same_path", unstable.Bool, "true or false"},
	},
}

// KindName says what a value is, for a person.
func KindName(kind unstable.Kind) string {
	switch kind {
	case unstable.String:
		return "a string"
	case unstable.Bool:
		return "a boolean"
	case unstable.Integer, unstable.Float:
		return "a number"
	case unstable.Array:
		return "an array"
	case unstable.InlineTable:
		return "a table"
	default:
		return "a date or time"
	}
}
