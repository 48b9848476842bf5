// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// gathered returns the args with the words of a command behind its options, where it takes any number of words: kong takes only
// those that are together.
func gathered(top *kong.Node, args []string) []string {
	command, at := selected(top, args)
	if n := len(command.Positional); n == 0 || !command.Positional[n-1].IsCumulative() || command.Positional[n-1].Passthrough {
		return args
	}
	options, words := args[:at:at], []string{}
	for left := args[at:]; len(left) > 0; {
		n := 1
		switch {
		case left[0] == "--":
			words, n = append(words, left[1:]...), len(left)
		case len(left[0]) < 2 || left[0][0] != '-':
			words = append(words, left[0])
		default:
			if takesNext(command, left[0]) && len(left) > 1 {
				n = 2
			}
			options = append(options, left[:n]...)
		}
		left = left[n:]
	}
	if len(words) == 0 {
		return options
	}
	return slices.Concat(options, []string{"--"}, words)
}

// selected returns the command that the args begin with, and where its own words begin.
func selected(top *kong.Node, args []string) (command *kong.Node, at int) {
	command = top
	for ; at < len(args); at++ {
		i := slices.IndexFunc(command.Children, func(n *kong.Node) bool {
			return n.Type == kong.CommandNode && (n.Name == args[at] || slices.Contains(n.Aliases, args[at]))
		})
		if i < 0 {
			break
		}
		command = command.Children[i]
	}
	return command, at
}

// takesNext reports whether the arg behind an option is its value.
func takesNext(command *kong.Node, option string) bool {
	name, isLong := strings.CutPrefix(option, "--")
	for _, f := range slices.Concat(command.AllFlags(false)...) {
		switch needs := !f.IsBool() && !f.IsCounter(); {
		case isLong && (name == f.Name || slices.Contains(f.Aliases, name)):
			return needs
		case !isLong && needs && f.Short != 0 && strings.ContainsRune(option, f.Short):
			return strings.HasSuffix(option, string(f.Short)) // else the rest is the value
		}
	}
	return false
}
