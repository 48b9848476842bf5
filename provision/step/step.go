// SPDX-License-Identifier: GPL-3.0-or-later

// Package step is a change to the machine that can be printed, run and taken back. It is the only package that changes the machine.
package step

import (
	"fmt"
	"slices"
	"strings"

	"github.com/a4u2/au/internal/quote"
)

// Command is one program to run, as the human or as root.
type Command struct {
	Argv []string // the program and its arguments, without sudo
	Root bool     // run as root: through sudo or doas unless au is root already
	Text string   // given on standard input, printed as a here-document
	From string   // a file given on standard input, printed as `< FROM`; not together with Text. It is the human who reads it, never root
	Note string   // printed below the command as a comment: what else does the same
	OK   []int    // exit statuses besides 0 that count as success, such as 1 of pkill (nothing matched)
	Temp string   // a half-made file that is removed where the command fails, as on a full disk

	SHA256 string // of what is in From, where that is known
	data   []byte // what is in From, in a plan that was handed over
}

// Root is a command that needs root.
func Root(argv ...string) Command { return Command{Argv: argv, Root: true} }

// Human is a command that the human runs.
func Human(argv ...string) Command { return Command{Argv: argv} }

// Given returns c with what was read from a file, by whoever judged the way there: the file is not opened again.
func (c Command) Given(from string, text []byte) Command {
	c.From, c.data = from, text
	return c
}

// Step is a change with its undo beside it.
type Step struct {
	Do   Command
	Undo []Command // run in this order; nil: nothing to take back
	// Mark says that the step leaves the mark by which `au delete` knows what is au's. It is taken back only when all else was.
	Mark bool
}

// Undo names the commands that take a step back.
func Undo(c ...Command) []Command { return c }

// Shell returns c as a POSIX shell reads it, elevate before the words of a root command. Here-documents end in a newline.
func (c Command) Shell(elevate []string) string { return c.line(elevate, hereDocument, "\n# ") }

// Line returns c on one line. Of a text on standard input it says how long it is, and which option prints it. No shell runs such a
// line by mistake.
func (c Command) Line(elevate []string) string { return c.line(elevate, leftOut, " # ") }

// line returns c with its standard input, a text as input writes it, and its note behind mark.
func (c Command) line(elevate []string, input func(text string) string, mark string) string {
	line := c.words(elevate)
	switch {
	case c.From != "":
		line += " < " + quote.Word(c.From)
	case c.Text != "":
		line += input(c.Text)
	}
	if c.Note != "" {
		line += mark + c.Note
	}
	return line
}

// words returns the program and its arguments, elevate before those of a root command.
func (c Command) words(elevate []string) string {
	words := slices.Clone(c.Argv)
	if c.Root {
		words = append(slices.Clone(elevate), words...)
	}
	for i, w := range words {
		words[i] = quote.Word(w)
	}
	return strings.Join(words, " ")
}

// leftOut is in place of a here-document.
func leftOut(text string) string {
	if n := strings.Count(strings.TrimSuffix(text, "\n"), "\n") + 1; n > 1 {
		return fmt.Sprintf(" <<... (%d lines; -v prints them)", n)
	}
	return " <<... (1 line; -v prints it)"
}

// hereDocument returns the redirection and the body that give a command the text. The delimiter is a line the text does not hold. A
// text that no terminal may get is a here-string, which bash, zsh and ksh have, and which ends in a newline as well.
func hereDocument(text string) string {
	if quote.Text(text) != text {
		return " <<<" + quote.Word(strings.TrimSuffix(text, "\n"))
	}
	end := "EOF"
	for slices.Contains(strings.Split(text, "\n"), end) {
		end += "F"
	}
	if text != "" {
		text = strings.TrimSuffix(text, "\n") + "\n"
	}
	return " <<'" + end + "'\n" + text + end
}

// WriteFile returns the steps after which the root-owned file path holds text, whole at every moment: a reader sees the old file or
// the new one. old is the text to put back on undo; empty where there was no such file.
func WriteFile(path, mode, text, old string) []Step {
	put := Put(path + ".new")
	put.Text = text
	steps := Replace(path, put, Root("chmod", mode, put.Temp))
	last := &steps[len(steps)-1]
	last.Undo = Undo(Root("rm", "-f", path))
	if old != "" {
		before := WriteFile(path, mode, old, "")
		last.Undo = Undo(before[0].Do, before[1].Do, before[2].Do)
	}
	return steps
}

// Put is a command that writes what it reads into a new file beside the one that it is for: only root can write it, and its mode
// and owner are still to be set. No install(1) here: those of uutils and busybox lose the set-uid bit or the owner, or do not read
// from standard input.
func Put(temp string) Command {
	c := Root("dd", "status=none", "of="+temp)
	c.Temp = temp
	return c
}

// Replace returns the steps that put a new file in the place of path, with what readies it in between. The last of them has no undo
// yet.
func Replace(path string, put Command, ready ...Command) []Step {
	steps := []Step{{Do: put, Undo: Undo(Root("rm", "-f", put.Temp))}}
	for _, c := range append(ready, Root("mv", "-T", put.Temp, path)) {
		c.Temp = put.Temp
		steps = append(steps, Step{Do: c})
	}
	return steps
}

// Own returns the commands that give a path its owner and then its mode: chown(2) takes set-id bits away. The names are of accounts
// that au made, which are no numbers: of a number chown(1) of some systems asks first whether a user is called so.
func Own(path, owner, mode string) []Command {
	return []Command{Root("chown", owner, path), Root("chmod", mode, path)}
}

// ShowFile returns the shell line that writes text to path, for a file that au writes itself; brief, as Line does.
func ShowFile(path, text string, brief bool) string {
	line := "cat > " + quote.Word(path)
	if brief {
		return line + leftOut(text)
	}
	return line + hereDocument(text)
}
