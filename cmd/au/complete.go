// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/a4u2/au/internal/quote"
	"github.com/a4u2/au/provision"
	"github.com/alecthomas/kong"
)

// The scripts ask `au complete` for everything, so they know no command and never are out of date.
//
//go:embed completion
var completionScripts embed.FS

// completionCmd prints what a shell needs to complete au's words.
type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

func (c *completionCmd) Run(a *app) error {
	text, err := completionScripts.ReadFile("completion/au." + c.Shell)
	if err == nil {
		_, err = a.out.Write(text)
	}
	return err
}

// completeCmd answers such a script: a line for each word that may be where the last of the words is, a tab, and what it
// means. Lines that begin with a colon are for the shell to complete: :files, :folders, and :command N where the word N (from 0)
// begins a command of its own.
type completeCmd struct {
	Words []string `arg:"" optional:"" passthrough:""`
}

func (c *completeCmd) Run(a *app) error {
	words := c.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	if len(words) == 0 {
		words = []string{""}
	}
	a.loaded = true // what is wrong with the config is not for this moment
	line := typed{app: a, node: newParser(&struct{ globals }{}, nil).Model.Node, agent: "agent"}
	for _, found := range line.complete(words) {
		fmt.Fprintln(a.out, found)
	}
	return nil
}

// typed is a command line up to the cursor.
type typed struct {
	*app
	node    *kong.Node // the command that the words lead to
	at      int        // which of its arguments is next
	used    []string   // options that are there already
	agent   string
	waiting *kong.Flag // the option whose value is next
	closed  bool       // no options any more
	asking  bool       // `au help`
	command int        // where a command of its own begins; 0 for nowhere
}

// complete returns what the last word may be.
func (t *typed) complete(words []string) []string {
	last := len(words) - 1
	for i, word := range words[:last] {
		if t.read(i, word); t.command > 0 {
			return []string{fmt.Sprintf(":command %d", t.command)}
		}
	}
	current := words[last]
	option, value, cut := strings.Cut(current, "=")
	switch flag := t.flag(option); {
	case t.waiting != nil:
		return t.values(current, "", t.waiting.Value)
	case !t.closed && cut && flag != nil:
		return t.values(value, option+"=", flag.Value)
	case !t.closed && strings.HasPrefix(current, "-"):
		return t.options(current)
	}
	return append(t.commands(current), t.arguments(current, last)...)
}

// read takes a word that is complete.
func (t *typed) read(i int, word string) {
	option, value, cut := strings.Cut(word, "=")
	flag := t.flag(option)
	child := t.child(word)
	switch {
	case t.waiting != nil:
		t.set(t.waiting, word)
		t.waiting = nil
	case word == "--":
		if t.closed = true; t.passes() {
			t.command = i + 1
		}
	case !t.closed && flag != nil:
		t.used = append(t.used, flag.Name)
		if cut {
			t.set(flag, value)
		} else if !flag.IsBool() {
			t.waiting = flag
		}
	case !t.closed && strings.HasPrefix(word, "-"): // nothing of ours
	case t.node.Parent == nil && word == "help":
		t.asking = true
	case child != nil:
		t.node, t.at = child, 0
	case t.passes():
		t.command = i
	default:
		t.at++
	}
}

// set keeps what the values of other words depend on.
func (t *typed) set(flag *kong.Flag, value string) {
	switch flag.Name {
	case "agent":
		t.agent = value
	case "config":
		t.Config = value
	}
}

func (t *typed) child(word string) *kong.Node {
	for _, child := range t.node.Children {
		if child.Name == word {
			return child
		}
	}
	return nil
}

// flag returns the option of that word, --name or -n.
func (t *typed) flag(word string) *kong.Flag {
	for _, group := range t.node.AllFlags(true) {
		for _, f := range group {
			if name, long := strings.CutPrefix(word, "--"); long && (name == f.Name || slices.Contains(f.Aliases, name)) || f.Short != 0 && word == "-"+string(f.Short) {
				return f
			}
		}
	}
	return nil
}

// argument returns the argument that is next; nil for none.
func (t *typed) argument() *kong.Positional {
	n := len(t.node.Positional)
	if t.at < n {
		return t.node.Positional[t.at]
	}
	if n > 0 && t.node.Positional[n-1].IsCumulative() {
		return t.node.Positional[n-1]
	}
	return nil
}

// passes reports whether what comes next is a command of its own.
func (t *typed) passes() bool {
	next := t.argument()
	return next != nil && next.PassthroughMode != kong.PassThroughModeNone && !t.asking
}

func (t *typed) options(begin string) (found []string) {
	for _, group := range t.node.AllFlags(true) {
		for _, f := range group {
			if !f.Hidden && (!slices.Contains(t.used, f.Name) || f.IsSlice()) {
				found = append(found, candidates(begin, "", "--"+f.Name+"\t"+gist(f.Help))...)
			}
		}
	}
	return found
}

func (t *typed) commands(begin string) (found []string) {
	for _, child := range t.node.Children {
		if !child.Hidden {
			found = append(found, candidates(begin, "", child.Name+"\t"+gist(child.Help))...)
		}
	}
	if t.node.Parent == nil && !t.asking {
		found = append(found, candidates(begin, "", "help\tShow what a command does", "version\tShow the version")...)
	}
	return found
}

func (t *typed) arguments(begin string, last int) []string {
	next := t.argument()
	switch {
	case next == nil || t.asking:
		return nil
	case t.passes():
		return []string{fmt.Sprintf(":command %d", last)}
	}
	return t.values(begin, "", next)
}

// values returns the possible values that begin so; before is the text before it in the same word.
func (t *typed) values(begin, before string, v *kong.Value) []string {
	if v.Enum != "" {
		return candidates(begin, before, v.EnumSlice()...)
	}
	switch what := completed(t.node, v); what {
	case files, folders:
		return []string{":" + string(what)}
	case runs:
		return candidates(begin, before, t.runs()...)
	case drafted:
		return append(candidates(begin, before, t.drafts()...), ":files")
	case draftNames:
		return candidates(begin, before, t.drafts()...)
	case agents:
		return candidates(begin, before, t.agents()...)
	case shares:
		return candidates(begin, before, t.shares()...)
	case hosts:
		return candidates(begin, before, t.hosts()...)
	case people:
		return candidates(begin, before, t.people()...)
	case humans:
		return candidates(begin, before, t.humans()...)
	case switches:
		return candidates(begin, before, provision.Switches()...)
	case known:
		return candidates(begin, before, programNames()...)
	case presets:
		return candidates(begin, before, strings.Split(presetNames([]string{"net"}), ", ")...)
	}
	return nil
}

// candidates returns those of the words, each with its meaning after a tab where it has one, that begin so.
func candidates(begin, before string, words ...string) (found []string) {
	for _, word := range words {
		value, _, _ := strings.Cut(word, "\t")
		if strings.HasPrefix(value, begin) && value != "" && quote.Plain(value) {
			found = append(found, before+word)
		}
	}
	return found
}

// gist returns what a help begins with.
func gist(help string) string {
	for _, end := range []string{". ", ": ", " ("} {
		help, _, _ = strings.Cut(help, end)
	}
	return strings.TrimSuffix(help, ".")
}

// completion is a kind of values.
type completion string

const (
	nothing  completion = "nothing" // what only the human knows
	files    completion = "files"
	folders  completion = "folders"
	agents   completion = "agents"
	drafted  completion = "drafts and files"
	shares   completion = "shares"
	hosts    completion = "hosts"
	people   completion = "people"
	humans   completion = "humans"
	switches completion = "switches"
	presets  completion = "presets"
	known    completion = "programs"
	runs     completion = "runs"

	draftNames completion = "drafts"
)

// completions are the kinds of values, by the name of the option or argument, with the command where that matters.
var completions = []struct {
	kind  completion
	names string
}{
	{files, "--config --env-file --login-from --ro --upstream-ca --upstream-login source file"},
	{drafted, "draft|path"},
	{draftNames, "draft|command draft"},
	{folders, "--directory --rw --draft folder"},
	{agents, "--agent"},
	{people, "--human human"},
	{humans, "au revoke:human"},
	{shares, "source|target"},
	{switches, "au new:--unlock"},
	{presets, "--preset"},
	{known, "program"},
	{runs, "au stop:run"},
	{hosts, "--allow --deny rule host"},
	{nothing, "--name --email --cpu --mem --swap --tasks --cpu-weight --io-weight --env --interval --allow-localhost --proxy --upstream --dns --learn --for --reason --tool --as --hide --lines --since target command"},
}

// completed returns the kind of values of an option or an argument; "" where nobody has said.
func completed(node *kong.Node, v *kong.Value) completion {
	name := v.Name
	if v.Flag != nil {
		name = "--" + name
	}
	for _, wanted := range []string{node.FullPath() + ":" + name, name} {
		for _, c := range completions {
			if strings.Contains(" "+c.names+" ", " "+wanted+" ") || c.names == wanted {
				return c.kind
			}
		}
	}
	return ""
}
