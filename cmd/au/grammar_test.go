// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// everyByte is what Unix allows in an argument: each byte but NUL, in front of it a slash, so that it is an absolute path as
// well.
func everyByte() string {
	all := []byte("/")
	for b := 1; b < 256; b++ {
		all = append(all, byte(b))
	}
	return string(all)
}

// everyCommand returns the words that lead to each command, those for au itself too.
func everyCommand(n *kong.Node, path []string) (all [][]string) {
	for _, child := range n.Children {
		all = append(all, everyCommand(child, append(path[:len(path):len(path)], child.Name))...)
	}
	if len(n.Children) == 0 {
		all = append(all, path)
	}
	return all
}

// isText reports whether a value is what was typed: a text, or a list of texts. Words of au's own are the only ones that are cut at
// commas.
func isText(v *kong.Value) bool {
	t := v.Target.Type()
	return t.Kind() == reflect.String || t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String && (v.Flag == nil || v.Tag.Sep == -1)
}

func TestEveryWordKeepsItsBytes(t *testing.T) {
	word := everyByte()
	tried := 0
	try := func(parser *kong.Kong, v *kong.Value, words []string) {
		ctx, err := kong.Trace(parser, words)
		if err != nil || ctx.Reset() != nil {
			t.Fatalf("%q: %v", words, err)
		}
		ctx.Apply()
		if got := fmt.Sprint(v.Target.Interface()); strings.Trim(got, "[]") != strings.Trim(word, "[]") {
			t.Errorf("%q: %s became %q", words[:len(words)-1], v.Name, got)
		}
		tried++
	}
	for _, path := range everyCommand(newParser(&struct{ globals }{}, nil).Model.Node, nil) {
		parser := newParser(&struct{ globals }{}, path)
		ctx, err := kong.Trace(parser, path)
		if err != nil {
			t.Fatal(err)
		}
		for _, flag := range ctx.Flags() {
			if isText(flag.Value) {
				try(parser, flag.Value, append(path[:len(path):len(path)], "--"+flag.Name+"="+word))
			}
		}
		words := path
		for _, v := range ctx.Selected().Positional {
			if !isText(v) {
				break
			}
			words = append(words[:len(words):len(words)], word)
			try(parser, v, words)
		}
	}
	if tried < 50 {
		t.Errorf("only %d words were tried", tried)
	}
}

// The grammar reads what the front program reads itself, and in the same way.
func TestPlainRunIsAsTheGrammarHasIt(t *testing.T) {
	for _, line := range []string{
		"run true", "run -a bot true -x", "run --agent=bot -- -x --env A", "run -e A=b=c -e HOME -d /tmp make", "run --env A=-b --directory=. sh -c x",
		"run -- -- x", "run true -a bot -e A=b", "run -e A= true", "run --env=A= -d ~x true --rw .",
		"run --no-shares true", "run --keep-proxy --login -a bot -- -x",
	} {
		args := strings.Fields(line)
		plain := plainRun(args)
		if plain == nil {
			t.Errorf("%s: not plain", line)
			continue
		}
		ctx, err := parse(newParser(&struct{ globals }{}, args), args)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		want := ctx.Selected().Target.Addr().Interface().(*runCmd)
		plain.Command, want.Command = plain.Command[1:], withoutDashes(want.Command)
		if !reflect.DeepEqual(plain, want) {
			t.Errorf("%s: plain is %+v, the grammar has %+v", line, plain, want)
		}
	}
}

// withoutDashes leaves out the -- that the grammar keeps.
func withoutDashes(command []string) []string {
	if len(command) > 0 && command[0] == "--" {
		return command[1:]
	}
	return command
}
