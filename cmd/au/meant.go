// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/a4u2/au/csrc"
	"github.com/alecthomas/kong"
)

// meantWords are what people type for our commands.
var meantWords = map[string]string{
	"status": "info", "show": "info", "inspect": "info", "doctor": "info", "health": "info",
	"ls": "list", "agents": "list", "ps": "top",
	"create": "new", "make": "new", "add": "new", "init": "new",
	"rm": "delete", "remove": "delete", "destroy": "delete", "uninstall": "delete",
	"exec": "run", "start": "run", "enter": "shell", "login": "shell", "sh": "shell", "bash": "shell",
	"kill": "stop", "end": "stop", "freeze": "pause", "suspend": "pause", "unpause": "resume", "continue": "resume", "thaw": "resume",
	"share": "mount add", "unshare": "mount remove", "umount": "mount remove", "unmount": "mount remove", "shares": "mount list", "mounts": "mount list", "check": "mount check",
	"limit": "limits set", "restrict": "net restrict", "allow": "net allow", "deny": "net deny", "log": "net log", "logs": "net log", "why": "net why",
	"network": "net", "firewall": "net", "invite": "grant",
}

// meantFlags are what other programs call our options. One counts only in a command that has it.
var meantFlags = map[string][]string{
	"--memory": {"--mem"}, "--ram": {"--mem"}, "--memory-limit": {"--mem"}, "-m": {"--mem"}, "--cpus": {"--cpu"},
	"--pids": {"--tasks"}, "--pids-limit": {"--tasks"}, "--processes": {"--tasks"}, "--name": {"--agent"}, "--user": {"--agent"}, "-u": {"--agent"}, "-n": {"--dry-run", "--agent"},
	"--workdir": {"--directory"}, "--cwd": {"--directory"}, "--chdir": {"--directory"}, "-w": {"--directory"},
	"--readonly": {"--ro"}, "--read-only": {"--ro"}, "--write": {"--rw"}, "--writable": {"--rw"}, "--read-write": {"--rw"}, "-v": {"--rw"}, "--volume": {"--rw"},
	"--dryrun": {"--dry-run"}, "--force": {"--yes"}, "-f": {"--yes"}, "--home": {"--delete-home"},
}

// asked turns `help [COMMAND]` and `version` into the options that do the same.
func asked(args []string) []string {
	if len(args) == 0 {
		return args
	}
	switch args[0] {
	case "help":
		return append([]string{"--help"}, args[1:]...)
	case "version":
		return append([]string{"--version"}, args[1:]...)
	}
	return args
}

// meant returns the line to paste for what was probably meant by args, which the grammar refuses; "" where nothing is near.
func meant(args []string, err error) string {
	said, _, _ := strings.Cut(err.Error(), ", did you mean")
	word, isFlag := strings.CutPrefix(said, "unknown flag ")
	if !isFlag {
		var isWord bool
		if word, isWord = strings.CutPrefix(word, "unexpected argument "); !isWord {
			return ""
		}
	}
	at := slices.IndexFunc(args, func(arg string) bool { return arg == word || isFlag && strings.HasPrefix(arg, word+"=") })
	if at < 0 {
		return ""
	}
	var parse *kong.ParseError
	errors.As(err, &parse)
	switch node := parse.Context.Selected(); {
	case node == nil && !isFlag && meantWords[word] != "":
		return pasted(slices.Concat(args[:at], strings.Fields(meantWords[word]), args[at+1:])...)
	case node == nil:
		return ""
	case !isFlag && csrc.IsName(word) && hasFlag(node, "--agent") && !slices.ContainsFunc(args, namesAgent):
		rest := slices.Delete(slices.Clone(args), at, at+1)
		return pasted(slices.Insert(rest, slices.Index(rest, node.Name)+1, "--agent", word)...)
	}
	if line := elsewhere(args, at, parse.Context.Command()); line != "" {
		return line
	}
	for _, flag := range meantFlags[word] {
		if hasFlag(parse.Context.Selected(), flag) {
			return pasted(slices.Concat(args[:at], []string{flag + strings.TrimPrefix(args[at], word)}, args[at+1:])...)
		}
	}
	return ""
}

// elsewhere returns the line for an option that another command has, or that says what is so without it.
func elsewhere(args []string, at int, command string) string {
	word, rest, joined := strings.Cut(args[at], "=")
	if !joined && at+1 < len(args) {
		rest = args[at+1]
	}
	agent := slices.Clone(args[1:at])
	if i := slices.IndexFunc(agent, namesAgent); i >= 0 {
		agent = agent[i:]
	} else {
		agent = nil
	}
	switch {
	case word == "--ro" && strings.HasPrefix(command, "mount add"): // read-only is what it is without --rw
		return pasted(slices.Delete(slices.Clone(args), at, at+1)...)
	case rest == "" || strings.HasPrefix(command, "net restrict") || strings.HasPrefix(command, "limits set"):
	case word == "--preset":
		return pasted(slices.Concat([]string{"net", "restrict"}, agent, []string{word, rest})...)
	case (word == "--mem" || word == "--memory") && strings.HasPrefix(command, "run"):
		return pasted(slices.Concat([]string{"limits", "set"}, agent, []string{"--mem", rest})...)
	}
	return ""
}

func namesAgent(arg string) bool {
	return strings.HasPrefix(arg, "-a") || strings.HasPrefix(arg, "--agent")
}

// hasFlag reports whether a command has the option.
func hasFlag(node *kong.Node, name string) bool {
	return slices.ContainsFunc(node.AllFlags(true), func(group []*kong.Flag) bool {
		return slices.ContainsFunc(group, func(f *kong.Flag) bool { return "--"+f.Name == name })
	})
}

// guessless returns the text of an error without what kong guesses where that does not help: it takes all options of one letter to
// be near, and what we know to be meant is better.
func guessless(err error, meant string) string {
	text := err.Error()
	if flag, ok := strings.CutPrefix(text, "unknown flag -"); meant != "" || ok && !strings.HasPrefix(flag, "-") {
		text, _, _ = strings.Cut(text, ", did you mean")
	}
	return text
}
