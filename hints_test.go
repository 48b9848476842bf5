// SPDX-License-Identifier: GPL-3.0-or-later

package au_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/a4u2/au/internal/advice"
)

// asked finds a command in a message.
var asked = regexp.MustCompile("(?:^|[ `(])(au|sudo) ([a-z]+(?: [a-z]+)?)")

// advising are what a hint is given to, on its way to the one function that prints it: hintLine of cmd/au, which advises, or
// Policy.advised.
var advising = []string{"advise", "hintError", "hint", "hinted", "refuse", "bad", "WithHint", "host.WithHint", "p.advised", "advised", "stopAll", "rest"}

// elsewhere are the commands in strings that a NixOS configuration would have refused, and that are no advice for a declared agent,
// by file, with the reason.
var elsewhere = map[string]string{
	"cmd/au/complete.go: au revoke":            "what completes a word",
	"cmd/au/complete.go: au new":               "what completes a word",
	"cmd/au/delete.go: au delete":              "again(), which hintError gets",
	"cmd/au/nixos.go: au new":                  "advised itself looks for it",
	"cmd/au/net_asroot.go: au net restrict":    "of a command of au's own units, typed by hand",
	"cmd/au/net_asroot.go: au net off":         "of a command of au's own units, typed by hand",
	"cmd/au/grant.go: au revoke":               "behind a revoke, which is refused before",
	"cmd/au/net_restrict_say.go: au net allow": "behind a restriction that was made by hand",
	"netfilter/policy.go: au net allow":        "where the syntax is described",
	"netfilter/remedy.go: au net restrict":     "restrict(), whose words Again and Remedy advise, and ServerOption(), which names the option where the policy is declared",
	"provision/grant.go: au new":               "of grant and revoke, which are refused before",
	"provision/legacy.go: au delete":           "MendLegacy(), of the original's agents, which are not declared",
	"provision/legacy.go: au new":              "MendLegacy(), of the original's agents, which are not declared",
	"cmd/au/rootside/net.go: au net off":       "of rules that no agent has",
	"provision/info.go: au new":                "mend, which bad gets",
	"provision/info.go: au revoke":             "what bad gets",
	"slices/record.go: au limits reset":        "in a file of limits that were set by hand",
}

// changing returns the commands in a text that are refused where a NixOS configuration declares the agent.
func changing(text string) (all []string) {
	for _, found := range asked.FindAllStringSubmatch(text, -1) {
		words := strings.Fields(found[2])
		switch command := advice.Changing(words...); {
		case found[1] == "au" && command != "":
			all = append(all, "au "+command)
		case found[1] == "au" && found[2] == "mount remove", found[1] == "sudo" && slices.Contains(advice.Roots, words[0]):
			all = append(all, found[0])
		}
	}
	return all
}

// A hint is advised before it is printed. All else that names a command that a NixOS configuration would have refused was looked
// at, and is in the list above.
func TestWhatIsAdvisedIsNotRefused(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range sources(t, ".go") {
		if name == "cmd/au/examples.go" || strings.HasPrefix(name, "internal/advice/") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		given := map[ast.Node]bool{}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Field:
				if n.Tag != nil {
					given[n.Tag] = true // help
				}
			case *ast.CallExpr:
				giveTo(given, called(n), n.Args)
			case *ast.CompositeLit:
				giveTo(given, namedType(n.Type), n.Elts)
			case *ast.KeyValueExpr:
				giveTo(given, namedType(n.Key), []ast.Expr{n.Value})
			case *ast.BasicLit:
				if n.Kind != token.STRING || given[n] {
					break
				}
				for _, command := range changing(text(n)) {
					place := name + ": " + command
					if _, known := elsewhere[place]; !known {
						t.Errorf("%s: %q is refused where a NixOS configuration declares the agent: give it to what advises, or say here why it is no advice", set.Position(n.Pos()), command)
					}
					seen[place] = true
				}
			}
			return true
		})
	}
	for place := range elsewhere {
		if !seen[place] {
			t.Errorf("%q is not in the sources any more", place)
		}
	}
}

// giveTo marks the strings that a function, a type or a field gets which advises.
func giveTo(given map[ast.Node]bool, name string, args []ast.Expr) {
	if !slices.Contains(advising, name[strings.LastIndexByte(name, '.')+1:]) && !slices.Contains(advising, name) {
		return
	}
	for _, arg := range args {
		ast.Inspect(arg, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok {
				given[lit] = true
			}
			return true
		})
	}
}

// The entrypoint's advice sees whether the agent is declared, in the lines around it.
func TestWhatTheEntrypointAdvisesIsNotRefused(t *testing.T) {
	found := 0
	for _, name := range sources(t, ".c", ".h") {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(data), "\n")
		for i, line := range lines {
			quoted := strings.Join(regexp.MustCompile(`"([^"\\]|\\.)*"`).FindAllString(line, -1), " ")
			if len(changing(strings.ReplaceAll(quoted, `"`, " "))) == 0 {
				continue
			}
			found++
			if around := strings.Join(lines[max(0, i-4):i+1], "\n"); !strings.Contains(around, "is_declared()") {
				t.Errorf("%s:%d advises what is refused for a declared agent: %s", name, i+1, line)
			}
		}
	}
	if found != 3 {
		t.Errorf("%d lines of the entrypoint name such a command, want 3", found)
	}
}
