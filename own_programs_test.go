// SPDX-License-Identifier: GPL-3.0-or-later

package au_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strings"
	"testing"
)

// agentsOwn are the programs that au starts, or advises to start, by their name alone: by file, with the reason why the agent's own
// is meant.
var agentsOwn = map[string]string{
	"provision/setup.go: npm":            "npmInstall: an npm of the agent's, which brings its node along, is the one that its programs are updated by",
	"provision/setup.go: uv":             "setup.look found it on the agent's PATH",
	"provision/setup.go: pipx":           "setup.look found it on the agent's PATH",
	"provision/setup.go: bash":           "a human has the program's own installer run, which runs whatever the agent has",
	"provision/setupnode.go: bash":       "a human has fnm's installer run, which runs whatever the agent has",
	"provision/setup.go: commit.gpgsign": "no program: a setting of git",
	"cmd/au/examples.go: make":           "a command that a human types",
}

// inText finds a command as the agent in a line that is put together already.
var inText = regexp.MustCompile(`\bau run [^|;]*-- ([^ '"]+)`)

// runners are functions of which the arguments behind the first ones are a command as the agent, and how many come first.
var runners = map[string]int{"inRun": 1, "says": 0, "start": 2}

// The agent's own ~/.local/bin comes first on the PATH of its runs. There au runs the machine's programs, and advises a person to
// run these, by their whole paths: any other could ask the person for a password.
func TestWhatAuRunsAsTheAgentIsTheMachines(t *testing.T) {
	seen, commands := map[string]bool{}, 0
	for _, name := range sources(t, ".go") {
		if strings.HasPrefix(name, "e2e/") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		look := func(at token.Pos, program string) {
			commands++
			place := name + ": " + program
			if _, known := agentsOwn[place]; !known && !strings.HasPrefix(program, "/") && program != "COMMAND" && program != "COMMAND…" {
				t.Errorf("%s: the agent's own %q may run here: want Host.OfMachine(%q), or a reason in agentsOwn", set.Position(at), program, program)
			}
			seen[place] = true
		}
		ast.Inspect(file, func(n ast.Node) bool {
			var words []ast.Expr
			switch n := n.(type) {
			case *ast.CallExpr:
				words = n.Args
				called := called(n)
				first, runs := runners[called[strings.LastIndexByte(called, '.')+1:]]
				if runs && first < len(words) {
					if program, is := wordOf(words[first]); is {
						look(words[first].Pos(), program)
					}
				}
			case *ast.CompositeLit:
				words = n.Elts
				if list, is := n.Type.(*ast.ArrayType); is && isName(list.Elt, "string") && len(words) > 0 && isCommand[name] {
					if program, is := wordOf(words[0]); is {
						look(words[0].Pos(), program)
					}
				}
			case *ast.BasicLit:
				if n.Kind == token.STRING {
					for _, found := range inText.FindAllStringSubmatch(text(n), -1) {
						look(n.Pos(), found[1])
					}
				}
			}
			for i := 1; i+1 < len(words); i++ {
				if dashes, is := wordOf(words[i]); !is || dashes != "--" || !hasRun(words[:i]) {
					continue
				}
				for j, word := range words[i+1:] {
					program, is := wordOf(word)
					if before, _ := wordOf(words[i+j]); is && (j == 0 || before == "-exec") {
						look(word.Pos(), program)
					}
				}
				break
			}
			return true
		})
	}
	for place := range agentsOwn {
		if !seen[place] {
			t.Errorf("%q is not in the sources any more", place)
		}
	}
	if commands < 15 {
		t.Errorf("only %d commands as the agent were found", commands)
	}
}

// isCommand are the files whose lists of words begin with a program that is run as the agent.
var isCommand = map[string]bool{"cmd/au/trial.go": true, "provision/setup.go": true, "provision/setup/facts.go": true}

// hasRun says whether one of the words is "run", in whatever call or slice.
func hasRun(words []ast.Expr) (has bool) {
	for _, word := range words {
		ast.Inspect(word, func(n ast.Node) bool {
			lit, is := n.(*ast.BasicLit)
			has = has || is && lit.Kind == token.STRING && text(lit) == "run"
			return !has
		})
	}
	return has
}

func wordOf(x ast.Expr) (string, bool) {
	lit, is := x.(*ast.BasicLit)
	if !is || lit.Kind != token.STRING {
		return "", false
	}
	return text(lit), true
}
