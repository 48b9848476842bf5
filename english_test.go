// SPDX-License-Identifier: GPL-3.0-or-later

package au_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The bounds of a page: a sentence has at most longest words, and half of them have fewer than middle.
const longest, middle = 40, 18

// verbs and the like follow such a genitive only where no noun does, and then it is a genitive too many.
const noNoun = `(?:[.,;:)"]|$| (?:that|which|who|is|are|was|were|in|on|at|and|or|to|by|of|for|from|with|as|where|can|may|must|has|have|alone|too|itself|before|beside|there|nobody|no|not|gives|makes)\b)`

// forbidden are ways to write that have to be read twice, each with the words that it is about in the first group.
var forbidden = []*regexp.Regexp{
	regexp.MustCompile(`\b(of (?:the |an? |any |another |some )?\w+(?: \w+)?'s)` + noNoun),
	regexp.MustCompile(`(?i)\b(has not|have not|had not)\b`),
	regexp.MustCompile(`(?i)\b((?:is|are|was|were|be) said)\b`),
	regexp.MustCompile(`(?i)\b(stands)\b`),
	regexp.MustCompile(`(?i)\b(an own|so already|only this one|and so the others)\b`),
	regexp.MustCompile(`(?i)\b(but that|is all that|no word of|what is beyond)\b`),
	regexp.MustCompile(`(?i)\b(looks? whether|be it|the human's word|can(?:not)? be had)\b`),
	regexp.MustCompile(`(?i)\b((?:that|which|who|input|is there, and) (?:is|was) no (?:regular |plain )?(?:file|folder|terminal|pty|number|name|agent|user|link|program|path))\b`),
	regexp.MustCompile(`^(Nor (?:is|are|does|do|can|has|have|was|were))\b`),
}

// clause is a sentence that begins with a clause where its subject should be. A question may.
var clause = regexp.MustCompile(`^((?:What|Who|Whoever|Whatever|Whose|Whether|Which|That (?:a|an|the|it|what|no|nobody)) [^?]*)[^?]$`)

// faults returns what is forbidden in a sentence.
func faults(sentence string) (all []string) {
	for _, phrase := range forbidden {
		for _, m := range phrase.FindAllStringSubmatch(sentence, -1) {
			all = append(all, m[1])
		}
	}
	if n := words(sentence); n > longest {
		all = append(all, fmt.Sprintf("%d words, want at most %d", n, longest))
	}
	if clause.MatchString(sentence) && words(sentence) > 5 { // fewer are a title
		all = append(all, "a clause as its subject")
	}
	if len(regexp.MustCompile(`(?i)\bwhat\b`).FindAllString(sentence, 3)) > 2 {
		all = append(all, "what … what … what")
	}
	return all
}

var (
	fence    = regexp.MustCompile("(?ms)^ *```.*?^ *```$|<!--.*?-->")
	indented = regexp.MustCompile(`(?m)(\A|\n\n)(?: {4,}[^ \n].*\n)+`)
	span     = regexp.MustCompile("``.+?``|`[^`]*`")
	link     = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	apart    = regexp.MustCompile(`(?m)^\s*(?:[-*]|\d+\.|#+) |\n\s*\n|\|| · |^#.*$`)
	stop     = regexp.MustCompile(`[\pL\pN)"\x60*][.?!][)*"]*\s+`)
	aWord    = regexp.MustCompile(`[\pL\pN]`)
)

// row is a line of a table.
var row = regexp.MustCompile(`(?m)^\|.*\n?`)

// sentences returns the sentences of a page: of its paragraphs, items and cells, each code span as one word, without blocks of code
// and headings.
func sentences(page string) (all []string) {
	page = fence.ReplaceAllString(page, "")
	page = indented.ReplaceAllString(page, "\n\n")
	page = regexp.MustCompile(`(?m)^#.*$`).ReplaceAllString(page, "\n")
	page = link.ReplaceAllString(span.ReplaceAllString(page, "Code"), "$1")
	for _, part := range apart.Split(page, -1) {
		part = strings.Join(strings.Fields(part), " ") + " "
		at := 0
		for _, end := range stop.FindAllStringIndex(part, -1) {
			all = append(all, strings.TrimSpace(part[at:end[1]]))
			at = end[1]
		}
		all = append(all, strings.TrimSpace(part[at:]))
	}
	return slices.DeleteFunc(all, func(s string) bool { return words(s) == 0 })
}

func words(sentence string) (n int) {
	for _, w := range strings.Fields(sentence) {
		if aWord.MatchString(w) {
			n++
		}
	}
	return n
}

// Every page is read once: half of its sentences are short, none is long, and none is of a forbidden kind.
func TestPagesAreReadOnce(t *testing.T) {
	for name, page := range readPages(t) {
		if name == "docs/nixos-options.md" { // NixOS describes a switch by a clause
			page = strings.ReplaceAll(page, "\nWhether ", "\nIt says whether ")
		}
		var lengths []int
		for _, s := range sentences(row.ReplaceAllString(page, "\n")) {
			lengths = append(lengths, words(s))
		}
		slices.Sort(lengths)
		most := 0
		for _, s := range sentences(page) {
			most = max(most, words(s))
			for _, fault := range faults(s) {
				t.Errorf("%s: %s: %s", name, fault, s)
			}
		}
		median := lengths[len(lengths)/2]
		if median >= middle {
			t.Errorf("%s: the median sentence has %d words, want fewer than %d", name, median, middle)
		}
		if os.Getenv("ENGLISH") != "" {
			fmt.Printf("%-30s %4d sentences, median %2d, longest %2d\n", name, len(lengths), median, most)
		}
	}
}

// literal is a string in C.
var literal = regexp.MustCompile(`"((?:[^"\\\n]|\\.)*)"`)

// A program's words are read once, too: every string in its source.
func TestStringsAreReadOnce(t *testing.T) {
	n := 0
	check := func(name, text string) {
		n++
		for _, s := range sentences(strings.TrimLeft(text, "# ")) {
			for _, fault := range faults(s) {
				t.Errorf("%s: %s: %s", name, fault, s)
			}
		}
	}
	for _, name := range sources(t, ".go") {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.BinaryExpr:
				check(name, text(node))
				return false
			case *ast.BasicLit:
				if node.Kind == token.STRING {
					check(name, text(node))
				}
			}
			return true
		})
	}
	noCode := regexp.MustCompile(`(?s)/\*.*?\*/|(?m)//.*$`)
	for _, name := range sources(t, ".c", ".h") {
		for _, m := range literal.FindAllStringSubmatch(noCode.ReplaceAllString(readText(t, name), ""), -1) {
			check(name, m[1])
		}
	}
	if n < 3000 {
		t.Errorf("found only %d strings", n)
	}
}

// marks are what comments begin with, by the ending of a file. A file without one of these is a script if its first line says so.
var marks = map[string]string{".go": "//", ".c": "//", ".h": "//", ".sh": "#", ".py": "#", ".nix": "#", ".toml": "#", ".yml": "#"}

func markOf(name, source string) string {
	if strings.HasPrefix(source, "#!") {
		return "#"
	}
	return marks[filepath.Ext(name)]
}

// directive is a line of a comment that a program reads, or a script says of itself in.
var directive = regexp.MustCompile(`^(?:[a-z][a-z ]*:|shellcheck |SPDX-) ?`)

// comments returns the comments of a source that begin with a mark, each as a text, and where they begin. Lines that are set apart,
// such as a table, and directives are none of its sentences.
func comments(source, mark string) (all map[int]string) {
	all = map[int]string{}
	begun, comment := 0, regexp.MustCompile(`(?:^|\s)`+mark+` ?([^\s!].*)?$`)
	for i, line := range strings.Split(source, "\n") {
		m := comment.FindStringSubmatch(line)
		switch own := strings.HasPrefix(strings.TrimSpace(line), mark); {
		case m == nil || m[1] == "" || strings.Contains(m[1], "  ") || mark == "#" && directive.MatchString(m[1]):
			begun = 0
		case own && begun > 0:
			all[begun] += " " + m[1]
		default:
			all[i+1] = m[1]
			if begun = 0; own {
				begun = i + 1
			}
		}
	}
	return all
}

// A comment is read once, too, also in a test or a script. That of a function in C may ask a question without its mark: Whether
// something holds.
func TestCommentsAreReadOnce(t *testing.T) {
	n := map[string]int{}
	for _, name := range tracked(t) {
		source := readText(t, name)
		mark := markOf(name, source)
		// A root file system is known by the bytes of what customizes it: with another comment each would be made anew.
		if mark == "" || strings.HasPrefix(name, "e2e/machine/customize") {
			continue
		}
		for line, text := range comments(source, mark) {
			n[mark]++
			for _, s := range sentences(strings.ReplaceAll(text, "stands for", "means")) {
				for _, fault := range faults(strings.TrimPrefix(s, "Whether ")) {
					t.Errorf("%s:%d: %s: %s", name, line, fault, s)
				}
			}
		}
	}
	if n["//"] < 6000 || n["#"] < 900 {
		t.Errorf("found only %v comments", n)
	}
}
