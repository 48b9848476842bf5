// SPDX-License-Identifier: GPL-3.0-or-later

package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/a4u2/au/cmd/au/host"
	"github.com/alecthomas/kong"
)

// eachShown calls do for every command that the help shows, those that lead to others too.
func eachShown(n *kong.Node, do func(*kong.Node)) {
	for _, child := range n.Children {
		if !child.Hidden {
			do(child)
			eachShown(child, do)
		}
	}
}

func TestEveryCommandIsInOneGroup(t *testing.T) {
	for _, w := range words {
		in := 0
		for _, g := range groups {
			if slices.Contains(strings.Fields(g.words), w.name) {
				in++
			}
		}
		if want := map[bool]int{true: 1}[w.help != ""]; in != want {
			t.Errorf("au %s is in %d groups of the help, want %d: see groups in grammar.go", w.name, in, want)
		}
	}
}

// parses says what is wrong with a command line; nil where the grammar takes it.
func parses(line string) error {
	out, err := exec.Command("bash", "-c", `printf '%s\0' `+line).Output()
	if err != nil {
		return err
	}
	args := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")[1:]
	ended := false
	parser := newParser(&struct{ globals }{}, args, kong.Writers(io.Discard, io.Discard), kong.Exit(func(int) { ended = true; panic(exited{}) }))
	if _, err = parse(parser, asked(args)); ended {
		return nil
	}
	return err
}

func TestEveryCommandHasExamplesThatWork(t *testing.T) {
	eachShown(wholeGrammar(), func(n *kong.Node) {
		if n.Leaf() && examplesOf(n) == "" {
			t.Errorf("%s has no example: see examples.go", n.FullPath())
		}
	})
	for _, e := range examples {
		line, _, _ := strings.Cut(e.line, " >")
		if err := parses(line); err != nil {
			t.Errorf("%s: %v", e.line, err)
		}
	}
	if parses("au new --nosuch") == nil || parses("au nosuch") == nil {
		t.Error("every line is taken")
	}
}

func TestEveryValueSaysWhatCompletesIt(t *testing.T) {
	root := wholeGrammar()
	check := func(n *kong.Node, v *kong.Value) {
		if v.Enum == "" && completed(n, v) == "" {
			t.Errorf("%s: nobody has said what completes %s: see completions in complete.go (nothing, where only the human knows)", n.FullPath(), v.Summary())
		}
	}
	for _, f := range root.Flags {
		if !f.IsBool() {
			check(root, f.Value)
		}
	}
	eachShown(root, func(n *kong.Node) {
		for _, f := range n.Flags {
			if !f.IsBool() && !f.Hidden {
				check(n, f.Value)
			}
		}
		for _, v := range n.Positional {
			check(n, v)
		}
	})
}

// complete returns the words that may be at the end of those.
func complete(words ...string) (found []string) {
	line := typed{app: &app{host: host.Real(""), globals: &globals{}, err: io.Discard}, node: wholeGrammar(), agent: "agent"}
	for _, text := range line.complete(words) {
		value, _, _ := strings.Cut(text, "\t")
		found = append(found, value)
	}
	slices.Sort(found)
	return found
}

// The shells offer, the help shows and the manual explains the same.
func TestCompletionsHelpAndManualAreOneGrammar(t *testing.T) {
	pages := map[string]string{}
	for _, p := range manual(wholeGrammar()) {
		pages[p.name] = p.text.String()
	}
	count := 0
	eachShown(wholeGrammar(), func(n *kong.Node) {
		count++
		path := strings.Fields(n.FullPath())[1:]
		var help strings.Builder
		parser := newParser(&struct{ globals }{}, append(path[:1:1], "net"), kong.Writers(&help, &help), kong.Exit(func(int) { panic(exited{}) }))
		parse(parser, append([]string{"--help"}, path...))
		text, ok := pages[pageName(n)]
		if !ok {
			t.Errorf("%s has no page", n.FullPath())
		}
		var want []string
		for _, group := range n.AllFlags(true) {
			for _, f := range group {
				if f.Hidden {
					continue
				}
				want = append(want, "--"+f.Name)
				if !strings.Contains(help.String(), "--"+f.Name) {
					t.Errorf("the help of %s has no --%s:\n%s", n.FullPath(), f.Name, help.String())
				}
			}
		}
		for _, f := range n.Flags {
			if !f.Hidden && !strings.Contains(text, roff(f.String())) || !f.Hidden && !strings.Contains(text, roff(f.Help)) {
				t.Errorf("the page of %s lacks --%s", n.FullPath(), f.Name)
			}
		}
		slices.Sort(want)
		if got := complete(append(path, "-")...); !slices.Equal(got, want) {
			t.Errorf("%s: completed are %q, want %q", n.FullPath(), got, want)
		}
		above := append(path[:len(path)-1:len(path)-1], n.Name[:1])
		if !slices.Contains(complete(above...), n.Name) {
			t.Errorf("au %s is not completed to %s", strings.Join(above, " "), n.Name)
		}
	})
	if count != len(pages)-1 {
		t.Errorf("%d commands, and %d pages beside that of au", count, len(pages)-1)
	}
}

func TestCompletedWords(t *testing.T) {
	for words, want := range map[string]string{
		"pa|": "path pause", "he|": "help", "help mount a|": "add", "-C file pa|": "path pause", "rec|": "", "complete|": "", "net w|": "why",
		"net restrict --preset=an|": "--preset=anthropic", "net restrict --preset anth|": "anthropic", "net restrict --backend |": "auto iptables nft",
		"new --unlock=us|": "--unlock=userns", "new --allow=us|": "--allow=userns", "new --allow u|": "userns", "new --al|": "", "new --unlock u|": "userns", "new --yes --y|": "", "net allow --preset npm --preset go|": "google go",
		"run --ro |": ":files", "run --rw |": ":folders", "run --ro=x|": ":files", "run --env-file |": ":files", "run -d |": ":folders", "-C |": ":files", "mount add |": ":files", "path add |": ":folders", "mount add x |": "",
		"run |": ":command 1", "run ma|": ":command 1", "run -a x make al|": ":command 3", "run -- |": ":command 2", "run --ro x -- make -|": ":command 4", "run make --a|": ":command 1",
		"help run |": "", "run --lo|": "--login", "completion |": "bash fish zsh", "new --cpu |": "", "net show i|": "", "limits set --m|": "--mem", "shell x |": "",
	} {
		typed := strings.Split(strings.TrimSuffix(words, "|"), " ")
		wanted := strings.Split(want, " ")
		if want == "" || strings.HasPrefix(want, ":") {
			wanted = []string{want}
		}
		slices.Sort(wanted)
		if got := complete(typed...); strings.Join(got, " ") != strings.Join(wanted, " ") {
			t.Errorf("au %s is completed to %q, want %q", words, got, wanted)
		}
	}
}

// Lines of au in what people read are taken by the grammar.
func TestDocumentsSpeakTheGrammar(t *testing.T) {
	documents, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	typed, quoted := regexp.MustCompile(`^(?:\$ )?(au [^\n…|·]*)$`), regexp.MustCompile("`(au [^`…|]*)`")
	read := 0
	for _, name := range append(documents, "../../README.md", "../../SECURITY.md") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var all [][]string
		fenced := false
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "```") {
				fenced = !fenced
			} else if fenced {
				all = append(all, typed.FindAllStringSubmatch(strings.TrimSuffix(line, "\n"), -1)...)
			} else {
				all = append(all, quoted.FindAllStringSubmatch(line, -1)...)
			}
		}
		for _, m := range all {
			said, _, _ := strings.Cut(m[1], " >")
			if said, _, _ = strings.Cut(said, "; "); strings.Contains(said, "carry-out") || strings.HasPrefix(said, "au 0.") {
				continue
			}
			read++
			if problem := wordsOf(strings.Fields(said)[1:]); problem != "" {
				t.Errorf("%s: %s: %s", name, said, problem)
			}
		}
	}
	if read < 60 {
		t.Errorf("only %d lines were read", read)
	}
	usage, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	eachShown(wholeGrammar(), func(n *kong.Node) {
		if !strings.Contains(string(usage), n.Name) {
			t.Errorf("the README knows no %s", n.FullPath())
		}
	})
	for _, wrong := range []string{"nosuch", "new --nosuch", "net nosuch x", "mount add --nosuch x"} {
		if wordsOf(strings.Fields(wrong)) == "" {
			t.Errorf("au %s is taken for right", wrong)
		}
	}
}

// wordsOf says which word no command or option has; values may be what stands for some.
func wordsOf(words []string) string {
	line := typed{app: &app{host: host.Real(""), globals: &globals{}}, node: wholeGrammar()}
	for i, word := range words {
		word = strings.Trim(word, "[](),.")
		option, _, _ := strings.Cut(word, "=")
		switch {
		case line.waiting == nil && !line.closed && strings.HasPrefix(word, "-") && word != "--" && line.flag(option) == nil:
			return "no option " + word
		case line.waiting == nil && !line.node.Leaf() && !strings.HasPrefix(word, "-") && line.child(word) == nil && word != "help" && word != "version" && strings.ToUpper(word) != word:
			return "no command " + word
		}
		if line.read(i, word); line.command > 0 {
			break
		}
	}
	return ""
}

func TestManualShowsTextAsItIs(t *testing.T) {
	for text, want := range map[string]string{
		"plain": "plain", ".SH x": `\&.SH x`, `back\slash`: `back\eslash`, "--option": `\-\-option`, "'quoted'": `\(aqquoted\(aq`, "a\n.b": "a\n\\&.b",
	} {
		if got := roff(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}
