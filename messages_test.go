// SPDX-License-Identifier: GPL-3.0-or-later

package au_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// unexplained is how many messages docs/troubleshooting.md leaves out. It may only shrink: a new message gets an entry there.
const unexplained = 0

// gap is in the place of what is known only when a message is printed.
const gap = "…"

// tracked returns the files that git has, or would take.
func tracked(t *testing.T) (names []string) {
	t.Helper()
	out, err := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Skip("not a git checkout")
	}
	return slices.DeleteFunc(strings.Split(strings.Trim(string(out), "\x00"), "\x00"), func(name string) bool {
		info, err := os.Stat(name)
		return err != nil || !info.Mode().IsRegular()
	})
}

// sources returns those of au's programs that end in one of the endings.
func sources(t *testing.T, endings ...string) []string {
	t.Helper()
	apart := regexp.MustCompile(`_test\.go$|^(e2e|nix|packaging)/|/(testdata|test|prove|fakehost)/`)
	return slices.DeleteFunc(tracked(t), func(name string) bool {
		return apart.MatchString(name) || !slices.ContainsFunc(endings, func(end string) bool { return strings.HasSuffix(name, end) })
	})
}

// verb is a verb of fmt, with its flags and its argument's number.
var verb = regexp.MustCompile(`%[-+# 0]*(\[\d+\])?(\d+|\*)?(\.(\d+|\*))?[a-zA-Z]`)

// text returns what an expression of Go's says, with … for what it does not say yet.
func text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if s, err := strconv.Unquote(e.Value); err == nil && e.Kind == token.STRING {
			return s
		}
	case *ast.BinaryExpr:
		return text(e.X) + text(e.Y)
	case *ast.ParenExpr:
		return text(e.X)
	}
	return gap
}

// filled puts … where a format has verbs; cause says that it ends with an error that it wraps.
func filled(format string) (message string, cause bool) {
	cause = regexp.MustCompile(`: %w$`).MatchString(format)
	return strings.ReplaceAll(verb.ReplaceAllString(strings.ReplaceAll(format, "%%", "\x00"), gap), "\x00", "%"), cause
}

// said is a message that a program can print.
type said struct {
	text    string
	cause   bool // at its end is another message
	finding bool // au info prints it, with a command beside it where one mends it
}

// writers are the functions that take a format and what to put into it, by name, with the argument that is the format.
func writers(files []*ast.File) map[string]int {
	all := map[string]int{"fmt.Errorf": 0, "errors.New": 0}
	add := func(name string, f *ast.FuncType) {
		at, before := 0, ""
		for _, field := range f.Params.List {
			if rest, ok := field.Type.(*ast.Ellipsis); ok && namedType(rest.Elt) == "any" && before == "string" {
				all[name] = at - 1
			}
			before = namedType(field.Type)
			at += max(1, len(field.Names))
		}
	}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Type.Results != nil || n.Name.Name == "say" {
					add(n.Name.Name, n.Type)
				}
				if n.Name.Name == "Error" && n.Recv != nil {
					all[namedType(n.Recv.List[0].Type)] = 0 // malformed("…") is one
				}
			case *ast.AssignStmt:
				if f, ok := n.Rhs[0].(*ast.FuncLit); ok && len(n.Rhs) == 1 && namedType(n.Lhs[0]) == "bad" {
					add("bad", f.Type)
				}
			}
			return true
		})
	}
	return all
}

func namedType(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return namedType(e.X)
	}
	return ""
}

// ofGo returns the messages of a file of Go: those that it makes errors of, that its Error methods return, and that it prints
// behind "au: ".
func ofGo(file *ast.File, writers map[string]int) (all []said) {
	add := func(e ast.Expr, by string) {
		m := said{text: text(e)}
		if by != "errors.New" {
			m.text, m.cause = filled(m.text)
		}
		m.finding = by == "bad"
		all = append(all, m)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Name.Name == "Error" && n.Recv != nil {
				ast.Inspect(n, func(n ast.Node) bool {
					if r, ok := n.(*ast.ReturnStmt); ok {
						for _, e := range r.Results {
							if c, ok := e.(*ast.CallExpr); ok && called(c) == "fmt.Sprintf" {
								e = c.Args[0]
							}
							add(e, "")
						}
					}
					return true
				})
			}
		case *ast.CallExpr:
			name := called(n)
			at, ok := writers[name]
			if !ok {
				name = name[strings.LastIndexByte(name, '.')+1:]
				at, ok = writers[name]
			}
			if ok && at < len(n.Args) {
				add(n.Args[at], name)
			}
		case *ast.BasicLit:
			if s := text(n); n.Kind == token.STRING {
				for line := range strings.SplitSeq(s, "\n") {
					if words, ok := strings.CutPrefix(line, "au: "); ok && words != "" && !strings.HasPrefix(words, "hint: ") {
						add(&ast.BasicLit{Kind: token.STRING, Value: strconv.Quote(words)}, "")
					}
				}
			}
		}
		return true
	})
	return all
}

// called returns the name of the function that is called, with what it is a part of.
func called(c *ast.CallExpr) string {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		if x := namedType(f.X); x != "" {
			return x + "." + f.Sel.Name
		}
		return f.Sel.Name
	}
	return ""
}

// call is one of those that print in the entrypoint, or keep what will be printed; what follows is its arguments.
var call = regexp.MustCompile(`(?m)(?:^|[^\w])(say|die|fail|must|because|because_it)\(`)

// ofC returns the messages of a file of the entrypoint: the arguments of its calls, and the faults that its parsers name.
func ofC(t *testing.T, name string) (all []said) {
	source, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	code := string(source)
	for _, at := range call.FindAllStringSubmatchIndex(code, -1) {
		if line := code[strings.LastIndexByte(code[:at[2]], '\n')+1:]; strings.HasPrefix(line, "#define") {
			continue
		}
		by, message := code[at[2]:at[3]], arguments(code[at[1]:])
		if by == "must" || by == "because" {
			message = strings.TrimPrefix(message, gap) // what it is about, not a part of what it says
		}
		cause := by == "fail" || by == "must"
		if cause {
			message += ": " + gap
		}
		if !strings.HasPrefix(message, "hint: ") {
			all = append(all, said{text: message, cause: cause})
		}
	}
	for _, fault := range regexp.MustCompile(`"((?:want |is )[^"]+)"`).FindAllStringSubmatch(code, -1) {
		all = append(all, said{text: fault[1]})
	}
	return all
}

// arguments returns what the arguments of a call say, up to the bracket that closes it: strings as they are, … for all else.
func arguments(code string) string {
	var message strings.Builder
	depth, in, other := 1, false, false
	for i := 0; i < len(code) && depth > 0; i++ {
		switch c := code[i]; {
		case c == '"':
			end := i + 1
			for code[end] != '"' || code[end-1] == '\\' {
				end++
			}
			if depth == 1 {
				s, _ := strconv.Unquote(code[i : end+1])
				message.WriteString(s)
				in = true
			}
			i = end
		case c == '(':
			depth++
			other = true
		case c == ')' || (c == ',' && depth == 1):
			if c == ')' {
				depth--
			}
			if depth <= 1 && (c == ',' || depth == 0) {
				if other && !in {
					message.WriteString(gap)
				}
				in, other = false, false
			}
		case c > ' ':
			other = true
		}
	}
	return message.String()
}

// messages returns all that au's programs can print, each once.
func messages(t *testing.T) []said {
	t.Helper()
	var all []said
	var files []*ast.File
	for _, name := range sources(t, ".go") {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	known := writers(files)
	for _, file := range files {
		all = append(all, ofGo(file, known)...)
	}
	for _, name := range sources(t, ".c", ".h") {
		all = append(all, ofC(t, name)...)
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(all, func(m said) bool {
		again := seen[m.text] || strings.Trim(m.text, gap+": ,()") == ""
		seen[m.text] = true
		return again
	})
}

// families are the entries for all messages of a kind; what is known of one does not depend on its words.
var families = map[string]func(said) bool{
	"…: CAUSE":       func(m said) bool { return m.cause },
	"…want …":        func(m said) bool { return strings.Contains(" "+m.text, " want ") },
	"warning: WORDS": func(m said) bool { return m.text == "warning: "+gap },
	"BROKEN: …":      func(m said) bool { return m.finding },
}

// most is how many messages one entry may explain that is not of a whole family.
const most = 12

// entries returns the messages that the page explains, as it writes them.
func entries(t *testing.T) (all []string) {
	t.Helper()
	page, err := os.ReadFile("docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	item := regexp.MustCompile("(?m)^- (`[^`]+`(?:, `[^`]+`)*)\n((?:  .*\n)*)")
	for _, found := range item.FindAllStringSubmatch(string(page), -1) {
		if found[2] == "" {
			t.Errorf("%s: want what it means and what to do, in lines that begin with two spaces", found[1])
		}
		all = append(all, strings.Split(strings.Trim(found[1], "`"), "`, `")...)
	}
	if lines := strings.Count(string(page), "\n- "); lines != len(item.FindAllString(string(page), -1)) {
		t.Errorf("%d of %d entries cannot be read: want - `MESSAGE`, `MESSAGE` on a line", lines-len(item.FindAllString(string(page), -1)), lines)
	}
	return all
}

// Every error and refusal that au can print has an entry in docs/troubleshooting.md, and every entry is of one.
func TestEveryMessageIsExplained(t *testing.T) {
	explained := entries(t)
	all := messages(t)
	if len(all) < 400 {
		t.Fatalf("found only %d messages", len(all))
	}
	left := slices.Clone(all)
	for _, entry := range explained {
		family := families[entry]
		is := family
		if is == nil {
			pattern := regexp.MustCompile("^(?s:" + strings.ReplaceAll(regexp.QuoteMeta(entry), gap, ".*") + ")$")
			is = func(m said) bool {
				return pattern.MatchString(strings.ReplaceAll(m.text, "`", "")) || pattern.MatchString(m.text)
			}
		}
		n := len(slices.DeleteFunc(slices.Clone(all), func(m said) bool { return !is(m) }))
		if n == 0 || (family == nil && n > most) {
			t.Errorf("docs/troubleshooting.md: %q is %d messages, want 1 to %d", entry, n, most)
		}
		left = slices.DeleteFunc(left, is)
	}
	for name := range families {
		if !slices.Contains(explained, name) {
			t.Errorf("docs/troubleshooting.md: want an entry %q", name)
		}
	}
	if len(left) != unexplained {
		for _, m := range left {
			t.Logf("no entry: %s", m.text)
		}
		t.Errorf("docs/troubleshooting.md leaves out %d messages, and %d is what it may: write an entry for a new one", len(left), unexplained)
	}
}
