// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/a4u2/au/internal/whole"
	"github.com/alecthomas/kong"
)

// manualCmd writes the manual into a folder: a page for au and one for each command, all from the grammar.
type manualCmd struct {
	Folder string `arg:"" help:"An existing folder."`
}

func (c *manualCmd) Run(*app) error {
	for _, page := range manual(wholeGrammar()) {
		if err := whole.At(filepath.Join(c.Folder, page.name+".1"), []byte(page.text.String()), whole.As{Mode: 0o644, UID: -1, GID: -1}); err != nil {
			return err
		}
	}
	return nil
}

// wholeGrammar returns all of au's words, with what the help of each says.
func wholeGrammar() *kong.Node {
	return newParser(&struct{ globals }{}, []string{"", "net"}).Model.Node
}

// page is a page of the manual, in man(7)'s language.
type page struct {
	name string
	text strings.Builder
}

// manual returns the pages of a command and of all below it that is shown.
func manual(node *kong.Node) []*page {
	pages := []*page{pageOf(node)}
	for _, child := range node.Children {
		if !child.Hidden {
			pages = append(pages, manual(child)...)
		}
	}
	return pages
}

func pageOf(node *kong.Node) *page {
	p := &page{name: pageName(node)}
	fmt.Fprintf(&p.text, ".TH %s 1 \"\" %q\n", strings.ToUpper(p.name), "au "+version)
	p.section("NAME")
	p.line(p.name + ` \- ` + roff(strings.TrimSuffix(node.Help, ".")))
	p.section("SYNOPSIS")
	p.line(roff(synopsis(node)))
	if node.Parent == nil {
		p.section("DESCRIPTION")
		p.paragraphs(about)
		p.commandsByGroup(node)
	} else {
		p.commands("COMMANDS", node.Children)
	}
	p.arguments(node)
	p.options(node)
	p.examples(node)
	p.ending(node)
	return p
}

func pageName(node *kong.Node) string { return strings.ReplaceAll(node.FullPath(), " ", "-") }

// synopsis is the command's summary without what all commands have.
func synopsis(node *kong.Node) string {
	if node.Parent == nil {
		return "au [OPTIONS] COMMAND …"
	}
	return "au " + strings.Replace(node.Summary(), " [flags]", " [OPTIONS]", 1)
}

func (p *page) section(title string) { p.line(`.SH "` + title + `"`) }

func (p *page) line(text string) { p.text.WriteString(text + "\n") }

func (p *page) paragraphs(text string) {
	for _, part := range strings.Split(strings.TrimSpace(text), "\n\n") {
		p.line(".PP")
		p.line(roff(strings.ReplaceAll(part, "\n", " ")))
	}
}

// item is a word in bold and what there is to say about it.
func (p *page) item(word, text string) {
	p.line(".TP")
	p.line(`\fB` + roff(word) + `\fR`)
	p.line(roff(text))
}

func (p *page) commandsByGroup(node *kong.Node) {
	for _, g := range groups {
		var in []*kong.Node
		for _, child := range node.Children {
			if groupOf(child.Name) == g.key {
				in = append(in, child)
			}
		}
		p.commands(strings.ToUpper(strings.TrimSuffix(g.title, ":")), in)
	}
}

func (p *page) commands(title string, nodes []*kong.Node) {
	if len(nodes) > 0 {
		p.section(title)
	}
	for _, n := range nodes {
		p.item(pageName(n)+"(1)", n.Help)
	}
}

func (p *page) arguments(node *kong.Node) {
	if len(node.Positional) > 0 {
		p.section("ARGUMENTS")
	}
	for _, arg := range node.Positional {
		p.item(arg.Summary(), arg.Help)
	}
}

func (p *page) options(node *kong.Node) {
	p.section("OPTIONS")
	for _, f := range node.Flags {
		if !f.Hidden {
			p.item(f.String(), f.Help)
		}
	}
	if node.Parent != nil {
		p.line(".PP\nThe options of every command are in \\fBau\\fR(1).")
	}
}

func (p *page) examples(node *kong.Node) {
	text := examplesOf(node)
	if text == "" {
		return
	}
	p.section("EXAMPLES")
	p.line(".nf")
	p.line(roff(strings.TrimSuffix(text, "\n")))
	p.line(".fi")
}

// ending is what the grammar does not say.
func (p *page) ending(node *kong.Node) {
	p.section("EXIT STATUS")
	if node.Name == "run" || node.Name == "shell" {
		p.paragraphs(statusOfRun)
	} else {
		p.paragraphs(statusOfAll)
	}
	if node.Parent == nil {
		p.section("FILES")
		p.item("~/.config/agent-as-unix-user.toml", "The human's config: agents and their shares.")
		p.item("/etc/au/agents/NAME", "The policy of an agent: who may enter, and what a run has.")
		p.item("/usr/local/libexec/au/NAME/su_as_agent", "The agent's entrypoint, set-uid, for its humans alone.")
		p.item("/home/NAME", "The agent's home.")
		return
	}
	p.section("SEE ALSO")
	p.line(`\fB` + pageName(node.Parent) + `\fR(1)`)
}

const about = `
au gives an AI coding agent a Unix user of its own on this machine, and only what its human hands over: folders, cores, memory, hosts.
Every change is printed before it is made, as the line that makes it, and every change can be undone.

The agent is "agent" unless --agent names another. Options after the command of au run are that command's.`

const statusOfAll = `0; 1 where something failed; 2 where the words were wrong.`

const statusOfRun = `The command's own; 128+N where signal N ended it; 125 where au refuses; 126 where the command cannot be executed; 127 where it is not found.`

// roff returns text as man(7) shows it unchanged.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "…", "...", "·", "|", "'", `\(aq`, "`", "\\`").Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
