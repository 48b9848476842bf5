// SPDX-License-Identifier: GPL-3.0-or-later

// Package step is a change to the machine that can be printed, run and taken back. It is the only package that changes the machine.
package step

import (
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
func (c Command) Shell(elevate []string) string {
	words := slices.Clone(c.Argv)
	if c.Root {
		words = append(slices.Clone(elevate), words...)
	}
	for i, w := range words {
		words[i] = quote.Word(w)
	}
	line := strings.Join(words, " ")
	switch {
	case c.From != "":
		line += " < " + quote.Word(c.From)
	case c.Text != "":
		line += hereDocument(c.Text)
	}
	if c.Note != "" {
		line += "\n# " + c.Note
	}
	return line
}

// hereDocument returns the redirection and the body that give a command the text. The delimiter is a line the text does not hold. A text that no terminal may
// get is a here-string, which bash, zsh and ksh have, and which ends in a newline as well.
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

// WriteFile returns the steps after which the root-owned file path holds text, whole at every moment: a reader sees the old file or the new one.
// old is the text to put back on undo; empty where there was no such file.
func WriteFile(path, mode, text, old string) []Step {
	put, move := writeCommands(path, mode, text)
	undo := Undo(Root("rm", "-f", path))
	if old != "" {
		undo = Undo(writeCommands(path, mode, old))
	}
	return []Step{
		{Do: put, Undo: Undo(Root("rm", "-f", put.Temp))},
		{Do: move, Undo: undo},
	}
}

// writeCommands returns the two commands that make path hold text.
func writeCommands(path, mode, text string) (put, move Command) {
	temp := path + ".new"
	put, move = Root("install", "-m", mode, "/dev/stdin", temp), Root("mv", "-T", temp, path)
	put.Text, put.Temp, move.Temp = text, temp, temp
	return put, move
}

// ShowFile returns the shell line that writes text to path, for a file that au writes itself.
func ShowFile(path, text string) string {
	return "cat > " + quote.Word(path) + hereDocument(text)
}
