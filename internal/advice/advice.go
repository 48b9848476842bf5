// SPDX-License-Identifier: GPL-3.0-or-later

// Package advice says what helps with an agent that a NixOS configuration declares. An option there changes it, and no command.
package advice

import (
	"slices"
	"strings"
)

// switching puts in force what the configuration says already.
const switching = "sudo nixos-rebuild switch"

// changes are the commands of au that change an agent, each with the options of the module that do the same: those behind
// security.au.agents.NAME, empty for all of them.
var changes = map[string]string{
	"new": "", "delete": "", "grant": "humans", "revoke": "humans", "limits set": "", "limits reset": "", "net restrict": "net", "net allow": "net.allow", "net deny": "net.deny",
	"net off": "net.enable",
}

// Roots are root's commands that change a user, who is the configuration's as well.
var Roots = []string{"usermod", "gpasswd", "groupadd", "useradd", "chage"}

// Changing returns which of the commands that change an agent these words begin with; empty for any other command.
func Changing(words ...string) string {
	for n := min(2, len(words)); n > 0; n-- {
		command := strings.Join(words[:n], " ")
		if _, ok := changes[command]; ok {
			return command
		}
	}
	return ""
}

// Program returns what gives a declared agent a program that the module knows, by the name of `au setup`.
func Program(agent, program string) string {
	return options(agent) + "programs can have" + quoted([]string{program}) + there
}

// Alias returns what gives the mail of a declared agent to root.
func Alias(agent string) string {
	return "services.postfix.extraAliases can have" + quoted([]string{agent + ": root"}) + there
}

// there is where a declared agent is changed, and options begins what is changed of it.
const there = " in the NixOS configuration"

func options(agent string) string { return "security.au.agents." + agent + "." }

// Agent returns the agent that a hint is about: the one that au's command names, or other, and the last word of root's command, as
// far as it is an agent or its humans' group.
func Agent(hint, other string) string {
	words := strings.Fields(hint)
	if at := slices.Index(words, "--agent"); at >= 0 && at+1 < len(words) {
		return words[at+1]
	}
	if len(words) > 1 && words[0] == "sudo" {
		return strings.TrimPrefix(words[len(words)-1], "su-as-")
	}
	return other
}

// Declared returns a hint as it can be followed for a declared agent: itself, or, where au or the next switch would not have it,
// what does the same.
func Declared(hint, agent string) string {
	parts := strings.Split(hint, " && ")
	for i, part := range parts {
		parts[i] = declared(part, agent)
	}
	return strings.Join(parts, " && ")
}

func declared(hint, agent string) string {
	words := strings.Fields(hint)
	switch {
	case len(words) > 1 && words[0] == "sudo" && slices.Contains(Roots, words[1]):
		return switching
	case len(words) < 2 || words[0] != "au":
		return hint
	}
	command, rest := Changing(words[1:]...), words[1:]
	if command == "" {
		return hint
	}
	rest = operands(rest[len(strings.Fields(command)):])
	option := options(agent)
	switch {
	case command == "new" && slices.Contains(rest, "--unlock"):
		return option + "unlock can have" + quoted(after(rest, "--unlock")) + there
	case command == "net allow":
		return option + "net.allow can have" + quoted(rest) + there
	case command == "net restrict" && slices.Contains(rest, "--ech"):
		return option + "net.ech = true" + there
	case command == "new", command == "net restrict" && !slices.Contains(rest, "--preset"):
		return switching // nothing new is asked for
	case slices.Contains(rest, "--mem"):
		return "change " + option + "memory" + there
	}
	return "change " + strings.TrimSuffix(option+changes[command], ".") + there
}

// operands are the words but for the agent and for how long: options of the module have no time.
func operands(words []string) (rest []string) {
	for i := 0; i < len(words); i++ {
		if words[i] == "--agent" || words[i] == "--for" {
			i++
			continue
		}
		rest = append(rest, words[i])
	}
	return rest
}

// after returns the words behind each one that is option.
func after(words []string, option string) (all []string) {
	for i, word := range words[:len(words)-1] {
		if word == option {
			all = append(all, words[i+1])
		}
	}
	return all
}

func quoted(words []string) (text string) {
	for _, word := range words {
		text += ` "` + strings.Trim(word, "'") + `"`
	}
	return text
}
