// SPDX-License-Identifier: GPL-3.0-or-later

package config

import "github.com/pelletier/go-toml/v2/unstable"

// A schema is the keys of a kind of table that we read and write. Others are
// passed over.
type schema struct {
	keys map[string]want
	list string  // the key that holds tables, "" for none
	of   *schema // and what these are
}

type want struct {
	kind  unstable.Kind
	right string
}

var topSchema = schema{
	keys: map[string]want{
		"disable_home_access_check": {unstable.Bool, "true or false"},
		"agents":                    {unstable.Array, "a [[agents]] line above each agent"},
	},
	list: "agents",
	of:   &agentSchema,
}

var agentSchema = schema{
	keys: map[string]want{
		"user_name":         {unstable.String, `a name such as "agent"`},
		"su_as_agent_group": {unstable.String, `a group such as "su-as-agent"`},
		"entrypoint":        {unstable.String, `a path such as "/usr/local/libexec/au/agent/su_as_agent"`},
		"entrypoint_sha256": {unstable.String, "64 hexadecimal digits in quotes"},
		"entrypoint_stamp":  {unstable.String, "what au writes"},
		"bootstrapped":      {unstable.Bool, "true or false"},
		"keep_env":          {unstable.Array, `names such as ["COLORTERM", "TZ"]`},
		"mounts":            {unstable.Array, "a [[agents.mounts]] line above each share"},
	},
	list: "mounts",
	of:   &mountSchema,
}

var mountSchema = schema{
	keys: map[string]want{
		"source":    {unstable.String, `a folder such as "/home/alice/project"`},
		"target":    {unstable.String, `a folder such as "/home/agent/project"`},
		"read_only": {unstable.Bool, "true or false"},
		"acl":       {unstable.Bool, "true or false"},
	},
}

// kindName says what a value is, for a person.
func kindName(kind unstable.Kind) string {
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
