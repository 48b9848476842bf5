// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"strings"

	"github.com/alecthomas/kong"
)

// examples are lines to paste, each with the command that it is of and what it does. A test reads each by the grammar.
var examples = []struct{ line, does string }{
	{`au new`, "an agent called agent"},
	{`au new -a reviewer --cpu 150% --mem 16G`, "another, with limits"},
	{`au new --dry-run`, "only show what would be done"},
	{`au run claude`, "here, as the agent"},
	{`au run --rw . -- make test`, "share this folder for this run"},
	{`au run -e ANTHROPIC_API_KEY claude`, "pass a variable of yours on"},
	{`au run --keep-proxy npm install`, "by the proxy that your shell uses"},
	{`au run -d ~agent bash`, "start in the agent's home"},
	{`au shell`, "a login shell, with the agent's own profile"},
	{`au info`, "who may enter, what is shared, what is wrong"},
	{`au info -a reviewer --json`, "for a program"},
	{`au list`, "all agents that you may use, and what runs in them"},
	{`au list --nix`, "as lines of a NixOS configuration"},
	{`au doctor`, "what is wrong with the machine and the agents"},
	{`au doctor --fix -y`, "and mend it, without a question"},
	{`au verify`, "attack the agent's walls, and say what holds"},
	{`au verify -a reviewer --json`, "for a program"},
	{`au apply agents.toml`, "make what the file says, after one question"},
	{`au apply --dry-run agents.toml`, "only show what would be done"},
	{`au apply -y --prune --detailed-exitcode agents.toml`, "for a script: 3 where something was changed"},
	{`au export >agents.toml`, "how the agents are now"},
	{`au grant bob`, "bob may use the agent, too"},
	{`au revoke bob --stop`, "no longer, and what bob runs in it ends"},
	{`au delete`, "keep its home"},
	{`au delete -H -y`, "without a question, and its home goes as well"},
	{`au setup`, "the programs that au knows, and which are installed"},
	{`au setup claude`, "install Claude Code as the agent, with all that it needs here"},
	{`au setup codex --dry-run`, "only show what would be done"},
	{`au setup git --name 'Robot' --email robot@example.com`, "who the agent's commits are from"},
	{`au setup git --committer-me`, "the agent is the author of its commits, and you are the committer"},
	{`au mount add --rw ~/project`, "the agent may write in it; the files stay yours"},
	{`au mount add ~/reference`, "read-only"},
	{`au mount remove ~/project`, "take it back"},
	{`au mount list`, ""},
	{`au mount check`, "what the agent may have left for you to run"},
	{`au path add ~/.cargo/bin`, "behind au mount add ~/.cargo"},
	{`au path remove ~/.cargo/bin`, ""},
	{`au path list`, ""},
	{`au draft list`, ""},
	{`au draft diff`, "what the agent did in the draft of this folder"},
	{`au draft diff --stat agent src`, "in short, below src, in the draft called agent"},
	{`au draft keep`, "all of it, after one question"},
	{`au draft keep src README.md`, "only these"},
	{`au draft keep --merge`, "where you have changed the same file, git merges the lines of both"},
	{`au draft undo`, "as it was before the last keep"},
	{`au draft drop`, "throw it away"},
	{`au draft try -- make test`, "as the agent, before you keep anything"},
	{`au draft refresh`, "look again for .env files, keys, and what else is to be hidden"},
	{`au draft path`, ""},
	{`au limits set --cpu 150% --mem 16G --tasks 4000`, ""},
	{`au limits show`, ""},
	{`au limits reset --mem`, "the memory alone"},
	{`au top`, ""},
	{`au pause`, ""},
	{`au resume`, ""},
	{`au stop`, "all that the agent runs"},
	{`au stop -a reviewer`, ""},
	{`au stop k3f9a`, "one run, by the id that au list shows"},
	{`au log`, "what ran when, who ran it, and how it ended"},
	{`au log -a reviewer -n 20 -f`, "the last twenty lines, and then each new one"},
	{`au log --since=-2h --json`, "for a program"},
	{`au net restrict --preset anthropic --allow pypi.org`, "this and nothing else"},
	{`au net restrict --allow pypi.org --upstream http://proxy.example:3128`, "through your company's proxy"},
	{`au net restrict --learn 1h`, "let all through for an hour, and see what it was"},
	{`au net allow --for 2h github.com:22`, "for a while"},
	{`au net deny '*.example.com'`, ""},
	{`au net status`, ""},
	{`au net log --denied`, "what it was refused"},
	{`au net log --suggest`, "the line that would allow all of that"},
	{`au net why https://example.com/`, ""},
	{`au net show --format nft`, ""},
	{`au net off`, ""},
	{`au completion bash >~/.local/share/bash-completion/completions/au`, "where no package did it"},
	{`au completion fish >~/.config/fish/completions/au.fish`, ""},
}

// examplesOf returns the examples of a command, one a line; "" for a command that only leads to others.
func examplesOf(node *kong.Node) string {
	var text strings.Builder
	for _, e := range examples {
		if strings.HasPrefix(e.line+" ", node.FullPath()+" ") && node.Leaf() {
			text.WriteString("    " + e.line)
			if e.does != "" {
				text.WriteString("  # " + e.does)
			}
			text.WriteString("\n")
		}
	}
	return text.String()
}

// helpWithExamples prints the help of a command with its examples.
func helpWithExamples(options kong.HelpOptions, ctx *kong.Context) error {
	node := ctx.Selected()
	if node == nil {
		return kong.DefaultHelpPrinter(options, ctx)
	}
	if text := examplesOf(node); text != "" {
		node.Detail = "Examples:\n\n" + text
	}
	for n := node; n != nil; n = n.Parent {
		n.Group = nil // a group is a part of the list of all commands
	}
	return kong.DefaultHelpPrinter(options, ctx)
}
