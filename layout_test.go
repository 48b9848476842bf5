// SPDX-License-Identifier: GPL-3.0-or-later

package au_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const module = "github.com/a4u2/au/"

// edges are the packages of ours that one may import, beside those below it; what is not here may import none.
var edges = map[string][]string{
	"cmd/au":            {"cmd/au/draft", "cmd/au/host", "cmd/au/inspect", "cmd/au/rootside", "cmd/au/verify", "internal/accounts", "internal/advice", "internal/bounded", "internal/gitdir", "internal/near", "internal/programs", "internal/quote", "internal/tree", "internal/walk", "internal/whole", "provision", "provision/config", "provision/desired", "provision/risk", "provision/share", "provision/setup", "provision/step", "slices", "netfilter", "netfilter/kernel", "netfilter/proxy", "csrc"},
	"cmd/au/draft":      {"internal/bounded", "internal/newer", "internal/programs", "internal/quote", "internal/walk", "internal/whole", "provision/config"},
	"cmd/au/host":       {"cmd/au/start", "internal/accounts", "internal/bounded", "internal/near", "internal/newer", "internal/programs", "internal/quote", "internal/tree", "internal/walk", "provision", "provision/config", "provision/share", "provision/step", "slices", "netfilter", "netfilter/kernel", "csrc"},
	"cmd/au/inspect":    {"internal/tree", "provision/config", "provision/risk", "provision/share"},
	"cmd/au/rootside":   {"cmd/au/host", "internal/bounded", "internal/programs", "internal/quote", "internal/tree", "internal/walk", "provision", "provision/share", "provision/step", "slices", "netfilter", "netfilter/kernel"},
	"cmd/au/terminal":   {"internal/quote"},
	"cmd/au/verify":     {"internal/bounded"},
	"cmd/au/front":      {"cmd/au/inspect", "internal/quote", "cmd/au/start", "cmd/au/terminal", "csrc"},
	"cmd/au/start":      {"cmd/au/inspect", "internal/accounts", "internal/bounded", "internal/gitdir", "internal/programs", "internal/quote", "internal/walk", "cmd/au/terminal", "provision/config", "provision/share", "slices", "csrc"},
	"csrc":              {"internal/newer", "internal/walk"},
	"internal/gitdir":   {"internal/bounded"},
	"internal/programs": {"internal/walk"},
	"internal/walk":     {"internal/quote"},
	"provision/config":  {"internal/bounded", "internal/near", "internal/quote", "internal/walk", "internal/whole"},
	"provision/share":   {"internal/quote", "provision/config"},
	"provision/risk":    {"internal/quote", "provision/config", "provision/share"},
	"provision/step":    {"internal/bounded", "internal/programs", "internal/quote", "internal/tree", "internal/whole"},
	"provision/desired": {"internal/near", "provision", "provision/config", "slices", "netfilter"},
	"provision/setup":   {"internal/near"},
	"provision":         {"provision/setup", "internal/accounts", "internal/advice", "internal/near", "internal/newer", "internal/quote", "provision/step", "provision/config", "provision/share", "slices", "netfilter", "csrc"},
	"netfilter":         {"internal/advice", "internal/near", "internal/newer", "internal/quote"},
	"netfilter/kernel":  {"netfilter"},
	"slices":            {"internal/newer"},
	"netfilter/proxy":   {"internal/bounded", "internal/whole", "netfilter", "netfilter/dns", "netfilter/kernel", "netfilter/internal/pace"},
	"netfilter/dns":     {"netfilter", "netfilter/internal/pace"},
	"e2e/bench":         {"netfilter", "netfilter/proxy"},
}

// goList returns a line for each package of the tree.
func goList(t *testing.T, format string, options ...string) []string {
	t.Helper()
	out, err := exec.Command("go", append(append([]string{"list", "-f", format}, options...), "./...")...).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func TestPackagesImportOnlyWhatIsBelowThem(t *testing.T) {
	for _, line := range goList(t, `{{.ImportPath}} {{join .Imports " "}}`) {
		words := strings.Fields(line)
		name := strings.TrimPrefix(words[0], module)
		for _, imported := range words[1:] {
			imported, ours := strings.CutPrefix(imported, module)
			if ours && !slices.Contains(edges[name], imported) && !strings.HasPrefix(imported, name+"/") {
				t.Errorf("%s imports %s", name, imported)
			}
		}
	}
}

// asRoot are all imports of what au does as root, which somebody has to be able to read whole: no more than it needs, and none that
// it does not.
var asRoot = strings.Fields(`context crypto/sha256 errors fmt io io/fs maps os os/signal path/filepath runtime/debug slices strings sync syscall time golang.org/x/sys/unix
	github.com/coreos/go-systemd/v22/daemon`)

func TestWhatRunsAsRootImportsOnlyWhatItNeeds(t *testing.T) {
	for _, line := range goList(t, `{{.ImportPath}} {{join .Imports " "}}`) {
		words := strings.Fields(line)
		if words[0] != module+"cmd/au/rootside" {
			continue
		}
		want := slices.Clone(asRoot)
		for _, ours := range edges["cmd/au/rootside"] {
			want = append(want, module+ours)
		}
		slices.Sort(want)
		if got := slices.Sorted(slices.Values(words[1:])); !slices.Equal(got, want) {
			t.Errorf("it imports\n%q, want\n%q", got, want)
		}
		return
	}
	t.Error("there is no package cmd/au/rootside")
}

// The main package of au keeps nothing in variables of its own: what it reads the machine with is a host.Host, which each command
// is given.
func TestNoVariableOfMainIsChanged(t *testing.T) {
	names, err := filepath.Glob("cmd/au/*.go")
	if err != nil || len(names) < 50 {
		t.Fatalf("%d files: %v", len(names), err)
	}
	texts := map[string]string{}
	for _, name := range names {
		if !strings.HasSuffix(name, "_test.go") {
			texts[name] = read(t, name)
		}
	}
	for _, line := range changedVariables(t, texts) {
		t.Error(line)
	}
	broken := map[string]string{
		"a.go": "package x; var a, b, c, d, e = 1, 2, map[int]int{}, 4, 5; func init() { b = 3 }",
		"b.go": "package x; func _() { a++; c[1] = 2; _ = &d; e := 1; e++; _ = e }; var f = func() {}; func g() { f = nil }",
	}
	if got := changedVariables(t, broken); !slices.Equal(got, []string{"b.go: a is changed", "b.go: c is changed", "b.go: d is changed", "b.go: f is changed"}) {
		t.Errorf("seen was %q", got)
	}
}

// changedVariables returns what is done to variables of a package, of which these are the files, after it has been initialised.
func changedVariables(t *testing.T, texts map[string]string) (found []string) {
	t.Helper()
	declared := map[*ast.ValueSpec]bool{}
	names := map[string]bool{}
	files := map[string]*ast.File{}
	for name, text := range texts {
		file, err := parser.ParseFile(token.NewFileSet(), name, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = file
		for _, d := range file.Decls {
			if d, ok := d.(*ast.GenDecl); ok && d.Tok == token.VAR {
				for _, spec := range d.Specs {
					declared[spec.(*ast.ValueSpec)] = true
					for _, id := range spec.(*ast.ValueSpec).Names {
						names[id.Name] = true
					}
				}
			}
		}
	}
	for name, file := range files {
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == "init" {
				continue
			}
			ast.Inspect(d, func(n ast.Node) bool {
				for _, e := range changedBy(n) {
					// An identifier that the parser finds no declaration for in the file is the package's.
					if id := variableOf(e); id != nil && names[id.Name] && (id.Obj == nil || declared[specOf(id)]) {
						found = append(found, name+": "+id.Name+" is changed")
					}
				}
				return true
			})
		}
	}
	slices.Sort(found)
	return found
}

// specOf returns what declares a variable in the file.
func specOf(id *ast.Ident) *ast.ValueSpec {
	spec, _ := id.Obj.Decl.(*ast.ValueSpec)
	return spec
}

// changedBy returns what a statement or expression changes, or lets others change.
func changedBy(n ast.Node) []ast.Expr {
	switch n := n.(type) {
	case *ast.AssignStmt:
		if n.Tok != token.DEFINE {
			return n.Lhs
		}
	case *ast.IncDecStmt:
		return []ast.Expr{n.X}
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			return []ast.Expr{n.X}
		}
	}
	return nil
}

// variableOf returns the variable that an expression is a part of.
func variableOf(e ast.Expr) *ast.Ident {
	for {
		switch at := e.(type) {
		case *ast.Ident:
			return at
		case *ast.SelectorExpr:
			e = at.X
		case *ast.IndexExpr:
			e = at.X
		case *ast.StarExpr:
			e = at.X
		case *ast.ParenExpr:
			e = at.X
		default:
			return nil
		}
	}
}

// The tree holds nothing of the machine that it was written on.
func TestNoWordsOfABuildMachine(t *testing.T) {
	files, err := exec.Command("git", "ls-files", "-z").Output()
	if err != nil {
		t.Skip("not a git checkout")
	}
	foreign := regexp.MustCompile(`(^|[^\w.$}-])/(work|root/go|root/\.\w+)/|GOPROXY=|GOPRIVATE=|artifactory`)
	// Names that are reserved for examples are no machine's.
	reserved := regexp.MustCompile(`GOPROXY=https?://[a-z.]+\.example\b`)
	for _, name := range strings.Split(strings.Trim(string(files), "\x00"), "\x00") {
		text, err := os.ReadFile(name)
		if err != nil || name == "layout_test.go" || bytes.IndexByte(text, 0) >= 0 {
			continue
		}
		for i, line := range strings.Split(string(text), "\n") {
			if foreign.MatchString(reserved.ReplaceAllString(line, "")) {
				t.Errorf("%s:%d: %s", name, i+1, line)
			}
		}
	}
}

// No program that is built is in the tree: make would take an entrypoint beside its sources for the newest, and install it.
func TestNoProgramIsInTheTree(t *testing.T) {
	files, err := exec.Command("git", "ls-files", "-z").Output()
	if err != nil {
		t.Skip("not a git checkout")
	}
	for _, name := range strings.Split(strings.Trim(string(files), "\x00"), "\x00") {
		if text, err := os.ReadFile(name); err == nil && bytes.HasPrefix(text, []byte("\x7fELF")) {
			t.Errorf("%s is a program: git rm --cached %s", name, name)
		}
	}
}

func TestEverySourceFileNamesTheLicence(t *testing.T) {
	files, err := exec.Command("git", "ls-files", "*.go", "*.c", "*.h", "*.nix").Output()
	if err != nil {
		t.Skip("not a git checkout")
	}
	for _, name := range strings.Fields(string(files)) {
		text, err := os.ReadFile(name)
		top := string(text[:min(len(text), 200)])
		if err == nil && !strings.Contains(top, "SPDX-License-Identifier: GPL-3.0-or-later\n") {
			t.Errorf("%s begins with %q", name, top)
		}
	}
}

// Comments have the width of the C, 132 columns, where a tab is four.
func TestCommentsHaveOneWidth(t *testing.T) {
	files, err := exec.Command("git", "ls-files", "*.go").Output()
	if err != nil {
		t.Skip("not a git checkout")
	}
	for _, name := range strings.Fields(string(files)) {
		text, err := os.ReadFile(name)
		if err != nil || strings.HasPrefix(name, "vendor/") {
			continue
		}
		for i, line := range strings.Split(string(text), "\n") {
			words := strings.TrimLeft(line, "\t")
			if width := utf8.RuneCountInString(words) + 4*(len(line)-len(words)); strings.HasPrefix(words, "// ") && width > 132 {
				t.Errorf("%s:%d has %d columns", name, i+1, width)
			}
		}
	}
}

// A script that cannot be executed fails in its machine without a word.
func TestScriptsAreExecutable(t *testing.T) {
	scripts, err := filepath.Glob("e2e/tests/*.sh")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%d scripts: %v", len(scripts), err)
	}
	for _, script := range scripts {
		if info, err := os.Stat(script); err != nil || info.Mode().Perm()&0o111 == 0 {
			t.Errorf("%s: want a mode of 755: %v", script, err)
		}
	}
}

// No pattern is compiled when a program starts: a few of them cost a quarter of what the start of au-complete takes, which is a
// part of each run with a writable share.
func TestNoPatternIsCompiledAtTheStart(t *testing.T) {
	looked := 0
	for _, root := range []string{"cmd", "csrc", "internal", "netfilter", "provision", "slices"} {
		err := filepath.WalkDir(root, func(name string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "internal/fakehost/") {
				return err
			}
			looked++
			if compilesAtStart(t, name, read(t, name)) {
				t.Errorf("%s compiles a pattern in a variable of the package: compile it where it is used", name)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if looked < 300 {
		t.Errorf("%d files", looked)
	}
	if !compilesAtStart(t, "x.go", "package x; var a = []T{{regexp.MustCompile(`x`)}}") || compilesAtStart(t, "x.go", "package x; var a = func() { regexp.MustCompile(`x`) }") {
		t.Error("it sees no such variable, or one where there is none")
	}
}

func compilesAtStart(t *testing.T, name, text string) (found bool) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, text, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		if d, ok := d.(*ast.GenDecl); ok {
			ast.Inspect(d, func(n ast.Node) bool {
				call, ok := n.(*ast.SelectorExpr)
				found = found || ok && call.Sel.Name == "MustCompile"
				_, isFunc := n.(*ast.FuncLit)
				return !isFunc
			})
		}
	}
	return found
}

// Anybody can run what a forge runs: its workflows call make and nothing else.
func TestWorkflowsOnlyCallMake(t *testing.T) {
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(".github/workflows/ci.yml")
	if err != nil {
		t.Fatal(err)
	}
	runs := regexp.MustCompile(`(?m)^ *(?:- )?run: *(.*)$`).FindAllStringSubmatch(string(text), -1)
	if len(runs) < 4 {
		t.Fatalf("found %d commands", len(runs))
	}
	for _, run := range runs {
		target, ok := strings.CutPrefix(run[1], "make ")
		if !ok || !bytes.Contains(makefile, []byte("\n"+target+":")) {
			t.Errorf("%q is no target of the Makefile", run[1])
		}
	}
}

// nothing imports empty packages: what the files of one package say of each other is known without the others.
type nothing struct{}

func (nothing) Import(path string) (*types.Package, error) {
	p := types.NewPackage(path, filepath.Base(path))
	p.MarkComplete()
	return p, nil
}

// uses returns which file of a package uses what of which other.
func uses(t *testing.T, folder string) map[[2]string][]string {
	t.Helper()
	names, err := filepath.Glob(folder + "/*.go")
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %d files, %v", folder, len(names), err)
	}
	set, files := token.NewFileSet(), []*ast.File{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	pkg, _ := (&types.Config{Importer: nothing{}, Error: func(error) {}}).Check("main", set, files, info)
	all := map[[2]string][]string{}
	for ident, object := range info.Uses {
		_, function := object.(*types.Func)
		if object.Pkg() != pkg || object.Parent() != pkg.Scope() && !function {
			continue
		}
		pair := [2]string{filepath.Base(set.Position(ident.Pos()).Filename), filepath.Base(set.Position(object.Pos()).Filename)}
		if pair[0] != pair[1] {
			all[pair] = append(all[pair], object.Name())
		}
	}
	return all
}

// Code that two commands need is below both; code that helps one alone is in files that begin with its name.
func TestACommandsFileUsesNoOtherCommands(t *testing.T) {
	commands := map[string]bool{}
	run := regexp.MustCompile(`(?m)^func \((?:\w+ )?\*?\w+Cmd\) Run\(`)
	names, _ := filepath.Glob("cmd/au/*.go")
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		commands[filepath.Base(name)] = run.Match(text)
	}
	// owner returns the file of the command that a file belongs to; "" for none.
	owner := func(file string) string {
		if commands[file] {
			return file
		}
		if word, _, helps := strings.Cut(file, "_"); helps && commands[word+".go"] {
			return word + ".go"
		}
		return ""
	}
	all := uses(t, "cmd/au")
	if len(all) < 100 || !slices.Contains(all[[2]string{"delete.go", "stopping.go"}], "stopAll") {
		t.Fatalf("%d pairs of files were seen", len(all))
	}
	for pair, names := range all {
		user, used := pair[0], owner(pair[1])
		if used == "" || owner(user) == used || user == "main.go" || user == "grammar.go" {
			continue
		}
		t.Errorf("cmd/au/%s uses %s of %s, which is a command's: what two commands need goes below both", user, strings.Join(names, ", "), pair[1])
	}
}
