// SPDX-License-Identifier: GPL-3.0-or-later

package au_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"
)

// A process that a program leaves behind may hold its output for ever. Each function that reads such output through a pipe says by
// a WaitDelay how long it waits for the rest.
func TestNobodyWaitsForWhatHoldsAnOutput(t *testing.T) {
	checked := 0
	for _, line := range goList(t, "{{.ImportPath}}|{{.Dir}}|{{join .GoFiles \" \"}}") {
		words := strings.Split(line, "|")
		if strings.Contains(words[0], "/e2e/") || strings.HasSuffix(words[0], "/cmd/au/draft") { // which starts a git alone that runs nothing else
			continue
		}
		for _, name := range strings.Fields(words[2]) {
			text, err := os.ReadFile(words[1] + "/" + name)
			if err != nil {
				t.Fatal(err)
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range file.Decls {
				if f, ok := d.(*ast.FuncDecl); ok {
					captures, waits := outputs(f)
					if captures {
						checked++
					}
					if captures && !waits && !slices.Contains(heldByRoot, f.Name.Name) {
						t.Errorf("%s: %s reads what a command prints, and sets no WaitDelay", name, f.Name.Name)
					}
				}
			}
		}
	}
	if checked < 10 {
		t.Errorf("only %d functions read what a command prints", checked)
	}
}

// heldByRoot are functions whose commands are root's own from beginning to end, or set it elsewhere.
var heldByRoot = []string{"hand", "watch", "command", "as"}

// outputs reports whether a function takes what a command prints, and whether it bounds the wait for it.
func outputs(f *ast.FuncDecl) (captures, waits bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		assign, ok := n.(*ast.AssignStmt)
		if !ok {
			return true
		}
		for i, left := range assign.Lhs {
			field, ok := left.(*ast.SelectorExpr)
			if !ok || len(assign.Rhs) != len(assign.Lhs) {
				continue
			}
			switch field.Sel.Name {
			case "WaitDelay":
				waits = true
			case "Stdout", "Stderr":
				of, isFile := assign.Rhs[i].(*ast.SelectorExpr)
				if from, ok := assign.Rhs[i].(*ast.Ident); isFile && isName(of.X, "os") || ok && from.Name == "to" {
					continue
				}
				captures = true
			}
		}
		return true
	})
	return captures, waits
}

func isName(x ast.Expr, name string) bool {
	id, ok := x.(*ast.Ident)
	return ok && id.Name == name
}
