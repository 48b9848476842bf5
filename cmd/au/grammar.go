// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"reflect"
	"slices"
	"strings"

	"github.com/a4u2/au/cmd/au/start"
	"github.com/alecthomas/kong"
)

// word is what can stand behind `au`. One file a command.
type word struct {
	name, help string
	command    any
}

// words are all that au understands, in the order of its help. A word without help is for au itself, and is not shown.
var words = []word{
	{"new", "Make an agent: a Unix user of its own, and the entrypoint to run commands as it.", &newCmd{}},
	{"run", "Run a command as the agent.", &runCmd{}},
	{"shell", "Open a login shell as the agent.", &shellCmd{}},
	{"info", "Show an agent and check its health.", &infoCmd{}},
	{"list", "List the agents.", &listCmd{}},
	{"grant", "Let another human enter an agent.", &grantCmd{}},
	{"revoke", "Shut a human out of an agent.", &revokeCmd{}},
	{"delete", "Delete an agent and all that au made for it.", &deleteCmd{}},
	{"mount", "Share folders of yours with an agent.", &mountCmd{}},
	{"limits", "Limit what an agent uses of CPU, memory and tasks.", &limitsCmd{}},
	{"top", "Watch what the agents use.", &topCmd{}},
	{"pause", "Freeze all that an agent runs.", &pauseCmd{}},
	{"resume", "Let a paused agent go on.", &resumeCmd{}},
	{"stop", "End all that an agent runs.", &stopCmd{}},
	{"net", "Restrict what an agent may reach, by name.", &netCmd{}},
	{"completion", "Print what lets a shell complete au's words.", &completionCmd{}},
	{"complete", "", &completeCmd{}},
	{"manual", "", &manualCmd{}},
	{"source", "", &sourceCmd{}},
	{"record", "", &recordCmd{}},
	{"after", "", &afterCmd{}},
	{"look", "", &lookCmd{}},
	{"slice", "", &sliceCmd{}},
	{"processes", "", &processesCmd{}},
	{"files", "", &filesCmd{}},
	{"end-runs", "", &endRunsCmd{}},
	{"carry-out", "", &carryOutCmd{}},
	{"render", "", &renderCmd{}},
}

// groups are the parts of `au --help` and of the manual, in this order.
var groups = []struct{ key, title, words string }{
	{"agents", "Agents:", "new info list grant revoke delete"},
	{"running", "Running:", "run shell top pause resume stop"},
	{"folders", "Folders:", "mount"},
	{"limits", "Limits:", "limits"},
	{"network", "Network:", "net"},
	{"care", "Care:", "completion"},
}

// groupOf returns the key of the group that a word is in; "" for none.
func groupOf(name string) string {
	for _, g := range groups {
		if slices.Contains(strings.Fields(g.words), name) {
			return g.key
		}
	}
	return ""
}

// grouped gives the groups their titles.
func grouped() kong.Option {
	titles := []kong.Group{}
	for _, g := range groups {
		titles = append(titles, kong.Group{Key: g.key, Title: g.title})
	}
	return kong.ExplicitGroups(titles)
}

// grammar returns the words that args may need: the one they begin with, where that is one, else all. Building them all costs several times what
// a command that reads two files does.
func grammar(args []string) []kong.Option {
	among := words
	if len(args) > 0 {
		if i := slices.IndexFunc(words, func(w word) bool { return w.name == args[0] }); i >= 0 {
			among = words[i : i+1]
		}
	}
	var options []kong.Option
	for _, w := range among {
		var tags []string
		if w.help == "" {
			tags = append(tags, `hidden:""`)
		}
		options = append(options, kong.DynamicCommand(w.name, w.help, groupOf(w.name), w.command, tags...))
	}
	return options
}

// bytesKept makes kong take texts and paths as they are typed. Its own way over JSON changes bytes that are no UTF-8.
func bytesKept() []kong.Option {
	text := func(ctx *kong.DecodeContext, target reflect.Value) error {
		token, err := ctx.Scan.PopValue(ctx.Value.Name)
		if err == nil {
			target.SetString(token.String())
		}
		return err
	}
	path := func(ctx *kong.DecodeContext, target reflect.Value) error {
		err := text(ctx, target)
		if target.String() != "" {
			target.SetString(kong.ExpandPath(target.String()))
		}
		return err
	}
	return []kong.Option{kong.KindMapper(reflect.String, kong.MapperFunc(text)), kong.NamedMapper("path", kong.MapperFunc(path))}
}

// plainRun returns what `au run COMMAND…` asks for where there is nothing more to parse; nil where there is. Building and using the grammar of one word takes a
// fifth of the time that au has until the entrypoint runs.
func plainRun(args []string) *runCmd {
	agent, command, ok := start.Words(args)
	if !ok {
		return nil
	}
	return &runCmd{agentFlag: agentFlag{agent}, Command: append([]string{"--"}, command...)}
}
